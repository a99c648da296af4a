"""Circles of two hubs of which nothing says so, because what lies between them takes Via away. Two real hubs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from tests.federation.conftest import ENTITIES, REGISTRATIONS, registration
from tests.http.conftest import Served

ID = "urn:ngsi-ld:BusStop:circle"
WAIT_SECONDS = 30.0


class Gateway:
    """What stands before a hub: it passes questions on without Via."""

    def __init__(self, url: str) -> None:
        self.passed = 0
        gateway = self
        self._client = client = httpx2.Client(base_url=url, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # The standard library names it.
                gateway.passed += 1
                answer = client.get(self.path)
                self.answer(answer.status_code, answer.content)

            def answer(self, status: int, body: bytes) -> None:
                # Whoever asked may have given up.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(status)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()


@pytest.fixture
def to_here(city: Served) -> Iterator[Gateway]:
    gateway = Gateway(city.url)
    yield gateway
    gateway.stop()


@pytest.fixture
def to_there(neighbour: Served) -> Iterator[Gateway]:
    gateway = Gateway(neighbour.url)
    yield gateway
    gateway.stop()


def test_two_hubs_that_ask_each_other_without_via_come_to_an_end(
    here: httpx2.Client, there: httpx2.Client, to_here: Gateway, to_there: Gateway
) -> None:
    brief = {"operations": ["retrieveEntity"], "management": {"timeout": 500}}
    made = [
        (here, here.post(REGISTRATIONS, json=registration(to_there.url, **brief)).headers["location"]),
        (there, there.post(REGISTRATIONS, json=registration(to_here.url, **brief)).headers["location"]),
    ]
    answer = here.get(f"{ENTITIES}/{ID}")
    assert answer.status_code == 404
    assert "was not answered within 0.5 s" in answer.json()["detail"]
    # Whoever leaves requests unanswered is left alone for a while, and so nobody asks any more.
    before = -1
    deadline = time.monotonic() + WAIT_SECONDS
    while before != (passed := to_here.passed + to_there.passed):
        assert time.monotonic() < deadline
        before = passed
        time.sleep(1.0)
    assert passed < 1_000
    for client, location in made:
        client.delete(location)
