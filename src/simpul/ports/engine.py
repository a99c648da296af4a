"""What the use-cases need from the engine that runs sources. No connectors and no reading here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from simpul.domain.city import SourceDeclaration
from simpul.domain.entity import Entity
from simpul.ports.lineage import RowWanted, Traced
from simpul.ports.store import Reject, Run

if TYPE_CHECKING:
    from simpul.app.hub import Hub


class Progress(NamedTuple):
    """How far a run is. `rows_expected` is None where the source does not say how many it has."""

    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int
    rows_expected: int | None


class Preview(NamedTuple):
    """What a source would give: its columns, the first entities, and the first rows that break a rule."""

    columns: tuple[str, ...]
    entities: tuple[Entity, ...]
    rejects: tuple[Reject, ...]
    rows_read: int


class Replayed(NamedTuple):
    """How it went with rows that were tried again: how many, how many are in now, how many are still kept aside."""

    tried: int
    taken_over: int
    kept_aside: int


class SourceEngine(Protocol):
    """Reads a source into the hub."""

    def give_way(self) -> None:
        """From now on requests are answered beside the runs: write less at once, so that none waits for long."""

    def read_beside(self) -> None:
        """From now on read large sources in a process of their own, where there is a core that nobody else needs."""

    async def run(
        self,
        hub: Hub,
        tenant: str,
        source: SourceDeclaration,
        *,
        accept_shrink: bool = False,
        from_run: int | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Run:
        """Read the source, take over what changed, and return how it ended; `error` says what went wrong.

        With `from_run` the rows are those that are kept of that run, as they came then; NotFound where none are.

        Raises HubBusy when the source is being read already; StorageFull and StorageUnavailable from the store.
        """

    async def replay(
        self, hub: Hub, tenant: str, source: SourceDeclaration, keys: Collection[str] | None = None
    ) -> Replayed:
        """Try the rows kept aside again, all or those with these keys, without asking the agency's system.

        Raises HubBusy when the source is being read just now; SourceError; StorageFull and StorageUnavailable.
        """

    def forget_rows(self, hub: Hub, tenant: str, source_id: str) -> None:
        """Remove the rows that are kept of a source as they came."""

    async def trace(self, hub: Hub, tenant: str, source: SourceDeclaration, wanted: Sequence[RowWanted]) -> Traced:
        """Return how the source makes its attributes, and the keys of the rows that are wanted. Reads no source."""

    def is_running(self, tenant: str, source_id: str) -> bool:
        """Return whether the source is being read just now."""

    def is_stream(self, source: SourceDeclaration) -> bool:
        """Return whether the source tells only what is new, so that what it told is told once."""

    async def preview(self, hub: Hub, tenant: str, source: SourceDeclaration, rows: int) -> Preview:
        """Read the first rows and write nothing. Raises SourceError."""
