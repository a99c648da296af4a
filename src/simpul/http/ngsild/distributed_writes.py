"""Changing entities where other sources are registered (CIM 009 §6.3.17). Nothing is decided here.

A request that no source is concerned by goes to the ordinary handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from simpul.app import entities as local
from simpul.app import sharing
from simpul.app.federation import hop_of
from simpul.app.hub import Hub
from simpul.app.sharing import AttributeTarget, Part, Shape, Target
from simpul.domain.context import Context
from simpul.domain.entity import Entity
from simpul.domain.merge import Overwrite
from simpul.domain.parse import parse_attribute, parse_entity, parse_fragment
from simpul.http.admission import admit_writer, context_of_reader, read_body
from simpul.http.exchange import NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.negotiate import PATCH_BODY_TYPES
from simpul.http.ngsild import attributes, entities
from simpul.http.ngsild.distributed import is_local
from simpul.http.ngsild.fragments import MERGE_PARAMETERS, parse_manner, read_fragment
from simpul.http.parameters import parse_options, parse_parameters
from simpul.http.problem import render_problem

# What a write's parameters are is told to the sources too, but for where it is to be done.
_NOT_TOLD = frozenset({"local"})


def path_of(entity_id: str) -> str:
    """Return the path of an entity below the API."""
    return "/entities/" + quote(entity_id, safe="!$&'()*+,;=:@-._~")


def told(exchange: Exchange, allowed: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return the parameters that sources are told, too."""
    parameters = parse_parameters(exchange.query, allowed)
    return tuple((name, value) for name, value in parameters.items() if name not in _NOT_TOLD)


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entities (§6.4.3.1)."""
    if is_local(exchange):
        return await entities.create(hub, exchange)
    parse_parameters(exchange.query, entities.NOTHING_MORE)
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    entity = parse_entity(body, context)
    entity_id = entity["id"]
    hop = await hop_of(hub, caller, context, exchange.headers)
    division = sharing.share_out(hub, hop, Target(entity_id, tuple(entity["type"])), entity, "createEntity")
    if division.is_local:
        return await entities.create(hub, exchange)

    async def run(rest: Entity) -> None:
        await local.create(caller, hub, rest, context)

    parts = await sharing.perform(hub, hop, division, Shape("createEntity", "POST", "/entities"), run)
    return answer_entity(parts, entity_id, Answer(201, ((b"location", entities.location_of(entity_id)),)))


def answer_entity(parts: Sequence[Part], entity_id: str, done: Answer) -> Answer:
    """Return the answer where all was done; else the error, or 207 where there are several parts (§5.2.16)."""
    failed = [part for part in parts if part.error is not None]
    if not failed:
        return done
    if len(parts) == 1 and parts[0].error is not None:
        raise parts[0].error
    errors = [{"entityId": entity_id, **_error_of(part)} for part in failed]
    success = [entity_id] if len(failed) < len(parts) else []
    return answer_json({"success": success, "errors": errors}, status=207)


def _error_of(part: Part) -> dict[str, Any]:
    assert part.error is not None, "only a part that failed has an error"
    told_of = {"error": render_problem(part.error)}
    return told_of if part.registration is None else {**told_of, "registrationId": part.registration.id}


async def replace(hub: Hub, exchange: Exchange) -> Answer:
    """PUT /entities/{id} (§6.5.3.3)."""
    if is_local(exchange):
        return await entities.replace(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange)
    body, context = await read_body(hub, exchange)
    entities.raise_if_other_id(body, entity_id)
    entity = parse_entity({"id": entity_id, **body}, context)

    async def run(rest: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.replace(caller, hub, entity_id, rest, context)

    hop = await hop_of(hub, caller, context, exchange.headers)
    target = Target(entity_id, tuple(entity["type"]))
    division = sharing.share_out(hub, hop, target, entity, "replaceEntity")
    if division.is_local:
        return await entities.replace(hub, exchange)
    shape = Shape("replaceEntity", "PUT", path_of(entity_id), told(exchange, entities.TYPE))
    return answer_entity(await sharing.perform(hub, hop, division, shape, run), entity_id, NO_CONTENT)


async def merge(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id} (§6.5.3.4)."""
    if is_local(exchange):
        return await entities.merge(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange, MERGE_PARAMETERS)
    manner = parse_manner(parameters)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    entities.raise_if_other_id(body, entity_id)
    fragment = read_fragment((caller, hub), entity_id, (body, context), manner)

    async def run(rest: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.merge_entity(caller, hub, entity_id, rest, context)

    hop = await hop_of(hub, caller, context, exchange.headers)
    division = sharing.share_out(
        hub, hop, sharing.target_of(hub, hop, entity_id, fragment.get("type", ())), fragment, "mergeEntity"
    )
    if division.is_local:
        return await entities.merge(hub, exchange)
    # The fragment is told as it was read, so how it was written is of no concern any more.
    shape = Shape("mergeEntity", "PATCH", path_of(entity_id))
    return answer_entity(await sharing.perform(hub, hop, division, shape, run), entity_id, NO_CONTENT)


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities/{id} (§6.5.3.2)."""
    if is_local(exchange):
        return await entities.delete(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange)
    context = await context_of_reader(hub, exchange)

    async def run(_: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.delete(caller, hub, entity_id)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = Shape("deleteEntity", "DELETE", path_of(entity_id), told(exchange, entities.TYPE))
    parts = await sharing.perform_whole(hub, hop, sharing.target_of(hub, hop, entity_id), shape, run)
    return await entities.delete(hub, exchange) if parts is None else answer_entity(parts, entity_id, NO_CONTENT)


async def append(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entities/{id}/attrs (§6.6.3.1)."""
    if is_local(exchange):
        return await attributes.append(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange, attributes.APPEND_PARAMETERS)
    options = parse_options(parameters, attributes.NO_OVERWRITE)
    fragment, context = await _read_fragment(hub, exchange, entity_id)
    overwrite = Overwrite.DENIED if options else Overwrite.ALLOWED

    async def run(rest: Entity) -> Any:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        return await local.append_attributes(caller, hub, entity_id, rest, context, overwrite=overwrite)

    hop = await hop_of(hub, caller, context, exchange.headers)
    division = sharing.share_out(
        hub, hop, sharing.target_of(hub, hop, entity_id, fragment.get("type", ())), fragment, "appendAttrs"
    )
    if division.is_local:
        return await attributes.append(hub, exchange)
    shape = Shape("appendAttrs", "POST", path_of(entity_id) + "/attrs", told(exchange, attributes.APPEND_PARAMETERS))
    return answer_attributes(await sharing.perform(hub, hop, division, shape, run))


async def _read_fragment(hub: Hub, exchange: Exchange, entity_id: str) -> tuple[Entity, Context]:
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    entities.raise_if_other_id(body, entity_id)
    return parse_fragment(body, context), context


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id}/attrs (§6.6.3.2)."""
    if is_local(exchange):
        return await attributes.update(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange)
    fragment, context = await _read_fragment(hub, exchange, entity_id)

    async def run(rest: Entity) -> Any:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        return await local.update_attributes(caller, hub, entity_id, rest, context)

    hop = await hop_of(hub, caller, context, exchange.headers)
    division = sharing.share_out(
        hub, hop, sharing.target_of(hub, hop, entity_id, fragment.get("type", ())), fragment, "updateEntity"
    )
    if division.is_local:
        return await attributes.update(hub, exchange)
    shape = Shape("updateEntity", "PATCH", path_of(entity_id) + "/attrs", told(exchange, entities.TYPE))
    return answer_attributes(await sharing.perform(hub, hop, division, shape, run))


def answer_attributes(parts: Sequence[Part]) -> Answer:
    """Return 204 where all was done; else the error, or 207 with an UpdateResult (§5.2.18)."""
    if all(part.error is None and not part.unchanged for part in parts):
        return NO_CONTENT
    if len(parts) == 1 and parts[0].error is not None and not parts[0].unchanged:
        raise parts[0].error
    updated: dict[str, None] = {}
    left: list[dict[str, Any]] = []
    for part in parts:
        reasons = dict(part.unchanged) or (dict.fromkeys(part.names, part.error.detail) if part.error else {})
        source = {} if part.registration is None else {"registrationId": part.registration.id}
        left += [{"attributeName": name, "reason": reason, **source} for name, reason in reasons.items()]
        if part.error is None:
            updated |= dict.fromkeys(name for name in part.names if name not in reasons)
    return answer_json({"updated": list(updated), "notUpdated": left}, status=207)


async def patch_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id}/attrs/{attrId} (§6.7.3.1)."""
    if is_local(exchange):
        return await attributes.patch(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    name = attributes.attribute_in_path(exchange, context)
    instance = parse_attribute(body, context, name)

    async def run(_: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.patch_attribute(caller, hub, entity_id, name, instance, context=context)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = _attribute_shape(exchange, "updateAttrs", "PATCH", entity_id)
    parts = await sharing.perform_on_attribute(hub, hop, shape, AttributeTarget(entity_id, name, body, instance), run)
    return await attributes.patch(hub, exchange) if parts is None else answer_attributes(parts)


async def replace_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """PUT /entities/{id}/attrs/{attrId} (§6.7.3.3)."""
    if is_local(exchange):
        return await attributes.replace(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange)
    body, context = await read_body(hub, exchange)
    name = attributes.attribute_in_path(exchange, context)
    instance = parse_attribute(body, context, name)

    async def run(_: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.replace_attribute(caller, hub, entity_id, name, instance, context=context)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = _attribute_shape(exchange, "replaceAttrs", "PUT", entity_id)
    parts = await sharing.perform_on_attribute(hub, hop, shape, AttributeTarget(entity_id, name, body, instance), run)
    return await attributes.replace(hub, exchange) if parts is None else answer_attributes(parts)


async def delete_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities/{id}/attrs/{attrId} (§6.7.3.2)."""
    if is_local(exchange) or exchange.names[1] == attributes.SCOPE:
        return await attributes.delete(hub, exchange)
    caller, entity_id, parameters = await entities.enter(hub, exchange, attributes.DELETE_PARAMETERS)
    context = await context_of_reader(hub, exchange)
    name = attributes.attribute_in_path(exchange, context)
    every_instance = parameters.get("deleteAll") == "true"
    dataset_id = parameters.get("datasetId") or None

    async def run(_: Entity) -> None:
        entities.raise_unless_of_type((caller, hub), entity_id, parameters, context)
        await local.delete_attribute(caller, hub, entity_id, name, dataset_id=dataset_id, every_instance=every_instance)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = _attribute_shape(exchange, "deleteAttrs", "DELETE", entity_id, attributes.DELETE_PARAMETERS)
    parts = await sharing.perform_on_attribute(hub, hop, shape, AttributeTarget(entity_id, name), run)
    return await attributes.delete(hub, exchange) if parts is None else answer_attributes(parts)


def _attribute_shape(
    exchange: Exchange, operation: str, method: str, entity_id: str, allowed: frozenset[str] = entities.TYPE
) -> Shape:
    return Shape(operation, method, path_of(entity_id) + "/attrs", told(exchange, allowed))
