"""The web server over an open hub: the API and the console on one port. Nothing is decided here."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette

from simpul import limits
from simpul.app.hub import Hub
from simpul.console.on_demand import Console
from simpul.http.routes import api_routes
from simpul.http.server import fast_lane
from simpul.settings import Settings


class HubServer(uvicorn.Server):
    """uvicorn's server, which has the console loaded soon after it listens."""

    def __init__(self, config: uvicorn.Config, console: Console) -> None:
        super().__init__(config)
        self._console = console
        self._loading: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._console.load_soon())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._loading is not None:
            self._loading.cancel()
        await super().shutdown(sockets)


def server_of(hub: Hub, settings: Settings) -> HubServer:
    """Return the server, ready to run in the loop that opened the hub."""
    console = Console(hub)
    app = Starlette(routes=api_routes(hub))
    app.router.default = console
    config = uvicorn.Config(
        app,
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
    return HubServer(config, console)
