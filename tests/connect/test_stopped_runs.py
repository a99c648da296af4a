"""Runs that were cut off because their hub was stopped or killed: nothing is wrong with their source."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import httpx2
import pytest

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.connect.schedule import Schedule
from simpul.ports.store import RUN_STOPPED, Run
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri
from tests.connect.office import ServedHub
from tests.connect.test_schedule import MINUTE_US, SetClock


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", [["id", "nama"], *([number, f"Halte {number}"] for number in range(5_000))])
    kota.declare(csv_source(schedule={"every": "1d"}))
    assert kota.sync().error is None
    return kota


def cut_off(city: Kota) -> None:
    """Begin a run, and stop it as a hub does that is stopped."""
    city.write_csv("halte.csv", [["id", "nama"], *([number, f"Pasar {number}"] for number in range(5_000))])

    async def work(hub: Hub) -> None:
        has_begun = asyncio.Event()
        running = asyncio.create_task(
            sources.sync(operator(TENANT), hub, "halte", on_progress=lambda _: has_begun.set())
        )
        await has_begun.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    city.with_hub(work)


def kill(city: Kota) -> None:
    """Leave a run behind that never ended, as a hub does that is killed."""

    async def work(hub: Hub) -> None:
        await hub.sources.begin_run(TENANT, "halte", hub.clock.now_us())

    city.with_hub(work)


def state(city: Kota) -> tuple[str, Run | None]:
    status = city.look(lambda hub: sources.get_source(operator(TENANT), hub, "halte"))
    return status.state, status.last_run


def test_a_run_that_was_stopped_is_no_failure(city: Kota) -> None:
    cut_off(city)
    found, run = state(city)
    assert run is not None
    assert (found, run.error) == ("stopped", RUN_STOPPED)
    assert city.values(entity_uri("DataSource", "halte"))["status"] == "ok"
    assert city.sync().error is None
    assert state(city)[0] == "ok"


def test_stopping_a_hub_again_and_again_is_nothing_to_be_alarmed_by(city: Kota) -> None:
    for _ in range(4):
        cut_off(city)
    assert city.look(lambda hub: hub.alerts.list_alerts(TENANT, only_open=True, limit=10)) == []


def test_a_run_whose_hub_was_killed_is_one_that_was_stopped(city: Kota) -> None:
    kill(city)
    assert state(city)[0] == "stopped"


@pytest.mark.parametrize("end", [cut_off, kill])
def test_it_is_made_up_for_soon_however_rarely_the_source_is_read(city: Kota, end: object) -> None:
    assert callable(end)
    end(city)

    async def work(hub: Hub) -> list[int]:
        clock = SetClock(hub.clock.now_us())
        schedule = Schedule(replace(hub, clock=clock))
        counts = []
        for _ in range(2):
            await schedule.run_due()
            counts.append(len(hub.sources.list_runs(TENANT, "halte")))
            clock.at_us += 2 * MINUTE_US
        return counts

    assert city.with_hub(work) == [2, 3]
    assert state(city)[0] == "ok"


def test_the_console_says_cut_off_and_not_failed(city: Kota, free_port: int) -> None:
    cut_off(city)
    with ServedHub(city, free_port) as hub:
        page = httpx2.get(f"{hub.url}/sources/halte", headers={"accept-language": "id"}, trust_env=False).text
        listed = httpx2.get(f"{hub.url}/sources", headers={"accept-language": "id"}, trust_env=False).text
    assert "Terhenti, akan dijalankan lagi" in page
    assert "Gagal" not in page
    assert "state-stopped" in listed
