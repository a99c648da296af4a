"""Entity maps: make, read, prolong and forget them, and cut pages from them (CIM 009 §5.5.9.3, §5.5.14, §5.14).

They are looked up in memory and kept in the city's file, each for a short while: whoever names one that is gone is
given a new one. No HTTP here, and no query: what is asked of whom comes in as a function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.entity_map import EntityMap, Sources, parse_update
from simpul.domain.errors import NotFound, StorageFull, StorageUnavailable, TooManyResults
from simpul.ports.entity_maps import EntityMapStore

_PREFIX = "urn:ngsi-ld:EntityMap:"
_SECOND_US = 1_000_000


Entity = TypeVar("Entity")


class Shelf:
    """The maps of every city. Where there are too many, those go first of whoever has most.

    A map that cannot be kept, because the disk is full, is there until the hub stops.
    """

    def __init__(self, store: EntityMapStore) -> None:
        self._store = store
        self._maps: dict[tuple[str, str], EntityMap] = {}
        self._size = 0

    def load(self, tenant: str, now_us: int) -> None:
        """Take up the maps of a city that last still. Raises StorageUnavailable."""
        for one in self._store.list_entity_maps(tenant):
            if one.expires_us > now_us:
                self._add(tenant, one)

    def find(self, tenant: str, map_id: str, now_us: int) -> EntityMap | None:
        """Return the map unless it has expired."""
        found = self._maps.get((tenant, map_id))
        if found is None:
            return None
        if found.expires_us <= now_us:
            self.drop(tenant, map_id)
            return None
        return found

    async def put(self, tenant: str, entity_map: EntityMap, now_us: int) -> None:
        """Keep a new map."""
        for key, one in list(self._maps.items()):
            if one.expires_us <= now_us:
                self.drop(*key)
        self._add(tenant, entity_map)
        mine = [key for key, one in self._maps.items() if (key[0], one.maker) == (tenant, entity_map.maker)]
        for key in mine[: max(0, len(mine) - limits.ENTITY_MAPS_PER_CALLER_MAX)]:
            self.drop(*key)
        while self._size > limits.ENTITY_MAPS_ENTITIES_MAX and len(self._maps) > 1:
            self.drop(*self._largest_makers_oldest())
        await self.keep(tenant, entity_map, now_us)

    async def keep(self, tenant: str, entity_map: EntityMap, now_us: int) -> None:
        """Write a map to the city's file as it is now, and forget there what has expired."""
        with suppress(StorageFull, StorageUnavailable):
            await self._store.put_entity_map(tenant, entity_map, now_us)

    def _add(self, tenant: str, entity_map: EntityMap) -> None:
        self._maps[tenant, entity_map.id] = entity_map
        self._size += len(entity_map.entities)

    def _largest_makers_oldest(self) -> tuple[str, str]:
        held: dict[tuple[str, str], int] = {}
        for (tenant, _), one in self._maps.items():
            held[tenant, one.maker] = held.get((tenant, one.maker), 0) + len(one.entities) + 1
        most = max(held, key=held.__getitem__)
        return next(key for key, one in self._maps.items() if (key[0], one.maker) == most)

    async def delete(self, tenant: str, map_id: str) -> None:
        """Forget a map, in the city's file too."""
        self.drop(tenant, map_id)
        await self._store.delete_entity_map(tenant, map_id)

    def drop(self, tenant: str, map_id: str) -> None:
        """Forget a map that has expired or has no room; its row goes when it expires."""
        dropped = self._maps.pop((tenant, map_id), None)
        if dropped is not None:
            self._size -= len(dropped.entities)

    def take_out(self, entity_map: EntityMap, entity_ids: Sequence[str]) -> None:
        """Take entities out of a map."""
        for entity_id in entity_ids:
            if entity_map.entities.pop(entity_id, None) is not None:
                self._size -= 1


async def create(caller: Caller, hub: Hub, entities: dict[str, Sources], lifetime_us: int) -> EntityMap:
    """Keep a new map of these entities for the caller (§5.14.4). Raises TooManyResults."""
    if len(entities) > limits.ENTITY_MAP_ENTITIES_MAX:
        raise TooManyResults(
            f"The query is about more than {limits.ENTITY_MAP_ENTITIES_MAX:,} entities, as many as one map holds."
            " Narrow it down."
        )
    now_us = hub.clock.now_us()
    made = EntityMap(_PREFIX + uuid4().hex, caller.principal, caller.readable_types, now_us + lifetime_us, entities)
    await hub.entity_maps.put(caller.tenant, made, now_us)
    return made


def find(caller: Caller, hub: Hub, map_id: str) -> EntityMap | None:
    """Return the caller's map, or None where it is gone or another's, or made for other rights than the caller has."""
    found = hub.entity_maps.find(caller.tenant, map_id, hub.clock.now_us())
    if found is None or (found.maker, found.readable_types) != (caller.principal, caller.readable_types):
        return None
    return found


def get(caller: Caller, hub: Hub, map_id: str) -> EntityMap:
    """Return the caller's map (§5.14.1). Raises NotFound."""
    found = find(caller, hub, map_id)
    if found is None:
        raise NotFound(f"There is no entity map {map_id[:200]}, or it has expired. Ask with entityMap=true for one.")
    return found


async def update(caller: Caller, hub: Hub, map_id: str, body: dict[str, Any]) -> None:
    """Change how long a map lasts, within what the hub allows (§5.14.2). Raises NotFound, BadRequestData."""
    found = get(caller, hub, map_id)
    expires_us = parse_update(body)
    if expires_us is not None:
        now_us = hub.clock.now_us()
        found.expires_us = min(expires_us, now_us + limits.ENTITY_MAP_SECONDS_MAX * _SECOND_US)
        await hub.entity_maps.keep(caller.tenant, found, now_us)


async def delete(caller: Caller, hub: Hub, map_id: str) -> None:
    """Forget a map (§5.14.3). Raises NotFound."""
    get(caller, hub, map_id)
    await hub.entity_maps.delete(caller.tenant, map_id)


@dataclass(frozen=True, slots=True)
class MapPage(Generic[Entity]):
    """A page cut from a map. `count` is how many of the map's entities still fit, where that was asked for."""

    entities: list[Entity]
    is_last: bool
    count: int | None


Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Entity]]]


async def cut_page(
    caller: Caller,
    hub: Hub,
    entity_map: EntityMap,
    window: tuple[int, int],
    look: Look[Entity],
    *,
    counts: bool,
    unsure: Container[str] = (),
) -> MapPage[Entity]:
    """Return a page (limit, offset) of the map's entities that still fit, filled as long as there are any (§5.5.9.3).

    `look` returns what is shown of those of the ids that fit. Those that do not fit are taken out of the map
    from the page's beginning on: the pages before it were told, and their places must not move. Those that are
    `unsure` once they were looked at stay in it.
    """
    limit, offset = window
    candidates = list(entity_map.entities)
    count = await _count(candidates, look) if counts else None
    found: list[Entity] = []
    gone: list[str] = []
    place = offset
    while place < len(candidates) and len(found) < limit:
        chunk = candidates[place : place + max(limit - len(found), limits.ENTITY_MAP_LOOK_ENTITIES_MIN)]
        fitting = await look(chunk)
        for entity_id in chunk:
            if len(found) == limit:
                break
            place += 1
            if entity_id in fitting:
                found.append(fitting[entity_id])
            elif entity_id not in unsure:
                gone.append(entity_id)
    if gone:
        hub.entity_maps.take_out(entity_map, gone)
        await hub.entity_maps.keep(caller.tenant, entity_map, hub.clock.now_us())
    return MapPage(found, place >= len(candidates), count)


async def _count(candidates: Sequence[str], look: Look[Entity]) -> int:
    step = limits.PAGE_SIZE_MAX
    return sum([len(await look(candidates[start : start + step])) for start in range(0, len(candidates), step)])
