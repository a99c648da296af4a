"""Two hubs side by side: the city's, and its neighbour's, which the city registers as a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, Served, serve

REGISTRATIONS = f"{API}/csourceRegistrations"
ENTITIES = f"{API}/entities"
Register = Callable[..., str]


def served_hub(factory: pytest.TempPathFactory, **settings: Any) -> Iterator[Served]:
    """Serve a hub that may ask others on this machine."""
    chosen = {"open_access": True, "allow_private_addresses": True, **settings}
    yield from serve(factory.mktemp("hub"), **chosen)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the city's hub."""
    yield from served_hub(tmp_path_factory)


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the neighbour's hub."""
    yield from served_hub(tmp_path_factory)


@pytest.fixture
def here(city: Served) -> Iterator[httpx2.Client]:
    """Return a client of the city's hub."""
    with city.client() as client:
        yield client


@pytest.fixture
def there(neighbour: Served) -> Iterator[httpx2.Client]:
    """Return a client of the neighbour's hub."""
    with neighbour.client() as client:
        yield client


@pytest.fixture
def register(here: httpx2.Client, neighbour: Served) -> Iterator[Register]:
    """Return what registers the neighbour for the time of one test."""
    made: list[str] = []

    def make(**members: Any) -> str:
        response = here.post(REGISTRATIONS, json=registration(neighbour.url, **members))
        assert response.status_code == 201, response.text
        made.append(response.headers["location"])
        return made[-1]

    yield make
    for path in made:
        here.delete(path)


@pytest.fixture
def answering() -> Iterator[Any]:
    """Return what serves one answer, (status, body), to whatever is asked; its `url`, how many asked, and `told`.

    `told` are the headers of the last request, by their names in lower case.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # The standard library names it.
            server.asked += 1
            server.told = {name.lower(): told for name, told in self.headers.items()}
            status, body = server.answer
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answer, server.told = 0, (200, b""), {}
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def emptied(here: httpx2.Client, there: httpx2.Client) -> Iterator[None]:
    """Leave no bus stop and no history of one behind in either hub."""
    yield
    for client in (here, there):
        everything: dict[str, str | int] = {"type": "BusStop", "local": "true", "limit": 1000}
        for one in client.get(f"{API}/temporal/entities", params=everything).json():
            client.delete(f"{API}/temporal/entities/{one['id']}?local=true")
        ids = [one["id"] for one in client.get(ENTITIES, params=everything).json()]
        if ids:
            client.post(f"{API}/entityOperations/delete?local=true", json=ids)


def registration(endpoint: str, **members: Any) -> dict[str, Any]:
    """Return a registration of a source that has every BusStop."""
    return {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "BusStop"}]}],
        "endpoint": endpoint,
        **members,
    }


def stop(number: str, **attributes: Any) -> dict[str, Any]:
    """Return a bus stop as it is sent."""
    return {"id": f"urn:ngsi-ld:BusStop:{number}", "type": "BusStop", **attributes}


def value(content: Any, **members: Any) -> dict[str, Any]:
    """Return a Property."""
    return {"type": "Property", "value": content, **members}
