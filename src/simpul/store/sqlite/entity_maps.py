"""Entity maps in a city's file (`ports/entity_maps.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from simpul.domain.entity_map import EntityMap
from simpul.store.statements import load_statements

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

SQL = load_statements("simpul.store.sqlite", "entity_maps.sql")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(EntityMap).decode


class SqliteEntityMaps:
    """The port `EntityMapStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def list_entity_maps(self, tenant: str) -> list[EntityMap]:
        return [_decode(row[0]) for row in self._find_city(tenant).read(SQL.list_entity_maps, ())]

    async def put_entity_map(self, tenant: str, entity_map: EntityMap, now_us: int) -> None:
        put = (SQL.put_entity_map, (entity_map.id, entity_map.expires_us, _encode(entity_map)))
        await self._find_city(tenant).execute_all([(SQL.delete_expired_maps, (now_us,)), put])

    async def delete_entity_map(self, tenant: str, map_id: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_entity_map, (map_id,))
