-- The queue of an agent. A reading's rows lie in pieces, so that neither reading nor delivering holds all of them.

-- name: create_sources
CREATE TABLE IF NOT EXISTS source (
  id TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  next_number INTEGER NOT NULL,
  digest TEXT NOT NULL
) STRICT, WITHOUT ROWID

-- name: create_readings
CREATE TABLE IF NOT EXISTS reading (
  source TEXT NOT NULL,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  is_complete INTEGER NOT NULL,
  size INTEGER NOT NULL,
  digest TEXT NOT NULL,
  read_us INTEGER NOT NULL,
  PRIMARY KEY (source, number)
) STRICT, WITHOUT ROWID

-- name: create_pieces
CREATE TABLE IF NOT EXISTS piece (
  source TEXT NOT NULL,
  number INTEGER NOT NULL,
  place INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (source, number, place)
) STRICT

-- name: create_notes
CREATE TABLE IF NOT EXISTS note (
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  mark BLOB NOT NULL,
  PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID

-- name: create_changes
CREATE TABLE IF NOT EXISTS change (
  source TEXT NOT NULL,
  number INTEGER NOT NULL,
  base TEXT NOT NULL,
  rows_digest TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (source, number)
) STRICT

-- name: create_blocks
CREATE TABLE IF NOT EXISTS block (
  source TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  digests BLOB NOT NULL
) STRICT

-- name: put_change
INSERT OR REPLACE INTO change (source, number, base, rows_digest, body)
VALUES (?, ?, ?, ?, ?)

-- name: find_change
SELECT base, rows_digest, length(body)
FROM change
WHERE source = ? AND number = ?

-- name: find_change_piece
SELECT substr(body, ?3 + 1, ?4)
FROM change
WHERE source = ?1 AND number = ?2

-- name: drop_change
DELETE FROM change
WHERE source = ? AND number = ?

-- name: put_blocks
INSERT OR REPLACE INTO block (source, digest, digests)
VALUES (?, ?, ?)

-- name: find_blocks
SELECT digests
FROM block
JOIN source ON source.id = block.source AND source.digest = block.digest
WHERE block.source = ?

-- name: put_note
INSERT OR REPLACE INTO note (source, name, mark)
VALUES (?, ?, ?)

-- name: keep_notes
DELETE FROM note
WHERE source = ?1 AND name NOT IN (SELECT value FROM json_each(?2))

-- name: list_notes
SELECT name, mark
FROM note
WHERE source = ?

-- name: drop_unfinished_pieces
DELETE FROM piece
WHERE (source, number) IN (SELECT source, number FROM reading WHERE is_complete = 0)

-- name: drop_unfinished_readings
DELETE FROM reading
WHERE is_complete = 0

-- name: add_source
INSERT OR IGNORE INTO source (id, queue, next_number, digest)
VALUES (?, ?, 1, '')

-- name: find_queue
SELECT queue
FROM source
WHERE id = ?

-- name: take_number
UPDATE source
SET next_number = next_number + 1
WHERE id = ?
RETURNING next_number - 1

-- name: find_digest
SELECT digest
FROM source
WHERE id = ?

-- name: note_digest
UPDATE source
SET digest = ?2
WHERE id = ?1

-- name: add_reading
INSERT INTO reading (source, number, kind, is_complete, size, digest, read_us)
VALUES (?, ?, ?, 0, 0, '', 0)

-- name: add_piece
INSERT INTO piece (source, number, place, body)
VALUES (?, ?, ?, ?)

-- name: grow_reading
UPDATE reading
SET size = size + ?3
WHERE source = ?1 AND number = ?2

-- name: complete_reading
UPDATE reading
SET is_complete = 1, kind = ?3, size = ?4, digest = ?5, read_us = ?6
WHERE source = ?1 AND number = ?2

-- name: find_last
SELECT number, kind
FROM reading
WHERE source = ? AND is_complete = 1
ORDER BY number DESC
LIMIT 1

-- name: note_read_again
UPDATE reading
SET read_us = ?3
WHERE source = ?1 AND number = ?2

-- name: find_head
SELECT number, kind, size, digest, read_us
FROM reading
WHERE source = ? AND is_complete = 1
ORDER BY number
LIMIT 1

-- name: find_piece
SELECT body
FROM piece
WHERE source = ? AND number = ? AND place = ?

-- name: drop_pieces
DELETE FROM piece
WHERE source = ? AND number = ?

-- name: drop_reading
DELETE FROM reading
WHERE source = ? AND number = ?

-- name: sum_bytes
SELECT coalesce(sum(size), 0) + (SELECT coalesce(sum(length(body)), 0) FROM change)
FROM reading

-- name: backlog
SELECT count(*), coalesce(sum(size), 0), min(read_us)
FROM reading
WHERE source = ? AND is_complete = 1

-- name: begin_anew
UPDATE source
SET queue = ?2, digest = ''
WHERE id = ?1
