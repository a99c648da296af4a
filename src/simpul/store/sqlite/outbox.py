"""Subscriptions, notices and what was parked: the ports of `ports/outbox.py` over a city's file. No sending here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from simpul.domain.entity import Record
from simpul.domain.match import FindRecord
from simpul.domain.notification import Captured, decode_captured, encode_captured, previous_of
from simpul.domain.subscription import Kept
from simpul.domain.watch import Effects, Interest, find_effects, pack_numbers
from simpul.ports.outbox import Notice, Noticed, Parked, Progress, StoredSubscription, Watch
from simpul.ports.store import Draft
from simpul.store.statements import load_statements

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

SQL = load_statements("simpul.store.sqlite", "outbox.sql")

_encode_kept = msgspec.json.Encoder().encode
_decode_kept = msgspec.json.Decoder(Kept).decode
_encode_states = msgspec.msgpack.Encoder().encode
_decode_states = msgspec.msgpack.Decoder(list[bytes]).decode


def find_interested(
    watch: Watch, before: Record | None, after: Record | None, touched: Sequence[str], find: FindRecord
) -> _Told | None:
    """Return whom a change concerns and what it did, or None where it concerns nobody."""
    effects = find_effects(before, after, touched)
    record = after or before
    assert record is not None, "a change has an entity before it or after it"
    interest = watch.find_interest(record, effects, find)
    return None if interest is None else (interest, effects)


_Told = tuple[Interest, Effects]


def notice_of(
    sequence: int,
    told: _Told,
    before: Record | None,
    after: Record | None,
    state: tuple[int, bytes],
    *,
    via: tuple[str, ...] = (),
) -> Notice:
    """Return the notice of a change; `state` is when it was, and the entity's stored body."""
    interest, effects = told
    at_us, body = state
    shown = after or before
    assert shown is not None, "a change has an entity before it or after it"
    removed = {} if before is None else {key: before.times.of(key) for key in effects.removed}
    captured = Captured(
        entity_id=shown.id,
        at_us=at_us,
        context_id=shown.context_id,
        created_us=shown.times.created_us,
        modified_us=shown.times.modified_us,
        times=shown.times.attributes,
        body=body,
        effects=effects,
        previous=previous_of(before, effects, keeps_modified=interest.wants_previous),
        removed_times=removed,
        via=via,
    )
    return Notice(sequence, interest.numbers, encode_captured(captured))


class SqliteOutbox:
    """The ports `SubscriptionStore` and `Outbox`. `city_of` gives a tenant's open file, or raises NonexistentTenant."""

    def __init__(self, city_of: Callable[[str], CityFile]) -> None:
        self._city = city_of
        self._listener: Noticed | None = None

    def notify(self, tenant: str, notices: Sequence[Notice]) -> None:
        """Pass on what was committed."""
        if self._listener is not None:
            self._listener(tenant, notices)

    # SubscriptionStore

    def list_subscriptions(self, tenant: str) -> list[StoredSubscription]:
        rows = self._city(tenant).read(SQL.list_subscriptions, ())
        return [StoredSubscription(row[0], row[1], _decode_kept(row[2]), Progress(row[0], *row[3:])) for row in rows]

    async def put_subscription(self, tenant: str, subscription_id: str, kept: Kept) -> int:
        statement = (SQL.put_subscription, (subscription_id, _encode_kept(kept)))
        contexts = {kept.context_id, kept.q_context_id} - {0}
        results = await self._city(tenant).execute_all([statement], contexts=contexts)
        return int(results[0][0][0])

    async def delete_subscription(self, tenant: str, number: int) -> None:
        statements = [(SQL.delete_subscription, (number,)), (SQL.delete_parked_of, (number,))]
        await self._city(tenant).execute_all(statements)

    def set_watch(self, tenant: str, watch: Watch | None) -> None:
        self._city(tenant).watch = watch

    # Outbox

    def set_listener(self, listener: Noticed) -> None:
        self._listener = listener

    def is_writing(self, tenant: str) -> bool:
        return self._city(tenant).is_writing

    async def list_notices(self, tenant: str, after: int, limit: int) -> list[Notice]:
        def read(connection: apsw.Connection) -> list[Notice]:
            return [Notice._make(row) for row in connection.execute(SQL.list_notices, (after, limit))]

        return await self._city(tenant).scan_durable(read)

    async def record(self, tenant: str, progress: Sequence[Progress], told_by_all: int) -> None:
        statements: list[tuple[str, Sequence[Any]]] = [_put_progress(one) for one in progress]
        statements.append((SQL.delete_notices_through, (told_by_all,)))
        await self._city(tenant).execute_all(statements)

    async def drop_notices(self, tenant: str, notice_ids: Sequence[int]) -> None:
        await self._city(tenant).execute(SQL.delete_notices, (str(list(notice_ids)),))

    async def park(self, tenant: str, parked: Parked, progress: Progress) -> None:
        row = (parked.number, parked.at_us, parked.tries, parked.reason, _encode_states(parked.states))
        await self._city(tenant).execute_all([(SQL.insert_parked, row), _put_progress(progress)])

    def list_parked(self, tenant: str, number: int | None, limit: int, offset: int) -> list[Parked]:
        rows = self._city(tenant).read(SQL.list_parked, (number, limit, offset))
        return [Parked._make((*row[:6], tuple(_decode_states(row[6])))) for row in rows]

    def count_parked(self, tenant: str) -> dict[int, int]:
        return dict(self._city(tenant).read(SQL.count_parked, ()))

    async def replay(self, tenant: str, parked_id: int) -> bool:
        city = self._city(tenant)

        def again(draft: Draft) -> bool:
            rows: list[tuple[Any, ...]] = city.writer.execute(SQL.find_parked, (parked_id,)).fetchall()
            for number, states in rows:
                for state in _decode_states(states):
                    draft.add_notice(pack_numbers([number]), _as_new(state))  # type: ignore[attr-defined]  # This store's draft.
            if rows:
                draft.add_statement(SQL.delete_parked, (parked_id,))  # type: ignore[attr-defined]  # As above.
            return bool(rows)

        return await city.write("", again)

    async def drop_parked(self, tenant: str, parked_id: int) -> bool:
        return bool(await self._city(tenant).execute(SQL.delete_parked, (parked_id,)))


def _as_new(state: bytes) -> bytes:
    """Return a change that is to be told again, without its way: one that went in a circle is begun anew."""
    captured = decode_captured(state)
    return encode_captured(msgspec.structs.replace(captured, via=())) if captured.via else state


def _put_progress(progress: Progress) -> tuple[str, Sequence[Any]]:
    number, *rest = progress
    return SQL.put_progress, (*rest, number)
