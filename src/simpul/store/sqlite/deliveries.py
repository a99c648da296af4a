"""How far agents are with what they deliver, in a city's file (`ports/deliveries.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from simpul.domain.delivery import Standing, Told
from simpul.store.statements import load_statements

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

SQL = load_statements("simpul.store.sqlite", "deliveries.sql")
_encode = msgspec.json.encode
_TOLD = msgspec.json.Decoder(Told)


class SqliteDeliveries:
    """The port `DeliveryStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def find_standing(self, tenant: str, source: str) -> Standing | None:
        rows = self._find_city(tenant).read(SQL.find_standing, (source,))
        return Standing(*rows[0])._replace(told=_TOLD.decode(rows[0][-1])) if rows else None

    async def begin_queue(self, tenant: str, source: str, queue: str, heard_us: int, told: Told) -> None:
        await self._find_city(tenant).execute(SQL.begin_queue, (source, queue, heard_us, _encode(told).decode()))

    async def note_told(self, tenant: str, source: str, heard_us: int, told: Told) -> None:
        await self._find_city(tenant).execute(SQL.note_told, (source, heard_us, _encode(told).decode()))

    async def advance(self, tenant: str, source: str, queue: str, number: int, digest: str | None) -> None:
        await self._find_city(tenant).execute(SQL.advance, (source, queue, number, digest))

    async def forget_standing(self, tenant: str, source: str) -> None:
        await self._find_city(tenant).execute(SQL.forget_standing, (source,))
