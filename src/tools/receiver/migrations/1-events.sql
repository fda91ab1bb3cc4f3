-- What the receiver has acknowledged. Nothing here is personal data, because no event holds any.

CREATE TABLE events (
    -- The event's stable identifier: a second delivery finds it taken and has no effect.
    id TEXT PRIMARY KEY CHECK (id LIKE 'evt\_%' ESCAPE '\' AND length(id) <= 255),
    -- Its name, such as verification_session.verified.
    type TEXT NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    -- The session in the event's dialect, vs_... or vks_....
    session TEXT NOT NULL CHECK (length(session) BETWEEN 1 AND 255),
    -- How it ended: the outcome's result, or the session's status where nothing was decided.
    result TEXT NOT NULL CHECK (length(result) BETWEEN 1 AND 100),
    -- The most telling reason, where there is one.
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 100),
    -- Whether the device says that all of it came from its pinned camera.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    -- When the device made the event, in Unix seconds.
    created INTEGER NOT NULL,
    -- When it came here first, in Unix milliseconds.
    received_at_ms INTEGER NOT NULL,
    -- Whether the device's own signature was checked: none (the event has no outcome), not_checked, verified.
    attestation TEXT NOT NULL CHECK (attestation IN ('none', 'not_checked', 'verified')),
    -- The attested outcome's place in the device's chain; only where the attestation was verified.
    sequence INTEGER CHECK (sequence >= 0),
    -- SHA-256 of the compact JWS, lower-case hexadecimal.
    jws_sha256 TEXT CHECK (length(jws_sha256) = 64),
    -- The raw body that was signed.
    body BLOB NOT NULL,
    CHECK ((attestation = 'verified') = (sequence IS NOT NULL)),
    CHECK ((sequence IS NULL) = (jws_sha256 IS NULL))
) STRICT, WITHOUT ROWID;

-- Verified attestations, each once, even if several events carry it.
CREATE TABLE attestations (
    -- Counts the device's outcomes from 1; 0 where nothing is chained.
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    -- SHA-256 of the compact JWS, lower-case hexadecimal.
    jws_sha256 TEXT NOT NULL CHECK (length(jws_sha256) = 64),
    -- The same of the one before, as the device attests it; NULL for its first.
    previous_hash TEXT,
    PRIMARY KEY (sequence, jws_sha256)
) STRICT, WITHOUT ROWID;

-- How each attestation hangs together with the others: asked anew each time, because events come in any order.
CREATE VIEW chain (sequence, jws_sha256, state) AS
SELECT a.sequence, a.jws_sha256, CASE
    WHEN a.sequence = 0 THEN 'unchained'
    -- Two different outcomes in one place.
    WHEN EXISTS (SELECT 1 FROM attestations o WHERE o.sequence = a.sequence AND o.jws_sha256 <> a.jws_sha256) THEN 'broken'
    WHEN a.sequence = 1 THEN CASE WHEN a.previous_hash IS NULL THEN 'linked' ELSE 'broken' END
    WHEN EXISTS (SELECT 1 FROM attestations p WHERE p.sequence = a.sequence - 1 AND p.jws_sha256 = a.previous_hash) THEN 'linked'
    WHEN EXISTS (SELECT 1 FROM attestations p WHERE p.sequence = a.sequence - 1) THEN 'broken'
    -- The one before has not come yet.
    ELSE 'waiting'
END
FROM attestations a;
