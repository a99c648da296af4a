"""The @contexts that cities serve, and copies of others', in their files (`ports/contexts.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpul.ports.contexts import CachedContext, HostedContext
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import translated_errors
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "contexts.sql")


class SqliteContexts:
    """The port `ContextStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def list_hosted(self, tenant: str) -> list[HostedContext]:
        return [HostedContext(*row) for row in self._read(tenant, SQL.list_hosted, ())]

    def measure_hosted(self, tenant: str) -> tuple[int, int]:
        count, size = self._read(tenant, SQL.measure_hosted, ())[0]
        return count, size

    def find_hosted(self, tenant: str, context_id: str) -> tuple[HostedContext, bytes] | None:
        rows = self._read(tenant, SQL.find_hosted, (context_id,))
        return (HostedContext(*rows[0][:3]), rows[0][3]) if rows else None

    async def put_hosted(self, tenant: str, kept: HostedContext, document: bytes) -> None:
        await self._find_city(tenant).execute(SQL.put_hosted, (*kept, document))

    async def delete_hosted(self, tenant: str, context_id: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_hosted, (context_id,))

    def list_cached(self, tenant: str) -> list[CachedContext]:
        return [CachedContext(*row) for row in self._read(tenant, SQL.list_cached, ())]

    async def put_cached(self, tenant: str, kept: CachedContext) -> None:
        await self._find_city(tenant).execute(SQL.put_cached, kept)

    async def delete_cached(self, tenant: str, url: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_cached, (url,))

    def _read(self, tenant: str, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        city = self._find_city(tenant)
        with translated_errors(city.path):
            return city.reader.execute(statement, parameters).fetchall()
