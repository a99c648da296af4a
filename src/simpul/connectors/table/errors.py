"""What can be wrong with a table file, in our words."""

from __future__ import annotations

from pathlib import Path

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceMismatch

_HINTS = {
    "utf-8": "; it is probably cp1252 (Windows): write encoding: cp1252",
    "utf-8-sig": "; it is probably cp1252 (Windows): write encoding: cp1252",
}


# What is said of a row that the library of workbooks cannot give.
NOT_GIVEN = (
    "a cell holds a duration that nobody can count (more than 999,999,999 days, or far below 0); put it right in the "
    "workbook"
)


# How files begin that are something else, whatever their names say.
_BEGINNINGS = {
    b"II*\x00": "a picture (TIFF, perhaps GeoTIFF)",
    b"MM\x00*": "a picture (TIFF, perhaps GeoTIFF)",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or a workbook (.xlsx, .ods)",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"\x1f\x8b": "a packed file (gzip)",
    b"SQLite format 3": "an SQLite database",
}


def bad_encoding(path: Path, encoding: str) -> SourceMismatch:
    """Return the error for text that is not in the encoding, with the line and byte of the first such place."""
    with path.open("rb") as file:
        head = file.read(16)
    for beginning, what in _BEGINNINGS.items():
        if head.startswith(beginning):
            return SourceMismatch(
                f"{path} is no table: it is {what}, whatever its name says. Correct its name, or ask for a CSV file."
            )
    line, column, byte = _first_undecodable(path, encoding)
    where = f"line {line}, byte {column} (0x{byte:02x})" if line else "its end"
    return SourceMismatch(f"{path} is not {encoding}: see {where}{_HINTS.get(encoding.lower(), '')}.")


def _first_undecodable(path: Path, encoding: str) -> tuple[int, int, int]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, error.start + 1, error.object[error.start]
    return 0, 0, 0


def not_workbook(path: Path, why: str) -> SourceMismatch:
    """Return the error for a file that is no workbook that can be read."""
    return SourceMismatch(
        f"{path} cannot be read as a workbook: {why.rstrip('.')}. Save it anew in Excel or LibreOffice, or have "
        "it sent again."
    )


def no_sheet(path: Path, wanted: str, sheets: list[str]) -> SourceMismatch:
    """Return the error for a sheet that is not there."""
    listed = ", ".join(repr(sheet) for sheet in sheets[:40])
    return SourceMismatch(f"{path} has no sheet {wanted!r}{suggest_or_end(wanted, sheets)} Its sheets: {listed}.")


def no_header(path: Path, rows: int) -> SourceMismatch:
    """Return the error for a file that ends before its header."""
    return SourceMismatch(f"{path} has no header: it ends before row {rows}. Check skip_rows and header_rows.")


def bad_width(path: Path, named: int, found: int) -> SourceMismatch:
    """Return the error for a list of names that does not fit the columns."""
    return SourceMismatch(f"{path} has {found} columns, and 'columns' names {named}. Name each of them once.")


def unknown_column(path: Path, name: str, columns: tuple[str, ...], what_for: str) -> SourceMismatch:
    """Return the error for a column that a setting names and that is not there."""
    listed = ", ".join(columns[:40])
    return SourceMismatch(
        f"{path} has no column {name!r} {what_for}{suggest_or_end(name, columns)} Its columns are: {listed}."
    )


def too_large(path: Path, what: str, found: int, most: int) -> SourceMismatch:
    """Return the error for a file that would take too much memory."""
    return SourceMismatch(f"{path} has {found:,} {what}; at most {most:,} are read. Divide the file.")


def long_line(path: Path, line: int, most: int) -> SourceMismatch:
    """Return the error for a line that has no end."""
    return SourceMismatch(f"{path}: line {line} is longer than {most:,} characters; is it a text file?")


def other_sheet(path: Path, sheet: str, column: str, columns: tuple[str, ...]) -> SourceMismatch:
    """Return the error for a sheet that has not the columns of the first one."""
    listed = ", ".join(columns[:40])
    return SourceMismatch(
        f"The sheet {sheet!r} of {path} has no column {column!r}, as the first: {listed}. Read sheets of another "
        "form with a source of their own."
    )


def uncalculated(path: Path, count: int) -> SourceMismatch:
    """Return the error for a workbook whose formulas have no values."""
    return SourceMismatch(
        f"{path} has {count:,} formulas, and none has a value: it was made by a program and never calculated. "
        "Open it in Excel or LibreOffice, and save it."
    )
