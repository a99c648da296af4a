"""Asks other sources on behalf of a request (CIM 009 §4.3.6). What to ask is decided elsewhere. No HTTP library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.registry import SourceStatus
from simpul.app.way import parse_via
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.entity import ENTITY_MEMBERS, Entity
from simpul.domain.errors import (
    HubError,
    LoopDetected,
    PeerError,
    PeerInvalid,
    PeerRefused,
    PeerTimeout,
    PeerUnreachable,
    PreconditionFailed,
)
from simpul.domain.operations import HISTORICAL
from simpul.domain.registration import FROM_REQUEST, Registration
from simpul.ports.peer import PeerAnswer, PeerRequest

_API = "/ngsi-ld/v1"
_LD_JSON = "application/ld+json"
_NOT_FOUND = 404
_LOOP = 508
_SERVER_FAILS = 500
_REFUSES = 300
_ACCUSES = 400
# These are the hub's own, or those of the connection (§4.3.6.5).
_NEVER_TAKEN_OVER = frozenset({
    "via", "link", "ngsild-tenant", "host", "content-length", "connection", "transfer-encoding", "content-type",
    "accept", "contenttype", "jsonldcontext", "ngsildconformance", "expect", "upgrade", "te", "trailer", "if-match",
    "if-none-match",
})  # fmt: skip

# Changes of an entity that is there. Making one has no ETag to compare, and histories have none.
_OF_WHAT_HAS_A_TAG = frozenset({
    "replaceEntity", "mergeEntity", "deleteEntity", "appendAttrs", "updateEntity", "updateAttrs", "replaceAttrs",
    "deleteAttrs",
})  # fmt: skip

_CIRCLING = (
    "The same request was under way to it several times at once, and none was answered: it may go round in a circle of"
    " hubs that does not pass Via on. Add localOnly to the management of a registration in it."
)

_encode = msgspec.json.Encoder().encode
Told = TypeVar("Told")
Paging = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """What a request hands on to those it is forwarded to: its @context, where it has been, its headers.

    `via` are the pseudonyms of the hubs that it has been to; names of `headers` are in lower case.
    """

    caller: Caller
    context: Context
    via: tuple[str, ...]
    via_text: str
    headers: dict[str, str]
    alias: str

    @property
    def is_back(self) -> bool:
        """Return whether the request has been here already, or to more hubs than any federation has."""
        return self.alias in self.via or len(self.via) > limits.VIA_HOPS_MAX


class Call(NamedTuple):
    """An operation at a source: the path below its API, parameters, and a body in short names of `Wire.context`."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    body: Any = None


async def hop_of(hub: Hub, caller: Caller, context: Context, headers: Sequence[tuple[bytes, bytes]]) -> Hop:
    """Return what a request with these headers hands on."""
    told: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1").lower()
        told[key] = f"{told[key]}, {value.decode('latin-1')}" if key in told else value.decode("latin-1")
    via_text = told.get("via", "")[: limits.HEADER_CHARACTERS_MAX]
    via = parse_via(via_text)
    return Hop(caller, context, via, via_text, told, await hub.registry.get_alias(caller.tenant))


def list_sources(hub: Hub, hop: Hop, operations: Sequence[str]) -> list[Registration]:
    """Return the sources that one of these operations may still be forwarded to.

    They are those that it has not been to (§5.12), of histories where the operations are about histories (§5.9.1).
    """
    is_historical = not HISTORICAL.isdisjoint(operations)
    find = hub.registry.list_history_sources if is_historical else hub.registry.list_sources
    known = find(hop.caller.tenant, hub.clock.now_us())
    return [one for one in known if one.alias is None or one.alias not in hop.via]


def raise_if_back(hop: Hop) -> None:
    """Refuse a change that came round in a circle: it must not be done twice (§6.3.17). Raises LoopDetected."""
    if hop.is_back:
        raise LoopDetected(
            "This hub has had the request already: its own name is in the Via header. Two hubs are registered with each"
            " other; give their registrations a contextSourceAlias, or management.localOnly."
        )


def raise_if_conditional(hop: Hop, operation: str) -> None:
    """Refuse a change with a condition where other sources have parts of the entity: no ETag tells of all of them."""
    if operation in _OF_WHAT_HAS_A_TAG and not hop.headers.keys().isdisjoint(("if-match", "if-none-match")):
        raise PreconditionFailed(
            "Other sources have parts of this entity, so it has no ETag and nothing can be said of it in one moment."
            " Send the change without If-Match and If-None-Match, or add local=true to change what this hub has."
        )


async def wire_context(hub: Hub, hop: Hop, registration: Registration) -> Context:
    """Return the @context to speak to the source in (§4.3.6.6): its own, the request's, or the core one."""
    for key, value in registration.headers:
        if key.lower() == "jsonldcontext":
            return await hub.contexts.resolve(value)
    # An @context that is no single URL cannot be named in a Link header; full names are understood under the core one.
    return hop.context if hop.context is CORE or len(hop.context.urls) == 1 else CORE


def compact_fragment(context: Context, fragment: Entity) -> dict[str, Any]:
    """Return an entity or a fragment of one in short names; a single instance stands without brackets."""
    has_type = "type" in fragment
    whole = {"id": "", **fragment, "type": fragment.get("type", ["Thing"])}
    compacted = context.compact_entity(whole)
    if "id" not in fragment:
        del compacted["id"]
    if not has_type:
        del compacted["type"]
    for name, value in compacted.items():
        if name not in ENTITY_MEMBERS and isinstance(value, list) and len(value) == 1:
            compacted[name] = value[0]
    return compacted


def told_status(answer: PeerAnswer) -> str:
    """Return what a status that is no success says of a source; redirects are not followed."""
    if "location" in answer.headers and _REFUSES <= answer.status < _ACCUSES:
        return (
            f"It leads elsewhere (status {answer.status}), where nothing is asked. Give the registration the address of"
            " the hub itself."
        )
    return f"It answered with status {answer.status}."


async def send(hub: Hub, hop: Hop, registration: Registration, call: Call) -> PeerAnswer:
    """Send an operation to a source and return its answer, whatever its status. Raises PeerError."""
    status = hub.registry.status(hop.caller.tenant, registration.id)
    _raise_if_cooling(hub, registration, status)
    request = _request(hop, registration, call, await wire_context(hub, hop, registration))
    same = (request.method, request.url, request.body)
    began = monotonic()
    try:
        await status.under_way.enter(same, request.timeout_ms / 1000)
    except TimeoutError:
        raise PeerTimeout(f"The source {registration.id} was not asked. {_CIRCLING}") from None
    try:
        if status.misses:
            _raise_if_cooling(hub, registration, status)
        waited_ms = int((monotonic() - began) * 1000)
        answer = await hub.peers.send(request._replace(timeout_ms=max(1, request.timeout_ms - waited_ms)))
    except PeerInvalid as error:
        status.failed(hub.clock.now_us(), failure_of(error), is_reachable=True)
        hub.live.stir(hop.caller.tenant)
        raise
    except PeerError as error:
        is_circling = isinstance(error, PeerTimeout) and status.under_way.is_crowded(same)
        status.missed(hub.clock.now_us(), _CIRCLING if is_circling else failure_of(error))
        hub.live.stir(hop.caller.tenant)
        if is_circling:
            raise PeerTimeout(f"{error.detail} {_CIRCLING}") from error
        raise
    finally:
        status.under_way.leave(same)
    if answer.status < _REFUSES:
        status.succeeded(hub.clock.now_us())
    elif answer.status != _LOOP:
        failure = told_status(answer)
        status.failed(hub.clock.now_us(), failure, is_reachable=answer.status < _SERVER_FAILS)
    hub.live.stir(hop.caller.tenant)
    return answer


def _raise_if_cooling(hub: Hub, registration: Registration, status: SourceStatus) -> None:
    if status.is_cooling(hub.clock.now_us(), registration.cooldown_ms):
        raise PeerUnreachable(f"The source {registration.id} could not be reached and is left alone for a while.")


def _request(hop: Hop, registration: Registration, call: Call, context: Context) -> PeerRequest:
    info = {key.lower(): (key, value) for key, value in registration.headers}
    accept = info.get("accept", ("", "application/json"))[1]
    # §6.3.19: an @context of the source's own is always named in a Link header, the core one too.
    own_link = info.get("jsonldcontext", ("", ""))[1]
    is_ld_json = not own_link and info.get("contenttype", ("", ""))[1] == _LD_JSON
    has_context_inside = call.body is not None and is_ld_json
    headers = [("Accept", accept), ("Via", f"{hop.via_text}, 1.1 {hop.alias}" if hop.via_text else f"1.1 {hop.alias}")]
    if registration.tenant:
        headers.append(("NGSILD-Tenant", registration.tenant))
    if call.body is not None:
        headers.append(("Content-Type", _LD_JSON if has_context_inside else "application/json"))
    if own_link or (context is not CORE and not has_context_inside):
        relation = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
        headers.append(("Link", f"<{quote(own_link or context.link, safe='%/:=&?~#+!$,;@()*[]')}>; {relation}"))
    for low, (key, value) in info.items():
        if low in _NEVER_TAKEN_OVER:
            continue
        told = hop.headers.get(low) if value == FROM_REQUEST else value
        if told is not None:
            headers.append((key, told))
    parameters = [*call.parameters, *((("local", "true"),) if registration.is_local_only else ())]
    query = "&".join(f"{name}={quote(value, safe=':,/*')}" for name, value in parameters)
    return PeerRequest(
        method=call.method,
        url=url_of(registration, call.path) + (f"?{query}" if query else ""),
        headers=tuple(headers),
        body=b""
        if call.body is None
        else _encode(_with_context(call.body, context) if has_context_inside else call.body),
        timeout_ms=registration.timeout_ms,
    )


def failure_of(error: PeerError) -> str:
    """Return in a few words why a source gave no answer; which one, and what it was asked, is known beside it."""
    if isinstance(error, PeerTimeout):
        return "It did not answer in time."
    return error.brief if isinstance(error, PeerUnreachable) else error.detail


def url_of(registration: Registration, path: str) -> str:
    """Return where a source has this path of the API."""
    root = registration.endpoint if registration.endpoint.endswith(_API) else registration.endpoint + _API
    return root + path


def _with_context(body: Any, context: Context) -> Any:
    if isinstance(body, list):
        return [_with_context(one, context) for one in body]
    return {"@context": context.link, **body} if isinstance(body, dict) else body


class Reply(NamedTuple):
    """What came of asking one source: its answer, or why there is none."""

    registration: Registration
    answer: PeerAnswer | None
    error: HubError | None


async def ask_all(hub: Hub, hop: Hop, calls: Sequence[tuple[Registration, Call]]) -> list[Reply]:
    """Send each operation to its source, all at the same time; a failure is a reply, too."""

    async def ask(registration: Registration, call: Call) -> Reply:
        try:
            answer = await send(hub, hop, registration, call)
        except HubError as error:
            return Reply(registration, None, error)
        return Reply(registration, answer, error_of(registration, answer))

    return list(await asyncio.gather(*(ask(registration, call) for registration, call in calls)))


def error_of(registration: Registration, answer: PeerAnswer) -> HubError | None:
    """Return the error that an answer is, or None."""
    if answer.status < _REFUSES:
        return None
    if answer.status == _LOOP:
        return LoopDetected(f"The source {registration.id} has had this request already.")
    problem = decode_object(answer)
    told = problem.get("detail") or problem.get("title")
    detail = f"The source {registration.id} answered with status {answer.status}"
    if "location" in answer.headers and answer.status < _ACCUSES:
        detail += ", a redirect, which is not followed; its registration has to name the address of the hub itself"
    type_uri = problem.get("type")
    return PeerRefused(
        f"{detail}: {str(told)[:500]}" if told else f"{detail}.",
        answer.status,
        type_uri if isinstance(type_uri, str) else "about:blank",
    )


def decode_object(answer: PeerAnswer) -> dict[str, Any]:
    """Return the JSON object in the answer's body, or an empty one."""
    try:
        decoded = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


async def read_bodies(
    hub: Hub, hop: Hop, reply: Reply, read: Callable[[Any, Context], Told]
) -> tuple[list[Told], HubError | None]:
    """Return what `read` makes of each entity in a source's reply, and what is wrong with the reply (§6.3.17)."""
    if reply.error is not None or reply.answer is None:
        is_absent = isinstance(reply.error, PeerRefused) and reply.error.status == _NOT_FOUND
        # Not to have the entity is nothing abnormal (§6.3.17); to have had the request already is none of its fault.
        is_abnormal = not is_absent and not isinstance(reply.error, LoopDetected)
        return [], reply.error if is_abnormal else None
    try:
        decoded = msgspec.json.decode(reply.answer.body) if reply.answer.body else []
        bodies = decoded if isinstance(decoded, list) else [decoded]
        context = await wire_context(hub, hop, reply.registration)
        return [read(body, await _context_of(hub, body, context)) for body in bodies], None
    except (msgspec.DecodeError, RecursionError) as error:
        return [], PeerInvalid(f"The source {reply.registration.id} answered with what is no JSON: {error}.")
    except HubError as error:
        return [], PeerInvalid(f"The source {reply.registration.id} answered with no valid entity: {error.detail}")


async def _context_of(hub: Hub, body: Any, context: Context) -> Context:
    is_told = isinstance(body, dict) and "@context" in body
    return await hub.contexts.resolve(None, body["@context"]) if is_told else context


async def ask_pages(wanted: int, ask: Callable[[Paging], Awaitable[Reply]], *, counts: bool = False) -> list[Reply]:
    """Ask a source for pages until there are as many entities as wanted; the last reply may be a failure."""
    window = min(wanted, limits.PEER_ENTITIES_PER_ANSWER)
    replies: list[Reply] = []
    for offset in range(0, wanted, window):
        paging = [("limit", str(window))]
        paging += [("offset", str(offset))] if offset else []
        paging += [("count", "true")] if counts else []
        replies.append(await ask(tuple(paging)))
        if replies[-1].error is not None or wanted <= window or _size(replies[-1]) < window:
            break
    return replies


def _size(reply: Reply) -> int:
    """Return how many entities a reply has, as far as it is a list."""
    try:
        return len(msgspec.json.decode(reply.answer.body, type=list[msgspec.Raw])) if reply.answer is not None else 0
    except (msgspec.DecodeError, RecursionError):
        return 0


def count_told(replies: Sequence[Reply]) -> int:
    """Return how many entities there are at these sources, by what each told in its first reply."""
    told = (one.answer.headers.get("ngsild-results-count", "") for one in replies if one.answer is not None)
    return sum(int(number) for number in told if number.isdecimal())
