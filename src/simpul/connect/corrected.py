"""Corrections put into rows as they are read. Nothing is stored here, and no rule decides anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from simpul.connect.values import RowRejected, parse_number, text_of
from simpul.ports.quality import Correction


class Corrections:
    """What people put right in one source, by row. A correction holds as long as the source says what it corrects."""

    def __init__(self, by_row: Mapping[str, Mapping[str, Correction]], columns: Sequence[str]) -> None:
        self._by_row = by_row
        self._index = {name: position for position, name in enumerate(columns)}
        # The keys of corrected rows, as they were and as they are.
        self.corrected: dict[str, str] = {}

    def apply(self, key: str, used: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the row with its corrections, or the same row where there are none that hold."""
        found = self._by_row.get(key)
        if found is None:
            return used
        cells = list(used)
        for column, correction in found.items():
            position = self._index.get(column)
            if position is None or _text(cells[position]) != (correction.before or ""):
                # The source has changed there since: what it says now counts.
                continue
            cells[position] = _as_cell(correction.after, cells[position])
        return used if cells == list(used) else tuple(cells)

    def note(self, before: str, after: str) -> None:
        """Remember under which key a corrected row goes on."""
        self.corrected[before] = after


def _text(cell: Any) -> str:
    return "" if cell is None else text_of(cell).strip()


def _as_cell(after: str | None, before: Any) -> Any:
    """Return the new text as the kind of cell that it takes the place of, where it can be one."""
    if after is None:
        return None
    if isinstance(before, int | float | Decimal) and not isinstance(before, bool):
        try:
            return parse_number(after)
        except RowRejected:
            return after
    if isinstance(before, date):
        try:
            return type(before).fromisoformat(after)
        except ValueError:
            return after
    return after
