"""Asks a carded box for a verification, and how it went, in a way that stands a bad network and a busy box.

    CARDED_URL=http://127.0.0.1:8480 CARDED_KEY_FILE=key.txt python3 client.py order-1234

`create_session` and `retrieve_session` are what to copy. Polling is for the screen of a till that waits; what was verified
for good comes by webhook (receiver.py).
"""

import json
import os
import random
import re
import sys
import time
import uuid
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

ATTEMPTS = 8
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 8.0
LONGEST_WAIT_S = 60
ATTEMPT_LIMIT_S = 10


class BoxError(Exception):
    """The box refused, or could not be reached although it was tried again."""


def create_session(parameters: dict[str, str], idempotency_key: str | None = None) -> dict:
    """Creates a session and gives it back.

    The idempotency key says that all attempts are the same wish, so that a lost answer never makes a second session; take
    one from your order and it also holds when your own program starts again.
    """
    headers = {
        "idempotency-key": idempotency_key or str(uuid.uuid4()),
        "content-type": "application/x-www-form-urlencoded",
    }
    return request("POST", "/v1/identity/verification_sessions", headers, urlencode(parameters))


def retrieve_session(session: str) -> dict:
    """A session as it stands now."""
    return request("GET", f"/v1/identity/verification_sessions/{quote(session, safe='')}")


def request(method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None) -> dict:
    key = Path(os.environ["CARDED_KEY_FILE"]).read_text().strip()
    headers = {"authorization": f"Bearer {key}", **(headers or {})}
    for attempt in range(1, ATTEMPTS + 1):
        retry_after = None
        try:
            status, retry_after, text = once(method, path, headers, body)
            if 200 <= status < 300:
                return json.loads(text)
            problem = f"the box answers {status}: {text[:500]}"
            # Anything else would be refused the next time too.
            again = status in (409, 429) or status >= 500
        except (OSError, HTTPException, ValueError) as error:
            problem, again = f"no whole answer from the box: {error}", True
        pause = pause_after(attempt, retry_after)
        if not again or attempt == ATTEMPTS or pause > LONGEST_WAIT_S:
            raise BoxError(problem)
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def once(method: str, path: str, headers: dict[str, str], body: str | None) -> tuple[int, str | None, str]:
    box = urlsplit(os.environ["CARDED_URL"])
    kind = HTTPSConnection if box.scheme == "https" else HTTPConnection
    connection = kind(box.hostname, box.port, timeout=ATTEMPT_LIMIT_S)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("retry-after"), response.read().decode()
    finally:
        connection.close()


def pause_after(attempt: int, retry_after: str | None) -> float:
    """Random below a ceiling that doubles, so that tills do not all come back at once; never less than the box asks for."""
    ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
    asked = int(retry_after) if re.fullmatch("[0-9]{1,6}", retry_after or "") else 0
    return asked + random.uniform(0, ceiling)


if __name__ == "__main__":
    order = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
    wish = {"type": "document", "client_reference_id": order, "metadata[till]": "3"}
    session = retrieve_session(create_session(wish, f"verify-{order}")["id"])
    print(session["id"], session["status"])
