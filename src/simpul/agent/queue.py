"""The readings that wait to be delivered, in one SQLite file of the office's machine. Reads and delivers nothing.

A reading is there for whoever delivers once it is complete; one that was cut off is dropped when the queue is opened
again. What was delivered goes only when the hub has said that it is taken over.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import msgspec

from simpul import limits
from simpul.connect.changed_rows import Changes
from simpul.domain.delivery import SAME
from simpul.domain.errors import StorageFull, StorageUnavailable
from simpul.statements import load_statements

SQL = load_statements("simpul.agent", "queue.sql")

_QUEUE_ID_BYTES: Final = 8
_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 4194304",
)


class Waiting(NamedTuple):
    """One complete reading: its number in the queue, what it is, and the size and digest of its packed rows."""

    number: int
    kind: str
    size: int
    digest: str
    read_us: int


class Backlog(NamedTuple):
    """What waits of a source: how many readings, their bytes, and when the oldest was read."""

    readings: int
    size: int
    oldest_us: int | None


class Change(NamedTuple):
    """What a reading changed since the one before: its digest, that of the rows which come of it, and its size."""

    base: str
    rows_digest: str
    size: int


class Queue:
    """A queue of bounded size, for several sources. May be used from several threads."""

    def __init__(self, path: Path, bytes_max: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._turn = threading.RLock()
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = apsw.Connection(str(path))
        try:
            with self._translated():
                for statement in (
                    *_PRAGMAS,
                    SQL.create_sources,
                    SQL.create_readings,
                    SQL.create_pieces,
                    SQL.create_notes,
                    SQL.create_changes,
                    SQL.create_blocks,
                ):
                    self._connection.execute(statement)
                # Rows may be personal.
                path.chmod(0o600)
                with self._connection:
                    self._connection.execute(SQL.drop_unfinished_pieces)
                    self._connection.execute(SQL.drop_unfinished_readings)
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.BusyError as error:
            raise StorageUnavailable(f"Another agent uses the queue {self._path}. Only one may run.") from error
        except apsw.FullError as error:
            raise StorageFull(f"The disk that holds {self._path} is full. Free some space; nothing is lost.") from error
        except (apsw.Error, OSError) as error:
            raise StorageUnavailable(f"The queue {self._path} cannot be used: {error}.") from error

    def _run(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._turn, self._translated():
            return list(self._connection.execute(statement, parameters))

    def _run_all(self, steps: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        with self._turn, self._translated(), self._connection:
            for statement, parameters in steps:
                self._connection.execute(statement, parameters)

    def queue_id(self, source: str) -> str:
        """Return the id of the source's queue, which the hub knows it by."""
        self._run(SQL.add_source, source, secrets.token_hex(_QUEUE_ID_BYTES))
        return str(self._run(SQL.find_queue, source)[0][0])

    def begin(self, source: str, kind: str) -> int:
        """Begin a reading; return its number. Raises StorageFull where there is no room for another one."""
        self._raise_if_full(0)
        self.queue_id(source)
        number = int(self._run(SQL.take_number, source)[0][0])
        self._run(SQL.add_reading, source, number, kind)
        return number

    def add_piece(self, source: str, number: int, place: int, body: bytes) -> None:
        """Put the piece at this place of a reading. Raises StorageFull where the queue would grow over its bound."""
        with self._turn:
            self._raise_if_full(len(body))
            self._run_all(
                [(SQL.add_piece, (source, number, place, body)), (SQL.grow_reading, (source, number, len(body)))]
            )

    def _raise_if_full(self, more: int) -> None:
        used = int(self._run(SQL.sum_bytes)[0][0])
        if used + more > self._bytes_max or (more == 0 and used >= self._bytes_max):
            raise StorageFull(
                f"The queue has {used:,} of {self._bytes_max:,} bytes, so nothing more is read until the hub has taken "
                "some of it. Nothing is lost; queue_megabytes in agent.yaml sets the bound."
            )

    def _has_room(self, more: int) -> bool:
        return int(self._run(SQL.sum_bytes)[0][0]) + more <= self._bytes_max

    def recall(self, source: str, names: Sequence[str]) -> dict[str, bytes]:
        """Return what a stream has noted under these names; what it has noted under others matters no more."""
        self._run(SQL.keep_notes, source, msgspec.json.encode(names).decode())
        return dict(self._run(SQL.list_notes, source))

    def complete_news(self, source: str, waiting: Waiting, notes: Mapping[str, bytes]) -> None:
        """Let a stream's reading be delivered, and keep what the stream notes with it. One without rows goes."""
        number = waiting.number
        steps: list[tuple[str, tuple[Any, ...]]] = [(SQL.put_note, (source, *one)) for one in notes.items()]
        if waiting.size:
            rows = (source, number, waiting.kind, waiting.size, waiting.digest, waiting.read_us)
            steps.append((SQL.complete_reading, rows))
        else:
            steps.append((SQL.drop_reading, (source, number)))
        self._run_all(steps)

    def before(self, source: str) -> tuple[str, bytes]:
        """Return the digest of the last whole reading and those of its blocks; nothing where they are not known."""
        with self._turn:
            found = self._run(SQL.find_blocks, source)
            return (str(self._run(SQL.find_digest, source)[0][0]), found[0][0]) if found else ("", b"")

    def complete(self, source: str, waiting: Waiting, changes: Changes | None, blocks: bytes) -> bool:
        """Let a whole reading be delivered, or what it changed. One with the rows of that before it only says so.

        `blocks` are the digests of its blocks. Returns whether its rows are new.
        """
        with self._turn:
            number = waiting.number
            before = self._run(SQL.find_digest, source)[0][0]
            if before != waiting.digest:
                rows = (source, number, waiting.kind, waiting.size, waiting.digest, waiting.read_us)
                steps = [
                    (SQL.complete_reading, rows),
                    (SQL.note_digest, (source, waiting.digest)),
                    (SQL.put_blocks, (source, waiting.digest, blocks)),
                ]
                # Whole rows may have been asked for while these were read; and they can be sent without changes.
                if changes is not None and changes.base == before and self._has_room(len(changes.body)):
                    steps.append((SQL.put_change, (source, number, *changes)))
                self._run_all(steps)
                return True
            last = self._run(SQL.find_last, source)
            drop = (SQL.drop_pieces, (source, number))
            if last and last[0][1] == SAME:
                again = (SQL.note_read_again, (source, last[0][0], waiting.read_us))
                self._run_all([drop, (SQL.drop_reading, (source, number)), again])
            else:
                same = (source, number, SAME, 0, waiting.digest, waiting.read_us)
                self._run_all([drop, (SQL.complete_reading, same)])
            return False

    def drop(self, source: str, number: int) -> None:
        """Remove a reading: it is taken over, or was cut off."""
        self._run_all([
            (SQL.drop_pieces, (source, number)),
            (SQL.drop_change, (source, number)),
            (SQL.drop_reading, (source, number)),
        ])  # fmt: skip

    def find_change(self, source: str, number: int) -> Change | None:
        """Return what the reading changed, where that is known and less than the whole."""
        rows = self._run(SQL.find_change, source, number)
        return Change(*rows[0]) if rows else None

    def change_piece(self, source: str, number: int, offset: int) -> bytes:
        """Return what follows `offset` of what the reading changed, as much as goes at once."""
        rows = self._run(SQL.find_change_piece, source, number, offset, limits.DELIVERY_PIECE_BYTES)
        return bytes(rows[0][0]) if rows else b""

    def head(self, source: str) -> Waiting | None:
        """Return the reading to deliver next, or None."""
        rows = self._run(SQL.find_head, source)
        return Waiting(*rows[0]) if rows else None

    def piece(self, source: str, number: int, offset: int) -> bytes:
        """Return what follows `offset` in its piece."""
        place, within = divmod(offset, limits.DELIVERY_PIECE_BYTES)
        rows = self._run(SQL.find_piece, source, number, place)
        body: bytes = rows[0][0] if rows else b""
        return body[within:]

    def backlog(self, source: str) -> Backlog:
        """Return what waits of the source."""
        return Backlog(*self._run(SQL.backlog, source)[0])

    def forget_digest(self, source: str) -> None:
        """Let the next reading be delivered whole, also where its rows are the same."""
        self._run(SQL.note_digest, source, "")

    def begin_anew(self, source: str) -> None:
        """Give the source's queue another id, so that the hub counts anew. What waits stays, in its order."""
        self._run(SQL.begin_anew, source, secrets.token_hex(_QUEUE_ID_BYTES))

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()


class PieceWriter:
    """A file of which the content becomes a reading's pieces; `finish` gives its size and digest."""

    def __init__(self, put: Callable[[int, bytes], None], digest: Any) -> None:
        self._put = put
        self._digest = digest
        self._held = bytearray()
        self._place = 0
        self.size = 0

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._digest.update(data)
        self._held += data
        self.size += len(data)
        while len(self._held) >= limits.DELIVERY_PIECE_BYTES:
            self._put_first()
        return len(data)

    def flush(self) -> None:
        """Do nothing: a piece is written once it is full."""

    def _put_first(self) -> None:
        piece = bytes(self._held[: limits.DELIVERY_PIECE_BYTES])
        del self._held[: limits.DELIVERY_PIECE_BYTES]
        self._put(self._place, piece)
        self._place += 1

    def finish(self) -> str:
        """Put the rest; return the digest of all."""
        if self._held:
            self._put_first()
        return str(self._digest.hexdigest())
