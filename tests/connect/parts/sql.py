"""Databases: an SQLite file, and real MariaDB and PostgreSQL servers behind a line that can be cut."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from tests.connect.line import Line
from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place
from tests.connect.servers import PASSWORD

SECRET = "SIMPUL_TEST_BAGIAN"


class SqlitePart(FilePart):
    """An SQLite file."""

    kind = "sql"

    @property
    def read(self) -> dict[str, Any]:
        return {"url": f"sqlite:///{self.path.name}", "table": "halte", "order_by": ["id"]}

    def fill(self, names: Mapping[int, str]) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS halte (id INTEGER PRIMARY KEY, nama TEXT)")
            database.execute("DELETE FROM halte")
            database.executemany("INSERT INTO halte VALUES (?, ?)", names.items())


class ServerPart(Part):
    """A table of its own on a server, reached over a line that can be cut."""

    kind = "sql"

    def __init__(self, engine: Engine, read: dict[str, Any], line: Line) -> None:
        self._engine = engine
        self._read = read
        self._line = line

    @property
    def read(self) -> dict[str, Any]:
        return self._read

    def fill(self, names: Mapping[int, str]) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS bagian (id INTEGER PRIMARY KEY, nama TEXT)"))
            connection.execute(text("DELETE FROM bagian"))
            rows = [{"id": number, "nama": name} for number, name in names.items()]
            if rows:
                connection.execute(text("INSERT INTO bagian VALUES (:id, :nama)"), rows)

    def take_away(self) -> None:
        self._line.cut()

    def bring_back(self) -> None:
        self._line.mend()


@contextmanager
def sqlite_part(place: Place) -> Iterator[Part]:
    yield SqlitePart(place.folder / "dishub.db")


@contextmanager
def mariadb_part(place: Place) -> Iterator[Part]:
    server = place.server("mariadb")
    with _engine(server.url) as root, root.begin() as connection:
        connection.execute(text("CREATE DATABASE IF NOT EXISTS bagian CHARACTER SET utf8mb4"))
    with _engine(f"{server.url}bagian?charset=utf8mb4") as engine, Line(server.port) as line:
        url = f"mariadb://root@127.0.0.1:{line.port}/bagian"
        yield ServerPart(engine, {"url": url, "table": "bagian", "order_by": ["id"]}, line)


@contextmanager
def postgresql_part(place: Place) -> Iterator[Part]:
    server = place.server("postgresql")
    os.environ[SECRET] = PASSWORD
    url = make_url(server.url).set(password=PASSWORD).render_as_string(hide_password=False)
    with _engine(url) as engine, Line(server.port) as line:
        url = f"postgresql://simpul:${{env:{SECRET}}}@127.0.0.1:{line.port}/postgres"
        yield ServerPart(engine, {"url": url, "table": "bagian", "order_by": ["id"]}, line)
    del os.environ[SECRET]


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


PARTS = {"sql": sqlite_part}
SERVER_PARTS = {"sql-mariadb": mariadb_part, "sql-postgresql": postgresql_part}
