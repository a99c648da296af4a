"""Entities of which parts lie at other sources: retrieved and queried as one (CIM 009 §5.7.1, §5.7.2). No HTTP here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from simpul import limits
from simpul.app import entities
from simpul.app.federation import (
    Call,
    Hop,
    Paging,
    Reply,
    ask_all,
    ask_pages,
    count_told,
    list_sources,
    raise_if_back,
    read_bodies,
    wire_context,
)
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.distribution import Contribution, read_times, restrict, unite_records, without_proxied
from simpul.domain.entity import EXPIRING, Record, is_expiring
from simpul.domain.errors import HubError, TooComplexQuery
from simpul.domain.geo import matches_geo
from simpul.domain.match import FindRecord, matches, matches_scope
from simpul.domain.parse import parse_entity
from simpul.domain.query import EntityQuery
from simpul.domain.registration import Information, Registration
from simpul.domain.source_matching import SourceQuestion, matching_information, may_have, passes_filter

_SYSTEM_ATTRIBUTES = ("options", "sysAttrs")


class Asked(NamedTuple):
    """One source and what it is to be asked about."""

    registration: Registration
    information: list[Information]


@dataclass(frozen=True, slots=True)
class Assembled:
    """Records of all sources, and what went wrong with some of them. `count` is of all matches, where asked for."""

    records: list[Record]
    warnings: list[HubError]
    count: int | None = None


def find_asked(hub: Hub, hop: Hop, question: SourceQuestion, operations: Sequence[str]) -> list[Asked]:
    """Return the sources that the question concerns and that offer one of the operations.

    There are none for a question that has been here already: what is held here is all that can be added (§6.3.17).
    """
    return [] if hop.is_back else _concerned(hub, hop, question, operations)


def _concerned(hub: Hub, hop: Hop, question: SourceQuestion, operations: Sequence[str]) -> list[Asked]:
    return [
        Asked(one, information)
        for one in list_sources(hub, hop, operations)
        if any(map(one.supports, operations))
        and may_have(question.span, one)
        and (information := matching_information(question, one))
        and passes_filter(question, one)
    ]


def raise_if_held_in_a_circle(hub: Hub, hop: Hop, question: SourceQuestion, operations: Sequence[str]) -> None:
    """Refuse a retrieval that came back to a hub which has nothing of the entity, because a source alone has it.

    Raises LoopDetected (§6.3.17).
    """
    if hop.is_back and any(one.registration.mode.is_proxied for one in _concerned(hub, hop, question, operations)):
        raise_if_back(hop)


RETRIEVING = ("retrieveEntity", "queryEntity", "queryBatch")
QUERYING = ("queryEntity", "queryBatch")


class Retrieved(NamedTuple):
    """What is known of one entity, and what went wrong; `is_own` says that it is all what the hub itself holds."""

    record: Record | None
    warnings: list[HubError]
    is_own: bool


async def retrieve(hub: Hub, hop: Hop, entity_id: str, asked: Sequence[Asked]) -> Retrieved:
    """Return what all sources and the hub itself know of the entity, and what went wrong at some of them."""
    calls = [
        (one.registration, _retrieval(await wire_context(hub, hop, one.registration), entity_id, one)) for one in asked
    ]
    replies = await ask_all(hub, hop, calls)
    document = entities.find_document(hop.caller, hub, entity_id)
    registrations = [one.registration for one in asked]
    parts: list[Contribution] = []
    is_own = False
    if document is not None:
        (own,) = entities.read_records(hop.caller, hub, [document])
        left = without_proxied(own, registrations)
        parts.append(Contribution(left))
        is_own = left.entity == own.entity
    warnings: list[HubError] = []
    for reply in replies:
        found, warning = await read_reply(hub, hop, reply)
        warnings += [warning] if warning is not None else []
        parts += [Contribution(record, reply.registration) for record in found if record.id == entity_id]
    is_own = is_own and len(parts) == 1 and not warnings
    return Retrieved(unite_records(parts) if parts else None, warnings, is_own)


def _retrieval(context: Context, entity_id: str, one: Asked) -> Call:
    names = ",".join(context.compact(name) for name in limiting(one.information))
    attributes = (("attrs", names),) if names else ()
    if one.registration.supports("retrieveEntity"):
        return Call("GET", f"/entities/{quote(entity_id, safe=':')}", (*attributes, _SYSTEM_ATTRIBUTES))
    return _question_call(context, one, EntityQuery(ids=(entity_id,)), (), by_post=False)


def limiting(information: Iterable[Information]) -> list[str]:
    """Return the attributes that the source is registered for, or nothing where it is for all."""
    parts = [info.attributes for info in information]
    return sorted(set().union(*parts)) if all(parts) else []


def narrow_names(information: Iterable[Information], wanted: Sequence[str]) -> list[str]:
    """Return which attributes a source is asked for: of those wanted, those that it is registered for (§4.3.6.1)."""
    limited = limiting(information)
    if limited and wanted:
        return [name for name in wanted if name in limited]
    return limited or list(wanted)


def _question_call(
    context: Context, one: Asked, query: EntityQuery, filters: tuple[tuple[str, str], ...], *, by_post: bool
) -> Call:
    """Return the query of one source: of what is asked for, what it is registered for (§4.3.6.1)."""
    names = narrow_names(one.information, query.attributes)
    selection = select(one.information, query, context)
    attributes = [context.compact(name) for name in names]
    prefers_post = by_post and one.registration.supports("queryBatch")
    if one.registration.supports("queryEntity") and not prefers_post:
        told = [*selection.items(), *((("attrs", ",".join(attributes)),) if attributes else ()), *filters]
        return Call("GET", "/entities", (*told, _SYSTEM_ATTRIBUTES))
    body: dict[str, Any] = {"type": "Query", "entities": [_selector_of(selection)]}
    if attributes:
        body["attrs"] = attributes
    body |= {name: value for name, value in filters if name in ("q", "expandValues", "jsonKeys", "scopeQ")}
    places = {name: value for name, value in filters if name in ("georel", "geometry", "coordinates", "geoproperty")}
    if places:
        body["geoQ"] = {**places, "coordinates": msgspec.json.decode(places["coordinates"])}
    pages = tuple((name, value) for name, value in filters if name in ("limit", "offset", "count"))
    return Call("POST", "/entityOperations/query", (*pages, _SYSTEM_ATTRIBUTES), body)


def _selector_of(selection: dict[str, str]) -> dict[str, Any]:
    """Return the selection as an EntitySelector, which has a type, and several ids in an array (§5.2.33)."""
    ids = selection.get("id", "").split(",")
    return {"type": "*", **selection, **({"id": ids} if len(ids) > 1 else {})}


def select(information: Sequence[Information], query: EntityQuery, context: Context) -> dict[str, str]:
    """Return type, id and idPattern for one source."""
    infos = [entity for info in information for entity in info.entities]
    selection: dict[str, str] = {}
    if query.types is not None:
        asked = query.types.any_of
        selection["type"] = ",".join(
            f"({';'.join(map(context.compact, every))})" if len(every) > 1 else context.compact(every[0])
            for every in asked
        )
    elif infos:
        selection["type"] = ",".join(dict.fromkeys(context.compact(name) for entity in infos for name in entity.types))
    if query.ids:
        selection["id"] = ",".join(query.ids)
    elif infos and all(entity.id is not None for entity in infos):
        selection["id"] = ",".join(dict.fromkeys(str(entity.id) for entity in infos))
    elif query.id_pattern is not None:
        selection["idPattern"] = query.id_pattern
    elif len(infos) == 1 and infos[0].id_pattern_text is not None:
        selection["idPattern"] = infos[0].id_pattern_text
    return selection


async def read_reply(hub: Hub, hop: Hop, reply: Reply) -> tuple[list[Record], HubError | None]:
    """Return the entities in a source's reply that it may tell of and the caller may see, and what is wrong with it."""
    now_us = hub.clock.now_us()
    found, warning = await read_bodies(hub, hop, reply, lambda body, context: _read_entity(body, context, now_us))
    told = [restricted for record in found if (restricted := restrict(record, reply.registration)) is not None]
    return [record for record in told if hop.caller.may_read(record.types)], warning


def _read_entity(body: Any, context: Context, now_us: int) -> Record:
    entity = parse_entity(body, context)
    expanded = {name: iri for name in body if (iri := _attribute_of(name, context, entity)) is not None}
    context_id = EXPIRING if is_expiring(entity) else 0
    return Record(entity, read_times(body, expanded, now_us), context_id)


def _attribute_of(name: str, context: Context, entity: dict[str, Any]) -> str | None:
    if name in ("id", "type", "scope", "@context", "@id", "@type", "createdAt", "modifiedAt"):
        return None
    iri = context.expand(name)
    return iri if iri in entity else None


async def query(
    hub: Hub,
    hop: Hop,
    question: EntityQuery,
    asked: Sequence[Asked],
    filters: tuple[tuple[str, str], ...],
    *,
    by_post: bool = False,
    is_split: bool = False,
) -> Assembled:
    """Return a page of the entities of all sources and of the hub itself (§5.7.2).

    Entities are looked for by each source with the filters of the question, and then looked at as a whole: those
    found are completed by the hub's own part. `filters` are the question's parameters in the words of the request.
    Where entities are split among sources, no part has to fit by itself: all of them are asked for, without filters.
    """
    end = question.offset + question.limit
    # What a source counts may be what the caller may not know of; so it is counted here, from what may be seen.
    is_counted_here = question.counts and hop.caller.readable_types is not None
    wanted = without_filters(question) if is_split else _everything(question) if is_counted_here else question
    gathered = await gather(hub, hop, wanted, asked, (() if is_split else filters, by_post))
    united = [unite_records(found) for found in gathered.parts.values()]

    def find_linked(entity_id: str) -> Record | None:
        document = entities.find_document(hop.caller, hub, entity_id)
        return entities.read_records(hop.caller, hub, [document])[0] if document is not None else None

    kept = [record for record in united if fits(question, record, find_linked)]
    is_exact = is_split or is_counted_here
    count = (len(kept) if is_exact else max(gathered.count, len(kept))) if question.counts else None
    return Assembled(kept[question.offset : end], gathered.warnings, count)


def without_filters(question: EntityQuery) -> EntityQuery:
    """Return the question for all parts of entities, whichever of them have what is asked about (§5.7.2.4)."""
    return _everything(replace(question, attributes=(), q=None, geo=None, scope=None))


def _everything(question: EntityQuery) -> EntityQuery:
    return replace(question, limit=limits.DISTRIBUTED_ENTITIES_MAX + 1, offset=0, counts=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the hub and each source told of the entities that were found, by id, before any of it is made one.

    `count` is how many there are by what all of them told; it is less exact than counting would be.
    """

    parts: dict[str, list[Contribution]]
    warnings: list[HubError]
    count: int


Telling = tuple[tuple[tuple[str, str], ...], bool]


async def gather(hub: Hub, hop: Hop, question: EntityQuery, asked: Sequence[Asked], telling: Telling) -> Gathered:
    """Ask all sources and the hub itself, up to the end of the question's page. Raises TooComplexQuery past the limit.

    `telling` is the question's filters in the words of the request, and whether they came as a body.
    """
    end = question.offset + question.limit
    if end > limits.DISTRIBUTED_ENTITIES_MAX + 1:
        raise TooComplexQuery(
            f"Past the first {limits.DISTRIBUTED_ENTITIES_MAX:,} entities other sources are not asked page by page."
            " Narrow the question down."
        )
    told = await asyncio.gather(*(_ask_pages(hub, hop, one, question, telling) for one in asked))
    replies = [reply for several in told for reply in several]
    page = await entities.query(hop.caller, hub, replace(question, limit=end, offset=0))
    registrations = [one.registration for one in asked]
    own = entities.read_records(hop.caller, hub, page.documents)
    parts: dict[str, list[Contribution]] = {
        record.id: [Contribution(without_proxied(record, registrations))] for record in own
    }
    warnings: list[HubError] = []
    doubles = 0
    for reply in replies:
        found, warning = await read_reply(hub, hop, reply)
        warnings += [warning] if warning is not None else []
        for record in found:
            doubles += record.id in parts
            known = parts.setdefault(record.id, _own_part(hub, hop, record.id, registrations))
            known.append(Contribution(record, reply.registration))
    counted = (page.count or 0) - doubles + count_told([several[0] for several in told])
    return Gathered(parts, warnings, counted)


async def _ask_pages(hub: Hub, hop: Hop, one: Asked, question: EntityQuery, telling: Telling) -> list[Reply]:
    """Ask a source for as many pages as the question needs, one after the other; the last reply may be a failure."""
    filters, by_post = telling
    context = await wire_context(hub, hop, one.registration)
    can_filter = context is hop.context and not limiting(one.information)

    async def ask(paging: Paging) -> Reply:
        told = (*(filters if can_filter else ()), *paging)
        call = _question_call(context, one, question, told, by_post=by_post)
        (reply,) = await ask_all(hub, hop, [(one.registration, call)])
        return reply

    return await ask_pages(max(question.offset + question.limit, 1), ask, counts=question.counts)


def _own_part(hub: Hub, hop: Hop, entity_id: str, registrations: Sequence[Registration]) -> list[Contribution]:
    document = entities.find_document(hop.caller, hub, entity_id)
    if document is None:
        return []
    (record,) = entities.read_records(hop.caller, hub, [document])
    return [Contribution(without_proxied(record, registrations))]


def fits(question: EntityQuery, record: Record, find_linked: FindRecord | None = None) -> bool:
    """Return whether the whole entity is an answer, whichever of its parts were."""
    if question.attributes and not any(name in record.entity for name in question.attributes):
        return False
    if question.scope is not None and not matches_scope(question.scope, record.entity):
        return False
    if question.geo is not None and not matches_geo(question.geo, record.entity):
        return False
    return question.q is None or matches(question.q, record, find_linked)
