"""Rows kept as they came, one packed file for each run, so that a source can be replayed without its system.

Kept only where a source says `keep_raw`: rows may be personal. A file is a gzip stream of msgpack frames, each with its
length before it: the columns first, then rows. It is read and written in bounded memory. What an agent delivers has the
same form (`delivered.py`).
"""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row
from simpul.domain.errors import NotFound, SourceUnreachable

LENGTH_BYTES: Final = 4
_INTEGER_MAX: Final = 2**63 - 1
COMPRESSION: Final = 3

_encode = msgspec.msgpack.Encoder().encode


def folder_of(data_directory: Path, tenant: str, source_id: str) -> Path:
    """Return where a source's rows are kept."""
    return data_directory / "raw" / tenant / source_id


def forget_rows(data_directory: Path, tenant: str, source_id: str) -> None:
    """Remove all rows that are kept of a source."""
    shutil.rmtree(folder_of(data_directory, tenant, source_id), ignore_errors=True)


def discard_unfinished(folder: Path) -> None:
    """Remove what runs that did not end well have kept; a source has one run at a time."""
    for path in folder.glob("*.part"):
        path.unlink(missing_ok=True)


# What msgpack does not know: the type, its number in the file, its text, and the way back.
_OTHERS: Final[tuple[tuple[type, int, Callable[[Any], str], Callable[[str], Any]], ...]] = (
    (Decimal, 1, str, Decimal),
    (datetime, 2, datetime.isoformat, datetime.fromisoformat),
    (date, 3, date.isoformat, date.fromisoformat),
    (time, 4, time.isoformat, time.fromisoformat),
    (timedelta, 5, lambda span: repr(span.total_seconds()), lambda seconds: timedelta(seconds=float(seconds))),
    (int, 6, str, int),
)
_READERS: Final = {number: read for _, number, _, read in _OTHERS}
_PLAIN: Final = frozenset({str, float, bool, bytes, type(None), dict, list})


def _pack(cell: Any) -> Any:
    kind = type(cell)
    if kind in _PLAIN or (kind is int and abs(cell) <= _INTEGER_MAX):
        return cell
    for type_, number, text, _ in _OTHERS:
        if isinstance(cell, type_):
            return msgspec.msgpack.Ext(number, text(cell).encode())
    return bytes(cell) if isinstance(cell, bytearray | memoryview) else str(cell)


def _unpack(number: int, data: memoryview) -> Any:
    return _READERS[number](bytes(data).decode())


class PackedRows:
    """Rows on their way into a file, which is the caller's to close. The same rows make the same bytes.

    `see` is shown each frame as it is packed, the head first.
    """

    def __init__(self, file: BinaryIO, reading: Reading, see: Callable[[bytes], None] | None = None) -> None:
        self._see = see
        self._file = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0, filename="")
        self._put([reading.row_word, list(reading.columns)])

    def put(self, row: Row | BrokenRow) -> None:
        """Pack one row."""
        if isinstance(row, BrokenRow):
            raw = {name: _pack(cell) for name, cell in row.raw.items()}
            self._put([_pack(row.number), None, row.reason, raw])
        else:
            self._put([_pack(row.number), [_pack(cell) for cell in row.cells]])

    def _put(self, frame: Any) -> None:
        packed = _encode(frame)
        if self._see is not None:
            self._see(packed)
        self._file.write(len(packed).to_bytes(LENGTH_BYTES, "big") + packed)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


class RecordingReading:
    """A reading whose rows are kept on their way. The file is there under its name only once `keep` was called."""

    def __init__(self, reading: Reading, folder: Path, run_id: int) -> None:
        self._reading = reading
        self._path = folder / f"{run_id}.rows"
        self._part = folder / f"{run_id}.part"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        discard_unfinished(folder)
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._raw = os.fdopen(descriptor, "wb")
        self._packed = PackedRows(self._raw, reading)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._reading.columns

    @property
    def row_word(self) -> str:
        return self._reading.row_word

    @property
    def rows_expected(self) -> int | None:
        return self._reading.rows_expected

    def rows(self) -> Iterator[Row | BrokenRow]:
        for row in self._reading.rows():
            self._packed.put(row)
            yield row

    def keep(self, runs: int) -> None:
        """Keep the file, and of the older ones only as many as make up `runs`."""
        self._close_files()
        self._part.replace(self._path)
        files = sorted(self._path.parent.glob("*.rows"), key=lambda path: int(path.stem), reverse=True)
        for path in files[runs:]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        try:
            self._reading.close()
        finally:
            self._close_files()

    def _close_files(self) -> None:
        self._packed.close()
        self._raw.close()


class PackedReading:
    """The rows of a packed file."""

    row_bytes_max = limits.KEPT_ROW_BYTES_MAX

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decode = msgspec.msgpack.Decoder(ext_hook=_unpack).decode
        self._file = gzip.GzipFile(path, "rb")
        try:
            self.head = self._packed()
            head = self._decode(self.head)
            if not isinstance(head, list) or len(head) != 2 or not isinstance(head[1], list):
                raise self._damaged()
        except SourceUnreachable:
            self._file.close()
            raise
        except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
            self._file.close()
            raise self._damaged() from error
        self._word, self._columns = str(head[0]), tuple(str(name) for name in head[1])

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def row_word(self) -> str:
        return self._word

    @property
    def rows_expected(self) -> int | None:
        return None

    def rows(self) -> Iterator[Row | BrokenRow]:
        while (frame := self._frame()) is not None:
            try:
                yield self._row_of(frame)
            except (TypeError, IndexError, ValueError, KeyError) as error:
                raise self._damaged() from error

    def _row_of(self, frame: Any) -> Row | BrokenRow:
        number = int(frame[0])
        if frame[1] is None:
            return BrokenRow(number, str(frame[2]), dict(frame[3]))
        if not isinstance(frame[1], list):
            raise TypeError
        return Row(number, frame[1])

    def frames(self) -> Iterator[bytes]:
        """Yield the rows as they are packed, in the place of `rows`."""
        while packed := self._packed():
            yield packed

    def _packed(self) -> bytes:
        """Return the next frame; nothing at the end."""
        try:
            length = int.from_bytes(self._file.read(LENGTH_BYTES), "big")
            if length > self.row_bytes_max:
                raise self._damaged()
            packed = self._file.read(length)
        except (OSError, EOFError, zlib.error) as error:
            raise self._damaged() from error
        if len(packed) != length:
            raise self._damaged()
        return packed

    def _frame(self) -> Any:
        try:
            packed = self._packed()
            return self._decode(packed) if packed else None
        except (OSError, EOFError, zlib.error, ValueError, KeyError, RecursionError, msgspec.DecodeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> SourceUnreachable:
        return SourceUnreachable(f"The kept rows {self._path} are damaged. Read the source itself again.")

    def close(self) -> None:
        self._file.close()


class KeptReading(PackedReading):
    """The rows of an earlier run, as they came then."""

    def __init__(self, folder: Path, run_id: int) -> None:
        path = folder / f"{run_id}.rows"
        if not path.is_file():
            kept = ", ".join(sorted((file.stem for file in folder.glob("*.rows")), key=int)) or "none"
            raise NotFound(f"The rows of run {run_id} are not kept. Runs whose rows are kept: {kept}.")
        super().__init__(path)
