"""The API as Starlette routes, to be mounted beside the console's. A thin adapter: nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simpul import limits
from simpul.app import forwarding
from simpul.app.hub import Hub
from simpul.domain.errors import HubError, NotFound
from simpul.http import deliveries, service
from simpul.http.admission import admit
from simpul.http.dispatch import answer, answer_error
from simpul.http.exchange import Answer, Exchange, Handler, exchange_of
from simpul.http.middleware import BodyLimit, CommonHeaders, Preflight, send_answer
from simpul.http.ngsild import remote_notices
from simpul.http.ngsild.routes import ROOT, method_not_allowed
from simpul.http.snapshot_scope import answer_within

OPENAPI_PATH = ROOT.decode() + "/openapi.json"


def api_routes(hub: Hub) -> Sequence[BaseRoute]:
    """Return the routes of the NGSI-LD API, of its description, of /health and of /version."""
    return [
        Route(OPENAPI_PATH, _layered(hub, Service(hub, _description))),
        Below(ROOT.decode(), build_api(hub)),
        Route(deliveries.PATH, _layered(hub, Receiving(hub, deliveries.receive))),
        Route(forwarding.PATH, _layered(hub, Receiving(hub, remote_notices.receive))),
        Route("/health", _layered(hub, Service(hub, service.health))),
        Route("/version", _layered(hub, Service(hub, service.version))),
    ]


def _description(hub: Hub) -> Answer:
    from simpul.http import openapi  # noqa: PLC0415 - Nothing else needs it, and few ask for it.

    return openapi.answer(hub)


def build_api(hub: Hub) -> ASGIApp:
    """Return the NGSI-LD API as an ASGI app, for requests under `ROOT`."""
    return _layered(hub, Api(hub))


def _layered(hub: Hub, app: ASGIApp) -> ASGIApp:
    return CommonHeaders(
        Preflight(BodyLimit(app, lambda scope: body_bytes_max(hub, scope))), hub.settings.allowed_origins
    )


def body_bytes_max(hub: Hub, scope: Scope) -> int:
    """Return how large a body the caller may send: strangers must not fill the memory before they are refused."""
    if hub.settings.open_access:
        return limits.BODY_BYTES_MAX
    exchange = exchange_of((scope["method"], b"", b""), scope["headers"], b"")
    try:
        is_known = not admit(hub, exchange).is_anonymous
    except HubError:
        is_known = False
    return limits.BODY_BYTES_MAX if is_known else limits.STRANGER_BODY_BYTES_MAX


class Below(BaseRoute):
    """Leads every path below a prefix to one app, also one with a line break in it, which a `Mount` does not take."""

    def __init__(self, prefix: str, app: ASGIApp) -> None:
        self._prefix = prefix
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope.get("path", "")
        is_below = scope["type"] == "http" and (path == self._prefix or path.startswith(self._prefix + "/"))
        return (Match.FULL if is_below else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Api:
    """Makes an exchange of each request and sends its answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        # HEAD is GET without the body (RFC 9110 §9.3.2).
        exchange = await read_exchange(scope, receive, "GET" if method == "HEAD" else method)
        entity_map = _header(scope, b"ngsild-entitymap")
        if entity_map:
            exchange = msgspec.structs.replace(exchange, entity_map=entity_map)
        given = await self._answer(exchange, _header(scope, b"ngsild-snapshot"))
        await send_answer(send, given, without_body=method == "HEAD")

    async def _answer(self, exchange: Exchange, snapshot_id: str) -> Answer:
        if not exchange.path.startswith(ROOT):
            # The path was only equal to the root after decoding, which is done once and to its segments.
            return answer_error(NotFound(f"The path has to begin with {ROOT.decode()}, written plainly."))
        if snapshot_id:
            return await answer_within(self._hub, exchange, snapshot_id)
        return await answer(self._hub, exchange)


def _header(scope: Scope, wanted: bytes) -> str:
    value: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return value.decode("latin-1").strip()


class Service:
    """Serves one handler that is no part of the NGSI-LD API."""

    def __init__(self, hub: Hub, handler: Callable[[Hub], Answer]) -> None:
        self._hub = hub
        self._handler = handler

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        method: str = scope["method"]
        try:
            if method not in {"GET", "HEAD"}:
                raise method_not_allowed(method, scope["path"], ("GET", "HEAD"))
            given = self._handler(self._hub)
        except HubError as error:
            given = answer_error(error)
        await send_answer(send, given, without_body=method == "HEAD")


class Receiving:
    """Serves one handler that takes what is posted to it and is no resource of the NGSI-LD API."""

    def __init__(self, hub: Hub, handler: Handler) -> None:
        self._hub = hub
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        try:
            if method != "POST":
                raise method_not_allowed(method, scope["path"], ("POST",))
            given = await self._handler(self._hub, await read_exchange(scope, receive, method))
        except HubError as error:
            given = answer_error(error)
        await send_answer(send, given)


async def read_exchange(scope: Scope, receive: Receive, method: str) -> Exchange:
    """Return the request as a value. Its body was read and measured by `BodyLimit` before."""
    message = await receive()
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return exchange_of((method, path, scope["query_string"]), scope["headers"], message.get("body", b""))
