"""Who may see and do what with sources: a summary is for anyone; runs, raw rows and changes are not."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.domain.access import Caller
from simpul.domain.errors import BadRequestData, Forbidden, NotFound, Unauthenticated
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

READER = Caller(TENANT, "token/1", frozenset({"reader"}), None)


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"], [1, "NIK 1371010101010001"]])
    kota.declare(csv_source(), csv_source(source="hilang", read={"path": "rahasia-server.csv"}))
    kota.sync("halte")
    kota.sync("hilang")
    return kota


def test_anyone_sees_a_summary_without_errors_and_rows(city: Kota) -> None:
    def work(hub: Hub) -> Any:
        return {status.source.id: status for status in sources.list_sources(anonymous(hub, TENANT), hub)}

    seen = city.look(work)
    assert (seen["halte"].state, seen["halte"].rows, seen["halte"].rejects) == ("ok", 2, 1)
    assert seen["halte"].agency.id == "dishub"
    assert seen["hilang"].state == "failed"
    assert seen["hilang"].last_run.error is None
    assert seen["hilang"].fresh_us is None


def test_who_manages_sources_sees_the_error(city: Kota) -> None:
    status = city.look(lambda hub: sources.get_source(operator(TENANT), hub, "hilang"))
    assert status.last_run is not None
    assert "rahasia-server.csv" in (status.last_run.error or "")


@pytest.mark.parametrize("what", ["runs", "rejects", "plan"])
def test_a_reader_is_refused(city: Kota, what: str) -> None:
    loaded = city.load()

    def ask(caller: Caller, hub: Hub) -> object:
        if what == "runs":
            return sources.list_runs(caller, hub, "halte")
        return sources.list_rejects(caller, hub, "halte") if what == "rejects" else sources.plan(caller, hub, loaded)

    def work(hub: Hub) -> None:
        with pytest.raises(Forbidden):
            ask(READER, hub)
        with pytest.raises(Unauthenticated):
            ask(anonymous(hub, TENANT), hub)

    city.look(work)


def test_a_refused_sync_does_nothing(city: Kota) -> None:
    loaded = city.load()

    async def work(hub: Hub) -> int:
        for caller in (READER, anonymous(hub, TENANT)):
            with pytest.raises((Forbidden, Unauthenticated)):
                await sources.sync(caller, hub, "halte")
            with pytest.raises((Forbidden, Unauthenticated)):
                await sources.apply(caller, hub, loaded)
            with pytest.raises((Forbidden, Unauthenticated)):
                await sources.preview(caller, hub, loaded.sources[0])
        return len(hub.sources.list_runs(TENANT, "halte"))

    assert city.with_hub(work) == 1


def test_an_unknown_source_is_not_found(city: Kota) -> None:
    def work(hub: Hub) -> None:
        for ask in (sources.get_source, sources.list_rejects, sources.list_runs):
            with pytest.raises(NotFound):
                ask(operator(TENANT), hub, "tidak-ada")

    city.look(work)


def test_the_folder_of_another_city_is_not_applied(city: Kota) -> None:
    loaded = city.load()

    async def work(hub: Hub) -> None:
        with pytest.raises(BadRequestData):
            await sources.apply(operator("lain"), hub, loaded)

    city.with_hub(work)


def test_a_source_that_is_taken_out_takes_its_raw_rows_along(city: Kota) -> None:
    (city.folder / "sources" / "halte.yaml").unlink()
    steps = city.declare()
    assert [(step.action, step.name) for step in steps] == [("remove", "halte")]
    assert city.look(lambda hub: hub.sources.list_rejects(TENANT, "halte")) == []
    assert city.entity(entity_uri("DataSource", "halte")) is None
    assert city.count("BusStop") == 1


def test_agencies_and_sources_are_entities(city: Kota) -> None:
    assert city.values(entity_uri("Agency", "dishub"))["name"] == {"id": "Dishub", "en": "Transport"}
    values = city.values(entity_uri("DataSource", "halte"))
    assert values["name"] == {"id": "Halte", "en": "Bus stops"}
    assert values["entityType"] == "BusStop"
