"""Chunks of a run that are ready to be written, and those that wait until it is certain that they may be."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simpul import limits
from simpul.connect.reader import Mapped
from simpul.domain.alike import Alike, unpack
from simpul.domain.context import Context


class Prepared(NamedTuple):
    """Rows that are ready to be written: what to put for each, and which of their keys the hub knew before.

    Where `mapped` is an id, the entity is among those that are `packed`.
    """

    keys: list[str]
    digests: list[bytes]
    mapped: Sequence[Mapped | str]
    known: Container[str]
    is_last: bool = False
    packed: Sequence[Alike] = ()

    def unpacked(self, context: Context) -> list[Mapped]:
        """Return what to put for each row, with nothing packed."""
        entities = {entity["id"]: entity for alike in self.packed for entity in unpack(context, alike)}
        return [entities[one] if isinstance(one, str) else one for one in self.mapped]


@dataclass(slots=True)
class Held:
    """What waits until a run has seen as many rows as show that its source has not collapsed."""

    rows_wanted: int
    _waiting: list[Prepared] = field(default_factory=list)
    _count: int = 0
    is_short: bool = True

    def add(self, prepared: Prepared, rows_read: int) -> list[Prepared]:
        """Return what may be written now: nothing while it is uncertain, then all of it, chunk by chunk."""
        self.is_short = rows_read < self.rows_wanted
        if prepared.keys:
            self._waiting.append(prepared)
            self._count += len(prepared.keys)
        if self.is_short and not prepared.is_last and self._count <= limits.COLLAPSE_ROWS_HELD_MAX:
            return []
        ready, self._waiting, self._count = self._waiting, [], 0
        return ready
