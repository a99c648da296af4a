"""Gathers what one run's rules know beyond the row, from the city's files and its hub. No rules here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.code_lists import BUILT_IN, open_code_list
from simpul.connect.fields import Plain
from simpul.connect.knowledge import Area, Areas, Knowledge, by_row
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.code_list import CodeList, Decision
from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance, instances
from simpul.domain.errors import SourceMisconfigured
from simpul.domain.query import EntityQuery, TypeSelection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def gather(hub: Hub, city: City, source: SourceDeclaration, context: Context) -> Knowledge:
    """Return what the source's rules know. Raises SourceMisconfigured, StorageUnavailable."""
    plain = source.declaration
    now_us = hub.clock.now_us()
    corrections = by_row(hub.corrections.list_corrections(city.tenant, source.id, in_force=True))
    places = [rule for rule in plain.get("rules", ()) if rule["rule"] == "in_place"]
    lists = _list_ids(plain)
    return Knowledge(
        today=_day(now_us, city),
        now_us=now_us,
        open_list=list_opener(hub, city),
        areas={rule["type"]: await _read_areas(hub, city, context, rule) for rule in places},
        corrections=corrections,
        fingerprint=_fingerprint(city, lists) if lists else "",
    )


class ListOpener:
    """Opens a code list, or the part of it below a code, once. It can be sent to another process."""

    def __init__(self, city: City, decisions: Sequence[Decision]) -> None:
        self._city = city
        self._decisions = decisions
        self._opened: dict[tuple[str, str], CodeList] = {}

    def __call__(self, list_id: str, within: str) -> CodeList:
        found = self._opened.get((list_id, within))
        if found is None:
            found = self._opened[list_id, within] = open_code_list(self._city, list_id, within, self._decisions)
        return found


def list_opener(hub: Hub, city: City) -> ListOpener:
    """Return what opens the city's code lists as people have decided about them."""
    return ListOpener(city, hub.corrections.list_decisions(city.tenant))


def _day(now_us: int, city: City) -> str:
    return (_EPOCH + timedelta(microseconds=now_us)).astimezone(ZoneInfo(city.time_zone)).date().isoformat()


def today_of(hub: Hub, city: City) -> str:
    """Return the day that it is in the city, as ISO 8601."""
    return _day(hub.clock.now_us(), city)


def _list_ids(plain: Plain) -> list[str]:
    named = [code["list"] for code in plain.get("codes", ())]
    return [*named, *(rule["list"] for rule in plain.get("rules", ()) if "list" in rule)]


def _fingerprint(city: City, list_ids: list[str]) -> str:
    """Return what changes when a list's file does, so that rows are looked at anew."""
    digest = blake2b(digest_size=8)
    for plain in city.code_lists:
        if plain["codelist"] in list_ids and plain["codelist"] not in BUILT_IN:
            path = Path(city.folder) / plain["path"]
            status = path.stat() if path.is_file() else None
            digest.update(repr((plain, status and (status.st_size, status.st_mtime_ns))).encode())
    return digest.hexdigest()


async def _read_areas(hub: Hub, city: City, context: Context, rule: Plain) -> Areas:
    type_name, by = context.expand(rule["type"]), context.expand(rule.get("by", "name"))
    name, location = context.expand("name"), context.expand("location")
    areas = [
        Area((*_texts(entity.get(name)), *called)[0], (*called, *_texts(entity.get(name))), shape)
        async for entity in _iter_entities(hub, city.tenant, type_name)
        if (called := _texts(entity.get(by))) and (shape := _shape(entity.get(location))) is not None
    ]
    if not areas:
        raise SourceMisconfigured(
            f"The rule 'in_place' needs entities of the type {rule['type']}, each with a location and "
            f"{rule.get('by', 'name')}; there are none yet. Read their source first."
        )
    return Areas(rule["type"], areas)


async def _iter_entities(hub: Hub, tenant: str, type_name: str) -> AsyncIterator[Entity]:
    offset = 0
    while offset < limits.AREAS_MAX:
        question = EntityQuery(
            types=TypeSelection(((type_name,),)), limit=min(limits.PAGE_SIZE_MAX, limits.AREAS_MAX), offset=offset
        )
        page = (await hub.entities.list_documents(tenant, question)).documents
        for record in hub.entities.read_records(tenant, page):
            yield record.entity
        if len(page) < limits.PAGE_SIZE_MAX:
            return
        offset += len(page)


def _texts(value: Instance | list[Instance] | None) -> tuple[str, ...]:
    found: list[str] = []
    for instance in () if value is None else instances(value):
        known: Any = instance.get("value", instance.get("languageMap"))
        found += [str(one) for one in (known.values() if isinstance(known, dict) else [known]) if one is not None]
    return tuple(found)


def _shape(value: Instance | list[Instance] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return next((one["value"] for one in instances(value) if isinstance(one.get("value"), dict)), None)
