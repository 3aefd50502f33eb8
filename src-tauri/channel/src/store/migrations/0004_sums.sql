-- A sum over what is delivered, so that a flipped bit is noticed and never read aloud. Null: written by an older version, not checked.
ALTER TABLE turn ADD COLUMN sum INTEGER;
ALTER TABLE reply ADD COLUMN sum INTEGER;
