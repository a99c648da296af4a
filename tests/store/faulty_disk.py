"""A disk for SQLite that a test can watch and break: a VFS over the real one, through which all files are opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


class FaultyDisk:
    """Counts what is written and made durable; fails writes, or syncs, as it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.write_error: type[apsw.Error] | None = None
        self.sync_error: type[apsw.Error] | None = None
        # Only files whose name ends so are broken; all are watched.
        self.broken_suffix = ""

    def wrote(self, name: str) -> None:
        self.events.append(("write", name))
        if self.write_error is not None and name.endswith(self.broken_suffix):
            raise self.write_error("this disk fails to write")

    def synced(self, name: str) -> None:
        if self.sync_error is not None and name.endswith(self.broken_suffix):
            raise self.sync_error("this disk fails to sync")
        self.events.append(("sync", name))


class _File(apsw.VFSFile):
    """One file of it."""

    def __init__(self, disk: FaultyDisk, filename: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._name = filename.filename() if isinstance(filename, apsw.URIFilename) else str(filename)
        super().__init__("unix", filename, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # SQLite's name.
        self._disk.wrote(self._name)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name.
        self._disk.synced(self._name)
        super().xSync(flags)


class _Vfs(apsw.VFS):
    """The file system that makes them, and SQLite's default as long as it is registered."""

    def __init__(self, disk: FaultyDisk) -> None:
        self._disk = disk
        super().__init__("faulty", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # SQLite's name.
        return _File(self._disk, name, flags)


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """Give every file that SQLite opens from now on to a disk that can be broken."""
    disk = FaultyDisk()
    vfs = _Vfs(disk)
    try:
        yield disk
    finally:
        vfs.unregister()
        apsw.set_default_vfs("unix")
