"""Transient entities and attributes (CIM 009 §4.22, §6.3.11): there until their moment, and not after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app.expiring import sweep
from simpul.domain.errors import StorageFull
from simpul.domain.moment import render_moment
from simpul.main import SystemClock
from tests.http.conftest import API, CONTEXT_LINK, TENANT, Served, raise_unless_problem, serve

ENTITIES = f"{API}/entities"
ID = "urn:ngsi-ld:Halte:sementara"
PAST = "2020-01-01T00:00:00Z"
LATER = "2100-01-01T00:00:00Z"
SECOND_US = 1_000_000
AS_VALUES = {"timeproperty": "modifiedAt", "options": "temporalValues"}

Travel = Callable[[float], None]


@pytest.fixture(autouse=True)
def clean(writer: httpx2.Client) -> Iterator[None]:
    yield
    writer.delete(f"{ENTITIES}/{ID}")


@pytest.fixture
def travel(served: Served, monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Return what moves the hub's clock so many seconds on and takes away what has expired by then."""
    started_us = time.time_ns() // 1000

    def move(seconds: float) -> None:
        now_us = started_us + int(seconds * SECOND_US)
        monkeypatch.setattr(SystemClock, "now_us", lambda _: now_us)
        served.run(lambda: sweep(served.hub, TENANT))

    return move


def soon(seconds: float = 60) -> str:
    return render_moment(time.time_ns() // 1000 + int(seconds * SECOND_US))


def prop(value: Any, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **members}


def create(writer: httpx2.Client, **members: Any) -> None:
    response = writer.post(ENTITIES, json={"id": ID, "type": "Halte", **members})
    assert response.status_code == 201, response.text


def read(writer: httpx2.Client, **parameters: str) -> dict[str, Any]:
    response = writer.get(f"{ENTITIES}/{ID}", params=parameters)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def read_values(writer: httpx2.Client, name: str) -> list[Any]:
    """Return the values of the attribute's history, each with its time."""
    values: list[Any] = writer.get(f"{API}/temporal/entities/{ID}", params=AS_VALUES).json()[name]["values"]
    return values


def is_there(writer: httpx2.Client) -> bool:
    status = writer.get(f"{ENTITIES}/{ID}").status_code
    assert status in {200, 404}
    return status == 200


@pytest.mark.parametrize("way", ["create", "batch create", "batch upsert", "merge", "append", "replace", "batch merge"])
def test_4_22_an_entity_is_there_until_it_expires_however_that_was_said(
    writer: httpx2.Client, travel: Travel, way: str
) -> None:
    body = {"id": ID, "type": "Halte", "nama": prop(way), "expiresAt": soon()}
    if way not in {"create", "batch create", "batch upsert"}:
        create(writer, nama=prop(way))
    operations = f"{API}/entityOperations"
    response = {
        "create": lambda: writer.post(ENTITIES, json=body),
        "batch create": lambda: writer.post(f"{operations}/create", json=[body]),
        "batch upsert": lambda: writer.post(f"{operations}/upsert", json=[body]),
        "batch merge": lambda: writer.post(f"{operations}/merge", json=[{"id": ID, "expiresAt": body["expiresAt"]}]),
        "merge": lambda: writer.patch(f"{ENTITIES}/{ID}", json={"expiresAt": body["expiresAt"]}),
        "append": lambda: writer.post(f"{ENTITIES}/{ID}/attrs", json={"expiresAt": body["expiresAt"]}),
        "replace": lambda: writer.put(f"{ENTITIES}/{ID}", json=body),
    }[way]()
    assert response.status_code in {201, 204}, response.text
    travel(50)
    assert is_there(writer)
    travel(61)
    assert not is_there(writer)
    assert writer.get(ENTITIES, params={"type": "Halte", "id": ID}).json() == []
    # Its id is free again, and its history is not gone.
    create(writer, nama=prop(f"{way} again"))
    assert {way, f"{way} again"} <= {value for value, _ in read_values(writer, "nama")}


def test_6_3_11_when_something_expires_is_told_only_with_the_systems_times(writer: httpx2.Client) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "a": prop(1, sub=prop(2, expiresAt=LATER)),
        "b": {"type": "Relationship", "object": "urn:x:1"},
        "c": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
        "d": {"type": "LanguageProperty", "languageMap": {"id": "x"}},
        "e": {"type": "VocabProperty", "vocab": "x"},
        "f": {"type": "JsonProperty", "json": {"x": 1}},
        "g": {"type": "ListProperty", "valueList": [1]},
    }
    create(writer, expiresAt=LATER, **{name: {**kind, "expiresAt": LATER} for name, kind in kinds.items()})
    told = read(writer, options="sysAttrs")
    assert told["expiresAt"] == LATER
    assert {told[name]["expiresAt"] for name in kinds} == {LATER}
    assert told["a"]["sub"]["expiresAt"] == LATER
    for parameters in ({}, {"format": "concise"}, {"format": "keyValues"}, {"pick": "id,a,b"}, {"omit": "c"}):
        assert "expiresAt" not in writer.get(f"{ENTITIES}/{ID}", params=parameters).text
        assert "expiresAt" not in writer.get(ENTITIES, params={"type": "Halte", **parameters}).text
    for headers in ({"accept": "application/ld+json"}, {"accept": "application/geo+json"}, {"link": CONTEXT_LINK}):
        assert "expiresAt" not in writer.get(f"{ENTITIES}/{ID}", headers=headers).text
    assert read(writer, pick="id,expiresAt") == {"id": ID, "expiresAt": LATER}
    assert "expiresAt" not in writer.get(f"{API}/temporal/entities/{ID}?timeproperty=modifiedAt").text


def test_6_3_11_a_history_tells_when_what_is_there_now_expires_with_the_systems_times(writer: httpx2.Client) -> None:
    writer.delete(f"{API}/temporal/entities/{ID}")
    create(writer, expiresAt=LATER, a=prop(1, expiresAt=LATER), b=prop(1))
    assert writer.patch(f"{ENTITIES}/{ID}/attrs/a", json={"value": 2}).status_code == 204
    asked = {"timeproperty": "modifiedAt", "timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}
    histories = f"{API}/temporal/entities"
    for url, more in ((f"{histories}/{ID}", {}), (histories, {"id": ID, "type": "Halte"})):
        parameters = {**asked, **more}
        assert "expiresAt" not in writer.get(url, params=parameters).text
        told = writer.get(url, params={**parameters, "options": "sysAttrs"}).json()
        told = told[0] if more else told
        assert told["expiresAt"] == LATER
        assert [one.get("expiresAt") for one in told["a"]] == [None, LATER]
        assert "expiresAt" not in told["b"][0]


def test_4_22_instances_expire_one_by_one_and_the_rest_stays(writer: httpx2.Client, travel: Travel) -> None:
    moment = soon()
    create(
        writer,
        suhu=prop(21, expiresAt=moment),
        lembab=prop(60),
        pemilik={"type": "Relationship", "object": "urn:x:1", "expiresAt": moment},
        laju=[prop(1, datasetId="urn:d:1", expiresAt=moment), prop(2, datasetId="urn:d:2")],
        daya=prop(5, bagian=prop(1, expiresAt=moment), lain=prop(2)),
    )
    assert {"suhu", "pemilik"} < read(writer).keys()
    travel(61)
    left = read(writer)
    assert left.keys() == {"id", "type", "lembab", "laju", "daya"}
    assert left["laju"] == prop(2, datasetId="urn:d:2")
    assert left["daya"] == prop(5, lain=prop(2))
    assert writer.get(ENTITIES, params={"type": "Halte", "q": "suhu==21"}).json() == []


def test_4_22_what_expires_first_goes_first(writer: httpx2.Client, travel: Travel) -> None:
    create(writer, a=prop(1, expiresAt=soon(10)), b=prop(2, expiresAt=soon(20)), c=prop(3), expiresAt=soon(30))
    travel(15)
    assert read(writer).keys() == {"id", "type", "b", "c"}
    travel(25)
    assert read(writer).keys() == {"id", "type", "c"}
    travel(35)
    assert not is_there(writer)


def test_5_5_8_a_whole_new_attribute_lasts_and_a_changed_one_expires(writer: httpx2.Client, travel: Travel) -> None:
    create(writer, **{name: prop(1, expiresAt=soon()) for name in ("a", "b", "c", "d", "e")})
    assert writer.patch(f"{ENTITIES}/{ID}/attrs", json={"a": prop(2)}).status_code == 204
    assert writer.patch(f"{ENTITIES}/{ID}/attrs/b", json={"value": 2}).status_code == 204
    assert writer.patch(f"{ENTITIES}/{ID}", json={"c": prop(2)}).status_code == 204
    assert writer.put(f"{ENTITIES}/{ID}/attrs/d", json=prop(2)).status_code == 204
    assert writer.patch(f"{ENTITIES}/{ID}", json={"e": {"expiresAt": "urn:ngsi-ld:null"}}).status_code == 204
    travel(61)
    assert read(writer) == {"id": ID, "type": "Halte", "a": prop(2), "d": prop(2), "e": prop(1)}


def test_5_5_4_an_expiry_is_taken_back_or_put_off(writer: httpx2.Client, travel: Travel) -> None:
    create(writer, nama=prop("x"), expiresAt=soon())
    assert writer.patch(f"{ENTITIES}/{ID}", json={"expiresAt": LATER}).status_code == 204
    travel(61)
    assert is_there(writer)
    assert writer.patch(f"{ENTITIES}/{ID}", json={"expiresAt": "urn:ngsi-ld:null"}).status_code == 204
    assert "expiresAt" not in read(writer, options="sysAttrs")
    travel(300)
    assert is_there(writer)


def test_4_22_a_moment_that_is_past_ends_it_at_once(writer: httpx2.Client) -> None:
    create(writer, nama=prop("x"), suhu=prop(1))
    assert writer.patch(f"{ENTITIES}/{ID}/attrs/suhu", json={"expiresAt": PAST}).status_code == 204
    assert read(writer).keys() == {"id", "type", "nama"}
    assert writer.patch(f"{ENTITIES}/{ID}", json={"expiresAt": PAST}).status_code == 204
    assert not is_there(writer)


def test_4_22_what_is_past_when_it_comes_is_never_seen(writer: httpx2.Client) -> None:
    body = {"id": ID, "type": "Halte", "nama": prop("x")}
    for operation in ("create", "upsert"):
        response = writer.post(f"{API}/entityOperations/{operation}", json=[{**body, "expiresAt": PAST}])
        assert response.status_code == 201
        assert not is_there(writer)
    create(writer, expiresAt=PAST)
    assert not is_there(writer)
    create(writer, suhu=prop(1, expiresAt=PAST), lembab=prop(2))
    assert read(writer).keys() == {"id", "type", "lembab"}
    assert writer.put(f"{ENTITIES}/{ID}", json={**body, "expiresAt": PAST}).status_code == 204
    assert not is_there(writer)


@pytest.mark.parametrize("moment", ["bukan tanggal", "2026-13-45T00:00:00Z", 5, "urn:ngsi-ld:null"])
def test_4_6_3_an_expiry_is_a_moment(writer: httpx2.Client, moment: Any) -> None:
    for members in ({"expiresAt": moment}, {"suhu": prop(1, expiresAt=moment)}):
        response = writer.post(ENTITIES, json={"id": ID, "type": "Halte", **members})
        raise_unless_problem(response, 400, "BadRequestData")


def test_an_expiry_alone_adds_nothing_to_the_history(writer: httpx2.Client) -> None:
    create(writer, sendiri=prop(1))
    assert writer.patch(f"{ENTITIES}/{ID}", json={"expiresAt": LATER}).status_code == 204
    assert len(read_values(writer, "sendiri")) == 1
    assert "expiresAt" not in writer.get(f"{API}/temporal/entities/{ID}", params=AS_VALUES).text


def test_4_22_it_happens_by_itself_when_the_moment_comes(writer: httpx2.Client) -> None:
    create(writer, suhu=prop(1, expiresAt=soon(0.3)), expiresAt=soon(0.6))
    seen = [read(writer).keys()]
    give_up = time.monotonic() + 10
    while (response := writer.get(f"{ENTITIES}/{ID}")).status_code == 200:
        assert time.monotonic() < give_up, "it is still there"
        if response.json().keys() != seen[-1]:
            seen.append(response.json().keys())
    assert seen == [{"id", "type", "suhu"}, {"id", "type"}]


def test_4_22_what_expired_while_the_hub_was_down_is_gone_when_it_is_up(tmp_path: Path) -> None:
    for served in serve(tmp_path):
        secret = served.token("integrator")
        with served.client(authorization=f"Bearer {secret}") as client:
            create(client, expiresAt=soon(0.2))
    for served in serve(tmp_path):
        with served.client(authorization=f"Bearer {secret}") as client:
            give_up = time.monotonic() + 10
            while is_there(client):
                assert time.monotonic() < give_up, "it is still there"


def test_a_sweep_that_fails_is_tried_again(
    served: Served, writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EXPIRY_RETRY_SECONDS", 0.05)
    write = served.hub.entities.write
    failed: list[str] = []

    async def fail_twice(tenant: str, origin: str, operation: Any, expected: Sequence[str] = ()) -> Any:
        if origin == "expiry" and len(failed) < 2:
            failed.append(origin)
            raise StorageFull("The disk is full.")
        return await write(tenant, origin, operation, expected)

    monkeypatch.setattr(served.hub.entities, "write", fail_twice)
    create(writer, expiresAt=soon(0.1))
    give_up = time.monotonic() + 10
    while is_there(writer):
        assert time.monotonic() < give_up, "it is still there"
    assert len(failed) == 2
