-- name: put_report
INSERT OR REPLACE INTO quality_report (run, source, at_us, row_count, findings)
VALUES (?, ?, ?, ?, ?)

-- name: forget_reports
DELETE FROM quality_report
WHERE source = ?1 AND run NOT IN (SELECT id FROM source_run WHERE source = ?1)

-- name: list_reports
SELECT run, source, at_us, row_count, findings
FROM quality_report
WHERE source = ?
ORDER BY run DESC
LIMIT ?

-- name: count_rejects_by_rule
SELECT rule, count(*)
FROM reject
WHERE source = ?
GROUP BY rule

-- name: find_reject
SELECT source, key, run, at_us, rule, reason, raw
FROM reject
WHERE source = ? AND key = ?

-- name: find_shape
SELECT source, run, row_count, columns
FROM source_shape
WHERE source = ?

-- name: put_shape
INSERT OR REPLACE INTO source_shape (source, run, row_count, columns)
VALUES (?, ?, ?, ?)

-- name: drop_reports
DELETE FROM quality_report
WHERE source = ?

-- name: drop_shape
DELETE FROM source_shape
WHERE source = ?

-- name: drop_corrections
DELETE FROM correction
WHERE source = ?

-- name: replace_correction
UPDATE correction
SET undone_us = ?4, undone_by = ?5
WHERE source = ?1 AND key = ?2 AND column_name = ?3 AND undone_us IS NULL

-- name: add_correction
INSERT INTO correction (source, key, column_name, before, after, reason, by_whom, at_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: list_corrections
SELECT id, source, key, column_name, before, after, reason, by_whom, at_us, undone_us, undone_by
FROM correction
WHERE source = ?
ORDER BY id DESC

-- name: list_corrections_in_force
SELECT id, source, key, column_name, before, after, reason, by_whom, at_us, undone_us, undone_by
FROM correction
WHERE source = ? AND undone_us IS NULL
ORDER BY id DESC

-- name: undo_correction
UPDATE correction
SET undone_us = ?2, undone_by = ?3
WHERE id = ?1 AND undone_us IS NULL
RETURNING id

-- name: put_decision
INSERT OR REPLACE INTO code_decision (list_id, parent, name, code, by_whom, at_us)
VALUES (?, ?, ?, ?, ?, ?)

-- name: list_decisions
SELECT list_id, parent, name, code, by_whom, at_us
FROM code_decision
ORDER BY list_id, parent, name

-- name: answer_question
DELETE FROM code_question
WHERE list_id = ? AND parent = ? AND name = ?

-- name: drop_questions
DELETE FROM code_question
WHERE source = ?

-- name: add_question
INSERT OR REPLACE INTO code_question (list_id, parent, name, source, row_count, at_us, near)
VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: list_questions
SELECT list_id, parent, name, source, row_count, at_us, near
FROM code_question
ORDER BY row_count DESC, list_id, parent, name
