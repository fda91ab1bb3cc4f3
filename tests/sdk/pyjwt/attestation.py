"""Has PyJWT verify attestations.

usage: python3 attestation.py FOLDER_OF_THE_LIBRARY < request.json

The request is {cases: [{name, jws, key}]}, keys as the base64url of 32 bytes. Prints
{answers: {name: the payload | "refused"}}.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
import jwt  # noqa: E402
from jwt.api_jws import PyJWS  # noqa: E402

answers = {}
for case in json.load(sys.stdin)["cases"]:
    try:
        known = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "x": case["key"], "alg": "EdDSA"})
        payload = PyJWS().decode(case["jws"], known, algorithms=["EdDSA"])
        answers[case["name"]] = json.loads(payload)
    except (jwt.PyJWTError, ValueError):
        answers[case["name"]] = "refused"
print(json.dumps({"answers": answers}))
