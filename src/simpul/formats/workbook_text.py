"""Numbers of an XLSX sheet as Excel shows them: a code 2.10 is kept as the number 2.1, and its format says the rest.

Only formats of digits are known (`0.00`, `00000`); a number in any other is left as it is.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Collection, Mapping
from posixpath import join, normpath
from typing import Final

from simpul.formats.workbook import overlapping

_CELL: Final = re.compile(rb"<c\b([^>]*)>(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)?<v>([-+.\deE]+)</v>")
_REFERENCE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_STYLE: Final = re.compile(rb'\bs="(\d{1,6})"')
_OTHER_TYPE: Final = re.compile(rb'\bt="(?!n")')
_ATTRIBUTE: Final = re.compile(rb'([\w:]+)="([^"]*)"')
_DIGITS: Final = re.compile(r"(0+)(?:\.(0+))?\Z")
_BUILT_IN: Final = {1: "0", 2: "0.00"}
_PART_BYTES_MAX: Final = 16 * 1024 * 1024

Attributes = dict[str, str]


def shown_numbers(archive: zipfile.ZipFile, sheet: str, columns: Collection[int]) -> Mapping[tuple[int, int], str]:
    """Return the texts of the sheet's numbers in these columns (from 0), by row (from 1) and column."""
    formats = _formats(_part(archive, "xl/styles.xml"))
    member = _member(archive, sheet)
    shown: dict[tuple[int, int], str] = {}
    if member is None or not any(formats):
        return shown
    with archive.open(member) as file:
        for text in overlapping(file.read):
            for cell in _CELL.finditer(text):
                place, style = _REFERENCE.search(cell[1]), _STYLE.search(cell[1])
                if place is None or style is None or _OTHER_TYPE.search(cell[1]) or int(style[1]) >= len(formats):
                    continue
                column, digits = _column(place[1]), formats[int(style[1])]
                if digits is not None and column in columns:
                    shown[int(place[2]), column] = format(float(cell[2]), digits)
    return shown


def _formats(styles: bytes) -> list[str | None]:
    """Return, for each style of a cell, how Python writes a number in it; None where it is not of digits alone."""
    codes: dict[int, str] = dict(_BUILT_IN)
    for one in _elements(styles, b"numFmt"):
        if one.get("numFmtId", "").isdigit():
            codes[int(one["numFmtId"])] = html.unescape(one.get("formatCode", ""))
    cells = styles.partition(b"<cellXfs")[2].partition(b"</cellXfs>")[0]
    return [_digits(codes.get(int(one.get("numFmtId") or 0), "")) for one in _elements(cells, b"xf")]


def _digits(code: str) -> str | None:
    found = _DIGITS.match(code.partition(";")[0])
    if found is None or (len(found[1]) == 1 and not found[2]):
        return None
    places = len(found[2] or "")
    return f"0{len(found[1]) + places + (places > 0)}.{places}f"


def _member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the file in the archive that holds a sheet."""
    sheets = _elements(_part(archive, "xl/workbook.xml"), b"sheet")
    wanted = next((one.get("r:id") for one in sheets if html.unescape(one.get("name", "")) == sheet), None)
    for one in _elements(_part(archive, "xl/_rels/workbook.xml.rels"), b"Relationship"):
        if wanted is not None and one.get("Id") == wanted:
            target = one.get("Target", "")
            name = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            return name if name in archive.namelist() else None
    return None


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        return b""
    with archive.open(name) as file:
        return file.read(_PART_BYTES_MAX)


def _elements(xml: bytes, name: bytes) -> list[Attributes]:
    found = re.finditer(rb"<" + name + rb"\b([^>]*)>", xml)
    return [{key.decode(): value.decode() for key, value in _ATTRIBUTE.findall(one[1])} for one in found]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
