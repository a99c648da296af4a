"""What a workbook holds, looked at before a library opens it: how large its grids are, whether it was calculated.

A library holds a sheet whole, and a few bytes can say that a cell stands in the last of a million rows, or a million
times. No values are read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from simpul.formats.workbook_parts import column_number

Read = Callable[[int], bytes]

_BLOCK_BYTES: Final = 1024 * 1024
_KEPT_BYTES: Final = 4096
_CELL_REFERENCE: Final = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
_FORMULA: Final = re.compile(rb"<c\b([^>]*)>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(<v>[^<])?")
_ODS_MARK: Final = re.compile(
    rb"<table:table\s[^>]*>|<table:table-row\b(?P<row>[^>]*?)(?P<empty_row>/?)>|(?P<row_end></table:table-row>)"
    rb"|<table:(?:covered-)?table-cell\b(?P<cell>[^>]*?)(?P<empty_cell>/?)>"
)
_ROWS_REPEATED: Final = re.compile(rb'number-rows-repeated="(\d{1,9})"')
_COLUMNS_REPEATED: Final = re.compile(rb'number-columns-repeated="(\d{1,9})"')


class Grid(NamedTuple):
    """The corner of a sheet, and how many of its formulas have a value and how many have none."""

    rows: int
    columns: int
    calculated: int = 0
    uncalculated: int = 0


def measure_xlsx_sheet(read: Read) -> Grid:
    """Return the grid of a sheet of an XLSX file from its XML."""
    rows = columns = calculated = uncalculated = 0
    for text in overlapping(read):
        for found in _CELL_REFERENCE.finditer(text):
            rows = max(rows, int(found[2]))
            columns = max(columns, column_number(found[1]))
        for formula in _FORMULA.finditer(text):
            if formula[2] is not None:
                calculated += 1
            elif b't="str"' not in formula[1]:
                # An empty text is a value, too; it says that it is a text.
                uncalculated += 1
    return Grid(rows, columns, calculated, uncalculated)


def measure_ods_sheets(read: Read) -> Iterator[Grid]:
    """Yield the grid of each sheet of an ODS file from its content; empty cells and rows at an end are not counted."""
    row = column = rows = columns = width = repeated = 0
    for mark in _marks(read):
        if mark["cell"] is not None:
            column += _times(_COLUMNS_REPEATED, mark["cell"])
            if not mark["empty_cell"] or b"office:value" in mark["cell"]:
                width = column
        elif mark["row"] is not None:
            repeated = _times(_ROWS_REPEATED, mark["row"])
            column = width = 0
            row += repeated if mark["empty_row"] else 0
        elif mark["row_end"] is not None:
            row += repeated
            rows, columns = (row, max(columns, width)) if width else (rows, columns)
        else:
            yield Grid(rows, columns)
            row = rows = columns = 0
    yield Grid(rows, columns)


def _times(pattern: re.Pattern[bytes], attributes: bytes) -> int:
    found = pattern.search(attributes)
    return 1 if found is None else int(found[1])


def overlapping(read: Read) -> Iterator[bytes]:
    """Yield blocks, each with the end of the one before: nothing that is looked for is cut."""
    rest = b""
    while block := read(_BLOCK_BYTES):
        text = rest + block
        yield text
        rest = text[-_KEPT_BYTES:]


def _marks(read: Read) -> Iterator[re.Match[bytes]]:
    """Yield every mark once, also where one stands across the border of two blocks."""
    rest = b""
    while block := read(_BLOCK_BYTES):
        text = rest + block
        end = 0
        for found in _ODS_MARK.finditer(text):
            yield found
            end = found.end()
        begin = text.rfind(b"<", end)
        rest = text[begin:] if begin >= 0 and len(text) - begin <= _BLOCK_BYTES else b""
