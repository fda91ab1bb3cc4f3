<?php
// Takes the webhooks of a carded box: checks the signature, keeps each event once, grants what was verified
// and takes it back where the staff say otherwise.
//
//   CARDED_WEBHOOK_SECRET_FILE=secret.txt CARDED_STORE=store php -S 127.0.0.1:8787 receiver.php
//
// The secret file holds one secret a line, two while a secret is being changed. In a shop this file lies behind your web
// server with HTTPS and PHP-FPM, and the two settings are variables of its pool.
//
// What grants a session: an event named …verified, or one named carded.outcome.overridden whose `overridden_by` is
// verified. What revokes it: one whose `overridden_by` is not_verified. In live mode, with a good signature, and of two
// outcomes of a session the one with the higher `sequence` counts. Nothing else: no other event, no answer in a browser,
// no word on a screen. A second proof lies in each `attestation` of `data.object.carded`: the device's own signature (a
// JWS by Ed25519, sodium_crypto_sign_verify_detached), which holds even against somebody who has stolen the webhook
// secret. docs/webhooks.md says how to check it, and `carded receiver --device-key` does.

declare(strict_types=1);

const MAX_BODY_BYTES = 256 * 1024;
const MAX_HEADER_CHARACTERS = 1024;
const TOLERANCE_SECONDS = 300;
const VERIFIED = ['verification_session.verified', 'identity.verification_session.verified'];
const OVERRIDDEN = 'carded.outcome.overridden';

function setting(string $name): string
{
    $value = getenv($name);
    return $value !== false && $value !== '' ? $value : throw new RuntimeException("set $name");
}

/** @return list<string> */
function read_secrets(string $path): array
{
    $secrets = preg_split('/\s+/', file_get_contents($path), -1, PREG_SPLIT_NO_EMPTY);
    // With an empty secret anybody could sign.
    if ($secrets === [] || min(array_map('strlen', $secrets)) < 8) {
        throw new RuntimeException("$path needs one secret a line");
    }
    return $secrets;
}

/** Whether one of our secrets signed exactly these bytes within the last, or the next, five minutes. */
function signature_holds(string $header, string $body, array $secrets, int $now): bool
{
    if (strlen($header) > MAX_HEADER_CHARACTERS) {
        return false;
    }
    $found = ['t' => [], 'v1' => []];
    foreach (explode(',', $header) as $part) {
        [$name, $value] = explode('=', $part, 2) + [1 => ''];
        $found[$name][] = $value;
    }
    if (count($found['t']) !== 1 || !preg_match('/\A[0-9]{1,12}\z/', $found['t'][0])) {
        return false;
    }
    $time = $found['t'][0];
    $matched = false;
    foreach ($secrets as $secret) {
        // The whole secret is the key, with its `whsec_`.
        $expected = hash_hmac('sha256', "$time.$body", $secret);
        foreach ($found['v1'] as $given) {
            $matched = hash_equals($expected, $given) || $matched;
        }
    }
    return $matched && abs($now - (int) $time) <= TOLERANCE_SECONDS;
}

// Identifiers become names of files here, so nothing else may be in them.
function is_id(mixed $text): bool
{
    return is_string($text) && preg_match('/\A[A-Za-z0-9_-]{1,200}\z/', $text) === 1;
}

function read_event(string $body): ?array
{
    $event = json_decode($body, true);
    $good = is_array($event) && ($event['object'] ?? null) === 'event' && is_string($event['type'] ?? null);
    return $good && is_id($event['id'] ?? null) && is_id($event['data']['object']['id'] ?? null) ? $event : null;
}

/** The outcome that an event tells, or null. */
function outcome_of(array $event): ?array
{
    // What was rehearsed with a test key or a simulated camera changes nothing.
    if (($event['livemode'] ?? null) !== true) {
        return null;
    }
    $carded = $event['data']['object']['carded'] ?? null;
    [$result, $sequence] = ['verified', $carded['outcome']['sequence'] ?? 0];
    if ($event['type'] === OVERRIDDEN) {
        $outcome = $carded['overridden_by']['outcome'] ?? null;
        [$result, $sequence] = [$outcome['result'] ?? null, $outcome['sequence'] ?? 0];
    } elseif (!in_array($event['type'], VERIFIED, true)) {
        return null;
    }
    $good = in_array($result, ['verified', 'not_verified'], true) && is_int($sequence);
    return $good ? ['result' => $result, 'sequence' => $sequence, 'event' => $event['id']] : null;
}

function say(string $line): void
{
    file_put_contents('php://stdout', "$line\n");
}

/** Writes a whole file or none; `$place` links it, which fails where one is, or renames it, which replaces that. */
function save(string $folder, string $name, string $bytes, callable $place): void
{
    $draft = "$folder/$name." . bin2hex(random_bytes(16)) . '.draft';
    $file = fopen($draft, 'xb');
    if (fwrite($file, $bytes) !== strlen($bytes) || !fsync($file)) {
        throw new RuntimeException("cannot write to $folder");
    }
    fclose($file);
    try {
        $place($draft, "$folder/$name");
    } finally {
        is_file($draft) && unlink($draft);
    }
}

/** False when the name is taken: this came before. */
function save_once(string $folder, string $name, string $bytes): bool
{
    try {
        save($folder, $name, $bytes, link(...));
        return true;
    } catch (ErrorException $problem) {
        return is_file("$folder/$name") ? false : throw $problem;
    }
}

/** Keeps a session's outcome, unless one that counts more is there; one at a time. */
function settle(string $session, array $outcome, string $store): void
{
    $lock = fopen("$store/lock", 'c');
    flock($lock, LOCK_EX) || throw new RuntimeException("cannot lock $store");
    $path = "$store/outcomes/$session";
    $none = ['result' => 'not_verified', 'sequence' => -1];
    $before = is_file($path) ? json_decode(file_get_contents($path), true) : $none;
    if ($outcome['sequence'] > $before['sequence']) {
        save("$store/outcomes", $session, json_encode($outcome), rename(...));
        if ($outcome['result'] !== $before['result']) {
            say(($outcome['result'] === 'verified' ? 'grant' : 'revoke') . " $session");
        }
    }
    fclose($lock);
}

/**
 * What an event causes, once. The higher `sequence` counts, so the order in which events come does not matter: a
 * revocation is kept also where nothing was granted yet. It is repeated for an event that comes again, so that a crash
 * between the two files loses nothing.
 *
 * In production both are rows of your own database, written in one transaction: the event's `id` under a unique index, and
 * the order that has this session's id (you stored it when you created the session) set to the outcome and its sequence; a
 * database also stands a power cut between the two. Keep the ids for a month: a box that was offline still delivers. Mail,
 * printers and other slow things are for later, not for here.
 */
function accept(array $event, string $body, string $store): bool
{
    // A sign of life every few minutes: there is nothing to keep of it without the device's key.
    if ($event['type'] === 'carded.heartbeat') {
        return true;
    }
    $new = save_once("$store/events", $event['id'], $body);
    if ($new) {
        say("event {$event['id']} {$event['type']}");
    }
    $outcome = outcome_of($event);
    if ($outcome !== null) {
        settle($event['data']['object']['id'], $outcome, $store);
    }
    return $new;
}

/** @return array{int, array} Status and answer for a request; `$body` are the bytes as they came. */
function receive(string $method, string $header, string $body): array
{
    $refuse = fn (int $status, string $code, string $message) => [$status, ['error' => compact('code', 'message')]];
    if ($method !== 'POST') {
        return $refuse(405, 'method', 'send events by POST');
    }
    if (strlen($body) > MAX_BODY_BYTES) {
        return $refuse(413, 'body_too_long', 'this is longer than any event');
    }
    if (!signature_holds($header, $body, read_secrets(setting('CARDED_WEBHOOK_SECRET_FILE')), time())) {
        $message = 'no signature matches; compare the secrets and the clocks of both ends';
        return $refuse(400, 'signature_invalid', $message);
    }
    $event = read_event($body);
    if ($event === null) {
        return $refuse(400, 'event_invalid', 'the body is not an event');
    }
    $store = setting('CARDED_STORE');
    foreach (['events', 'outcomes'] as $folder) {
        is_dir("$store/$folder") || mkdir("$store/$folder", 0700, true);
    }
    return [200, ['received' => true, 'duplicate' => !accept($event, $body, $store)]];
}

// A warning is a failure too, and belongs in the log, not in the answer.
set_error_handler(fn (int $level, string $text) => throw new ErrorException($text, 0, $level));
try {
    $header = $_SERVER['HTTP_STILE_SIGNATURE'] ?? $_SERVER['HTTP_STRIPE_SIGNATURE'] ?? '';
    // One byte more than is allowed, so that it shows when it is too much.
    $body = file_get_contents('php://input', false, null, 0, MAX_BODY_BYTES + 1);
    [$status, $answer] = receive($_SERVER['REQUEST_METHOD'], $header, (string) $body);
} catch (Throwable $problem) {
    error_log($problem->getMessage());
    // Whatever is no 2xx is sent again later.
    [$status, $answer] = [500, ['error' => ['code' => 'not_stored', 'message' => 'send it again later']]];
}
http_response_code($status);
header('content-type: application/json');
echo json_encode($answer);
