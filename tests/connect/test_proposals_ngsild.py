"""Sources proposed by looking at another hub that speaks NGSI-LD: a second Simpul, as it is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.connect.kota import Kota
from tests.connect.looking import new, proposed, take_over
from tests.connect.parts.ngsild import stop
from tests.http.conftest import API, Served, serve

ROUTE = "urn:ngsi-ld:BusRoute:tetangga:1"


def property_of(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **more}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "tetangga"
    folder.mkdir()
    with contextmanager(serve)(folder, open_access=True) as served:
        body = [
            stop(
                number, f"Halte {number}",
                location={
                    "type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.4, -0.9 - number / 999]}
                },
                suhu=property_of(20 + number % 9, observedAt=f"2026-11-{1 + number % 20:02}T07:00:00Z", unitCode="CEL"),
                beratap=property_of(number % 2 == 0),
                rute={"type": "Relationship", "object": ROUTE},
            )
            for number in range(1, 41)
        ]  # fmt: skip
        with served.client() as client:
            client.post(f"{API}/entityOperations/create", json=body).raise_for_status()
            lamp = {"id": "urn:ngsi-ld:Streetlight:tetangga:1", "type": "Streetlight", "powerRating": property_of(40)}
            client.post(f"{API}/entities", json=lamp).raise_for_status()
        yield served


def test_a_type_of_another_hub_is_taken_over_unchanged_with_its_ids_and_names(kota: Kota, hub: Served) -> None:
    told = new(kota, f"{hub.url}{API}/entities?type=BusStop")
    assert told.exit_code == 0, told.output
    assert "of 40 rows, 40 would go in and 0 be kept aside" in told.output
    plain = proposed(kota, "bus-stop")
    assert plain["read"] == {"url": hub.url + API, "private": True, "type": ["BusStop"]}
    entity = plain["entity"]
    assert (entity["type"], entity["id"], plain["key"]) == ("BusStop", "{@id|uri}", "@id")
    assert entity["attributes"]["suhu"] == {
        "column": "suhu", "number": "plain", "observed_at": {"column": "suhu.observedAt", "date": "iso"}, "unit": "CEL",
    }  # fmt: skip
    assert take_over(kota, "bus-stop").rows_written == 40
    found = kota.entity("urn:ngsi-ld:BusStop:tetangga:7")
    assert found is not None
    assert found["name"]["value"] == "Halte 7"
    assert found["suhu"] == property_of(27, observedAt="2026-11-08T07:00:00Z", unitCode="CEL")
    assert found["beratap"]["value"] is False
    assert found["rute"] == {"type": "Relationship", "object": ROUTE}
    assert found["location"]["type"] == "GeoProperty"


def test_a_hub_lists_its_types(kota: Kota, hub: Served) -> None:
    told = new(kota, f"{hub.url}{API}")
    assert told.exit_code == 1
    assert "BusStop" in told.output
    assert "Streetlight" in told.output
    assert new(kota, f"{hub.url}{API}", "--only", "Streetlight").exit_code == 0
    assert proposed(kota, "streetlight")["entity"]["attributes"] == {
        "powerRating": {"column": "powerRating", "number": "plain"}
    }


def test_what_is_no_hub_is_told_plainly(kota: Kota, hub: Served) -> None:
    told = new(kota, f"{hub.url}/elsewhere{API}")
    assert told.exit_code == 1


def test_rows_whose_id_is_no_uri_are_kept_aside(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["uri"], ["urn:ngsi-ld:BusStop:lain:1"], ["tujuh"]])
    entity = {"type": "BusStop", "id": "{uri|uri}", "attributes": {"name": "uri"}}
    kota.declare({
        "source": "halte", "agency": "dishub", "title": {"id": "H", "en": "H"}, "kind": "table",
        "read": {"path": "halte.csv"}, "key": "uri", "entity": entity,
    })  # fmt: skip
    run = kota.sync()
    assert (run.rows_written, run.rows_rejected) == (1, 1)
    assert kota.rejects()[0].rule == "id"
    assert kota.entity("urn:ngsi-ld:BusStop:lain:1") is not None
