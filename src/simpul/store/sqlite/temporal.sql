-- Every statement about the log of entities, by name. The tenant is the file that it runs on.

-- name: find_entity
SELECT eid, type_set
FROM entity
WHERE id = ?

-- name: list_writes
-- The newest, where there are too many.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ?
ORDER BY sequence DESC
LIMIT ?

-- name: list_writes_of
-- The same by the entity's id, with its set of types: one statement costs less than two.
SELECT entity.type_set, history.sequence, history.at_us, history.kind, history.body, history.removed
FROM entity
CROSS JOIN history ON history.eid = entity.eid
WHERE entity.id = ?
ORDER BY history.sequence DESC
LIMIT ?

-- name: list_writes_between
-- An instance that was corrected was modified later than it came.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ?1 AND (at_us >= ?3 AND at_us < ?4 OR instr(body, CAST('"modifiedAt":"' AS BLOB)))
ORDER BY sequence DESC
LIMIT ?2

-- name: list_writes_observed
-- A text that every time of observation in the window begins with; what else holds it is left out later.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ?1 AND instr(body, ?3)
ORDER BY sequence DESC
LIMIT ?2

-- name: list_scope_writes
-- The first entry and those after which the scope may be another: 2 is REPLACED, 3 DELETED.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ?1
  AND (
    instr(body, CAST('"scope":' AS BLOB))
    OR kind IN (2, 3)
    OR instr(removed, '"scope"')
    OR sequence = (SELECT min(sequence) FROM history WHERE eid = ?1)
  )
ORDER BY sequence
LIMIT ?2

-- name: all_writes
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ?
ORDER BY sequence

-- name: has_writes
SELECT 1
FROM history
WHERE eid = ?
LIMIT 1

-- name: eids_of_type
SELECT eid
FROM entity_type
WHERE type = ?
ORDER BY eid

-- name: eids_gone
-- Entities that are gone are few, and have an index of their own.
SELECT eid
FROM entity
WHERE body IS NULL AND type_set IN (SELECT value FROM json_each(?))
ORDER BY eid

-- name: eids_all
SELECT eid
FROM entity
ORDER BY eid

-- name: eids_of_ids
SELECT entity.eid
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.id = wanted.value
ORDER BY entity.eid

-- name: entities
SELECT entity.eid, entity.id, entity.type_set
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value

-- name: entities_between
-- Only those that were changed in the window: what has nothing there is not read.
SELECT entity.eid, entity.id, entity.type_set
FROM json_each(?1) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value
WHERE EXISTS (
  SELECT 1
  FROM history
  WHERE history.eid = entity.eid
    AND (at_us >= ?2 AND at_us < ?3 OR instr(history.body, CAST('"modifiedAt":"' AS BLOB)))
)

-- name: entities_observed
SELECT entity.eid, entity.id, entity.type_set
FROM json_each(?1) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value
WHERE EXISTS (SELECT 1 FROM history WHERE history.eid = entity.eid AND instr(history.body, ?2))

-- name: eids_of_type_after
SELECT eid
FROM entity_type
WHERE type = ? AND eid > ?
ORDER BY eid
LIMIT ?

-- name: eids_gone_after
SELECT eid
FROM entity
WHERE body IS NULL AND type_set IN (SELECT value FROM json_each(?)) AND eid > ?
ORDER BY eid
LIMIT ?

-- name: writes_after
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE eid = ? AND sequence > ?
ORDER BY sequence
LIMIT ?

-- name: newest_note
SELECT coalesce(max(id), 0)
FROM history_note

-- name: thin_write
-- Unless the log was corrected since it was read.
UPDATE history
SET kind = ?3, body = ?4, removed = ?5
WHERE eid = ?1 AND sequence = ?2
  AND NOT EXISTS (SELECT 1 FROM history_note WHERE history_note.id > ?6 AND history_note.eid = ?1)

-- name: drop_writes
DELETE FROM history
WHERE eid = ?1 AND sequence IN (SELECT value FROM json_each(?2))
  AND NOT EXISTS (SELECT 1 FROM history_note WHERE history_note.id > ?3 AND history_note.eid = ?1)

-- name: update_write
UPDATE history
SET body = ?3, removed = ?4
WHERE eid = ?1 AND sequence = ?2

-- name: delete_writes
DELETE FROM history
WHERE eid = ?

-- name: insert_note
INSERT INTO history_note (eid, at_us, origin, what)
VALUES (?, ?, ?, ?)
