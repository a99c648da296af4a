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

-- name: delete_source_notices_of
DELETE FROM source_notice
WHERE subscription = ?

-- name: insert_source_notice
INSERT INTO source_notice (subscription, reason, documents, at_us)
VALUES (?, ?, ?, ?)

-- name: list_source_notices
SELECT subscription, reason, documents, at_us, id, parked_us, failure
FROM source_notice
WHERE subscription = ? AND parked_us IS NULL
ORDER BY id
LIMIT ?

-- name: count_source_notices
SELECT count(*)
FROM source_notice
WHERE subscription = ? AND parked_us IS NULL

-- name: list_parked_source_notices
SELECT subscription, reason, documents, at_us, id, parked_us, failure
FROM source_notice
WHERE parked_us IS NOT NULL
ORDER BY id

-- name: delete_source_notice
DELETE FROM source_notice
WHERE id = ?

-- name: park_source_notices
UPDATE source_notice
SET parked_us = ?3, failure = ?4
WHERE id IN (
  SELECT id FROM source_notice
  WHERE subscription = ?1 AND parked_us IS NULL
  ORDER BY id
  LIMIT ?2
)

-- name: replay_source_notice
-- It gets a new number, so that it stands behind what waits.
UPDATE source_notice
SET parked_us = NULL, failure = NULL, id = (SELECT max(id) FROM source_notice) + 1
WHERE id = ? AND parked_us IS NOT NULL
RETURNING subscription

-- name: drop_source_notice
DELETE FROM source_notice
WHERE id = ? AND parked_us IS NOT NULL
RETURNING id
