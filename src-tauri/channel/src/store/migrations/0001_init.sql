CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    device_key TEXT PRIMARY KEY,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    bound_at   INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL DEFAULT 0,
    last_n     INTEGER NOT NULL DEFAULT 0,
    got_n      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE turn (
    seq            INTEGER PRIMARY KEY,
    device_key     TEXT NOT NULL REFERENCES device (device_key) ON DELETE CASCADE,
    message_id     TEXT NOT NULL,
    digest         BLOB NOT NULL,
    text           TEXT,
    bytes          INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'done')),
    outcome        TEXT,
    late           INTEGER NOT NULL DEFAULT 0,
    received_at    INTEGER NOT NULL,
    stored_at      INTEGER NOT NULL,
    delivered_at   INTEGER,
    accepted_at    INTEGER,
    started_at     INTEGER,
    first_token_at INTEGER,
    tool_at        INTEGER,
    final_at       INTEGER,
    UNIQUE (device_key, message_id)
) STRICT;

CREATE INDEX turn_open ON turn (device_key, seq) WHERE state <> 'done';
CREATE INDEX turn_age ON turn (received_at);

CREATE TABLE reply (
    device_key TEXT NOT NULL REFERENCES device (device_key) ON DELETE CASCADE,
    n          INTEGER NOT NULL,
    rid        TEXT NOT NULL UNIQUE,
    message_id TEXT,
    text       TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    late       INTEGER NOT NULL DEFAULT 0,
    code       INTEGER,
    by_agent   TEXT,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    got_at     INTEGER,
    PRIMARY KEY (device_key, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX reply_age ON reply (created_at);
