-- Subscriptions at other sources, by name. The tenant is the file that it runs on.

-- name: list_forwarded
SELECT remote_id, number, registration, sent, failure
FROM forwarded_subscription
ORDER BY remote_id

-- name: put_forwarded
INSERT OR REPLACE INTO forwarded_subscription (remote_id, number, registration, sent, failure)
VALUES (?, ?, ?, ?, ?)

-- name: delete_forwarded
DELETE FROM forwarded_subscription
WHERE remote_id = ?
