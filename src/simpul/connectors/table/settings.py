"""What stands under `read:` of a `table` source. No reading here."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simpul import limits
from simpul.connect.connector import check_references
from simpul.connect.fields import Field, Fields, Integer, ListOf, OneOrMany, Plain, Text

_TITLE_ROWS_MAX: Final = 1_000
_HEADER_ROWS_MAX: Final = 20
_NAMED: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


def _check_encoding(text: str) -> str | None:
    try:
        # A codec such as base64 is found, too, and is no encoding of text.
        is_text = codecs.lookup(text)._is_text_encoding  # noqa: SLF001 - There is no public way to ask.
    except LookupError:
        is_text = False
    return None if is_text else f"{text!r} is no encoding; write utf-8, cp1252 (Windows) or utf-16"


def _check_character(text: str) -> str | None:
    return None if len(_NAMED.get(text, text)) == 1 else f"{text!r} must be one character, such as ; or , or tab"


FIELDS: Final = Fields("read of a table source", (
    Field("path", Text("a path", check=check_references), "the file; relative to the city's folder", required=True),
    Field("sheet", OneOrMany(Text("a sheet's name or number")), "workbooks: its name, or number from 1; "
          "default: the first; several, or `*` in a name: one after the other, with the column `@sheet`"),
    Field("skip_rows", Integer(0, _TITLE_ROWS_MAX), "title rows above the header; default 0"),
    Field("header_rows", Integer(0, _HEADER_ROWS_MAX), "rows of the header, joined as `Above / Below`; default 1"),
    Field("skip_after_header_rows", Integer(0, _TITLE_ROWS_MAX), "rows under it that are no records; default 0"),
    Field("columns", ListOf(Text("the name of a column"), 1, limits.SOURCE_COLUMNS_MAX), "names the columns itself"),
    Field("fill_down", OneOrMany(Text("the name of a column")), "columns where an empty cell means: as above"),
    Field("as_shown", OneOrMany(Text("the name of a column")), "XLSX: columns whose numbers are codes, taken as "
          "Excel shows them: `2.10`, `00013`"),
    Field("delimiter", Text("a character", check=_check_character), "CSV: between cells; default: found out"),
    Field("quote", Text("a character", check=_check_character), 'CSV: around cells; default "'),
    Field("encoding", Text("an encoding", check=_check_encoding), "CSV: default utf-8"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableSettings:
    """The settings, typed."""

    path: str
    sheets: tuple[str, ...]
    skip_rows: int
    header_rows: int
    skip_after_header_rows: int
    columns: tuple[str, ...]
    fill_down: tuple[str, ...]
    as_shown: tuple[str, ...]
    delimiter: str | None
    quote: str
    encoding: str


def parse_settings(plain: Plain) -> TableSettings:
    """Return the typed settings of checked ones."""
    delimiter = plain.get("delimiter")
    sheet = plain.get("sheet", ())
    return TableSettings(
        path=plain["path"],
        sheets=(sheet,) if isinstance(sheet, str) else tuple(sheet),
        skip_rows=plain.get("skip_rows", 0),
        header_rows=plain.get("header_rows", 1),
        skip_after_header_rows=plain.get("skip_after_header_rows", 0),
        columns=tuple(plain.get("columns", ())),
        fill_down=tuple(plain.get("fill_down", ())),
        as_shown=tuple(plain.get("as_shown", ())),
        delimiter=None if delimiter is None else _NAMED.get(delimiter, delimiter),
        quote=plain.get("quote", '"'),
        encoding=plain.get("encoding", "utf-8"),
    )


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    columns = plain.get("columns", [])
    if plain.get("header_rows") == 0 and not columns:
        yield "header_rows", "without header rows the columns need names: add 'columns: […]'"
    if len(set(columns)) < len(columns):
        yield "columns", "a column's name is there twice"
