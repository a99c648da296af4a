"""What can be wrong with a file that has arrived, in our words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceMismatch, SourceUnreachable
from simpul.inboxes.inbox import FileRefused


def refused(name: str, refusal: FileRefused) -> SourceMismatch:
    """Return the error for a file that cannot be opened."""
    return SourceMismatch(f"{name} is not read: {refusal}.")


def lacks_column(name: str, column: str, columns: Sequence[str]) -> SourceMismatch:
    """Return the error for a file without a declared column."""
    listed = ", ".join(columns[:40])
    return SourceMismatch(
        f"{name} lacks the column {column!r}{suggest_or_end(column, columns)} Its columns are: {listed}."
    )


def renumbered(where: str) -> SourceMismatch:
    """Return the error for a mailbox whose messages have other numbers than before."""
    return SourceMismatch(
        f"{where} has numbered its messages anew (UIDVALIDITY), so that nobody can tell which of them are new. Nothing "
        "was read. Write since: with the day from which on they are to be read."
    )


def said_of(name: str, path: Path, error: SourceMismatch) -> str:
    """Return what a reader of tables said, with the file's own name in it."""
    return error.detail.replace(str(path), name)


def nothing_arrived(folder: str) -> SourceMismatch:
    """Return the error for a place where no table waits while it is looked at."""
    return SourceMismatch(
        f"No table (CSV, TSV, XLSX, ODS) waits in {folder}, so nothing can be proposed. "
        "Put a file of the agency's there."
    )


def lost(name: str, error: OSError) -> SourceUnreachable:
    """Return the error for a file that breaks off under the reader's hands."""
    why = (error.strerror or str(error)).lower()
    return SourceUnreachable(f"The file {name} cannot be read to its end: {why}. It is read again in the next run.")
