// Asks a carded box for a verification, and how it went, in a way that stands a bad network and a busy box.
//
//   CARDED_URL=http://127.0.0.1:8480 CARDED_KEY_FILE=key.txt node client.mjs order-1234
//
// `createSession` and `retrieveSession` are what to copy. Polling is for the screen of a till that waits; what was
// verified for good comes by webhook (receiver.mjs).

import { randomUUID } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { fileURLToPath } from 'node:url';

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 8_000;
const LONGEST_WAIT_MS = 60_000;
const ATTEMPT_LIMIT_MS = 10_000;

/**
 * Creates a session and gives it back. The idempotency key says that all attempts are the same wish, so that a lost answer
 * never makes a second session; take one from your order and it also holds when your own program starts again.
 */
export function createSession(parameters, idempotencyKey = randomUUID()) {
  const headers = { 'idempotency-key': idempotencyKey, 'content-type': 'application/x-www-form-urlencoded' };
  return request('POST', '/v1/identity/verification_sessions', headers, String(new URLSearchParams(parameters)));
}

/** A session as it stands now. */
export function retrieveSession(id) {
  return request('GET', `/v1/identity/verification_sessions/${encodeURIComponent(id)}`);
}

async function request(method, path, headers = {}, body = '') {
  const key = readFileSync(process.env.CARDED_KEY_FILE, 'utf8').trim();
  for (let attempt = 1; ; attempt += 1) {
    let answer;
    let problem;
    try {
      answer = await once(method, path, { authorization: `Bearer ${key}`, ...headers }, body);
      if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
      problem = `the box answers ${answer.status}: ${answer.text.slice(0, 500)}`;
    } catch (error) {
      answer = undefined;
      problem = `no whole answer from the box: ${error.message}`;
    }
    // Anything else would be refused the next time too.
    const again = !answer || [409, 429].includes(answer.status) || answer.status >= 500;
    const pause = pauseAfter(attempt, answer?.retryAfter);
    if (!again || attempt === ATTEMPTS || pause > LONGEST_WAIT_MS) throw new Error(problem);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** One attempt, which follows no redirect: nobody else gets to see the key. */
function once(method, path, headers, body) {
  const url = new URL(process.env.CARDED_URL + path);
  const options = { method, agent: false, signal: AbortSignal.timeout(ATTEMPT_LIMIT_MS) };
  options.headers = { ...headers, 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject).on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'], text });
      });
    });
    asked.on('error', reject).end(body);
  });
}

/** Random below a ceiling that doubles, so that tills do not all come back at once; never less than the box asks for. */
function pauseAfter(attempt, retryAfter) {
  const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  const asked = /^[0-9]{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : 0;
  return asked + Math.random() * ceiling;
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) {
  const order = process.argv[2] ?? randomUUID();
  const parameters = { type: 'document', client_reference_id: order, 'metadata[till]': '3' };
  const created = await createSession(parameters, `verify-${order}`);
  const session = await retrieveSession(created.id);
  console.log(`${session.id} ${session.status}`);
}
