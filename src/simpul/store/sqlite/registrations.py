"""The registrations of other sources in a city's file (`ports/registrations.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from simpul.ports.registrations import KeptRegistration, SourceNotice, SourceSubscription
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

    async def put_registration(self, tenant: str, kept: KeptRegistration, notices: Sequence[SourceNotice] = ()) -> None:
        document = msgspec.json.encode(kept.document).decode()
        put = (SQL.put_registration, (kept.id, document, kept.created_us, kept.modified_us))
        await self._find_city(tenant).execute_all([put, *map(_insert_notice, notices)])

    async def delete_registration(
        self, tenant: str, registration_id: str, notices: Sequence[SourceNotice] = ()
    ) -> None:
        delete = (SQL.delete_registration, (registration_id,))
        await self._find_city(tenant).execute_all([delete, *map(_insert_notice, notices)])

    def find_alias(self, tenant: str) -> str | None:
        rows = self._read(tenant, SQL.find_alias)
        return rows[0][0] if rows else None

    async def put_alias(self, tenant: str, alias: str) -> None:
        await self._find_city(tenant).execute(SQL.put_alias, (alias,))

    def list_source_subscriptions(self, tenant: str) -> list[SourceSubscription]:
        rows = self._read(tenant, SQL.list_source_subscriptions)
        return [SourceSubscription(row[0], msgspec.json.decode(row[1]), *row[2:]) for row in rows]

    async def put_source_subscription(
        self, tenant: str, kept: SourceSubscription, notices: Sequence[SourceNotice] = ()
    ) -> None:
        await self._find_city(tenant).execute_all([_put_subscription(kept), *map(_insert_notice, notices)])

    async def delete_source_subscription(self, tenant: str, subscription_id: str) -> None:
        statements = (SQL.delete_source_subscription, SQL.delete_source_notices_of)
        await self._find_city(tenant).execute_all([(statement, (subscription_id,)) for statement in statements])

    async def list_source_notices(self, tenant: str, subscription_id: str, limit: int) -> list[SourceNotice]:
        city = self._find_city(tenant)
        rows = city.read(SQL.list_source_notices, (subscription_id, limit))
        await city.until_durable()
        return [_notice(row) for row in rows]

    async def finish_source_notice(self, tenant: str, notice_id: int, kept: SourceSubscription) -> None:
        delete = (SQL.delete_source_notice, (notice_id,))
        await self._find_city(tenant).execute_all([delete, _put_subscription(kept)])

    async def park_source_notices(
        self, tenant: str, subscription_id: str, parked: tuple[int, int, str], kept: SourceSubscription
    ) -> None:
        park = (SQL.park_source_notices, (subscription_id, *parked))
        await self._find_city(tenant).execute_all([park, _put_subscription(kept)])

    def count_source_notices(self, tenant: str, subscription_id: str) -> int:
        count: int = self._find_city(tenant).read(SQL.count_source_notices, (subscription_id,))[0][0]
        return count

    def list_parked_source_notices(self, tenant: str) -> list[SourceNotice]:
        return [_notice(row) for row in self._read(tenant, SQL.list_parked_source_notices)]

    async def replay_source_notice(self, tenant: str, notice_id: int) -> str | None:
        rows = await self._find_city(tenant).execute(SQL.replay_source_notice, (notice_id,))
        return rows[0][0] if rows else None

    async def drop_source_notice(self, tenant: str, notice_id: int) -> bool:
        return bool(await self._find_city(tenant).execute(SQL.drop_source_notice, (notice_id,)))

    def _read(self, tenant: str, statement: str) -> list[tuple[Any, ...]]:
        city = self._find_city(tenant)
        with translated_errors(city.path):
            return city.reader.execute(statement).fetchall()


_Statement = tuple[str, Sequence[Any]]


def _put_subscription(kept: SourceSubscription) -> _Statement:
    return SQL.put_source_subscription, (kept.id, msgspec.json.encode(kept.document).decode(), *kept[2:])


def _insert_notice(notice: SourceNotice) -> _Statement:
    documents = msgspec.json.encode(notice.documents).decode()
    return SQL.insert_source_notice, (notice.subscription_id, notice.reason, documents, notice.at_us)


def _notice(row: tuple[Any, ...]) -> SourceNotice:
    return SourceNotice(row[0], row[1], msgspec.json.decode(row[2]), *row[3:])
