"""What waits for a receiver is bounded and never lost: receivers that refuse, that are away, that lead back here."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app import subscriptions
from simpul.domain.access import Caller
from simpul.ports.outbox import Parked
from tests.http.conftest import API, TENANT, Served
from tests.subscriptions.conftest import Subscribe, read, rename
from tests.subscriptions.receiver import Receiver

WRITER = Caller(TENANT, "token/uji", frozenset({"integrator"}), None)


def parked_of(notifying: Served, subscription_id: str) -> list[Parked]:
    async def listed() -> list[Parked]:
        return subscriptions.list_parked(WRITER, notifying.hub, subscription_id, limit=1_000)

    return notifying.run(listed)


def run(notifying: Served, work: Callable[[], Awaitable[None]]) -> None:
    notifying.run(work)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_receiver_that_denies_holds_up_its_line_for_so_many_tries(
    client: httpx2.Client,
    subscribe: Subscribe,
    notifying: Served,
    halte: str,
    *,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_DENIALS_MAX", 3)
    receiver = Receiver(lambda count: status if count < 3 else 200)
    subscription_id = subscribe(receiver.uri)
    rename(client, halte, "ditolak")
    receiver.wait_until(lambda: receiver.attempts == 3)
    rename(client, halte, "diterima")
    receiver.wait_for(1)
    assert [nama for _, nama in receiver.told()] == ["diterima"]
    (parked,) = parked_of(notifying, subscription_id)
    assert parked.reason == f"The receiver answered with status {status}."
    run(notifying, lambda: subscriptions.replay(WRITER, notifying.hub, parked.id))
    receiver.wait_for(2)
    assert [nama for _, nama in receiver.told()] == ["diterima", "ditolak"]
    receiver.stop()


def test_what_waits_for_a_receiver_that_is_away_is_parked_past_a_limit_and_none_of_it_is_lost(
    client: httpx2.Client, subscribe: Subscribe, notifying: Served, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTICES_WAITING_MAX", 20)
    monkeypatch.setattr(limits, "NOTICES_IN_MEMORY_MAX", 5)
    is_back = threading.Event()
    receiver = Receiver(lambda _count: 200 if is_back.is_set() else 503)
    subscription_id = subscribe(receiver.uri)
    names = [f"nama {number}" for number in range(60)]
    for nama in names:
        rename(client, halte, nama)
    line = notifying.hub.notices.find(TENANT, subscription_id)
    assert line is not None
    receiver.wait_until(lambda: line.waiting <= 20 and receiver.attempts > 3)
    parked = parked_of(notifying, subscription_id)
    assert parked
    assert "More than 20 changes waited" in parked[0].reason
    is_back.set()
    count = sum(len(one.states) for one in parked)
    receiver.wait_until(lambda: len(receiver.told()) >= len(names) - count)
    for one in reversed(parked_of(notifying, subscription_id)):
        run(notifying, partial(subscriptions.replay, WRITER, notifying.hub, one.id))
    receiver.wait_until(lambda: len(receiver.told()) >= len(names))
    assert sorted({nama for _, nama in receiver.told()}) == sorted(names)
    receiver.stop()


class Adapter:
    """A receiver that writes a new value back on what it was told, and passes Via on as a gateway has to."""

    def __init__(self, url: str, authorization: str) -> None:
        self.rounds = 0
        adapter = self
        self._writer = writer = httpx2.Client(base_url=url, headers={"authorization": authorization})

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # The standard library names it.
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                adapter.rounds += 1
                body: dict[str, Any] = {"nama": {"type": "Property", "value": f"putaran {adapter.rounds}"}}
                path = f"{API}/entities/{told['data'][0]['id']}/attrs"
                writer.patch(path, json=body, headers={"via": self.headers["via"]})

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._writer.close()


@pytest.fixture
def adapter(notifying: Served, client: httpx2.Client) -> Iterator[Adapter]:
    served = Adapter(notifying.url, client.headers["authorization"])
    yield served
    served.stop()


def test_what_goes_round_in_a_circle_is_stopped_and_named(
    client: httpx2.Client, subscribe: Subscribe, notifying: Served, halte: str, adapter: Adapter
) -> None:
    subscription_id = subscribe(adapter.uri)
    rename(client, halte, "mulai")
    while not (parked := parked_of(notifying, subscription_id)):
        pass
    assert adapter.rounds == limits.NOTIFICATION_ROUNDS_MAX
    assert "goes round in a circle" in parked[0].reason
    while (notification := read(client, subscription_id)["notification"]).get("status") != "failed":
        pass
    assert notification["lastFailure"] >= notification["lastSuccess"]
    assert client.get(f"{API}/entities/{halte}").json()["nama"]["value"] == f"putaran {adapter.rounds}"


def test_a_change_that_came_from_elsewhere_is_told_with_its_way(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri)
    body = {"nama": {"type": "Property", "value": "lewat"}}
    client.patch(f"{API}/entities/{halte}/attrs", json=body, headers={"via": "1.1 agam, 1.1 solok"})
    (got,) = receiver.wait_for(1)
    assert got.headers["via"].startswith("1.1 agam, 1.1 solok, 1.1 padang-")
    assert client.get(f"{API}/temporal/entities/{halte}").status_code == 200


def test_a_receiver_that_writes_back_what_it_was_told_changes_nothing_and_is_told_nothing_more(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    """So a circle without Via ends as soon as its values agree."""
    subscribe(receiver.uri)
    rename(client, halte, "sama")
    (got,) = receiver.wait_for(1)
    told = {name: value for name, value in got.data[0].items() if name not in ("id", "type")}
    assert client.patch(f"{API}/entities/{halte}/attrs", json=told).status_code == 204
    rename(client, halte, "lain")
    receiver.wait_for(2)
    assert [nama for _, nama in receiver.told()] == ["sama", "lain"]
