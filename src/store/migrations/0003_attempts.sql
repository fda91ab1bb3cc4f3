-- Attempts are budgeted over sessions and restarts, so that nobody tries until it passes. A row stands from the beginning
-- of an attempt until it succeeds or an hour has passed. Times count how long the device has run (see attempt_clock), so
-- that a clock which was set gives no new attempts.

CREATE TABLE attempt (
    -- Number of the attempt, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- At what.
    kind TEXT NOT NULL CHECK (kind IN ('document', 'face')),
    -- When it began, in milliseconds of the attempt clock.
    began_ms INTEGER NOT NULL CHECK (began_ms >= 0),
    -- Of a head turn: keyed hash by which the document is known again until the row goes. It is under a label of its own and
    -- meets no anchor.
    document TEXT CHECK (length(document) = 64 AND document NOT GLOB '*[^0-9a-f]*'),
    CHECK (document IS NULL OR kind = 'face')
) STRICT;

CREATE INDEX attempt_began ON attempt (kind, began_ms);
CREATE INDEX attempt_document ON attempt (document, began_ms) WHERE document IS NOT NULL;

CREATE TRIGGER attempt_stays BEFORE UPDATE ON attempt
BEGIN SELECT RAISE(ABORT, 'an attempt never changes'); END;

CREATE TABLE attempt_clock (
    -- There is one row.
    only_row INTEGER PRIMARY KEY NOT NULL CHECK (only_row = 1),
    -- Milliseconds that engines have run on this store, as far as it was written. It never goes backwards.
    ran_ms INTEGER NOT NULL CHECK (ran_ms >= 0)
) STRICT;

INSERT INTO attempt_clock (only_row, ran_ms) VALUES (1, 0);

CREATE TRIGGER attempt_clock_only_rises BEFORE UPDATE ON attempt_clock WHEN NEW.ran_ms < OLD.ran_ms
BEGIN SELECT RAISE(ABORT, 'the attempt clock never goes backwards'); END;
