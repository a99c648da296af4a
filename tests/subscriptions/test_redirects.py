"""No redirect leads a request of the hub to this machine or its private network (server-side request forgery).

Receivers and sources are never followed where they lead; an @context is, and each place that it leads to is looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app import subscriptions
from simpul.domain.access import Caller
from tests.http.conftest import API, TENANT, Served, raise_unless_problem, serve
from tests.subscriptions.conftest import Subscribe, read, rename

WRITER = Caller(TENANT, "token/uji", frozenset({"integrator"}), None)


class Leading:
    """A server that answers each request with a redirect to `location`, or with 200 where that is None."""

    def __init__(self, location: str | None, status: int = 302, address: str = "127.0.0.1") -> None:
        self.asked = 0
        leading = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # The standard library names it.
                leading.asked += 1
                self.rfile.read(int(self.headers.get("content-length", 0)))
                body = b'{"@context": {}}'
                self.send_response(200 if location is None else status)
                if location is not None:
                    self.send_header("location", location)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PATCH = do_POST  # noqa: N815  # The standard library names them.

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def private() -> Iterator[Leading]:
    """Serve what nothing may lead to."""
    served = Leading(None, address="127.0.0.2")
    yield served
    served.stop()


@pytest.fixture(params=[302, 307])
def leading(private: Leading, request: pytest.FixtureRequest) -> Iterator[Leading]:
    """Serve what leads there."""
    served = Leading(f"{private.url}/ngsi-ld/v1/entities", request.param)
    yield served
    served.stop()


def test_a_notification_follows_no_redirect_and_says_what_to_do(
    client: httpx2.Client,
    subscribe: Subscribe,
    notifying: Served,
    halte: str,
    leading: Leading,
    *,
    private: Leading,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_REFUSALS_MAX", 2)
    subscription_id = subscribe(leading.url)
    rename(client, halte, "dialihkan")

    async def listed() -> list[Any]:
        return subscriptions.list_parked(WRITER, notifying.hub, subscription_id, limit=10)

    deadline = time.monotonic() + 20
    while not (parked := notifying.run(listed)) and time.monotonic() < deadline:
        time.sleep(0.01)
    (one,) = parked
    assert one.reason.startswith("The receiver leads elsewhere (status 30")
    assert one.reason.endswith("Give the subscription the address that takes notifications.")
    while (told := read(client, subscription_id)["notification"]).get("timesFailed") != 2:
        assert time.monotonic() < deadline, told
        time.sleep(0.01)
    assert told["status"] == "failed"
    assert "lastSuccess" not in told
    assert (leading.asked, private.asked) == (2, 0)


def test_a_request_to_a_source_follows_no_redirect_and_says_what_to_do(
    client: httpx2.Client, leading: Leading, private: Leading
) -> None:
    body = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "Alihan"}]}],
        "operations": ["retrieveEntity", "updateEntity"],
        "endpoint": leading.url,
    }
    made = client.post(f"{API}/csourceRegistrations", json=body).headers["location"]
    path = f"{API}/entities/urn:ngsi-ld:Alihan:1"
    read_there = client.get(path)
    assert read_there.status_code == 404
    assert "a redirect, which is not followed" in read_there.json()["detail"]
    assert read_there.headers["ngsild-warning"].startswith("299 ")
    written = client.patch(f"{path}/attrs", json={"nama": {"type": "Property", "value": "x"}})
    assert written.status_code == 207, written.text
    assert "its registration has to name the address" in written.text
    told = client.get(made).json()
    assert (told["timesFailed"], told["status"]) == (2, "failed")
    assert private.asked == 0
    assert leading.asked == 2
    client.delete(made)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub that may not connect to this machine."""
    yield from serve(tmp_path_factory.mktemp("kota"), open_access=True)


def test_a_context_that_leads_to_a_private_address_is_not_fetched(
    guarded: Served, leading: Leading, private: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_public(address: IPv4Address | IPv6Address) -> bool:
        return str(address) == "127.0.0.1"

    # No public server can be had in a test: the first one's address is taken for one.
    monkeypatch.setattr("simpul.addresses.is_public", is_public)
    link = f'<{leading.url}/a>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    with guarded.client() as client:
        answer = client.get(f"{API}/entities", params={"type": "Sungai"}, headers={"link": link})
    raise_unless_problem(answer, 504, "LdContextNotAvailable")
    assert "private network" in answer.json()["detail"]
    assert "give the hub a copy" in answer.json()["detail"]
    assert (leading.asked, private.asked) == (1, 0)
