"""Has the official `stripe` package drive whole flows against a running engine.

usage: python3 flow.py FOLDER_OF_THE_SDK BASE_URL < keys.json

The keys are {test, limited, read_only}. Ends with 0 when everything was as it has to be, and with the difference otherwise.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
import stripe  # noqa: E402

base = sys.argv[2]
keys = json.load(sys.stdin)


def client_with(key, **more):
    return stripe.StripeClient(key, base_addresses={"api": base}, **more)


client = client_with(keys["test"], max_network_retries=2)
sessions = client.v1.identity.verification_sessions
reports = client.v1.identity.verification_reports


def expect(wanted, got, about):
    if wanted != got:
        raise SystemExit(f"{about}: expected {wanted!r}, got {got!r}")


def refused(kind, work, about, code=None, param=None):
    try:
        work()
    except stripe.StripeError as error:
        expect(kind, type(error).__name__, about)
        if code:
            # Not every class of error has the code as an attribute.
            expect(code, error.json_body["error"]["code"], f"code of {about}")
        if param:
            expect(param, error.param, f"parameter of {about}")
        if not (error.request_id or "").startswith("req_"):
            raise SystemExit(f"{about}: no request id")
        return
    raise SystemExit(f"{about}: was not refused")


# A session from its making to its cancellation.
made = sessions.create(
    {
        "type": "document",
        "client_reference_id": "order-1",
        "metadata": {"order": "1", "till": "2"},
        "options": {"document": {"allowed_types": ["passport", "id_card"], "require_matching_selfie": True}},
        "provided_details": {"email": "Jenny.Rosen@Shop.example", "phone": "+14155550100"},
        "return_url": "https://shop.example/done",
    }
)
expect(("identity.verification_session", "requires_input", False), (made.object, made.status, made.livemode), "made")
expect({"order": "1", "till": "2"}, made.metadata.to_dict(), "metadata")
expect(["passport", "id_card"], list(made.options.document.allowed_types), "options")
expect((None, None, None), (made.provided_details, made.verified_outputs, made.url), "what is always null")
if not made.client_secret.startswith(made.id + "_secret_"):
    raise SystemExit("the client secret does not name its session")
expect(made.client_secret, sessions.retrieve(made.id).client_secret, "client secret of the open session")

changed = sessions.update(made.id, {"metadata": {"order": "2", "till": ""}})
expect({"order": "2"}, changed.metadata.to_dict(), "metadata after a change")
canceled = sessions.cancel(made.id)
expect(("canceled", None), (canceled.status, canceled.client_secret), "canceled")
refused("InvalidRequestError", lambda: sessions.cancel(made.id), "a second cancellation", "session_not_open")
refused("InvalidRequestError", lambda: sessions.update(made.id, {"metadata": {"a": "b"}}), "a change afterwards")

# Outcomes that a test key chooses.
verified = sessions.create({"type": "document", "metadata": {"carded_test_outcome": "verified"}})
verified = sessions.retrieve(verified.id, {"expand": ["last_verification_report"]})
expect(("verified", False, None), (verified.status, verified.livemode, verified.last_error), "verified")
report = verified.last_verification_report
expect(("identity.verification_report", verified.id), (report.object, report.verification_session), "report")
expect(["test_outcome"], list(verified.carded.outcome.flags), "flags of an outcome without evidence")
expect(report.id, reports.retrieve(report.id).id, "report by its identifier")
expect([report.id], [one.id for one in reports.list({"verification_session": verified.id}).data], "reports")

expired = sessions.create({"type": "document", "metadata": {"carded_test_outcome": "document_expired"}})
expired = sessions.retrieve(expired.id)
expect(("requires_input", "document_expired"), (expired.status, expired.last_error.code), "expired document")
expect(None, expired.client_secret, "client secret of a failed session")
refused("InvalidRequestError", lambda: sessions.cancel(expired.id), "cancellation of a failed session")

redacted = sessions.redact(verified.id)
expect(("redacted", {}), (redacted.redaction.status, redacted.metadata.to_dict()), "redacted")
expect("verified", sessions.retrieve(verified.id).status, "status of a redacted session")

# Lists.
for number in range(25):
    sessions.create({"type": "document", "client_reference_id": "paged", "metadata": {"number": str(number)}})
pages = sessions.list({"limit": 4, "client_reference_id": "paged"})
numbers = [one.metadata["number"] for one in pages.auto_paging_iter()]
expect([str(number) for number in reversed(range(25))], numbers, "all pages, newest first")
first = sessions.list({"limit": 3, "client_reference_id": "paged"})
expect((True, 3), (first.has_more, len(first.data)), "first page")
back = sessions.list({"limit": 2, "client_reference_id": "paged", "ending_before": first.data[2].id})
expect([one.id for one in first.data[:2]], [one.id for one in back.data], "page before a session")
expect(1, len(sessions.list({"status": "verified"}).data), "verified sessions")
expect(0, len(sessions.list({"created": {"lt": 1}}).data), "sessions of 1970")

# Idempotency.
once = {"type": "document", "client_reference_id": "once"}
one = sessions.create(once, {"idempotency_key": "order-7"})
same = sessions.create(once, {"idempotency_key": "order-7"})
expect((one.id, one.client_secret), (same.id, same.client_secret), "repeated request")
expect(1, len(sessions.list({"client_reference_id": "once"}).data), "sessions of a repeated request")
other = {"type": "document", "client_reference_id": "other"}
refused("IdempotencyError", lambda: sessions.create(other, {"idempotency_key": "order-7"}), "other parameters")

# Errors.
gone = "vs_" + "0" * 24
refused("InvalidRequestError", lambda: sessions.retrieve(gone), "no session", "resource_missing")
refused("InvalidRequestError", lambda: sessions.create({"type": "id_number"}), "id_number", "not_supported", "type")
refused(
    "InvalidRequestError",
    lambda: sessions.create({"type": "document", "options": {"document": {"allowed_types": ["library_card"]}}}),
    "kind of document",
    "parameter_invalid",
    "options[document][allowed_types][0]",
)
refused("InvalidRequestError", lambda: sessions.create({"colour": "red"}), "unknown", "parameter_unknown", "colour")
refused("InvalidRequestError", lambda: sessions.create({"metadata": {"k" * 41: "v"}}), "long key")
refused("InvalidRequestError", lambda: sessions.create({"metadata": {"k": "v" * 501}}), "long value")
refused("InvalidRequestError", lambda: sessions.list({"limit": 101}), "long page", "parameter_invalid", "limit")
nobody = client_with("sk_test_" + "0" * 32).v1.identity.verification_sessions
refused("AuthenticationError", lambda: nobody.list(), "unknown key", "api_key_invalid")
reader = client_with(keys["read_only"]).v1.identity.verification_sessions
expect("list", reader.list().object, "list with a key that may read")
refused("PermissionError", lambda: reader.create({"type": "document"}), "key that may only read", "permission_denied")

# The last allowed request succeeds, and the next is refused until the window has moved on.
limited = client_with(keys["limited"], max_network_retries=0).v1.identity.verification_sessions
for _ in range(100):
    limited.list({"limit": 1})
refused("RateLimitError", lambda: limited.list({"limit": 1}), "request 101 of a minute", "rate_limit_exceeded")
print("ok")
