// Has the `standardwebhooks` package check signatures.
//
// usage: node standard.mjs FOLDER_OF_THE_LIBRARY < request.json
//
// The request is {cases: [{name, body, headers, secret}], make: {id, body, secret}}, bodies as base64. Prints
// {answers: {name: "accepted" | the name of the error}, made: {timestamp, signature}}.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { Webhook } = createRequire(process.argv[2] + '/')('standardwebhooks');
const { cases, make } = JSON.parse(readFileSync(0, 'utf8'));
const raw = (text) => Buffer.from(text, 'base64').toString('utf8');

const answers = {};
for (const { name, body, headers, secret } of cases) {
    try {
        const event = new Webhook(secret).verify(raw(body), headers);
        answers[name] = event.object === 'event' ? 'accepted' : 'not an event';
    } catch (error) {
        answers[name] = error.constructor.name;
    }
}
const now = new Date();
const signature = new Webhook(make.secret).sign(make.id, now, raw(make.body));
console.log(JSON.stringify({ answers, made: { timestamp: String(Math.floor(now / 1000)), signature } }));
