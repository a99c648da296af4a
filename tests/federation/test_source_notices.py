"""What subscribers to registrations are told (CIM 009 §5.11.7): kept with the change, sent or parked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from simpul import limits
from simpul.app import identity, registrations, source_subscriptions
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import CORE
from simpul.domain.errors import Forbidden, NotFound
from simpul.main import open_hub
from simpul.settings import Settings
from tests.federation.conftest import registration
from tests.http.conftest import TENANT
from tests.subscriptions.receiver import Receiver

OPERATOR = identity.operator(TENANT)
ENDPOINT = "http://source.example.org"
WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.005


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_NOTIFICATION_PAUSES_SECONDS", (0.02, 0.05))


def opened(folder: Path, work: Callable[[Hub], Awaitable[Any]]) -> Any:
    """Open the hub, do the work, and close it."""

    async def run() -> Any:
        settings = Settings(
            tenant=TENANT, folder=folder, data=folder / "data", syncs=False, allow_private_addresses=True
        )
        async with open_hub(settings) as hub:
            return await work(hub)

    return asyncio.run(run())


async def until(is_true: Callable[[], bool]) -> None:
    for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
        if is_true():
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError("it did not come true")


async def subscribe(hub: Hub, uri: str, **members: Any) -> str:
    body = {
        "type": "Subscription",
        "entities": [{"type": "BusStop"}],
        "notification": {"endpoint": {"uri": uri}},
        **members,
    }
    return await source_subscriptions.create(OPERATOR, hub, body, CORE)


def told(receiver: Receiver) -> list[tuple[str, list[str]]]:
    return [(one.body["triggerReason"], [data["id"] for data in one.data]) for one in receiver.accepted]


def test_5_11_7_what_was_not_told_when_the_hub_stopped_is_told_afterwards(tmp_path: Path) -> None:
    is_back = False
    receiver = Receiver(lambda _count: 200 if is_back else 503)

    async def change(hub: Hub) -> str:
        await subscribe(hub, receiver.uri)
        made = await registrations.create(OPERATOR, hub, registration(ENDPOINT), CORE)
        await registrations.update(OPERATOR, hub, made, {"description": "Halte tetangga"}, CORE)
        await registrations.delete(OPERATOR, hub, made)
        await until(lambda: receiver.attempts >= 1)
        return made

    made = opened(tmp_path, change)
    is_back = True

    async def wait(hub: Hub) -> None:
        await until(lambda: len(receiver.accepted) >= 3)
        (kept,) = hub.source_watch.list_all(TENANT)
        await until(lambda: hub.source_watch.store.count_source_notices(TENANT, kept.id) == 0)

    opened(tmp_path, wait)
    receiver.stop()
    assert told(receiver) == [("newlyMatching", [made]), ("updated", [made]), ("noLongerMatching", [made])]


@pytest.mark.parametrize("status", [400, 404])
def test_what_a_subscriber_refuses_is_parked_and_can_be_replayed(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_REFUSALS_MAX", 2)
    monkeypatch.setattr(limits, "NOTIFICATION_DENIALS_MAX", 2)
    receiver = Receiver(lambda count: status if count < 2 else 200)

    async def work(hub: Hub) -> None:
        subscription_id = await subscribe(hub, receiver.uri)
        first = await registrations.create(OPERATOR, hub, registration(ENDPOINT), CORE)
        await until(lambda: bool(source_subscriptions.list_parked(OPERATOR, hub)))
        second = await registrations.create(OPERATOR, hub, registration(ENDPOINT), CORE)
        await until(lambda: len(receiver.accepted) == 1)
        (parked,) = source_subscriptions.list_parked(OPERATOR, hub)
        assert (parked.subscription_id, parked.documents[0]["id"]) == (subscription_id, first)
        assert parked.failure == f"The receiver answered with status {status}."
        await source_subscriptions.replay(OPERATOR, hub, parked.id)
        await until(lambda: len(receiver.accepted) == 2)
        assert [ids for _, ids in told(receiver)] == [[second], [first]]
        # The receiver has it before the hub has its answer.
        await until(lambda: source_subscriptions.get(OPERATOR, hub, subscription_id).times_sent == 4)
        shown = source_subscriptions.render(hub, source_subscriptions.get(OPERATOR, hub, subscription_id), CORE)
        assert shown["notification"]["timesFailed"] == 2
        with pytest.raises(NotFound):
            await source_subscriptions.replay(OPERATOR, hub, parked.id)
        with pytest.raises(NotFound):
            await source_subscriptions.drop_parked(OPERATOR, hub, parked.id)

    opened(tmp_path, work)
    receiver.stop()


def test_what_waits_for_a_subscriber_that_is_away_is_parked_past_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOURCE_NOTIFICATIONS_WAITING_MAX", 2)
    receiver = Receiver(lambda _count: 503)

    async def work(hub: Hub) -> None:
        subscription_id = await subscribe(hub, receiver.uri)
        made = [await registrations.create(OPERATOR, hub, registration(ENDPOINT), CORE) for _ in range(5)]
        await until(lambda: hub.source_watch.store.count_source_notices(TENANT, subscription_id) == 2)
        parked = source_subscriptions.list_parked(OPERATOR, hub)
        assert [one.documents[0]["id"] for one in parked] == made[:3]
        await source_subscriptions.drop_parked(OPERATOR, hub, parked[0].id)
        assert len(source_subscriptions.list_parked(OPERATOR, hub)) == 2
        await source_subscriptions.delete(OPERATOR, hub, subscription_id)
        assert source_subscriptions.list_parked(OPERATOR, hub) == []

    opened(tmp_path, work)
    receiver.stop()


def test_5_11_7_a_paused_subscriber_is_not_told_and_a_reader_sees_nothing_parked(tmp_path: Path) -> None:
    receiver = Receiver()

    async def work(hub: Hub) -> None:
        subscription_id = await subscribe(hub, receiver.uri, isActive=False)
        await registrations.create(OPERATOR, hub, registration(ENDPOINT), CORE)
        assert hub.source_watch.store.count_source_notices(TENANT, subscription_id) == 0
        await source_subscriptions.update(OPERATOR, hub, subscription_id, {"isActive": True}, CORE)
        await until(lambda: len(receiver.accepted) == 1)
        with pytest.raises(Forbidden):
            source_subscriptions.list_parked(Caller(TENANT, "token/uji", frozenset({"reader"}), None), hub)

    opened(tmp_path, work)
    receiver.stop()
