"""What the use-cases need to keep entity maps until they expire. No SQL here."""

from __future__ import annotations

from typing import Protocol

from simpul.domain.entity_map import EntityMap


class EntityMapStore(Protocol):
    """The entity maps of each city (CIM 009 §5.14)."""

    def list_entity_maps(self, tenant: str) -> list[EntityMap]:
        """Return all, also those that have expired. Raises NonexistentTenant, StorageUnavailable."""

    async def put_entity_map(self, tenant: str, entity_map: EntityMap, now_us: int) -> None:
        """Keep it, in place of one with its id, and forget those that have expired."""

    async def delete_entity_map(self, tenant: str, map_id: str) -> None:
        """Forget it."""
