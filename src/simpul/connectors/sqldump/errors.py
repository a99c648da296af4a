"""What can be wrong with a dump, in our words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceMismatch, SourceUnreachable

_TABLES_SHOWN_MAX = 40


def broken(path: Path, why: str) -> SourceMismatch:
    """Return the error for a dump that cannot be read to its end."""
    return SourceMismatch(
        f"{path} cannot be read on: {why}. Nothing of it is believed to have vanished; dump it again."
    )


def not_unpacked(path: Path, why: str) -> SourceMismatch:
    """Return the error for a packed dump that is damaged."""
    return SourceMismatch(
        f"{path} cannot be unpacked: {why.rstrip('.')}. It is damaged, or was cut off; copy it again."
    )


def unreadable(path: Path, why: str) -> SourceUnreachable:
    """Return the error for a file that the system does not give."""
    return SourceUnreachable(f"The file {path} cannot be read: {why}. Check its path, and that simpul may read it.")


def too_large(path: Path, most: int) -> SourceMismatch:
    """Return the error for a dump that unpacks to too much."""
    return SourceMismatch(
        f"{path} unpacks to more than {most:,} bytes, which are the most that are read of a dump. Dump its tables "
        "into several files."
    )


def bomb(path: Path, ratio: int) -> SourceMismatch:
    """Return the error for a packed file that is hardly a dump."""
    return SourceMismatch(f"{path} unpacks to more than {ratio} times its size; that is no dump. Unpack it by hand.")


def no_text(path: Path) -> SourceMismatch:
    """Return the error for a file that is something else."""
    return SourceMismatch(f"{path} is no SQL text: it holds NUL bytes. Ask for a dump as .sql, or packed as .sql.gz.")


def several_files(path: Path, count: int) -> SourceMismatch:
    """Return the error for an archive with several files."""
    return SourceMismatch(f"{path} holds {count} files; a packed dump must be one file.")


def unknown_charset(path: Path, charset: str) -> SourceMismatch:
    """Return the error for an encoding that Python does not know."""
    return SourceMismatch(f"{path} says that it is in {charset!r}, which is not known here; write encoding: …")


def no_table(path: Path, table: str, tables: Sequence[str]) -> SourceMismatch:
    """Return the error for a dump without the table."""
    listed = ", ".join(sorted(tables)[:_TABLES_SHOWN_MAX]) or "none"
    return SourceMismatch(f"{path} has no table {table!r}{suggest_or_end(table, tables)} Its tables: {listed}.")


def several_tables(path: Path, table: str, databases: Sequence[str]) -> SourceMismatch:
    """Return the error for a table that two databases of a dump have."""
    named = " and ".join(f"{database}.{table}" for database in databases)
    return SourceMismatch(f"{path} has the table {table!r} in two databases; write {named.replace(' and ', ' or ')}.")


def copied(path: Path, table: str) -> SourceMismatch:
    """Return the error for rows in a form of PostgreSQL's own."""
    return SourceMismatch(
        f"{path} has the rows of {table!r} as COPY, which only PostgreSQL reads; use pg_dump --inserts."
    )


def no_columns(path: Path, table: str) -> SourceMismatch:
    """Return the error for a dump that does not name the columns."""
    return SourceMismatch(
        f"{path} does not name the columns of {table!r}: it has no CREATE TABLE. Name them with 'columns: […]', "
        "or dump with the structure."
    )


def other_columns(path: Path, table: str, name: str, columns: Sequence[str]) -> SourceMismatch:
    """Return the error for an insert into a column that the table does not have."""
    listed = ", ".join(columns[:_TABLES_SHOWN_MAX])
    return SourceMismatch(f"{path} puts values into a column {name!r} that {table!r} has not. Its columns: {listed}.")
