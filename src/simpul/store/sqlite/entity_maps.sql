-- Entity maps, by name. The tenant is the file that it runs on.

-- name: list_entity_maps
SELECT kept
FROM entity_map
ORDER BY rowid

-- name: put_entity_map
INSERT INTO entity_map (id, expires_us, kept)
VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET expires_us = excluded.expires_us, kept = excluded.kept

-- name: delete_expired_maps
DELETE FROM entity_map
WHERE expires_us <= ?

-- name: delete_entity_map
DELETE FROM entity_map
WHERE id = ?
