"""Where attributes come from, found in a city's file (`ports/lineage.py`). Decides and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apsw
import msgspec

from simpul import limits
from simpul.domain.context import CORE
from simpul.domain.entity import Instance, Record, attribute_key, attribute_names, instances
from simpul.ports.lineage import RunOutline, Setter, SourceRow
from simpul.store.sqlite.city import CityFile
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "lineage.sql")

_decode = msgspec.json.Decoder().decode
_KEY_END = "\U0010ffff"
# What an entry of the history may say of an instance beside what the entity itself says.
_BESIDE = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId", "expiresAt"})


class SqliteLineage:
    """The port `LineageStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    async def find_setters(self, tenant: str, records: Sequence[Record]) -> list[dict[str, Setter]]:
        def find(connection: apsw.Connection) -> list[dict[str, Setter]]:
            return [_find_setters(connection, record) for record in records]

        return await self._find_city(tenant).scan(find)

    def find_row(self, tenant: str, source: str, key: str) -> SourceRow | None:
        rows = self._find_city(tenant).read(SQL.find_row, (source, key))
        return SourceRow(*rows[0]) if rows else None

    def list_rows_under(self, tenant: str, source: str, beginning: str, limit: int) -> list[SourceRow]:
        rows = self._find_city(tenant).read(SQL.rows_under, (source, beginning, beginning + _KEY_END, limit))
        return [SourceRow(*row) for row in rows]

    async def find_rows_of(self, tenant: str, source: str, entity_ids: Sequence[str], limit: int) -> list[SourceRow]:
        wanted = (source, limits.LINEAGE_ROWS_LOOKED_AT_MAX, msgspec.json.encode(entity_ids).decode(), limit)

        def find(connection: apsw.Connection) -> list[SourceRow]:
            return [SourceRow(*row) for row in connection.execute(SQL.rows_of, wanted)]

        return await self._find_city(tenant).scan(find)

    def find_run(self, tenant: str, run: int) -> RunOutline | None:
        rows = self._find_city(tenant).read(SQL.find_run, (run,))
        return RunOutline(rows[0][0], rows[0][1], bool(rows[0][2])) if rows else None


def _find_setters(connection: apsw.Connection, record: Record) -> dict[str, Setter]:
    """Return what set each instance: the newest entry that tells it as it is and is no newer than its last change."""
    waiting = {
        attribute_key(name, instance.get("datasetId")): _comparable(instance)
        for name in attribute_names(record.entity)
        for instance in instances(record.entity[name])
    }
    found: dict[str, Setter] = {}
    row = connection.execute(SQL.find_entity, (record.id,)).fetchone()
    if row is None:
        return found
    is_first = True
    for at_us, origin, body in _entries(connection, row[0]):
        told = CORE.expand_entity(_decode(body))
        observed = _observed(told)
        for key, instance in _told_instances(told):
            changed_us = record.times.of(key)[1]
            is_then = at_us == changed_us if is_first else at_us <= changed_us
            if is_then and key in waiting and _comparable(instance) == waiting[key]:
                found[key] = Setter(at_us, origin, instance.get("observedAt") or observed)
                del waiting[key]
        if not waiting:
            break
        is_first = False
    return found


def _entries(connection: apsw.Connection, eid: int) -> Iterator[tuple[Any, ...]]:
    """Yield the very first entry, which tells what never changed since the entity was made; then the newest first."""
    yield from connection.execute(SQL.first_change, (eid,))
    yield from connection.execute(SQL.last_changes, (eid, limits.LINEAGE_CHANGES_MAX))


def _told_instances(told: dict[str, Any]) -> Iterator[tuple[str, Instance]]:
    for name in attribute_names(told):
        for instance in instances(told[name]):
            yield attribute_key(name, instance.get("datasetId")), instance


def _observed(told: dict[str, Any]) -> str | None:
    return next((one["observedAt"] for _, one in _told_instances(told) if "observedAt" in one), None)


def _comparable(instance: Instance) -> Instance:
    return {name: value for name, value in instance.items() if name not in _BESIDE}
