"""Databases: SQLite files, and real MariaDB and PostgreSQL servers; what is wrong with one ends in a clear message."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from simpul import limits
from simpul.connect.connector import Row, Surroundings
from simpul.connectors.sql.reader import open_reading
from simpul.connectors.sql.settings import check_url
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.servers import PASSWORD, Server

ROWS = 2_345
TABLE = """
CREATE TABLE halte (
  id INTEGER PRIMARY KEY, nama VARCHAR(80), bujur DOUBLE PRECISION, lintang DOUBLE PRECISION,
  tarif DECIMAL(10, 2), dibuka DATE, diubah TIMESTAMP NULL
)
"""
READER = "pembaca"


def engine_of(url: URL) -> Engine:
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


class Database:
    """A server with the table `halte`, and a user who may only read it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        admin = make_url(server.url)
        if server.kind == "postgresql":
            admin = admin.set(password=PASSWORD)
        self.engine = engine_of(admin)
        self.is_mariadb = server.kind == "mariadb"

    def prepare(self) -> None:
        if self.is_mariadb:
            self.execute("CREATE DATABASE trans_padang CHARACTER SET utf8mb4")
            self.engine = engine_of(make_url(f"{self.server.url}trans_padang?charset=utf8mb4"))
            self.execute(f"CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY :secret", secret=PASSWORD)
            grant = f"GRANT SELECT ON trans_padang.halte TO {READER}@'127.0.0.1'"
        else:
            self.execute("CREATE DATABASE trans_padang")
            self.engine = engine_of(make_url(self.server.url).set(password=PASSWORD, database="trans_padang"))
            with self.engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE USER {READER} PASSWORD '{PASSWORD}'")
            grant = f"GRANT SELECT ON halte TO {READER}"
        self.execute(TABLE)
        self.execute("CREATE TABLE rahasia (id INTEGER PRIMARY KEY)")
        self.fill()
        self.execute(grant)

    def fill(self) -> None:
        rows = [
            {"id": number, "nama": f"Halte É {number}", "bujur": 100.25 + number / 4096, "lintang": -0.95,
             "tarif": Decimal("3500.50"), "dibuka": "2014-02-01", "diubah": "2015-05-31 07:00:00"}
            for number in range(1, ROWS + 1)
        ]  # fmt: skip
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM halte"))
            connection.execute(
                text("INSERT INTO halte VALUES (:id, :nama, :bujur, :lintang, :tarif, :dibuka, :diubah)"), rows
            )

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def url(self, *, database: str = "trans_padang", user: str = READER, port: int | None = None) -> str:
        scheme = "mariadb" if self.is_mariadb else "postgresql"
        return f"{scheme}://{user}:${{env:SANDI}}@127.0.0.1:{port or self.server.port}/{database}"


@pytest.fixture(scope="session")
def databases(mariadb: Server, postgresql: Server) -> Iterator[dict[str, Database]]:
    made = {server.kind: Database(server) for server in (mariadb, postgresql)}
    for database in made.values():
        database.prepare()
    yield made
    for database in made.values():
        database.engine.dispose()


@pytest.fixture(params=["mariadb", "postgresql"])
def database(
    request: pytest.FixtureRequest, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> Database:
    monkeypatch.setenv("SANDI", PASSWORD)
    found = databases[request.param]
    found.fill()
    return found


def sql_source(read: dict[str, Any], **changes: Any) -> dict[str, Any]:
    attributes = {
        "name": "nama",
        "location": {"point": {"longitude": "bujur", "latitude": "lintang"}},
        "fare": {"column": "tarif", "unit": "IDR"},
        "opened": "dibuka",
        "changed": "diubah",
    }
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": attributes}
    return csv_source(kind="sql", read=read, entity=entity, **changes)


def detail_of(read: dict[str, Any], folder: Path = Path("/")) -> tuple[type[SourceError], str]:
    with pytest.raises(SourceError) as caught:
        open_reading(read, Surroundings(folder)).close()
    return caught.type, caught.value.detail


def test_a_servers_table_becomes_entities(kota: Kota, database: Database) -> None:
    kota.declare(sql_source({"url": database.url(), "table": "halte", "order_by": "id"}))
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written) == (None, ROWS, ROWS)
    assert kota.values(entity_uri("BusStop", "7")) == {
        "name": "Halte É 7",
        "location": {"type": "Point", "coordinates": [100.25 + 7 / 4096, -0.95]},
        "fare": 3500.5,
        "opened": {"@type": "Date", "@value": "2014-02-01"},
        "changed": {"@type": "DateTime", "@value": "2015-05-31T00:00:00Z"},
    }


def test_a_second_run_takes_only_what_changed(kota: Kota, database: Database) -> None:
    kota.declare(sql_source({"url": database.url(), "table": "halte"}, vanished="delete"))
    kota.sync()
    database.execute("UPDATE halte SET nama = 'Pasar Raya' WHERE id = 1")
    database.execute("DELETE FROM halte WHERE id = 2")
    database.execute("INSERT INTO halte (id, nama) VALUES (9999, 'Baru')")
    run = kota.sync()
    assert (run.rows_written, run.rows_unchanged, run.rows_vanished) == (2, ROWS - 2, 1)
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["Halte É 1", "Pasar Raya"]
    assert kota.entity(entity_uri("BusStop", "2")) is None
    assert kota.values(entity_uri("BusStop", "9999")) == {"name": "Baru"}


def test_rows_come_as_they_are_asked_for(database: Database) -> None:
    reading = open_reading({"url": database.url(), "table": "halte"}, Surroundings(Path("/")))
    rows = reading.rows()
    assert isinstance(next(rows), Row)
    reading.close()


def test_a_query_is_read_with_its_own_names(database: Database) -> None:
    query = "SELECT id AS nomor, 'a:b' AS titik, '50%' AS persen FROM halte WHERE id <= 2 ORDER BY id DESC"
    reading = open_reading({"url": database.url(), "query": query}, Surroundings(Path("/")))
    assert reading.columns == ("nomor", "titik", "persen")
    assert [tuple(row.cells) for row in reading.rows() if isinstance(row, Row)] == [
        (2, "a:b", "50%"),
        (1, "a:b", "50%"),
    ]
    reading.close()


def test_a_source_cannot_write(database: Database) -> None:
    query = "WITH a AS (SELECT 1 AS n) SELECT n FROM a FOR UPDATE"
    if not database.is_mariadb:
        query = "WITH a AS (DELETE FROM halte RETURNING id) SELECT id FROM a"
    kind, _ = detail_of({"url": database.url(user="root" if database.is_mariadb else "simpul"), "query": query})
    assert issubclass(kind, SourceError)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM halte")).scalar() == ROWS


def test_a_wrong_password_is_told_without_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDI", "salah-sekali")
    kind, detail = detail_of({"url": database.url(), "table": "halte"})
    assert kind is SourceUnreachable
    assert "refuses the user or the password" in detail
    assert "***" in detail
    assert "salah-sekali" not in detail


def test_a_wrong_database_is_told(database: Database) -> None:
    kind, detail = detail_of({"url": database.url(database="salah"), "table": "halte"})
    assert issubclass(kind, SourceError)
    assert "salah" in detail


def test_a_server_that_is_down_is_told(database: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        kind, detail = detail_of({"url": database.url(port=taken.getsockname()[1]), "table": "halte"})
    assert kind is SourceUnreachable
    assert "cannot be reached" in detail


def test_a_missing_table_is_told_with_the_nearest(database: Database) -> None:
    kind, detail = detail_of({"url": database.url(), "table": "halt"})
    assert kind is SourceMismatch
    assert "has no table 'halt'; did you mean 'halte'?" in detail


def test_a_column_to_sort_by_that_is_missing_is_told(database: Database) -> None:
    _, detail = detail_of({"url": database.url(), "table": "halte", "order_by": ["nomor"]})
    assert "has no column 'nomor' to order by" in detail
    assert "id, nama, bujur" in detail


def test_a_table_that_may_not_be_read_is_told(database: Database) -> None:
    kind, detail = detail_of({"url": database.url(), "query": "SELECT * FROM rahasia"})
    assert issubclass(kind, SourceMismatch)
    assert "may not read" in detail


def test_a_query_that_makes_no_sense_is_told(database: Database) -> None:
    kind, detail = detail_of({"url": database.url(), "query": "SELECT tidak_ada FROM halte"})
    assert kind is SourceMismatch
    assert "tidak_ada" in detail


def test_a_server_that_is_cut_off_midway_leaves_a_hub_that_goes_on(kota: Kota, database: Database) -> None:
    kota.declare(sql_source({"url": database.url(), "query": "SELECT * FROM halte ORDER BY id"}))
    reading = open_reading({"url": database.url(), "table": "halte"}, Surroundings(Path("/")))
    rows = reading.rows()
    next(rows)
    cut_off(database)
    # What is in the client's buffer may be all of it; where it is not, the cut shows as an error of ours.
    with suppress(SourceError):
        list(rows)
    reading.close()
    assert kota.sync().error is None


def cut_off(database: Database) -> None:
    """End every connection of the reader on the server."""
    with database.engine.connect() as connection:
        if database.is_mariadb:
            found = connection.execute(
                text("SELECT id FROM information_schema.processlist WHERE user = :u"), {"u": READER}
            )
            for number in found.scalars().all():
                connection.execute(text(f"KILL {int(number)}"))
        else:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :u"), {"u": READER}
            )


def test_a_zero_date_of_mariadb_is_not_known(kota: Kota, databases: dict[str, Database], monkeypatch: Any) -> None:
    monkeypatch.setenv("SANDI", PASSWORD)
    database = databases["mariadb"]
    with database.engine.begin() as connection:
        connection.execute(text("SET SESSION sql_mode = ''"))
        connection.execute(text("UPDATE halte SET dibuka = '0000-00-00', diubah = '0000-00-00 00:00:00' WHERE id = 1"))
    source = sql_source({"url": database.url(), "query": "SELECT * FROM halte WHERE id = 1"})
    source["entity"]["attributes"] = {"opened": {"column": "dibuka", "date": "iso"}, "name": "nama"}
    kota.declare(source)
    assert kota.sync().error is None
    assert "opened" not in kota.values(entity_uri("BusStop", "1"))


# --- SQLite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dinas perhubungan #1.db"
    with sqlite3.connect(path) as connection:
        connection.execute(TABLE)
        connection.executemany("INSERT INTO halte (id, nama) VALUES (?, ?)", [(n, f"Halte {n}") for n in range(1_200)])
        connection.execute("CREATE VIEW aktif AS SELECT id, nama FROM halte WHERE id > 0")
    connection.close()
    return path


def test_an_sqlite_file_beside_the_declarations_is_read(file: Path) -> None:
    reading = open_reading({"url": f"sqlite:///{file.name}", "table": "aktif"}, Surroundings(file.parent))
    assert reading.columns == ("id", "nama")
    assert sum(1 for _ in reading.rows()) == 1_199
    reading.close()


def test_a_missing_sqlite_file_is_not_made(tmp_path: Path) -> None:
    kind, detail = detail_of({"url": "sqlite:///tidak-ada.db", "table": "halte"}, tmp_path)
    assert kind is SourceUnreachable
    assert "There is no database file" in detail
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "halte.db").write_text("bukan basis data " * 100)
    _, detail = detail_of({"url": "sqlite:///halte.db", "table": "halte"}, tmp_path)
    assert "file is not a database" in detail


def test_an_sqlite_file_is_never_written(file: Path) -> None:
    query = "WITH a AS (SELECT 1) SELECT load_extension('x') FROM a"
    kind, _ = detail_of({"url": f"sqlite:///{file.name}", "query": query}, file.parent)
    assert issubclass(kind, SourceError)


def test_a_secret_that_is_not_set_is_named(tmp_path: Path) -> None:
    read = {"url": "mysql://a:${env:SIMPUL_TIDAK_ADA}@127.0.0.1/x", "table": "halte"}
    kind, detail = detail_of(read, tmp_path)
    assert kind is SourceMisconfigured
    assert "The environment variable SIMPUL_TIDAK_ADA is not set" in detail


@pytest.mark.parametrize(("url", "module", "extra"), [
    ("sqlserver://simpul:${env:SANDI}@10.0.0.9/aset", "pymssql", "sqlserver"),
    ("oracle://simpul:${env:SANDI}@10.0.0.9/?service_name=ASET", "oracledb", "oracle"),
])  # fmt: skip
def test_a_driver_that_is_not_installed_is_named_with_the_way_to_get_it(
    tmp_path: Path, url: str, module: str, extra: str
) -> None:
    if module in packages_distributions():
        pytest.skip(f"{module} is installed")
    surroundings = Surroundings(tmp_path, {"SANDI": "rahasia"})
    with pytest.raises(SourceMisconfigured) as caught:
        open_reading({"url": url, "table": "aset"}, surroundings)
    assert f"needs the driver {module}, which is not installed" in caught.value.detail
    assert f"pip install 'simpul[{extra}]'" in caught.value.detail
    assert "rahasia" not in caught.value.detail


@pytest.mark.parametrize("url", ["sqlserver://a:geheim@h/d", "oracle://a:geheim@h/d", "mssql://a@h/d?password=geheim"])
def test_a_password_in_the_open_is_refused_for_every_database(url: str) -> None:
    assert "the URL holds a password" in (check_url(url) or "")


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "sandi").write_text("rahasia\n")
    assert Surroundings(tmp_path).resolve("x${file:sandi}y") == "xrahasiay"
    with pytest.raises(SourceMisconfigured, match="cannot be read: no such file"):
        Surroundings(tmp_path).resolve("${file:tidak-ada}")


def test_a_host_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_TIMEOUT_SECONDS", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        url = f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/x"
        kind, detail = detail_of({"url": url, "table": "halte"}, tmp_path)
    assert kind is SourceUnreachable
    assert "127.0.0.1" in detail
