-- What makes an older file one of this version. `connection.py: create_tables` says when.

-- name: counts_attributes
SELECT count(*)
FROM pragma_table_info('attribute_column')
WHERE name = 'entities'

-- name: add_entities
ALTER TABLE attribute_column ADD COLUMN entities INTEGER NOT NULL DEFAULT 0

-- name: add_filled
ALTER TABLE attribute_column ADD COLUMN filled INTEGER NOT NULL DEFAULT 2

-- name: count_attributes
UPDATE attribute_column
SET entities = (SELECT count(DISTINCT eid) FROM attribute_index WHERE column_id = attribute_column.id)
WHERE kind = 0

-- name: has_log_by_place
SELECT count(*)
FROM pragma_table_info('history')
WHERE name = 'place'

-- name: set_log_aside
ALTER TABLE history RENAME TO history_by_key

-- name: place_log
INSERT INTO history (place, at_us, kind, origin, body, removed)
SELECT (eid << 36) + sequence, at_us, kind, origin, body, removed
FROM history_by_key
ORDER BY eid, sequence

-- name: drop_log_aside
DROP TABLE history_by_key
