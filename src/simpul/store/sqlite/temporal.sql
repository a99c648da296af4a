-- Every statement about the log of entities, by name. The tenant is the file that it runs on. The log of one entity lies
-- between two places (`schema.sql`).

-- name: find_entity
SELECT eid, type_set
FROM entity
WHERE id = ?

-- name: list_writes
-- The newest, where there are too many.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
ORDER BY place DESC
LIMIT ?2

-- name: list_writes_of
-- The same by the entity's id, with its set of types: one statement costs less than two.
SELECT entity.type_set, history.sequence, history.at_us, history.kind, history.body, history.removed
FROM entity
CROSS JOIN history ON history.place BETWEEN entity.eid << 36 AND (entity.eid << 36) + 68719476735
WHERE entity.id = ?
ORDER BY history.place DESC
LIMIT ?

-- name: list_writes_between
-- An instance that was corrected was modified later than it came.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
  AND (at_us >= ?3 AND at_us < ?4 OR instr(body, CAST('"modifiedAt":"' AS BLOB)))
ORDER BY place DESC
LIMIT ?2

-- name: list_writes_observed
-- A text that every time of observation in the window begins with; what else holds it is left out later.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735 AND instr(body, ?3)
ORDER BY place DESC
LIMIT ?2

-- name: list_scope_writes
-- The first entry and those after which the scope may be another: 2 is REPLACED, 3 DELETED.
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
  AND (
    instr(body, CAST('"scope":' AS BLOB))
    OR kind IN (2, 3)
    OR instr(removed, '"scope"')
    OR place = (SELECT min(place) FROM history WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735)
  )
ORDER BY place
LIMIT ?2

-- name: all_writes
SELECT sequence, at_us, kind, body, removed
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
ORDER BY place

-- name: has_writes
SELECT 1
FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
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
  WHERE history.place BETWEEN entity.eid << 36 AND (entity.eid << 36) + 68719476735
    AND (at_us >= ?2 AND at_us < ?3 OR instr(history.body, CAST('"modifiedAt":"' AS BLOB)))
)

-- name: entities_observed
SELECT entity.eid, entity.id, entity.type_set
FROM json_each(?1) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value
WHERE EXISTS (
  SELECT 1
  FROM history
  WHERE history.place BETWEEN entity.eid << 36 AND (entity.eid << 36) + 68719476735 AND instr(history.body, ?2)
)

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
WHERE place > (?1 << 36) + ?2 AND place <= (?1 << 36) + 68719476735
ORDER BY place
LIMIT ?3

-- name: newest_note
SELECT coalesce(max(id), 0)
FROM history_note

-- name: thin_write
-- Unless the log was corrected since it was read.
UPDATE history
SET kind = ?3, body = ?4, removed = ?5
WHERE place = (?1 << 36) + ?2
  AND NOT EXISTS (SELECT 1 FROM history_note WHERE history_note.id > ?6 AND history_note.eid = ?1)

-- name: drop_writes
DELETE FROM history
WHERE place IN (SELECT (?1 << 36) + value FROM json_each(?2))
  AND NOT EXISTS (SELECT 1 FROM history_note WHERE history_note.id > ?3 AND history_note.eid = ?1)

-- name: update_write
UPDATE history
SET body = ?3, removed = ?4
WHERE place = (?1 << 36) + ?2

-- name: delete_writes
DELETE FROM history
WHERE place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735

-- name: insert_note
INSERT INTO history_note (eid, at_us, origin, what)
VALUES (?, ?, ?, ?)
