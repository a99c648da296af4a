"""Entities in an order that is asked for (CIM 009 §4.23), by GET and by POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, raise_unless_problem

ENTITIES = f"{API}/entities"
QUERY = f"{API}/entityOperations/query"
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"


def stop(name: str, depth: float, longitude: float, **attributes: Any) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Halte:urut-{name}",
        "type": "Halte",
        "nama": {"type": "Property", "value": name},
        "dalam": {"type": "Property", "value": depth, "unitCode": "CMT"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, -0.95]}},
        **attributes,
    }


CITY = [
    stop("b", 3, 100.40, alamat={"type": "Property", "value": {"kota": "Solok"}}),
    stop("\u00e1", 1, 100.37),
    stop("c", 2, 100.36, alamat={"type": "Property", "value": {"kota": "Padang"}}),
]


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put three stops, and something that nobody but the writer may see."""
    secret = {**stop("a", 0, 100.35), "id": "urn:ngsi-ld:Warga:urut", "type": "Warga"}
    assert writer.post(f"{API}/entityOperations/create", json=[*CITY, secret]).status_code == 201
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in [*CITY, secret]])


def names(response: httpx2.Response) -> str:
    assert response.status_code == 200, response.text
    return "".join(one["nama"]["value"] for one in response.json())


@pytest.mark.parametrize(("asked", "found"), [
    ({"orderBy": "nama"}, "\u00e1bc"),
    ({"orderBy": "nama;desc"}, "cb\u00e1"),
    ({"orderBy": "dalam"}, "\u00e1cb"),
    ({"orderBy": "dalam;asc,nama"}, "\u00e1cb"),
    ({"orderBy": DEFAULT + "dalam;desc"}, "bc\u00e1"),
    ({"orderBy": "id;desc"}, "\u00e1cb"),
    ({"orderBy": "type,dalam.unitCode,nama"}, "\u00e1bc"),
    ({"orderBy": "createdAt,nama"}, "b\u00e1c"),
    ({"orderBy": "nama.modifiedAt;desc"}, "c\u00e1b"),
    ({"orderBy": "alamat[kota]"}, "cb\u00e1"),
    ({"orderBy": "location;dist-asc", "orderFrom": "[100.36,-0.95]"}, "c\u00e1b"),
    ({"orderBy": "location;dist-desc", "orderFrom": "[100.36,-0.95]"}, "b\u00e1c"),
    ({"orderBy": "location;dist-asc", "orderFrom": "[[100.4,-1],[100.4,-0.9]]", "orderGeometry": "LineString"},
     "b\u00e1c"),
    ({"orderBy": "nama", "collation": "de-u-co-phonebk"}, "\u00e1bc"),
    ({"orderBy": "dalam", "limit": "1", "offset": "1"}, "c"),
    ({"orderBy": "dalam;desc", "q": "dalam<3"}, "c\u00e1"),
    ({"orderBy": "dalam", "local": "true"}, "\u00e1cb"),
])  # fmt: skip
def test_4_23_3_entities_come_in_the_order_asked_for(writer: httpx2.Client, asked: dict[str, str], found: str) -> None:
    assert names(writer.get(ENTITIES, params={"type": "Halte", "idPattern": "urut", **asked})) == found


@pytest.mark.parametrize(("ordering", "found"), [
    ({"orderBy": ["dalam;desc"]}, "bc\u00e1"),
    ({"orderBy": ["alamat[kota]", "nama"], "collation": "und"}, "cb\u00e1"),
    ({"orderBy": ["location;dist-asc"], "coordinates": [100.36, -0.95], "geometry": "Point"}, "c\u00e1b"),
    ({"orderBy": ["location;dist-asc"], "coordinates": [100.36, -0.95]}, "c\u00e1b"),
])  # fmt: skip
def test_5_2_43_a_query_in_a_body_has_an_ordering(writer: httpx2.Client, ordering: Any, found: str) -> None:
    asked = {"type": "Query", "entities": [{"type": "Halte", "idPattern": "urut"}], "ordering": ordering}
    assert names(writer.post(QUERY, json=asked)) == found


def test_an_order_goes_with_any_form_and_with_a_count(writer: httpx2.Client) -> None:
    asked = {"type": "Halte", "orderBy": "dalam", "format": "keyValues", "pick": "dalam", "count": "true", "limit": "2"}
    response = writer.get(ENTITIES, params=asked)
    assert [one["dalam"] for one in response.json()] == [1, 2]
    assert response.headers["ngsild-results-count"] == "3"
    assert 'rel="next"' in response.headers["link"]
    collection = writer.get(
        ENTITIES, params={"type": "Halte", "orderBy": "dalam"}, headers={"accept": "application/geo+json"}
    ).json()
    assert [one["properties"]["dalam"]["value"] for one in collection["features"]] == [1, 2, 3]


def test_only_what_the_asker_may_read_is_ordered(anonymous: httpx2.Client, writer: httpx2.Client) -> None:
    assert names(writer.get(ENTITIES, params={"q": "dalam", "orderBy": "nama"})) == "a\u00e1bc"
    response = anonymous.get(ENTITIES, params={"q": "dalam", "orderBy": "nama", "count": "true"})
    assert names(response) == "\u00e1bc"
    assert response.headers["ngsild-results-count"] == "3"
    assert anonymous.get(ENTITIES, params={"type": "Warga", "orderBy": "nama"}).status_code == 401


@pytest.mark.parametrize("asked", [
    {"orderBy": ";desc"}, {"orderBy": "nama;down"}, {"orderBy": "nama,,dalam"}, {"orderBy": "nama["},
    {"orderBy": "nama.;asc"}, {"orderBy": "location;dist-asc"}, {"orderBy": "id;dist-asc", "orderFrom": "[1,2]"},
    {"orderBy": "location;dist-asc", "orderFrom": "100,1"}, {"orderBy": "location;dist-asc", "orderFrom": "[100]"},
    {"orderBy": "location;dist-asc", "orderFrom": "[1,2]", "orderGeometry": "GeometryCollection"},
    {"orderBy": "nama", "collation": "!!nope"}, {"orderBy": "nama", "collation": "en-u-co-nonsense"},
    {"collation": "not a tag"},
])  # fmt: skip
def test_5_7_2_4_an_order_that_is_not_understood_is_refused(writer: httpx2.Client, asked: dict[str, str]) -> None:
    raise_unless_problem(writer.get(ENTITIES, params={"type": "Halte", **asked}), 400, "BadRequestData")


@pytest.mark.parametrize("ordering", [
    "nama", {}, {"orderBy": "nama"}, {"orderBy": []}, {"orderBy": [1]}, {"orderBy": ["id"], "geometry": 5},
    {"orderBy": ["location;dist-asc"], "coordinates": "8,40"}, {"orderBy": ["location;dist-asc"]},
    {"orderBy": ["id"], "collation": "not a bcp47 tag!!"}, {"orderBy": ["id"], "direction": "asc"},
])  # fmt: skip
def test_5_2_43_an_ordering_that_is_wrong_is_refused(writer: httpx2.Client, ordering: Any) -> None:
    asked = {"type": "Query", "entities": [{"type": "Halte"}], "ordering": ordering}
    raise_unless_problem(writer.post(QUERY, json=asked), 400, "BadRequestData")


def test_more_terms_than_are_taken_are_refused(writer: httpx2.Client) -> None:
    terms = ",".join(["nama"] * (limits.ORDER_TERMS_MAX + 1))
    response = writer.get(ENTITIES, params={"type": "Halte", "orderBy": terms})
    raise_unless_problem(response, 403, "TooComplexQuery")


def test_selectors_that_differ_cannot_be_ordered_together(writer: httpx2.Client) -> None:
    asked = {
        "type": "Query", "entities": [{"type": "Halte"}, {"type": "Warga"}], "ordering": {"orderBy": ["nama"]},
    }  # fmt: skip
    raise_unless_problem(writer.post(QUERY, json=asked), 400, "BadRequestData")


def test_a_map_of_entities_keeps_no_order(writer: httpx2.Client) -> None:
    response = writer.get(ENTITIES, params={"type": "Halte", "orderBy": "nama", "entityMap": "true"})
    raise_unless_problem(response, 400, "BadRequestData")


def test_4_23_1_entities_of_several_sources_are_not_ordered(writer: httpx2.Client) -> None:
    """What a query asks of other sources comes in no order; `local` asks this hub alone."""
    registration = {
        "id": "urn:ngsi-ld:ContextSourceRegistration:urut", "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "Halte"}]}], "endpoint": "http://hub.invalid:9",
    }  # fmt: skip
    assert writer.post(f"{API}/csourceRegistrations", json=registration).status_code == 201
    try:
        refused = writer.get(ENTITIES, params={"type": "Halte", "orderBy": "nama"})
        raise_unless_problem(refused, 400, "BadRequestData")
        allowed = {"type": "Halte", "idPattern": "urut", "orderBy": "nama", "local": "true"}
        assert names(writer.get(ENTITIES, params=allowed)) == "\u00e1bc"
    finally:
        writer.delete(f"{API}/csourceRegistrations/{registration['id']}")
