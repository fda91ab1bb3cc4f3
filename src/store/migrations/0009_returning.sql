-- People who were verified before and come again: what finds their credential, and how often a code for it may be asked for
-- and entered.

-- The rules that it was earned by; those from before this step do not say.
ALTER TABLE credential ADD COLUMN rule_version TEXT NOT NULL DEFAULT 'unknown' CHECK (length(rule_version) BETWEEN 1 AND 64);

CREATE TABLE contact (
    -- HMAC-SHA256 in hexadecimal of an address or a number that the person has left.
    value TEXT NOT NULL CHECK (length(value) = 64 AND value NOT GLOB '*[^0-9a-f]*'),
    -- What it is of.
    kind TEXT NOT NULL CHECK (kind IN ('email', 'phone')),
    -- What they have. With it this goes, too.
    credential TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    PRIMARY KEY (value, kind, credential)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_credential ON contact (credential);

CREATE TABLE code_attempt (
    -- Number of the attempt, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Keyed hash by which the address is known again until the row goes. It is under a label of its own and meets no anchor.
    address TEXT NOT NULL CHECK (length(address) = 64 AND address NOT GLOB '*[^0-9a-f]*'),
    -- Whether a code was sent there, or one was entered.
    kind TEXT NOT NULL CHECK (kind IN ('sent', 'entered')),
    -- When, in milliseconds of the attempt clock.
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0)
) STRICT;

CREATE INDEX code_attempt_address ON code_attempt (address, kind, at_ms);

CREATE TRIGGER code_attempt_stays BEFORE UPDATE ON code_attempt
BEGIN SELECT RAISE(ABORT, 'an attempt never changes'); END;
