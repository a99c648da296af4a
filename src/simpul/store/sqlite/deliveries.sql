-- How far agents are with what they deliver, by name. The tenant is the file that it runs on.

-- name: find_standing
SELECT queue, completed, digest, heard_us, told
FROM delivery
WHERE source = ?

-- name: begin_queue
INSERT OR REPLACE INTO delivery (source, queue, completed, digest, heard_us, told)
SELECT ?1, ?2, 0, coalesce((SELECT digest FROM delivery WHERE source = ?1), ''), ?3, ?4

-- name: note_told
UPDATE delivery
SET heard_us = ?2, told = ?3
WHERE source = ?1

-- name: advance
UPDATE delivery
SET completed = ?3, digest = coalesce(?4, digest)
WHERE source = ?1 AND queue = ?2 AND completed < ?3

-- name: forget_standing
DELETE FROM delivery
WHERE source = ?
