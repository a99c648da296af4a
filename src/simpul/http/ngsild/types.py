"""/types and /attributes: what kinds of entities and attributes there are. No counting here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from simpul import limits
from simpul.app import entities, types
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.entity import attribute_names, instances
from simpul.domain.errors import NotFound
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.http.admission import admit, context_headers, context_of_reader
from simpul.http.exchange import LD_JSON, Answer, Exchange, answer_json
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.parameters import expand_name, parse_flag, parse_parameters

DETAILS = frozenset({"details"})
Shown = tuple[Context, str]


async def list_types(hub: Hub, exchange: Exchange) -> Answer:
    """GET /types (§6.25.3.1): names, or with details=true each type with its attributes."""
    caller, shown, has_details = await _enter(hub, exchange)
    context = shown[0]
    if not has_details:
        names = sorted(context.compact(name) for name in types.list_types(caller, hub))
        return _answer(list_of("EntityTypeList", "typeList", names), shown)
    described = await types.list_attributes(caller, hub)
    return _answer(
        [
            {
                "id": name,
                "type": "EntityType",
                "typeName": context.compact(name),
                "attributeNames": sorted(map(context.compact, attributes)),
            }
            for name, attributes in sorted(described.items())
        ],
        shown,
    )


async def get_type(hub: Hub, exchange: Exchange) -> Answer:
    """GET /types/{type} (§6.26.3.1)."""
    caller, shown, _ = await _enter(hub, exchange, frozenset())
    context = shown[0]
    name = expand_name(exchange.names[0], "The type in the path", context.expand)
    count = types.list_types(caller, hub).get(name, 0)
    if not count:
        raise NotFound(f"There is no entity of the type {exchange.names[0][:300]!r}; GET /ngsi-ld/v1/types lists them.")
    attributes = (await types.list_attributes(caller, hub, name)).get(name, {})
    kinds = await find_kinds(caller, hub, name, attributes)
    return _answer(
        {
            "id": name,
            "type": "EntityTypeInfo",
            "typeName": context.compact(name),
            "entityCount": count,
            "attributeDetails": [
                {
                    "id": attribute,
                    "type": "Attribute",
                    "attributeName": context.compact(attribute),
                    "attributeTypes": sorted(kinds.get(attribute, ())),
                }
                for attribute in sorted(attributes)
            ],
        },
        shown,
    )


async def list_attributes(hub: Hub, exchange: Exchange) -> Answer:
    """GET /attributes (§6.27.3.1): names, or with details=true each attribute with its types."""
    caller, shown, has_details = await _enter(hub, exchange)
    context = shown[0]
    by_attribute = _by_attribute(await types.list_attributes(caller, hub))
    if not has_details:
        return _answer(list_of("AttributeList", "attributeList", sorted(map(context.compact, by_attribute))), shown)
    return _answer(
        [
            {
                "id": name,
                "type": "Attribute",
                "attributeName": context.compact(name),
                "typeNames": sorted(map(context.compact, counts)),
            }
            for name, counts in sorted(by_attribute.items())
        ],
        shown,
    )


async def get_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """GET /attributes/{attrId} (§6.28.3.1)."""
    caller, shown, _ = await _enter(hub, exchange, frozenset())
    context = shown[0]
    name = expand_name(exchange.names[0], "The attribute in the path", context.expand)
    counts = _by_attribute(await types.list_attributes(caller, hub)).get(name)
    if not counts:
        raise NotFound(
            f"No entity has the attribute {exchange.names[0][:300]!r}; GET /ngsi-ld/v1/attributes lists them."
        )
    kinds: set[str] = set()
    for type_name in counts:
        kinds.update((await find_kinds(caller, hub, type_name, [name])).get(name, ()))
    return _answer(
        {
            "id": name,
            "type": "Attribute",
            "attributeName": context.compact(name),
            "attributeCount": sum(counts.values()),
            "attributeTypes": sorted(kinds),
            "typeNames": sorted(map(context.compact, counts)),
        },
        shown,
    )


async def find_kinds(caller: Caller, hub: Hub, type_name: str, attributes: Iterable[str]) -> dict[str, set[str]]:
    """Return attribute → kinds (`Property`, …) as a sample of the type's entities has them.

    Every attribute is looked at in at least one entity; an attribute that is of one kind in most entities and of
    another in a few may be told as the first alone.
    """
    kinds: dict[str, set[str]] = {}
    selection = TypeSelection(((type_name,),))
    query = EntityQuery(types=selection, readable_types=caller.readable_types, limit=limits.KINDS_SAMPLE_ENTITIES_MAX)
    await _look_at(caller, hub, query, kinds)
    for name in attributes:
        if name not in kinds:
            await _look_at(caller, hub, replace(query, attributes=(name,), limit=1), kinds)
    return kinds


async def _look_at(caller: Caller, hub: Hub, query: EntityQuery, kinds: dict[str, set[str]]) -> None:
    page = await entities.query(caller, hub, query)
    for record in entities.read_records(caller, hub, page.documents):
        for name in attribute_names(record.entity):
            kinds.setdefault(name, set()).update(instance["type"] for instance in instances(record.entity[name]))


def _by_attribute(described: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return attribute → type → number of entities, from type → attribute → number."""
    turned: dict[str, dict[str, int]] = {}
    for type_name, attributes in described.items():
        for attribute, count in attributes.items():
            turned.setdefault(attribute, {})[type_name] = count
    return turned


def list_of(kind: str, member: str, names: Iterable[str]) -> dict[str, Any]:
    """Return a list of names as the standard wraps it."""
    listed = list(names)
    # The id has to be a URI (§5.2.24); one that follows from the content is the same for the same answer.
    digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()[:32]
    return {"id": f"urn:ngsi-ld:{kind}:{digest}", "type": kind, member: listed}


async def _enter(hub: Hub, exchange: Exchange, allowed: frozenset[str] = DETAILS) -> tuple[Caller, Shown, bool]:
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, allowed)
    caller = admit(hub, exchange)
    return caller, (await context_of_reader(hub, exchange), media_type), parse_flag(parameters, "details")


def _answer(content: Any, shown: Shown) -> Answer:
    context, media_type = shown
    if media_type == LD_JSON:
        described = {"@context": context.link}
        content = {**described, **content} if isinstance(content, dict) else [{**described, **one} for one in content]
    return answer_json(content, context_headers(context, media_type), media_type=media_type)
