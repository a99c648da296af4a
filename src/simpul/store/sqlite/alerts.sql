-- Alerts and the letters that tell of them, by name. The tenant is the file that it runs on.

-- name: list_alerts
SELECT id, source, kind, since_us, detail, ended_us
FROM alert
ORDER BY id DESC
LIMIT ?

-- name: list_open_alerts
SELECT id, source, kind, since_us, detail, ended_us
FROM alert
WHERE ended_us IS NULL
ORDER BY id DESC
LIMIT ?

-- name: begin_alert
INSERT OR IGNORE INTO alert (source, kind, since_us, detail)
VALUES (?, ?, ?, ?)

-- name: write_beginning
INSERT OR IGNORE INTO alert_letter (alert, phase, target, written_us)
SELECT id, 'began', ?4, ?3
FROM alert
WHERE source = ?1 AND kind = ?2 AND since_us = ?3 AND ended_us IS NULL

-- name: end_alert
UPDATE alert
SET ended_us = ?3
WHERE source = ?1 AND kind = ?2 AND ended_us IS NULL

-- name: write_end
INSERT OR IGNORE INTO alert_letter (alert, phase, target, written_us)
SELECT id, 'ended', ?4, ?3
FROM alert
WHERE source = ?1 AND kind = ?2 AND ended_us = ?3

-- name: forget_old_alerts
DELETE FROM alert
WHERE ended_us IS NOT NULL
  AND id NOT IN (SELECT alert FROM alert_letter)
  AND id <= (SELECT id FROM alert ORDER BY id DESC LIMIT 1 OFFSET ?)

-- name: forget_letters_of_source
DELETE FROM alert_letter
WHERE alert IN (SELECT id FROM alert WHERE source = ?)

-- name: forget_alerts_of_source
DELETE FROM alert
WHERE source = ?

-- name: list_letters
SELECT letter.id, letter.phase, letter.target, letter.tries, letter.next_us, letter.written_us,
       alert.id, alert.source, alert.kind, alert.since_us, alert.detail, alert.ended_us
FROM alert_letter AS letter
JOIN alert ON alert.id = letter.alert
WHERE letter.id IN (SELECT min(id) FROM alert_letter GROUP BY target) AND letter.next_us <= ?
ORDER BY letter.id

-- name: drop_letter
DELETE FROM alert_letter
WHERE id = ?

-- name: postpone_letter
UPDATE alert_letter
SET tries = tries + 1, next_us = ?2
WHERE id = ?1
