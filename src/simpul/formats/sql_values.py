"""The rows behind `VALUES`, and what their literals mean. No statements and no files here (`sql_script.py`).

Rows of the usual form are matched whole by one expression and converted a column at a time; whatever else stands in a
row (a comment, a prefix, a calculation) is looked at piece by piece. Nothing is calculated: an expression is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple

from simpul.formats.sql_script import STRING_WITH_ESCAPES, STRING_WITHOUT_ESCAPES, Script, ScriptBroken

Cells = Sequence[Any]

_BATCH_ROWS: Final = 250
_LOOK_AHEAD: Final = 64 * 1024
_SHOWN_CHARACTERS: Final = 60
_KINDS: Final = {
    "tinyint": "int", "smallint": "int", "mediumint": "int", "int": "int", "integer": "int", "bigint": "int",
    "int2": "int", "int4": "int", "int8": "int", "serial": "int", "bigserial": "int", "year": "int", "bool": "int",
    "boolean": "int", "float": "float", "double": "float", "real": "float", "decimal": "decimal", "numeric": "decimal",
    "dec": "decimal", "fixed": "decimal", "date": "date", "datetime": "datetime", "timestamp": "timestamp",
    "time": "time", "bit": "bit", "binary": "bytes", "varbinary": "bytes", "tinyblob": "bytes", "blob": "bytes",
    "mediumblob": "bytes", "longblob": "bytes", "bytea": "bytes", "geometry": "bytes", "point": "bytes",
    "linestring": "bytes", "polygon": "bytes", "multipoint": "bytes", "multilinestring": "bytes",
    "multipolygon": "bytes", "geometrycollection": "bytes",
}  # fmt: skip
_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_ESCAPED: Final = re.compile(r"\\(.)|''", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z")
_HEX: Final = re.compile(r"0[xX]((?:[0-9a-fA-F]{2})*)\Z|[xX]'((?:[0-9a-fA-F]{2})*)'\Z")
_BITS: Final = re.compile(r"0[bB]([01]+)\Z|[bB]'([01]*)'\Z")
_PREFIXED: Final = re.compile(r"(?:_\w+\s*|[nN])('.*)\Z", re.DOTALL)
_DURATION: Final = re.compile(r"(-?)(\d{1,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?\Z")
_DEFINITION: Final = re.compile(r"(?:'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|`[^`]*`|[(),]|[^'\"`(),]+)", re.DOTALL)
_COLUMN: Final = re.compile(r"\s*(`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|\[[^\]]+\]|\w+)\s*(\w+)?\s*(?:\((\d+))?")
_NO_COLUMN: Final = frozenset({
    "primary", "key", "unique", "constraint", "index", "fulltext", "spatial", "check", "foreign", "period", "exclude",
})  # fmt: skip


class Column(NamedTuple):
    """A column of `CREATE TABLE`: its name, what its values are (None: as they are written), and its width in bits."""

    name: str
    kind: str | None
    bits: int = 1


class BadRow(NamedTuple):
    """A row that stands there and cannot be taken: why, and its text."""

    reason: str
    text: str


class BadValue(Exception):
    """A value that cannot be taken. The text says why."""


def parse_columns(body: str) -> list[Column]:
    """Return the columns of the body of a `CREATE TABLE`."""
    columns: list[Column] = []
    for definition in _definitions(body):
        found = _COLUMN.match(definition)
        if found is None:
            continue
        name = found[1]
        if name[0] not in '`"[' and name.lower() in _NO_COLUMN:
            continue
        bare = name if name[0] not in '`"[' else name[1:-1].replace(name[0] * 2, name[0])
        columns.append(Column(bare, _KINDS.get((found[2] or "").lower(), "text"), int(found[3] or 1)))
    return columns


def _definitions(body: str) -> Iterator[str]:
    depth = 0
    parts: list[str] = []
    for found in _DEFINITION.finditer(body):
        piece = found[0]
        if piece == ")" and depth == 0:
            break
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            yield "".join(parts)
            parts = []
        else:
            parts.append(piece)
    yield "".join(parts)


@dataclass(frozen=True)
class Meaning:
    """What literals mean in one script: its encoding, the zone of its timestamps, and whether a backslash escapes."""

    encoding: str
    zone: tzinfo | None
    has_escapes: bool

    @cached_property
    def string(self) -> str:
        return STRING_WITH_ESCAPES if self.has_escapes else STRING_WITHOUT_ESCAPES

    @cached_property
    def piece(self) -> re.Pattern[str]:
        """Return one piece of a row: a text with its prefix, a mark, or what stands between those."""
        other = (
            rf"(?:[^,()'\"\s/#-]++|{self.string}|\"(?:[^\"\\]|\\.|\"\")*\"|-(?!-)|/(?!\*)|[ \t\r\n]++(?=[^,()\s]))++"
        )
        return re.compile(rf"[(),]|\s++|--[^\n]*+\n|#[^\n]*+\n|/\*.*?\*/|{other}", re.DOTALL)

    def pattern(self, columns: Sequence[Column]) -> re.Pattern[str]:
        """Return the expression of a row with these columns; its last group is what follows the row."""
        plain, prefixed = rf"({self.string}|[^,)'(\s]++)", rf"((?:_binary |[bBxXnN])?{self.string}|[^,)'(\s]++)"
        cells = [prefixed if column.kind in ("bytes", "bit", None) else plain for column in columns]
        return re.compile(r"\s*+\(\s*+" + r"\s*+,\s*+".join(cells) + r"\s*+\)\s*+([,;])", re.DOTALL)

    def text_of(self, quoted: str) -> str:
        """Return what a literal in quotes says."""
        inner = quoted[1:-1]
        if self.has_escapes and "\\" in inner:
            return _ESCAPED.sub(lambda found: "'" if found[1] is None else _ESCAPES.get(found[1], found[1]), inner)
        return inner.replace("''", "'") if "'" in inner else inner

    def value_of(self, piece: str, column: Column) -> Any:
        """Return the value of one literal. Raises BadValue."""
        if piece[0] == "'":
            return self._typed(self.text_of(piece), column)
        word = piece.upper()
        if word in ("NULL", "TRUE", "FALSE"):
            return None if word == "NULL" else int(word == "TRUE")
        if _NUMBER.match(piece):
            return self._typed(piece, column) if column.kind is not None else _number(piece)
        raw = _raw(piece, column)
        if raw is not None:
            return raw if column.kind in ("bytes", "bit", None) else self._typed(self._decoded(raw, column), column)
        prefixed = _PREFIXED.match(piece)
        if prefixed is not None and re.fullmatch(self.string, prefixed[1], re.DOTALL):
            text = self.text_of(prefixed[1])
            if piece.lower().startswith("_binary") and column.kind is None:
                return text.encode(self.encoding, "surrogateescape")
            return self._typed(text, column)
        if piece[0] == '"' and piece[-1] == '"' and len(piece) > 1:
            return self._typed(self.text_of("'" + piece[1:-1].replace('""', '"') + "'"), column)
        raise BadValue(f"{column.name} is {_shown(piece)}, which would have to be calculated; nothing is executed")

    def _typed(self, text: str, column: Column) -> Any:
        convert = _TYPED.get(column.kind or "text")
        if convert is None:
            return self._checked(text, column)
        try:
            return convert(text, self)
        except (ValueError, InvalidOperation, OverflowError):
            # A zero date, or a number that is none: the mapping says what it is worth.
            return self._checked(text, column)

    def _checked(self, text: str, column: Column) -> str:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                byte = ord(text[error.start]) & 0xFF
                advice = (
                    "write encoding: latin1 (or what the database used)" if self.encoding == "utf-8" else "see encoding"
                )
                raise BadValue(
                    f"{column.name} is no {self.encoding}: there is the byte 0x{byte:02x}; {advice}"
                ) from error
        return text

    def _decoded(self, raw: bytes, column: Column) -> str:
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise BadValue(f"{column.name} holds bytes that are no {self.encoding}") from error


def _raw(piece: str, column: Column) -> bytes | None:
    found = _HEX.match(piece)
    if found is not None:
        return bytes.fromhex(found[1] if found[1] is not None else found[2])
    found = _BITS.match(piece)
    if found is None:
        return None
    digits = (found[1] if found[1] is not None else found[2]) or "0"
    width = (max(len(digits) if column.kind != "bit" else column.bits, 1) + 7) // 8
    return int(digits, 2).to_bytes(max(width, (len(digits.lstrip("0")) + 7) // 8), "big")


def _number(piece: str) -> int | float:
    return float(piece) if "." in piece or "e" in piece or "E" in piece else int(piece)


def _datetime(text: str, _: Meaning) -> datetime:
    return datetime.fromisoformat(text)


def _timestamp(text: str, meaning: Meaning) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if meaning.zone is None or moment.tzinfo is not None else moment.replace(tzinfo=meaning.zone)


def _duration(text: str, _: Meaning) -> timedelta:
    found = _DURATION.match(text)
    if found is None:
        raise ValueError(text)
    micros = int((found[5] or "0").ljust(6, "0"))
    value = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4]), microseconds=micros)
    return -value if found[1] else value


def _bytes(text: str, meaning: Meaning) -> bytes:
    if not meaning.has_escapes and text.startswith("\\x"):
        # So PostgreSQL writes a bytea.
        return bytes.fromhex(text[2:])
    return text.encode(meaning.encoding, "surrogateescape")


_TYPED: Final[dict[str, Callable[[str, Meaning], Any]]] = {
    "int": lambda text, _: int(text),
    "float": lambda text, _: float(text),
    "decimal": lambda text, _: Decimal(text),
    "date": lambda text, _: date.fromisoformat(text),
    "datetime": _datetime,
    "timestamp": _timestamp,
    "time": _duration,
    "bytes": _bytes,
    "bit": lambda text, meaning: text.encode(meaning.encoding, "surrogateescape"),
}


class Values:
    """The rows of one table's inserts, read from the script that they stand in."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning
        self._patterns: dict[tuple[Column, ...], re.Pattern[str]] = {}

    def rows(self, script: Script, columns: tuple[Column, ...]) -> Iterator[Cells | BadRow]:
        """Yield the rows from where the script stands to the end of the statement."""
        pattern = self._patterns.get(columns)
        if pattern is None:
            pattern = self._patterns[columns] = self._meaning.pattern(columns)
        match, last = pattern.match, len(columns) + 1
        is_open = True
        while is_open:
            text, at = script.text, script.at
            found: list[tuple[str, ...]] = []
            while len(found) < _BATCH_ROWS:
                row = match(text, at)
                if row is None:
                    break
                found.append(row.groups())
                at = row.end()
                if row[last] == ";":
                    is_open = False
                    break
            script.at = at
            if found:
                yield from self._converted(found, columns)
            if row is None and not (len(text) - at < _LOOK_AHEAD and script.more()):
                unusual, is_open = self._unusual_row(script, columns)
                if unusual is not None:
                    yield unusual

    def _converted(self, found: list[tuple[str, ...]], columns: tuple[Column, ...]) -> Iterator[Cells | BadRow]:
        try:
            values = [
                self._column(tokens, column) for tokens, column in zip(zip(*found, strict=True), columns, strict=False)
            ]
        except BadValue:
            yield from (self._one(row[:-1], columns, f"({', '.join(row[:-1])})") for row in found)
            return
        yield from zip(*values, strict=True)

    def _column(self, tokens: tuple[str, ...], column: Column) -> Sequence[Any]:
        try:
            if column.kind == "int":
                return list(map(int, tokens))
            if column.kind == "float":
                return list(map(float, tokens))
            if column.kind == "text":
                return self._texts(tokens)
        except ValueError:
            # One of them is NULL, or no plain number.
            pass
        meaning = self._meaning
        return [None if piece == "NULL" else meaning.value_of(piece, column) for piece in tokens]

    @staticmethod
    def _texts(tokens: tuple[str, ...]) -> Sequence[Any]:
        """Return texts without an escape, which only lose their quotes. Raises ValueError for others."""
        cells = [piece[1:-1] if piece[0] == "'" else None for piece in tokens]
        inner = "".join([cell for cell in cells if cell])
        if "'" in inner or "\\" in inner or cells.count(None) != tokens.count("NULL") or not _is_clean(inner):
            raise ValueError
        return cells

    def _one(self, tokens: Sequence[str], columns: tuple[Column, ...], text: str) -> Cells | BadRow:
        try:
            return tuple(self._meaning.value_of(piece, column) for piece, column in zip(tokens, columns, strict=True))
        except BadValue as bad:
            return BadRow(str(bad), text)

    def _unusual_row(self, script: Script, columns: tuple[Column, ...]) -> tuple[Cells | BadRow | None, bool]:
        """Return the next row, taken piece by piece, and whether another one may follow it."""
        tokens, length = self._tokens(script)
        start = script.at
        if tokens is None:
            # What follows the rows: ON DUPLICATE KEY UPDATE, or nothing.
            script.skip_statement()
            return None, False
        text = script.text[start : start + length]
        script.at = start + length
        is_open = self._is_followed(script)
        if len(tokens) != len(columns):
            return BadRow(f"it has {len(tokens)} values, and {len(columns)} columns are named", text), is_open
        return self._one(tokens, columns, text), is_open

    def _tokens(self, script: Script) -> tuple[list[str] | None, int]:
        """Return the values of the row that begins here, and how long it is; none where no row begins."""
        while True:
            taken = self._try_tokens(script.text, script.at)
            if taken is not None:
                return taken
            held = len(script.text) - script.at
            if not script.more():
                raise ScriptBroken("it ends in the middle of an INSERT")
            # Twice as much each time, so that a long row is not gone through again for every block.
            while len(script.text) - script.at < 2 * held and script.more():
                pass

    def _try_tokens(self, text: str, start: int) -> tuple[list[str] | None, int] | None:
        depth, at = 0, start
        cells: list[str] = []
        cell: list[str] = []
        match = self._meaning.piece.match
        while (found := match(text, at)) is not None:
            piece, at = found[0], found.end()
            if piece.isspace() or piece.startswith(("--", "#", "/*")):
                cell.append(" ")
                continue
            if depth == 0 and piece != "(":
                return None, 0
            depth += (piece == "(") - (piece == ")")
            if (piece == "," and depth == 1) or depth == 0:
                cells.append("".join(cell).strip() or "nothing")
                cell = []
                if depth == 0:
                    return cells, at - start
            elif piece != "(" or depth > 1:
                cell.append(piece)
        return None

    def _is_followed(self, script: Script) -> bool:
        """Step behind what follows a row; return whether another row comes."""
        while True:
            taken = list(islice(self._meaning.piece.finditer(script.text, script.at), 8))
            for found in taken:
                if found[0] == ",":
                    script.at = found.end()
                    return True
                if not found[0].isspace() and not found[0].startswith(("--", "#", "/*")):
                    script.skip_statement()
                    return False
            if not script.more():
                raise ScriptBroken("it ends in the middle of an INSERT")


def _is_clean(text: str) -> bool:
    """Return whether text has no bytes in it that were not decoded."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(piece: str) -> str:
    return repr(piece if len(piece) <= _SHOWN_CHARACTERS else f"{piece[:_SHOWN_CHARACTERS]}…")
