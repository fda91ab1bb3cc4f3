-- By which of the device's keys. NULL for what was stored before keys were told apart.
ALTER TABLE attestations ADD COLUMN key_id TEXT CHECK (length(key_id) = 43);
