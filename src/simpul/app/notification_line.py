"""One subscription's notifications on their way, and what of them goes into one. It is sent elsewhere."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from simpul import limits
from simpul.app.notification_echoes import Echoes
from simpul.domain import subscription as terms
from simpul.domain.notification import Shape, decode_captured
from simpul.domain.watch import unpack_numbers
from simpul.ports.outbox import Notice, Progress, StoredSubscription


@dataclass(slots=True, eq=False)
class Line:
    """One subscription's notifications on their way. `waiting` counts the notices that are not told."""

    tenant: str
    stored: StoredSubscription
    shape: Shape
    progress: Progress
    pending: deque[Notice] = field(default_factory=deque)
    in_hand: int | None = None
    waiting: int = 0
    is_behind: bool = True
    is_reading: bool = False
    is_dirty: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    echoes: Echoes = field(default_factory=Echoes)

    def add(self, notices: list[Notice]) -> None:
        """Take what was committed just now; what does not fit into memory stays in the outbox alone."""
        self.waiting += len(notices)
        if not self.is_behind:
            room = limits.NOTICES_IN_MEMORY_MAX - len(self.pending)
            self.pending.extend(notices[:room])
            self.is_behind = len(notices) > room
        self.wake.set()

    @property
    def document(self) -> terms.Document:
        return self.stored.kept.document

    @property
    def is_periodic(self) -> bool:
        return "timeInterval" in self.document

    @property
    def told_through(self) -> int | None:
        """The id up to which nothing of this line is needed any more; None where it waits for nothing."""
        if self.in_hand is not None:
            return self.in_hand - 1
        if self.is_behind or self.is_reading:
            return self.progress.told
        return self.pending[0].id - 1 if self.pending else None


class Head(NamedTuple):
    """What has to be known of a notice to put it into a notification."""

    entity_id: str
    at_us: int
    via: tuple[str, ...]


@lru_cache(maxsize=limits.NOTICES_RENDERED_MAX)
def head_of(state: bytes) -> Head:
    captured = decode_captured(state)
    return Head(captured.entity_id, captured.at_us, captured.via)


def numbers_of(notice: Notice) -> Sequence[int]:
    return unpack_numbers(notice.numbers)


def rounds_of(notice: Notice, alias: str) -> int:
    """Return how often the change has been here before, told by this hub and written back to it."""
    via = head_of(notice.state).via
    return limits.NOTIFICATION_ROUNDS_MAX if len(via) > limits.VIA_HOPS_MAX else via.count(alias)


def via_of(notices: Sequence[Notice], alias: str) -> str:
    """Return the Via header of a notification: the way of that change which has been here most often, and this hub."""
    way = max((head_of(notice.state).via for notice in notices), key=lambda via: (via.count(alias), len(via)))
    return ", ".join(f"1.1 {one}" for one in (*way, alias))


async def echoing(line: Line, batch: Sequence[Notice]) -> list[Notice]:
    """Hold back what seems to come only because of what was told; return that of which no other reason was seen.

    Where changes gather while throttling holds them back, that bounds a circle already.
    """
    if "throttling" in line.document:
        return []
    pauses = {head.entity_id: line.echoes.pause_seconds(head.entity_id, head.at_us) for head in heads_of(batch)}
    suspects = {entity_id for entity_id, seconds in pauses.items() if seconds != 0.0}
    if not suspects:
        return []
    endless = {entity_id for entity_id in suspects if pauses[entity_id] is None}
    if endless:
        line.echoes.forget(endless)
        return [notice for notice in batch if head_of(notice.state).entity_id in endless]
    others = await _written_meanwhile(line, suspects, max(pauses[entity_id] or 0.0 for entity_id in suspects))
    if others:
        line.echoes.forget(others)
    else:
        line.echoes.hold(suspects)
    return []


async def _written_meanwhile(line: Line, entity_ids: set[str], seconds: float) -> set[str]:
    """Return which of the entities are written before anybody is told; none where the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            looked_at = 0
            while True:
                # What waits only grows at its end while the line itself waits here: no notice is looked at twice.
                fresh = islice(reversed(line.pending), len(line.pending) - looked_at)
                if others := {head.entity_id for head in heads_of(fresh)} & entity_ids:
                    return others
                looked_at = len(line.pending)
                line.wake.clear()
                await line.wake.wait()
    return set()


def heads_of(notices: Iterable[Notice]) -> list[Head]:
    return [head_of(notice.state) for notice in notices]


async def changed(line: Line) -> None:
    """Wait until the subscription is another one than it was."""
    stored = line.stored
    while line.stored is stored:
        line.wake.clear()
        await line.wake.wait()


def take_each(line: Line) -> list[Notice]:
    """Take the next notices: each entity once, so that every state of it is told."""
    batch: list[Notice] = []
    seen: set[str] = set()
    size = 0
    while line.pending and len(batch) < limits.NOTIFICATION_ENTITIES_MAX and size < limits.NOTIFICATION_BYTES_MAX:
        entity_id = head_of(line.pending[0].state).entity_id
        if entity_id in seen:
            break
        seen.add(entity_id)
        notice = line.pending.popleft()
        size += len(notice.state)
        batch.append(notice)
    line.in_hand = batch[0].id
    return batch


def take_newest(line: Line) -> list[Notice]:
    """Take what gathered while throttling held it back: of each entity the newest state."""
    newest: dict[str, Notice] = {}
    first = line.pending[0].id
    while line.pending and len(newest) < limits.NOTIFICATION_ENTITIES_MAX:
        notice = line.pending.popleft()
        entity_id = head_of(notice.state).entity_id
        newest.pop(entity_id, None)
        newest[entity_id] = notice
        line.waiting = max(len(line.pending) + len(newest), line.waiting - 1)
    line.in_hand = first
    return list(newest.values())
