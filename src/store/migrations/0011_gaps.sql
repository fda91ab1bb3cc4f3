-- Numbers that nothing in this store has: those between a restored backup and what comes after it, and those of rows that a
-- damaged file has lost. A gap that is not in this table is somebody's work.

CREATE TABLE gap (
    -- Number of the gap, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- In which chain.
    chain TEXT NOT NULL CHECK (chain IN ('outcomes', 'audit')),
    -- The last number before it; 0 where it is the beginning.
    last_before INTEGER NOT NULL CHECK (last_before >= 0),
    -- The first number behind it, whether or not it is there yet.
    first_behind INTEGER NOT NULL CHECK (first_behind > last_before + 1),
    -- Why: a backup was restored, or rows could not be read any more.
    reason TEXT NOT NULL CHECK (reason IN ('restored', 'rescued')),
    -- When it was written.
    at INTEGER NOT NULL CHECK (at >= 0),
    UNIQUE (chain, last_before)
) STRICT;

CREATE TRIGGER gap_stays BEFORE UPDATE ON gap
BEGIN SELECT RAISE(ABORT, 'a gap never changes'); END;

CREATE TRIGGER gap_is_kept BEFORE DELETE ON gap
BEGIN SELECT RAISE(ABORT, 'a gap is never deleted'); END;

-- The same table as before, but that a device may go on from a number of which it holds no outcome.
CREATE TABLE device_with_gaps (
    -- There is one row.
    only_row INTEGER PRIMARY KEY NOT NULL CHECK (only_row = 1),
    -- The device's identifier, as its outcomes carry it.
    id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^0-9A-Za-z_.-]*'),
    -- RFC 7638 thumbprint of the key that signs its outcomes.
    key_id TEXT NOT NULL CHECK (length(key_id) = 43 AND key_id NOT GLOB '*[^0-9A-Za-z_-]*'),
    -- Check value of the key under which its anchors were made.
    anchor_key_id TEXT NOT NULL CHECK (length(anchor_key_id) = 64 AND anchor_key_id NOT GLOB '*[^0-9a-f]*'),
    -- Number of its last outcome, or of the last that is left out; 0 before the first.
    last_sequence INTEGER NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    -- SHA-256 of the JWS of the last outcome that is there, in hexadecimal.
    last_hash TEXT CHECK (length(last_hash) = 64 AND last_hash NOT GLOB '*[^0-9a-f]*'),
    -- Number of its last audit entry; 0 before the first.
    last_audit_sequence INTEGER NOT NULL DEFAULT 0 CHECK (last_audit_sequence >= 0),
    -- Hash of that entry.
    last_audit_hash TEXT CHECK (length(last_audit_hash) = 64 AND last_audit_hash NOT GLOB '*[^0-9a-f]*'),
    CHECK (last_hash IS NULL OR last_sequence > 0),
    CHECK ((last_audit_hash IS NULL) = (last_audit_sequence = 0))
) STRICT;

INSERT INTO device_with_gaps SELECT * FROM device;
DROP TABLE device;
ALTER TABLE device_with_gaps RENAME TO device;
