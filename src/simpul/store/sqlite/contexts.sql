-- The @contexts that a city serves and the copies that it keeps, by name. The tenant is the file that it runs on.

-- name: list_hosted
SELECT id, kind, created_us
FROM hosted_context
ORDER BY created_us, id

-- name: measure_hosted
SELECT COUNT(*), IFNULL(SUM(LENGTH(document)), 0)
FROM hosted_context

-- name: find_hosted
SELECT id, kind, created_us, document
FROM hosted_context
WHERE id = ?

-- name: put_hosted
INSERT OR REPLACE INTO hosted_context (id, kind, created_us, document)
VALUES (?, ?, ?, ?)

-- name: delete_hosted
DELETE FROM hosted_context
WHERE id = ?

-- name: list_cached
SELECT url, document, created_us
FROM cached_context
ORDER BY created_us, url

-- name: put_cached
INSERT OR REPLACE INTO cached_context (url, document, created_us)
VALUES (?, ?, ?)

-- name: delete_cached
DELETE FROM cached_context
WHERE url = ?
