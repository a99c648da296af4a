"""The embedded store: one SQLite file per city, through apsw. No HTTP and no decisions here."""

from simpul.store.sqlite.snapshots import SqliteSnapshots
from simpul.store.sqlite.store import SqliteStore

__all__ = ["SqliteSnapshots", "SqliteStore"]
