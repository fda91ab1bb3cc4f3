-- The first schema. Every time is an integer: milliseconds since 1970-01-01T00:00:00Z. Integers compare and add as times
-- do, which text with fractions of any length does not; the exact moment of a decision is in its signed outcome.
-- No column may hold anything that a document, a face or a voice says: identifiers are random, anchors are keyed hashes,
-- and names of things are limited to the letters of such names, so that a value in the wrong place is refused.

CREATE TABLE device (
    -- There is one row.
    only_row INTEGER PRIMARY KEY NOT NULL CHECK (only_row = 1),
    -- The device's identifier, as its outcomes carry it.
    id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^0-9A-Za-z_.-]*'),
    -- RFC 7638 thumbprint of the key that signs its outcomes.
    key_id TEXT NOT NULL CHECK (length(key_id) = 43 AND key_id NOT GLOB '*[^0-9A-Za-z_-]*'),
    -- Check value of the key under which its anchors were made.
    anchor_key_id TEXT NOT NULL CHECK (length(anchor_key_id) = 64 AND anchor_key_id NOT GLOB '*[^0-9a-f]*'),
    -- Number of its last outcome; 0 before the first.
    last_sequence INTEGER NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    -- SHA-256 of that outcome's JWS in hexadecimal.
    last_hash TEXT CHECK (length(last_hash) = 64 AND last_hash NOT GLOB '*[^0-9a-f]*'),
    -- Number of its last audit entry; 0 before the first.
    last_audit_sequence INTEGER NOT NULL DEFAULT 0 CHECK (last_audit_sequence >= 0),
    -- Hash of that entry.
    last_audit_hash TEXT CHECK (length(last_audit_hash) = 64 AND last_audit_hash NOT GLOB '*[^0-9a-f]*'),
    CHECK ((last_hash IS NULL) = (last_sequence = 0)),
    CHECK ((last_audit_hash IS NULL) = (last_audit_sequence = 0))
) STRICT;

CREATE TABLE session (
    -- The part of its identifier that both dialects share.
    id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 24 AND id NOT GLOB '*[^0-9a-hjkmnp-tv-z]*'),
    -- What the person wants to do.
    use_case TEXT NOT NULL CHECK (length(use_case) BETWEEN 1 AND 64 AND use_case NOT GLOB '*[^a-z_]*'),
    -- Where: a code of ISO 3166-2.
    jurisdiction TEXT NOT NULL CHECK (length(jurisdiction) BETWEEN 4 AND 6 AND jurisdiction GLOB '[A-Z][A-Z]-*'
        AND jurisdiction NOT GLOB '*[^0-9A-Z-]*'),
    -- Where it stands; the last four never change.
    state TEXT NOT NULL CHECK (state IN ('created', 'awaiting_consent', 'awaiting_document', 'awaiting_face', 'deciding',
        'awaiting_review', 'verified', 'not_verified', 'canceled', 'expired')),
    -- Who ended it, where somebody did.
    canceled_by TEXT CHECK (canceled_by IN ('person', 'staff', 'till', 'device')),
    -- Attempts left at the document.
    document_attempts INTEGER NOT NULL CHECK (document_attempts BETWEEN 0 AND 255),
    -- Attempts left at the head turn.
    face_attempts INTEGER NOT NULL CHECK (face_attempts BETWEEN 0 AND 255),
    -- Reason code of the last attempt that failed.
    last_error TEXT CHECK (length(last_error) BETWEEN 1 AND 64 AND last_error NOT GLOB '*[^a-z_]*'),
    -- When it was made.
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    -- When it ends by itself.
    expires_at INTEGER NOT NULL CHECK (expires_at >= created_at),
    -- When it ended; a clock that was set back may make this earlier than its beginning.
    ended_at INTEGER CHECK (ended_at >= 0),
    -- The event that told of its end.
    event TEXT UNIQUE CHECK (length(event) = 28 AND event GLOB 'evt_*' AND event NOT GLOB '*[^0-9a-z_]*'),
    CHECK ((canceled_by IS NOT NULL) = (state = 'canceled')),
    CHECK ((ended_at IS NOT NULL) = (state IN ('verified', 'not_verified', 'canceled', 'expired'))),
    CHECK ((event IS NOT NULL) = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX session_open ON session (created_at) WHERE ended_at IS NULL;

CREATE TRIGGER session_end_stays BEFORE UPDATE ON session WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a session that has ended never changes'); END;

CREATE TRIGGER session_origin_stays BEFORE UPDATE OF id, use_case, jurisdiction, created_at, expires_at ON session
BEGIN SELECT RAISE(ABORT, 'what a session is about never changes'); END;

CREATE TABLE outcome (
    -- Counts this device's outcomes from 1, without gaps.
    sequence INTEGER PRIMARY KEY NOT NULL CHECK (sequence >= 1),
    -- Its identifier.
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 28 AND id GLOB 'out_*' AND id NOT GLOB '*[^0-9a-z_]*'),
    -- The session that it ended.
    session TEXT NOT NULL REFERENCES session (id),
    -- How it ended.
    result TEXT NOT NULL CHECK (result IN ('verified', 'not_verified')),
    -- The most telling reason against the person.
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 64 AND reason NOT GLOB '*[^a-z_]*'),
    -- Whether it came from the pinned camera.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    -- The outcome, signed: a compact JWS.
    jws TEXT NOT NULL CHECK (length(jws) BETWEEN 1 AND 65536 AND jws GLOB '?*.?*.?*' AND jws NOT GLOB '*[^0-9A-Za-z_.-]*'),
    -- The moment of the decision.
    decided_at INTEGER NOT NULL CHECK (decided_at >= 0),
    CHECK ((reason IS NULL) = (result = 'verified'))
) STRICT;

-- An index of its own, because a staff override will be a second outcome of a session.
CREATE UNIQUE INDEX outcome_session ON outcome (session);

CREATE TRIGGER outcome_stays BEFORE UPDATE ON outcome
BEGIN SELECT RAISE(ABORT, 'an outcome never changes'); END;

CREATE TRIGGER outcome_is_kept BEFORE DELETE ON outcome
BEGIN SELECT RAISE(ABORT, 'an outcome is never deleted'); END;

CREATE TABLE credential (
    -- Its identifier.
    id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 29 AND id GLOB 'cred_*' AND id NOT GLOB '*[^0-9a-z_]*'),
    -- The session that earned it.
    session TEXT NOT NULL REFERENCES session (id),
    -- The outcome that it rests on.
    outcome TEXT NOT NULL UNIQUE REFERENCES outcome (id),
    -- How old the person is at least.
    tier TEXT NOT NULL CHECK (tier GLOB 'over_[0-9][0-9]'),
    -- The kind of document and the checks, such as driving_license_barcode_face.
    method TEXT NOT NULL CHECK (length(method) BETWEEN 1 AND 64 AND method NOT GLOB '*[^a-z_]*'),
    -- How strong the evidence was.
    strength TEXT NOT NULL CHECK (strength IN ('document', 'document_face')),
    -- The moment of the decision.
    verified_at INTEGER NOT NULL CHECK (verified_at >= 0),
    -- When it stops granting anything.
    expires_at INTEGER NOT NULL CHECK (expires_at >= verified_at),
    -- Whether it came from the pinned camera.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1))
) STRICT;

CREATE INDEX credential_session ON credential (session);

CREATE TABLE anchor (
    -- HMAC-SHA256 in hexadecimal.
    value TEXT NOT NULL CHECK (length(value) = 64 AND value NOT GLOB '*[^0-9a-f]*'),
    -- What it recognises again.
    kind TEXT NOT NULL CHECK (kind IN ('document', 'person')),
    -- The credential of the document or person.
    credential TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    PRIMARY KEY (value, kind, credential)
) STRICT, WITHOUT ROWID;

CREATE INDEX anchor_credential ON anchor (credential);

CREATE TABLE outbox (
    -- Number of the delivery, never used twice.
    delivery INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The event; the same at every endpoint.
    event TEXT NOT NULL CHECK (length(event) = 28 AND event GLOB 'evt_*' AND event NOT GLOB '*[^0-9a-z_]*'),
    -- The session that it speaks of.
    session TEXT NOT NULL REFERENCES session (id),
    -- Name of the endpoint, as in the configuration.
    endpoint TEXT NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 64),
    -- The exact body.
    body TEXT NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 65536),
    -- When it was written.
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    -- Attempts that were made.
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 4294967295),
    -- When it is due.
    next_attempt_at INTEGER NOT NULL CHECK (next_attempt_at >= 0),
    -- Waiting, acknowledged by the receiver, or refused for good.
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    -- What went wrong in the last attempt that failed.
    last_error TEXT CHECK (length(last_error) <= 200),
    -- When the receiver acknowledged it.
    delivered_at INTEGER CHECK (delivered_at >= 0),
    UNIQUE (event, endpoint),
    CHECK ((delivered_at IS NOT NULL) = (state = 'delivered')),
    CHECK (state <> 'dead' OR last_error IS NOT NULL)
) STRICT;

-- What is due for one endpoint, the longest due first; and what is due next of all.
CREATE INDEX outbox_due_of_endpoint ON outbox (endpoint, next_attempt_at, delivery) WHERE state = 'waiting';
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX outbox_oldest ON outbox (created_at) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (delivery) WHERE state = 'dead';
CREATE INDEX outbox_session ON outbox (session);

CREATE TRIGGER outbox_content_stays BEFORE UPDATE OF delivery, event, session, endpoint, body, created_at ON outbox
BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;

CREATE TRIGGER outbox_acknowledged_stays BEFORE UPDATE ON outbox WHEN OLD.state = 'delivered'
BEGIN SELECT RAISE(ABORT, 'an acknowledged delivery never changes'); END;

CREATE TRIGGER outbox_is_kept BEFORE DELETE ON outbox WHEN OLD.state <> 'delivered'
BEGIN SELECT RAISE(ABORT, 'an event is never dropped before it is acknowledged'); END;

CREATE TABLE audit (
    -- Counts the entries from 1, without gaps.
    sequence INTEGER PRIMARY KEY NOT NULL CHECK (sequence >= 1),
    -- When it happened, by the device's clock.
    at INTEGER NOT NULL CHECK (at >= 0),
    -- Who did it.
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 32 AND actor NOT GLOB '*[^a-z_]*'),
    -- What was done.
    action TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 64 AND action NOT GLOB '*[^a-z_]*'),
    -- The session that it was done to. Not a reference: an entry outlives its session.
    session TEXT CHECK (length(session) = 24 AND session NOT GLOB '*[^0-9a-hjkmnp-tv-z]*'),
    -- Hash of the entry before this one.
    previous_hash TEXT CHECK (length(previous_hash) = 64 AND previous_hash NOT GLOB '*[^0-9a-f]*'),
    -- SHA-256 over this entry and the hash before it.
    hash TEXT NOT NULL CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
    CHECK ((previous_hash IS NULL) = (sequence = 1))
) STRICT;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'an audit entry never changes'); END;

CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'an audit entry is never deleted'); END;
