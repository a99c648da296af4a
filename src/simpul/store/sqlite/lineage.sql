-- name: find_entity
SELECT eid
FROM entity
WHERE id = ?

-- name: first_change
SELECT history.at_us, origin.name, history.body
FROM history
CROSS JOIN origin ON origin.id = history.origin
WHERE history.place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
ORDER BY history.place
LIMIT 1

-- name: last_changes
SELECT history.at_us, origin.name, history.body
FROM history
CROSS JOIN origin ON origin.id = history.origin
WHERE history.place BETWEEN ?1 << 36 AND (?1 << 36) + 68719476735
ORDER BY history.place DESC
LIMIT ?2

-- name: find_row
SELECT key, entity_id
FROM source_row
WHERE source = ? AND key = ?

-- name: rows_under
SELECT key, entity_id
FROM source_row
WHERE source = ? AND key >= ? AND key < ?
ORDER BY key DESC
LIMIT ?

-- name: rows_of
-- No index leads from an entity to its row: it would cost every row that is loaded. The inner limit bounds the look.
SELECT seen.key, seen.entity_id
FROM (SELECT key, entity_id FROM source_row WHERE source = ? LIMIT ?) AS seen
WHERE seen.entity_id IN (SELECT value FROM json_each(?))
LIMIT ?

-- name: find_run
SELECT source, started_us, EXISTS (SELECT 1 FROM quality_report WHERE quality_report.run = source_run.id)
FROM source_run
WHERE id = ?
