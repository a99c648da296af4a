-- The statements of snapshots, by name. The tenant is the file that they run on.

-- name: list_snapshots
SELECT kept
FROM snapshot
ORDER BY rowid

-- name: put_snapshot
INSERT INTO snapshot (id, kept)
VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET kept = excluded.kept

-- name: delete_snapshot
DELETE FROM snapshot
WHERE id = ?

-- name: copy_into
VACUUM INTO ?
