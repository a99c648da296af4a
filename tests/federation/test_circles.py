"""Circles of two hubs of which nothing says so, because what lies between them takes Via away. Two real hubs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app import subscriptions
from simpul.app.identity import operator
from simpul.ports.outbox import Parked
from tests.federation.conftest import ENTITIES, REGISTRATIONS, registration, stop, value
from tests.http.conftest import API, TENANT, Served
from tests.subscriptions.receiver import Receiver

ID = "urn:ngsi-ld:BusStop:circle"
WAIT_SECONDS = 30.0


class Gateway:
    """What stands before a hub: it passes requests on without Via, and writes what it is notified of, a new value."""

    def __init__(self, url: str) -> None:
        self.passed = self.rounds = 0
        gateway = self
        self._client = client = httpx2.Client(base_url=url, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # The standard library names it.
                gateway.passed += 1
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kept = {name: told for name, told in self.headers.items() if name.lower() in ("accept", "content-type")}
                answer = client.request(self.command, self.path, content=body, headers=kept)
                self.answer(answer.status_code, answer.content)

            do_PATCH = do_GET  # noqa: N815  # The standard library names them.

            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.answer(200, b"")
                gateway.rounds += 1
                for one in told["data"]:
                    body = {"level": value(one["level"]["value"] + 1)}
                    client.patch(f"{ENTITIES}/{one['id']}/attrs", json=body)

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


def subscribed(client: httpx2.Client, url: str) -> str:
    body = {
        "type": "Subscription",
        "entities": [{"type": "BusStop"}],
        "notification": {"endpoint": {"uri": url}},
    }
    made = client.post(f"{API}/subscriptions", json=body)
    assert made.status_code == 201, made.text
    return str(made.headers["location"])


def parked_at(served: Served) -> list[Parked]:
    async def listed() -> list[Parked]:
        return subscriptions.list_parked(operator(TENANT), served.hub, None, limit=10)

    found: list[Parked] = served.run(listed)
    return found


def test_two_hubs_that_write_into_each_other_without_via_are_stopped_and_named(
    city: Served,
    neighbour: Served,
    here: httpx2.Client,
    there: httpx2.Client,
    *,
    to_here: Gateway,
    to_there: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_ECHOES_MAX", 20)
    monkeypatch.setattr(limits, "NOTIFICATION_ECHO_PAUSES_SECONDS", (0.1, 0.2, 0.3))
    for client in (here, there):
        assert client.post(ENTITIES, json=stop("circle", level=value(0))).status_code == 201
    made = [(here, subscribed(here, to_there.url)), (there, subscribed(there, to_here.url))]
    here.patch(f"{ENTITIES}/{ID}/attrs", json={"level": value(1)})
    deadline = time.monotonic() + WAIT_SECONDS
    while not (parked := [*parked_at(city), *parked_at(neighbour)]):
        assert time.monotonic() < deadline, (to_here.rounds, to_there.rounds)
        time.sleep(0.02)
    rounds = to_here.rounds + to_there.rounds
    time.sleep(0.5)
    assert to_here.rounds + to_there.rounds == rounds
    assert rounds < 100
    assert "goes round in a circle" in parked[0].reason
    assert "without Via" in parked[0].reason
    for client, location in made:
        client.delete(location)
    for client in (here, there):
        client.delete(f"{ENTITIES}/{ID}")


def test_two_hubs_that_ask_each_other_without_via_come_to_an_end(
    here: httpx2.Client, there: httpx2.Client, to_here: Gateway, to_there: Gateway
) -> None:
    brief = {"operations": ["retrieveEntity", "updateAttrs"], "management": {"timeout": 500}}
    made = [
        (here, here.post(REGISTRATIONS, json=registration(to_there.url, **brief)).headers["location"]),
        (there, there.post(REGISTRATIONS, json=registration(to_here.url, **brief)).headers["location"]),
    ]
    answer = here.get(f"{ENTITIES}/{ID}")
    assert answer.status_code == 404
    assert "was not answered within 0.5 s" in answer.json()["detail"]
    assert "it may go round in a circle of hubs that does not pass Via on" in answer.json()["detail"]
    # Whoever leaves requests unanswered is left alone for a while, and so nobody asks any more.
    before = -1
    deadline = time.monotonic() + WAIT_SECONDS
    while before != (passed := to_here.passed + to_there.passed):
        assert time.monotonic() < deadline
        before = passed
        time.sleep(1.0)
    # Of each hub as many as may be the same at once, and a few that it asked before it gave the source up.
    assert passed <= 4 * limits.PEER_SAME_REQUESTS_MAX
    told = here.get(f"{REGISTRATIONS}/{made[0][1].rpartition('/')[2]}", params={"options": "sysAttrs"}).json()
    assert told["status"] == "failed"
    for client, location in made:
        client.delete(location)


def test_many_who_ask_the_same_at_once_are_all_answered(
    here: httpx2.Client, there: httpx2.Client, to_there: Gateway
) -> None:
    there.post(ENTITIES, json=stop("circle", level=value(7)))
    made = here.post(REGISTRATIONS, json=registration(to_there.url)).headers["location"]
    with ThreadPoolExecutor(4 * limits.PEER_SAME_REQUESTS_MAX) as several:
        asked = [several.submit(here.get, f"{ENTITIES}/{ID}") for _ in range(8 * limits.PEER_SAME_REQUESTS_MAX)]
        assert {one.result().json()["level"]["value"] for one in asked} == {7}
    here.delete(made)
    there.delete(f"{ENTITIES}/{ID}")


def test_a_writer_who_is_as_fast_as_what_is_told_is_no_circle(
    city: Served, here: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_ECHOES_MAX", 5)
    monkeypatch.setattr(limits, "NOTIFICATION_ECHO_PAUSES_SECONDS", (5.0,))
    receiver = Receiver()
    assert here.post(ENTITIES, json=stop("circle", level=value(0))).status_code == 201
    location = subscribed(here, receiver.uri)
    for number in range(1, 31):
        here.patch(f"{ENTITIES}/{ID}/attrs", json={"level": value(number)})
        time.sleep(0.02)
    # The last one may be held back: nobody wrote after it.
    assert [one.data[0]["level"]["value"] for one in receiver.wait_for(30)] == list(range(1, 31))
    assert not parked_at(city)
    here.delete(location)
    here.delete(f"{ENTITIES}/{ID}")
    receiver.stop()
