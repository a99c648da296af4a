"""A sheet of an XLSX file that holds numbers and texts only, streamed: it is never whole in memory.

What nearly all large sheets are: no formula, no date, written as Excel, LibreOffice and the usual libraries write. A
row that is written in any other way is not read here, nor any after it: the general reader, which holds the sheet
whole, takes over. What it would give of a row and what is given here are the same.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from simpul.formats.alike_rows import AlikeRows, NotPlain, text_of
from simpul.formats.given_rows import given_rows
from simpul.formats.workbook import overlapping
from simpul.formats.workbook_parts import column_number, find_member, read_cell_formats

_BLOCK_BYTES: Final = 256 * 1024
_ROW_BYTES_MAX: Final = 16 * 1024 * 1024
_SHARED_STRINGS: Final = "xl/sharedStrings.xml"
_SHARED_BYTES_MAX: Final = 64 * 1024 * 1024
_OTHER_ENCODING: Final = re.compile(rb"""\A<\?xml[^>]*?encoding=["'](?!(?i:utf-8)["'])""")
_FILLED: Final = re.compile(rb'<c r="([A-Z]{1,3})[0-9]{1,7}"[^>/]*>')
_LAST_FILLED: Final = re.compile(rb'.*<c r="[A-Z]{1,3}([0-9]{1,7})"[^>/]*>', re.DOTALL)
_MERGED: Final = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_FORMULA: Final = re.compile(rb"<f[ >/]")
_ROW: Final = re.compile(rb'<row (?:[^>]*? )?r="([0-9]{1,7})"[^>]*>')
_CELL: Final = re.compile(
    rb'<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]{1,9})")?'
    rb'(?: ?/>|></c>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)</c>)'
)
_SHARED: Final = re.compile(rb'<si><t(?: xml:space="preserve")?>([^<]*)</t></si>|<si><t ?/></si>')
_FORM_OF: Final = itemgetter(0, 1, 2)
_ROW_END: Final = b"</row>"
# Formats of numbers that every program knows and no file tells; the others of these are dates.
_NUMBER_FORMATS: Final = frozenset({*range(5), *range(9, 14), *range(37, 45), 48, 49})
_NO_CODE: Final = re.compile(r'"[^"]*"|\\.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTER: Final = re.compile(r"[dmyhs]", re.IGNORECASE)

Place = tuple[int, int]
Cells = Sequence[Any]


class Sheet(Protocol):
    """A sheet whose rows can be asked for once, as the library gives it; rows and columns count from 0."""

    @property
    def name(self) -> str: ...
    @property
    def start(self) -> Place | None: ...
    @property
    def end(self) -> Place | None: ...
    @property
    def width(self) -> int: ...
    @property
    def merged_cell_ranges(self) -> Iterable[tuple[Place, Place]] | None: ...
    def iter_rows(self) -> Iterator[Cells | None]:
        """Yield the rows from the first of the sheet, each from the first column that has a cell.

        None stands for a row that the library cannot give.
        """


class _Grid(NamedTuple):
    """Where the filled cells of a sheet are, and which are merged."""

    columns: list[int]
    rows: int
    merged: list[tuple[Place, Place]]


def find_plain_sheet(path: Path, name: str, open_whole: Callable[[], Sheet]) -> PlainSheet | None:
    """Return the sheet, or None where it has formulas, or is written in another way. Raises what `zipfile` raises."""
    with zipfile.ZipFile(path) as archive:
        member = find_member(archive, name)
        if member is None or any(_is_encoded_otherwise(archive, one) for one in (member, _SHARED_STRINGS)):
            return None
        with archive.open(member) as file:
            grid = _measure(file.read)
    return None if grid is None else PlainSheet(path, name, grid, open_whole)


def _is_encoded_otherwise(archive: zipfile.ZipFile, member: str) -> bool:
    if member not in archive.namelist():
        return False
    with archive.open(member) as file:
        head = file.read(256)
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or _OTHER_ENCODING.match(head) is not None


def _measure(read: Callable[[int], bytes]) -> _Grid | None:
    columns: set[bytes] = set()
    merged: set[tuple[bytes, ...]] = set()
    others = _find_others(columns)
    rows = 0
    for text in overlapping(read):
        if _FORMULA.search(text) or b"<!" in text:
            return None
        # In most blocks all cells are in columns that are known to be filled.
        if others.search(text):
            end = text.rfind(b">")
            if text.count(b"<c ", 0, end) != text.count(b'<c r="', 0, end):
                return None
            count = len(columns)
            columns.update(_FILLED.findall(text))
            others = others if len(columns) == count else _find_others(columns)
        last = _LAST_FILLED.match(text)
        rows = rows if last is None else max(rows, int(last[1]))
        if b"<mergeCell " in text:
            merged.update(_MERGED.findall(text))
    if not columns:
        return None
    places = [
        ((int(top) - 1, column_number(left) - 1), (int(bottom) - 1, column_number(right) - 1))
        for left, top, right, bottom in merged
    ]
    return _Grid(sorted(column_number(letters) - 1 for letters in columns), rows, sorted(places))


def _find_others(columns: Collection[bytes]) -> re.Pattern[bytes]:
    """Return what finds a cell that is in none of these columns."""
    by_first: dict[bytes, bytes] = {}
    for letters in columns:
        by_first[letters[:-1]] = by_first.get(letters[:-1], b"") + letters[-1:]
    known = b"|".join(first + b"[" + last + b"]" for first, last in sorted(by_first.items()))
    return re.compile(b'<c (?!r="(?:' + known + b")[0-9])" if known else b"<c ")


class PlainSheet:
    """One such sheet; `open_whole` gives the same one by the general reader."""

    def __init__(self, path: Path, name: str, grid: _Grid, open_whole: Callable[[], Sheet]) -> None:
        self.name = name
        self.merged_cell_ranges = grid.merged
        self._path = path
        self._rows = grid.rows
        self._first, self._last = grid.columns[0], grid.columns[-1]
        self._open_whole = open_whole

    @property
    def start(self) -> Place:
        return 0, self._first

    @property
    def end(self) -> Place:
        return self._rows - 1, self._last

    @property
    def width(self) -> int:
        return self._last - self._first + 1

    def iter_rows(self) -> Iterator[Cells | None]:
        done = 0
        try:
            for number, cells in self._plain_rows():
                done += 1
                while done < number:
                    yield [""] * self.width
                    done += 1
                yield cells
        except (NotPlain, UnicodeDecodeError):
            yield from self._other_rows(done)

    def _plain_rows(self) -> Iterator[tuple[int, Cells]]:
        """Yield each row that has cells with its number, from 1."""
        with zipfile.ZipFile(self._path) as archive:
            places = {_letters(column): column - self._first for column in range(self._first, self._last + 1)}
            shared, dates = _shared_strings(archive), _dates(archive)
            reader = _RowReader(places, shared, dates)
            alike = AlikeRows(list(places), shared, dates)
            member = find_member(archive, self.name)
            assert member is not None, "it was found before"
            with archive.open(member) as file:
                before = 0
                for block in _blocks_of_rows(file.read):
                    together = alike.read(block, before, self._rows)
                    if together is not None:
                        yield from enumerate(together, before + 1)
                        before += len(together)
                        continue
                    for part in block.split(_ROW_END)[:-1]:
                        number, cells = reader.read(part)
                        if not before < number <= self._rows:
                            if number > self._rows and not any(cell != "" for cell in cells):
                                return
                            raise NotPlain
                        before = number
                        yield number, cells
                    alike.learn(reader.forms)

    def _other_rows(self, done: int) -> Iterator[Cells | None]:
        """Yield the rows after so many, as the general reader gives them."""
        sheet = self._open_whole()
        shift = (sheet.start[1] if sheet.start else 0) - self._first
        for number, cells in enumerate(given_rows(sheet.iter_rows())):
            if number >= done:
                yield None if cells is None else [*[""] * shift, *cells] if shift >= 0 else cells[-shift:]


class _RowReader:
    """Reads rows, given their columns by letters, the texts that they share, and the styles that may be dates."""

    def __init__(self, places: dict[bytes, int], shared: Sequence[str], dates: Collection[bytes]) -> None:
        # How cells were written: the letters of the column, the style and the kind.
        self.forms: set[tuple[bytes, ...]] = set()
        self._places = places
        self._shared = shared
        self._dates = dates

    def read(self, part: bytes) -> tuple[int, list[Any]]:
        """Return the number and the cells of the row that ends a part of a sheet. Raises NotPlain."""
        head = _ROW.match(part, part.rfind(b"<row "))
        if head is None:
            raise NotPlain
        found = _CELL.findall(part, head.end())
        if len(found) != part.count(b"<c", head.end()):
            raise NotPlain
        self.forms.update(map(_FORM_OF, found))
        places, value_of = self._places, self._value_of
        cells: list[Any] = [""] * len(places)
        try:
            for letters, style, kind, value, text in found:
                if kind == b"inlineStr":
                    cells[places[letters]] = text_of(text.decode())
                elif value:
                    cells[places[letters]] = value_of(style, kind, value)
        except (LookupError, ValueError) as error:
            raise NotPlain from error
        return int(head[1]), cells

    def _value_of(self, style: bytes, kind: bytes, value: bytes) -> Any:
        if kind == b"s":
            return self._shared[int(value)]
        if kind not in (b"", b"n") or style in self._dates:
            raise NotPlain
        return float(value)


def _blocks_of_rows(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the sheet in blocks, each of which ends with a row. Raises NotPlain."""
    rest = b""
    while block := read(_BLOCK_BYTES):
        rows, end, rest = (rest + block).rpartition(_ROW_END)
        if len(rest) > _ROW_BYTES_MAX:
            raise NotPlain
        if end:
            yield rows + end
    if b"<c " in rest:
        raise NotPlain


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells refer to by number. Raises NotPlain."""
    texts: list[str] = []
    if _SHARED_STRINGS not in archive.namelist():
        return texts
    if archive.getinfo(_SHARED_STRINGS).file_size > _SHARED_BYTES_MAX:
        raise NotPlain
    with archive.open(_SHARED_STRINGS) as file:
        rest = b""
        while block := file.read(_BLOCK_BYTES):
            whole, end, rest = (rest + block).rpartition(b"</si>")
            whole += end
            found = _SHARED.findall(whole)
            if len(found) != whole.count(b"<si") or b"<!" in whole:
                raise NotPlain
            texts += [text_of(one.decode()) for one in found]
    if b"<si" in rest:
        raise NotPlain
    return texts


def _dates(archive: zipfile.ZipFile) -> frozenset[bytes]:
    """Return the styles of cells whose numbers may be dates."""
    return frozenset(
        str(style).encode()
        for style, (number, code) in enumerate(read_cell_formats(archive))
        if (number not in _NUMBER_FORMATS if code is None else _DATE_LETTER.search(_NO_CODE.sub("", code)))
    )


def _letters(column: int) -> bytes:
    """Return the letters of a column, from 0."""
    letters = b""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = bytes([65 + letter]) + letters
    return letters
