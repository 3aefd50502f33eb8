-- When a turn was over, and between which n its replies lie: found so without an index that every reply pays for.
ALTER TABLE turn ADD COLUMN ended_at INTEGER;
ALTER TABLE turn ADD COLUMN first_n INTEGER;
ALTER TABLE turn ADD COLUMN last_n INTEGER;

UPDATE turn SET first_n = of.first_n, last_n = of.last_n
FROM (
    SELECT device_key, message_id, min(n) AS first_n, max(n) AS last_n
    FROM reply WHERE message_id IS NOT NULL GROUP BY device_key, message_id
) AS of
WHERE turn.device_key = of.device_key AND turn.message_id = of.message_id;

-- The newest turns of one device are found in the index of all, by its key beside the time: an index of their own would cost every message a page.
DROP INDEX turn_age;
CREATE INDEX turn_age ON turn (received_at, device_key);
