"""The half of a run that works in a thread: rows taken in chunks, and the changed ones mapped. No store here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row
from simpul.connect.mapping import Mapper, Taken
from simpul.connect.values import RowRejected, text_of
from simpul.domain.entity import Entity


class Chunk(NamedTuple):
    """Some rows in hand. `is_last` says that no row comes after them."""

    taken: list[Taken]
    broken: list[BrokenRow]
    is_last: bool

    def rounds(self) -> Iterator[Chunk]:
        """Yield the rows in their order, with each key at most once in one round.

        In a stream a key that comes again has news of the same thing, and each is taken over.
        """
        waiting: list[list[Taken]] = []
        counts: dict[str, int] = {}
        for row in self.taken:
            count = counts[row.key] = counts.get(row.key, 0) + 1
            if count > len(waiting):
                waiting.append([])
            waiting[count - 1].append(row)
        for position, rows in enumerate(waiting or [[]]):
            yield Chunk(rows, [] if position else self.broken, self.is_last)


class Item(NamedTuple):
    """What is to be put for one row: its entity, or the reason why there is none (`rule`, `reason`, `raw`)."""

    key: str
    digest: bytes
    entity_id: str
    entity: Entity | None
    rule: str
    reason: str
    raw: dict[str, Any]


class RowSource:
    """An open source with its compiled mapping."""

    def __init__(self, reading: Reading, mapper: Mapper) -> None:
        self._reading = reading
        self._mapper = mapper
        self._rows: Iterator[Row | BrokenRow] = reading.rows()
        # The first rows, by which a change of form is noticed.
        self.sample: list[Sequence[Any]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns under the names that the declaration uses."""
        return self._mapper.columns

    def go_on(self) -> None:
        """Turn to the next batch of a stream."""
        self._rows = self._reading.rows()

    def take_chunk(self, rows_max: int) -> Chunk:
        """Return the next rows, those that are no records left out. Raises what the reading raises."""
        taken: list[Taken] = []
        broken: list[BrokenRow] = []
        take = self._mapper.take
        count = 0
        for row in islice(self._rows, rows_max):
            count += 1
            if type(row) is BrokenRow:
                broken.append(row)
                continue
            found = take(row.number, row[1])
            if found is not None:
                taken.append(found)
        if self.sample is None:
            self.sample = [one.cells for one in taken[: limits.DRIFT_SAMPLE_ROWS]]
        survey = self._mapper.survey
        if survey is not None:
            for one in taken:
                survey.see(one.key, one.used)
        return Chunk(taken, broken, count < rows_max)

    def map_rows(self, rows: Sequence[Taken]) -> list[Item]:
        """Return what is to be put for each row."""
        return [self._map_row(row) for row in rows]

    def _map_row(self, row: Taken) -> Item:
        try:
            entity = self._mapper.map(row)
        except RowRejected as rejected:
            entity_id = self._mapper.find_id(row) if row.verdict is None else ""
            return Item(row.key, row.digest, entity_id, None, rejected.rule, rejected.reason, self._raw(row.cells))
        return Item(row.key, row.digest, entity["id"], entity, "", "", {})

    def map_broken(self, row: BrokenRow) -> Item:
        """Return what is to be put for a place where no row can be read."""
        key = f"{self._reading.row_word} {row.number}"
        self._mapper.note(key)
        digest = blake2b(repr((row.reason, row.raw)).encode("utf-8", "replace"), digest_size=16).digest()
        return Item(key, digest, "", None, "broken", row.reason, shortened(row.raw))

    def _raw(self, cells: Sequence[Any]) -> dict[str, Any]:
        return shortened(dict(zip(self._mapper.columns, cells, strict=False)))


def shortened(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it came, in JSON's own types, cut where it is over `limits.REJECT_RAW_BYTES_MAX`."""
    kept = {name: _json_value(cell) for name, cell in raw.items()}
    if len(msgspec.json.encode(kept)) <= limits.REJECT_RAW_BYTES_MAX:
        return kept
    cut = {name: _cut(cell) for name, cell in kept.items()}
    while len(msgspec.json.encode(cut)) > limits.REJECT_RAW_BYTES_MAX:
        cut.popitem()
    return cut


def _json_value(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    if isinstance(cell, float):
        # NaN and the infinities are no JSON.
        return cell if cell - cell == 0 else str(cell)
    if isinstance(cell, Decimal | date | time | timedelta):
        return text_of(cell)
    if isinstance(cell, dict):
        return {str(name): _json_value(value) for name, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_json_value(value) for value in cell]
    return repr(cell)[: limits.REJECT_CELL_CHARACTERS]


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return value if len(text) <= limits.REJECT_CELL_CHARACTERS else text[: limits.REJECT_CELL_CHARACTERS] + "…"
