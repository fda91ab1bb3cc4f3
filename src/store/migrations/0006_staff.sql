-- The staff, whose codes say that they may look at a document in the device's place; and wrong codes, so that nobody tries
-- until one fits.

CREATE TABLE staff (
    -- Their name on this device, which tells neither who they are nor the code.
    id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 28 AND id GLOB 'stf_*' AND id NOT GLOB '*[^0-9a-z_]*'),
    -- Keyed hash of the code. It stays when they are removed, so that nobody is given the same one.
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
    -- What the operator calls them.
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 64),
    -- When they were added.
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    -- When they were removed.
    removed_at INTEGER CHECK (removed_at >= 0),
    -- When the code was last used.
    last_used_at INTEGER CHECK (last_used_at >= 0)
) STRICT;

CREATE TRIGGER staff_origin_stays BEFORE UPDATE OF id, hash, label, created_at ON staff
BEGIN SELECT RAISE(ABORT, 'who was added never changes'); END;

CREATE TRIGGER staff_removed_stays BEFORE UPDATE OF removed_at ON staff WHEN OLD.removed_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'who was removed stays removed'); END;

CREATE TRIGGER staff_is_kept BEFORE DELETE ON staff
BEGIN SELECT RAISE(ABORT, 'one of the staff is never deleted'); END;

CREATE TABLE staff_refusal (
    -- Number of the refusal, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- When a wrong code was entered, in milliseconds of the attempt clock.
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0)
) STRICT;

CREATE TRIGGER staff_refusal_stays BEFORE UPDATE ON staff_refusal
BEGIN SELECT RAISE(ABORT, 'a refusal never changes'); END;
