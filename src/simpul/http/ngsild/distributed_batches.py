"""Batches where other sources are registered (CIM 009 §5.6.7 to §5.6.10, §5.6.20). Nothing is decided here.

A batch that no source is concerned by goes to the ordinary handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from simpul.app import batch as batches
from simpul.app import sharing
from simpul.app.batch import BatchItem, BatchOutcome, UpsertMode
from simpul.app.federation import Hop, hop_of
from simpul.app.hub import Hub
from simpul.app.sharing import BatchPart, BatchShape, Shape
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.distribution import Share
from simpul.domain.entity import Entity
from simpul.domain.errors import BadRequestData, HubError, NotFound
from simpul.domain.merge import Overwrite
from simpul.domain.parse import parse_entity, parse_fragment
from simpul.domain.registration import Registration
from simpul.http.admission import admit_writer, context_of_reader
from simpul.http.exchange import NO_CONTENT, Answer, Exchange, Handler, answer_json
from simpul.http.negotiate import BODY_TYPES, PATCH_BODY_TYPES
from simpul.http.ngsild import batch
from simpul.http.ngsild.batch import NOTHING
from simpul.http.ngsild.distributed import is_local
from simpul.http.ngsild.distributed_writes import path_of
from simpul.http.ngsild.fragments import BATCH_MERGE_PARAMETERS, parse_manner
from simpul.http.parameters import parse_options, parse_parameters
from simpul.http.problem import render_problem

Run = Callable[[Caller, Sequence[BatchItem]], Awaitable[BatchOutcome]]
Failure = tuple[str, HubError, Registration | None]


class Batch(NamedTuple):
    """One kind of batch: how it is sent, what does it when no source is concerned, and how its members are read."""

    shape: BatchShape
    ordinary: Handler
    understood: tuple[str, ...] = BODY_TYPES
    is_of_fragments: bool = False


class Result(NamedTuple):
    """What became of a batch, here and everywhere."""

    created: list[str]
    updated: list[str]
    failures: list[Failure]


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/create (§6.14.3.1)."""

    def single(_: str) -> Shape:
        return Shape("createEntity", "POST", "/entities")

    async def run(caller: Caller, items: Sequence[BatchItem]) -> BatchOutcome:
        return await batches.create(caller, hub, items)

    shape = BatchShape("createBatch", "/entityOperations/create", single, makes=True)
    result = await _share(hub, exchange, Batch(shape, batch.create), run)
    if isinstance(result, Answer):
        return result
    done = [*result.created, *result.updated]
    return _answer(result) if result.failures else answer_json(list(dict.fromkeys(done)), status=201)


async def upsert(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/upsert (§6.15.3.1)."""
    parameters = parse_parameters(exchange.query, batch.WRITE_PARAMETERS)
    options = parse_options(parameters, frozenset({"update", "replace"}))
    mode = UpsertMode.UPDATE if "update" in options else UpsertMode.REPLACE

    async def run(caller: Caller, items: Sequence[BatchItem]) -> BatchOutcome:
        return await batches.upsert(caller, hub, items, mode)

    shape = BatchShape("upsertBatch", "/entityOperations/upsert", None, _options(options), makes=True)
    result = await _share(hub, exchange, Batch(shape, batch.upsert), run)
    if isinstance(result, Answer):
        return result
    if result.failures:
        return _answer(result)
    return answer_json(list(dict.fromkeys(result.created)), status=201) if result.created else NO_CONTENT


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/update (§6.16.3.1)."""
    parameters = parse_parameters(exchange.query, batch.WRITE_PARAMETERS)
    options = parse_options(parameters, frozenset({"noOverwrite"}))
    overwrite = Overwrite.DENIED if options else Overwrite.ALLOWED

    def single(entity_id: str) -> Shape:
        return Shape("appendAttrs", "POST", path_of(entity_id) + "/attrs", _options(options))

    async def run(caller: Caller, items: Sequence[BatchItem]) -> BatchOutcome:
        return await batches.update(caller, hub, items, overwrite=overwrite)

    shape = BatchShape("updateBatch", "/entityOperations/update", single, _options(options))
    kind = Batch(shape, batch.update, PATCH_BODY_TYPES, is_of_fragments=True)
    result = await _share(hub, exchange, kind, run)
    if isinstance(result, Answer):
        return result
    return _answer(result) if result.failures else NO_CONTENT


async def merge(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/merge (§6.31.3.1)."""
    if parse_manner(parse_parameters(exchange.query, BATCH_MERGE_PARAMETERS)).needs_entity:
        # Such fragments can only be read beside the hub's own entities.
        return await batch.merge(hub, exchange)

    def single(entity_id: str) -> Shape:
        return Shape("mergeEntity", "PATCH", path_of(entity_id))

    async def run(caller: Caller, items: Sequence[BatchItem]) -> BatchOutcome:
        return await batches.merge(caller, hub, items)

    shape = BatchShape("mergeBatch", "/entityOperations/merge", single)
    kind = Batch(shape, batch.merge, PATCH_BODY_TYPES, is_of_fragments=True)
    result = await _share(hub, exchange, kind, run)
    if isinstance(result, Answer):
        return result
    return _answer(result) if result.failures else NO_CONTENT


def _options(options: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return (("options", ",".join(sorted(options))),) if options else ()


async def _share(hub: Hub, exchange: Exchange, kind: Batch, run: Run) -> Result | Answer:
    """Do each part of a batch where it belongs; or all of it here, where no source is concerned."""
    if is_local(exchange):
        return await kind.ordinary(hub, exchange)
    caller = await admit_writer(hub, exchange)
    items, unread = await batch.read_items(hub, exchange, kind.understood)
    parsed, failures = _parse(items, is_of_fragments=kind.is_of_fragments)
    hop = await hop_of(hub, caller, _shared_context(items), exchange.headers)
    taken, refused, rest = sharing.divide_batch(hub, hop, [entity for entity, _ in parsed], kind.shape)
    if not taken and not refused:
        return await kind.ordinary(hub, exchange)
    contexts = {entity["id"]: context for entity, context in parsed}
    # Full names are names under every @context, so what was read can be read again.
    left = [BatchItem(entity, contexts[entity["id"]]) for entity in rest]
    parts, own = await asyncio.gather(_send(hub, hop, taken, kind.shape), run(caller, left) if left else _nothing())
    early = [(entity_id, error, None) for entity_id, error in [*unread, *failures, *own.errors]]
    refusals = [(str(share.fragment["id"]), _refusal(share), share.registration) for share in refused]
    return Result(
        [*own.created, *(one for part in parts for one in part.created)],
        [*own.updated, *(one for part in parts for one in part.updated)],
        [*early, *refusals, *(failure for part in parts for failure in part.errors)],
    )


async def _nothing() -> BatchOutcome:
    return NOTHING


async def _send(hub: Hub, hop: Hop, taken: dict[str, list[Share]], shape: BatchShape) -> list[BatchPart]:
    return list(await asyncio.gather(*(sharing.send_batch(hub, hop, shares, shape) for shares in taken.values())))


def _refusal(share: Share) -> HubError:
    error = sharing.refusal(share).error
    assert error is not None, "a refusal is an error"
    return error


def _parse(
    items: Sequence[BatchItem], *, is_of_fragments: bool
) -> tuple[list[tuple[Entity, Context]], list[tuple[str, HubError]]]:
    parsed: list[tuple[Entity, Context]] = []
    failures: list[tuple[str, HubError]] = []
    for item in items:
        try:
            entity = parse_fragment(*item) if is_of_fragments else parse_entity(*item)
            if "id" not in entity:
                raise BadRequestData("A member of the batch has no 'id'. Name the entity that is to be changed.")
        except HubError as error:
            failures.append((_id_of(item.body), error))
        else:
            parsed.append((entity, item.context))
    return parsed, failures


def _id_of(body: Any) -> str:
    found = body.get("id", body.get("@id")) if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


def _shared_context(items: Sequence[BatchItem]) -> Context:
    """Return the @context that all members have, or the core one."""
    return items[0].context if items and all(item.context is items[0].context for item in items) else CORE


def _answer(result: Result) -> Answer:
    """Return 207 with a BatchOperationResult (§5.2.16)."""
    errors = [
        {
            "entityId": entity_id,
            "error": render_problem(error),
            **({} if registration is None else {"registrationId": registration.id}),
        }
        for entity_id, error, registration in result.failures
    ]
    success = list(dict.fromkeys([*result.created, *result.updated]))
    return answer_json({"success": success, "errors": errors}, status=207)


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/delete (§6.17.3.1)."""
    if is_local(exchange):
        return await batch.delete(hub, exchange)
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    ids = batch.read_list(exchange, "entity ids")
    texts = [one for one in ids if isinstance(one, str)]

    def single(entity_id: str) -> Shape:
        return Shape("deleteEntity", "DELETE", path_of(entity_id))

    shape = BatchShape("deleteBatch", "/entityOperations/delete", single)
    hop = await hop_of(hub, caller, await context_of_reader(hub, exchange), exchange.headers)
    taken, refused, proxied = sharing.divide_deletion(hub, hop, texts, shape)
    if len(texts) < len(ids) or (not taken and not refused):
        return await batch.delete(hub, exchange)
    parts, own = await asyncio.gather(_send(hub, hop, taken, shape), batches.delete(caller, hub, texts))
    failures: list[Failure] = [
        (entity_id, error, None)
        for entity_id, error in own.errors
        # What a source alone may hold is not missed here.
        if not (isinstance(error, NotFound) and entity_id in proxied)
    ]
    failures += [(str(share.fragment["id"]), _refusal(share), share.registration) for share in refused]
    failures += [failure for part in parts for failure in part.errors]
    done = [*own.updated, *(one for part in parts for one in part.updated)]
    return _answer(Result([], done, failures)) if failures else NO_CONTENT
