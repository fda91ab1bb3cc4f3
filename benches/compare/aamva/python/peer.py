"""Reads payloads with the parser of the Python package index.

Standard input: one JSON object a line, {"id", "hex"}; standard output: one a line, {"id", "py-aamva-parser": {field:
text}}, an empty object where the parser throws.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
from aamva_parser import parse  # noqa: E402


def fields(text):
    read = parse(text)

    def day(moment):
        return moment.date().isoformat() if moment else None

    return {
        "first_name": read.first_name,
        "middle_name": read.middle_name,
        "last_name": read.last_name,
        "date_of_birth": day(read.date_of_birth),
        "expiration_date": day(read.expiration_date),
        "issue_date": day(read.issue_date),
        "sex": read.gender.value,
        "street": read.street_address,
        "city": read.city,
        "jurisdiction_code": read.state,
        "postal_code": read.postal_code,
        "id_number": read.drivers_license_id,
    }


for line in sys.stdin:
    payload = json.loads(line)
    text = bytes.fromhex(payload["hex"]).decode("utf-8", "replace")
    try:
        found = fields(text)
    except Exception:  # A parser that throws has read nothing.
        found = {}
    print(json.dumps({"id": payload["id"], "py-aamva-parser": found}))
