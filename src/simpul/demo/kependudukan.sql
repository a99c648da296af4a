-- The database of the civil registry as Dinas Kependudukan dan Pencatatan Sipil would have it. Its people are invented.

-- name: schema
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE keluarga (
  no_kk CHAR(16) NOT NULL PRIMARY KEY,
  alamat VARCHAR(120) NOT NULL,
  no_rt INTEGER NOT NULL,
  no_rw INTEGER NOT NULL,
  no_prop INTEGER NOT NULL,
  no_kab INTEGER NOT NULL,
  no_kec INTEGER NOT NULL,
  no_kel INTEGER NOT NULL,
  kode_wilayah CHAR(13) NOT NULL,
  keterangan VARCHAR(20) NOT NULL
) WITHOUT ROWID;
CREATE TABLE biodata_wni (
  id INTEGER NOT NULL PRIMARY KEY,
  nik CHAR(16) NOT NULL,
  no_kk CHAR(16) NOT NULL REFERENCES keluarga (no_kk),
  nama_lgkp VARCHAR(60) NOT NULL,
  jenis_klmin INTEGER NOT NULL,
  tmpt_lhr VARCHAR(60) NOT NULL,
  tgl_lhr DATE NOT NULL,
  stat_hbkel INTEGER NOT NULL,
  stat_kwn INTEGER NOT NULL,
  kode_wilayah CHAR(13) NOT NULL,
  keterangan VARCHAR(20) NOT NULL
);

-- name: indexes
CREATE UNIQUE INDEX biodata_wni_nik ON biodata_wni (nik);
CREATE INDEX biodata_wni_no_kk ON biodata_wni (no_kk);

-- name: put_household
INSERT INTO keluarga (no_kk, alamat, no_rt, no_rw, no_prop, no_kab, no_kec, no_kel, kode_wilayah, keterangan)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'SINTETIS');

-- name: put_resident
INSERT INTO biodata_wni
  (id, nik, no_kk, nama_lgkp, jenis_klmin, tmpt_lhr, tgl_lhr, stat_hbkel, stat_kwn, kode_wilayah, keterangan)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'SINTETIS');
