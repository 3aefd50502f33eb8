-- Who may speak to a device without being asked by it.
ALTER TABLE device ADD COLUMN speaks_first TEXT NOT NULL DEFAULT 'anyone' CHECK (speaks_first IN ('anyone', 'asked', 'nobody'));

-- What the assistant said by itself, for the list of what happened: without it every look would read all answers.
CREATE INDEX reply_first ON reply (created_at) WHERE message_id IS NULL AND code IS NULL;

-- What the owner's choice kept from a device: who and when, never the words. Also the memory that makes a repeated frame get the same answer.
CREATE TABLE refused_push (
    rid        TEXT PRIMARY KEY,
    device_key TEXT NOT NULL REFERENCES device (device_key) ON DELETE CASCADE,
    by_agent   TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refused_push_age ON refused_push (created_at);
CREATE INDEX refused_push_device ON refused_push (device_key, created_at);

UPDATE reply SET by_agent = 'agent:' || by_agent WHERE by_agent IS NOT NULL AND by_agent <> 'user';
