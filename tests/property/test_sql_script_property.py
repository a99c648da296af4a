"""Scripts of SQL: whatever rows are written, in whatever blocks they come, the same rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from simpul.formats.sql_script import Insert, Script, ScriptBroken
from simpul.formats.sql_values import BadRow, Column, Meaning, Values

ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
TRAPS = [
    "--",
    "#",
    "/*",
    "*/",
    ";",
    "`",
    '"',
    "'",
    "\\",
    "),(",
    "\n",
    "\0",
    "é",
    "😀",
    "INSERT INTO t VALUES (1);",
    "x",
]

texts = some.lists(some.sampled_from(TRAPS), max_size=8).map("".join) | some.text(
    some.characters(exclude_categories=["Cs"]), max_size=8
)
values = some.none() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | texts | some.binary()
tables = some.integers(1, 4).flatmap(lambda width: some.lists(some.tuples(*[values] * width), min_size=1, max_size=6))


def literal(value: Any, *, doubled: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "0x" + value.hex() if value else "x''"
    if isinstance(value, str):
        return "'" + "".join("''" if doubled and c == "'" else ESCAPES.get(c, c) for c in value) + "'"
    return repr(value)


def in_blocks(text: str, size: int) -> Callable[[], str]:
    blocks: Iterator[str] = (text[start : start + size] for start in range(0, len(text), size))
    return lambda: next(blocks, "")


def read(text: str, size: int, width: int) -> list[Any]:
    script = Script(in_blocks(text, size), has_escapes=True, held_characters_max=100_000)
    rows: list[Any] = []
    readers = Values(Meaning("utf-8", None, has_escapes=True))
    columns = tuple(Column(f"c{number}", None) for number in range(width))
    while (statement := script.next_statement()) is not None:
        if isinstance(statement, Insert) and statement.has_values and statement.table == "t":
            rows += readers.rows(script, columns)
        elif isinstance(statement, Insert):
            script.skip_statement()
    return rows


@given(
    rows=tables,
    size=some.integers(1, 40),
    doubled=some.booleans(),
    gap=some.sampled_from(["", " ", "\n\t", " /* ) */ "]),
)
def test_what_was_written_is_read_in_whatever_blocks(rows: list[Any], size: int, doubled: bool, gap: str) -> None:
    written = [f"({gap}{f',{gap}'.join(literal(value, doubled=doubled) for value in row)}{gap})" for row in rows]
    lists = f",{gap}".join(written)
    other = f"INSERT INTO `other` VALUES {lists};"
    text = f"-- it's\n{other}\nINSERT INTO t VALUES{gap}{lists}{gap};\n/* ' */{other}"
    assert read(text, size, len(rows[0])) == rows


PARTS = [*TRAPS, "INSERT INTO t VALUES ", "(1", ",", ")", "0x0g", "NULL", "delimiter $$\n", "COPY t FROM stdin;\n"]
PARTS += ["\\.\n", "CREATE TABLE t (", "USE a", " "]


@given(parts=some.lists(some.sampled_from(PARTS), max_size=25), size=some.integers(1, 40))
def test_what_is_no_script_is_told_or_read_alike_in_all_blocks(parts: list[str], size: int) -> None:
    text = "".join(parts)
    assert outcome(text, size) == outcome(text, len(text) + 1)


def outcome(text: str, size: int) -> list[Any] | str:
    try:
        rows = read(text, size, 1)
    except ScriptBroken as told:
        return str(told)
    assert all(isinstance(row, BadRow) or len(row) == 1 for row in rows)
    return rows
