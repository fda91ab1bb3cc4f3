// Has the official `stripe` package drive whole flows against a running engine.
//
// usage: node flow.mjs FOLDER_OF_THE_SDK HOST PORT < keys.json
//
// The keys are {test, limited}. Ends with 0 when everything was as it has to be, and with the difference otherwise.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const loaded = createRequire(process.argv[2] + '/')('stripe');
const Stripe = loaded.default ?? loaded;
const [host, port] = process.argv.slice(3);
const keys = JSON.parse(readFileSync(0, 'utf8'));
const client = (key, more = {}) => new Stripe(key, { host, port, protocol: 'http', telemetry: false, ...more });
const { verificationSessions: sessions, verificationReports: reports } = client(keys.test).identity;

const refused = async (kind, work, wanted = {}) => {
    const error = await work().then(() => assert.fail('was not refused'), (error) => error);
    assert.equal(error.constructor.name, kind, error.message);
    for (const [name, value] of Object.entries(wanted)) assert.equal(error[name], value, error.message);
    assert.match(error.requestId ?? '', /^req_/);
};

// A session from its making to its cancellation.
const made = await sessions.create({
    type: 'document',
    client_reference_id: 'node-1',
    metadata: { order: '1', till: '2' },
    options: { document: { allowed_types: ['driving_license'], require_live_capture: true } },
    provided_details: { email: 'jenny@shop.example' },
});
assert.deepEqual([made.object, made.status, made.livemode], ['identity.verification_session', 'requires_input', false]);
assert.deepEqual(made.options.document.allowed_types, ['driving_license']);
assert.equal(made.provided_details, null);
assert.ok(made.client_secret.startsWith(`${made.id}_secret_`));
const changed = await sessions.update(made.id, { metadata: { till: '' } });
assert.deepEqual({ ...changed.metadata }, { order: '1' });
const unset = await sessions.update(made.id, { metadata: '' });
assert.deepEqual({ ...unset.metadata }, {});
assert.equal((await sessions.cancel(made.id)).status, 'canceled');
await refused('StripeInvalidRequestError', () => sessions.cancel(made.id), { code: 'session_not_open' });

// Outcomes that a test key chooses.
const chosen = async (outcome) => {
    const { id } = await sessions.create({ type: 'document', metadata: { carded_test_outcome: outcome } });
    return sessions.retrieve(id, { expand: ['last_verification_report'] });
};
const verified = await chosen('verified');
assert.deepEqual([verified.status, verified.livemode], ['verified', false]);
assert.equal(verified.last_verification_report.object, 'identity.verification_report');
assert.equal((await reports.retrieve(verified.last_verification_report.id)).verification_session, verified.id);
const mismatch = await chosen('selfie_face_mismatch');
assert.deepEqual([mismatch.status, mismatch.last_error.code], ['requires_input', 'selfie_face_mismatch']);
assert.equal((await sessions.redact(verified.id)).redaction.status, 'redacted');

// Lists, page by page.
for (let number = 0; number < 9; number += 1) {
    await sessions.create({ type: 'document', client_reference_id: 'node-paged', metadata: { number: `${number}` } });
}
const numbers = [];
for await (const one of sessions.list({ limit: 2, client_reference_id: 'node-paged' })) numbers.push(one.metadata.number);
assert.deepEqual(numbers, ['8', '7', '6', '5', '4', '3', '2', '1', '0']);

// The client's own idempotency keys, and ours.
const idempotencyKey = 'node-order-7';
const [one, same] = [await sessions.create({ type: 'document' }, { idempotencyKey }), await sessions.create({ type: 'document' }, { idempotencyKey })];
assert.deepEqual([same.id, same.client_secret], [one.id, one.client_secret]);
assert.equal(same.lastResponse.headers['idempotent-replayed'], 'true');
const other = () => sessions.create({ type: 'document', metadata: { a: 'b' } }, { idempotencyKey });
await refused('StripeIdempotencyError', other, { code: 'idempotency_mismatch' });

// Errors.
await refused('StripeInvalidRequestError', () => sessions.retrieve(`vs_${'0'.repeat(24)}`), { code: 'resource_missing', statusCode: 404 });
await refused('StripeInvalidRequestError', () => sessions.create({ type: 'document', colour: 'red' }), { param: 'colour' });
await refused('StripeAuthenticationError', () => client(`sk_live_${'0'.repeat(32)}`).identity.verificationSessions.list());

// A refused request is told when to come again, and the client that obeys gets through.
const hasty = client(keys.limited, { maxNetworkRetries: 0 }).identity.verificationSessions;
for (let number = 0; number < 100; number += 1) await hasty.list({ limit: 1 });
const error = await hasty.list({ limit: 1 }).then(() => assert.fail('was not refused'), (error) => error);
assert.equal(error.constructor.name, 'StripeRateLimitError');
assert.equal(error.headers['stripe-should-retry'], 'true');
assert.equal(error.headers['x-ratelimit-remaining'], '0');
assert.ok(Number(error.headers['retry-after']) >= 1);
console.log('ok');
