-- What was asked for over the API: sessions' requests, the keys to ask with, and answers that a repeated request gets again.
-- A request has a table of its own, because an ended session never changes while the integrator's texts may be erased.

CREATE TABLE request (
    -- The session.
    session TEXT PRIMARY KEY NOT NULL REFERENCES session (id),
    -- The words in which it was asked for.
    dialect TEXT NOT NULL CHECK (dialect IN ('stripe', 'stile')),
    -- Whether it was with a live key.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    -- Whether it asks who the person is.
    asks_identity INTEGER NOT NULL CHECK (asks_identity IN (0, 1)),
    -- The integrator's own name for it.
    client_reference_id TEXT CHECK (length(client_reference_id) BETWEEN 1 AND 200),
    -- The integrator's notes: a JSON object of texts.
    metadata TEXT NOT NULL CHECK (octet_length(metadata) BETWEEN 2 AND 65536 AND metadata GLOB '{*}'),
    -- What they ask of the document: a JSON object of words and flags.
    options TEXT NOT NULL CHECK (octet_length(options) BETWEEN 2 AND 1024 AND options GLOB '{*}'),
    -- An address of theirs that is echoed.
    return_url TEXT CHECK (length(return_url) BETWEEN 1 AND 2048),
    -- Keyed hash of the e-mail address that they gave.
    email_anchor TEXT CHECK (length(email_anchor) = 64 AND email_anchor NOT GLOB '*[^0-9a-f]*'),
    -- Keyed hash of the telephone number that they gave.
    phone_anchor TEXT CHECK (length(phone_anchor) = 64 AND phone_anchor NOT GLOB '*[^0-9a-f]*'),
    -- When it was redacted.
    redacted_at INTEGER CHECK (redacted_at >= 0),
    -- The API key that asked, where one did. Not a reference: a request may outlive its key.
    key TEXT CHECK (length(key) = 28 AND key GLOB 'key_*' AND key NOT GLOB '*[^0-9a-z_]*'),
    CHECK (redacted_at IS NULL OR (client_reference_id IS NULL AND metadata = '{}' AND return_url IS NULL
        AND email_anchor IS NULL AND phone_anchor IS NULL))
) STRICT;

CREATE INDEX request_reference ON request (client_reference_id) WHERE client_reference_id IS NOT NULL;
CREATE INDEX request_email ON request (email_anchor) WHERE email_anchor IS NOT NULL;
CREATE INDEX request_phone ON request (phone_anchor) WHERE phone_anchor IS NOT NULL;

CREATE TRIGGER request_redacted_stays BEFORE UPDATE ON request WHEN OLD.redacted_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a redacted request never changes'); END;

CREATE TRIGGER request_origin_stays BEFORE UPDATE OF session, dialect, livemode, asks_identity, key ON request
BEGIN SELECT RAISE(ABORT, 'who asked for what never changes'); END;

CREATE TRIGGER request_is_kept BEFORE DELETE ON request
BEGIN SELECT RAISE(ABORT, 'a request is never deleted'); END;

-- Sessions by age, the pages of a listing.
CREATE INDEX session_age ON session (created_at, id);

CREATE TABLE api_key (
    -- Its identifier, which tells nothing of the key.
    id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 28 AND id GLOB 'key_*' AND id NOT GLOB '*[^0-9a-z_]*'),
    -- Keyed hash of the key.
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
    -- Who may hold it.
    kind TEXT NOT NULL CHECK (kind IN ('secret', 'publishable')),
    -- Whether it is a live key.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    -- What the operator calls it.
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 64),
    -- Names of what it opens, with a space between them.
    scopes TEXT NOT NULL CHECK (length(scopes) BETWEEN 1 AND 200 AND scopes NOT GLOB '*[^a-z_ ]*'),
    -- The words of its answers.
    vocabulary TEXT NOT NULL CHECK (vocabulary IN ('real', 'guide')),
    -- When it was made.
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    -- From when on it opens nothing.
    expires_at INTEGER CHECK (expires_at >= 0),
    -- When it was revoked.
    revoked_at INTEGER CHECK (revoked_at >= 0),
    -- When it was last used, to the minute.
    last_used_at INTEGER CHECK (last_used_at >= 0),
    -- The key that took its place.
    replaced_by TEXT REFERENCES api_key (id)
) STRICT;

CREATE TRIGGER api_key_origin_stays BEFORE UPDATE OF id, hash, kind, livemode, label, scopes, vocabulary, created_at ON api_key
BEGIN SELECT RAISE(ABORT, 'what a key is never changes'); END;

CREATE TRIGGER api_key_revoked_stays BEFORE UPDATE OF revoked_at ON api_key WHEN OLD.revoked_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END;

CREATE TRIGGER api_key_replaced_stays BEFORE UPDATE OF replaced_by ON api_key WHEN OLD.replaced_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a key is replaced once'); END;

CREATE TRIGGER api_key_ends_no_later BEFORE UPDATE OF expires_at ON api_key
WHEN NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at
BEGIN SELECT RAISE(ABORT, 'the end of a key never moves on'); END;

CREATE TABLE idempotency (
    -- Keyed hash of the API key's identifier and the idempotency key.
    key TEXT PRIMARY KEY NOT NULL CHECK (length(key) = 64 AND key NOT GLOB '*[^0-9a-f]*'),
    -- Keyed hash of the request.
    request TEXT NOT NULL CHECK (length(request) = 64 AND request NOT GLOB '*[^0-9a-f]*'),
    -- The session that it makes or changes. Not a reference: it is written before the session is.
    object TEXT CHECK (length(object) = 24 AND object NOT GLOB '*[^0-9a-hjkmnp-tv-z]*'),
    -- The status of the answer, once there is one.
    status INTEGER CHECK (status BETWEEN 200 AND 599),
    -- The body of the answer, with a place for a session's secret instead of the secret.
    body TEXT CHECK (octet_length(body) <= 65536),
    -- When the request came.
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    CHECK ((status IS NULL) = (body IS NULL))
) STRICT;

CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE INDEX idempotency_object ON idempotency (object) WHERE object IS NOT NULL;

CREATE TRIGGER idempotency_question_stays BEFORE UPDATE OF key, request, object, created_at ON idempotency
BEGIN SELECT RAISE(ABORT, 'a request never changes'); END;

-- Redaction alone takes an answer away.
CREATE TRIGGER idempotency_answer_stays BEFORE UPDATE OF status, body ON idempotency
WHEN OLD.status IS NOT NULL AND NOT (NEW.status IS NULL AND EXISTS (
    SELECT 1 FROM request WHERE request.session = OLD.object AND request.redacted_at IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'an answer never changes'); END;

-- The body of an event may hold the integrator's texts. Of a redacted session it is erased, but never while it is owed.
DROP TRIGGER outbox_content_stays;
DROP TRIGGER outbox_acknowledged_stays;

CREATE TRIGGER outbox_content_stays BEFORE UPDATE OF delivery, event, session, endpoint, created_at ON outbox
BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;

CREATE TRIGGER outbox_body_stays BEFORE UPDATE OF body ON outbox
WHEN NOT (NEW.body = '{}' AND OLD.state <> 'waiting' AND EXISTS (
    SELECT 1 FROM request WHERE request.session = OLD.session AND request.redacted_at IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;

CREATE TRIGGER outbox_acknowledged_stays BEFORE UPDATE OF attempts, next_attempt_at, state, last_error, delivered_at ON outbox
WHEN OLD.state = 'delivered'
BEGIN SELECT RAISE(ABORT, 'an acknowledged delivery never changes'); END;
