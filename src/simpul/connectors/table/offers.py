"""What a file of tables has to read: its sheets, and in each where the header stands."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import python_calamine as calamine

from simpul import limits
from simpul.connect.connector import Offer, Row, Surroundings, open_file
from simpul.connect.fields import Plain
from simpul.connect.proposal.words import words_of
from simpul.connectors.table.reader import find_delimiter, open_reading

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".tab", ".xlsx", ".xlsm", ".xls", ".ods")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls", ".ods")
_ROWS_LOOKED_AT: Final = 40
_TITLE_ROWS_MAX: Final = 20
_HEADER_SHARE: Final = 0.6
_NUMBER: Final = re.compile(
    r"[-+(]?(?:rp\.?\s*)?\d[\d.,]*\)?\s*%?\Z|\d{4}-\d\d-\d\d|\d\d?[/-]\d\d?[/-]\d{2,4}", re.IGNORECASE
)
_HEADER_WORDS: Final = frozenset({
    "no", "id", "kode", "nama", "uraian", "jumlah", "anggaran", "realisasi", "tanggal", "alamat", "keterangan", "tahun",
    "satuan", "lokasi", "nomor", "name", "date", "code", "status", "jenis", "kecamatan", "kelurahan", "total", "nilai",
})  # fmt: skip
_COUNTING: Final = re.compile(r"\(?\d{1,2}\)?(?:\s*=.*)?\Z")
_YEAR: Final = re.compile(r"(?:19|20)\d\d\Z")


class Header(NamedTuple):
    """Where the header of a table is: rows above it, its own rows, rows below it that are no records."""

    skip: int
    rows: int
    skip_after: int


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a path is a file of tables."""
    return "://" not in where and where.lower().endswith(SUFFIXES) and surroundings.path(where).is_file()


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the sheets that have rows, or the one table of a text. Raises SourceUnreachable, SourceMismatch."""
    path = open_file(surroundings.path(surroundings.resolve(plain["path"])), limits.SOURCE_FILE_BYTES_MAX)
    if path.suffix.lower() not in _WORKBOOKS:
        return [_offer(path.stem, {**plain, **_form_of(path)}, _lines(path, plain))]
    with closing(open_reading(_raw(plain), surroundings)):
        # Opening it has looked whether it is safe to hold.
        names = calamine.CalamineWorkbook.from_path(str(path)).sheet_names
    offers: list[Offer] = []
    for name in [plain["sheet"]] if isinstance(plain.get("sheet"), str) else names[: limits.PROPOSAL_OFFERS_MAX]:
        settings = {**plain, "sheet": name} if len(names) > 1 else plain
        grid = _grid(settings, surroundings)
        if len(grid) > 1:
            offers.append(_offer(f"{path.stem} {name}" if len(names) > 1 else path.stem, settings, grid))
    return offers


def _raw(plain: Plain) -> Plain:
    kept = {name: value for name, value in plain.items() if name in ("path", "sheet", "encoding", "delimiter", "quote")}
    return {**kept, "header_rows": 0, "columns": ["column 1"]}


def _grid(plain: Plain, surroundings: Surroundings) -> list[list[Any]]:
    with closing(open_reading(_raw(plain), surroundings)) as reading:
        # Empty rows are left out by the reader, so a row's place is its number.
        grid: list[list[Any]] = []
        for row in islice(reading.rows(), _ROWS_LOOKED_AT):
            if isinstance(row, Row):
                grid += [[]] * (row.number - 1 - len(grid))
                grid.append(list(row.cells))
        return grid


def _form_of(path: Path) -> Plain:
    """Return the encoding of a text, where it is not the usual one."""
    with path.open("rb") as file:
        head = file.read(1024 * 1024)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return {}
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return {"encoding": "cp1252"}
    return {}


def _lines(path: Path, plain: Plain) -> list[list[Any]]:
    encoding = _form_of(path).get("encoding", "utf-8-sig")
    with path.open("rb") as file:
        head = file.read(256 * 1024)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    text = head.decode(encoding, "replace").splitlines()[:_ROWS_LOOKED_AT]
    delimiter = plain.get("delimiter") or find_delimiter(text[-max(1, len(text) * 2 // 3) :], '"')
    return [list(cells) for cells in csv.reader(text, delimiter="\t" if delimiter == "tab" else delimiter)]


def _offer(name: str, plain: Plain, grid: Sequence[Sequence[Any]]) -> Offer:
    if "header_rows" in plain or "skip_rows" in plain:
        return Offer(name, plain)
    header = find_header(grid)
    if header is None:
        width = max(len(row) for row in grid)
        columns = [f"column {number}" for number in range(1, width + 1)]
        note = "The file seems to have no header: give the columns their names."
        return Offer(name, {**plain, "header_rows": 0, "columns": columns}, note=note)
    found = {"skip_rows": header.skip, "header_rows": header.rows, "skip_after_header_rows": header.skip_after}
    usual = {"skip_rows": 0, "header_rows": 1, "skip_after_header_rows": 0}
    return Offer(name, {**plain, **{key: value for key, value in found.items() if value != usual[key]}})


def find_header(grid: Sequence[Sequence[Any]]) -> Header | None:
    """Return where the header of a table stands, or None where its first row is a record already."""
    counts = sorted(sum(1 for cell in row if _is_filled(cell)) for row in grid if any(map(_is_filled, row)))
    if not counts:
        return None
    typical = counts[len(counts) // 2]
    best: tuple[float, Header] | None = None
    for at, row in enumerate(grid[:_TITLE_ROWS_MAX]):
        filled = [cell for cell in row if _is_filled(cell)]
        if len(filled) < max(1, typical * _HEADER_SHARE) or (len(filled) == 1 < typical):
            continue
        if _says_numbers(filled):
            break
        header = _header_at(grid, at)
        score = _header_score(filled, header) + min(1.0, len(filled) / typical) - at * 0.05
        if best is None or score > best[0]:
            best = (score, header)
    return None if best is None else best[1]


def _header_at(grid: Sequence[Sequence[Any]], at: int) -> Header:
    rows = _header_rows(grid, at)
    after = at + rows
    return Header(at, rows, 1 if after < len(grid) and _is_counting(grid[after]) else 0)


def _header_score(filled: Sequence[Any], header: Header) -> float:
    """Return how much a row of texts is like a header: names of columns, and numbers of columns below it."""
    texts = [str(cell).strip().lower() for cell in filled]
    known = sum(1 for text in texts if set(words_of(text)) & _HEADER_WORDS)
    titles = sum(1 for text in texts if text.startswith((":", "…", "...")) or text.endswith(":"))
    return 3.0 * header.skip_after + min(known, 5) * 0.5 - titles * 2.0


def _is_filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _says_numbers(cells: Sequence[Any]) -> bool:
    """Return whether a row has values in it: numbers or dates that are no years."""
    return any(
        (not isinstance(cell, str) and not _YEAR.match(f"{cell:g}" if isinstance(cell, float) else str(cell)))
        or (isinstance(cell, str) and _NUMBER.match(cell.strip()) and not _YEAR.match(cell.strip()))
        for cell in cells
    )


def _header_rows(grid: Sequence[Sequence[Any]], at: int) -> int:
    """Return how many rows the header has: further ones have texts only, below gaps or merged cells of the first."""
    width = max(len(row) for row in grid)
    rows = 1
    gaps = {place for place in range(width) if not (place < len(grid[at]) and _is_filled(grid[at][place]))}
    while gaps and at + rows < len(grid) and rows < 4:
        row = grid[at + rows]
        filled = {place for place, cell in enumerate(row) if _is_filled(cell)}
        if not filled & gaps or _says_numbers([row[place] for place in filled]) or len(filled) == width:
            break
        gaps -= filled
        rows += 1
    return rows


def _is_counting(row: Sequence[Any]) -> bool:
    """Return whether a row numbers the columns: 1, 2, 3, 4=3-2."""
    texts = [f"{cell:g}" if isinstance(cell, float) else str(cell).strip() for cell in row if _is_filled(cell)]
    return len(texts) > 2 and texts[0].strip("()") == "1" and all(_COUNTING.match(text) for text in texts)
