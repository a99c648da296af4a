-- The registrations of other sources, by name. The tenant is the file that it runs on.

-- name: list_registrations
SELECT id, document, created_us, modified_us
FROM registration
ORDER BY created_us, id

-- name: put_registration
INSERT INTO registration (id, document, created_us, modified_us)
VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET document = excluded.document, modified_us = excluded.modified_us

-- name: delete_registration
DELETE FROM registration
WHERE id = ?

-- name: find_alias
SELECT alias
FROM peer_alias

-- name: put_alias
INSERT OR REPLACE INTO peer_alias (id, alias)
VALUES (1, ?)

-- name: list_source_subscriptions
SELECT id, document, created_us, modified_us, times_sent, times_failed, last_success_us, last_failure_us
FROM source_subscription
ORDER BY created_us, id

-- name: put_source_subscription
INSERT OR REPLACE INTO source_subscription
  (id, document, created_us, modified_us, times_sent, times_failed, last_success_us, last_failure_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: delete_source_subscription
DELETE FROM source_subscription
WHERE id = ?
