"""The web server over an open hub: the API and the console on one port. Nothing is decided here."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from simpul import limits
from simpul.app.hub import Hub
from simpul.console.app import not_found, routes
from simpul.http.routes import api_routes
from simpul.http.server import fast_lane
from simpul.settings import Settings


def build_app(hub: Hub) -> Starlette:
    """Return the ASGI app."""
    app = Starlette(routes=[*api_routes(hub), *routes(hub)])
    app.router.default = _missing(hub)
    return app


def _missing(hub: Hub) -> ASGIApp:
    page = not_found(hub)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await page(Request(scope, receive))
            await response(scope, receive, send)

    return answer


def server_of(hub: Hub, settings: Settings) -> uvicorn.Server:
    """Return the server, ready to run in the loop that opened the hub."""
    config = uvicorn.Config(
        build_app(hub),
        host=settings.host,
        port=settings.port,
        # Where only some origins may read, each answer depends on who asks, which the lane does not look at.
        http=fast_lane(hub) if settings.fast_lane and settings.allowed_origins == "*" else "httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=limits.SHUTDOWN_SECONDS,
        backlog=limits.CONNECTIONS_WAITING_MAX,
    )
    return uvicorn.Server(config)
