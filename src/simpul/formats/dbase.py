"""The records of a dBASE table (`.dbf`), one after another, as they are written. No shapes here.

What cannot be read as the type of its column stays text, so that rules can find it. Records that are marked as deleted
come as None: the shapes beside them are there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, BinaryIO, Final, NamedTuple

_FIELD_BYTES: Final = 32
_END: Final = b"\r"
_DELETED: Final = 0x2A
# What the byte of a table's language says, of those that are met.
_ENCODINGS: Final = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252",
    0x7B: "cp932", 0x7A: "cp936", 0x64: "cp852", 0x65: "cp866", 0xC8: "cp1250", 0xC9: "cp1251",
}  # fmt: skip


class TableBroken(Exception):
    """The file is none, or ends in the middle; the message says where."""


class Undecodable(NamedTuple):
    """A record whose text is not in the encoding: the column, and the byte."""

    column: str
    byte: int


class _Field(NamedTuple):
    name: str
    start: int
    end: int
    read: Callable[[bytes, str], Any]


class Records:
    """The records of an open table. Used once."""

    def __init__(self, file: BinaryIO, encoding: str | None) -> None:
        self._file = file
        head = file.read(_FIELD_BYTES)
        if len(head) < _FIELD_BYTES:
            raise TableBroken("it is too short for a table")
        self.count, header_bytes, self._record_bytes = struct.unpack("<IHH", head[4:12])
        """How many records the table says that it has."""
        self.encoding = encoding or _ENCODINGS.get(head[29], "utf-8")
        self._fields = self._read_fields(header_bytes)
        if self._record_bytes < 1 or (self._fields and self._fields[-1].end > self._record_bytes):
            raise TableBroken("its columns are longer than its records")
        size = file.seek(0, os.SEEK_END)
        if size < header_bytes + self.count * self._record_bytes:
            have = max(0, size - header_bytes) // self._record_bytes
            raise TableBroken(f"it has {have:,} of the {self.count:,} records that it should have; it was cut off")
        file.seek(header_bytes)
        self.names = tuple(field.name for field in self._fields)

    def _read_fields(self, header_bytes: int) -> list[_Field]:
        fields: list[_Field] = []
        start = 1
        while self._file.tell() < header_bytes:
            first = self._file.read(1)
            if first == _END:
                return fields
            raw = first + self._file.read(_FIELD_BYTES - 1)
            if len(raw) < _FIELD_BYTES:
                break
            name = raw[:11].partition(b"\0")[0].decode(self.encoding, "replace").strip()
            kind, length, decimals = chr(raw[11]), raw[16], raw[17]
            if kind == "C":
                # Some programs keep the higher byte of a long text's length where others keep its decimals.
                length += decimals << 8
            fields.append(_Field(name, start, start + length, _READERS.get(kind, _read_text)))
            start += length
        raise TableBroken("the list of its columns has no end")

    def __iter__(self) -> Iterator[list[Any] | Undecodable | None]:
        for number in range(self.count):
            record = self._file.read(self._record_bytes)
            if len(record) < self._record_bytes:
                raise TableBroken(f"it ends in record {number + 1:,}")
            yield None if record[0] == _DELETED else self._values(record)

    def _values(self, record: bytes) -> list[Any] | Undecodable:
        values: list[Any] = []
        for field in self._fields:
            raw = record[field.start : field.end]
            try:
                values.append(field.read(raw, self.encoding))
            except UnicodeDecodeError as error:
                return Undecodable(field.name, raw[error.start])
        return values


def _read_text(raw: bytes, encoding: str) -> str | None:
    return raw.rstrip(b" \0").decode(encoding) or None


def _read_number(raw: bytes, encoding: str) -> int | float | str | None:
    text = raw.partition(b"\0")[0].strip()
    if not text.strip(b"*"):
        return None
    try:
        return int(text) if text.lstrip(b"+-").isdigit() else _finite(float(text))
    except ValueError:
        return text.decode(encoding)


def _finite(number: float) -> float:
    if number - number != 0:
        raise ValueError("no number")
    return number


def _read_date(raw: bytes, encoding: str) -> date | str | None:
    text = raw.strip(b" \0")
    if not text.strip(b"0"):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return text.decode(encoding)


def _read_logical(raw: bytes, encoding: str) -> bool | str | None:
    text = raw.strip(b" \0?")
    if not text:
        return None
    if text in b"YyTt":
        return True
    return False if text in b"NnFf" else text.decode(encoding)


def _read_integer(raw: bytes, _encoding: str) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _read_double(raw: bytes, _encoding: str) -> float | None:
    return float(struct.unpack("<d", raw)[0]) if len(raw) == 8 else None


_READERS: Final[dict[str, Callable[[bytes, str], Any]]] = {
    "N": _read_number, "F": _read_number, "D": _read_date, "L": _read_logical, "I": _read_integer,
    "+": _read_integer, "O": _read_double,
}  # fmt: skip
