-- The statements of subscriptions and their outbox, by name. The tenant is the file that they run on.

-- name: list_subscriptions
SELECT number, id, kept, told, times_sent, times_failed, last_notification_us, last_success_us, last_failure_us, tries,
  failing_since_us, failure
FROM subscription
ORDER BY number

-- name: put_subscription
INSERT INTO subscription (id, kept)
VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET kept = excluded.kept
RETURNING number

-- name: delete_subscription
DELETE FROM subscription
WHERE number = ?

-- name: delete_parked_of
DELETE FROM parked_notification
WHERE number = ?

-- name: insert_notice
INSERT OR FAIL INTO notice (id, numbers, state)
VALUES (?, ?, ?)

-- name: list_notices
SELECT id, numbers, state
FROM notice
WHERE id > ?
ORDER BY id
LIMIT ?

-- name: delete_notices_through
DELETE FROM notice
WHERE id <= ?

-- name: delete_notices
DELETE FROM notice
WHERE id IN (SELECT value FROM json_each(?))

-- name: put_progress
UPDATE subscription
SET told = ?, times_sent = ?, times_failed = ?, last_notification_us = ?, last_success_us = ?, last_failure_us = ?,
  tries = ?, failing_since_us = ?, failure = ?
WHERE number = ?

-- name: insert_parked
INSERT INTO parked_notification (number, at_us, tries, reason, states)
VALUES (?, ?, ?, ?, ?)

-- name: list_parked
-- Newest first; all of them where no number is given.
SELECT parked_notification.id, subscription.number, subscription.id, at_us, parked_notification.tries, reason, states
FROM parked_notification
JOIN subscription ON subscription.number = parked_notification.number
WHERE ?1 IS NULL OR parked_notification.number = ?1
ORDER BY parked_notification.id DESC
LIMIT ?2 OFFSET ?3

-- name: count_parked
SELECT number, count(*)
FROM parked_notification
GROUP BY number

-- name: find_parked
SELECT number, states
FROM parked_notification
WHERE id = ?

-- name: delete_parked
DELETE FROM parked_notification
WHERE id = ?
RETURNING id
