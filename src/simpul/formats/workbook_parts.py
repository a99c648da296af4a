"""The parts of an XLSX file that say how its sheets are to be read: where each is, and how its cells are formatted."""

from __future__ import annotations

import html
import re
import zipfile
from posixpath import join, normpath
from typing import Final

_ATTRIBUTE: Final = re.compile(rb'([\w:]+)="([^"]*)"')
_PART_BYTES_MAX: Final = 16 * 1024 * 1024

Attributes = dict[str, str]


def find_member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the file in the archive that holds a sheet."""
    sheets = _elements(read_part(archive, "xl/workbook.xml"), b"sheet")
    wanted = next((one.get("r:id") for one in sheets if html.unescape(one.get("name", "")) == sheet), None)
    for one in _elements(read_part(archive, "xl/_rels/workbook.xml.rels"), b"Relationship"):
        if wanted is not None and one.get("Id") == wanted:
            target = one.get("Target", "")
            name = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            return name if name in archive.namelist() else None
    return None


def read_cell_formats(archive: zipfile.ZipFile) -> list[tuple[int, str | None]]:
    """Return, for each style of a cell, the number of its format, and the format's code where the file tells it."""
    styles = read_part(archive, "xl/styles.xml")
    codes: dict[int, str] = {}
    for one in _elements(styles, b"numFmt"):
        if one.get("numFmtId", "").isdigit():
            codes[int(one["numFmtId"])] = html.unescape(one.get("formatCode", ""))
    cells = styles.partition(b"<cellXfs")[2].partition(b"</cellXfs>")[0]
    numbers = [int(one.get("numFmtId") or 0) for one in _elements(cells, b"xf")]
    return [(number, codes.get(number)) for number in numbers]


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the beginning of a file in the archive; nothing where it is not there."""
    if name not in archive.namelist():
        return b""
    with archive.open(name) as file:
        return file.read(_PART_BYTES_MAX)


def _elements(xml: bytes, name: bytes) -> list[Attributes]:
    found = re.finditer(rb"<" + name + rb"\b([^>]*)>", xml)
    return [{key.decode(): value.decode() for key, value in _ATTRIBUTE.findall(one[1])} for one in found]


def column_number(letters: bytes) -> int:
    """Return the number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
