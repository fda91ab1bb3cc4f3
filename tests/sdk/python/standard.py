"""Has the `standardwebhooks` package check signatures.

usage: python3 standard.py FOLDER_OF_THE_LIBRARY < request.json

The request is {cases: [{name, body, headers, secret}], make: {id, body, secret}}, bodies as base64. Prints
{answers: {name: "accepted" | the name of the error}, made: {timestamp, signature}}.
"""

import base64
import json
import sys
from datetime import datetime, timezone

sys.path.insert(0, sys.argv[1])
from standardwebhooks import Webhook  # noqa: E402

request = json.load(sys.stdin)
answers = {}
for case in request["cases"]:
    try:
        event = Webhook(case["secret"]).verify(base64.b64decode(case["body"]), case["headers"])
        answers[case["name"]] = "accepted" if event["object"] == "event" else "not an event"
    except Exception as error:
        answers[case["name"]] = type(error).__name__
make = request["make"]
now = datetime.now(tz=timezone.utc)
signature = Webhook(make["secret"]).sign(make["id"], now, base64.b64decode(make["body"]).decode())
print(json.dumps({"answers": answers, "made": {"timestamp": str(int(now.timestamp())), "signature": signature}}))
