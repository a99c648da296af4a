"""What the use-cases need of the log of entities: read it, write into it, correct it. No SQL and no implementation.

An entity's log is one (`domain/history.py`): what the hub did to the entity, and what clients wrote into its history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from simpul.domain.entity import Entity, Record
from simpul.domain.history import History, Write
from simpul.domain.plain_history import Log
from simpul.domain.query import EntityQuery
from simpul.domain.retention import Stretch, Thinned
from simpul.domain.temporal import TemporalQuery
from simpul.ports.store import Draft

Result = TypeVar("Result")
Kept = TypeVar("Kept")


class HistoryDraft(Draft, Protocol):
    """The state and the log as one write sees them."""

    def list_writes(self, entity_id: str) -> list[Write]:
        """Return the entity's whole log, oldest first."""

    def has_history(self, entity_id: str) -> bool:
        """Return whether the log has anything of the entity."""

    def write_instances(
        self, before: Record | None, after: Record | None, changed: Sequence[str], fresh: Fresh
    ) -> None:
        """Put instances into the log, and what they make current, all as one entry.

        `before` is None where there is no entity now, `after` where there will be none; `changed` are the names of
        the attributes in which they differ.
        """

    def rewrite(self, entity_id: str, writes: Sequence[Write], note: Note) -> None:
        """Put entries in the place of those with their sequence; keep who did it."""

    def drop_history(self, entity_id: str, note: Note) -> None:
        """Remove the entity's log; keep who did it. The entity itself stays."""


class Fresh(NamedTuple):
    """Instances as they were written, under expanded names: several of one attribute if need be."""

    attributes: Entity
    at_us: int


class Note(NamedTuple):
    """What is kept of a correction, which itself leaves nothing of what it removed: when, and what it was about."""

    at_us: int
    what: str


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a query over histories; `count` is the number of all that matched, where it was asked for."""

    kept: list[Any]
    count: int | None


class Place(NamedTuple):
    """Where a walk over histories is: behind this entry of this entity's log, or all of it where `sequence` is 0."""

    eid: int
    sequence: int


BEGINNING: Final = Place(0, 0)


class Step(NamedTuple):
    """How far a walk over histories came, `BEGINNING` at its end; how many entries it saw and how many of them went."""

    last: Place
    looked_at: int
    dropped: int


class HistoryStore(Protocol):
    """The logs of many cities' entities."""

    async def find_history(self, tenant: str, entity_id: str, window: TemporalQuery) -> History | None:
        """Return the entity's log, or None where nothing of that id ever was.

        Of a log longer than `limits.TEMPORAL_CHANGES_MAX` only what the window is about. Raises TooComplexQuery where
        that is too long, too.
        """

    def find_log(self, tenant: str, entity_id: str) -> Log | None:
        """Return the entity's log as it lies on disk; None where there is none, or it is a long one."""

    async def list_histories(
        self, tenant: str, query: EntityQuery, window: TemporalQuery, keep: Callable[[History], Kept | None]
    ) -> Found:
        """Return what `keep` makes of the log of each entity of these types and ids, those that are gone, too.

        What it makes None does not match. `keep` is pure and may run in another thread. Of the query only `types`,
        `ids`, `id_pattern`, `readable_types` and its page count. Raises TooComplexQuery.
        """

    async def thin_histories(
        self, tenant: str, type_name: str, after: Place, plan: Callable[[Stretch], Thinned]
    ) -> Step:
        """Do what `plan` makes of the next entries of a type's entities, some thousands of them.

        Those that are gone are looked at, too. A long log comes in several stretches. A log that was corrected in the
        meantime is left for the next time. `plan` is pure and runs in another thread.
        """

    async def write_history(self, tenant: str, origin: str, operation: Callable[[HistoryDraft], Result]) -> Result:
        """Run the operation in the next group commit, as `EntityStore.write` does."""
