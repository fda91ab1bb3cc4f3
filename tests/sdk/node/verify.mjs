// Has the official `stripe` package check signatures.
//
// usage: node verify.mjs FOLDER_OF_THE_SDK < request.json
//
// The request is {cases: [{name, body, header, secret}], make: {body, secret}}, bodies as base64. Prints
// {answers: {name: "accepted" | the name of the error}, made: the SDK's own header}.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const Stripe = createRequire(process.argv[2] + '/')('stripe');
const stripe = new (Stripe.default ?? Stripe)('sk_test_never_sent');
const { cases, make } = JSON.parse(readFileSync(0, 'utf8'));
const raw = (text) => Buffer.from(text, 'base64');

const answers = {};
for (const { name, body, header, secret } of cases) {
    try {
        const event = stripe.webhooks.constructEvent(raw(body), header, secret);
        answers[name] = event.object === 'event' ? 'accepted' : 'not an event';
    } catch (error) {
        answers[name] = error.constructor.name;
    }
}
const made = stripe.webhooks.generateTestHeaderString({ payload: raw(make.body).toString('utf8'), secret: make.secret });
console.log(JSON.stringify({ answers, made }));
