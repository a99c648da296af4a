"""/temporal/entities: histories written and corrected. Nothing is decided here."""

from __future__ import annotations

from urllib.parse import quote

from simpul.app import temporal
from simpul.app.hub import Hub
from simpul.domain.errors import BadRequestData
from simpul.domain.parse import parse_attribute, raise_unless_uri
from simpul.domain.temporal_parse import parse_history, parse_instances
from simpul.http.admission import admit_writer, context_of_reader, read_body
from simpul.http.exchange import NO_CONTENT, Answer, Exchange
from simpul.http.negotiate import PATCH_BODY_TYPES
from simpul.http.ngsild.attributes import DELETE_PARAMETERS, SCOPE, attribute_in_path
from simpul.http.ngsild.entities import enter, raise_if_other_id
from simpul.http.parameters import parse_flag, parse_parameters

_IDENTITY = frozenset({"id", "type"})
_LOCATION = b"/ngsi-ld/v1/temporal/entities/"


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities (§6.18.3.1): 201 for a history that is new, 204 for one that goes on."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    written = parse_history(body, context)
    if await temporal.create(caller, hub, written, context):
        location = _LOCATION + quote(written["id"], safe="!$&'()*+,;=:@-._~").encode()
        return Answer(201, ((b"location", location),))
    return NO_CONTENT


async def append(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entities/{id}/attrs (§6.20.3.1)."""
    caller, entity_id, _ = await enter(hub, exchange)
    body, context = await read_body(hub, exchange)
    raise_if_other_id(body, entity_id)
    fragment = parse_instances(body, context)
    if fragment.keys() <= _IDENTITY:
        raise BadRequestData("The body has no attribute to add to the history.")
    await temporal.append(caller, hub, entity_id, fragment, context)
    return NO_CONTENT


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
    dataset_id = parameters.get("datasetId") or None
    every_instance = parse_flag(parameters, "deleteAll")
    if dataset_id is not None:
        if every_instance:
            raise BadRequestData("datasetId names one instance, deleteAll=true asks for all; give one of the two.")
        raise_unless_uri(dataset_id, "datasetId")
    await temporal.delete_attribute(caller, hub, entity_id, name, dataset_id=dataset_id, every_instance=every_instance)
    return NO_CONTENT


async def patch_instance(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.1)."""
    caller, entity_id, _ = await enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    name, instance_id = attribute_in_path(exchange, context), exchange.names[2]
    raise_unless_uri(instance_id, "The instance id in the path")
    fragment = parse_attribute(body, context, name)
    if isinstance(fragment, list):
        raise BadRequestData("The body holds several instances; a patch is about one.")
    await temporal.patch_instance(caller, hub, entity_id, name, instance_id, fragment=fragment)
    return NO_CONTENT


async def delete_instance(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /temporal/entities/{id}/attrs/{attrId}/{instanceId} (§6.22.3.2)."""
    caller, entity_id, _ = await enter(hub, exchange)
    context = await context_of_reader(hub, exchange)
    name, instance_id = attribute_in_path(exchange, context), exchange.names[2]
    raise_unless_uri(instance_id, "The instance id in the path")
    await temporal.delete_instance(caller, hub, entity_id, name, instance_id)
    return NO_CONTENT
