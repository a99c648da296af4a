"""Reads one table of a dump, streamed: `formats/sql_script.py` finds statements, `formats/sql_values.py` reads rows."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta, timezone
from pathlib import Path
from typing import BinaryIO, Final, cast

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings, open_file
from simpul.connect.fields import Plain
from simpul.connectors.sqldump import errors
from simpul.connectors.sqldump.settings import SqlDumpSettings, encoding_of, parse_settings
from simpul.formats.byte_order import marked_encoding
from simpul.formats.sql_script import Copy, Create, Insert, Script, ScriptBroken
from simpul.formats.sql_values import BadRow, Column, Meaning, Values, parse_columns

_BLOCK_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 64 * 1024
_NAMES: Final = re.compile(r"\bSET\s+NAMES\s+'?(\w+)|\bSET\s+client_encoding\s*=\s*'?([\w-]+)", re.IGNORECASE)
_ZONE: Final = re.compile(r"\bSET\s+(?:SESSION\s+)?time_zone\s*=\s*['\"]([+-])(\d\d?):(\d\d)['\"]", re.IGNORECASE)
_FIRST_ROWS: Final = re.compile(r"^(?:INSERT|REPLACE)\s", re.IGNORECASE | re.MULTILINE)
_BY_MYSQLDUMP: Final = re.compile(r"-- (?:MySQL|MariaDB) dump ")
# Where a backslash is a letter like any other.
_PLAIN_BACKSLASH: Final = re.compile(
    r"-- PostgreSQL database dump|^PRAGMA\s|standard_conforming_strings\s*=\s*on|sql_mode\s*=[^;]*NO_BACKSLASH_ESCAPES",
    re.IGNORECASE | re.MULTILINE,
)
_COMPLETE: Final = "-- Dump completed"
_PRIMARY_KEY: Final = re.compile(r"PRIMARY\s+KEY\s*\(([^()]*)\)", re.IGNORECASE)


_UNPACKERS: Final[Mapping[bytes, Callable[[Path], BinaryIO]]] = {
    b"\x1f\x8b": cast("Callable[[Path], BinaryIO]", gzip.GzipFile),
    b"BZh": cast("Callable[[Path], BinaryIO]", bz2.BZ2File),
    b"\xfd7zXZ": cast("Callable[[Path], BinaryIO]", lzma.LZMAFile),
}


class _Packed:
    """The bytes of a dump, unpacked as they are asked for, and counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._count = 0
        self._size = path.stat().st_size
        self.is_packed = True
        with self._translated():
            self._file = self._open()

    def _open(self) -> BinaryIO:
        with self._path.open("rb") as file:
            magic = file.read(6)
        if magic.startswith(b"PK\x03\x04"):
            return self._open_member()
        unpack = next((found for mark, found in _UNPACKERS.items() if magic.startswith(mark)), None)
        if unpack is None:
            self.is_packed = False
            return self._stack.enter_context(self._path.open("rb"))
        return self._stack.enter_context(unpack(self._path))

    def _open_member(self) -> BinaryIO:
        archive = self._stack.enter_context(zipfile.ZipFile(self._path))
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise errors.several_files(self._path, len(members))
        return self._stack.enter_context(cast("BinaryIO", archive.open(members[0])))

    def read(self, count: int) -> bytes:
        """Return at most so many bytes; none at the end. Raises SourceMismatch, SourceUnreachable."""
        with self._translated():
            block = self._file.read(count)
        self._count += len(block)
        if self._count > limits.SQL_DUMP_BYTES_MAX:
            raise errors.too_large(self._path, limits.SQL_DUMP_BYTES_MAX)
        if self.is_packed and self._count > max(_BLOCK_BYTES * 64, self._size * limits.SQL_DUMP_UNPACKED_RATIO_MAX):
            raise errors.bomb(self._path, limits.SQL_DUMP_UNPACKED_RATIO_MAX)
        return block

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            gzip.BadGzipFile,
            NotImplementedError,
        ) as error:
            raise errors.not_unpacked(self._path, str(error)) from error
        except RuntimeError as error:
            raise errors.not_unpacked(self._path, "it is protected with a password") from error
        except OSError as error:
            if self.is_packed and error.errno is None:
                raise errors.not_unpacked(self._path, str(error)) from error
            raise errors.unreadable(self._path, (error.strerror or str(error)).lower()) from error

    def close(self) -> None:
        self._stack.close()


class _Text:
    """The text of a dump, block by block. Bytes that are no text stay in it as halves of characters."""

    def __init__(self, packed: _Packed, first: bytes, encoding: str) -> None:
        self._packed = packed
        self._first: bytes | None = first
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")

    def read(self) -> str:
        while True:
            block = self._first if self._first is not None else self._packed.read(_BLOCK_BYTES)
            self._first = None
            text = self._decoder.decode(block, final=not block)
            if text or not block:
                return text


class SqlDumpReading:
    """The rows of one table of a dump."""

    def __init__(self, path: Path, settings: SqlDumpSettings) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self._path = path
        database, _, self._table = settings.table.rpartition(".")
        self._database: str | None = database or None
        self._is_chosen = bool(database)
        self._created: tuple[Column, ...] = tuple(Column(name, None) for name in settings.columns)
        self._seen: set[str] = set()
        self._packed = _Packed(path)
        try:
            self._script, self._values, self._is_by_mysqldump = self._begin(settings)
            self._insert: Insert | None = None
            with self._translated():
                self._find_columns()
        except BaseException:
            self._packed.close()
            raise
        self.columns: tuple[str, ...] = tuple(column.name for column in self._created)

    def _begin(self, settings: SqlDumpSettings) -> tuple[Script, Values, bool]:
        first = self._packed.read(_HEAD_BYTES)
        encoding = marked_encoding(first)
        if encoding is None and b"\x00" in first:
            raise errors.no_text(self._path)
        # What is said about the whole dump stands before its rows, which may say anything.
        head = _FIRST_ROWS.split(first.decode(encoding or "latin-1", "replace"), maxsplit=1)[0]
        encoding = encoding or settings.encoding or self._told_encoding(head)
        has_escapes = _PLAIN_BACKSLASH.search(head) is None
        zone = _ZONE.search(head)
        offset = None if zone is None else timedelta(hours=int(zone[1] + zone[2]), minutes=int(zone[1] + zone[3]))
        meaning = Meaning(encoding.removesuffix("-sig"), None if offset is None else timezone(offset), has_escapes)
        text = _Text(self._packed, first, encoding)
        script = Script(text.read, has_escapes=has_escapes, held_characters_max=limits.SQL_DUMP_ROW_CHARACTERS_MAX)
        return script, Values(meaning), _BY_MYSQLDUMP.match(head) is not None

    def _told_encoding(self, head: str) -> str:
        told = _NAMES.search(head)
        if told is None:
            return "utf-8"
        charset = told[1] or told[2]
        encoding = encoding_of(charset)
        if encoding is None:
            raise errors.unknown_charset(self._path, charset)
        return encoding

    def _find_columns(self) -> None:
        """Read on to where the columns are told: at the table's CREATE TABLE, or at its first INSERT."""
        while not self._created:
            statement = self._next()
            if statement is None:
                raise errors.no_table(self._path, self._table, sorted(self._seen))
            if isinstance(statement, Create):
                self._created = tuple(parse_columns(statement.body))
            elif isinstance(statement, Insert):
                self._insert = statement
                if statement.columns is None:
                    raise errors.no_columns(self._path, self._table)
                self._created = tuple(Column(name, None) for name in statement.columns)

    def _next(self) -> Insert | Create | None:
        """Return the next statement about the table; step over all others."""
        while (statement := self._script.next_statement()) is not None:
            self._seen.add(statement.table)
            if self._is_meant(statement.database, statement.table):
                if isinstance(statement, Copy):
                    raise errors.copied(self._path, self._table)
                return statement
            if isinstance(statement, Insert):
                self._script.skip_statement()
        return None

    def _is_meant(self, database: str | None, table: str) -> bool:
        if table.casefold() != self._table.casefold():
            return False
        if self._database is None:
            self._database = database
        elif database is not None and database != self._database:
            if not self._is_chosen:
                raise errors.several_tables(self._path, self._table, (self._database, database))
            return False
        return True

    def rows(self) -> Iterator[Row | BrokenRow]:
        number = 0
        with self._translated():
            while (statement := self._insert or self._next()) is not None:
                self._insert = None
                if not isinstance(statement, Insert):
                    continue
                for row in self._rows_of(statement):
                    number += 1
                    if type(row) is BadRow:
                        yield BrokenRow(number, row.reason, {"row": row.text.strip()[: limits.REJECT_RAW_BYTES_MAX]})
                    else:
                        yield Row(number, row)
            if self._is_by_mysqldump and _COMPLETE not in self._script.tail:
                raise errors.broken(self._path, f"it has no '{_COMPLETE}' at its end, so it was cut off")

    def _rows_of(self, insert: Insert) -> Iterator[BadRow | tuple[object, ...]]:
        if not insert.has_values:
            self._script.skip_statement()
            yield BadRow("an INSERT whose rows come from elsewhere (SELECT, SET) is not read; nothing is executed", "")
            return
        created = self._created
        if insert.columns is None or tuple(insert.columns) == tuple(column.name for column in created):
            yield from cast("Iterator[BadRow | tuple[object, ...]]", self._values.rows(self._script, created))
            return
        by_name = {column.name.casefold(): column for column in created}
        for name in insert.columns:
            if name.casefold() not in by_name:
                raise errors.other_columns(self._path, self._table, name, [column.name for column in created])
        listed = tuple(by_name[name.casefold()] for name in insert.columns)
        place = [listed.index(column) if column in listed else None for column in created]
        for row in self._values.rows(self._script, listed):
            yield row if isinstance(row, BadRow) else tuple(None if at is None else row[at] for at in place)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ScriptBroken as error:
            raise errors.broken(self._path, str(error)) from error

    def close(self) -> None:
        self._packed.close()


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the open dump, read up to where its columns are told. Raises SourceUnreachable, SourceMismatch."""
    settings = parse_settings(plain)
    path = open_file(surroundings.path(surroundings.resolve(settings.path)), limits.SQL_DUMP_BYTES_MAX)
    return SqlDumpReading(path, settings)


class TableList(SqlDumpReading):
    """Which tables a dump fills, with the primary keys that it tells; its rows are stepped over."""

    def _find_columns(self) -> None:
        self.filled: dict[str, None] = {}
        self.keys: dict[str, tuple[str, ...]] = {}
        while (statement := self._script.next_statement()) is not None:
            if isinstance(statement, Insert):
                self.filled[statement.table] = None
                self._script.skip_statement()
            elif isinstance(statement, Create):
                found = _PRIMARY_KEY.search(statement.body)
                names = tuple(name.strip('`" []') for name in found[1].split(",")) if found else ()
                self.keys[statement.table] = names


def list_tables(path: Path, plain: Plain) -> list[tuple[str, tuple[str, ...]]]:
    """Return the tables that have rows, with their keys where the dump tells them. Reads the dump to its end."""
    tables = TableList(open_file(path, limits.SQL_DUMP_BYTES_MAX), parse_settings({**plain, "table": "?"}))
    tables.close()
    return [(table, tables.keys.get(table, ())) for table in tables.filled]
