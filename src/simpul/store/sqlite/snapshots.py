"""Snapshots (`ports/snapshots.py`): descriptions in the city's file, entities in a file of their own. No decisions.

A snapshot's file is a city's file by its tables, so that it answers the same questions in the same way.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from simpul.domain.snapshot import Kept
from simpul.ports.contexts import ContextTable
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import open_connection, translated_errors
from simpul.store.sqlite.store import SqliteStore
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "snapshots.sql")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


class SqliteSnapshotState(SqliteStore):
    """The entities and histories of one snapshot: a store with one file, whatever the city is called."""

    def __init__(self, path: Path, contexts: ContextTable) -> None:
        super().__init__(path.parent, contexts, lambda _tenant, _types: None)
        self._file = CityFile(path, contexts, lambda _types: None, lambda _notices: None)

    def _city(self, tenant: str) -> CityFile:
        del tenant  # There is only one here.
        return self._file

    async def close(self) -> None:
        await self._file.close()


class SqliteSnapshots:
    """The port `SnapshotStore` over the cities' files and a folder for each city."""

    def __init__(self, store: SqliteStore, contexts: ContextTable) -> None:
        self._find_city = store.city_file
        self._store = store
        self._contexts = contexts

    def list_snapshots(self, tenant: str) -> list[Kept]:
        return [_decode(row[0]) for row in self._find_city(tenant).read(SQL.list_snapshots, ())]

    async def put_snapshot(self, tenant: str, kept: Kept) -> None:
        statement = (SQL.put_snapshot, (kept.id, _encode(kept)))
        await self._find_city(tenant).execute_all([statement], contexts={kept.context_id} - {0})

    async def drop_snapshot(self, tenant: str, kept: Kept) -> None:
        await self._find_city(tenant).execute(SQL.delete_snapshot, (kept.id,))
        path = self._path(tenant, kept.file)
        for suffix in ("-wal", "-shm", ".lock", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def open_state(self, tenant: str, file: str) -> SqliteSnapshotState:
        return SqliteSnapshotState(self._path(tenant, file), self._contexts)

    async def copy_state(self, tenant: str, file: str, copy: str) -> None:
        await asyncio.to_thread(_copy, self._path(tenant, file), self._path(tenant, copy))

    def _path(self, tenant: str, file: str) -> Path:
        return self._store.snapshot_directory(tenant) / f"{file}.db"


def _copy(source: Path, target: Path) -> None:
    with translated_errors(source):
        connection = open_connection(source)
        try:
            connection.execute(SQL.copy_into, (str(target),))
        finally:
            connection.close()
