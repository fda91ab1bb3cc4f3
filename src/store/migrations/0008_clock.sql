-- What is known of the time, so that neither a restart nor a clock that was set makes an expired document valid; and when
-- the clock was set. No time here says anything of a person or a session.

CREATE TABLE clock (
    -- There is one row, or none before the first look at a clock.
    only_row INTEGER PRIMARY KEY NOT NULL CHECK (only_row = 1),
    -- The latest time that was trusted: what is decided by is never before it. Only an operator lowers it.
    floor_at INTEGER NOT NULL CHECK (floor_at >= 0),
    -- When a source has last confirmed the clock on the wall.
    confirmed_at INTEGER CHECK (confirmed_at >= 0),
    -- Which one.
    confirmed_by TEXT CHECK (confirmed_by IN ('ntp', 'gnss')),
    -- The latest time that was decided by, confirmed or not, since a source last confirmed one.
    decided_at INTEGER NOT NULL CHECK (decided_at >= 0),
    -- The clock on the wall when this was written.
    wall_at INTEGER NOT NULL CHECK (wall_at >= 0),
    -- Milliseconds since the machine booted, then.
    boot_ms INTEGER NOT NULL CHECK (boot_ms >= 0),
    -- The kernel's random name of that boot; null where it gives none.
    boot_id TEXT CHECK (length(boot_id) = 36 AND boot_id NOT GLOB '*[^0-9a-f-]*'),
    CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL))
) STRICT;

CREATE TABLE clock_step (
    -- Number of the step, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- What the clock on the wall would have said.
    from_at INTEGER NOT NULL CHECK (from_at >= 0),
    -- What it says.
    to_at INTEGER NOT NULL CHECK (to_at >= 0)
) STRICT;

CREATE TRIGGER clock_step_stays BEFORE UPDATE ON clock_step
BEGIN SELECT RAISE(ABORT, 'a step of the clock never changes'); END;
