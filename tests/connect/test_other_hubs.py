"""Entities of another hub as a source: a second Simpul as it is served, and answers that no hub should give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx2
import pytest

from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Surroundings
from simpul.connectors.ngsild.reader import find, open_reading
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source
from tests.connect.parts.ngsild import put_stops, stop
from tests.connect.service import Asked, Told, make_certificate, run_service
from tests.http.conftest import API, CONTEXT_URL, TENANT, Served, serve

GAUGE = {
    "id": "urn:ngsi-ld:Pos:1", "type": ["Pos", "Alat"], "scope": "/hujan",
    "rain": [
        {"type": "Property", "value": 7, "datasetId": "urn:x:cadangan"},
        {"type": "Property", "value": 3.5, "unitCode": "MMT", "observedAt": "2026-11-24T07:00:00Z",
         "source": {"type": "Property", "value": "alat"}},
    ],
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.4, -0.9]}},
    "owner": {"type": "Relationship", "object": "urn:ngsi-ld:Dinas:7"},
    "name": {"type": "LanguageProperty", "languageMap": {"id": "Pos", "en": "Gauge"}},
    "address": {"type": "Property", "value": {"street": "Jl. Sudirman"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(tmp_path_factory.mktemp("tetangga"))


@pytest.fixture
def writer(hub: Served) -> Iterator[httpx2.Client]:
    with hub.client(authorization=f"Bearer {hub.token('integrator')}") as client:
        put_stops(client, {})
        yield client


def settings(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url + API, "private": True, "type": ["BusStop"], **more}


def signed(hub: Served, **more: Any) -> tuple[dict[str, Any], Surroundings]:
    token = {"auth": {"token": "${env:TOKEN}"}}
    return settings(hub.url, **token, **more), Surroundings(Path("/"), {"TOKEN": hub.token("integrator")})


def rows_of(plain: dict[str, Any], around: Surroundings) -> tuple[tuple[str, ...], list[Row | BrokenRow]]:
    with closing(open_reading(plain, around)) as reading:
        return reading.columns, list(reading.rows())


def told(body: Any, kind: type[SourceError] = SourceMismatch, **more: Any) -> str:
    def answer(asked: Asked) -> Told:
        return body(asked) if callable(body) else body if isinstance(body, Told) else Told(body)

    with run_service(answer) as service, pytest.raises(kind) as caught:
        rows_of(settings(service.url, **more), Surroundings(Path("/")))
    return caught.value.detail


@pytest.mark.parametrize(("path", "value"), [
    ("@id", "urn:ngsi-ld:Pos:1"), ("@type", ["Pos", "Alat"]), ("@scope", "/hujan"), ("rain", 3.5),
    ("rain.unitCode", "MMT"), ("rain.observedAt", "2026-11-24T07:00:00Z"), ("rain.source", "alat"),
    ("location", {"type": "Point", "coordinates": [100.4, -0.9]}), ("owner", "urn:ngsi-ld:Dinas:7"),
    ("name", {"id": "Pos", "en": "Gauge"}), ("name.languageMap.en", "Gauge"), ("address.street", "Jl. Sudirman"),
    ("missing", None), ("missing.unitCode", None), ("rain.unitCode.more", None), ("address.number", None),
])  # fmt: skip
def test_a_path_finds_the_value_of_an_attribute_or_of_its_member(path: str, value: Any) -> None:
    assert find(GAUGE, path) == value


def test_columns_are_the_attributes_of_the_first_page(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, {1: "Pasar Raya"})
    measured = {"type": "Property", "value": 20, "unitCode": "C62", "observedAt": "2026-11-24T07:00:00Z"}
    writer.post(f"{API}/entities", json=stop(2, "Bungus", capacity=measured)).raise_for_status()
    columns, rows = rows_of(*signed(hub))
    assert columns == ("@id", "@type", "number", "name", "capacity", "capacity.observedAt", "capacity.unitCode")
    assert [list(row.cells) for row in rows if isinstance(row, Row)] == [
        ["urn:ngsi-ld:BusStop:tetangga:1", "BusStop", 1, "Pasar Raya", None, None, None],
        ["urn:ngsi-ld:BusStop:tetangga:2", "BusStop", 2, "Bungus", 20, "2026-11-24T07:00:00Z", "C62"],
    ]


def test_a_filter_and_a_choice_of_attributes_are_asked_of_the_other_hub(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, {number: f"Halte {number}" for number in range(1, 8)})
    columns, rows = rows_of(*signed(hub, q="number>5", attributes=["name"]))
    assert columns == ("@id", "@type", "name")
    assert [row.cells[2] for row in rows if isinstance(row, Row)] == ["Halte 6", "Halte 7"]


def test_when_an_entity_changed_can_be_a_column(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, {1: "Pasar Raya"})
    _, rows = rows_of(*signed(hub, columns={"ubah": "@modifiedAt", "nama_ubah": "name.modifiedAt"}))
    assert isinstance(rows[0], Row)
    assert all(str(cell).startswith("20") for cell in rows[0].cells)


@pytest.mark.parametrize("size", [2, 3, 7, 8, 500])
def test_pages_of_any_size_tell_every_entity_once(hub: Served, writer: httpx2.Client, size: int) -> None:
    put_stops(writer, dict.fromkeys(range(1, 8), "x"))
    _, rows = rows_of(*signed(hub, size=size, columns={"id": "number"}))
    assert [row.cells[0] for row in rows if isinstance(row, Row)] == list(range(1, 8))


def test_entities_that_go_away_between_two_pages_let_none_be_left_out(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, dict.fromkeys(range(1, 21), "x"))
    plain, around = signed(hub, size=5, columns={"id": "number"})
    with closing(open_reading(plain, around)) as reading:
        rows = reading.rows()
        found = [next(rows).cells[0] for _ in range(3)]  # type: ignore[union-attr]  # None of them is broken.
        for number in (1, 3):
            writer.delete(f"{API}/entities/urn:ngsi-ld:BusStop:tetangga:{number}").raise_for_status()
        found += [row.cells[0] for row in rows if isinstance(row, Row)]
    assert found == list(range(1, 21))


def test_a_page_whose_end_went_away_breaks_off_and_nothing_vanishes(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, dict.fromkeys(range(1, 21), "x"))
    plain, around = signed(hub, size=5, columns={"id": "number"})
    with closing(open_reading(plain, around)) as reading:
        rows = reading.rows()
        next(rows)
        writer.delete(f"{API}/entities/urn:ngsi-ld:BusStop:tetangga:5").raise_for_status()
        with pytest.raises(SourceMismatch, match="changed while it was read"):
            list(rows)


def test_who_may_not_read_the_type_is_told_to_look_at_the_secret(hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, {1: "Pasar Raya"})
    with pytest.raises(SourceUnreachable, match=r"401.*Check 'auth'"):
        rows_of(settings(hub.url), Surroundings(Path("/")))
    plain = settings(hub.url, auth={"token": "${env:TOKEN}"})
    with pytest.raises(SourceUnreachable, match="refuses us") as caught:
        rows_of(plain, Surroundings(Path("/"), {"TOKEN": "salah-sekali"}))
    assert "salah-sekali" not in caught.value.detail


def test_the_tenant_and_the_context_are_sent_along() -> None:
    asked: list[Asked] = []

    def answer(one: Asked) -> Told:
        asked.append(one)
        return Told([])

    with run_service(answer) as service:
        rows_of(
            settings(service.url, tenant="bukittinggi", context=CONTEXT_URL, q='a=="b c&d"'), Surroundings(Path("/"))
        )
    assert asked[0].headers["ngsild-tenant"] == "bukittinggi"
    assert asked[0].headers["link"].startswith(f"<{CONTEXT_URL}>")
    assert (asked[0].query["q"], asked[0].query["type"]) == ('a=="b c&d"', "BusStop")


def test_a_hub_that_gives_fewer_than_were_asked_for_is_read_to_the_end() -> None:
    entities = [stop(number, "x") for number in range(10)]

    def answer(asked: Asked) -> Told:
        start = int(asked.query["offset"])
        return Told(entities[start : start + 3])

    with run_service(answer) as service:
        _, rows = rows_of(settings(service.url), Surroundings(Path("/")))
    assert len(rows) == 10


def test_what_is_no_entity_is_kept_aside() -> None:
    def answer(asked: Asked) -> Told:
        return Told(
            [stop(1, "a"), 7, {"type": "BusStop"}, stop(2, "b")] if asked.query["offset"] == "0" else [stop(2, "b")]
        )

    with run_service(answer) as service:
        _, rows = rows_of(settings(service.url), Surroundings(Path("/")))
    assert [type(row) for row in rows] == [Row, BrokenRow, BrokenRow, Row]


@pytest.mark.parametrize(("body", "words"), [
    (Told(b"<html>"), "Does the URL end with /ngsi-ld/v1"), (Told(b"{"), "no list of entities"),
    (Told({"type": "x"}), "it is one object"), (Told(b"\xff\xfe"), "no list of entities"),
    (Told(b"[" * 100_000), "no list of entities"), (Told({}, status=404), "status 404"),
    (lambda asked: Told([stop(int(asked.query["offset"]), "x")] * 3), "in no fixed order"),
])  # fmt: skip
def test_an_answer_that_is_none_of_a_hub_is_told(body: Any, words: str) -> None:
    assert words in told(body)


def test_a_hub_that_hangs_is_given_up() -> None:
    def drip() -> bool:
        sleep(0.1)
        return True

    begun = monotonic()
    assert "within 1 s" in told(Told(b"[]" * 50, drip=drip), SourceUnreachable, timeout=1)
    assert monotonic() - begun < 10


def test_a_certificate_that_expired_is_told(tmp_path: Path) -> None:
    with run_service(lambda _: Told([]), make_certificate(tmp_path, -1)) as service:
        plain = settings(service.url, certificate=str(make_certificate(tmp_path, -1)))
        with pytest.raises(SourceUnreachable, match=r"expired|vouches"):
            rows_of(plain, Surroundings(tmp_path))


@pytest.mark.parametrize(("read", "words"), [
    ({"auth": {"token": "abc"}}, "a secret must not stand here"),
    ({"url": "https://a:b@hub.example/ngsi-ld/v1"}, "'auth'"),
    ({"url": "ftp://hub.example"}, "is no URL"),
    ({"url": "https://hub.example/ngsi-ld/v1/entities?type=A"}, "ends with"),
    ({"headers": {"X-Token": "abc"}}, "looks like a secret"), ({"columns": {"nama": "a..b"}}, "is no path"),
    ({"type": "A,B"}, "no name of a type"), ({"size": 1}, "from 2 to"),
])  # fmt: skip
def test_a_declaration_that_cannot_be_right_is_refused(kota: Kota, read: dict[str, Any], words: str) -> None:
    plain = {"url": "https://hub.example/ngsi-ld/v1", "type": "BusStop", **read}
    kota.write("sources/halte.yaml", csv_source(kind="ngsild", read=plain))
    assert words in str(load_city(kota.folder).problems)


def test_stops_of_a_neighbour_become_stops_of_the_city(kota: Kota, hub: Served, writer: httpx2.Client) -> None:
    put_stops(writer, {1: "Pasar Raya", 2: "Bungus"})
    plain, around = signed(hub, columns={"id": "number", "nama": "name"}, tenant=TENANT)
    kota.write("token", {})
    (kota.folder / "token").write_text(around.environment["TOKEN"], encoding="utf-8")
    plain["auth"] = {"token": "${file:token}"}
    kota.declare(csv_source(kind="ngsild", read=plain, vanished="delete"))
    assert kota.sync().error is None
    assert kota.values("urn:ngsi-ld:BusStop:kota:2") == {"name": "Bungus"}
