"""What the use-cases need to take what agents deliver: how far each is, and the rows on their way. No SQL, no files."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from simpul.domain.delivery import Delivery, Standing, Told


class Arrived(NamedTuple):
    """How much of a reading's packed rows is here, durably, and whether that is all of it."""

    size: int
    is_complete: bool


class DeliveryStore(Protocol):
    """How far the agents of a city's sources are."""

    def find_standing(self, tenant: str, source: str) -> Standing | None:
        """Return how far the source's agent is, or None where none was ever heard."""

    async def begin_queue(self, tenant: str, source: str, queue: str, heard_us: int, told: Told) -> None:
        """Remember that another queue delivers the source from now on, and counts anew."""

    async def note_told(self, tenant: str, source: str, heard_us: int, told: Told) -> None:
        """Remember when the source's agent was heard, and what it told."""

    async def advance(self, tenant: str, source: str, queue: str, number: int, digest: str | None) -> None:
        """Remember that this queue's readings are taken over up to `number`, and the digest of the rows where new."""

    async def forget_standing(self, tenant: str, source: str) -> None:
        """Forget the source's agent."""


class DeliveryFiles(Protocol):
    """The packed rows of readings, by their numbers. Calls wait for the disk, so they are made in threads.

    Each raises StorageFull and StorageUnavailable.
    """

    def find_arrived(self, tenant: str, source: str, number: int, kind: str) -> Arrived:
        """Return how much of the reading is here, as whole rows or as changes."""

    def append(self, tenant: str, source: str, delivery: Delivery, offset: int, body: bytes) -> Arrived:
        """Add a piece that begins at `offset`, durably, where that is the end of what is here; return what is here."""

    def complete(self, tenant: str, source: str, number: int, digest: str) -> bool:
        """Make the reading the one that the source is read from; drop it and return False for another digest."""

    def complete_changes(self, tenant: str, source: str, number: int, rows_digest: str) -> bool:
        """Make the reading of its changes and the rows before it; drop them and return False where they do not fit."""

    def has_rows(self, tenant: str, source: str) -> bool:
        """Return whether there is a complete reading."""

    def settle(self, tenant: str, source: str, number: int) -> None:
        """Remove what came before this reading: it is taken over."""

    def begin_anew(self, tenant: str, source: str) -> None:
        """Keep the last complete reading only, as that of number 0: another queue counts anew."""

    def forget(self, tenant: str, source: str) -> None:
        """Remove all that was delivered."""
