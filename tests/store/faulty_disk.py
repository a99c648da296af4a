"""A disk that a test can watch, slow and break: a VFS over the real one for SQLite, and the store's syncs of logs."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

_sync = os.fdatasync


class FaultyDisk:
    """Counts what is written and made durable; fails writes, or syncs, as it is told, or holds syncs of logs up."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.write_error: type[apsw.Error] | None = None
        self.sync_error: type[apsw.Error] | None = None
        # Syncs of logs, by the store itself: the error that they end with, and what they wait for before.
        self.log_errno = 0
        self.log_gate: threading.Event | None = None
        self.log_syncs = threading.Semaphore(0)
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

    def sync_log(self, descriptor: int) -> None:
        """Stand in for `os.fdatasync`."""
        self.log_syncs.release()
        if self.log_gate is not None:
            assert self.log_gate.wait(20)
        if self.log_errno:
            raise OSError(self.log_errno, os.strerror(self.log_errno))
        self.synced(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        _sync(descriptor)

    def fail(self) -> None:
        """Fail every sync from now on."""
        self.sync_error, self.log_errno = apsw.IOError, errno.EIO

    def mend(self) -> None:
        self.sync_error, self.log_errno = None, 0


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
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fdatasync", disk.sync_log)
            yield disk
    finally:
        vfs.unregister()
        apsw.set_default_vfs("unix")
