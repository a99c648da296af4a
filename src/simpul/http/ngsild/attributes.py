"""/entities/{id}/attrs and /entities/{id}/attrs/{attrId}: append, update, patch, replace, delete. No merging here."""

from __future__ import annotations

from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.merge import Outcome, Overwrite
from simpul.domain.parse import parse_attribute, parse_fragment, raise_unless_uri
from simpul.http.admission import context_of_reader, read_body
from simpul.http.exchange import NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.negotiate import PATCH_BODY_TYPES
from simpul.http.ngsild.entities import TYPE, enter, raise_if_other_id, raise_unless_of_type
from simpul.http.parameters import expand_name, parse_flag, parse_options

NO_OVERWRITE = frozenset({"noOverwrite"})
APPEND_PARAMETERS = TYPE | {"options"}
DELETE_PARAMETERS = frozenset({"datasetId", "deleteAll", "type"})
SCOPE = "scope"


async def append(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entities/{id}/attrs (§6.6.3.1)."""
    caller, entity_id, parameters = await enter(hub, exchange, APPEND_PARAMETERS)
    options = parse_options(parameters, NO_OVERWRITE)
    body, context = await read_body(hub, exchange)
    raise_if_other_id(body, entity_id)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    fragment = parse_fragment(body, context)
    overwrite = Overwrite.DENIED if options else Overwrite.ALLOWED
    outcome = await entities.append_attributes(caller, hub, entity_id, fragment, context, overwrite=overwrite)
    return answer_outcome(outcome)


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id}/attrs (§6.6.3.2)."""
    caller, entity_id, parameters = await enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    raise_if_other_id(body, entity_id)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    fragment = parse_fragment(body, context)
    return answer_outcome(await entities.update_attributes(caller, hub, entity_id, fragment, context))


def answer_outcome(outcome: Outcome) -> Answer:
    """Return 204 where all was done, and 207 with an UpdateResult (§5.2.18) where some was not."""
    if not outcome.unchanged:
        return NO_CONTENT
    # Attributes are told by their full names, which are the same whatever @context the reader has.
    done = dict.fromkeys(key.partition("\n")[0] for key in (*outcome.changed, *outcome.removed))
    refused = [{"attributeName": name, "reason": reason} for name, reason in outcome.unchanged]
    return answer_json({"updated": list(done), "notUpdated": refused}, status=207)


async def patch(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id}/attrs/{attrId} (§6.7.3.1)."""
    caller, entity_id, parameters = await enter(hub, exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    name = attribute_in_path(exchange, context)
    instance = parse_attribute(body, context, name)
    await entities.patch_attribute(caller, hub, entity_id, name, instance, context=context)
    return NO_CONTENT


async def replace(hub: Hub, exchange: Exchange) -> Answer:
    """PUT /entities/{id}/attrs/{attrId} (§6.7.3.3)."""
    caller, entity_id, parameters = await enter(hub, exchange)
    body, context = await read_body(hub, exchange)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    name = attribute_in_path(exchange, context)
    instance = parse_attribute(body, context, name)
    await entities.replace_attribute(caller, hub, entity_id, name, instance, context=context)
    return NO_CONTENT


def attribute_in_path(exchange: Exchange, context: Context) -> str:
    """Return the expanded name of the attribute that the path names."""
    name = exchange.names[1]
    if name in {SCOPE, "id", "type"}:
        raise BadRequestData(f"{name!r} is no attribute; change it with PATCH /ngsi-ld/v1/entities/{{id}}.")
    return expand_name(name, "The attribute in the path", context.expand)


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities/{id}/attrs/{attrId} (§6.7.3.2)."""
    caller, entity_id, parameters = await enter(hub, exchange, DELETE_PARAMETERS)
    context = await context_of_reader(hub, exchange)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    # CIM 009 §5.6.5: the scope can be deleted like an attribute.
    name = SCOPE if exchange.names[1] == SCOPE else attribute_in_path(exchange, context)
    dataset_id = parameters.get("datasetId") or None
    every_instance = parse_flag(parameters, "deleteAll")
    if dataset_id is not None:
        if every_instance:
            raise BadRequestData("datasetId names one instance, deleteAll=true asks for all; give one of the two.")
        raise_unless_uri(dataset_id, "datasetId")
    await entities.delete_attribute(caller, hub, entity_id, name, dataset_id=dataset_id, every_instance=every_instance)
    return NO_CONTENT
