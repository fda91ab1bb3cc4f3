"""Has the official `stripe` package check signatures.

usage: python3 verify.py FOLDER_OF_THE_SDK < request.json

The request is {cases: [{name, body, header, secret}], make: {body, secret}}, bodies as base64. Prints
{answers: {name: "accepted" | the name of the error}, made: the SDK's own header}.
"""

import base64
import json
import sys
import time

sys.path.insert(0, sys.argv[1])
import stripe  # noqa: E402

request = json.load(sys.stdin)
answers = {}
for case in request["cases"]:
    try:
        event = stripe.Webhook.construct_event(base64.b64decode(case["body"]), case["header"], case["secret"])
        answers[case["name"]] = "accepted" if event.object == "event" else "not an event"
    except Exception as error:
        answers[case["name"]] = type(error).__name__
make = request["make"]
now = int(time.time())
signed = f"{now}.{base64.b64decode(make['body']).decode()}"
signature = stripe.WebhookSignature._compute_signature(signed, make["secret"])
print(json.dumps({"answers": answers, "made": f"t={now},v1={signature}"}))
