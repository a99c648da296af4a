"""When sources are read by themselves."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace

import pytest

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.connect.schedule import Schedule, next_due_us
from simpul.domain.city import SourceDeclaration
from simpul.ports.engine import SourceEngine
from simpul.ports.store import Run
from tests.connect.kota import TENANT, Kota, csv_source
from tests.connect.service import Asked, Told, run_service

MINUTE_US = 60_000_000


@dataclass
class SetClock:
    """A clock that stands where it is set."""

    at_us: int = 1_000 * MINUTE_US

    def now_us(self) -> int:
        return self.at_us


def run_at(minute: int, error: str | None = None) -> Run:
    return Run(minute, "halte", minute * MINUTE_US, minute * MINUTE_US, 0, 0, 0, 0, 0, error)


@pytest.mark.parametrize(("runs", "minute"), [
    ([], 0), ([run_at(10)], 70), ([run_at(10, "x"), run_at(1)], 11), ([run_at(10, "x"), run_at(9, "x"), run_at(1)], 12),
    ([run_at(10, "x"), run_at(9, "x"), run_at(8, "x")], 14), ([run_at(10, "x")] * 4, 70),
])  # fmt: skip
def test_a_source_is_due_after_its_time_and_sooner_after_a_failure(runs: list[Run], minute: int) -> None:
    assert next_due_us(runs, 3600) == minute * MINUTE_US


def test_a_source_that_is_read_often_is_not_tried_less_often_after_a_failure() -> None:
    assert next_due_us([run_at(10, "x")], 15) == 10 * MINUTE_US + 15_000_000


def test_sources_are_read_when_they_are_due(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
    kota.declare(csv_source(schedule={"every": "15m"}), csv_source(source="tangan"))
    clock = SetClock()

    async def work(hub: Hub) -> list[int]:
        schedule = Schedule(replace(hub, clock=clock))
        counts = []
        for _ in range(4):
            await schedule.run_due()
            counts.append(len(hub.sources.list_runs(TENANT, "halte")))
            clock.at_us += 8 * MINUTE_US
        assert hub.sources.list_runs(TENANT, "tangan") == []
        return counts

    assert kota.with_hub(work) == [1, 1, 2, 2]


def test_a_source_that_fails_does_not_keep_the_others_waiting(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
    lost = csv_source(source="hilang", read={"path": "tidak-ada.csv"}, schedule={"every": "1h"})
    kota.declare(lost, csv_source(schedule={"every": "1h"}))

    async def work(hub: Hub) -> list[str | None]:
        await Schedule(hub).run_due()
        return [hub.sources.list_runs(TENANT, source)[0].error for source in ("hilang", "halte")]

    failed, fine = kota.with_hub(work)
    assert failed is not None
    assert fine is None


def test_a_defect_in_reading_one_source_ends_no_other(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
    kota.declare(csv_source(source="cacat", schedule={"every": "1h"}), csv_source(schedule={"every": "1h"}))

    @dataclass
    class Faulty:
        """The engine, with a defect that shows in one source only."""

        engine: SourceEngine

        async def run(self, hub: Hub, tenant: str, source: SourceDeclaration) -> Run:
            if source.id == "cacat":
                raise RuntimeError("a defect")
            return await self.engine.run(hub, tenant, source)

    async def work(hub: Hub) -> int:
        assert hub.engine is not None
        await Schedule(replace(hub, engine=Faulty(hub.engine))).run_due()  # type: ignore[arg-type]  # It only reads.
        return len(hub.sources.list_runs(TENANT, "halte"))

    assert kota.with_hub(work) == 1


def test_a_source_that_takes_hours_keeps_no_other_waiting(kota: Kota) -> None:
    """A service that does not answer stands for a long run; the short source is read again and again meanwhile."""
    answered = threading.Event()

    def answer(_asked: Asked) -> Told:
        answered.wait(20)
        return Told([{"id": 1, "nama": "Pasar Raya"}])

    with run_service(answer) as service:
        kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
        slow = {"kind": "rest", "read": {"url": service.url, "private": True}, "schedule": {"every": "1h"}}
        kota.declare(
            csv_source(source="halte", schedule={"every": "10s"}), csv_source(source="a-lambat", **slow),
            csv_source(source="b-lambat", **slow),
        )  # fmt: skip

        async def work(hub: Hub) -> tuple[int, list[str | None]]:
            await sources.sync(operator(TENANT), hub, "halte")
            clock = SetClock(hub.clock.now_us())
            schedule = Schedule(replace(hub, clock=clock))
            async with asyncio.TaskGroup() as group:
                while len(runs := hub.sources.list_runs(TENANT, "halte", 9)) < 3:
                    schedule.start_due(group)
                    if (TENANT, "halte") not in schedule._started:
                        clock.at_us += MINUTE_US // 2
                    await asyncio.sleep(0.02)
                under_way = len(schedule._started & {(TENANT, "a-lambat"), (TENANT, "b-lambat")})
                answered.set()
            return under_way, [run.error for run in runs]

        assert kota.with_hub(work) == (2, [None, None, None])


def test_a_source_that_waits_is_not_started_twice(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
    kota.declare(csv_source(schedule={"every": "1h"}))

    async def work(hub: Hub) -> int:
        schedule = Schedule(hub)
        async with asyncio.TaskGroup() as group:
            schedule.start_due(group)
            schedule.start_due(group)
        return len(hub.sources.list_runs(TENANT, "halte"))

    assert kota.with_hub(work) == 1
