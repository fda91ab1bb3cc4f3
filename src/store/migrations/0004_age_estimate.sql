-- Credentials of live faces that needed no document are of their own strength, and have no anchor. A constraint cannot be
-- changed in its place, so that the table is made anew, as in the second migration. No table holds an estimate.

CREATE TABLE credential_4 (
    -- Its identifier.
    id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 29 AND id GLOB 'cred_*' AND id NOT GLOB '*[^0-9a-z_]*'),
    -- The session that earned it.
    session TEXT NOT NULL REFERENCES session (id),
    -- The outcome that it rests on.
    outcome TEXT NOT NULL UNIQUE REFERENCES outcome (id),
    -- How old the person is at least.
    tier TEXT NOT NULL CHECK (tier GLOB 'over_[0-9][0-9]'),
    -- The kind of document and the checks, such as driving_license_barcode_face; age_estimate where none was needed.
    method TEXT NOT NULL CHECK (length(method) BETWEEN 1 AND 64 AND method NOT GLOB '*[^a-z_]*'),
    -- How strong the evidence was, weakest first.
    strength TEXT NOT NULL CHECK (strength IN ('age_estimate', 'front_only', 'document', 'document_face')),
    -- The moment of the decision.
    verified_at INTEGER NOT NULL CHECK (verified_at >= 0),
    -- When it stops granting anything.
    expires_at INTEGER NOT NULL CHECK (expires_at >= verified_at),
    -- Whether it came from the pinned camera.
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1))
) STRICT;

INSERT INTO credential_4
SELECT id, session, outcome, tier, method, strength, verified_at, expires_at, livemode FROM credential;

CREATE TABLE anchor_4 (
    -- HMAC-SHA256 in hexadecimal.
    value TEXT NOT NULL CHECK (length(value) = 64 AND value NOT GLOB '*[^0-9a-f]*'),
    -- What it recognises again.
    kind TEXT NOT NULL CHECK (kind IN ('document', 'person')),
    -- The credential of the document or person.
    credential TEXT NOT NULL REFERENCES credential_4 (id) ON DELETE CASCADE,
    PRIMARY KEY (value, kind, credential)
) STRICT, WITHOUT ROWID;

INSERT INTO anchor_4 SELECT value, kind, credential FROM anchor;

DROP TABLE anchor;
DROP TABLE credential;

-- What refers to a table follows its new name.
ALTER TABLE credential_4 RENAME TO credential;
ALTER TABLE anchor_4 RENAME TO anchor;

CREATE INDEX credential_session ON credential (session);
CREATE INDEX anchor_credential ON anchor (credential);
