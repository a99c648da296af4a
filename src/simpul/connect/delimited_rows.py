"""The rows of text with delimited cells, for each kind of source that reads such files. Nothing is opened here."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from simpul.connect.connector import BrokenRow, Row
from simpul.formats.delimited import Lines


def read_rows(lines: Lines, records: Iterator[list[str]], width: int) -> Iterator[Row | BrokenRow]:
    """Yield the records behind the header, each with `width` cells. Empty ones are left out.

    `records` is the CSV reader over `lines`. After a record whose quotes are wrong, reading goes on with its second
    line. Raises what `lines` raises.
    """
    while True:
        lines.begin_record()
        number = lines.number + 1
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken(lines, number, f"the quotes are wrong: {error}")
            continue
        if not any(cells):
            continue
        if len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                yield _broken(lines, number, f"it has {len(cells)} cells, and the header has {width}")
                continue
            del cells[width:]
        yield Row(number, cells)


def _broken(lines: Lines, number: int, reason: str) -> BrokenRow:
    first = lines.give_back_all_but_first()
    return BrokenRow(number, f"line {number}: {reason}", {"line": first.rstrip("\r\n")})
