"""Takes the webhooks of a carded box: checks the signature, keeps each event once, grants what was verified
and takes it back where the staff say otherwise.

    CARDED_WEBHOOK_SECRET_FILE=secret.txt CARDED_STORE=store CARDED_LISTEN=127.0.0.1:8787 python3 receiver.py

The secret file holds one secret a line, two while a secret is being changed. Put your web server with HTTPS in front.

What grants a session: an event named ...verified, or one named carded.outcome.overridden whose `overridden_by` is
verified. What revokes it: one whose `overridden_by` is not_verified. In live mode, with a good signature, and of two
outcomes of a session the one with the higher `sequence` counts. Nothing else: no other event, no answer in a browser, no
word on a screen. A second proof lies in each `attestation` of `data.object.carded`: the device's own signature (a JWS by
Ed25519), which holds even against somebody who has stolen the webhook secret. docs/webhooks.md says how to check it
(Python needs the package `cryptography` for it), and `carded receiver --device-key` does.
"""

import hashlib
import hmac
import json
import os
import re
import sqlite3
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MAX_BODY_BYTES = 256 * 1024
MAX_HEADER_CHARACTERS = 1024
TOLERANCE_SECONDS = 300
VERIFIED = ("verification_session.verified", "identity.verification_session.verified")
OVERRIDDEN = "carded.outcome.overridden"

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT NOT NULL, body BLOB NOT NULL, received INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outcomes (session TEXT PRIMARY KEY, result TEXT NOT NULL, sequence INTEGER NOT NULL,
                                     event TEXT NOT NULL REFERENCES events (id));
"""


def read_secrets(path: str) -> list[bytes]:
    secrets = [line.strip() for line in Path(path).read_bytes().splitlines() if line.strip()]
    # With an empty secret anybody could sign.
    if not secrets or min(map(len, secrets)) < 8:
        raise SystemExit(f"{path} needs one secret a line")
    return secrets


def signature_holds(header: str | None, body: bytes, secrets: list[bytes], now: float) -> bool:
    """Whether one of our secrets signed exactly these bytes within the last, or the next, five minutes."""
    if header is None or len(header) > MAX_HEADER_CHARACTERS:
        return False
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    # As bytes, because strings are compared in constant time only if they are ASCII.
    signatures = [value.encode() for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not re.fullmatch("[0-9]{1,12}", times[0]):
        return False
    matched = False
    for secret in secrets:
        # The whole secret is the key, with its `whsec_`.
        expected = hmac.new(secret, f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest().encode()
        for given in signatures:
            matched |= hmac.compare_digest(given, expected)
    return matched and abs(int(now) - int(times[0])) <= TOLERANCE_SECONDS


def read_event(body: bytes) -> dict | None:
    def is_id(text: object) -> bool:
        return isinstance(text, str) and re.fullmatch("[A-Za-z0-9_-]{1,200}", text) is not None

    try:
        event = json.loads(body)
        good = event["object"] == "event" and isinstance(event["type"], str)
        return event if good and is_id(event["id"]) and is_id(event["data"]["object"]["id"]) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def dig(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def outcome_of(event: dict) -> tuple[str, int] | None:
    """The result and the sequence of the outcome that an event tells."""
    # What was rehearsed with a test key or a simulated camera changes nothing.
    if event.get("livemode") is not True:
        return None
    carded = event["data"]["object"].get("carded")
    result, sequence = "verified", dig(carded, "outcome", "sequence")
    if event["type"] == OVERRIDDEN:
        result, sequence = (dig(carded, "overridden_by", "outcome", name) for name in ("result", "sequence"))
    elif event["type"] not in VERIFIED:
        return None
    sequence = 0 if sequence is None else sequence
    good = result in ("verified", "not_verified") and isinstance(sequence, int)
    return (result, sequence) if good else None


def settle(connection: sqlite3.Connection, session: str, outcome: tuple[str, int], event_id: str) -> str | None:
    """Stores a session's outcome, unless one that counts more is there; what that does: "grant", "revoke" or nothing."""
    found = connection.execute("SELECT result, sequence FROM outcomes WHERE session = ?", (session,)).fetchone()
    before, (result, sequence) = found or ("not_verified", -1), outcome
    if sequence <= before[1]:
        return None
    connection.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?)", (session, result, sequence, event_id))
    if result == before[0]:
        return None
    return "grant" if result == "verified" else "revoke"


def accept(event: dict, body: bytes, database: str) -> bool:
    """Stores an event and what it causes in one transaction, once; False when it came before.

    The higher `sequence` counts, so the order in which events come does not matter: a revocation is stored also where
    nothing was granted yet. In production these are tables of your own database, and the outcome is a part of the order
    that has this session's id (you stored it when you created the session). Keep the ids for a month: a box that was
    offline still delivers. Mail, printers and other slow things are for later.
    """
    # A sign of life every few minutes: there is nothing to keep of it without the device's key.
    if event["type"] == "carded.heartbeat":
        return True
    session = event["data"]["object"]["id"]
    outcome = outcome_of(event)
    change = None
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        connection.execute("PRAGMA synchronous = FULL")
        row = (event["id"], event["type"], body, int(time.time()))
        new = connection.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", row).rowcount
        if new and outcome is not None:
            change = settle(connection, session, outcome, event["id"])
    if new:
        print(f"event {event['id']} {event['type']}", flush=True)
    if change is not None:
        print(f"{change} {session}", flush=True)
    return bool(new)


class Receiver(BaseHTTPRequestHandler):
    timeout = 10  # seconds that the sender may be silent
    secrets: list[bytes] = []
    database = ""

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,9}", length):
            return self.refuse(411, "length_required", "say how long the body is")
        if int(length) > MAX_BODY_BYTES:
            return self.refuse(413, "body_too_long", "this is longer than any event")
        # The bytes as they came, before anything parses them.
        body = self.rfile.read(int(length))
        header = self.headers.get("stile-signature") or self.headers.get("stripe-signature")
        if not signature_holds(header, body, self.secrets, time.time()):
            message = "no signature matches; compare the secrets and the clocks of both ends"
            return self.refuse(400, "signature_invalid", message)
        event = read_event(body)
        if event is None:
            return self.refuse(400, "event_invalid", "the body is not an event")
        try:
            new = accept(event, body, self.database)
        except sqlite3.Error as error:
            self.log_error("%s", error)
            # Whatever is no 2xx is sent again later.
            return self.refuse(500, "not_stored", "send it again later")
        self.answer(200, {"received": True, "duplicate": not new})

    def refuse(self, status: int, code: str, message: str) -> None:
        self.answer(status, {"error": {"code": code, "message": message}})

    def answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    Receiver.secrets = read_secrets(os.environ["CARDED_WEBHOOK_SECRET_FILE"])
    store = Path(os.environ["CARDED_STORE"])
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    Receiver.database = str(store / "events.db")
    with closing(sqlite3.connect(Receiver.database)) as connection:
        connection.executescript(SCHEMA)
    host, port = os.environ.get("CARDED_LISTEN", "127.0.0.1:8787").split(":")
    with ThreadingHTTPServer((host, int(port)), Receiver) as server:
        print(f"listening on {host}:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
