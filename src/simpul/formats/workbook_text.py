"""Numbers of an XLSX sheet as Excel shows them: a code 2.10 is kept as the number 2.1, and its format says the rest.

Only formats of digits are known (`0.00`, `00000`); a number in any other is left as it is.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Mapping
from typing import Final

from simpul.formats.workbook import overlapping
from simpul.formats.workbook_parts import column_number, find_member, read_cell_formats

_CELL: Final = re.compile(rb"<c\b([^>]*)>(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)?<v>([-+.\deE]+)</v>")
_REFERENCE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_STYLE: Final = re.compile(rb'\bs="(\d{1,6})"')
_OTHER_TYPE: Final = re.compile(rb'\bt="(?!n")')
_DIGITS: Final = re.compile(r"(0+)(?:\.(0+))?\Z")
_BUILT_IN: Final = {1: "0", 2: "0.00"}


def shown_numbers(archive: zipfile.ZipFile, sheet: str, columns: Collection[int]) -> Mapping[tuple[int, int], str]:
    """Return the texts of the sheet's numbers in these columns (from 0), by row (from 1) and column."""
    formats = _formats(archive)
    member = find_member(archive, sheet)
    shown: dict[tuple[int, int], str] = {}
    if member is None or not any(formats):
        return shown
    with archive.open(member) as file:
        for text in overlapping(file.read):
            for cell in _CELL.finditer(text):
                place, style = _REFERENCE.search(cell[1]), _STYLE.search(cell[1])
                if place is None or style is None or _OTHER_TYPE.search(cell[1]) or int(style[1]) >= len(formats):
                    continue
                column, digits = column_number(place[1]) - 1, formats[int(style[1])]
                if digits is not None and column in columns:
                    shown[int(place[2]), column] = format(float(cell[2]), digits)
    return shown


def _formats(archive: zipfile.ZipFile) -> list[str | None]:
    """Return, for each style of a cell, how Python writes a number in it; None where it is not of digits alone."""
    return [_digits(_BUILT_IN.get(number, "") if code is None else code) for number, code in read_cell_formats(archive)]


def _digits(code: str) -> str | None:
    found = _DIGITS.match(code.partition(";")[0])
    if found is None or (len(found[1]) == 1 and not found[2]):
        return None
    places = len(found[2] or "")
    return f"0{len(found[1]) + places + (places > 0)}.{places}f"
