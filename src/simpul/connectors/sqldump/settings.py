"""What stands under `read:` of an `sqldump` source. No reading here."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simpul import limits
from simpul.connect.connector import check_references
from simpul.connect.fields import Field, Fields, ListOf, Plain, Text

# What MySQL and MariaDB call their encodings, where Python calls them otherwise.
CHARSETS: Final = {
    "utf8mb4": "utf-8", "utf8mb3": "utf-8", "utf8": "utf-8", "binary": "utf-8", "latin1": "cp1252",
    "latin2": "iso8859-2", "latin5": "iso8859-9", "latin7": "iso8859-13", "greek": "iso8859-7", "hebrew": "iso8859-8",
    "sjis": "cp932", "ujis": "euc_jp", "euckr": "euc_kr", "tis620": "tis_620", "ucs2": "utf-16-be",
}  # fmt: skip


def encoding_of(charset: str) -> str | None:
    """Return Python's name of an encoding, or None where there is none."""
    name = CHARSETS.get(charset.lower(), charset)
    try:
        # A codec such as base64 is found, too, and is no encoding of text.
        is_text = codecs.lookup(name)._is_text_encoding  # noqa: SLF001 - There is no public way to ask.
    except LookupError:
        return None
    return name if is_text else None


def _check_encoding(text: str) -> str | None:
    return None if encoding_of(text) else f"{text!r} is no encoding; write utf8mb4, latin1 (Windows) or utf-16"


FIELDS: Final = Fields("read of an sqldump source", (
    Field("path", Text("a path", check=check_references), "the dump; relative to the city's folder", required=True),
    Field("table", Text("the name of a table"), "the table; `database.table` where several have it", required=True),
    Field("columns", ListOf(Text("the name of a column"), 1, limits.SOURCE_COLUMNS_MAX),
          "the names of the columns, for a dump of data alone that does not tell them"),
    Field("encoding", Text("an encoding", check=_check_encoding), "default: as the dump says (SET NAMES), else utf-8"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlDumpSettings:
    """The settings, typed."""

    path: str
    table: str
    columns: tuple[str, ...]
    encoding: str | None


def parse_settings(plain: Plain) -> SqlDumpSettings:
    """Return the typed settings of checked ones."""
    return SqlDumpSettings(
        path=plain["path"],
        table=plain["table"],
        columns=tuple(plain.get("columns", ())),
        encoding=encoding_of(plain["encoding"]) if "encoding" in plain else None,
    )


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    columns = plain.get("columns", [])
    if len(set(columns)) < len(columns):
        yield "columns", "a column's name is there twice"
