"""Several resources of one dataset, one after the other, as if they were one: such as a table for each year."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row
from simpul.connectors.ckan import errors

RESOURCE_COLUMN: Final = "@resource"


class SeveralReading:
    """The rows of resources that have the same columns, in the order of their names.

    Only one is open at a time. Numbers of rows go on from one to the next.
    """

    def __init__(
        self, where: str, names: Sequence[str], open_one: Callable[[int], Reading], columns: tuple[str, ...]
    ) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self._where = where
        self._names = names
        self._open_one = open_one
        self._is_chosen = bool(columns)
        self._inner: Reading | None = open_one(0)
        self._wanted = columns or self._inner.columns
        self.columns = (*self._wanted[: limits.SOURCE_COLUMNS_MAX - 1], RESOURCE_COLUMN)

    def rows(self) -> Iterator[Row | BrokenRow]:
        before = last = 0
        for place, name in enumerate(self._names):
            inner = self._inner = self._inner or self._open_one(place)
            order = self._order_of(name, inner.columns)
            for row in inner.rows():
                last = before + row.number
                if isinstance(row, BrokenRow):
                    yield BrokenRow(last, f"{name}: {row.reason}", {RESOURCE_COLUMN: name, **row.raw})
                else:
                    yield Row(last, [*(row.cells[position] for position in order), name])
            before = last
            self.close()

    def _order_of(self, name: str, columns: Sequence[str]) -> list[int]:
        """Return where the wanted columns are in this resource. Raises SourceMismatch."""
        missing = [one for one in self._wanted if one not in columns]
        more = [] if self._is_chosen else [one for one in columns if one not in self._wanted]
        if missing or more:
            first = "" if self._is_chosen else self._names[0]
            raise errors.other_columns(self._where, name, first, missing, more)
        return [columns.index(one) for one in self.columns[:-1]]

    def close(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()
