"""Dumps of databases: as tools write them, with what agencies do to them. Nothing in one is ever executed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import zipfile
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from simpul import limits
from simpul.connect.connector import BrokenRow, Row, Surroundings
from simpul.connectors.sql.reader import open_reading as open_table
from simpul.connectors.sqldump.reader import open_reading
from simpul.domain.errors import SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.servers import Server, find_program

PHPMYADMIN = r"""-- phpMyAdmin SQL Dump
-- version 4.9.5
-- https://www.phpmyadmin.net/
--
-- Host: localhost:3306
SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
SET AUTOCOMMIT = 0;
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `inventaris_uppd`
--

DELIMITER $$
--
-- Procedures
--
CREATE DEFINER=`root`@`localhost` PROCEDURE `isi` ()  BEGIN
  INSERT INTO tb_barang VALUES (77, 'dari prosedur', 1, '0000-00-00', NULL);
END$$

DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `tb_barang`
--

CREATE TABLE `tb_barang` (
  `id` int(11) NOT NULL,
  `nama` varchar(100) CHARACTER SET utf8 COLLATE utf8_unicode_ci NOT NULL DEFAULT 'a,b)' COMMENT 'nama, jenis',
  `Harga (Rp)` decimal(15,2) DEFAULT NULL,
  `dibeli` date DEFAULT '0000-00-00',
  `diubah` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

--
-- Dumping data for table `tb_barang`
--

INSERT INTO `tb_barang` (`id`, `nama`, `Harga (Rp)`, `dibeli`, `diubah`) VALUES
(1, 'Meja ½ biro; kayu', '1250000.50', '2015-05-31', '2015-05-31 07:00:00'),
(2, 'Kursi d''Or', NULL, '0000-00-00', NULL),
(3, 'Lemari \"besi\"\r\n(2 pintu), \'baru\' \\ lama', 99, '2008-09-05', '2020-01-01 00:00:00');

-- --------------------------------------------------------

INSERT INTO `tb_barang` (`nama`, `id`) VALUES ('AC', 4) ON DUPLICATE KEY UPDATE nama = VALUES(nama);
INSERT INTO tb_barang SET id = 5, nama = 'Kipas';

ALTER TABLE `tb_barang`
  ADD PRIMARY KEY (`id`);
COMMIT;
"""


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def rows_of(path: Path, table: str = "halte", **settings: Any) -> list[Row | BrokenRow]:
    with closing(open_reading({"path": path.name, "table": table, **settings}, Surroundings(path.parent))) as reading:
        return list(reading.rows())


def cells_of(path: Path, table: str = "halte", **settings: Any) -> list[tuple[Any, ...]]:
    rows = rows_of(path, table, **settings)
    assert [row for row in rows if isinstance(row, BrokenRow)] == []
    return [tuple(row.cells) for row in rows if isinstance(row, Row)]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return tmp_path / "dishub.sql"


# --- As tools write them


def test_a_dump_of_phpmyadmin_is_read(dump: Path) -> None:
    rows = rows_of(write(dump, PHPMYADMIN), "tb_barang")
    assert [row for row in rows if isinstance(row, Row)] == [
        (1, (1, "Meja ½ biro; kayu", Decimal("1250000.50"), date(2015, 5, 31), utc("2015-05-31T07:00"))),
        (2, (2, "Kursi d'Or", None, "0000-00-00", None)),
        (
            3,
            (3, "Lemari \"besi\"\r\n(2 pintu), 'baru' \\ lama", Decimal(99), date(2008, 9, 5), utc("2020-01-01T00:00")),
        ),
        (4, (4, "AC", None, None, None)),
    ]
    broken = [row for row in rows if isinstance(row, BrokenRow)]
    assert [(row.number, row.reason.partition(" (")[0]) for row in broken] == [
        (5, "an INSERT whose rows come from elsewhere")
    ]


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(f"{moment}:00+00:00")


@pytest.mark.servers
@pytest.mark.parametrize("options", [
    (), ("--hex-blob",), ("--skip-extended-insert", "--complete-insert"), ("--compact",), ("--skip-quote-names",),
    ("--no-create-db", "--tz-utc=0", "--default-character-set=latin1"),
], ids=lambda options: " ".join(options) or "plain")  # fmt: skip
def test_a_dump_of_mariadb_gives_what_its_table_gives(mariadb: Server, dump: Path, options: tuple[str, ...]) -> None:
    _fill(mariadb)
    program = find_program("mariadb-dump", ["/usr/bin"])
    command = [program, "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{mariadb.port}", *options, "curahan"]
    with dump.open("wb") as file:
        subprocess.run(command, check=True, stdout=file)
    url = f"mariadb://root@127.0.0.1:{mariadb.port}/curahan"
    with closing(open_table({"url": url, "table": "semua", "order_by": ["id"]}, Surroundings(dump.parent))) as reading:
        columns = reading.columns
        wanted = [tuple(row.cells) for row in reading.rows() if isinstance(row, Row)]
    if "--default-character-set=latin1" in options:
        # What Latin-1 has no letter for is lost in the dump already.
        wanted[3] = tuple("?" * 3_000 if isinstance(cell, str) and "😀" in cell else cell for cell in wanted[3])
    with closing(open_reading({"path": dump.name, "table": "semua"}, Surroundings(dump.parent))) as reading:
        assert reading.columns == columns
        rows = list(reading.rows())
    assert [row for row in rows if isinstance(row, BrokenRow)] == []
    found = [_without_zone(row.cells) for row in rows if isinstance(row, Row)]
    assert found == wanted
    assert [[type(cell) for cell in row] for row in found] == [[type(cell) for cell in row] for row in wanted]


def _without_zone(cells: Any) -> tuple[Any, ...]:
    # The server's own time zone is UTC, in which the dump says its timestamps.
    return tuple(cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell for cell in cells)


SEMUA = """CREATE TABLE semua (
  id INT PRIMARY KEY, kecil TINYINT(1), besar BIGINT UNSIGNED, pecahan FLOAT, ganda DOUBLE, uang DECIMAL(15, 2),
  nama VARCHAR(200), panjang LONGTEXT, jenis ENUM('a','b,c'), pilihan SET('x','y'), tanggal DATE, saat DATETIME(6),
  ubah TIMESTAMP NULL, jam TIME, tahun YEAR, isi BLOB, tetap BINARY(4), bendera BIT(1), bendera2 BIT(12),
  `Nilai (Rp)` INT COMMENT 'a, b) ; c', luas INT AS (id * 2) STORED
) CHARACTER SET utf8mb4"""


def _fill(server: Server) -> None:
    engine = create_engine(server.url, poolclass=NullPool)
    rows = [
        {"id": 1, "kecil": 1, "besar": 2**64 - 1, "pecahan": 1.5, "ganda": 1e-300, "uang": "-12.50", "nama": "Café 'x'",
         "panjang": "a\\b\r\n\t\0\x1a\"q\" -- ; # /* (1,2),(3", "jenis": "b,c", "pilihan": "x,y",
         "tanggal": "2015-05-31",
         "saat": "2015-05-31 07:00:00.123456", "ubah": "2015-05-31 07:00:00", "jam": "-12:30:01", "tahun": 2015,
         "isi": bytes(range(256)), "tetap": b"\x00\xff'\\", "bendera": b"\x01", "bendera2": b"\x0a\xbc", "nilai": 5},
        {"id": 2, **dict.fromkeys(("kecil", "besar", "pecahan", "ganda", "uang", "nama", "panjang", "jenis", "pilihan",
                                   "tanggal", "saat", "ubah", "jam", "tahun", "isi", "tetap", "bendera", "bendera2",
                                   "nilai"))},
        {"id": 3, "kecil": 0, "besar": 0, "pecahan": 0, "ganda": 123456789.125, "uang": 0, "nama": "", "panjang": "''",
         "jenis": "a", "pilihan": "", "tanggal": "1000-01-01", "saat": "9999-12-31 23:59:59", "ubah": None,
         "jam": "838:59:59", "tahun": 1970, "isi": b"", "tetap": b"NULL", "bendera": b"\x00", "bendera2": b"\x00\x00",
         "nilai": -1},
        {"id": 4, "kecil": 0, "besar": 0, "pecahan": 0, "ganda": 0, "uang": 0, "nama": "NULL", "panjang": "😀" * 3_000,
         "jenis": "a", "pilihan": "", "tanggal": "2000-01-01", "saat": "2000-01-01", "ubah": None,
         "jam": "00:00:00.000", "tahun": 2000, "isi": b"\\'" * 3, "tetap": b"abcd", "bendera": b"\x00",
         "bendera2": b"\x00\x01", "nilai": 0},
    ]  # fmt: skip
    names = [name for name in rows[0] if name != "nilai"]
    places = ", ".join(f":{name}" for name in names)
    insert = f"INSERT INTO semua ({', '.join(names)}, `Nilai (Rp)`) VALUES ({places}, :nilai)"
    with engine.begin() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS curahan"))
        connection.execute(text("CREATE DATABASE curahan"))
        connection.execute(text("USE curahan"))
        connection.execute(text(SEMUA))
        connection.execute(text(insert), rows)
        connection.execute(text("CREATE TABLE lain (id INT PRIMARY KEY, teks TEXT)"))
        connection.execute(text("INSERT INTO lain VALUES (1, 'INSERT INTO `semua` VALUES (9);')"))
        connection.execute(text("CREATE TRIGGER pemicu AFTER INSERT ON lain FOR EACH ROW DELETE FROM semua"))
        connection.execute(text("CREATE VIEW pandangan AS SELECT id FROM semua"))
    engine.dispose()


def test_the_tables_of_trans_padang_are_read_from_the_dump_of_heidisql(real_data: Path) -> None:
    dump = real_data / "trans_padang" / "trans_padang.sql"
    counts = {name: len(cells_of(dump, name)) for name in ("halte", "koridor", "point", "rute")}
    assert counts == {"halte": 319, "koridor": 12, "point": 952, "rute": 101}
    with pytest.raises(SourceMismatch, match=r"no table 'halt'; did you mean 'halte'\?"):
        rows_of(dump, "halt")


def test_a_dump_becomes_entities(kota: Kota) -> None:
    write(kota.folder / "aset.sql", PHPMYADMIN)
    attributes = {
        "name": "nama",
        "price": "Harga (Rp)",
        "bought": {"column": "dibeli", "date": "iso"},
        "changed": "diubah",
    }
    entity = {"type": "Asset", "id": entity_uri("Asset", "{id}"), "attributes": attributes}
    kota.declare(csv_source(kind="sqldump", read={"path": "aset.sql", "table": "tb_barang"}, entity=entity))
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_rejected) == (None, 4, 1)
    assert kota.values(entity_uri("Asset", "1")) == {
        "name": "Meja ½ biro; kayu",
        "price": 1250000.5,
        "bought": {"@type": "Date", "@value": "2015-05-31"},
        "changed": {"@type": "DateTime", "@value": "2015-05-31T07:00:00Z"},
    }
    assert [reject.rule for reject in kota.rejects()] == ["broken"]


def test_inserts_of_postgresql_and_sqlite_keep_their_backslashes(dump: Path) -> None:
    write(dump, "-- PostgreSQL database dump\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
          "CREATE TABLE public.halte (\n    id integer NOT NULL,\n    nama character varying(80),\n    isi bytea\n);\n"
          "COPY public.lain (id) FROM stdin;\n1\n2;'\n\\.\n\n"
          "INSERT INTO public.halte VALUES (1, 'C:\\temp', '\\x00ff');\n")  # fmt: skip
    assert cells_of(dump) == [(1, "C:\\temp", b"\x00\xff")]
    write(dump, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
          "CREATE TABLE halte (id INTEGER PRIMARY KEY, nama TEXT);\n"
          "INSERT INTO halte VALUES(1,'a\\');\nINSERT INTO \"halte\" VALUES(2,'b''c');\nCOMMIT;\n")  # fmt: skip
    assert cells_of(dump) == [(1, "a\\"), (2, "b'c")]


def test_rows_in_the_form_of_copy_are_told(dump: Path) -> None:
    write(dump, "CREATE TABLE halte (id int);\nCOPY public.halte (id) FROM stdin;\n1\n\\.\n")
    with pytest.raises(SourceMismatch, match="pg_dump --inserts"):
        rows_of(dump)


# --- What literals mean


@pytest.mark.parametrize(("literal", "value"), [
    ("1", 1), ("-1.5", -1.5), ("1e3", 1000.0), ("NULL", None), ("null", None), ("TRUE", 1), ("false", 0),
    ("0x4142", b"AB"), ("X'4142'", b"AB"), ("b'101'", b"\x05"), ("_binary 'A\\0'", b"A\0"), ("_utf8mb4'é'", "é"),
    ("N'é'", "é"), ("'a\\%b\\_c'", "a\\%b\\_c"), ("'\\q'", "q"), ("''", ""), ("''''", "'"), ('"a""b"', 'a"b'),
    ("'a' /* b, ) */", "a"), (" 'x'\n -- c\n", "x"),
])  # fmt: skip
def test_a_literal_means_what_mysql_says_it_means(dump: Path, literal: str, value: Any) -> None:
    write(dump, f"INSERT INTO halte (id, isi) VALUES (1,{literal}),(2,'b');")
    found = cells_of(dump)
    assert found == [(1, value), (2, "b")]
    assert type(found[0][1]) is type(value)


@pytest.mark.parametrize("expression", ["NOW()", "1+1", "LOAD_FILE('/etc/passwd')", "(SELECT 1)", "CONCAT('a', 'b')"])
def test_an_expression_is_told_and_not_calculated(dump: Path, expression: str) -> None:
    write(dump, f"INSERT INTO halte (id, nama) VALUES (1,{expression}),(2,'b');")
    broken, row = rows_of(dump)
    assert isinstance(broken, BrokenRow)
    assert "nothing is executed" in broken.reason
    assert expression in broken.raw["row"]
    assert row == Row(2, (2, "b"))


@pytest.mark.parametrize("row", ["(1)", "(1,'a',3)", "()"])
def test_a_row_with_another_number_of_values_is_kept_aside(dump: Path, row: str) -> None:
    write(dump, f"INSERT INTO halte (id, nama) VALUES {row},(2,'b');\nINSERT INTO halte (id, nama) VALUES (3,'c');")
    first, *others = rows_of(dump)
    assert isinstance(first, BrokenRow)
    assert "and 2 columns are named" in first.reason or "would have to be calculated" in first.reason
    assert others == [Row(2, (2, "b")), Row(3, (3, "c"))]


def test_what_is_no_text_in_a_text_is_told_with_the_encoding_to_write(dump: Path) -> None:
    dump.write_bytes(b"INSERT INTO halte (id, nama) VALUES (1,'Caf\xe9'),(2,'b');")
    broken, row = rows_of(dump)
    assert isinstance(broken, BrokenRow)
    assert "nama is no utf-8: there is the byte 0xe9; write encoding: latin1" in broken.reason
    assert row == Row(2, (2, "b"))
    assert cells_of(dump, encoding="latin1") == [(1, "Café"), (2, "b")]


@pytest.mark.parametrize(("name", "encoding"), [
    ("latin1", "cp1252"), ("utf8", "utf-8"), ("gbk", "gbk"), ("utf8mb4", "utf-8-sig"), ("utf8", "utf-16"),
])  # fmt: skip
def test_the_encoding_is_what_the_dump_says(dump: Path, name: str, encoding: str) -> None:
    text = "中\\'文" if encoding == "gbk" else "Café – “x”"
    dump.write_bytes(f"/*!40101 SET NAMES {name} */;\nINSERT INTO halte (nama) VALUES ('{text}');".encode(encoding))
    assert cells_of(dump) == [(text.replace("\\", ""),)]


def test_an_encoding_that_nobody_knows_is_told(dump: Path) -> None:
    write(dump, "SET NAMES dec8;\nINSERT INTO halte (nama) VALUES ('a');")
    with pytest.raises(SourceMismatch, match="'dec8', which is not known here; write encoding"):
        rows_of(dump)


# --- Tables and columns


def test_other_statements_are_stepped_over_and_nothing_is_executed(dump: Path, tmp_path: Path) -> None:
    write(
        dump,
        """SYSTEM touch dieksekusi;
\\! touch dieksekusi
SOURCE lain.sql;
LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE halte;
SELECT 'INSERT INTO halte VALUES (8)' INTO OUTFILE 'dieksekusi';
CREATE TABLE halte (id int, nama text);
INSERT INTO `lain` VALUES (1,'x;''"'), (2, "INSERT INTO halte VALUES (9,'y');"); -- ; it's
# INSERT INTO halte VALUES (7,'komentar');
/* INSERT INTO halte VALUES (6,'komentar'); */
INSERT INTO halte VALUES (1,'a');
UPDATE halte SET nama = 'b;'; DELETE FROM halte; DROP TABLE halte; TRUNCATE `halte`;
DELIMITER ;;
CREATE TRIGGER t BEFORE INSERT ON halte FOR EACH ROW BEGIN INSERT INTO halte VALUES (5,'pemicu'); END ;;
DELIMITER ;
REPLACE INTO halte (nama, id) VALUES ('c', 3);
INSERT IGNORE INTO `dishub`.`halte` VALUES (4,'d');
""",
    )
    assert cells_of(dump) == [(1, "a"), (3, "c"), (4, "d")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dishub.sql"]


def test_two_databases_with_the_same_table_are_told_apart(dump: Path) -> None:
    write(dump, "USE `a`;\nCREATE TABLE halte (id int);\nINSERT INTO halte VALUES (1);\n"
          "USE `b`;\nCREATE TABLE halte (nomor int);\nINSERT INTO halte VALUES (2);\n")  # fmt: skip
    with pytest.raises(SourceMismatch, match=r"in two databases; write a\.halte or b\.halte"):
        rows_of(dump)
    assert cells_of(dump, "b.halte") == [(2,)]


def test_a_dump_of_data_alone_needs_the_names_of_its_columns(dump: Path) -> None:
    write(dump, "INSERT INTO halte VALUES (1,'0013');")
    with pytest.raises(SourceMismatch, match=r"Name them with 'columns"):
        rows_of(dump)
    with closing(
        open_reading({"path": dump.name, "table": "halte", "columns": ["id", "kode"]}, Surroundings(dump.parent))
    ) as reading:
        assert reading.columns == ("id", "kode")
        assert list(reading.rows()) == [Row(1, (1, "0013"))]


def test_a_column_that_the_table_has_not_is_told(dump: Path) -> None:
    write(dump, "CREATE TABLE halte (id int);\nINSERT INTO halte (id, nama) VALUES (1,'a');")
    with pytest.raises(SourceMismatch, match="into a column 'nama' that 'halte' has not"):
        rows_of(dump)


# --- Files


@pytest.mark.parametrize("cut", range(5, 60, 5))
def test_a_dump_that_was_cut_off_is_not_taken_for_a_whole_one(dump: Path, cut: int) -> None:
    whole = "CREATE TABLE halte (id int, nama text);\nINSERT INTO halte VALUES (1,'Pasar'),\n(2,'Raya'),(3,'x');"
    write(dump, whole[:-cut])
    with pytest.raises(SourceMismatch, match=r"ends in the middle|has no table"):
        rows_of(dump)


def test_a_dump_of_mysqldump_says_that_it_is_whole(dump: Path) -> None:
    text = "-- MySQL dump 10.13  Distrib 5.7\nINSERT INTO halte (id) VALUES (1);\n"
    write(dump, text)
    with pytest.raises(SourceMismatch, match="it was cut off"):
        rows_of(dump)
    write(dump, text + "-- Dump completed on 2015-05-31\n")
    assert cells_of(dump) == [(1,)]


TEXT = b"INSERT INTO halte (id) VALUES (1);\n"


def test_packed_dumps_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "a.bz2").write_bytes(bz2.compress(TEXT))
    (tmp_path / "a.xz").write_bytes(lzma.compress(TEXT))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("dishub.sql", TEXT)
    assert {path.name: cells_of(path) for path in tmp_path.iterdir()} == {
        name: [(1,)] for name in ("a.gz", "a.bz2", "a.xz", "a.zip")
    }


@pytest.mark.parametrize(
    "damage",
    [lambda packed: packed[:-12], lambda packed: packed[:20] + b"\0" * 20 + packed[40:]],
    ids=["cut", "changed"],
)
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bz2", "xz"])
def test_a_packed_dump_that_is_damaged_is_told(dump: Path, damage: Any, pack: Any) -> None:
    dump.write_bytes(damage(pack(TEXT * 50)))
    with pytest.raises(SourceMismatch, match="cannot be unpacked"):
        rows_of(dump)


def test_a_packed_bomb_is_refused(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gzip.open(dump, "wb", 1) as file:
        file.write(TEXT)
        for _ in range(80):
            file.write(b"-" * (1024 * 1024))
    with pytest.raises(SourceMismatch, match="unpacks to more than 200 times"):
        rows_of(dump)
    monkeypatch.setattr(limits, "SQL_DUMP_BYTES_MAX", 2 * 1024 * 1024)
    with pytest.raises(SourceMismatch, match="unpacks to more than 2,097,152 bytes"):
        rows_of(dump)


def test_a_row_without_an_end_is_given_up(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SQL_DUMP_ROW_CHARACTERS_MAX", 3 * 1024 * 1024)
    with dump.open("w") as file:
        file.write("INSERT INTO halte (id, nama) VALUES (1,'")
        for _ in range(10):
            file.write("x" * 1024 * 1024)
        file.write("');")
    with pytest.raises(SourceMismatch, match="longer than 3,145,728 characters"):
        rows_of(dump)


def test_a_long_row_is_read(dump: Path) -> None:
    long, quoted = "x" * 3_000_000, "it''s" * 400_000
    write(dump, f"INSERT INTO halte (id, nama) VALUES (1,'{long}'),(2,'{quoted}'),(3,'c');")
    assert [(number, len(name)) for number, name in cells_of(dump)] == [(1, 3_000_000), (2, 1_600_000), (3, 1)]


def test_a_file_that_is_no_text_is_told(dump: Path) -> None:
    dump.write_bytes(b"PNG\0\0\0")
    with pytest.raises(SourceMismatch, match="is no SQL text"):
        rows_of(dump)


def test_a_dump_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="There is no file"):
        rows_of(tmp_path / "tidak-ada.sql")


def test_times_are_what_the_sql_connector_gives(dump: Path) -> None:
    write(dump, "CREATE TABLE halte (a time, b time, c date, d datetime(3), e year);\n"
          "INSERT INTO halte VALUES "
          "('07:30:00','-01:00:00.5','2015-05-31','2015-05-31 07:00:00.250',2015);")  # fmt: skip
    moment = datetime.fromisoformat("2015-05-31T07:00:00.250")
    assert cells_of(dump) == [
        (timedelta(hours=7, minutes=30), -timedelta(hours=1, milliseconds=500), date(2015, 5, 31), moment, 2015)
    ]
