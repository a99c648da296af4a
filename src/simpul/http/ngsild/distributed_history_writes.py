"""Writing and correcting histories where sources of histories are registered (CIM 009 §5.6.11 to §5.6.16).

Nothing is decided here. A request that no source is concerned by goes to the ordinary handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from simpul.app import sharing
from simpul.app import temporal as local
from simpul.app.federation import Hop, hop_of
from simpul.app.hub import Hub
from simpul.app.sharing import AttributeTarget, Part, Shape, Target
from simpul.domain.access import Caller
from simpul.domain.entity import Entity
from simpul.domain.errors import NotFound, PeerRefused
from simpul.domain.temporal import TemporalQuery
from simpul.domain.temporal_parse import parse_history
from simpul.http.admission import admit_writer, context_of_reader, read_body
from simpul.http.exchange import LOCATION, NO_CONTENT, Answer, Exchange
from simpul.http.negotiate import PATCH_BODY_TYPES
from simpul.http.ngsild import temporal_writes
from simpul.http.ngsild.attributes import DELETE_PARAMETERS, SCOPE, attribute_in_path
from simpul.http.ngsild.distributed import is_local
from simpul.http.ngsild.distributed_writes import answer_attributes, answer_entity, path_of, told
from simpul.http.ngsild.entities import TYPE, enter
from simpul.http.ngsild.temporal_writes import location_of, parse_deletion, parse_patch, read_instances
from simpul.http.parameters import parse_parameters

_PATH = "/temporal"
_CREATED = 201
_NOT_FOUND = 404


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities (§6.18.3.1): 201 for a history that is new somewhere, 204 for one that goes on."""
    if is_local(exchange):
        return await temporal_writes.create(hub, exchange)
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    written = parse_history(body, context)
    hop = await hop_of(hub, caller, context, exchange.headers)
    division = sharing.share_out(hub, hop, Target(written["id"], tuple(written["type"])), written, "upsertTemporal")
    if division.is_local:
        return await temporal_writes.create(hub, exchange)

    async def run(rest: Entity) -> bool:
        return await local.create(caller, hub, rest, context)

    parts = await sharing.perform(hub, hop, division, Shape("upsertTemporal", "POST", "/temporal/entities"), run)
    is_new = any(part.result is True or part.result == _CREATED for part in parts)
    created = Answer(201, ((LOCATION, location_of(written["id"])),))
    return answer_entity(parts, written["id"], created if is_new else NO_CONTENT)


async def append(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities/{id}/attrs (§6.20.3.1)."""
    if is_local(exchange):
        return await temporal_writes.append(hub, exchange)
    caller, entity_id, _ = await enter(hub, exchange)
    fragment, context = await read_instances(hub, exchange, entity_id)
    hop = await hop_of(hub, caller, context, exchange.headers)
    target = await _target_of((caller, hub), hop, entity_id, tuple(fragment.get("type", ())))
    division = sharing.share_out(hub, hop, target, fragment, "appendAttrsTemporal")
    if division.is_local:
        return await temporal_writes.append(hub, exchange)

    async def run(rest: Entity) -> None:
        await local.append(caller, hub, entity_id, rest, context)

    shape = Shape("appendAttrsTemporal", "POST", f"{_PATH}{path_of(entity_id)}/attrs", told(exchange, TYPE))
    return answer_attributes(_without_absent(await sharing.perform(hub, hop, division, shape, run)))


async def _target_of(asker: tuple[Caller, Hub], hop: Hop, entity_id: str, types: tuple[str, ...] = ()) -> Target:
    """Return the target of a change; an entity that is gone has the types that it had last."""
    caller, hub = asker
    target = sharing.target_of(hub, hop, entity_id, types)
    if target.types:
        return target
    series = await local.find_series(caller, hub, entity_id, TemporalQuery(last_n=1))
    return target if series is None else Target(entity_id, series.history.types)


def _without_absent(parts: Sequence[Part], *, also_elsewhere: bool = False) -> Sequence[Part]:
    """Leave out that the hub itself has nothing of what a source has: it does its part where it has one (§5.6.12.4).

    With `also_elsewhere` the same holds of sources: what is one instance is at one of them. Where nobody has it, that
    is said once.
    """
    if all(_is_absent(part, also_elsewhere=True) for part in parts):
        return parts[:1]
    if all(part.error is not None for part in parts):
        return parts
    return [part for part in parts if not _is_absent(part, also_elsewhere=also_elsewhere)]


def _is_absent(part: Part, *, also_elsewhere: bool) -> bool:
    if part.registration is None:
        return isinstance(part.error, NotFound)
    return also_elsewhere and isinstance(part.error, PeerRefused) and part.error.status == _NOT_FOUND


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id} (§6.19.3.2)."""
    if is_local(exchange):
        return await temporal_writes.delete(hub, exchange)
    caller, entity_id, _ = await enter(hub, exchange)
    context = await context_of_reader(hub, exchange)

    async def run(_: Entity) -> None:
        await local.delete(caller, hub, entity_id)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = Shape("deleteTemporal", "DELETE", _PATH + path_of(entity_id), told(exchange, TYPE))
    target = await _target_of((caller, hub), hop, entity_id)
    parts = await sharing.perform_whole(hub, hop, target, shape, run)
    if parts is None:
        return await temporal_writes.delete(hub, exchange)
    return answer_entity(_without_absent(parts, also_elsewhere=True), entity_id, NO_CONTENT)


async def delete_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id}/attrs/{attrId} (§6.21.3.1)."""
    if is_local(exchange) or exchange.names[1] == SCOPE:
        return await temporal_writes.delete_attribute(hub, exchange)
    caller, entity_id, parameters = await enter(hub, exchange, DELETE_PARAMETERS)
    context = await context_of_reader(hub, exchange)
    name = attribute_in_path(exchange, context)
    deletion = parse_deletion(parameters)

    async def run(_: Entity) -> None:
        await local.delete_attribute(
            caller, hub, entity_id, name, dataset_id=deletion.dataset_id, every_instance=deletion.every_instance
        )

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = Shape("deleteAttrsTemporal", "DELETE", _attributes_of(entity_id), told(exchange, DELETE_PARAMETERS))
    parts = await sharing.perform_on_attribute(hub, hop, shape, AttributeTarget(entity_id, name), run)
    if parts is None:
        return await temporal_writes.delete_attribute(hub, exchange)
    return answer_attributes(_without_absent(parts, also_elsewhere=True))


def _attributes_of(entity_id: str) -> str:
    return f"{_PATH}{path_of(entity_id)}/attrs"


async def patch_instance(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.1)."""
    if is_local(exchange):
        return await temporal_writes.patch_instance(hub, exchange)
    caller, entity_id, _ = await enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    patch = parse_patch(exchange, body, context)

    async def run(_: Entity) -> None:
        await local.patch_instance(
            caller, hub, entity_id, patch.name, patch.instance_id, fragment=patch.fragment, is_whole=patch.is_whole
        )

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = _instance_shape(exchange, "updateAttrInstanceTemporal", "PATCH", entity_id)
    target = AttributeTarget(entity_id, patch.name, body, patch.fragment, patch.is_whole)
    parts = await sharing.perform_on_attribute(hub, hop, shape, target, run)
    if parts is None:
        return await temporal_writes.patch_instance(hub, exchange)
    return answer_attributes(_without_absent(parts, also_elsewhere=True))


def _instance_shape(exchange: Exchange, operation: str, method: str, entity_id: str) -> Shape:
    below = "/" + quote(exchange.names[2], safe=":")
    return Shape(operation, method, _attributes_of(entity_id), told(exchange, TYPE), below)


async def delete_instance(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.2)."""
    if is_local(exchange):
        return await temporal_writes.delete_instance(hub, exchange)
    caller, entity_id, _ = await enter(hub, exchange)
    context = await context_of_reader(hub, exchange)
    name, instance_id = temporal_writes.instance_in_path(exchange, context)

    async def run(_: Entity) -> None:
        await local.delete_instance(caller, hub, entity_id, name, instance_id)

    hop = await hop_of(hub, caller, context, exchange.headers)
    shape = _instance_shape(exchange, "deleteAttrInstanceTemporal", "DELETE", entity_id)
    parts = await sharing.perform_on_attribute(hub, hop, shape, AttributeTarget(entity_id, name), run)
    if parts is None:
        return await temporal_writes.delete_instance(hub, exchange)
    return answer_attributes(_without_absent(parts, also_elsewhere=True))
