"""/entityOperations: the batch operations and the query by POST. One bad entity does not spoil the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul import limits
from simpul.app import batch
from simpul.app.batch import BatchItem, BatchOutcome, UpsertMode
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.errors import BadRequestData, HubError, TooManyResults
from simpul.domain.merge import Overwrite
from simpul.domain.parse import decode_json
from simpul.http.admission import admit_writer, body_link, context_of_object, kind_of
from simpul.http.exchange import JSON, LD_JSON, NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.negotiate import BODY_TYPES, PATCH_BODY_TYPES, parse_content_type
from simpul.http.ngsild.fragments import BATCH_MERGE_PARAMETERS, Manner, parse_manner, read_fragment
from simpul.http.parameters import parse_options, parse_parameters
from simpul.http.problem import render_problem

Failure = tuple[str, HubError]
WRITE_PARAMETERS = frozenset({"options"})
NOTHING = BatchOutcome([], [], [])


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/create (§6.14.3.1)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    items, failures = await read_items(hub, exchange)
    outcome = await batch.create(caller, hub, items) if items else NOTHING
    failures = [*failures, *outcome.errors]
    return answer_result(outcome.created, failures) if failures else answer_json(outcome.created, status=201)


async def upsert(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/upsert (§6.15.3.1)."""
    parameters = parse_parameters(exchange.query, WRITE_PARAMETERS)
    options = parse_options(parameters, frozenset({"update", "replace"}))
    caller = await admit_writer(hub, exchange)
    items, failures = await read_items(hub, exchange)
    outcome = (
        await batch.upsert(caller, hub, items, UpsertMode.UPDATE if "update" in options else UpsertMode.REPLACE)
        if items
        else NOTHING
    )
    failures = [*failures, *outcome.errors]
    if failures:
        return answer_result([*outcome.created, *outcome.updated], failures)
    return answer_json(outcome.created, status=201) if outcome.created else NO_CONTENT


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/update (§6.16.3.1)."""
    parameters = parse_parameters(exchange.query, WRITE_PARAMETERS)
    options = parse_options(parameters, frozenset({"noOverwrite"}))
    caller = await admit_writer(hub, exchange)
    items, failures = await read_items(hub, exchange, PATCH_BODY_TYPES)
    overwrite = Overwrite.DENIED if "noOverwrite" in options else Overwrite.ALLOWED
    outcome = await batch.update(caller, hub, items, overwrite=overwrite) if items else NOTHING
    failures = [*failures, *outcome.errors]
    return answer_result(outcome.updated, failures) if failures else NO_CONTENT


async def merge(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/merge (§6.31.3.1)."""
    manner = parse_manner(parse_parameters(exchange.query, BATCH_MERGE_PARAMETERS))
    caller = await admit_writer(hub, exchange)
    items, failures = await read_items(hub, exchange, PATCH_BODY_TYPES)
    if manner.needs_entity:
        items, unread = complete_items((caller, hub), items, manner)
        failures = [*failures, *unread]
    outcome = await batch.merge(caller, hub, items) if items else NOTHING
    failures = [*failures, *outcome.errors]
    return answer_result(outcome.updated, failures) if failures else NO_CONTENT


def complete_items(
    asker: tuple[Caller, Hub], items: Sequence[BatchItem], manner: Manner
) -> tuple[list[BatchItem], list[Failure]]:
    """Return the items, each completed by the entity that it is about, and those that cannot be read so."""
    completed: list[BatchItem] = []
    failures: list[Failure] = []
    for item in items:
        entity_id = _id_of(item.body)
        try:
            fragment = read_fragment(asker, entity_id, (item.body, item.context), manner)
        except HubError as error:
            failures.append((entity_id, error))
        else:
            # Full names are names under every @context, so what was read can be read again.
            completed.append(BatchItem(fragment, item.context))
    return completed, failures


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/delete (§6.17.3.1)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    # The body is a list of URIs, which needs no @context whatever its media type says.
    parse_content_type(exchange.content_type, BODY_TYPES)
    ids = read_list(exchange, "entity ids")
    for place, entity_id in enumerate(ids, start=1):
        if not isinstance(entity_id, str):
            raise BadRequestData(f"Item {place} of the list is {kind_of(entity_id)}; it has to be an entity id.")
    outcome = await batch.delete(caller, hub, ids)
    return answer_result(outcome.updated, outcome.errors) if outcome.errors else NO_CONTENT


def read_list(exchange: Exchange, of_what: str) -> list[Any]:
    """Return the body, a JSON array that is neither empty nor over `limits.BATCH_ENTITIES_MAX`."""
    body = decode_json(exchange.body)
    if not isinstance(body, list):
        raise BadRequestData(f"The body is {kind_of(body)}; a JSON array of {of_what} was expected.")
    if not body:
        raise BadRequestData(f"The body is an empty array; an array of at least one of the {of_what} was expected.")
    if None in body:
        # CIM 009 §5.6.7.4: then nothing of the batch is done.
        raise BadRequestData(f"Item {body.index(None) + 1} of the array is null. Leave it out.")
    if len(body) > limits.BATCH_ENTITIES_MAX:
        raise TooManyResults(
            f"The batch has {len(body):,} {of_what}; at most {limits.BATCH_ENTITIES_MAX:,} are taken at once."
        )
    return body


async def read_items(
    hub: Hub, exchange: Exchange, understood: tuple[str, ...] = BODY_TYPES
) -> tuple[list[BatchItem], list[Failure]]:
    """Return the entities of a batch, each with its own @context, and those that have none."""
    media_type = parse_content_type(exchange.content_type, understood)
    link = body_link(exchange, media_type)
    body = read_list(exchange, "entities")
    shared = await hub.contexts.resolve(link, None) if media_type != LD_JSON else None
    items: list[BatchItem] = []
    failures: list[Failure] = []
    for place, entity in enumerate(body, start=1):
        if not isinstance(entity, dict):
            failures.append(("", BadRequestData(f"Item {place} is {kind_of(entity)}; it has to be an entity.")))
        elif shared is not None and "@context" not in entity:
            items.append(BatchItem(entity, shared))
        else:
            try:
                items.append(BatchItem(entity, await context_of_object(hub, entity, media_type, link)))
            except HubError as error:
                failures.append((_id_of(entity), error))
    return items, failures


def _id_of(entity: dict[str, Any]) -> str:
    identifier = entity.get("id", entity.get("@id"))
    return identifier if isinstance(identifier, str) else ""


def answer_result(success: Sequence[str], failures: Sequence[Failure]) -> Answer:
    """Return 207 with a BatchOperationResult (§5.2.16)."""
    errors = [{"entityId": entity_id, "error": render_problem(error)} for entity_id, error in failures]
    return answer_json({"success": list(success), "errors": errors}, status=207, media_type=JSON)
