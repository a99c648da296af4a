"""/temporal/entities: histories written and corrected. Nothing is decided here."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from simpul.app import temporal
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance
from simpul.domain.errors import BadRequestData
from simpul.domain.parse import MAIN_MEMBERS, parse_attribute, raise_unless_uri
from simpul.domain.temporal_parse import parse_history, parse_instances
from simpul.http.admission import admit_writer, context_of_reader, read_body
from simpul.http.exchange import NO_CONTENT, Answer, Exchange
from simpul.http.negotiate import PATCH_BODY_TYPES
from simpul.http.ngsild.attributes import DELETE_PARAMETERS, SCOPE, attribute_in_path
from simpul.http.ngsild.entities import enter, raise_if_other_id
from simpul.http.parameters import Parameters, parse_flag, parse_parameters

_IDENTITY = frozenset({"id", "type"})
_FRAGMENT_MEMBERS = frozenset({"id", "@id", "type", "@type", "scope", "@context"})
_KINDS = tuple(MAIN_MEMBERS)
_ONE_INSTANCE = "The body holds several instances; a patch is about one."
_LOCATION = b"/ngsi-ld/v1/temporal/entities/"


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities (§6.18.3.1): 201 for a history that is new, 204 for one that goes on."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    written = parse_history(body, context)
    if await temporal.create(caller, hub, written, context):
        return Answer(201, ((b"location", location_of(written["id"])),))
    return NO_CONTENT


def location_of(entity_id: str) -> bytes:
    """Return the path of an entity's history."""
    return _LOCATION + quote(entity_id, safe="!$&'()*+,;=:@-._~").encode()


async def append(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities/{id}/attrs (§6.20.3.1)."""
    caller, entity_id, _ = await enter(hub, exchange)
    fragment, context = await read_instances(hub, exchange, entity_id)
    await temporal.append(caller, hub, entity_id, fragment, context)
    return NO_CONTENT


async def read_instances(hub: Hub, exchange: Exchange, entity_id: str) -> tuple[Entity, Context]:
    """Return the attributes that a body adds to the history of an entity, and its @context. Raises BadRequestData."""
    body, context = await read_body(hub, exchange)
    raise_if_other_id(body, entity_id)
    fragment = parse_instances(body, context)
    if fragment.keys() <= _IDENTITY:
        raise BadRequestData("The body has no attribute to add to the history.")
    return fragment, context


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id} (§6.19.3.2)."""
    caller, entity_id, _ = await enter(hub, exchange)
    await temporal.delete(caller, hub, entity_id)
    return NO_CONTENT


async def delete_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id}/attrs/{attrId} (§6.21.3.1)."""
    caller, entity_id, parameters = await enter(hub, exchange, DELETE_PARAMETERS)
    context = await context_of_reader(hub, exchange)
    name = SCOPE if exchange.names[1] == SCOPE else attribute_in_path(exchange, context)
    dataset_id, every_instance = parse_deletion(parameters)
    await temporal.delete_attribute(caller, hub, entity_id, name, dataset_id=dataset_id, every_instance=every_instance)
    return NO_CONTENT


class Deletion(NamedTuple):
    """Which instances of an attribute go: those of a dataset, or all; else those without a dataset."""

    dataset_id: str | None
    every_instance: bool


def parse_deletion(parameters: Parameters) -> Deletion:
    """Return what the parameters of a deletion ask for. Raises BadRequestData."""
    dataset_id = parameters.get("datasetId") or None
    every_instance = parse_flag(parameters, "deleteAll")
    if dataset_id is not None:
        if every_instance:
            raise BadRequestData("datasetId names one instance, deleteAll=true asks for all; give one of the two.")
        raise_unless_uri(dataset_id, "datasetId")
    return Deletion(dataset_id, every_instance)


async def patch_instance(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.1)."""
    caller, entity_id, _ = await enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    name, instance_id, fragment, is_whole = parse_patch(exchange, body, context)
    await temporal.patch_instance(caller, hub, entity_id, name, instance_id, fragment=fragment, is_whole=is_whole)
    return NO_CONTENT


class Patch(NamedTuple):
    """A change of one instance: of which attribute, its id, what is set; `is_whole` says that nothing else stays."""

    name: str
    instance_id: str
    fragment: Instance
    is_whole: bool


def parse_patch(exchange: Exchange, body: dict[str, Any], context: Context) -> Patch:
    """Return the change that a request asks for. Raises BadRequestData.

    The standard has the whole new instance below the attribute's name, in an array of one (§5.6.14.3). An instance by
    itself is taken, too: its members are set, and the others stay.
    """
    name, instance_id = instance_in_path(exchange, context)
    whole = _find_whole(body, context, name)
    fragment = parse_attribute(body, context, name) if whole is None else whole
    if isinstance(fragment, list):
        raise BadRequestData(_ONE_INSTANCE)
    return Patch(name, instance_id, fragment, whole is not None)


def _find_whole(body: dict[str, Any], context: Context, name: str) -> Instance | list[Instance] | None:
    """Return the instances that a fragment of a history has of the attribute, or None where the body is none."""
    members = [key for key in body if key not in _FRAGMENT_MEMBERS]
    if len(members) != 1 or context.expand(members[0]) != name:
        return None
    if body.get("type") in _KINDS:
        return None
    (read,) = (value for member, value in parse_instances(body, context).items() if member not in _FRAGMENT_MEMBERS)
    found: Instance | list[Instance] = read
    return found


def instance_in_path(exchange: Exchange, context: Context) -> tuple[str, str]:
    """Return the attribute and the instance that the path names. Raises BadRequestData."""
    name, instance_id = attribute_in_path(exchange, context), exchange.names[2]
    raise_unless_uri(instance_id, "The instance id in the path")
    return name, instance_id


async def delete_instance(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.2)."""
    caller, entity_id, _ = await enter(hub, exchange)
    context = await context_of_reader(hub, exchange)
    name, instance_id = instance_in_path(exchange, context)
    await temporal.delete_instance(caller, hub, entity_id, name, instance_id)
    return NO_CONTENT
