"""No notification is lost: receivers that fail, a hub that is killed, and what an operator sees of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from simpul import limits
from simpul.app import identity, subscriptions
from simpul.domain.access import Caller
from simpul.domain.errors import Forbidden, NotFound, Unauthenticated
from simpul.main import open_hub
from simpul.settings import Settings
from tests.http.conftest import API, TENANT, Served
from tests.subscriptions.conftest import Subscribe, read, rename, stop
from tests.subscriptions.receiver import Receiver

Result = TypeVar("Result")

NAMES = [f"nama {number}" for number in range(30)]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_receiver_that_fails_every_other_time_is_told_everything_in_order(
    client: httpx2.Client, subscribe: Subscribe, halte: str
) -> None:
    receiver = Receiver(lambda count: 500 if count % 2 else 200)
    subscription_id = subscribe(receiver.uri)
    for nama in NAMES:
        rename(client, halte, nama)
    receiver.wait_until(lambda: len(receiver.told()) >= len(NAMES))
    assert [nama for _, nama in receiver.told()] == NAMES
    while (notification := read(client, subscription_id)["notification"])["timesSent"] < receiver.attempts:
        pass
    assert notification["timesFailed"] == receiver.attempts - len(receiver.accepted)
    assert notification["status"] == "ok"
    receiver.stop()


def test_a_receiver_that_was_down_is_told_everything_when_it_is_back(
    client: httpx2.Client, subscribe: Subscribe, halte: str
) -> None:
    port = _free_port()
    subscription_id = subscribe(f"http://127.0.0.1:{port}/notify")
    for nama in NAMES:
        rename(client, halte, nama)
    while "lastFailure" not in (notification := read(client, subscription_id)["notification"]):
        pass
    assert notification["status"] == "failed"
    receiver = Receiver(port=port)
    receiver.wait_until(lambda: len(receiver.told()) >= len(NAMES))
    assert [nama for _, nama in receiver.told()] == NAMES
    receiver.stop()


def test_a_receiver_that_is_down_for_an_hour_is_told_everything_afterwards(
    notifying: Served, client: httpx2.Client, subscribe: Subscribe, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's clock is moved on by an hour while nothing listens; nothing is given up for that."""
    clock, moved_us = type(notifying.hub.clock), [0]
    told_us = clock.now_us
    monkeypatch.setattr(clock, "now_us", lambda self: told_us(self) + moved_us[0])
    port = _free_port()
    subscription_id = subscribe(f"http://127.0.0.1:{port}/notify")
    for nama in NAMES[:15]:
        rename(client, halte, nama)
    while "lastFailure" not in (before := read(client, subscription_id)["notification"]):
        pass
    moved_us[0] = 3_600 * 1_000_000
    for nama in NAMES[15:]:
        rename(client, halte, nama)
    while (after := read(client, subscription_id)["notification"])["lastFailure"] <= before["lastFailure"]:
        pass
    assert (after["status"], "lastSuccess" in after) == ("failed", False)
    receiver = Receiver(port=port)
    receiver.wait_until(lambda: len(receiver.told()) >= len(NAMES))
    assert [nama for _, nama in receiver.told()] == NAMES
    assert subscriptions.get_health(identity.operator(TENANT), notifying.hub, subscription_id).parked == 0
    receiver.stop()


def test_more_than_fits_in_memory_is_read_from_the_outbox_in_order(
    client: httpx2.Client, subscribe: Subscribe, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTICES_IN_MEMORY_MAX", 3)
    monkeypatch.setattr(limits, "NOTICES_PER_READ", 4)
    is_open = threading.Event()
    receiver = Receiver(lambda _count: 200 if is_open.is_set() else 503)
    subscribe(receiver.uri)
    for nama in NAMES:
        rename(client, halte, nama)
    is_open.set()
    receiver.wait_until(lambda: len(receiver.told()) >= len(NAMES))
    assert [nama for _, nama in receiver.told()] == NAMES
    receiver.stop()


def test_a_receiver_that_never_answers_holds_up_nobody(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    silent = Receiver(lambda _count: None)
    subscribe(silent.uri)
    subscribe(receiver.uri)
    for nama in NAMES:
        rename(client, halte, nama)
    receiver.wait_until(lambda: len(receiver.told()) >= len(NAMES))
    assert silent.attempts == 1
    silent.stop()


def test_5_2_15_an_endpoint_has_its_own_time_limit(client: httpx2.Client, subscribe: Subscribe, halte: str) -> None:
    receiver = Receiver(lambda count: None if count == 0 else 200)
    subscription_id = subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri, "timeout": 50}})
    rename(client, halte, "Ulak Karang")
    receiver.wait_for(1)
    assert read(client, subscription_id)["notification"]["timesFailed"] == 1
    receiver.stop()


def test_5_8_6_a_paused_subscription_takes_up_what_it_had_when_it_goes_on(
    client: httpx2.Client, subscribe: Subscribe, halte: str
) -> None:
    is_open = threading.Event()
    receiver = Receiver(lambda _count: 200 if is_open.is_set() else 503)
    subscription_id = subscribe(receiver.uri)
    path = f"{API}/subscriptions/{subscription_id}"
    rename(client, halte, "sebelum")
    receiver.wait_until(lambda: receiver.attempts > 0)
    assert client.patch(path, json={"isActive": False}).status_code == 204
    assert read(client, subscription_id)["status"] == "paused"
    rename(client, halte, "selama")
    is_open.set()
    assert client.patch(path, json={"isActive": True}).status_code == 204
    rename(client, halte, "sesudah")
    receiver.wait_until(lambda: len(receiver.told()) >= 2)
    assert [nama for _, nama in receiver.told()] == ["sebelum", "sesudah"]
    receiver.stop()


def _caller(*roles: str) -> Caller:
    return Caller(TENANT, "token/uji", frozenset(roles), None)


def health_of(notifying: Served, subscription_id: str) -> subscriptions.Health:
    found = notifying.run(lambda: _now(subscriptions.list_health(_caller("integrator"), notifying.hub)))
    (health,) = [one for one in found if one.subscription_id == subscription_id]
    return health


def test_what_a_receiver_refuses_is_parked_and_can_be_replayed(
    client: httpx2.Client, subscribe: Subscribe, notifying: Served, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_REFUSALS_MAX", 2)
    is_mended = threading.Event()
    receiver = Receiver(lambda count: 200 if is_mended.is_set() or count >= 2 else 400)
    subscription_id = subscribe(receiver.uri, subscriptionName="Papan jadwal")
    rename(client, halte, "ditolak")
    receiver.wait_until(lambda: receiver.attempts == 2)
    rename(client, halte, "diterima")
    receiver.wait_for(1)
    caller = _caller("integrator")
    (parked,) = notifying.run(lambda: _now(subscriptions.list_parked(caller, notifying.hub, subscription_id)))
    assert parked.reason == "The receiver answered with status 400."
    # That it is gone from the line is kept once the receiver's answer is there.
    deadline = time.monotonic() + 20
    while (health := health_of(notifying, subscription_id)).backlog and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (health.parked, health.backlog, health.name, health.status) == (1, 0, "Papan jadwal", "active")
    is_mended.set()
    notifying.run(lambda: subscriptions.replay(caller, notifying.hub, parked.id))
    receiver.wait_for(2)
    assert [nama for _, nama in receiver.told()] == ["diterima", "ditolak"]
    with pytest.raises(NotFound):
        notifying.run(lambda: subscriptions.replay(caller, notifying.hub, parked.id))
    receiver.stop()


async def _now(value: Result) -> Result:
    return value


@pytest.mark.parametrize(("caller", "error"), [
    (Caller(TENANT, "anonymous", frozenset(), frozenset()), Unauthenticated),
    (_caller("reader"), Forbidden),
])  # fmt: skip
def test_only_those_who_may_write_see_how_deliveries_fare(
    notifying: Served, caller: Caller, error: type[Exception]
) -> None:
    with pytest.raises(error):
        subscriptions.list_health(caller, notifying.hub)
    with pytest.raises(error):
        subscriptions.list_parked(caller, notifying.hub)
    with pytest.raises(error):
        asyncio.run(subscriptions.replay(caller, notifying.hub, 1))


class Killable:
    """A hub in a process of its own, which can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}{API}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "SIMPUL_FOLDER": str(self.folder), "SIMPUL_PORT": str(self.port), "SIMPUL_TENANT": TENANT,
            "SIMPUL_OPEN_ACCESS": "true", "SIMPUL_ALLOW_PRIVATE_ADDRESSES": "true", "SIMPUL_SYNCS": "false",
        }  # fmt: skip
        command = [sys.executable, "-c", "from simpul.cli import main; main()", "serve"]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if httpx2.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError("the hub did not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Killable]:
    hub = Killable(tmp_path)
    hub.start()
    yield hub
    hub.kill()


@pytest.mark.slow
def test_kill_9_under_load_loses_no_notification(killable: Killable) -> None:
    """Every change that was acknowledged is told, however often the hub is killed."""
    receiver = Receiver(lambda count: 500 if count % 20 == 0 else 200)
    endpoint = {"uri": receiver.uri}
    body = {"type": "Subscription", "entities": [{"type": "Halte"}], "notification": {"endpoint": endpoint}}
    assert httpx2.post(f"{killable.url}/subscriptions", json=body).status_code == 201
    acknowledged: set[tuple[str, str]] = set()
    for round_number in range(5):
        stop_writing = threading.Event()
        writers = [
            threading.Thread(target=_write, args=(killable.url, f"{round_number}-{number}", acknowledged, stop_writing))
            for number in range(8)
        ]
        for writer in writers:
            writer.start()
        target = len(acknowledged) + 150
        end = time.monotonic() + 20
        while len(acknowledged) < target and time.monotonic() < end:
            time.sleep(0.01)
        killable.kill()
        stop_writing.set()
        for writer in writers:
            writer.join()
        killable.start()
    receiver.wait_until(lambda: acknowledged <= set(receiver.told()), 60)
    receiver.stop()
    assert len(acknowledged) >= 500


def _write(url: str, name: str, acknowledged: set[tuple[str, str]], stop_writing: threading.Event) -> None:
    entity_id = f"urn:ngsi-ld:Halte:{name}"
    with httpx2.Client(timeout=5) as client:
        for number in range(100_000):
            if stop_writing.is_set():
                return
            try:
                if number == 0:
                    response = client.post(f"{url}/entities", json=stop(entity_id, "0"))
                else:
                    fragment = {"nama": {"type": "Property", "value": str(number)}}
                    response = client.patch(f"{url}/entities/{entity_id}/attrs", json=fragment)
            except httpx2.TransportError:
                return
            if response.is_success:
                acknowledged.add((entity_id, str(number)))


def test_what_was_told_is_gone_from_the_outbox_and_counts_survive_a_restart(tmp_path: Path) -> None:
    receiver = Receiver()
    settings = Settings(
        folder=tmp_path, data=tmp_path / "data", tenant=TENANT, syncs=False, allow_private_addresses=True
    )
    caller = identity.operator(TENANT)

    async def use() -> tuple[int, int, int]:
        async with open_hub(settings) as hub:
            known = hub.notices.lines(TENANT)
            if not known:
                await _subscribe_and_write(caller, hub, receiver)
            left = await hub.outbox.list_notices(TENANT, 0, 100)
            (health,) = subscriptions.list_health(caller, hub)
            return len(known), health.progress.times_sent, len(left)

    asyncio.run(use())
    assert len(receiver.accepted) == 1
    assert asyncio.run(use()) == (1, 1, 0)
    receiver.stop()


async def _subscribe_and_write(caller: Caller, hub: object, receiver: Receiver) -> None:
    from simpul.app import batch  # noqa: PLC0415  # Only here.
    from simpul.app.hub import Hub  # noqa: PLC0415  # Only here.
    from simpul.domain.context import CORE  # noqa: PLC0415  # Only here.

    assert isinstance(hub, Hub)
    endpoint = {"uri": receiver.uri}
    body = {"type": "Subscription", "entities": [{"type": "Halte"}], "notification": {"endpoint": endpoint}}
    await subscriptions.create(caller, hub, body, CORE)
    await batch.create(caller, hub, [batch.BatchItem(stop("urn:ngsi-ld:Halte:1"), CORE)])
    await asyncio.to_thread(receiver.wait_for, 1)
    # The answer is on its way to the hub.
    await asyncio.sleep(0.2)
