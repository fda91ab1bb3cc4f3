"""Compares carded with other parsers on payloads whose truth is known, field by field.

usage: compare.py FOLDER CARDED PEERS [--values] (benches/compare/aamva/run gives all three)

Prints, as Markdown: each parser's rate over all known fields, over all payloads that are wholly right, and what a peer
reads right that carded does not; then which fields each parser has wrong, by payload, and with --values what they say.
Exits with 1 when a peer has a field that carded has not. A field counts where the
truth states it; words for 'there is none' (NONE, unavl, blank) are no value. Peers are read kindly: case, padding, the
separators of postal codes and ZIP+4 codes that end in zeros do not count, and peers get no byte order marks.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FIELDS = [
    "first_name", "middle_name", "last_name", "date_of_birth", "expiration_date", "issue_date", "sex", "street", "city",
    "jurisdiction_code", "postal_code", "id_number",
]
PARSERS = ["carded", "aamva-parser", "py-aamva-parser", "aamvajs"]
NAMES = {
    "carded": "carded", "aamva-parser": "npm aamva-parser 1.7.0", "py-aamva-parser": "PyPI aamva-parser 0.1.2",
    "aamvajs": "npm aamvajs 0.1.1",
}

# The facts of the first collection, and what the second collection's assertions call the same.
IDPARSER = {
    "FirstName": "first_name", "MiddleName": "middle_name", "LastName": "last_name", "DateOfBirth": "date_of_birth",
    "ExpirationDate": "expiration_date", "IssueDate": "issue_date", "Sex": "sex", "StreetLine1": "street",
    "City": "city", "JurisdictionCode": "jurisdiction_code", "PostalCode": "postal_code", "IdNumber": "id_number",
}
PYAAMVA = {
    "first": "first_name", "middle": "middle_name", "last": "last_name", "dob": "date_of_birth",
    "expiry": "expiration_date", "issued": "issue_date", "sex": "sex", "address": "street", "city": "city",
    "state": "jurisdiction_code", "license_number": "id_number",
}
ASSERTION = re.compile(r"self\.assert(?:Equal|Is)\(data\['(\w+)'\], (.*)\)$")


def payloads(folder):
    """(name, bytes, known facts) of both collections; payloads without facts are left out."""
    for card in json.loads((folder / "idparser_payloads.json").read_text()):
        facts = {IDPARSER[fact]: value for fact, value in card["expected"].items() if fact in IDPARSER}
        yield card["id"].removeprefix("Test"), bytes.fromhex(card["raw_hex"]), facts
    data = json.loads((folder / "pyaamva_payloads.json").read_text())
    tests = {"indiana": "test_in"}
    for card in data["raw"]:
        facts = {}
        for assertion in data["asserts"].get(tests.get(card["name"], "test_" + card["name"]), []):
            found = ASSERTION.match(assertion)
            if found and found[1] in PYAAMVA:
                facts[PYAAMVA[found[1]]] = python_value(found[2])
        if facts:
            yield "py-" + card["name"], card["raw"].encode(), facts


def python_value(text):
    day = re.match(r"datetime\.date\((\d+), (\d+), (\d+)\)", text)
    if day:
        return "-".join(part.zfill(2) for part in day.groups())
    return None if text == "None" else text.strip("'")


def normal(field, value):
    """A value in a form in which parsers can be compared; None when there is none."""
    text = " ".join(str(value if value is not None else "").upper().split())
    if text in ("", "NONE", "UNAVL", "UNKNOWN", "NULL") or set(text) <= set("-. ,"):
        return None
    if field == "sex":
        return {"MALE": "M", "FEMALE": "F", "OTHER": "X"}.get(text, text)
    if field == "postal_code":
        code = re.sub(r"[^A-Z0-9]", "", text)
        code = code[:5] if re.fullmatch(r"\d{5}0000", code) else code
        return re.sub(r"^([A-Z]\d[A-Z]\d[A-Z]\d)0+$", r"\1", code)
    return text


def by_carded(carded, cards):
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index, (_, raw, _) in enumerate(cards):
            files.append(Path(folder) / f"{index:03}")
            files[-1].write_bytes(raw)
        lines = subprocess.run(
            [carded, "inspect", "aamva", *map(str, files)], capture_output=True, text=True, check=False
        ).stdout.splitlines()
    return [json.loads(line).get("parsed") or {} for line in lines]


def by_peers(command, cards):
    # An editor's byte order mark shifts every offset of parsers that go by them; carded gets it, peers do not.
    bare = [(name, raw.removeprefix(b"\xef\xbb\xbf")) for name, raw, _ in cards]
    lines = [json.dumps({"id": name, "hex": raw.hex()}) for name, raw in bare]
    found = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in found.splitlines()]


def read_all(folder, carded, peers):
    here = Path(__file__).parent
    cards = list(payloads(folder))
    ours = by_carded(carded, cards)
    node = by_peers(["node", here / "node/peers.mjs", peers / "node"], cards)
    python = by_peers([sys.executable, here / "python/peer.py", peers / "python"], cards)
    if not len(cards) == len(ours) == len(node) == len(python):
        sys.exit("a parser has not answered for every payload; run it by hand")
    for (name, _, facts), own, npm, pypi in zip(cards, ours, node, python):
        found = {"carded": own, **npm, **pypi}
        yield name, facts, {parser: found.get(parser) or {} for parser in PARSERS}


def main():
    folder, carded, peers = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    right = dict.fromkeys(PARSERS, 0)
    whole = dict.fromkeys(PARSERS, 0)
    fields = cards = 0
    disagreements, better = [], []
    for name, facts, found in read_all(folder, carded, peers):
        cards += 1
        all_right = dict.fromkeys(PARSERS, True)
        for field in (field for field in FIELDS if field in facts):
            fields += 1
            truth = normal(field, facts[field])
            values = {parser: normal(field, found[parser].get(field)) for parser in PARSERS}
            hits = {parser: value == truth for parser, value in values.items()}
            for parser, hit in hits.items():
                right[parser] += hit
                all_right[parser] &= hit
            if not all(hits.values()):
                disagreements.append((name, field, truth, values, hits))
            if not hits["carded"] and any(hits.values()):
                better.append((name, field))
        for parser in PARSERS:
            whole[parser] += all_right[parser]
    print(f"{cards} payloads, {fields} known fields.\n")
    print("| parser | fields right | payloads wholly right |\n|---|---|---|")
    for parser in PARSERS:
        share = 100 * right[parser] / fields
        print(f"| {NAMES[parser]} | {right[parser]} of {fields} ({share:.1f} %) | {whole[parser]} of {cards} |")
    print(f"\nFields that a peer reads right and carded does not: {len(better)}.")
    for name, field in better:
        print(f"- {name}: {field}")
    print_by_payload(disagreements)
    if "--values" in sys.argv:
        print_values(disagreements)
    sys.exit(1 if better else 0)


def print_by_payload(disagreements):
    """Which fields each parser has wrong or lacks, without a value of anybody."""
    print("\n| payload | " + " | ".join(PARSERS) + " |\n|---|" + "---|" * len(PARSERS))
    for name in dict.fromkeys(row[0] for row in disagreements):
        rows = [row for row in disagreements if row[0] == name]
        cells = [", ".join(field for _, field, _, _, hits in rows if not hits[parser]) for parser in PARSERS]
        print(f"| {name} | " + " | ".join(cell or "–" for cell in cells) + " |")


def print_values(disagreements):
    print("\n| payload | field | truth | " + " | ".join(PARSERS) + " |\n|---|---|---|" + "---|" * len(PARSERS))
    for name, field, truth, values, hits in disagreements:
        shown = ["right" if hits[parser] else f"{values[parser] or 'nothing'}" for parser in PARSERS]
        print(f"| {name} | {field} | {truth or 'nothing'} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
