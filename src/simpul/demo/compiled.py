"""Reads the compiled facts that ship with the package (`facts/`). It builds nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

NO_DATA = "9999.0"
TRACE = "8888.0"

_CELLS = {"x": NO_DATA, "t": TRACE, "b": ""}
_NO_ROW = "-"


class RainDay(NamedTuple):
    """One row of a rain post: the day, the cell as the post reported it, and the day on which it arrived."""

    post: str
    day: date
    cell: str
    received: date


def read_text(name: str) -> str:
    return files(__package__).joinpath("facts", name).read_text(encoding="utf-8")


def read_table(name: str) -> list[dict[str, str]]:
    r"""Return the rows of a compiled table. A `\r\n` written out in a cell stands for the line break itself."""
    lines = csv.DictReader(read_text(name).splitlines())
    return [{column: _cell(value) for column, value in row.items()} for row in lines]


def _cell(value: str) -> str:
    return value.replace("\\r", "\r").replace("\\n", "\n")


def read_boundaries() -> dict[str, dict[str, Any]]:
    """Return code of a kelurahan → its GeoJSON geometry; neighbours have their common border point for point."""
    boundaries: dict[str, dict[str, Any]] = json.loads(read_text("boundaries.json"))
    return boundaries


def iter_rain() -> Iterator[RainDay]:
    """Yield every reported day, post by post, oldest first."""
    lines = read_text("rain.txt").splitlines()
    for heading, cells, received in zip(lines[0::3], lines[1::3], lines[2::3], strict=True):
        post, first = heading.split()
        arrivals = _unfold(received)
        day = date.fromisoformat(first)
        for token in _unfold(cells):
            if token != _NO_ROW:
                yield RainDay(post, day, _rain_cell(token), _short_date(next(arrivals)))
            day += timedelta(days=1)


def _rain_cell(token: str) -> str:
    return _CELLS[token] if token in _CELLS else str(float(token))


def _short_date(text: str) -> date:
    return datetime.strptime(text, "%y%m%d").date()  # noqa: DTZ007 - A day has no zone.


def _unfold(line: str) -> Iterator[str]:
    for token in line.split():
        value, _, times = token.partition("*")
        for _ in range(int(times or 1)):
            yield value
