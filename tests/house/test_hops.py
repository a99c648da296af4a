"""Reading one entity takes few steps: handler, use-case, store, the city's file. Counted on a real request's stack."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import apsw
import pytest

from simpul.app import batch, identity
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.main import open_hub
from simpul.server import server_of
from simpul.settings import Settings
from tests.house.tree import PRODUCT

HOPS_MAX = 4
SQLITE = (apsw.Cursor, apsw.Connection)
ENTITY = {"id": "urn:ngsi-ld:BusStop:1", "type": "BusStop", "name": {"type": "Property", "value": "Pasar Raya"}}


@dataclass
class StackWatcher:
    """Keeps our own functions that are on the stack whenever SQLite runs a statement."""

    stacks: list[list[str]] = field(default_factory=list)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__name__ == "execute" and isinstance(argument.__self__, SQLITE):
            self.stacks.append(list(_own_functions(frame)))


def _own_functions(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PRODUCT):
            names.append(f"{path.relative_to(PRODUCT)}:{frame.f_code.co_name}")
        frame = frame.f_back
    return names


async def _put_an_entity(settings: Settings) -> None:
    async with open_hub(settings) as hub:
        operator = identity.operator(settings.tenant)
        await batch.upsert(operator, hub, [batch.BatchItem(ENTITY, CORE)], batch.UpsertMode.REPLACE)


async def _stacks_of_a_read(settings: Settings, path: str) -> list[list[str]]:
    """Return our functions on the stack at each call of SQLite, while one entity is read that no cache knows."""
    async with open_hub(settings) as hub:
        tenant = settings.tenant
        hub.cities[tenant] = City(tenant, {"id": "Kota"}, public_types=frozenset({CORE.expand("BusStop")}))
        server = server_of(hub, settings)
        serving = asyncio.create_task(server.serve())
        await asyncio.to_thread(_get, settings.port, "/version")
        watcher = StackWatcher()
        sys.setprofile(watcher)
        try:
            await asyncio.to_thread(_get, settings.port, path)
        finally:
            sys.setprofile(None)
            server.should_exit = True
            await serving
        return watcher.stacks


def _get(port: int, path: str) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
                assert connection.recv(64).startswith(b"HTTP/1.1 200 ")
                return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError(f"port {port} did not open")


def _from_the_handler(stack: list[str]) -> list[str]:
    """Return the stack from the SQL up to the function of `http/` that handles the request."""
    handler = next(place for place, name in enumerate(stack) if name.startswith("http/"))
    return stack[: handler + 1]


@pytest.mark.parametrize("fast_lane", [True, False])
def test_one_entity_is_read_in_few_steps(city_folder: Path, free_port: int, fast_lane: bool) -> None:
    settings = Settings(folder=city_folder, tenant="kota", port=free_port, fast_lane=fast_lane)
    asyncio.run(_put_an_entity(settings))
    stacks = asyncio.run(_stacks_of_a_read(settings, f"/ngsi-ld/v1/entities/{ENTITY['id']}"))
    assert len(stacks) == 1, "one entity is one statement"
    hops = _from_the_handler(stacks[0])
    assert len(hops) <= HOPS_MAX, hops
    assert [name.split("/")[0] for name in reversed(hops)] == ["http", "app", "store", "store"]
