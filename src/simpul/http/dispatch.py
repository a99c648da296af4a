"""From an exchange to its answer: routes it, runs its handler, turns errors into problems. No sockets here."""

from __future__ import annotations

import secrets

import msgspec

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.way import hub_told_by
from simpul.domain.errors import HubError, InternalError, InvalidRequest, MethodNotAllowed
from simpul.http.exchange import Answer, Exchange, Handler, Headers
from simpul.http.ngsild.conditional import answer_where
from simpul.http.ngsild.crossings import MARK, warn_of_crossings
from simpul.http.ngsild.routes import (
    DISTRIBUTED,
    FIXED,
    MAPPED,
    QUERIES_BY_BODY,
    ROOT,
    allowed_methods,
    route,
)
from simpul.http.parameters import decode_path
from simpul.http.problem import answer_problem
from simpul.operator_log import log

_BAD_REQUEST = 400


def split_path(path: bytes) -> tuple[str, ...]:
    """Return the segments behind the API's root, each decoded once: a name may hold an escaped slash."""
    if len(path) > limits.PATH_BYTES_MAX:
        raise InvalidRequest(f"The path has {len(path)} bytes; at most {limits.PATH_BYTES_MAX} are read.")
    inner = path.removeprefix(ROOT).removeprefix(b"/")
    if b"%" not in inner and inner.isascii():
        return tuple(inner.decode("ascii").split("/"))
    return tuple(map(decode_path, inner.split(b"/")))


async def answer(hub: Hub, exchange: Exchange) -> Answer:
    """Return the answer to any exchange, also where something is wrong."""
    try:
        handler = FIXED.get((exchange.method, exchange.path))
        if handler is None:
            handler, names = route(exchange.method, split_path(exchange.path))
            exchange = msgspec.structs.replace(exchange, names=names)
        handler = _in_its_place(hub, exchange, handler)
        told = hub_told_by(hub, exchange.via) if exchange.via else hub
        if exchange.conditions is None:
            given = await handler(told, exchange)
        else:
            given = await answer_where(told, exchange, handler, exchange.conditions)
        if (MARK in exchange.body or MARK in exchange.query) and given.status < _BAD_REQUEST:
            given = with_headers(given, await warn_of_crossings(hub, exchange))
    except HubError as error:
        given = answer_error(error)
    except Exception:  # The defect is ours, whatever it is; the caller gets a number to report, the log the rest.
        incident = secrets.token_hex(4)
        log.exception("a request failed", incident=incident, method=exchange.method)
        given = answer_error(InternalError(f"The hub has a defect here. Please report the number {incident}."))
    if exchange.tenant:
        # CIM 009 §6.3.14: an answer names the tenant if the request did.
        return with_headers(given, ((b"ngsild-tenant", exchange.tenant.encode("latin-1")),))
    return given


def _in_its_place(hub: Hub, exchange: Exchange, handler: Handler) -> Handler:
    """Return what carries the operation out where there are entity maps or other sources; else the handler itself."""
    if (
        b"ntityMap" in exchange.query
        or exchange.entity_map
        or (handler in QUERIES_BY_BODY and b'"entityMap' in exchange.body)
    ) and handler in MAPPED:
        return MAPPED[handler]
    if (exchange.tenant or hub.settings.tenant) in hub.registry.by_tenant:
        return DISTRIBUTED.get(handler, handler)
    return handler


def answer_error(error: HubError) -> Answer:
    """Return the answer that tells of the error."""
    told = answer_problem(error)
    if isinstance(error, MethodNotAllowed):
        return with_headers(told, ((b"allow", allowed_methods(error.allowed).encode()),))
    return told


def with_headers(given: Answer, headers: Headers) -> Answer:
    """Return the answer with more headers."""
    if not headers:
        return given
    return Answer(given.status, (*given.headers, *headers), given.body)
