-- What a person agreed to, beside the session; and outcomes of the staff, which refer to the one that they override.

-- Whether the person agreed; null before they answered.
ALTER TABLE session ADD COLUMN consent_given INTEGER CHECK (consent_given IN (0, 1));
-- Which text was before them.
ALTER TABLE session ADD COLUMN consent_version TEXT CHECK (length(consent_version) BETWEEN 1 AND 32
    AND consent_version NOT GLOB '*[^0-9a-z._-]*');
-- In which language: a tag of RFC 5646.
ALTER TABLE session ADD COLUMN consent_language TEXT CHECK (length(consent_language) BETWEEN 2 AND 35
    AND consent_language NOT GLOB '*[^0-9A-Za-z-]*');
-- Who showed it.
ALTER TABLE session ADD COLUMN consent_shown_by TEXT CHECK (consent_shown_by IN ('display', 'till'));
-- When they answered.
ALTER TABLE session ADD COLUMN consent_at INTEGER CHECK (consent_at >= 0
    AND (consent_at IS NULL) = (consent_given IS NULL)
    AND (consent_at IS NULL) = (consent_version IS NULL)
    AND (consent_at IS NULL) = (consent_language IS NULL)
    AND (consent_at IS NULL) = (consent_shown_by IS NULL));

-- The first outcome of the session, where this one is the staff's.
ALTER TABLE outcome ADD COLUMN overrides TEXT REFERENCES outcome (id);

-- One outcome ends a session; the staff's come after it.
DROP INDEX outcome_session;
CREATE UNIQUE INDEX outcome_ends_session ON outcome (session) WHERE overrides IS NULL;
CREATE INDEX outcome_session ON outcome (session, sequence);

CREATE TRIGGER outcome_overrides_the_first BEFORE INSERT ON outcome
WHEN NEW.overrides IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outcome AS earlier
    WHERE earlier.id = NEW.overrides AND earlier.session = NEW.session AND earlier.overrides IS NULL)
BEGIN SELECT RAISE(ABORT, 'an outcome of the staff refers to the one that ended its session'); END;
