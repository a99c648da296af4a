-- The database of Trans Padang as Dinas Perhubungan would have it.

-- name: schema
PRAGMA journal_mode = DELETE;
CREATE TABLE koridor (
  id INTEGER NOT NULL PRIMARY KEY,
  nomor INTEGER NOT NULL,
  nama VARCHAR(50) NOT NULL,
  keterangan VARCHAR(255),
  created_at DATETIME,
  updated_at DATETIME,
  deleted_at DATETIME
);
CREATE TABLE halte (
  id INTEGER NOT NULL PRIMARY KEY,
  nama VARCHAR(100) NOT NULL,
  latitude DOUBLE,
  longitude DOUBLE,
  relasi INTEGER NOT NULL DEFAULT 0,
  keterangan VARCHAR(255),
  created_at DATETIME,
  updated_at DATETIME,
  deleted_at DATETIME
);
CREATE TABLE halte_koridor (
  id INTEGER NOT NULL PRIMARY KEY,
  koridor_id INTEGER NOT NULL REFERENCES koridor (id),
  halte_id INTEGER NOT NULL REFERENCES halte (id),
  urutan INTEGER NOT NULL
);
CREATE INDEX halte_koridor_halte ON halte_koridor (halte_id);
CREATE TABLE titik (
  id INTEGER NOT NULL PRIMARY KEY,
  koridor_id INTEGER NOT NULL REFERENCES koridor (id),
  urutan INTEGER NOT NULL,
  longitude DOUBLE NOT NULL,
  latitude DOUBLE NOT NULL
);
CREATE INDEX titik_koridor ON titik (koridor_id, urutan);

-- name: put_corridor
INSERT INTO koridor (id, nomor, nama, created_at)
VALUES (?, ?, ?, '2016-05-29 19:15:46');

-- name: put_stop
INSERT INTO halte (id, nama, latitude, longitude, relasi)
VALUES (?, ?, ?, ?, ?);

-- name: put_stop_of_corridor
INSERT INTO halte_koridor (koridor_id, halte_id, urutan)
VALUES (?, ?, ?);

-- name: put_point
INSERT INTO titik (koridor_id, urutan, longitude, latitude)
VALUES (?, ?, ?, ?);
