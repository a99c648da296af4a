"""Sources proposed by looking at GTFS datasets and GTFS Realtime feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2

from tests.connect.kota import Kota, entity_uri
from tests.connect.looking import new, proposed, take_over
from tests.connect.parts.gtfs import pack, positions, stops_text
from tests.connect.service import Told, run_service

NAMES = {number: f"Halte {number}" for number in range(1, 41)}
ROUTES = "route_id,agency_id,route_short_name,route_long_name,route_type\nK1,tp,1,Pasar Raya - Lubuk Buaya,3\n"
TRIPS = "route_id,service_id,trip_id,trip_headsign\nK1,harian,K1-1,Lubuk Buaya\n"
TIMES = "trip_id,arrival_time,stop_id,stop_sequence\n" + "".join(f"K1-1,25:{n:02}:00,{n},{n}\n" for n in NAMES)
FILES: dict[str, str | bytes] = {
    "stops.txt": stops_text(NAMES), "routes.txt": ROUTES, "trips.txt": TRIPS, "stop_times.txt": TIMES,
}  # fmt: skip


def feed() -> bytes:
    made: Any = positions(NAMES)
    for entity in made.entity:
        vehicle = entity.vehicle
        vehicle.timestamp = 1_448_344_800
        vehicle.position.speed = 8.5
        vehicle.vehicle.id = f"bus-{entity.id}"
        vehicle.trip.trip_id, vehicle.trip.route_id = "K1-1", "K1"
    return bytes(made.SerializeToString())


def test_each_file_of_a_dataset_becomes_a_source_that_is_applied_unchanged(kota: Kota) -> None:
    (kota.folder / "trans.zip").write_bytes(pack(FILES))
    told = new(kota, "trans.zip", "--all")
    assert told.exit_code == 0, told.output
    types = {name: proposed(kota, name)["entity"]["type"] for name in ("stops", "routes", "trips", "stop-times")}
    assert types == {"stops": "GtfsStop", "routes": "GtfsRoute", "trips": "GtfsTrip", "stop-times": "GtfsStopTime"}
    stops = proposed(kota, "stops")
    assert stops["key"] == "stop_id"
    assert stops["read"] == {"path": "trans.zip", "file": "stops"}
    assert {"rule": "inside", "attribute": "location", "area": "city"} in stops["rules"]
    assert take_over(kota, "stops").rows_written == 40
    assert kota.values(entity_uri("GtfsStop", "7"))["name"] == "Halte 7"


def test_files_of_a_dataset_refer_to_one_another(kota: Kota) -> None:
    (kota.folder / "trans.zip").write_bytes(pack(FILES))
    assert new(kota, "trans.zip", "--all").exit_code == 0
    times = proposed(kota, "stop-times")
    assert times["key"] == ["trip_id", "stop_sequence"]
    assert take_over(kota, "stop-times").rows_written == 40
    found = kota.values(entity_uri("GtfsStopTime", "K1-1:3"))
    assert (found["hasTrip"], found["hasStop"]) == (entity_uri("GtfsTrip", "K1-1"), entity_uri("GtfsStop", "3"))
    assert found["arrivalTime"] == "25:03:00", "an hour after midnight is no date"


def test_a_dataset_that_breaks_its_own_key_says_so(kota: Kota) -> None:
    (kota.folder / "trans.zip").write_bytes(pack({"trips.txt": TRIPS + "K1,minggu,K1-1,Lubuk Buaya\n"}))
    assert "1 of 2 rows are copies by it" in new(kota, "trans.zip", "--show").output


def test_a_feed_at_a_url_becomes_vehicles_with_their_history(kota: Kota) -> None:
    with run_service(lambda _: Told(feed())) as service:
        told = new(kota, f"{service.url}/gtfs-rt/vehicles?api_key=rahasia")
        assert told.exit_code == 0, told.output
        written = (kota.folder / "sources/vehicle-positions.yaml").read_text(encoding="utf-8")
        assert "rahasia" not in written + told.output
        plain = proposed(kota, "vehicle-positions")
        assert plain["read"]["realtime"] == "vehicle_positions"
        assert plain["read"]["query"] == {"api_key": "${env:SERVICE_API_KEY}"}
        assert (plain["entity"]["type"], plain["key"]) == ("Vehicle", "vehicle.id")
        assert plain["entity"]["observed_at"] == {"column": "timestamp", "date": "iso"}
        attributes = plain["entity"]["attributes"]
        assert attributes["speed"] == {"column": "position.speed", "number": "plain", "unit": "MTS"}
        assert attributes["hasRoute"] == {"relationship": entity_uri("GtfsRoute", "{trip.route_id}")}
        kota.environment["SERVICE_API_KEY"] = "rahasia"
        (kota.folder / "sources/vehicle-positions.yaml").write_text(
            written.replace("${env:SERVICE_API_KEY}", "x").replace("api_key", "kunci"), encoding="utf-8"
        )
        assert take_over(kota, "vehicle-positions").rows_written == 40
    assert kota.values(entity_uri("Vehicle", "bus-7"))["name"] == "Halte 7"


def test_each_kind_of_row_that_a_feed_tells_is_offered(kota: Kota) -> None:
    made = gtfs_realtime_pb2.FeedMessage()
    made.ParseFromString(feed())
    alert: Any = made.entity.add(id="banjir").alert
    alert.header_text.translation.add(text="Koridor 1 memutar")
    alert.informed_entity.add(route_id="K1")
    (kota.folder / "kini.pb").write_bytes(made.SerializeToString())
    told = new(kota, "kini.pb")
    assert "vehicle_positions (40 rows)" in told.output
    assert "alerts (1 row" in told.output
    assert new(kota, "kini.pb", "--only", "alerts").exit_code == 0
    assert proposed(kota, "alerts")["entity"]["type"] == "Alert"
    assert take_over(kota, "alerts").rows_written == 1
    assert kota.values(entity_uri("Alert", "banjir"))["name"] == "Koridor 1 memutar"


@pytest.mark.parametrize(("name", "content"), [
    ("kosong.zip", pack({"baca.txt": "tidak ada"})), ("rusak.zip", b"PK\x03\x04"),
])  # fmt: skip
def test_an_archive_that_is_no_dataset_is_none(kota: Kota, name: str, content: bytes) -> None:
    (kota.folder / name).write_bytes(content)
    told = new(kota, name)
    assert told.exit_code == 1
    assert "Name a file that exists, or a URL" in told.output


@pytest.mark.parametrize("body", [b"<html>masuk dulu</html>", b"PK\x03\x04", b"", pack({"a/stops.txt": "x"})])
def test_a_url_that_gives_neither_is_told_plainly(kota: Kota, body: bytes) -> None:
    with run_service(lambda _: Told(body)) as service:
        told = new(kota, f"{service.url}/gtfs.zip")
    assert told.exit_code == 1
    assert "GTFS dataset" in told.output


def test_the_real_dataset_of_a_city_is_proposed(kota: Kota, real_data: Path) -> None:
    told = new(kota, str(real_data / "gtfs/transjakarta.zip"), "--only", "routes")
    assert told.exit_code == 0, told.output
    assert "of 155 rows, 155 would go in and 0 be kept aside" in told.output
