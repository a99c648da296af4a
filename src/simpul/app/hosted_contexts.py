"""@contexts that the hub stores and serves: add, list, tell of, serve and delete them (CIM 009 §5.13). No HTTP, no SQL.

A city's own @contexts are its own: another city finds them as little as ones that never were. Copies of others'
documents are public and shared.
"""

from __future__ import annotations

import secrets
from enum import Enum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.app.context_documents import HOSTED_PATH, Usage, local_id_of
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.context import CORE, CORE_CONTEXT_URL, CORE_CONTEXT_URLS, Context, build_context
from simpul.domain.errors import (
    BadRequestData,
    ContextNotAvailable,
    InvalidRequest,
    NotFound,
    OperationNotSupported,
    TooManyResults,
    Unauthenticated,
)
from simpul.ports.contexts import CachedContext, HostedContext


class Kind(Enum):
    """How an @context came here (§5.13.1)."""

    HOSTED = "Hosted"
    CACHED = "Cached"
    IMPLICIT = "ImplicitlyCreated"


class Told(NamedTuple):
    """What is told of an @context (§5.13.3). The core one has no usage: it is part of every request."""

    url: str
    local_id: str
    kind: Kind
    created_us: int
    usage: Usage | None


def address_of(hub: Hub, context_id: str) -> str:
    """Return the URL under which the hub serves one of its own @contexts."""
    return hub.settings.address + HOSTED_PATH + context_id


async def add(caller: Caller, hub: Hub, body: dict[str, Any]) -> str:
    """Host an @context and return its local identifier (§5.13.2). Raises BadRequestData, TooManyResults."""
    raise_unless_allowed(caller, Action.WRITE)
    if "@context" not in body:
        raise InvalidRequest('The body has no "@context", which is all that is stored of it.')
    context_id = secrets.token_hex(16)
    await _put(caller, hub, HostedContext(context_id, Kind.HOSTED.value, hub.clock.now_us()), _encode(body["@context"]))
    return context_id


async def _put(caller: Caller, hub: Hub, kept: HostedContext, document: bytes) -> None:
    raise_unless_valid(document)
    count, size = hub.hosted_contexts.measure_hosted(caller.tenant)
    if count >= limits.HOSTED_CONTEXTS_MAX:
        raise TooManyResults(f"The city hosts {count} @contexts, which is as many as are kept. Delete some.")
    if size + len(document) > limits.HOSTED_CONTEXTS_BYTES_MAX:
        raise TooManyResults(
            f"The @contexts that the city hosts have at most {limits.HOSTED_CONTEXTS_BYTES_MAX} bytes together. Delete"
            " some."
        )
    await hub.hosted_contexts.put_hosted(caller.tenant, kept, document)
    hub.contexts.documents.add_hosted(caller.tenant, kept.id)


def raise_unless_valid(document: bytes) -> None:
    """Refuse what is no JSON-LD @context (§5.5.4). What it names elsewhere is looked at when it is used."""
    if len(document) > limits.CONTEXT_BYTES_MAX:
        raise BadRequestData(f"The @context has {len(document)} bytes; at most {limits.CONTEXT_BYTES_MAX} are kept.")
    build_context([("", msgspec.json.decode(document))], lambda _: {"@context": {}})


async def create_implicitly(caller: Caller, hub: Hub, context: Context) -> str | None:
    """Host an @context that no single URL stands for, so that notifications can name it (§5.13.1); return its URL.

    The same content is hosted once in a city. One that has a URL of its own needs no other: that is None.
    """
    is_inline = context is not CORE and not hub.contexts.id_of(context)
    if not is_inline and len(context.urls) < 2:
        return None
    document = _encode(context.as_document()["@context"] if is_inline else list(context.urls))
    digest = blake2b(document, digest_size=16, key=caller.tenant.encode()).hexdigest()
    if hub.hosted_contexts.find_hosted(caller.tenant, digest) is None:
        await _put(caller, hub, HostedContext(digest, Kind.IMPLICIT.value, hub.clock.now_us()), document)
    return address_of(hub, digest)


def list_all(caller: Caller, hub: Hub, kind: Kind | None) -> list[Told]:
    """Return what there is, of one kind or of all (§5.13.3). Raises Unauthenticated."""
    _raise_if_anonymous(caller)
    own = [_tell_hosted(hub, one) for one in hub.hosted_contexts.list_hosted(caller.tenant)]
    copies = [_tell_cached(hub, one) for one in hub.contexts.documents.list_cached()]
    return [one for one in (*own, _tell_core(hub), *copies) if kind in (None, one.kind)]


def get(caller: Caller, hub: Hub, name: str) -> Told:
    """Return what is known of one @context, by its local identifier or its URL (§5.13.4). Raises NotFound."""
    _raise_if_anonymous(caller)
    told = _find(caller, hub, name)
    if told is None:
        raise _not_found(name)
    return told


def serve(caller: Caller, hub: Hub, name: str) -> bytes:
    """Return the document of an @context that the city hosts, as JSON (§5.13.4).

    Whoever reads what is public has to be able to read what its names mean. Raises NotFound, OperationNotSupported
    for a copy of somebody else's.
    """
    hosted = hub.hosted_contexts.find_hosted(caller.tenant, _local_id(hub, name))
    if hosted is not None:
        note_use(hub, hosted[0].id)
        return hosted[1]
    if name in CORE_CONTEXT_URLS or (not caller.is_anonymous and hub.contexts.documents.find_cached(name) is not None):
        raise OperationNotSupported(
            f"The @context {name[:200]} is a copy of somebody else's document, which is served where it comes from."
            " With details=true the hub tells what it knows of it."
        )
    raise _not_found(name)


def note_use(hub: Hub, name: str) -> None:
    """Count that an @context was asked for."""
    hub.contexts.documents.usage(name).note(hub.clock.now_us())


async def delete(caller: Caller, hub: Hub, name: str, *, reload: bool) -> None:
    """Forget an @context, or get a fresh copy of it (§5.13.5). Raises NotFound, BadRequestData, ContextNotAvailable."""
    raise_unless_allowed(caller, Action.WRITE)
    if name in CORE_CONTEXT_URLS:
        _raise_unless_reload(name, reload=reload)
        return
    told = _find(caller, hub, name)
    if told is None:
        if reload and ":" not in name:
            raise BadRequestData(f"Only copies of documents at URLs can be reloaded, and {name[:200]!r} is no URL.")
        raise _not_found(name)
    if told.kind is Kind.CACHED:
        await (_reload(hub, told.url) if reload else hub.contexts.documents.drop(told.url))
    elif reload:
        raise BadRequestData(f"The @context {name[:200]} is of kind {told.kind.value}; only a copy can be reloaded.")
    else:
        await drop_hosted(caller, hub, told.local_id)
    hub.contexts.forget(told.url)


async def _reload(hub: Hub, url: str) -> None:
    try:
        await hub.contexts.documents.reload(url)
    except BadRequestData as error:
        # §5.13.5.4: a document that is none any more is not available; whoever asks has done nothing wrong.
        raise ContextNotAvailable(f"{error.detail} The copy that is here stays.") from error


async def drop_hosted(caller: Caller, hub: Hub, context_id: str) -> None:
    """Forget one of the city's own, if it is there."""
    await hub.hosted_contexts.delete_hosted(caller.tenant, context_id)
    hub.contexts.documents.drop_hosted(context_id)


async def drop_implicit(caller: Caller, hub: Hub, url: str) -> None:
    """Forget an @context that came with a subscription; one that somebody added stays."""
    context_id = _local_id(hub, url)
    found = hub.hosted_contexts.find_hosted(caller.tenant, context_id)
    if found is not None and found[0].kind == Kind.IMPLICIT.value:
        await drop_hosted(caller, hub, context_id)
        hub.contexts.forget(url)


def _raise_unless_reload(name: str, *, reload: bool) -> None:
    # The core @context is part of the product: it is always fresh, and nothing works without it.
    if not reload:
        raise BadRequestData(f"The core @context {name} is part of the hub and cannot be deleted.")


def _find(caller: Caller, hub: Hub, name: str) -> Told | None:
    if name in CORE_CONTEXT_URLS or name == local_id_of(CORE_CONTEXT_URL):
        return _tell_core(hub)
    hosted = hub.hosted_contexts.find_hosted(caller.tenant, _local_id(hub, name))
    if hosted is not None:
        return _tell_hosted(hub, hosted[0])
    cached = hub.contexts.documents.find_cached(name)
    return None if cached is None else _tell_cached(hub, cached)


def _local_id(hub: Hub, name: str) -> str:
    return name.removeprefix(address_of(hub, ""))


def _tell_hosted(hub: Hub, hosted: HostedContext) -> Told:
    usage = hub.contexts.documents.usage(hosted.id)
    return Told(address_of(hub, hosted.id), hosted.id, Kind(hosted.kind), hosted.created_us, usage)


def _tell_cached(hub: Hub, cached: CachedContext) -> Told:
    usage = hub.contexts.documents.usage(cached.url)
    return Told(cached.url, local_id_of(cached.url), Kind.CACHED, cached.created_us, usage)


def _tell_core(hub: Hub) -> Told:
    return Told(CORE_CONTEXT_URL, local_id_of(CORE_CONTEXT_URL), Kind.CACHED, hub.contexts.started_us, None)


def _raise_if_anonymous(caller: Caller) -> None:
    if caller.is_anonymous:
        raise Unauthenticated(
            "Which @contexts a city uses is told to those who have a token. Send 'Authorization: Bearer <token>'."
        )


def _not_found(name: str) -> NotFound:
    return NotFound(f"There is no @context {name[:200]} here.")


def _encode(value: Any) -> bytes:
    return msgspec.json.encode({"@context": value})
