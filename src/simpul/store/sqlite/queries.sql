-- Every statement of the SQLite store, by name. The tenant is the file that it runs on.

-- name: begin
BEGIN IMMEDIATE

-- name: begin_reading
-- All reads until the end see one snapshot.
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: page_bytes
PRAGMA page_size

-- name: get_entity
-- The hot one: a point read through the unique index on id.
SELECT eid, id, type_set, context, body
FROM entity
WHERE id = ? AND body IS NOT NULL

-- name: get_entity_eid
SELECT eid, body IS NOT NULL
FROM entity
WHERE id = ?

-- name: get_entity_with_times
SELECT eid, context, created_us, modified_us, times, body
FROM entity
WHERE id = ?

-- name: list_entities_by_id
-- One statement for a chunk of a source: a single read of each costs 4 µs, this 1.
SELECT wanted.value, entity.eid, entity.context, entity.created_us, entity.modified_us, entity.times, entity.body
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.id = wanted.value

-- name: list_entities
-- One statement for a page: 20 single reads cost 88 µs, this 35.
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value
WHERE entity.body IS NOT NULL

-- name: list_times
SELECT entity.eid, entity.created_us, entity.modified_us, entity.times
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.eid = wanted.value

-- name: last_eid
SELECT coalesce(max(eid), 0)
FROM entity

-- name: last_sequence
SELECT coalesce(max(value), 0)
FROM counter
WHERE name = 'sequence'

-- name: put_sequence
INSERT INTO counter (name, value)
VALUES ('sequence', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: insert_entity
-- OR FAIL, here and below: SQLite need not note what the statement has changed in order to take it back. A group of which
-- one statement fails is rolled back as a whole.
INSERT OR FAIL INTO entity (eid, id, type_set, context, created_us, modified_us, times, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: update_entity
UPDATE entity
SET type_set = ?2, context = ?3, created_us = ?4, modified_us = ?5, times = ?6, body = ?7
WHERE eid = ?1

-- name: insert_entity_type
INSERT OR IGNORE INTO entity_type (type, eid)
VALUES (?, ?)

-- name: delete_entity_type
DELETE FROM entity_type
WHERE type = ? AND eid = ?

-- name: insert_attribute_index
INSERT OR IGNORE INTO attribute_index (column_id, value, eid)
VALUES (?, ?, ?)

-- name: delete_attribute_index
DELETE FROM attribute_index
WHERE column_id = ? AND value = ? AND eid = ?

-- name: insert_geo_index
INSERT OR FAIL INTO geo_index (column_id, cell, eid, longitude, latitude)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (column_id, cell, eid) DO UPDATE SET longitude = excluded.longitude, latitude = excluded.latitude

-- name: delete_geo_index
DELETE FROM geo_index
WHERE column_id = ? AND cell = ? AND eid = ?

-- name: insert_history
INSERT OR FAIL INTO history (place, at_us, kind, origin, body, removed)
VALUES (?, ?, ?, ?, ?, ?)

-- name: list_history
SELECT history.sequence, history.at_us, history.kind, origin.name, history.body, history.removed
FROM entity
CROSS JOIN history ON history.place BETWEEN entity.eid << 36 AND (entity.eid << 36) + 68719476735
CROSS JOIN origin ON origin.id = history.origin
WHERE entity.id = ?
ORDER BY history.place DESC
LIMIT ?

-- name: list_terms
SELECT id, iri
FROM term

-- name: insert_term
INSERT INTO term (id, iri)
VALUES (?, ?)

-- name: list_type_sets
SELECT id, terms, entities
FROM type_set

-- name: put_type_set
INSERT INTO type_set (id, terms, entities)
VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET entities = excluded.entities

-- name: list_columns
SELECT id, type, attribute, kind, is_mixed, geo_levels, entities, filled
FROM attribute_column

-- name: put_column
INSERT INTO attribute_column (id, type, attribute, kind, is_mixed, geo_levels, entities, filled)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET is_mixed = excluded.is_mixed, geo_levels = excluded.geo_levels, entities = excluded.entities, filled = excluded.filled

-- name: count_column
UPDATE attribute_column
SET entities = ?
WHERE id = ?

-- name: mark_column_filled
UPDATE attribute_column
SET filled = 2
WHERE id = ?

-- name: page_of_bodies
-- What a column's index is filled from.
SELECT entity.eid, entity.context, entity.body
FROM entity_type
CROSS JOIN entity ON entity.eid = entity_type.eid
WHERE entity_type.type = ? AND entity_type.eid > ?
ORDER BY entity_type.eid
LIMIT ?

-- name: list_origins
SELECT id, name
FROM origin
ORDER BY id DESC
LIMIT 1000

-- name: insert_origin
INSERT INTO origin (name)
VALUES (?)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING id

-- name: list_contexts
SELECT id, document
FROM context

-- name: insert_context
INSERT OR IGNORE INTO context (id, document)
VALUES (?, ?)

-- name: page_of_type
SELECT eid
FROM entity_type
WHERE type = ?
ORDER BY eid
LIMIT ? OFFSET ?

-- name: page_of_number_above
-- Numbers sort before all text, so the empty text ends them. With the bodies in the same statement a page of 20 takes
-- 34 µs; the eids and then the bodies take 43.
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value > ? AND value < ''
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: page_of_number_at_least
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value >= ? AND value < ''
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: page_of_number_below
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value < ?
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: page_of_number_at_most
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value <= ?
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: page_of_number_equal
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value = ?
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: page_of_number_between
SELECT entity.eid, entity.id, entity.type_set, entity.context, entity.body
FROM attribute_index
CROSS JOIN entity ON entity.eid = attribute_index.eid
WHERE column_id = ? AND value BETWEEN ? AND ?
ORDER BY value, attribute_index.eid
LIMIT ? OFFSET ?

-- name: count_rows
-- `rows` is one of the statements above.
SELECT count(*)
FROM ({rows})

-- name: bodies_of_rows
-- As above, for a reader who needs no more than what is sent.
SELECT context, body
FROM ({rows})

-- name: numbers_ascending
-- The whole column holds numbers; `has_other_than_numbers` has been asked.
SELECT eid
FROM attribute_index
WHERE column_id = ?
ORDER BY value, eid
LIMIT ? OFFSET ?

-- name: numbers_descending
SELECT eid
FROM attribute_index
WHERE column_id = ?
ORDER BY value DESC, eid
LIMIT ? OFFSET ?

-- name: has_other_than_numbers
-- The empty text is the first value that is no number.
SELECT EXISTS (SELECT 1 FROM attribute_index WHERE column_id = ? AND value >= '')

-- name: values_of_column
SELECT eid, value
FROM attribute_index
WHERE column_id = ?

-- name: count_of_column
SELECT count(*)
FROM attribute_index
WHERE column_id = ?

-- name: page_of_type_without
-- Entities of the type that have no row in the column.
SELECT eid
FROM entity_type
WHERE type = ? AND eid NOT IN (SELECT eid FROM attribute_index WHERE column_id = ?)
ORDER BY eid
LIMIT ? OFFSET ?

-- name: members_of_type
SELECT entity.eid, entity.id, entity.type_set, entity.created_us, entity.modified_us
FROM entity_type
CROSS JOIN entity ON entity.eid = entity_type.eid
WHERE entity_type.type = ?
ORDER BY entity.eid

-- name: candidates_all
SELECT eid
FROM entity
WHERE body IS NOT NULL

-- name: candidates_of_type
SELECT eid
FROM entity_type
WHERE type = ?

-- name: candidates_with_attribute
SELECT eid
FROM attribute_index
WHERE column_id = ?

-- name: candidates_from_to
SELECT eid
FROM attribute_index
WHERE column_id = ? AND value >= ? AND value <= ?

-- name: candidates_of_ids
SELECT entity.eid
FROM json_each(?) AS wanted
CROSS JOIN entity ON entity.id = wanted.value
WHERE entity.body IS NOT NULL

-- name: geo_cells
SELECT eid, longitude, latitude
FROM geo_index
WHERE column_id = ? AND cell BETWEEN ? AND ?

-- name: geo_points
SELECT eid, longitude, latitude
FROM geo_index
WHERE column_id = ? AND cell BETWEEN ? AND ? AND longitude BETWEEN ? AND ? AND latitude BETWEEN ? AND ?
LIMIT 1001

-- name: geo_cells_between_longitudes
SELECT eid, longitude, latitude
FROM geo_index
WHERE column_id = ? AND cell BETWEEN ? AND ? AND (longitude IS NULL OR longitude BETWEEN ? AND ?)

-- name: geo_column
SELECT eid, longitude, latitude
FROM geo_index
WHERE column_id = ?

-- name: count_by_value
-- The columns are those of the values and of the elements of arrays: an entity may have a value in both.
SELECT value, count(DISTINCT eid)
FROM attribute_index
WHERE column_id IN (?, ?) AND typeof(value) IN ('text', 'integer', 'real')
GROUP BY value

-- name: search_text
SELECT eid
FROM attribute_index
WHERE column_id IN (SELECT value FROM json_each(?)) AND typeof(value) = 'text' AND value LIKE ? ESCAPE '\'

-- name: search_ids
SELECT eid
FROM entity
WHERE id >= ? AND id < ? AND body IS NOT NULL
ORDER BY id

-- name: put_source_row
INSERT OR FAIL INTO source_row (source, key, digest, entity_id)
VALUES (?, ?, ?, ?)
ON CONFLICT (source, key) DO UPDATE SET digest = excluded.digest, entity_id = excluded.entity_id

-- name: delete_source_row
DELETE FROM source_row
WHERE source = ? AND key = ?

-- name: find_digests
SELECT source_row.key, source_row.digest
FROM json_each(?) AS wanted
CROSS JOIN source_row ON source_row.source = ? AND source_row.key = wanted.value

-- name: count_source_rows
SELECT count(*)
FROM source_row
WHERE source = ?

-- name: first_source_row
-- The row with the empty key, which lies after nothing.
SELECT key, entity_id
FROM source_row
WHERE source = ? AND key = ''

-- name: page_of_source_rows
SELECT key, entity_id
FROM source_row
WHERE source = ? AND key > ?
ORDER BY key
LIMIT ?

-- name: put_reject
INSERT OR FAIL INTO reject (source, key, run, at_us, rule, reason, raw)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, key) DO UPDATE
SET run = excluded.run, at_us = excluded.at_us, rule = excluded.rule, reason = excluded.reason, raw = excluded.raw

-- name: delete_reject
DELETE FROM reject
WHERE source = ? AND key = ?

-- name: list_rejects
SELECT source, key, run, at_us, rule, reason, raw
FROM reject
WHERE source = ?
ORDER BY at_us DESC, key
LIMIT ? OFFSET ?

-- name: count_rejects
SELECT source, count(*)
FROM reject
GROUP BY source

-- name: begin_run
INSERT INTO source_run (source, started_us)
VALUES (?, ?)
RETURNING id

-- name: finish_run
UPDATE source_run
SET finished_us = ?2, rows_read = ?3, rows_written = ?4, rows_unchanged = ?5, rows_rejected = ?6, rows_vanished = ?7,
    error = ?8
WHERE id = ?1

-- name: forget_runs
DELETE FROM source_run
WHERE source = ?1
  AND id <= (SELECT id FROM source_run WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
  AND id <> coalesce((
    SELECT max(id)
    FROM source_run
    WHERE source = ?1 AND finished_us IS NOT NULL AND error IS NULL
  ), -1)

-- name: find_complete_run
SELECT id, source, started_us, finished_us, rows_read, rows_written, rows_unchanged, rows_rejected, rows_vanished,
       error
FROM source_run
WHERE source = ? AND finished_us IS NOT NULL AND error IS NULL
ORDER BY id DESC
LIMIT 1

-- name: list_runs
SELECT id, source, started_us, finished_us, rows_read, rows_written, rows_unchanged, rows_rejected, rows_vanished,
       error
FROM source_run
ORDER BY id DESC
LIMIT ?

-- name: list_runs_of_source
SELECT id, source, started_us, finished_us, rows_read, rows_written, rows_unchanged, rows_rejected, rows_vanished,
       error
FROM source_run
WHERE source = ?
ORDER BY id DESC
LIMIT ?

-- name: find_token
SELECT id, kind, name, digest, roles, created_us, expires_us, revoked_us
FROM token
WHERE digest = ?

-- name: list_tokens
SELECT id, kind, name, digest, roles, created_us, expires_us, revoked_us
FROM token
ORDER BY created_us DESC, id

-- name: insert_token
INSERT INTO token (id, kind, name, digest, roles, created_us, expires_us, revoked_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: revoke_token
UPDATE token
SET revoked_us = ?2
WHERE id = ?1 AND revoked_us IS NULL
RETURNING id

-- name: list_declarations
SELECT path, content
FROM declaration

-- name: delete_declarations
DELETE FROM declaration

-- name: insert_declaration
INSERT INTO declaration (path, content)
VALUES (?, ?)

-- name: put_expiry
INSERT OR REPLACE INTO expiry (eid, at_us)
SELECT eid, ?2
FROM entity
WHERE id = ?1

-- name: delete_expiry
DELETE FROM expiry
WHERE eid = (SELECT eid FROM entity WHERE id = ?)

-- name: next_expiry
SELECT MIN(at_us)
FROM expiry

-- name: list_expired
SELECT entity.id
FROM expiry
JOIN entity USING (eid)
WHERE expiry.at_us <= ?
ORDER BY expiry.at_us, expiry.eid
LIMIT ?
