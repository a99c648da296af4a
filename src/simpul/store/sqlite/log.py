"""The write-ahead log of a city's file: how much of it is on the disk, and how much of that was moved into the file.

A COMMIT only writes to the log. It is durable when `sync` has returned; before that nothing of it is moved into the
file, so that a log that fails to sync can be cut back to what is on the disk. No groups and no answers here.
"""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import apsw

from simpul import limits
from simpul.domain.errors import HubError, StorageUnavailable
from simpul.store.sqlite.connection import SQL, close_connection, open_connection, translate_system

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_FACTOR_BLOCKING = 4
# Every connection of every process holds SQLite's lock of a file somewhere in these bytes.
_LOCKS_FROM, _LOCKS_BYTES = 0x40000000, 512


class WriteAheadLog:
    """The log of one file. Between `connect` and `disconnect` it is used by the thread that commits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log_path = path.with_name(path.name + "-wal")
        self._failure: HubError | None = None
        # Numbers of pages since the log was last begun anew: written, of these on the disk, of these in the file.
        self._written = 0
        self._synced = 0
        self._moved = 0
        # How often what was new was moved since the log was last begun anew.
        self._rounds = 0
        self._moving: Future[None] | None = None
        self._descriptor: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simpul-checkpoint")

    def connect(self, writer: apsw.Connection) -> None:
        """Take the log that `writer` has read. Raises StorageUnavailable, StorageFull."""
        self._writer = writer
        self._checkpointer = open_connection(self._path)
        self._holder = open_connection(self._path)
        self._page_bytes = writer.execute(SQL.page_bytes).get
        self._written, self._moved = writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        # After a cut in the middle of a group, the first one since the log was begun anew, nothing is left.
        self._synced = min(self._synced, self._written)
        self._rounds = 0
        writer.set_wal_hook(self._count)
        try:
            # SQLite locks other files than this one, so that closing our descriptor frees none of its locks.
            self._descriptor = os.open(self._log_path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise translate_system(error, self._path) from error

    def disconnect(self) -> None:
        """Wait for what is being moved, and close what `connect` has opened, where it has."""
        if self._moving is not None:
            with suppress(apsw.ConnectionClosedError):
                self._checkpointer.interrupt()
            self._moving.result()
        for connection in (self._checkpointer, self._holder):
            close_connection(connection, keeps_log=self.is_broken)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def close(self) -> None:
        """Have nothing moved any more."""
        self._thread.shutdown(wait=True)

    @property
    def _is_moving(self) -> bool:
        return self._moving is not None and not self._moving.done()

    @property
    def is_broken(self) -> bool:
        """Whether something was committed that could not be made durable, and is there yet."""
        return self._failure is not None

    def raise_if_broken(self) -> None:
        if self._failure is not None:
            raise self._failure

    def sync(self) -> None:
        """Return when all that was committed is on the disk. Raises StorageUnavailable, StorageFull."""
        self._sync()
        if self._is_moving:
            return
        new_bytes = (self._synced - self._moved) * self._page_bytes
        # What was written while the rest was moved is moved too, until little is left to wait for.
        is_rest = 0 < self._rounds < limits.CHECKPOINT_ROUNDS_MAX and new_bytes > limits.CHECKPOINT_REST_BYTES
        if is_rest or new_bytes >= limits.CHECKPOINT_WAL_BYTES:
            self._begin_to_move()

    def begin_anew(self) -> None:
        """Begin the log anew if nearly all was moved. Between a COMMIT and the next BEGIN: writers wait meanwhile."""
        rest_bytes = (self._written - self._moved) * self._page_bytes
        is_moved = (
            self._rounds > 0
            and not self._is_moving
            and (rest_bytes <= limits.CHECKPOINT_REST_BYTES or self._rounds >= limits.CHECKPOINT_ROUNDS_MAX)
        )
        if is_moved or self._written * self._page_bytes > limits.CHECKPOINT_WAL_BYTES * _FACTOR_BLOCKING:
            self._sync()
            if _checkpoint(self._writer, apsw.SQLITE_CHECKPOINT_RESTART):
                self._rounds = 0

    def cut(self) -> None:
        """Cut off what is not on the disk. No connection may be open. Raises StorageUnavailable, StorageFull."""
        try:
            with self._path.open("rb+") as file, self._log_path.open("rb+") as log:
                # Others would go on with what they know of the log.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS_BYTES, _LOCKS_FROM)
                log.truncate(_HEADER_BYTES + self._synced * (_FRAME_HEADER_BYTES + self._page_bytes))
        except BlockingIOError as error:
            raise StorageUnavailable(
                f"The disk failed to keep the last changes of {self._path.name}, and they cannot be taken back while "
                "another program uses the file. Close that program and send the request again."
            ) from error
        except OSError as error:
            raise translate_system(error, self._path) from error
        self._failure = None

    def _sync(self) -> None:
        self.raise_if_broken()
        if self._synced == self._written:
            # Begun anew since: what is in the file already must not be refused because of a needless sync.
            return
        assert self._descriptor is not None, "who syncs has connected"
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            # The system may have forgotten what it could not write: a second sync that succeeds would say nothing.
            self._failure = translate_system(error, self._path)
            raise self._failure from error
        self._synced = self._written

    def _count(self, _: apsw.Connection, __: str, pages: int) -> int:
        if pages <= self._written:
            # It has begun anew; its file keeps its size.
            self._synced = self._moved = 0
        self._written = pages
        return apsw.SQLITE_OK

    def _begin_to_move(self) -> None:
        with suppress(apsw.Error):
            # What is committed from now on may not be moved before it is synced: a reader of this moment holds it up.
            self._holder.execute(SQL.begin_reading)
            self._holder.execute(SQL.last_sequence).get  # noqa: B018  # It is read.
            self._moved = self._synced
            self._rounds += 1
            self._moving = self._thread.submit(self._move)

    def _move(self) -> None:
        try:
            _checkpoint(self._checkpointer, apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            with suppress(apsw.Error):
                self._holder.execute(SQL.rollback)


def _checkpoint(connection: apsw.Connection, mode: int) -> bool:
    """Return whether all was moved that may be."""
    try:
        connection.wal_checkpoint(mode=mode)
    except apsw.Error:
        # A reader may be in the way, or the disk full. What was committed is so all the same; it is tried again.
        return False
    return True
