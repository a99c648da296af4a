"""The registrations of other sources in a city's file (`ports/registrations.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from simpul.ports.registrations import KeptRegistration, SourceSubscription
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import translated_errors
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "registrations.sql")


class SqliteRegistrations:
    """The ports `RegistrationStore` and `SourceSubscriptionStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def list_registrations(self, tenant: str) -> list[KeptRegistration]:
        rows = self._read(tenant, SQL.list_registrations)
        return [KeptRegistration(row[0], msgspec.json.decode(row[1]), row[2], row[3]) for row in rows]

    async def put_registration(self, tenant: str, kept: KeptRegistration) -> None:
        document = msgspec.json.encode(kept.document).decode()
        row = (kept.id, document, kept.created_us, kept.modified_us)
        await self._find_city(tenant).execute(SQL.put_registration, row)

    async def delete_registration(self, tenant: str, registration_id: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_registration, (registration_id,))

    def find_alias(self, tenant: str) -> str | None:
        rows = self._read(tenant, SQL.find_alias)
        return rows[0][0] if rows else None

    async def put_alias(self, tenant: str, alias: str) -> None:
        await self._find_city(tenant).execute(SQL.put_alias, (alias,))

    def list_source_subscriptions(self, tenant: str) -> list[SourceSubscription]:
        rows = self._read(tenant, SQL.list_source_subscriptions)
        return [SourceSubscription(row[0], msgspec.json.decode(row[1]), *row[2:]) for row in rows]

    async def put_source_subscription(self, tenant: str, kept: SourceSubscription) -> None:
        document = msgspec.json.encode(kept.document).decode()
        await self._find_city(tenant).execute(SQL.put_source_subscription, (kept.id, document, *kept[2:]))

    async def delete_source_subscription(self, tenant: str, subscription_id: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_source_subscription, (subscription_id,))

    def _read(self, tenant: str, statement: str) -> list[tuple[Any, ...]]:
        city = self._find_city(tenant)
        with translated_errors(city.path):
            return city.reader.execute(statement).fetchall()
