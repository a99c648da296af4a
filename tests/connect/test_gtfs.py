"""GTFS as a source: datasets and feeds as a real service gives them, and archives that nobody should send."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as realtime

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import Row, Surroundings
from simpul.connectors.gtfs.reader import open_reading
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from simpul.formats.gtfs_realtime import shortest
from tests.connect.kota import Kota, csv_source
from tests.connect.parts.gtfs import pack, positions, stops_text
from tests.connect.service import Asked, Service, Told, run_service

STOPS = 'stop_id,stop_name,stop_lat,stop_lon\nA,Pasar Raya,-0.95,100.35\nB,"Bungus, Teluk",-1.05,100.40\n'
SHAPES = (
    "shape_id,shape_pt_sequence,shape_pt_lat,shape_pt_lon\n"
    "K1,2,-0.95,100.36\nK1,1,-0.94,100.35\nK2,1,-0.9,100.3\nK2,2,-0.91,100.31\nK3,1,-0.9,100.3\n"
    "K4,1,-0.9,100.3\nK4,2,utara,100.3\nK5,1,-0.9\nK5,1,-0.9,100.3\nK5,2,-95,100.3\n"
)
Serve = Callable[..., Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running = []

    def start(body: Any) -> Service:
        def answer(asked: Asked) -> Told:
            told = body(asked) if callable(body) else body
            return told if isinstance(told, Told) else Told(told, headers={"content-type": "application/zip"})

        running.append(run_service(answer))
        return running[-1].__enter__()

    yield start
    for one in running:
        one.__exit__(None, None, None)


def dataset(files: Mapping[str, str | bytes], folder: Path, **read: Any) -> tuple[tuple[str, ...], list[Any]]:
    (folder / "gtfs.zip").write_bytes(pack(files))
    return rows_of({"path": "gtfs.zip", "file": "stops", **read}, folder)


def rows_of(plain: dict[str, Any], folder: Path) -> tuple[tuple[str, ...], list[Any]]:
    with closing(open_reading(plain, Surroundings(folder))) as reading:
        return reading.columns, [row.cells if isinstance(row, Row) else row.reason for row in reading.rows()]


def feed_rows(feed: realtime.FeedMessage, folder: Path, kind: str, **read: Any) -> list[dict[str, Any]]:
    (folder / "feed.pb").write_bytes(feed.SerializeToString())
    columns, rows = rows_of({"path": "feed.pb", "realtime": kind, **read}, folder)
    return [dict(zip(columns, cells, strict=True)) for cells in rows]


def told(folder: Path, body: bytes, kind: type[SourceError] = SourceMismatch, **read: Any) -> str:
    (folder / "gtfs.zip").write_bytes(body)
    with pytest.raises(kind) as caught:
        rows_of({"path": "gtfs.zip", **({"file": "stops"} if "realtime" not in read else {}), **read}, folder)
    return caught.value.detail


# --- Datasets


def test_the_columns_are_those_of_the_file(tmp_path: Path) -> None:
    columns, rows = dataset({"stops.txt": STOPS}, tmp_path)
    assert columns == ("stop_id", "stop_name", "stop_lat", "stop_lon")
    assert rows == [["A", "Pasar Raya", "-0.95", "100.35"], ["B", "Bungus, Teluk", "-1.05", "100.40"]]


@pytest.mark.parametrize("encoded", [
    STOPS.encode("utf-8-sig"), STOPS.encode("utf-16"), STOPS.replace("\n", "\r\n").encode(),
    STOPS.replace(",stop_lon\n", ",stop_lon,\n").replace("5\n", "5,\n").replace("40\n", "40,\n").encode(),
    STOPS.replace("stop_id,", " stop_id ,").encode(),
], ids=["BOM", "UTF-16", "CRLF", "delimiter at the end", "spaces in the header"])  # fmt: skip
def test_a_file_as_other_programs_write_it_is_read(tmp_path: Path, encoded: bytes) -> None:
    columns, rows = dataset({"stops.txt": encoded}, tmp_path)
    assert columns[0] == "stop_id"
    assert [cells[1] for cells in rows] == ["Pasar Raya", "Bungus, Teluk"]


def test_a_dataset_is_fetched_with_its_secret(serve: Serve, tmp_path: Path) -> None:
    service = serve(pack({"stops.txt": STOPS}))
    plain = {
        "url": f"{service.url}/padang.zip", "private": True, "file": "stops", "query": {"api_key": "${env:KUNCI}"},
        "auth": {"header": "X-Izin", "value": "${env:KUNCI}"},
    }  # fmt: skip
    with closing(open_reading(plain, Surroundings(tmp_path, {"KUNCI": "rahasia"}))) as reading:
        assert len(list(reading.rows())) == 2
    assert service.asked[0].query == {"api_key": "rahasia"}
    assert service.asked[0].headers["x-izin"] == "rahasia"
    assert list(tmp_path.iterdir()) == []


def test_rows_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    text = 'stop_id,stop_name\nA,Pasar\n\nB\nC,"x"y\nD,Bungus,9\nE,Teluk,\n'
    _, rows = dataset({"stops.txt": text}, tmp_path)
    assert rows == [
        ["A", "Pasar"], "line 4: it has 1 cells, and the header has 2",
        "line 5: the quotes are wrong: ',' expected after '\"'", "line 6: it has 3 cells, and the header has 2",
        ["E", "Teluk"],
    ]  # fmt: skip


def test_points_become_lines_in_the_order_of_their_sequence(tmp_path: Path) -> None:
    columns, rows = dataset({"shapes.txt": SHAPES}, tmp_path, file="shapes", as_lines=True)
    assert columns == ("shape_id", "geometry")
    assert rows[0] == ["K1", {"type": "LineString", "coordinates": [[100.35, -0.94], [100.36, -0.95]]}]
    assert rows[2:] == [
        "the line K3 has one point, and a line has two", "line 9: it has 3 cells, and the header has 4",
        "line 8: it is no place with a number in a sequence", "line 11: it is no place with a number in a sequence",
    ]  # fmt: skip


def test_a_line_that_is_told_in_two_places_is_refused(tmp_path: Path) -> None:
    body = pack({"shapes.txt": SHAPES + "K1,3,-0.96,100.37\n"})
    assert "tells the line 'K1' in several places" in told(tmp_path, body, file="shapes", as_lines=True)


def test_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GTFS_SHAPE_POINTS_MAX", 1)
    assert "more than 1 points" in told(tmp_path, pack({"shapes.txt": SHAPES}), file="shapes", as_lines=True)
    monkeypatch.undo()
    monkeypatch.setattr(limits, "GTFS_SHAPES_MAX", 1)
    assert "more than 1 lines" in told(tmp_path, pack({"shapes.txt": SHAPES}), file="shapes", as_lines=True)


@pytest.mark.parametrize(("files", "words"), [
    ({"stops.txt": "stop_name,stop_lat\n"}, "lacks columns that GTFS requires: stop_id. Its columns are: stop_name"),
    ({"stops.txt": "stop_id;stop_name\n"}, "requires: stop_id. Its columns are: stop_id;stop_name"),
    ({"stops.txt": "stop_id,x,x\n"}, "the column 'x' twice"), ({"stops.txt": ""}, "is empty"),
    ({"stop.txt": STOPS}, "has no stops.txt; did you mean 'stop.txt'?"), ({}, "Its files: none"),
    ({"gtfs/stops.txt": STOPS}, "has gtfs/stops.txt, and a GTFS dataset has stops.txt at its top"),
    ({"stops.txt": "stop_id,stop_name\nA,Caf\xe9\n".encode("cp1252")}, "is not utf-8: see line 2, byte 6"),
])  # fmt: skip
def test_a_dataset_that_is_none_is_told(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    assert words in told(tmp_path, pack(files))


def test_another_encoding_can_be_said(tmp_path: Path) -> None:
    _, rows = dataset({"stops.txt": "stop_id,stop_name\nA,Caf\xe9\n".encode("cp1252")}, tmp_path, encoding="cp1252")
    assert rows == [["A", "Café"]]


def test_an_unknown_column_is_told_with_a_near_one(tmp_path: Path) -> None:
    words = told(tmp_path, pack({"stops.txt": STOPS}), columns={"nama": "stop_nama"})
    assert "has no column 'stop_nama'; did you mean 'stop_name'?" in words


# --- Archives


def with_password(body: bytes) -> bytes:
    """Return an archive whose members say that they are protected."""
    changed = bytearray(body)
    changed[body.index(b"PK\x03\x04") + 6] |= 1
    changed[body.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def twice(body: bytes) -> bytes:
    made = BytesIO(body)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(made, "a") as archive:
        archive.writestr("stops.txt", STOPS)
    return made.getvalue()


PACKED = pack({"stops.txt": stops_text(dict.fromkeys(range(5_000), "x"))})


@pytest.mark.parametrize(("body", "words"), [
    (b"<html>", "is a web page"), (b"", "it is no ZIP archive"), (PACKED[:-30], "was cut off"),
    (with_password(PACKED), "stops.txt is protected with a password"),
    (twice(PACKED), "holds stops.txt more than once"),
    (PACKED[:3_000] + bytes(100) + PACKED[3_100:], "cannot be read on"),
], ids=["page", "empty", "cut", "password", "twice", "damaged"])  # fmt: skip
def test_an_archive_that_cannot_be_read_is_told(tmp_path: Path, body: bytes, words: str) -> None:
    assert words in told(tmp_path, body)


def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack({"stops.txt": STOPS + " " * 20_000_000})
    monkeypatch.setattr(limits, "ZIP_MEMBER_FREE_BYTES", 1_000_000)
    assert "more than 200 times its size" in told(tmp_path, bomb)
    monkeypatch.setattr(limits, "ZIP_MEMBER_BYTES_MAX", 10_000_000)
    assert "at most 10,000,000 are read" in told(tmp_path, bomb)


def test_a_list_of_files_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ZIP_DIRECTORY_BYTES_MAX", 1_000)
    assert "its list of files is too long" in told(tmp_path, pack({f"{number}.txt": "" for number in range(100)}))


def test_the_list_of_files_is_bounded_in_the_64_bit_form_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    body = pack({"stops.txt": STOPS, **{f"{number}.txt": "" for number in range(100)}})
    assert b"PK\x06\x06" in body
    (tmp_path / "gtfs.zip").write_bytes(body)
    assert len(rows_of({"path": "gtfs.zip", "file": "stops"}, tmp_path)[1]) == 2
    # The ordinary end says that the list is empty.
    end = body.rindex(b"PK\x05\x06") + 12
    body = body[:end] + bytes(4) + body[end + 4 :]
    monkeypatch.setattr(limits, "ZIP_DIRECTORY_BYTES_MAX", 1_000)
    assert "its list of files is too long" in told(tmp_path, body)
    assert "not where it should be" in told(tmp_path, body.replace(b"PK\x06\x06", b"PK\x00\x00"))


def test_an_archive_that_is_too_large_is_not_fetched(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOWNLOAD_BYTES_MAX", 1_000)
    plain = {"url": serve(PACKED).url, "private": True, "file": "stops"}
    with pytest.raises(SourceMismatch, match="more than 1,000 bytes"):
        rows_of(plain, tmp_path)


def test_a_service_that_sends_hardly_anything_is_given_up(serve: Serve, tmp_path: Path) -> None:
    def drip() -> bool:
        sleep(0.05)
        return True

    begun = monotonic()
    with pytest.raises(SourceUnreachable, match="sends so slowly"):
        rows_of({"url": serve(Told(PACKED, drip=drip)).url, "private": True, "file": "stops", "timeout": 1}, tmp_path)
    assert monotonic() - begun < 10


@pytest.mark.parametrize(("status", "words"), [(403, "refuses us"), (404, "status 404"), (500, "status 500")])
def test_a_service_that_refuses_is_told_without_its_secret(
    serve: Serve, tmp_path: Path, status: int, words: str
) -> None:
    plain = {"url": serve(Told(b"", status=status)).url, "private": True, "file": "stops", "query": {"key": "rahasia"}}
    with pytest.raises(SourceError, match=words) as caught:
        rows_of(plain, tmp_path)
    assert "rahasia" not in caught.value.detail


# --- Feeds


def trip(descriptor: realtime.TripDescriptor) -> None:
    descriptor.trip_id, descriptor.route_id, descriptor.start_date = "T1", "K1", "20261124"


def test_a_vehicle_is_a_row_with_the_names_of_the_format(tmp_path: Path) -> None:
    feed = positions({7: "Trans Padang 7"})
    vehicle = feed.entity[0].vehicle
    trip(vehicle.trip)
    vehicle.timestamp, vehicle.position.bearing, vehicle.stop_id = 1_448_344_790, float("nan"), "A"
    vehicle.occupancy_status = realtime.VehiclePosition.FEW_SEATS_AVAILABLE
    (row,) = feed_rows(feed, tmp_path, "vehicle_positions")
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": "7", "trip.trip_id": "T1", "trip.route_id": "K1", "trip.start_date": "20261124",
        "vehicle.label": "Trans Padang 7", "position.latitude": -0.95, "position.longitude": 100.35, "stop_id": "A",
        "current_status": "IN_TRANSIT_TO", "timestamp": "2015-11-24T05:59:50Z",
        "occupancy_status": "FEW_SEATS_AVAILABLE", "feed.timestamp": "2015-11-24T06:00:00Z",
    }  # fmt: skip


def updates() -> realtime.FeedMessage:
    feed = positions({1: "x"})
    update = feed.entity.add(id="u").trip_update
    trip(update.trip)
    update.delay = 120
    for sequence, delay in ((3, 60), (4, 90)):
        stop = update.stop_time_update.add(stop_sequence=sequence, stop_id="A")
        stop.arrival.delay, stop.arrival.time = delay, 1_448_344_800 + delay
    feed.entity.add(id="gone", is_deleted=True).trip_update.trip.trip_id = "T9"
    return feed


def test_a_trip_is_a_row_and_so_is_each_stop_of_it(tmp_path: Path) -> None:
    (row,) = feed_rows(updates(), tmp_path, "trip_updates")
    assert (row["trip.trip_id"], row["delay"], row["timestamp"]) == ("T1", 120, None)
    rows = feed_rows(updates(), tmp_path, "stop_time_updates")
    names = ("trip.trip_id", "stop_sequence", "stop_id", "arrival.delay", "departure.delay", "schedule_relationship")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("T1", 3, "A", 60, None, "SCHEDULED"), ("T1", 4, "A", 90, None, "SCHEDULED"),
    ]  # fmt: skip
    assert rows[0]["arrival.time"] == "2015-11-24T06:01:00Z"


def test_an_alert_has_its_texts_in_the_languages_that_are_asked_for(tmp_path: Path) -> None:
    feed = positions({})
    alert = feed.entity.add(id="a").alert
    for begin, end in ((1_448_344_800, 1_448_348_400), (1_448_352_000, 1_448_355_600)):
        alert.active_period.add(start=begin, end=end)
    for stop in ("A", "B", "A"):
        alert.informed_entity.add(route_id="K1", stop_id=stop)
    alert.cause = realtime.Alert.DEMONSTRATION
    for language, text in (("id-ID", "Jalan ditutup"), ("en", "Road closed")):
        alert.header_text.translation.add(text=text, language=language)
    (row,) = feed_rows(feed, tmp_path, "alerts", languages=["id", "EN"])
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": "a", "active_period.start": "2015-11-24T06:00:00Z", "active_period.end": "2015-11-24T09:00:00Z",
        "cause": "DEMONSTRATION", "effect": "UNKNOWN_EFFECT", "severity_level": "UNKNOWN_SEVERITY",
        "informed_entity.route_id": "K1", "informed_entity.stop_id": "A\nB", "header_text": "Jalan ditutup",
        "header_text.id": "Jalan ditutup", "header_text.EN": "Road closed", "feed.timestamp": "2015-11-24T06:00:00Z",
    }  # fmt: skip
    alert.active_period.add(start=1_448_344_800)
    (row,) = feed_rows(feed, tmp_path, "alerts")
    assert row["active_period.end"] is None


def differential() -> bytes:
    feed = positions({})
    feed.header.incrementality = realtime.FeedHeader.DIFFERENTIAL
    return feed.SerializeToString()


@pytest.mark.parametrize(("body", "words"), [
    (b"<html>", "protobuf"), (b'{"entity": []}', "protobuf"), (b"", "lacks what the format requires"),
    (b"\xff" * 50, "no GTFS Realtime message"), (positions({1: "x" * 200}).SerializeToString()[:-90], "was cut off"),
    (differential(), "tells only what changed"), (PACKED, "no GTFS Realtime"),
], ids=["page", "JSON", "empty", "noise", "cut", "differential", "archive"])  # fmt: skip
def test_a_feed_that_is_none_is_told(tmp_path: Path, body: bytes, words: str) -> None:
    assert words in told(tmp_path, body, realtime="vehicle_positions")


def test_numbers_of_32_bits_are_as_they_were_written() -> None:
    feed = positions({1: "x"})
    position = feed.entity[0].vehicle.position
    for written in (100.35, -0.947123, 0.0, 1e-20, 123456.78):
        position.latitude = written
        assert shortest(position.latitude) == pytest.approx(written, rel=1e-7)
        assert len(repr(shortest(position.latitude))) <= len(repr(written)) + 1
    assert shortest(float("inf")) is None


# --- Declarations and runs


@pytest.mark.parametrize(("read", "words"), [
    ({}, "either 'url' or 'path'"), ({"path": "a.zip"}, "either 'file'"),
    ({"path": "a.zip", "url": "https://a.example/a.zip", "file": "stops"}, "either 'url' or 'path'"),
    ({"path": "a.zip", "file": "stop"}, "did you mean 'stops'?"),
    ({"path": "a.zip", "file": "stops", "private": True}, "belongs to a 'url'"),
    ({"path": "a.zip", "file": "stops", "as_lines": True}, "belongs to 'file: shapes'"),
    ({"path": "a.zip", "file": "stops", "languages": "id"}, "belongs to 'realtime: alerts'"),
    ({"path": "a.zip", "file": "stops", "encoding": "base64"}, "is no encoding"),
    ({"path": "a.pb", "realtime": "alerts", "encoding": "utf-8"}, "has no encoding"),
    ({"url": "https://a.example/a.zip?api_key=abc", "file": "stops"}, "holds a secret"),
    ({"url": "https://a.example/a.zip", "file": "stops", "query": {"token": "abc"}}, "looks like a secret"),
])  # fmt: skip
def test_a_declaration_that_cannot_be_right_is_refused(kota: Kota, read: dict[str, Any], words: str) -> None:
    kota.write("sources/halte.yaml", csv_source(kind="gtfs", read=read))
    assert words in str(load_city(kota.folder).problems)


def test_stops_lines_and_vehicles_of_one_city_are_entities(kota: Kota, serve: Serve) -> None:
    feed = positions({7: "Trans Padang 7"})
    trip(feed.entity[0].vehicle.trip)
    feed.entity[0].vehicle.timestamp = 1_448_344_790
    service = serve(
        lambda asked: (
            feed.SerializeToString() if asked.path == "/rt" else pack({"shapes.txt": SHAPES, "stops.txt": STOPS})
        )
    )
    kota.declare(
        csv_source(
            source="jalur", kind="gtfs", key="shape_id",
            read={"url": service.url, "private": True, "file": "shapes", "as_lines": True},
            entity={"type": "BusLine", "id": "urn:ngsi-ld:BusLine:kota:{shape_id}",
                    "attributes": {"location": {"geometry": "geometry"}}},
        ),
        csv_source(
            source="bus", kind="gtfs", key="id",
            read={"url": f"{service.url}/rt", "private": True, "realtime": "vehicle_positions"},
            entity={"type": "Vehicle", "id": "urn:ngsi-ld:Vehicle:kota:{id}",
                    "observed_at": {"column": "timestamp", "date": "iso"},
                    "attributes": {
                        "location": {"point": {"longitude": "position.longitude", "latitude": "position.latitude"}},
                        "line": {"relationship": "urn:ngsi-ld:BusLine:kota:{trip.route_id}"},
                    }},
        ),
    )  # fmt: skip
    assert kota.sync("jalur").rows_written == 2
    assert len(kota.rejects("jalur")) == 4
    assert kota.sync("bus").error is None
    assert kota.values("urn:ngsi-ld:BusLine:kota:K1")["location"]["type"] == "LineString"
    assert kota.values("urn:ngsi-ld:Vehicle:kota:7") == {
        "location": {"type": "Point", "coordinates": [100.35, -0.95]}, "line": "urn:ngsi-ld:BusLine:kota:K1",
    }  # fmt: skip
