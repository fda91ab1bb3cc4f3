-- Keys that have signed outcomes before the one that the device's row names. Public parts alone: a key is never in here.

CREATE TABLE handover (
    -- Counts handovers from 1.
    number INTEGER PRIMARY KEY NOT NULL CHECK (number >= 1),
    -- RFC 7638 thumbprint of the key that signed until then.
    old_key_id TEXT NOT NULL UNIQUE CHECK (length(old_key_id) = 43 AND old_key_id NOT GLOB '*[^0-9A-Za-z_-]*'),
    -- The same of the key that took over.
    new_key_id TEXT NOT NULL UNIQUE CHECK (length(new_key_id) = 43 AND new_key_id NOT GLOB '*[^0-9A-Za-z_-]*'),
    -- Number of the first outcome that the new key signs.
    first_sequence INTEGER NOT NULL CHECK (first_sequence >= 1),
    -- When.
    at INTEGER NOT NULL CHECK (at >= 0),
    -- The handover with both public keys, signed by the old key: a compact JWS, for receivers.
    by_old TEXT NOT NULL CHECK (length(by_old) BETWEEN 1 AND 4096 AND by_old NOT GLOB '*[^0-9A-Za-z_.-]*'),
    -- The same, signed by the new key: whoever has neither makes none.
    by_new TEXT NOT NULL CHECK (length(by_new) BETWEEN 1 AND 4096 AND by_new NOT GLOB '*[^0-9A-Za-z_.-]*'),
    CHECK (old_key_id <> new_key_id)
) STRICT;

CREATE TRIGGER handover_stays BEFORE UPDATE ON handover
BEGIN SELECT RAISE(ABORT, 'a handover never changes'); END;

CREATE TRIGGER handover_is_kept BEFORE DELETE ON handover
BEGIN SELECT RAISE(ABORT, 'a handover is never deleted'); END;
