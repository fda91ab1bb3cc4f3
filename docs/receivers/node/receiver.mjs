// Takes the webhooks of a carded box: checks the signature, keeps each event once, grants what was verified
// and takes it back where the staff say otherwise.
//
//   CARDED_WEBHOOK_SECRET_FILE=secret.txt CARDED_STORE=store CARDED_LISTEN=127.0.0.1:8787 node receiver.mjs
//
// The secret file holds one secret a line, two while a secret is being changed. Put your web server with HTTPS in front.
//
// What grants a session: an event named …verified, or one named carded.outcome.overridden whose `overridden_by` is
// verified. What revokes it: one whose `overridden_by` is not_verified. In live mode, with a good signature, and of two
// outcomes of a session the one with the higher `sequence` counts. Nothing else: no other event, no answer in a browser,
// no word on a screen. A second proof lies in each `attestation` of `data.object.carded`: the device's own signature (a
// JWS by Ed25519, crypto.verify), which holds even against somebody who has stolen the webhook secret. docs/webhooks.md
// says how to check it, and `carded receiver --device-key` does.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const MAX_BODY_BYTES = 256 * 1024;
const MAX_HEADER_CHARACTERS = 1024;
const TOLERANCE_SECONDS = 300;
const VERIFIED = ['verification_session.verified', 'identity.verification_session.verified'];
const OVERRIDDEN = 'carded.outcome.overridden';

const secrets = readSecrets(setting('CARDED_WEBHOOK_SECRET_FILE'));
const store = setting('CARDED_STORE');
for (const folder of ['events', 'outcomes']) fs.mkdirSync(join(store, folder), { recursive: true, mode: 0o700 });

function setting(name) {
  if (!process.env[name]) throw new Error(`set ${name}`);
  return process.env[name];
}

function readSecrets(path) {
  const lines = fs.readFileSync(path, 'utf8').split('\n').map((line) => line.trim()).filter(Boolean);
  // With an empty secret anybody could sign.
  if (lines.length === 0 || lines.some((line) => line.length < 8)) throw new Error(`${path} needs one secret a line`);
  return lines;
}

/** Whether one of our secrets signed exactly these bytes within the last, or the next, five minutes. */
function signatureHolds(header, body, now) {
  if (typeof header !== 'string' || header.length > MAX_HEADER_CHARACTERS) return false;
  const parts = header.split(',').map((part) => part.split(/=(.*)/s));
  const times = parts.filter(([name]) => name === 't').map(([, value]) => value);
  const signatures = parts.filter(([name]) => name === 'v1').map(([, value]) => Buffer.from(value ?? ''));
  if (times.length !== 1 || !/^[0-9]{1,12}$/.test(times[0])) return false;
  let matched = false;
  for (const secret of secrets) {
    // The whole secret is the key, with its `whsec_`.
    const expected = Buffer.from(createHmac('sha256', secret).update(`${times[0]}.`).update(body).digest('hex'));
    for (const given of signatures) {
      matched = (given.length === expected.length && timingSafeEqual(given, expected)) || matched;
    }
  }
  return matched && Math.abs(now - Number(times[0])) <= TOLERANCE_SECONDS;
}

// Identifiers become names of files here, so nothing else may be in them.
const isId = (text) => typeof text === 'string' && /^[A-Za-z0-9_-]{1,200}$/.test(text);

function readEvent(body) {
  try {
    const event = JSON.parse(body.toString('utf8'));
    const good = event.object === 'event' && typeof event.type === 'string';
    return good && isId(event.id) && isId(event.data.object.id) ? event : null;
  } catch {
    return null;
  }
}

/** The outcome that an event tells, or null. */
function outcomeOf(event) {
  // What was rehearsed with a test key or a simulated camera changes nothing.
  if (event.livemode !== true) return null;
  const carded = event.data.object.carded;
  let { result, sequence } = { result: 'verified', sequence: carded?.outcome?.sequence };
  if (event.type === OVERRIDDEN) ({ result, sequence } = carded?.overridden_by?.outcome ?? {});
  else if (!VERIFIED.includes(event.type)) return null;
  const outcome = { result, sequence: sequence ?? 0, event: event.id };
  const good = ['verified', 'not_verified'].includes(result) && Number.isSafeInteger(outcome.sequence);
  return good ? outcome : null;
}

/** Writes a whole file or none; `place` links it, which fails where one is, or renames it, which replaces that. */
function save(folder, name, bytes, place) {
  const draft = join(store, folder, `${name}.${randomUUID()}.draft`);
  const file = fs.openSync(draft, 'wx', 0o600);
  try {
    fs.writeFileSync(file, bytes);
    fs.fsyncSync(file);
    place(draft, join(store, folder, name));
  } finally {
    fs.closeSync(file);
    fs.rmSync(draft, { force: true });
  }
}

/** False when the name is taken: this came before. */
function saveOnce(folder, name, bytes) {
  try {
    save(folder, name, bytes, fs.linkSync);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Keeps a session's outcome, unless one that counts more is there. Nothing else runs between the reading and the writing,
 * as long as one process has the store.
 */
function settle(session, outcome) {
  const path = join(store, 'outcomes', session);
  const none = { result: 'not_verified', sequence: -1 };
  const before = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, 'utf8')) : none;
  if (outcome.sequence <= before.sequence) return;
  save('outcomes', session, JSON.stringify(outcome), fs.renameSync);
  if (outcome.result !== before.result) console.log(`${outcome.result === 'verified' ? 'grant' : 'revoke'} ${session}`);
}

/**
 * What an event causes, once. The higher `sequence` counts, so the order in which events come does not matter: a
 * revocation is kept also where nothing was granted yet. It is repeated for an event that comes again, so that a crash
 * between the two files loses nothing.
 *
 * In production both are rows of your own database, written in one transaction: the event's `id` under a unique index,
 * and the order that has this session's id (you stored it when you created the session) set to the outcome and its
 * sequence; a database also stands a power cut between the two. Keep the ids for a month: a box that was offline still delivers. Mail,
 * printers and other slow things are for later, not for here.
 */
function accept(event, body) {
  // A sign of life every few minutes: there is nothing to keep of it without the device's key.
  if (event.type === 'carded.heartbeat') return true;
  const isNew = saveOnce('events', event.id, body);
  if (isNew) console.log(`event ${event.id} ${event.type}`);
  const outcome = outcomeOf(event);
  if (outcome !== null) settle(event.data.object.id, outcome);
  return isNew;
}

/** Status and answer for a request; `body` are the bytes as they came, before anything parsed them. */
function receive(headers, body) {
  const refuse = (status, code, message) => [status, { error: { code, message } }];
  if (body.length > MAX_BODY_BYTES) return refuse(413, 'body_too_long', 'this is longer than any event');
  const header = headers['stile-signature'] ?? headers['stripe-signature'];
  if (!signatureHolds(header, body, Math.floor(Date.now() / 1000))) {
    return refuse(400, 'signature_invalid', 'no signature matches; compare the secrets and the clocks of both ends');
  }
  const event = readEvent(body);
  if (event === null) return refuse(400, 'event_invalid', 'the body is not an event');
  return [200, { received: true, duplicate: !accept(event, body) }];
}

/** Reads to the end, so that the sender hears the answer, but keeps no more than is too much. */
async function readBody(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

const server = createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  try {
    if (request.method !== 'POST') return answer(405, { error: { code: 'method', message: 'send events by POST' } });
    answer(...receive(request.headers, await readBody(request)));
  } catch (error) {
    // Whatever is no 2xx is sent again later.
    console.error(error.message);
    if (!response.headersSent) answer(500, { error: { code: 'not_stored', message: 'send it again later' } });
  }
});
server.requestTimeout = 10_000;
server.headersTimeout = 5_000;
const [host, port] = (process.env.CARDED_LISTEN ?? '127.0.0.1:8787').split(':');
server.listen(Number(port), host, () => console.log(`listening on ${host}:${server.address().port}`));
