"""Subscriptions at other sources in a city's file (`ports/forwarding.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from simpul.domain.watch import pack_numbers
from simpul.ports.forwarding import Forwarded
from simpul.ports.store import Draft
from simpul.store.statements import load_statements

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

_decode = msgspec.json.decode
SQL = load_statements("simpul.store.sqlite", "forwarding.sql")


class SqliteForwarding:
    """The port `ForwardingStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def list_forwarded(self, tenant: str) -> list[Forwarded]:
        rows = self._find_city(tenant).read(SQL.list_forwarded, ())
        return [Forwarded(row[0], row[1], _decode(row[2]), _decode(row[3] or "null"), row[4]) for row in rows]

    async def put_forwarded(self, tenant: str, forwarded: Forwarded) -> None:
        row = (
            forwarded.remote_id,
            forwarded.number,
            msgspec.json.encode(forwarded.registration).decode(),
            None if forwarded.sent is None else msgspec.json.encode(forwarded.sent).decode(),
            forwarded.failure,
        )
        await self._find_city(tenant).execute(SQL.put_forwarded, row)

    async def drop_forwarded(self, tenant: str, remote_id: str) -> None:
        await self._find_city(tenant).execute(SQL.delete_forwarded, (remote_id,))

    async def add_notices(self, tenant: str, number: int, states: Sequence[bytes]) -> None:
        def add(draft: Draft) -> None:
            for state in states:
                draft.add_notice(pack_numbers([number]), state)  # type: ignore[attr-defined]  # This store's draft.

        await self._find_city(tenant).write("", add)
