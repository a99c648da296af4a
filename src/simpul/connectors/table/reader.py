"""Reads tables. CSV and plain sheets are streamed; any other sheet is held whole, so its size is checked before."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import python_calamine as calamine

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings, open_file
from simpul.connect.delimited_rows import read_rows
from simpul.connect.fields import Plain
from simpul.connectors.table import errors
from simpul.connectors.table.settings import TableSettings, parse_settings
from simpul.formats.byte_order import marked_encoding
from simpul.formats.delimited import Lines
from simpul.formats.given_rows import given_rows, is_panic
from simpul.formats.headers import carry_right, join_header, unique_names
from simpul.formats.plain_sheet import Sheet, find_plain_sheet
from simpul.formats.workbook import Grid, measure_ods_sheets, measure_xlsx_sheet
from simpul.formats.workbook_text import shown_numbers

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_LINES: Final = 20
SHEET_COLUMN: Final = "@sheet"


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the open table. Raises SourceUnreachable, SourceMismatch."""
    settings = parse_settings(plain)
    path = open_file(surroundings.path(surroundings.resolve(settings.path)), limits.SOURCE_FILE_BYTES_MAX)
    return open_table(path, settings, path.suffix)


def open_table(path: Path, settings: TableSettings, suffix: str) -> Reading:
    """Return the table of a file, whose owner gave it a name with this suffix. Raises SourceMismatch."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith((_ZIP, _OLE)):
        return _open_workbook(path, settings)
    if head.lstrip().lower().startswith((b"<html", b"<!doctype html", b"<table")):
        raise errors.not_workbook(path, "it is a web page with an Excel name; open it in Excel and save it as .xlsx")
    if suffix.lower() in (".xlsx", ".xls", ".ods", ".xlsm"):
        raise errors.not_workbook(path, "it is damaged or something else with an Excel name")
    return DelimitedReading(path, settings, marked_encoding(head) or settings.encoding)


class _Table:
    """What both kinds of file share: names of columns, and cells filled down."""

    def __init__(self, path: Path, settings: TableSettings) -> None:
        self.path = path
        self.settings = settings
        self.columns: tuple[str, ...] = ()
        self.rows_expected: int | None = None
        self._filled: list[int] = []
        self._above: dict[int, Any] = {}

    def name_columns(self, names: Sequence[str]) -> None:
        given = self.settings.columns
        if given and names and len(given) > len(names):
            raise errors.bad_width(self.path, len(given), len(names))
        self.columns = unique_names([*given, *names[len(given) :]])
        if len(self.columns) > limits.SOURCE_COLUMNS_MAX:
            raise errors.too_large(self.path, "columns", len(self.columns), limits.SOURCE_COLUMNS_MAX)
        for name in self.settings.fill_down:
            if name not in self.columns:
                raise errors.unknown_column(self.path, name, self.columns, "to fill down")
            self._filled.append(self.columns.index(name))

    def fill_down(self, cells: list[Any]) -> None:
        for position in self._filled:
            cell = cells[position]
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                cells[position] = self._above.get(position)
            else:
                self._above[position] = cell


# --- CSV


class DelimitedReading(_Table):
    """A CSV file, streamed."""

    def __init__(self, path: Path, settings: TableSettings, encoding: str) -> None:
        super().__init__(path, settings)
        self.row_word = "line"
        self._file = path.open("r", encoding=encoding, errors="strict", newline="")
        try:
            self._lines = Lines(
                self._file,
                not_text=lambda: errors.bad_encoding(path, encoding),
                long_line=lambda line: errors.long_line(path, line, limits.CSV_LINE_CHARACTERS_MAX),
            )
            self._start()
        except BaseException:
            self._file.close()
            raise

    def _start(self) -> None:
        settings = self.settings
        for _ in zip(range(settings.skip_rows), self._lines, strict=False):
            self._lines.begin_record()
        sample = self._lines.peek(_SAMPLE_LINES)
        delimiter = settings.delimiter or find_delimiter(sample, settings.quote)
        self._records = csv.reader(self._lines, delimiter=delimiter, quotechar=settings.quote, strict=True)
        header = [self._header_record() for _ in range(settings.header_rows)]
        names = join_header(carry_right(header))
        if not header:
            first = next(csv.reader(sample, delimiter=delimiter, quotechar=settings.quote), [])
            names = [""] * len(first)
        self.name_columns(names)
        for _ in range(settings.skip_after_header_rows):
            self._header_record()

    def _header_record(self) -> list[str]:
        self._lines.begin_record()
        try:
            return next(self._records)
        except (StopIteration, csv.Error) as error:
            settings = self.settings
            raise errors.no_header(self.path, settings.skip_rows + settings.header_rows) from error

    def rows(self) -> Iterator[Row | BrokenRow]:
        found = read_rows(self._lines, self._records, len(self.columns))
        return self._filled_down(found) if self._filled else found

    def _filled_down(self, found: Iterator[Row | BrokenRow]) -> Iterator[Row | BrokenRow]:
        for row in found:
            if isinstance(row, Row):
                cells = list(row.cells)
                self.fill_down(cells)
                yield Row(row.number, cells)
            else:
                yield row

    def close(self) -> None:
        self._file.close()


def find_delimiter(sample: Sequence[str], quote: str) -> str:
    """Return the character that separates cells: the one by which the lines have the most equal numbers of cells."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(cells) for cells in csv.reader(sample, delimiter=delimiter, quotechar=quote) if cells]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        score = (widths.count(widths[0]) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


# --- Workbooks


class WorkbookReading(_Table):
    """One sheet of a workbook."""

    def __init__(self, path: Path, settings: TableSettings, sheet: Sheet) -> None:
        super().__init__(path, settings)
        self.row_word = "row"
        # Cells are given from the first column that has one, rows from the first of the sheet.
        self.height = sheet.end[0] + 1 if sheet.end else 0
        self._first_column = sheet.start[1] if sheet.start else 0
        self._found = sheet.iter_rows()
        is_ours = isinstance(self._found, Generator)
        self._rows: Iterator[tuple[int, Any]] = enumerate(self._found if is_ours else given_rows(self._found), 1)
        self._shown: Mapping[tuple[int, int], str] = {}
        self._shown_places: list[int] = []
        self._start(sheet)

    def _start(self, sheet: Sheet) -> None:
        settings = self.settings
        for _ in zip(range(settings.skip_rows), self._rows, strict=False):
            pass
        header = [self._header_row() for _ in range(settings.header_rows)]
        names = self._names(header, sheet) if header else [""] * (sheet.width or len(settings.columns))
        self.name_columns(names)
        for _ in range(settings.skip_after_header_rows):
            self._header_row()
        self._shown = self._find_shown(sheet.name) if settings.as_shown else {}
        before = settings.skip_rows + settings.header_rows + settings.skip_after_header_rows
        self.rows_expected = max(0, self.height - before)

    def _header_row(self) -> list[str]:
        found = next(self._rows, None)
        if found is None:
            raise errors.no_header(self.path, self.settings.skip_rows + self.settings.header_rows)
        if found[1] is None:
            raise errors.not_workbook(self.path, f"in its row {found[0]} {errors.NOT_GIVEN}")
        return [_header_text(cell) for cell in found[1]]

    def _names(self, header: list[list[str]], sheet: Sheet) -> list[str]:
        first_row, is_merged = self.settings.skip_rows, False
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            top, bottom = top - first_row, bottom - first_row
            if not 0 <= top < len(header):
                continue
            is_merged = True
            left, right = left - self._first_column, right - self._first_column
            text = header[top][left] if 0 <= left < len(header[top]) else ""
            for row in header[top : bottom + 1]:
                row[max(0, left) : right + 1] = [text] * len(row[max(0, left) : right + 1])
        names = join_header(header if is_merged else carry_right(header))
        return [name or f"column {number + self._first_column}" for number, name in enumerate(names, 1)]

    def rows(self) -> Iterator[Row | BrokenRow]:
        width = len(self.columns)
        for number, found in self._rows:
            if found is None:
                yield BrokenRow(number, errors.NOT_GIVEN, {})
                continue
            cells: list[Any] = list(found[:width])
            cells += [None] * (width - len(cells))
            if not any(cells) and all(cell is None or cell == "" for cell in cells):
                continue
            for place in self._shown_places:
                cells[place] = self._shown.get((number, place + self._first_column), cells[place])
            if self._filled:
                self.fill_down(cells)
            yield Row(number, cells)

    def _find_shown(self, sheet: str) -> Mapping[tuple[int, int], str]:
        """Return the texts that Excel shows in the columns of codes, by row and column."""
        for name in self.settings.as_shown:
            if name not in self.columns:
                raise errors.unknown_column(self.path, name, self.columns, "to take as it is shown")
            self._shown_places.append(self.columns.index(name))
        if not zipfile.is_zipfile(self.path):
            return {}
        with zipfile.ZipFile(self.path) as archive:
            return shown_numbers(archive, sheet, [place + self._first_column for place in self._shown_places])

    def close(self) -> None:
        self._rows = enumerate(iter(()), 1)
        self._shown = {}
        if isinstance(self._found, Generator):
            # It has the file open.
            self._found.close()


class SheetsReading:
    """Several sheets of a workbook with the same columns, one after the other; `@sheet` says which."""

    def __init__(
        self, path: Path, settings: TableSettings, workbook: calamine.CalamineWorkbook, names: list[str]
    ) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self._path = path
        self._settings = settings
        self._workbook = workbook
        self._names = names
        self._first: WorkbookReading | None = self._open(names[0])
        self.columns: tuple[str, ...] = (*self._first.columns, SHEET_COLUMN)

    def _open(self, name: str) -> WorkbookReading:
        return WorkbookReading(self._path, self._settings, _open_sheet(self._path, self._workbook, name))

    def rows(self) -> Iterator[Row | BrokenRow]:
        above = 0
        for name in self._names:
            reading, self._first = self._first or self._open(name), None
            for column in self.columns[:-1]:
                if column not in reading.columns:
                    raise errors.other_sheet(self._path, name, column, reading.columns)
            order = [reading.columns.index(column) for column in self.columns[:-1]]
            for row in reading.rows():
                if isinstance(row, BrokenRow):
                    yield BrokenRow(above + row.number, f"{name}, row {row.number}: {row.reason}", {SHEET_COLUMN: name})
                    continue
                yield Row(above + row.number, [*(row.cells[place] for place in order), name])
            above += reading.height
            reading.close()

    def close(self) -> None:
        self._names = []
        self._first = None


def _header_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())


def _open_workbook(path: Path, settings: TableSettings) -> Reading:
    if zipfile.is_zipfile(path):
        _look_at_size(path)
    with _library_translated(path):
        workbook = calamine.CalamineWorkbook.from_path(str(path))
        names = _sheet_names(path, settings, workbook)
        if names is not None:
            return SheetsReading(path, settings, workbook, names)
        wanted = settings.sheets[0] if settings.sheets else None
        return WorkbookReading(path, settings, _open_sheet(path, workbook, _sheet_name(path, wanted, workbook)))


@contextmanager
def _library_translated(path: Path) -> Iterator[None]:
    try:
        yield
    except calamine.PasswordError as error:
        raise errors.not_workbook(path, "it is protected with a password; save it without one") from error
    except (calamine.CalamineError, OSError) as error:
        raise errors.not_workbook(path, str(error)) from error
    except BaseException as error:
        if is_panic(error):
            raise errors.not_workbook(path, "it is damaged") from error
        raise


def _sheet_names(path: Path, settings: TableSettings, workbook: calamine.CalamineWorkbook) -> list[str] | None:
    """Return the sheets that are read one after the other, or None where one is read for itself."""
    wanted, sheets = settings.sheets, workbook.sheet_names
    if len(wanted) < 2 and not (wanted and "*" in wanted[0] and wanted[0] not in sheets):
        return None
    names: dict[str, None] = {}
    for one in wanted:
        matching = [name for name in sheets if fnmatchcase(name, one)] if "*" in one and one not in sheets else None
        if matching == []:
            raise errors.no_sheet(path, one, sheets)
        names |= dict.fromkeys(matching or [_sheet_name(path, one, workbook)])
    return list(names)


def _sheet_name(path: Path, wanted: str | None, workbook: calamine.CalamineWorkbook) -> str:
    sheets = workbook.sheet_names
    if not sheets:
        raise errors.not_workbook(path, "it has no sheet")
    if wanted is None:
        return sheets[0]
    if wanted in sheets:
        return wanted
    if wanted.isdigit() and 1 <= int(wanted) <= len(sheets):
        return sheets[int(wanted) - 1]
    raise errors.no_sheet(path, wanted, sheets)


def _open_sheet(path: Path, workbook: calamine.CalamineWorkbook, name: str) -> Sheet:
    """Return a sheet, streamed where it is plain, and otherwise whole."""

    def open_whole() -> Sheet:
        if zipfile.is_zipfile(path):
            _look_into(path)
        with _library_translated(path):
            return workbook.get_sheet_by_name(name)

    plain = None
    if zipfile.is_zipfile(path):
        with _translated(path):
            plain = find_plain_sheet(path, name, open_whole)
    if plain is None or (plain.end[0] + 1) * (plain.end[1] + 1) > limits.WORKBOOK_CELLS_MAX:
        return open_whole()
    return plain


def _look_at_size(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, and look into an ODS file, which is read whole at once."""
    with _translated(path), zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        is_ods = "content.xml" in archive.namelist()
    if size > limits.WORKBOOK_BYTES_MAX:
        raise errors.too_large(path, "bytes when unpacked", size, limits.WORKBOOK_BYTES_MAX)
    if is_ods:
        _look_into(path)


def _look_into(path: Path) -> None:
    """Refuse a workbook whose cells are too far apart, or that was never calculated."""
    with _translated(path), zipfile.ZipFile(path) as archive:
        grids = list(_grids(archive))
    for name, grid in grids:
        cells = grid.rows * grid.columns
        if cells > limits.WORKBOOK_CELLS_MAX:
            raise errors.too_large(path, f"cells in {name}", cells, limits.WORKBOOK_CELLS_MAX)
    empty = sum(grid.uncalculated for _, grid in grids)
    if empty and not any(grid.calculated for _, grid in grids):
        raise errors.uncalculated(path, empty)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise errors.not_workbook(path, f"it is damaged ({error})") from error


def _grids(archive: zipfile.ZipFile) -> Iterator[tuple[str, Grid]]:
    for member in archive.infolist():
        if re.search(r"worksheets/[^/]*\.xml\Z", member.filename):
            with archive.open(member) as file:
                yield member.filename, measure_xlsx_sheet(file.read)
        elif member.filename == "content.xml":
            with archive.open(member) as file:
                yield from ((member.filename, grid) for grid in measure_ods_sheets(file.read))
