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
