<?php
// Asks a carded box for a verification, and how it went, in a way that stands a bad network and a busy box.
//
//   CARDED_URL=http://127.0.0.1:8480 CARDED_KEY_FILE=key.txt php client.php order-1234
//
// `create_session` and `retrieve_session` are what to copy. Polling is for the screen of a till that waits; what was
// verified for good comes by webhook (receiver.php).

declare(strict_types=1);

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 8_000;
const LONGEST_WAIT_MS = 60_000;
const ATTEMPT_LIMIT_S = 10;

/**
 * Creates a session and gives it back. The idempotency key says that all attempts are the same wish, so that a lost answer
 * never makes a second session; take one from your order and it also holds when your own program starts again.
 */
function create_session(array $parameters, ?string $idempotency_key = null): array
{
    $headers = [
        'idempotency-key: ' . ($idempotency_key ?? bin2hex(random_bytes(16))),
        'content-type: application/x-www-form-urlencoded',
    ];
    return request('POST', '/v1/identity/verification_sessions', $headers, http_build_query($parameters));
}

/** A session as it stands now. */
function retrieve_session(string $id): array
{
    return request('GET', '/v1/identity/verification_sessions/' . rawurlencode($id));
}

function request(string $method, string $path, array $headers = [], string $body = ''): array
{
    $headers[] = 'authorization: Bearer ' . trim((string) file_get_contents((string) getenv('CARDED_KEY_FILE')));
    for ($attempt = 1; ; $attempt++) {
        [$status, $retry_after, $text] = once($method, $path, $headers, $body);
        $answer = json_decode($text, true);
        if ($status >= 200 && $status < 300 && is_array($answer)) {
            return $answer;
        }
        // 0 is no whole answer. Anything else would be refused the next time too.
        $again = $status < 300 || in_array($status, [409, 429], true) || $status >= 500;
        $pause_ms = pause_after($attempt, $retry_after);
        if (!$again || $attempt === ATTEMPTS || $pause_ms > LONGEST_WAIT_MS) {
            throw new RuntimeException("the box answers $status: " . substr($text, 0, 500));
        }
        usleep($pause_ms * 1000);
    }
}

/** @return array{int, string, string} Status, or 0 when there was no answer; `Retry-After`; and the body. */
function once(string $method, string $path, array $headers, string $body): array
{
    $http = ['method' => $method, 'header' => $headers, 'content' => $body, 'timeout' => ATTEMPT_LIMIT_S];
    // A refusal has a body worth reading, and a redirect must not get to see the key.
    $context = stream_context_create(['http' => $http + ['ignore_errors' => true, 'follow_location' => 0]]);
    $stream = @fopen(getenv('CARDED_URL') . $path, 'rb', false, $context);
    if ($stream === false) {
        return [0, '', ''];
    }
    $text = (string) stream_get_contents($stream);
    $head = stream_get_meta_data($stream)['wrapper_data'];
    fclose($stream);
    $retry_after = preg_grep('/\Aretry-after:/i', $head);
    return [(int) explode(' ', $head[0])[1], trim(substr((string) reset($retry_after), 12)), $text];
}

/** Random below a ceiling that doubles, so that tills do not all come back at once; never less than the box asks for. */
function pause_after(int $attempt, string $retry_after): int
{
    $ceiling = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** ($attempt - 1));
    $asked = preg_match('/\A[0-9]{1,6}\z/', $retry_after) ? 1000 * (int) $retry_after : 0;
    return $asked + random_int(0, $ceiling);
}

if (realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
    $order = $argv[1] ?? bin2hex(random_bytes(8));
    $wish = ['type' => 'document', 'client_reference_id' => $order, 'metadata' => ['till' => '3']];
    $session = retrieve_session(create_session($wish, "verify-$order")['id']);
    echo "{$session['id']} {$session['status']}\n";
}
