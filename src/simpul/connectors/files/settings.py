"""What stands under `read:` of a `files` source. No reading here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Choice, Field, Fields, Integer, ListOf, OneOrMany, Plain, Text
from simpul.connectors.table import settings as table
from simpul.inboxes.folder import FolderSettings
from simpul.inboxes.inbox import make_filter

FILE_COLUMN: Final = "@file"
_QUIET_SECONDS: Final = 10
_QUIET_SECONDS_MAX: Final = 86_400
# How a file is read is said as it is of the kind `table`, which has a file of its own and other words for columns.
_OF_TABLES: Final = tuple(field for field in table.FIELDS.fields if field.name not in ("path", "columns"))


def _check_pattern(text: str) -> str | None:
    if "/" in text:
        return f"{text!r} is a path; write how the names of files look, such as halte-*.csv"
    return None if text else "a pattern has at least one character; * stands for all names"


FIELDS: Final = Fields("read of a files source", (
    Field("folder", Text("a path", check=check_references), "the folder that files arrive in; relative to the city's "
          "folder", required=True),
    Field("pattern", OneOrMany(Text("a pattern", check=_check_pattern)), "which files are read, by their names: "
          "`halte-*.csv`; default: all but hidden ones and those whose names say that they are unfinished"),
    Field("columns", ListOf(Text("the name of a column"), 1, limits.SOURCE_COLUMNS_MAX), "the columns that every file "
          "has, by the names in its header; with `header_rows: 0` in their order. The file's name is in `@file`, too",
          required=True),
    Field("quiet", Integer(0, _QUIET_SECONDS_MAX), "for how many seconds a file must not have been written to; "
          "default 10"),
    Field("after", Choice(("move", "keep")), "what happens to a file that was read: it is moved to `done` or `bad`, or "
          "kept where it is and remembered; default move"),
    *_OF_TABLES,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """The settings, typed."""

    folder: FolderSettings
    is_kept: bool
    columns: tuple[str, ...]
    table: table.TableSettings


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    columns = plain["columns"]
    if len(set(columns)) < len(columns):
        yield "columns", "a column's name is there twice"
    if FILE_COLUMN in columns:
        yield "columns", f"the file's name is in {FILE_COLUMN} anyway; leave it out"


def parse_settings(plain: Plain, surroundings: Surroundings) -> FilesSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    is_kept = plain.get("after") == "keep"
    columns = tuple(plain["columns"])
    has_header = plain.get("header_rows", 1) > 0
    of_table = {field.name: plain[field.name] for field in _OF_TABLES if field.name in plain}
    folder = FolderSettings(
        path=surroundings.path(surroundings.resolve(plain["folder"])),
        is_wanted=make_filter(plain.get("pattern", ["*"])),
        quiet_seconds=plain.get("quiet", _QUIET_SECONDS),
        is_kept=is_kept,
    )
    return FilesSettings(
        folder=folder,
        is_kept=is_kept,
        columns=columns,
        table=table.parse_settings({**of_table, "path": "", "columns": () if has_header else columns}),
    )
