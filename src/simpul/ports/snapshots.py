"""What the use-cases need to keep snapshots: their descriptions in the city, their entities apart. No SQL here."""

from __future__ import annotations

from typing import Protocol

from simpul.domain.snapshot import Kept
from simpul.ports.history import HistoryStore
from simpul.ports.store import EntityStore


class SnapshotState(EntityStore, HistoryStore, Protocol):
    """The entities and histories of one snapshot. Whichever city a call names, the snapshot is meant."""

    async def close(self) -> None:
        """Finish what is being written, and let go of the file."""


class SnapshotStore(Protocol):
    """The snapshots of each city."""

    def list_snapshots(self, tenant: str) -> list[Kept]:
        """Return the descriptions of all, oldest first. Raises NonexistentTenant, StorageUnavailable."""

    async def put_snapshot(self, tenant: str, kept: Kept) -> None:
        """Keep a description, in place of one with its id."""

    async def drop_snapshot(self, tenant: str, kept: Kept) -> None:
        """Remove a snapshot whose state is closed, with its entities."""

    def open_state(self, tenant: str, file: str) -> SnapshotState:
        """Return the entities of a snapshot; none where the file is new. Raises StorageUnavailable."""

    async def copy_state(self, tenant: str, file: str, copy: str) -> None:
        """Make a copy of a snapshot's entities as they are now."""
