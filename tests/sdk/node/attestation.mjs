// Has the `jose` package verify attestations.
//
// usage: node attestation.mjs FOLDER_OF_THE_LIBRARY < request.json
//
// The request is {cases: [{name, jws, key}]}, keys as the base64url of 32 bytes. Prints
// {answers: {name: the payload | "refused"}}.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { compactVerify, importJWK } = await import(
    pathToFileURL(createRequire(process.argv[2] + '/').resolve('jose')));
const { cases } = JSON.parse(readFileSync(0, 'utf8'));

const answers = {};
for (const { name, jws, key } of cases) {
    try {
        const known = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key, alg: 'EdDSA' });
        const { payload } = await compactVerify(jws, known, { algorithms: ['EdDSA'] });
        answers[name] = JSON.parse(new TextDecoder().decode(payload));
    } catch {
        answers[name] = 'refused';
    }
}
console.log(JSON.stringify({ answers }));
