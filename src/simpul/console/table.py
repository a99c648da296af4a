"""A table as a page shows it: typed columns, sorted, in pages. No entities are fetched here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: as text, how it lines up, where it leads, and what a pointer at rest shows."""

    text: str
    right: bool = False
    href: str = ""
    panel: bool = False
    exact: str = ""
    level: int | None = None


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class Column:
    """One column's head. `sorted` is the value of `aria-sort`, or empty."""

    key: str
    label: str
    unit: str = ""
    right: bool = False
    href: str = ""
    sorted: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `title` is its first cell, the one that leads to what the line is about."""

    id: str
    title: str
    href: str
    cells: tuple[Cell, ...]
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`id` is the element that a click on a column's head renews."""

    id: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Pager:
    """Which lines of how many are shown, and the ways on."""

    summary: str
    previous: str = ""
    next: str = ""


def sort_key(value: Any) -> tuple[int, Any]:
    """Return what a value is sorted by: numbers, then texts, then nothing at all."""
    if value is None or value == "":
        return (2, "")
    if isinstance(value, bool | int | float):
        return (0, float(value))
    return (1, str(value).casefold())


def sorted_rows(rows: list[tuple[Any, Any]], descending: str) -> list[Any]:
    """Return the second of each pair in the order of the first; what has no value stays last in either order."""
    known = [pair for pair in rows if sort_key(pair[0])[0] < 2]
    unknown = [pair for pair in rows if sort_key(pair[0])[0] == 2]
    known.sort(key=lambda pair: sort_key(pair[0]), reverse=descending == "descending")
    return [row for _, row in (*known, *unknown)]
