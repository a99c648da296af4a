"""Alerts: who subscribes to how a source does is told once when it fails, drifts or is well again, not at each run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simpul.app import sources, subscriptions
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.domain.context import CORE
from simpul.main import open_hub
from simpul.settings import Settings
from tests.connect.kota import TENANT, Kota, csv_source
from tests.subscriptions.receiver import Receiver

GOOD: list[list[object]] = [["id", "nama"], *([number, f"Halte {number}"] for number in range(1, 31))]


@pytest.fixture
def receiver() -> Any:
    one = Receiver()
    yield one
    one.stop()


def statuses(receiver: Receiver) -> list[str]:
    return [entity["status"] for got in receiver.accepted for entity in got.data]


def subscription(receiver: Receiver) -> dict[str, Any]:
    return {
        "type": "Subscription",
        "entities": [{"type": "DataSource"}],
        "watchedAttributes": ["status"],
        "notification": {"format": "keyValues", "attributes": ["name", "status"], "endpoint": {"uri": receiver.uri}},
    }


def test_a_failure_a_drift_and_a_recovery_are_each_told_once(kota: Kota, receiver: Receiver) -> None:
    kota.write_csv("halte.csv", GOOD)
    kota.declare(csv_source())
    assert kota.sync().error is None
    caller = operator(TENANT)

    async def run(hub: Hub, count: int, times: int) -> None:
        """Read the source so many times, and wait until so many statuses were told."""
        for _ in range(times):
            await sources.sync(caller, hub, "halte")
        await asyncio.to_thread(receiver.wait_for, count)

    async def work() -> None:
        settings = Settings(folder=kota.folder, tenant=TENANT, allow_private_addresses=True)
        async with open_hub(settings) as hub:
            await subscriptions.create(caller, hub, subscription(receiver), CORE)
            (kota.folder / "halte.csv").rename(kota.folder / "away.csv")
            await run(hub, 1, 3)
            kota.write_csv("halte.csv", GOOD[:6])
            await run(hub, 2, 3)
            (kota.folder / "away.csv").rename(kota.folder / "halte.csv")
            await run(hub, 3, 3)

    asyncio.run(work())
    assert statuses(receiver) == ["failed", "drifted", "ok"]


def test_a_source_that_is_away_keeps_its_last_good_data(kota: Kota) -> None:
    kota.write_csv("halte.csv", GOOD)
    kota.declare(csv_source())
    kota.sync()
    (kota.folder / "halte.csv").unlink()
    assert kota.sync().error is not None
    status = kota.look(lambda hub: sources.get_source(operator(TENANT), hub, "halte"))
    assert (status.state, status.rows) == ("failed", 30)
    assert status.fresh_us is not None
    assert kota.count("BusStop") == 30
