"""Opens a city's file, and turns SQLite's errors into the hub's. No statements of the store here."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

import apsw

from simpul import limits
from simpul.domain.errors import HubError, StorageFull, StorageUnavailable
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "queries.sql")
MIGRATIONS = load_statements("simpul.store.sqlite", "migrations.sql")

# SQLite tells only of the first of these that there is no room: a quota that is used up, or the largest file that the
# process or the file system allows, it calls a failure of the disk.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

PAGE_BYTES = 4096
# 4 KiB pages commit faster than 8 or 16 (10 against 13 and 17 µs an entity); a small page cache with memory mapping
# beats a large one, which SQLite walks at every commit.
_PRAGMAS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    # A COMMIT only writes to the log; `log.py` makes it durable, and SQLite syncs the log before it moves it.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -32000",
    f"PRAGMA mmap_size = {limits.MEMORY_MAP_BYTES}",
    "PRAGMA wal_autocheckpoint = 0",
    # A log that had to grow is cut to this when it begins anew; below it, keeping its blocks makes every sync cheaper.
    f"PRAGMA journal_size_limit = {2 * limits.CHECKPOINT_WAL_BYTES}",
    "PRAGMA temp_store = FILE",
)


def open_connection(path: Path, *, lock_wait_ms: int = limits.LOCK_WAIT_MS) -> apsw.Connection:
    """Return a connection with the store's settings. Raises StorageUnavailable, StorageFull."""
    with translated_errors(path):
        # apsw forgets a compiled statement after so many runs of others, not after so many others: 64 writes, each of
        # which looks for its entity, would have every statement of the next group compiled anew.
        connection = apsw.Connection(str(path), statementcachesize=limits.STATEMENTS_KEPT_MAX)
        connection.set_busy_timeout(lock_wait_ms)
        # Otherwise SQLite compiles a statement anew whenever a bound value might lead to a better plan: 35 µs a query.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection


def close_connection(connection: apsw.Connection, *, keeps_log: bool) -> None:
    """Close it. `keeps_log` leaves the log as it is; otherwise the last one to close moves it into the file."""
    with suppress(apsw.ConnectionClosedError):
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(keeps_log))
        connection.close()


def create_tables(connection: apsw.Connection, path: Path) -> None:
    """Make the city's tables where they are missing."""
    schema = files("simpul.store.sqlite").joinpath("schema.sql").read_text(encoding="utf-8")
    with translated_errors(path), connection:
        connection.execute(schema)
        if not connection.execute(MIGRATIONS.counts_attributes).get:
            # A file from before attributes were indexed on demand: all of them are, and nobody has counted.
            for statement in (MIGRATIONS.add_entities, MIGRATIONS.add_filled, MIGRATIONS.count_attributes):
                connection.execute(statement)
        if not connection.execute(MIGRATIONS.has_log_by_place).get:
            # A file from before the log was clustered by one number: 2 s for each million entries.
            for statement in (MIGRATIONS.set_log_aside, schema, MIGRATIONS.place_log, MIGRATIONS.drop_log_aside):
                connection.execute(statement)


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises inside the block into StorageFull or StorageUnavailable, naming the file."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, path) from error


def translate_system(error: OSError, path: Path) -> HubError:
    """Return the hub's error for one of the system's about a file's log."""
    if error.errno in _NO_ROOM:
        return _full(path)
    return StorageUnavailable(
        f"The disk failed while {path.name} was used: {error.strerror}. Nothing of the request was kept."
    )


def _full(path: Path) -> StorageFull:
    return StorageFull(
        f"The disk that holds {path.name} is full. Free some space and send the request again; nothing of it was kept."
    )


def translate(error: apsw.Error, path: Path, system_errno: int = 0) -> HubError:
    """Return the hub's error for one of SQLite's. `system_errno` is what the system last said of the file's disk."""
    has_no_room = isinstance(error, apsw.IOError) and system_errno in _NO_ROOM
    if isinstance(error, apsw.FullError) or has_no_room:
        return _full(path)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StorageUnavailable(
            f"{path.name} is locked by another program for more than {limits.LOCK_WAIT_MS} ms. "
            "Close that program and send the request again; nothing of it was kept."
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return StorageUnavailable(f"{path.name} is damaged: {error}. Restore it from the latest backup.")
    if isinstance(error, apsw.CantOpenError | apsw.PermissionsError | apsw.ReadOnlyError):
        return StorageUnavailable(f"{path.name} cannot be opened for writing. Check the folder and its permissions.")
    if isinstance(error, apsw.IOError):
        return StorageUnavailable(
            f"The disk failed while {path.name} was used: {error}. Nothing of the request was kept."
        )
    return StorageUnavailable(f"{path.name} could not be used: {error}.")
