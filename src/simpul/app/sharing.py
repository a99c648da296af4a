"""Changes of entities of which other sources hold parts (CIM 009 §5.6): shared out, done, and told as one. No HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from simpul.app import entities
from simpul.app.federation import (
    Call,
    Hop,
    Reply,
    ask_all,
    compact_fragment,
    decode_object,
    list_sources,
    raise_if_back,
    raise_if_conditional,
    wire_context,
)
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.distribution import Division, Share, divide, take
from simpul.domain.earlier import conform_fragment
from simpul.domain.entity import Entity, Instance
from simpul.domain.errors import Conflict, HubError, LoopDetected, NotFound, PeerRefused
from simpul.domain.registration import Mode, Registration
from simpul.domain.source_matching import covered_attributes

_PARTLY = 207
_BAD_GATEWAY = 502
_CREATED = 201

Local = Callable[[Entity], Awaitable[Any]]


class Part(NamedTuple):
    """What became of one part of a change: done here (`registration` is None) or at a source.

    `unchanged` are (name, reason) of attributes that were left as they are, though the part as such succeeded.
    `result` is what came of it here, or the status of the source's answer.
    """

    registration: Registration | None
    names: tuple[str, ...]
    error: HubError | None = None
    unchanged: tuple[tuple[str, str], ...] = ()
    result: Any = None


@dataclass(frozen=True, slots=True)
class Shape:
    """How a change is sent: `path` below the API, and its parameters. `operation` is its name of §4.20.

    `below` is what stands behind the name of an attribute in the path.
    """

    operation: str
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    below: str = ""


class Target(NamedTuple):
    """The entity that a change is about; `types` is empty where they are not known."""

    entity_id: str
    types: tuple[str, ...] = ()


def target_of(hub: Hub, hop: Hop, entity_id: str, types: Iterable[str] = ()) -> Target:
    """Return the target of a change: of the types that are told, else of those that the hub's own entity has."""
    told = tuple(types)
    if not told:
        document = entities.find_document(hop.caller, hub, entity_id)
        told = document.types if document is not None else ()
    return Target(entity_id, told)


class AttributeTarget(NamedTuple):
    """The attribute that a change is about, by its full name: the body as it came, and what was read of it.

    `is_named` says that the body has the attribute's name, and below it an array of one (§5.6.14.3).
    """

    entity_id: str
    name: str
    body: Any = None
    read: Instance | list[Instance] | None = None
    is_named: bool = False


def share_out(hub: Hub, hop: Hop, target: Target, fragment: Entity, operation: str) -> Division:
    """Return who gets what of a fragment. Raises LoopDetected, PreconditionFailed."""
    division = divide(fragment, target.entity_id, target.types, list_sources(hub, hop, (operation,)), operation)
    if not division.is_local:
        raise_if_back(hop)
        raise_if_conditional(hop, operation)
    return division


async def perform(hub: Hub, hop: Hop, division: Division, shape: Shape, local: Local) -> list[Part]:
    """Do each part of a change where it belongs, all at the same time; return what became of each."""
    calls = []
    for share in division.forwarded:
        context = await wire_context(hub, hop, share.registration)
        body = _body_of(share, context)
        calls.append((share.registration, Call(shape.method, shape.path, shape.parameters, body)))
    replies, *own = await asyncio.gather(
        ask_all(hub, hop, calls),
        *([_run(local, division.rest)] if division.rest is not None else []),
    )
    parts = [part_of(reply, share) for reply, share in zip(replies, division.forwarded, strict=True)]
    return [*own, *without_loops(parts), *(refusal(share) for share in division.refused)]


def _body_of(share: Share, context: Context) -> dict[str, Any]:
    """Return what a source is sent of a change, as the version of the standard has it that it is registered with."""
    version, fragment = share.registration.version, share.fragment
    return compact_fragment(context, fragment if version is None else conform_fragment(fragment, version, context))


async def _run(local: Local, fragment: Entity) -> Part:
    names = tuple(name for name in fragment if ":" in name)
    try:
        result = await local(fragment)
    except HubError as error:
        return Part(None, names, error)
    return Part(None, names, unchanged=tuple(getattr(result, "unchanged", ())), result=result)


def part_of(reply: Reply, share: Share) -> Part:
    """Return what a source's reply says of its part."""
    names = tuple(share.names)
    if reply.error is not None or reply.answer is None:
        return Part(reply.registration, names, reply.error)
    if reply.answer.status != _PARTLY:
        return Part(reply.registration, names, result=reply.answer.status)
    told = decode_object(reply.answer)
    left = told.get("notUpdated")
    if isinstance(left, list) and left:
        unchanged = [(str(one.get("attributeName")), str(one.get("reason"))) for one in left if isinstance(one, dict)]
        return Part(reply.registration, names, unchanged=tuple(unchanged))
    return Part(
        reply.registration,
        names,
        PeerRefused(f"The source {reply.registration.id} did only a part of it.", _BAD_GATEWAY),
        unchanged=tuple((name, f"the source {reply.registration.id} did only a part") for name in names),
    )


def without_loops(parts: Sequence[Part]) -> list[Part]:
    """Leave out sources that have had the request already, unless they alone hold what it is about."""
    return [
        part
        for part in parts
        if not (
            isinstance(part.error, LoopDetected)
            and part.registration is not None
            and not part.registration.mode.is_proxied
        )
    ]


def refusal(share: Share) -> Part:
    """Return the part that a source alone holds and cannot do (§5.6.1.4)."""
    error = Conflict(
        f"The source {share.registration.id} alone holds these attributes, and it is not registered for this operation."
    )
    return Part(share.registration, tuple(share.names), error)


async def perform_whole(hub: Hub, hop: Hop, target: Target, shape: Shape, local: Local) -> list[Part] | None:
    """Remove an entity at every source that has something of it, and here (§5.6.6). None where no source has."""
    concerned = [
        one
        for one in list_sources(hub, hop, (shape.operation,))
        if one.mode is not Mode.AUXILIARY and covered_attributes(one, target.entity_id, target.types, ()) is not None
    ]
    forwarded = [one for one in concerned if one.supports(shape.operation)]
    refused = [one for one in concerned if one.mode.is_proxied and not one.supports(shape.operation)]
    if not forwarded and not refused:
        return None
    raise_if_back(hop)
    raise_if_conditional(hop, shape.operation)
    call = Call(shape.method, shape.path, shape.parameters)
    replies, own = await asyncio.gather(
        ask_all(hub, hop, [(one, call) for one in forwarded]), _run(local, {"id": target.entity_id})
    )
    is_proxied = any(one.mode.is_proxied for one in concerned)
    is_absent = isinstance(own.error, NotFound)
    # What a source alone may hold is not missed here.
    parts = [] if is_absent and is_proxied else [own]
    parts += without_loops([part_of(reply, Share(reply.registration, {})) for reply in replies])
    return [*parts, *(refusal(Share(one, {})) for one in refused)]


async def perform_on_attribute(
    hub: Hub, hop: Hop, shape: Shape, target: AttributeTarget, local: Local
) -> list[Part] | None:
    """Change one attribute where it is held (§5.6.4, §5.6.5, §5.6.19). None where no source is concerned."""
    name = target.name
    types = target_of(hub, hop, target.entity_id).types
    concerned = [
        one
        for one in list_sources(hub, hop, (shape.operation,))
        if one.mode is not Mode.AUXILIARY and covered_attributes(one, target.entity_id, types, (name,))
    ]
    proxied = [one for one in concerned if one.mode.is_proxied]
    asked = [one for one in proxied or concerned if one.supports(shape.operation)]
    refused = [one for one in proxied if not one.supports(shape.operation)]
    if not asked and not refused:
        return None
    raise_if_back(hop)
    raise_if_conditional(hop, shape.operation)
    calls = []
    for one in asked:
        context = await wire_context(hub, hop, one)
        path = f"{shape.path}/{quote(context.compact(name), safe='')}{shape.below}"
        body = _attribute_body(target, one, told=hop.context, spoken=context)
        calls.append((one, Call(shape.method, path, shape.parameters, body)))
    replies, *own = await asyncio.gather(ask_all(hub, hop, calls), *([] if proxied else [_run(local, {name: {}})]))
    parts = [part_of(reply, Share(reply.registration, {name: {}})) for reply in replies]
    return [*own, *without_loops(parts), *(refusal(Share(one, {name: {}})) for one in refused)]


def _attribute_body(target: AttributeTarget, registration: Registration, *, told: Context, spoken: Context) -> Any:
    """Return what a source is sent of a change of one attribute: in its @context, and in its version (§4.3.6.8)."""
    if target.read is None or (told is spoken and registration.version is None):
        return target.body
    ((name, read),) = _body_of(Share(registration, {target.name: target.read}), spoken).items()
    return {name: [read]} if target.is_named else read


class BatchPart(NamedTuple):
    """What became of a batch at one source, or here: ids that were made, changed, and (id, error) of the rest."""

    created: list[str]
    updated: list[str]
    errors: list[tuple[str, HubError, Registration | None]]


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How a batch is sent, and how each entity of it where a source takes single ones alone."""

    operation: str
    path: str
    single: Callable[[str], Shape] | None
    parameters: tuple[tuple[str, str], ...] = ()
    makes: bool = False


def divide_batch(
    hub: Hub, hop: Hop, members: Sequence[Entity], shape: BatchShape
) -> tuple[dict[str, list[Share]], list[Share], list[Entity]]:
    """Return what each source takes of a batch by its id, what it should and cannot, and what is left (§5.6.7.4)."""
    sources = list_sources(hub, hop, (shape.operation,))
    taken: dict[str, list[Share]] = {}
    refused: list[Share] = []
    rest: list[Entity] = []
    single = shape.single("urn:x:x").operation if shape.single is not None else shape.operation
    able = {one.id for one in sources if one.supports(shape.operation) or one.supports(single)}
    for entity in members:
        target = target_of(hub, hop, entity["id"], entity.get("type", ()))
        division = divide(entity, *target, sources, "")
        shares = [*division.refused, *_inclusive(sources, division.rest, target)]
        for share in shares:
            if share.registration.id in able:
                taken.setdefault(share.registration.id, []).append(share)
            elif share.registration.mode.is_proxied:
                refused.append(share)
        if division.rest is not None:
            rest.append(division.rest)
    if taken or refused:
        raise_if_back(hop)
    return taken, refused, rest


def _inclusive(sources: Iterable[Registration], rest: Entity | None, target: Target) -> list[Share]:
    if rest is None:
        return []
    found = (take(one, rest, *target) for one in sources if one.mode is Mode.INCLUSIVE)
    return [share for share in found if share is not None]


async def send_batch(hub: Hub, hop: Hop, shares: Sequence[Share], shape: BatchShape) -> BatchPart:
    """Send one source its part of a batch."""
    registration = shares[0].registration
    context = await wire_context(hub, hop, registration)
    ids = [str(share.fragment["id"]) for share in shares]
    if not registration.supports(shape.operation) and shape.single is not None:
        return await _send_singly(hub, hop, shares, shape)
    is_deletion = shape.operation == "deleteBatch"
    body: Any = ids if is_deletion else [_body_of(share, context) for share in shares]
    (reply,) = await ask_all(hub, hop, [(registration, Call("POST", shape.path, shape.parameters, body))])
    return _read_batch(reply, ids, makes=shape.makes)


def _read_batch(reply: Reply, ids: list[str], *, makes: bool) -> BatchPart:
    if isinstance(reply.error, LoopDetected) and not reply.registration.mode.is_proxied:
        return BatchPart([], [], [])
    if reply.error is not None or reply.answer is None:
        assert reply.error is not None, "no answer is an error"
        return BatchPart([], [], [(one, reply.error, reply.registration) for one in ids])
    if reply.answer.status == _PARTLY:
        told = decode_object(reply.answer)
        done = [one for one in told.get("success", []) if one in ids]
        errors = {str(one.get("entityId")): one for one in told.get("errors", []) if isinstance(one, dict)}
        failed = [one for one in ids if one in errors or one not in done]
        return BatchPart([], done, [(one, _told_error(errors.get(one), reply), reply.registration) for one in failed])
    made = _made(reply, ids) if makes else []
    return BatchPart(made, [one for one in ids if one not in made], [])


def _made(reply: Reply, ids: list[str]) -> list[str]:
    """Return the ids that a source says it made."""
    assert reply.answer is not None, "the caller has looked"
    if reply.answer.status != _CREATED:
        return []
    try:
        told = msgspec.json.decode(reply.answer.body, type=list[str])
    except msgspec.DecodeError:
        return ids
    return [one for one in told if one in ids]


def _told_error(error: dict[str, Any] | None, reply: Reply) -> HubError:
    problem = (error or {}).get("error")
    told = problem if isinstance(problem, dict) else {}
    status = told.get("status")
    detail = told.get("detail") or told.get("title") or "it did not say why"
    return PeerRefused(
        f"The source {reply.registration.id} refused it: {str(detail)[:500]}",
        status if isinstance(status, int) else _BAD_GATEWAY,
        str(told.get("type") or "about:blank"),
    )


async def _send_singly(hub: Hub, hop: Hop, shares: Sequence[Share], shape: BatchShape) -> BatchPart:
    assert shape.single is not None, "the caller has looked"
    calls = []
    for share in shares:
        one = shape.single(str(share.fragment["id"]))
        context = await wire_context(hub, hop, share.registration)
        body = None if one.method == "DELETE" else _body_of(share, context)
        calls.append((share.registration, Call(one.method, one.path, one.parameters, body)))
    part = BatchPart([], [], [])
    for reply, share in zip(await ask_all(hub, hop, calls), shares, strict=True):
        read = _read_batch(reply, [str(share.fragment["id"])], makes=shape.makes)
        part.created.extend(read.created)
        part.updated.extend(read.updated)
        part.errors.extend(read.errors)
    return part


def divide_deletion(
    hub: Hub, hop: Hop, entity_ids: Sequence[str], shape: BatchShape
) -> tuple[dict[str, list[Share]], list[Share], set[str]]:
    """Return what each source is to delete, what those that hold it alone cannot, and which ids are held alone."""
    taken: dict[str, list[Share]] = {}
    refused: list[Share] = []
    proxied: set[str] = set()
    targets = [target_of(hub, hop, entity_id) for entity_id in entity_ids]
    for registration in list_sources(hub, hop, (shape.operation,)):
        if registration.mode is Mode.AUXILIARY:
            continue
        is_able = registration.supports(shape.operation) or registration.supports("deleteEntity")
        for entity_id, types in targets:
            if covered_attributes(registration, entity_id, types, ()) is None:
                continue
            share = Share(registration, {"id": entity_id})
            if registration.mode.is_proxied:
                proxied.add(entity_id)
                if not is_able:
                    refused.append(share)
            if is_able:
                taken.setdefault(registration.id, []).append(share)
    if taken or refused:
        raise_if_back(hop)
    return taken, refused, proxied
