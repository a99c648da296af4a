"""The demo city through the whole hub: its declarations hold, its sources go in, its answers are as counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from simpul.app import entities, identity, sources, temporal
from simpul.app.answers import Answer, answer, list_answers
from simpul.app.hub import Hub
from simpul.connect.city import load_city
from simpul.connect.runner import Engine
from simpul.demo.build import ensure_city
from simpul.demo.live.playing import playing
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.domain.entity import Entity
from simpul.domain.errors import Unauthenticated
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.main import open_hub
from simpul.ports.store import Run
from simpul.settings import Settings

pytestmark = pytest.mark.slow

Result = TypeVar("Result")
TENANT = "padang"
OPERATOR = identity.operator(TENANT)
RESIDENTS = 3_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a city that has been connected once, with its live systems running."""
    folder = tmp_path_factory.mktemp("demo") / "padang"
    ensure_city(folder, RESIDENTS, lambda _title, _done, _of_all: None)
    with playing(folder) as is_playing:
        assert is_playing()
        yield folder


@pytest.fixture(scope="module")
def city(folder: Path) -> City:
    loaded = load_city(folder)
    assert loaded.problems == []
    assert loaded.city is not None
    return loaded.city


def in_hub(folder: Path, ask: Callable[[Hub], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with open_hub(Settings(folder=folder, tenant=TENANT)) as hub:
            return await ask(replace(hub, engine=hub.engine or Engine()))

    return asyncio.run(run())


@pytest.fixture(scope="module")
def runs(folder: Path, city: City) -> dict[str, Run]:
    """Connect every source; return the runs by source."""

    async def connect(hub: Hub) -> dict[str, Run]:
        await sources.apply(OPERATOR, hub, city)
        return {source.id: await sources.sync(OPERATOR, hub, source.id) for source in city.sources}

    return in_hub(folder, connect)


@pytest.fixture(scope="module")
def made(folder: Path, runs: dict[str, Run]) -> dict[str, Answer]:
    async def ask(hub: Hub) -> dict[str, Answer]:
        caller = identity.anonymous(hub, TENANT)
        return {one.id: await answer(caller, hub, one.id) for one in list_answers(caller, hub)}

    return in_hub(folder, ask)


def column(one: Answer, name: str) -> list[Any]:
    return [row.cells[one.column(name)].value for row in one.rows]


def read(folder: Path, type_name: str) -> list[Entity]:
    async def ask(hub: Hub) -> list[Entity]:
        question = EntityQuery(types=TypeSelection(((CORE.expand(type_name),),)), limit=1_000)
        page = await entities.query(OPERATOR, hub, question)
        return [record.entity for record in entities.read_records(OPERATOR, hub, page.documents)]

    return in_hub(folder, ask)


def value(entity: Entity, name: str) -> Any:
    instance = entity.get(CORE.expand(name))
    return None if instance is None else instance.get("value", instance.get("object"))


def test_no_source_fails(runs: dict[str, Run]) -> None:
    assert {source: run.error for source, run in runs.items() if run.error is not None} == {}


def test_what_is_wrong_is_kept_aside_and_the_rest_goes_in(runs: dict[str, Run]) -> None:
    assert {source: run.rows_rejected for source, run in runs.items() if run.rows_rejected} == {
        # 70 without a code and 18 whose code and register are taken, a cell with words, five without a place,
        # and a bus that says it is off the coast of Africa.
        "aset": 88, "anggaran": 1, "shelter": 5, "hujan": 136, "bus": 1,
    }  # fmt: skip
    assert runs["halte"].rows_written == 318
    assert runs["koridor"].rows_written == 11
    assert runs["penduduk"].rows_written == RESIDENTS
    assert (runs["kelurahan"].rows_written, runs["kecamatan"].rows_written) == (104, 11)


def test_a_second_run_writes_nothing(folder: Path, runs: dict[str, Run]) -> None:
    async def again(hub: Hub) -> list[Run]:
        return [await sources.sync(OPERATOR, hub, source) for source in ("halte", "hujan", "penduduk", "anggaran")]

    assert [run.rows_written for run in in_hub(folder, again)] == [0, 0, 0, 0]


def test_51_stops_stand_in_water_and_39_in_more_than_a_metre(made: dict[str, Answer]) -> None:
    stops = made["halte-tergenang"]
    depths = column(stops, "depth")
    assert len(depths) == 51
    assert sum(depth > 1 for depth in depths) == 39
    assert depths == sorted(depths, reverse=True)
    assert stops.headline["en"].startswith("51 Trans Padang stops would stand in more than 0.1 m of water, 39 of them")
    assert stops.headline["id"].startswith("51 halte")


def test_every_such_stop_has_its_kelurahan_and_a_shelter_with_room(made: dict[str, Answer]) -> None:
    stops = made["halte-tergenang"]
    assert None not in column(stops, "kelurahan")
    assert all(capacity > 0 for capacity in column(stops, "capacity"))
    assert all(0 < distance < 5_000 for distance in column(stops, "distance"))


def test_residents_are_counted_and_small_counts_withheld(made: dict[str, Answer]) -> None:
    stops = made["halte-tergenang"]
    cells = [row.cells[stops.column("residents")] for row in stops.rows]
    assert all(cell.withheld or (isinstance(cell.value, int) and cell.value >= 10) for cell in cells)


def test_the_answer_names_the_systems_of_four_agencies(made: dict[str, Answer], city: City) -> None:
    named = made["halte-tergenang"].sources
    assert named == ("halte", "genangan-halte", "kelurahan", "penduduk", "shelter")
    agencies = {source.agency for source_id in named if (source := city.source(source_id))}
    assert agencies == {"dishub", "bpbd", "kominfo", "dukcapil"}


def test_another_answer_needs_no_other_code(made: dict[str, Answer]) -> None:
    shelters = made["shelter-tergenang"]
    assert len(shelters.rows) == 22
    assert shelters.sources == ("shelter", "genangan-shelter", "kelurahan")


def test_an_unknown_capacity_is_absent_and_not_zero(folder: Path, runs: dict[str, Run]) -> None:
    shelters = read(folder, "Shelter")
    assert len(shelters) == 57
    assert 0 not in [value(shelter, "capacity") for shelter in shelters]
    assert sum(value(shelter, "capacity") is None for shelter in shelters) == 32
    assert {value(shelter, "owner") for shelter in shelters} == {"Pemerintah", "Swasta"}


def test_the_line_break_is_gone_from_the_name(folder: Path, runs: dict[str, Run]) -> None:
    stop = next(stop for stop in read(folder, "BusStop") if stop["id"].endswith(":318"))
    assert value(stop, "name") == "RS Siti Rahmah"


def test_the_budget_is_read_in_both_ways_of_writing(folder: Path, runs: dict[str, Run]) -> None:
    budgets = {value(budget, "organisationCode"): budget for budget in read(folder, "Budget")}
    typed = budgets["1.04.2.10.0.00.01.0000"]
    assert value(typed, "budget") == 128_799_116_750
    assert typed[CORE.expand("budget")]["unitCode"] == "IDR"
    assert value(budgets["1.01.2.22.0.00.01.0000"], "realisedShare") == pytest.approx(91.2)


def test_rain_has_ten_years_of_history_without_sentinels(folder: Path, runs: dict[str, Run]) -> None:
    async def ask(hub: Hub) -> list[Any]:
        history = await temporal.retrieve(OPERATOR, hub, "urn:ngsi-ld:RainGauge:padang:13711001a")
        return [change.attributes.get(CORE.expand("rainfall")) for change in history.changes]

    amounts = [instance["value"] for instance in in_hub(folder, ask) if instance is not None]
    assert len(amounts) > 1_500
    assert max(amounts) <= 439


def test_a_resident_is_synthetic_and_nobody_s_to_see(folder: Path, runs: dict[str, Run]) -> None:
    assert {value(person, "synthetic") for person in read(folder, "Person")} == {True}

    async def ask(hub: Hub) -> None:
        await entities.retrieve(identity.anonymous(hub, TENANT), hub, "urn:ngsi-ld:Person:padang:1")

    with pytest.raises(Unauthenticated):
        in_hub(folder, ask)


def test_the_buses_move(folder: Path, runs: dict[str, Run]) -> None:
    async def again(hub: Hub) -> Run:
        return await sources.sync(OPERATOR, hub, "bus")

    def places() -> dict[str, Any]:
        return {bus["id"]: value(bus, "location") for bus in read(folder, "Vehicle")}

    before = places()
    assert in_hub(folder, again).rows_written == len(before) > 15
    after = places()
    assert after.keys() == before.keys()
    assert all(after[bus] != before[bus] for bus in before)


def test_rain_is_told_as_it_comes_and_says_that_it_is_simulated(folder: Path, runs: dict[str, Run]) -> None:
    readings = read(folder, "WeatherObserved")
    assert len(readings) >= 6
    assert {value(reading, "simulated") for reading in readings} == {True}
    assert all(value(reading, "description").startswith("SIMULASI") for reading in readings)
    assert all(value(reading, "seriesDate")["@value"] < "2026" for reading in readings)


def test_what_moves_keeps_a_short_history(city: City) -> None:
    kept = {rule.type_name: rule.keep_us for rule in city.retentions}
    hour_us = 3_600_000_000
    assert kept == {CORE.expand("Vehicle"): 6 * hour_us, CORE.expand("WeatherObserved"): 6 * hour_us}
