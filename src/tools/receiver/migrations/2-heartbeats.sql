-- What the device has said of itself, and what is wrong with it.

CREATE TABLE heartbeats (
    -- Counts those that were taken.
    number INTEGER PRIMARY KEY NOT NULL,
    -- SHA-256 of the compact JWS, lower-case hexadecimal: the same one counts once.
    jws_sha256 TEXT NOT NULL UNIQUE CHECK (length(jws_sha256) = 64),
    -- When the device signed it, in Unix milliseconds by its clock.
    at_ms INTEGER NOT NULL,
    -- When it came here, in Unix milliseconds.
    received_at_ms INTEGER NOT NULL,
    -- The device's last outcome then, and its hash.
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    hash TEXT CHECK (length(hash) = 64),
    -- Its last audit entry, and that one's hash.
    audit_sequence INTEGER NOT NULL CHECK (audit_sequence >= 0),
    audit_hash TEXT CHECK (length(audit_hash) = 64),
    -- All that was signed, as JSON.
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX heartbeats_sequence ON heartbeats (sequence);

-- What was found once and does not pass by itself. It stays until somebody says that they have seen it.
CREATE TABLE findings (
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
    what TEXT NOT NULL CHECK (length(what) BETWEEN 1 AND 400),
    -- In Unix milliseconds.
    found_at_ms INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
    PRIMARY KEY (kind, what)
) STRICT, WITHOUT ROWID;
