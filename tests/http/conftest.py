"""A hub as it is served: SQLite in a folder of its own, uvicorn on a loopback port, the fast lane on and off."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from simpul.app import identity
from simpul.app.hub import Hub
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.http.routes import api_routes
from simpul.http.server import fast_lane
from simpul.main import open_hub
from simpul.settings import Settings

Result = TypeVar("Result")

TENANT = "padang"
OTHER_TENANT = "bukittinggi"
# A context with terms of its own, which the hub answers without a network.
CONTEXT_URL = "https://contexts.example.org/kota.jsonld"
CONTEXT = {"@context": {"Halte": "https://kota.example.org/Halte", "nama": "https://kota.example.org/nama"}}
CONTEXT_LINK = f'<{CONTEXT_URL}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
API = "/ngsi-ld/v1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


@dataclass(frozen=True)
class Served:
    """A hub that answers on `url`. `run` runs a coroutine in its loop."""

    hub: Hub
    url: str
    loop: asyncio.AbstractEventLoop

    def run(self, make: Callable[[], Awaitable[Result]]) -> Result:
        async def work() -> Result:
            return await make()

        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(30)

    def token(self, *roles: str, tenant: str = TENANT) -> str:
        """Return the secret of a new token."""
        operator = identity.operator(tenant)
        _, secret = self.run(lambda: identity.create_token(operator, self.hub, "test", roles, 1))
        return secret

    def client(self, **headers: str) -> httpx2.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Client(base_url=self.url, headers=named, timeout=30)


class ApiServer(uvicorn.Server):
    """Serves the API alone, on a port that is free, and says when it does."""

    def __init__(self, hub: Hub, ready: Callable[[int], None]) -> None:
        has_lane = hub.settings.fast_lane and hub.settings.allowed_origins == "*"
        config = uvicorn.Config(
            Starlette(routes=api_routes(hub)),
            http=fast_lane(hub) if has_lane else "httptools",
            # Where others are told to reach the hub, it has to be reached.
            port=urlsplit(hub.settings.public_url).port or 0,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        super().__init__(config)
        self._tell = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell(self.servers[0].sockets[0].getsockname()[1])


class _Thread:
    """Runs one hub and its server in a thread with a loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._served: Served | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> Served:
        self._thread.start()
        assert self._ready.wait(20), "the hub did not start"
        assert self._served is not None, "the hub failed while starting"
        return self._served

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the hub did not stop"

    async def _serve(self) -> None:
        try:
            async with open_hub(self._settings) as hub:
                hub.contexts.preload(CONTEXT_URL, CONTEXT)
                if not hub.tenants.has_tenant(OTHER_TENANT):
                    await hub.tenants.create_tenant(OTHER_TENANT)
                hub.cities[TENANT] = City(
                    tenant=TENANT, name={"id": "Padang"}, public_types=frozenset({CORE.expand("Halte")})
                )
                loop = asyncio.get_running_loop()

                def ready(port: int) -> None:
                    self._served = Served(hub, f"http://127.0.0.1:{port}", loop)
                    self._ready.set()

                self._server = ApiServer(hub, ready)
                await self._server.serve()
        finally:
            self._ready.set()


def serve(folder: Path, **settings: Any) -> Iterator[Served]:
    """Serve a hub for as long as the generator lives."""
    chosen = {"tenant": TENANT, "folder": folder, "data": folder / "data", "port": 0, "syncs": False, **settings}
    thread = _Thread(Settings(**chosen))
    try:
        yield thread.start()
    finally:
        thread.stop()


@pytest.fixture(scope="module", params=[True, False], ids=["fast-lane", "plain"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub that declares Halte public, with another city beside it."""
    yield from serve(tmp_path_factory.mktemp("kota"), fast_lane=request.param)


@pytest.fixture(scope="module")
def writer(served: Served) -> Iterator[httpx2.Client]:
    """Return a client that may read and write everything in the city."""
    with served.client(authorization=f"Bearer {served.token('integrator')}") as client:
        yield client


@pytest.fixture
def anonymous(served: Served) -> Iterator[httpx2.Client]:
    """Return a client that nobody vouches for."""
    with served.client() as client:
        yield client


@pytest.fixture
def halte(writer: httpx2.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the id of a stop that is there for one test."""
    entity_id = f"urn:ngsi-ld:Halte:{abs(hash(request.node.nodeid)):x}"
    response = writer.post(f"{API}/entities", json=stop(entity_id))
    assert response.status_code == 201, response.text
    yield entity_id
    writer.delete(f"{API}/entities/{entity_id}")


def stop(entity_id: str, **attributes: Any) -> dict[str, Any]:
    """Return a bus stop as it is sent."""
    return {
        "id": entity_id,
        "type": "Halte",
        "nama": {"type": "Property", "value": "Pasar Raya", "observedAt": "2026-01-02T03:04:05Z"},
        "kapasitas": {"type": "Property", "value": 40, "unitCode": "C62"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36, -0.95]}},
        "koridor": {"type": "Relationship", "object": "urn:ngsi-ld:Koridor:1"},
        **attributes,
    }


def raise_unless_problem(response: httpx2.Response, status: int, name: str) -> None:
    """Assert that the answer is this problem of the standard, told in words."""
    assert response.status_code == status, response.text
    problem = response.json()
    assert problem["type"] == ERRORS + name, problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
