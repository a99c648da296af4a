"""Which types and attributes there are (CIM 009 §4.5.10 to §4.5.15, §5.2.24 to §5.2.28, §6.25 to §6.28); a history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, raise_unless_problem, stop

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
HISTORY = f"{API}/temporal/entities/urn:ngsi-ld:Shelter:9"


def number(value: float, at: str) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at}


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put two stops, and a shelter whose room was seen three times."""
    shelter = {"id": "urn:ngsi-ld:Shelter:9", "type": "Shelter", "ruang": number(1, "2026-01-01T00:00:00Z")}
    entities = [stop("urn:ngsi-ld:Halte:1"), stop("urn:ngsi-ld:Halte:2"), shelter]
    assert writer.post(f"{API}/entityOperations/create", json=entities).status_code == 201
    for day, room in ((2, 20), (3, 300)):
        body = {"ruang": number(room, f"2026-01-0{day}T00:00:00Z")}
        assert writer.patch(f"{API}/entities/urn:ngsi-ld:Shelter:9/attrs", json=body).status_code == 204
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in entities])


def test_5_7_5_types_are_listed_by_name(writer: httpx2.Client) -> None:
    found = writer.get(f"{API}/types").json()
    assert (found["type"], found["typeList"]) == ("EntityTypeList", ["Halte", "Shelter"])
    assert found["id"].startswith("urn:ngsi-ld:EntityTypeList:")


def test_5_7_6_types_are_listed_with_their_attributes(writer: httpx2.Client) -> None:
    found = writer.get(f"{API}/types?details=true").json()
    assert found[1] == {
        "id": DEFAULT + "Shelter", "type": "EntityType", "typeName": "Shelter", "attributeNames": ["ruang"],
    }  # fmt: skip
    assert found[0]["attributeNames"] == ["kapasitas", "koridor", "location", "nama"]


def test_5_7_7_a_type_is_told_with_its_attributes_and_their_kinds(writer: httpx2.Client) -> None:
    found = writer.get(f"{API}/types/Halte").json()
    assert (found["id"], found["type"], found["typeName"]) == (DEFAULT + "Halte", "EntityTypeInfo", "Halte")
    assert found["entityCount"] == 2
    kinds = {one["attributeName"]: one["attributeTypes"] for one in found["attributeDetails"]}
    assert kinds == {
        "nama": ["Property"], "kapasitas": ["Property"], "koridor": ["Relationship"], "location": ["GeoProperty"],
    }  # fmt: skip


def test_5_7_8_attributes_are_listed_by_name(writer: httpx2.Client) -> None:
    found = writer.get(f"{API}/attributes").json()
    assert found["attributeList"] == ["kapasitas", "koridor", "location", "nama", "ruang"]


def test_5_7_9_attributes_are_listed_with_their_types(writer: httpx2.Client) -> None:
    found = {one["attributeName"]: one for one in writer.get(f"{API}/attributes?details=true").json()}
    assert found["ruang"] == {
        "id": DEFAULT + "ruang", "type": "Attribute", "attributeName": "ruang", "typeNames": ["Shelter"],
    }  # fmt: skip


def test_5_7_10_an_attribute_is_told_with_its_count(writer: httpx2.Client) -> None:
    assert writer.get(f"{API}/attributes/location").json() == {
        "id": "https://uri.etsi.org/ngsi-ld/location",
        "type": "Attribute",
        "attributeName": "location",
        "attributeCount": 2,
        "attributeTypes": ["GeoProperty"],
        "typeNames": ["Halte"],
    }


@pytest.mark.parametrize("path", ["types/Tiada", "attributes/tiada"])
def test_a_kind_that_is_not_there_is_not_found(writer: httpx2.Client, path: str) -> None:
    raise_unless_problem(writer.get(f"{API}/{path}"), 404, "ResourceNotFound")


@pytest.mark.parametrize("path", ["types/@id", "attributes/a%3Bb"])
def test_a_name_that_is_none_is_refused(writer: httpx2.Client, path: str) -> None:
    raise_unless_problem(writer.get(f"{API}/{path}"), 400, "BadRequestData")


def test_names_are_those_of_the_context_asked_for(writer: httpx2.Client) -> None:
    found = writer.get(f"{API}/types", headers={"link": CONTEXT_LINK, "accept": "application/ld+json"}).json()
    assert found["typeList"] == ["Shelter", "ngsi-ld:default-context/Halte"]
    assert "@context" in found


def test_5_7_3_a_history_has_every_value(writer: httpx2.Client) -> None:
    found = writer.get(HISTORY).json()
    assert (found["id"], found["type"]) == ("urn:ngsi-ld:Shelter:9", "Shelter")
    assert [one["value"] for one in found["ruang"]] == [1, 20, 300]
    assert len({one["instanceId"] for one in found["ruang"]}) == 3


@pytest.mark.parametrize(("asked", "values"), [
    ({"timerel": "after", "timeAt": "2026-01-02T00:00:00Z"}, [20, 300]),
    ({"timerel": "before", "timeAt": "2026-01-02T00:00:00Z"}, [1]),
    ({"timerel": "between", "timeAt": "2026-01-01T12:00:00Z", "endTimeAt": "2026-01-02T12:00:00Z"}, [20]),
    ({"timerel": "after", "timeAt": "2026-01-02T07:00:00+07:00"}, [20, 300]),
    ({"lastN": "1"}, [300]),
    ({"attrs": "ruang"}, [1, 20, 300]),
])  # fmt: skip
def test_a_part_of_a_history_is_asked_for(writer: httpx2.Client, asked: dict[str, str], values: list[int]) -> None:
    """CIM 009 §4.11."""
    assert sorted(one["value"] for one in writer.get(HISTORY, params=asked).json()["ruang"]) == values


def test_the_values_of_a_history_are_pairs(writer: httpx2.Client) -> None:
    """CIM 009 §4.5.9."""
    for query in ("options=temporalValues", "format=temporalValues"):
        pairs = writer.get(f"{HISTORY}?{query}").json()["ruang"]["values"]
        assert [value for value, _ in pairs] == [1, 20, 300]
        assert pairs[0][1].startswith("2026-01-01T00:00:00")


def test_the_times_of_a_history_come_when_asked_for(writer: httpx2.Client) -> None:
    assert "createdAt" not in writer.get(HISTORY).json()["ruang"][0]
    assert "modifiedAt" in writer.get(f"{HISTORY}?options=sysAttrs").json()["ruang"][0]


@pytest.mark.parametrize("asked", [
    "timerel=around&timeAt=2026-01-01T00:00:00Z",
    "timerel=after",
    "timerel=between&timeAt=2026-01-01T00:00:00Z",
    "timeAt=2026-01-01T00:00:00Z",
    "timerel=after&timeAt=2026-01-01T00:00:00Z&endTimeAt=2026-01-02T00:00:00Z",
    "timerel=after&timeAt=yesterday",
    "timerel=after&timeAt=2026-01-01T00:00:00+07:00",
    "timeproperty=bornAt",
    "lastN=0",
    "lastN=x",
])  # fmt: skip
def test_a_wrong_part_of_a_history_is_told(writer: httpx2.Client, asked: str) -> None:
    raise_unless_problem(writer.get(f"{HISTORY}?{asked}"), 400, "BadRequestData")


def test_the_lost_plus_of_a_time_zone_is_explained(writer: httpx2.Client) -> None:
    detail = writer.get(f"{HISTORY}?timerel=after&timeAt=2026-01-01T00:00:00+07:00").json()["detail"]
    assert "%2B" in detail


def test_the_history_of_nothing_is_not_found(writer: httpx2.Client) -> None:
    raise_unless_problem(writer.get(f"{API}/temporal/entities/urn:ngsi-ld:Shelter:0"), 404, "ResourceNotFound")
