"""Questions by GET and by POST: selectors, languages, paging (CIM 009 §6.4.3.2, §6.23)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from simpul.http import plan
from tests.http.conftest import API, CONTEXT_LINK, Served, raise_unless_problem, stop

ENTITIES = f"{API}/entities"
QUERY = f"{API}/entityOperations/query"


def point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, latitude]}}


def number(value: float) -> dict[str, Any]:
    return {"type": "Property", "value": value}


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put eight stops from west to east, and one shelter, for every question of this module."""
    stops = [
        stop(
            f"urn:ngsi-ld:Halte:{place}",
            nama={"type": "Property", "value": f"Halte {place} (\"Selatan\"; 'baru')"},
            kapasitas=number(place * 10),
            location=point(100.30 + place / 100, -0.95),
            scope=f"/Padang/{'Barat' if place < 4 else 'Timur'}",
        )
        for place in range(8)
    ]
    shelter = {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "ruang": number(500), "location": point(100.35, -0.95)}
    created = writer.post(f"{API}/entityOperations/create", json=[*stops, shelter])
    assert created.status_code == 201, created.text
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in [*stops, shelter]])


def ids(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return sorted(one["id"].rpartition(":")[2] for one in response.json())


@pytest.mark.parametrize(("asked", "found"), [
    ({"type": "Halte"}, "01234567"),
    ({"type": "Shelter"}, "1"),
    ({"type": "Halte,Shelter", "limit": "100"}, "011234567"),
    ({"type": "(Halte;Shelter)"}, ""),
    ({"type": "https://uri.etsi.org/ngsi-ld/default-context/Shelter"}, "1"),
    ({"type": "*", "q": "ruang"}, "1"),
    ({"type": "Halte", "id": "urn:ngsi-ld:Halte:2,urn:ngsi-ld:Halte:4"}, "24"),
    ({"id": "urn:ngsi-ld:Halte:2,urn:ngsi-ld:Halte:4", "local": "true"}, "24"),
    ({"id": "urn:ngsi-ld:Halte:2"}, "2"),
    ({"idPattern": "Halte:[12]$"}, "12"),
    ({"type": "Halte", "idPattern": "^urn:ngsi-ld:Halte:7"}, "7"),
    ({"attrs": "ruang"}, "1"),
    ({"type": "Halte,Shelter", "attrs": "ruang,kapasitas"}, "011234567"),
    ({"type": "Halte", "q": "kapasitas>=50"}, "567"),
    ({"q": "kapasitas>50|ruang==500"}, "167"),
    ({"type": "Halte", "q": "kapasitas==10..30"}, "123"),
    ({"type": "Halte", "q": 'nama=="Halte 3 (\\"Selatan\\"; \'baru\')"'}, "3"),
    ({"type": "Halte", "q": 'nama~="Halte [45]"'}, "45"),
    ({"type": "Halte", "scopeQ": "/Padang/Barat"}, "0123"),
    ({"type": "Halte", "scopeQ": "/Padang/#"}, "01234567"),
    ({"scopeQ": "/Padang/Timur"}, "4567"),
    ({"type": "Halte", "georel": "near;maxDistance==1500", "geometry": "Point", "coordinates": "[100.35,-0.95]"},
     "456"),
    ({"georel": "within", "geometry": "Polygon", "type": "Halte",
      "coordinates": "[[[100.29,-1],[100.315,-1],[100.315,-0.9],[100.29,-0.9],[100.29,-1]]]"}, "01"),
    ({"type": "Halte", "q": "kapasitas<30", "idPattern": "[02]$", "scopeQ": "/Padang/Barat"}, "02"),
    ({"local": "true", "limit": "100"}, "011234567"),
])  # fmt: skip
def test_a_question_finds_what_it_asks_for(writer: httpx2.Client, asked: dict[str, str], found: str) -> None:
    assert ids(writer.get(ENTITIES, params=asked)) == list(found)


def test_a_question_finds_nothing_as_an_empty_list(writer: httpx2.Client) -> None:
    response = writer.get(ENTITIES, params={"type": "Tiada"})
    assert (response.status_code, response.content) == (200, b"[]")


@pytest.mark.parametrize("asked", [{}, {"limit": "5"}, {"options": "keyValues"}, {"local": "false"}, {"type": ""}])
def test_a_question_about_everything_has_to_be_meant(writer: httpx2.Client, asked: dict[str, str]) -> None:
    """CIM 009 §5.7.2.4."""
    raise_unless_problem(writer.get(ENTITIES, params=asked), 400, "BadRequestData")


def test_pages_follow_each_other_to_the_end(writer: httpx2.Client) -> None:
    """CIM 009 §6.3.10."""
    seen: list[str] = []
    url = f"{ENTITIES}?type=Halte&limit=3&count=true"
    for _ in range(3):
        response = writer.get(url)
        seen += [one["id"] for one in response.json()]
        assert response.headers["ngsild-results-count"] == "8"
        links = response.links
        url = links["next"]["url"] if "next" in links else ""
    assert url == ""
    assert len(seen) == len(set(seen)) == 8
    back = links["prev"]["url"]
    assert "offset=3" in back
    assert [one["id"] for one in writer.get(back).json()] == seen[3:6]


@pytest.mark.parametrize("media_type", ["application/json", "application/ld+json", "application/geo+json"])
def test_6_3_10_links_to_pages_tell_the_media_type_of_the_answer(writer: httpx2.Client, media_type: str) -> None:
    asked = "q=kapasitas%3E%3D0&type=Halte&limit=3&offset=3&options=sysAttrs&attrs=kapasitas,nama"
    response = writer.get(f"{ENTITIES}/?{asked}", headers={"accept": media_type})
    pages = [one for one in response.headers["link"].split(", ") if "json-ld#context" not in one]
    assert [one.partition(">")[2] for one in pages] == [
        f'; rel="{relation}"; type="{media_type}"' for relation in ("prev", "next")
    ]
    target = "attrs=kapasitas,nama&limit=3&offset=6&options=sysAttrs&q=kapasitas%3E%3D0&type=Halte"
    assert pages[1].startswith(f"<{ENTITIES}?{target}>")
    assert len(writer.get(response.links["next"]["url"]).json()) == 2


def test_a_first_page_has_no_previous_one_and_a_full_last_page_no_next_one(writer: httpx2.Client) -> None:
    assert set(writer.get(f"{ENTITIES}?type=Halte&limit=8").links) == {"http://www.w3.org/ns/json-ld#context"}
    assert "next" in writer.get(f"{ENTITIES}?type=Halte&limit=7").links


def test_6_3_13_a_limit_of_nothing_counts(writer: httpx2.Client) -> None:
    response = writer.get(f"{ENTITIES}?type=Halte&limit=0&count=true")
    assert (response.json(), response.headers["ngsild-results-count"]) == ([], "8")
    raise_unless_problem(writer.get(f"{ENTITIES}?type=Halte&limit=0"), 400, "BadRequestData")


@pytest.mark.parametrize(("asked", "status", "name"), [
    ("limit=-1", 400, "BadRequestData"),
    ("limit=x", 400, "BadRequestData"),
    ("limit=1001", 403, "TooManyResults"),
    ("offset=-1", 400, "BadRequestData"),
    ("count=perhaps", 400, "BadRequestData"),
    ("id=halte1", 400, "BadRequestData"),
    ("idPattern=**", 400, "BadRequestData"),
    ("idPattern=(a%2B)%2B$", 403, "TooComplexQuery"),
    ("attrs=id,type", 400, "BadRequestData"),
    ("attrs=nama&pick=nama", 400, "BadRequestData"),
    ("pick=nama&omit=nama", 400, "BadRequestData"),
    ("pick=id;nama", 400, "BadRequestData"),
    ("q=kapasitas>", 400, "BadRequestData"),
    ("q=kapasitas==(1", 400, "BadRequestData"),
    ("q=" + ";".join(["a==1"] * 500), 403, "TooComplexQuery"),
    ("scopeQ=//", 400, "BadRequestData"),
    ("georel=near", 400, "BadRequestData"),
    ("georel=beside&geometry=Point&coordinates=[1,2]", 400, "BadRequestData"),
    ("georel=within&geometry=Circle&coordinates=[1,2]", 400, "BadRequestData"),
    ("georel=near;maxDistance==5&geometry=Point&coordinates=[1", 400, "BadRequestData"),
    ("georel=near;maxDistance==5&geometry=Point&coordinates=[200,0]", 400, "BadRequestData"),
    ("georel=near;maxDistance==-5&geometry=Point&coordinates=[1,2]", 400, "BadRequestData"),
    ("geoproperty=location", 400, "BadRequestData"),
    ("datasetId=x", 400, "BadRequestData"),
    ("options=keyValue", 400, "InvalidRequest"),
    ("format=xml", 400, "InvalidRequest"),
    ("typ=Halte", 400, "InvalidRequest"),
    ("type=Halte&type=Shelter", 400, "InvalidRequest"),
    ("q=%zz", 400, "InvalidRequest"),
    ("q=%ff", 400, "InvalidRequest"),
])  # fmt: skip
def test_a_wrong_parameter_is_told(writer: httpx2.Client, asked: str, status: int, name: str) -> None:
    prefix = "" if asked.startswith("type=") else "type=Halte&"
    raise_unless_problem(writer.get(f"{ENTITIES}?{prefix}{asked}"), status, name)


@pytest.mark.parametrize("asked", [
    "id=urn:ngsi-ld:Halte:1,urn:ngsi-ld:Halte:2", "attrs=createdAt", "attrs=modifiedAt,expiresAt", "limit=5",
    'q=modifiedAt>"2020-01-01T00:00:00Z"', "q=createdAt;modifiedAt", "pick=nama", "csf=x", "type=*&local=false",
])  # fmt: skip
def test_5_7_2_4_a_question_that_is_too_wide_is_refused(writer: httpx2.Client, asked: str) -> None:
    raise_unless_problem(writer.get(f"{ENTITIES}?{asked}"), 400, "BadRequestData")


@pytest.mark.parametrize("asked", ["attrs=createdAt,kapasitas", "q=createdAt;kapasitas", "type=Halte&q=createdAt"])
def test_5_7_2_4_one_attribute_that_not_every_entity_has_is_narrow_enough(writer: httpx2.Client, asked: str) -> None:
    assert len(ids(writer.get(f"{ENTITIES}?{asked}"))) == 8


@pytest.mark.parametrize("asked", ["csf=a==1", "jsonKeys=nama", "splitEntities=true", "splitEntities=false"])
def test_what_is_said_of_sources_changes_nothing_where_there_are_none(writer: httpx2.Client, asked: str) -> None:
    assert ids(writer.get(f"{ENTITIES}?type=Halte&{asked}")) == list("01234567")


@pytest.mark.parametrize("asked", ["csf=))bad((", "jsonKeys=@id", "splitEntities=perhaps", "geometryProperty=location"])
def test_5_7_2_4_what_is_wrong_in_a_companion_of_a_question_is_told(writer: httpx2.Client, asked: str) -> None:
    raise_unless_problem(writer.get(f"{ENTITIES}?type=Halte&{asked}"), 400, "BadRequestData")


def test_a_negative_limit_is_told_with_the_range(writer: httpx2.Client) -> None:
    detail = writer.get(f"{ENTITIES}?type=Halte&limit=-1").json()["detail"]
    assert detail == "limit=-1: it is a whole number from 0 to 1,000."


@pytest.mark.parametrize(("entities", "found"), [
    ([{"type": "Halte"}], "01234567"),
    ([{"id": "urn:ngsi-ld:Halte:1", "type": "Halte"}, {"id": "urn:ngsi-ld:Halte:3", "type": "Halte"}], "13"),
    ([{"id": "urn:ngsi-ld:Halte:1", "type": "*"}, {"idPattern": "Shelter", "type": "*"}], "11"),
    ([{"id": "urn:ngsi-ld:Halte:1", "idPattern": "Halte:2", "type": "Halte"}], "1"),
    ([{"id": ["urn:ngsi-ld:Halte:1", "urn:ngsi-ld:Halte:2"], "type": "Halte"}], "12"),
    ([{"type": "Shelter"}, {"idPattern": "Halte:[67]", "type": "Halte"}], "167"),
    ([{"type": "Halte"}, {"id": "urn:ngsi-ld:Halte:1", "type": "Halte"}], "01234567"),
])  # fmt: skip
def test_a_question_by_post_joins_its_selectors(writer: httpx2.Client, entities: list[Any], found: str) -> None:
    assert ids(writer.post(QUERY, json={"type": "Query", "entities": entities})) == list(found)


@pytest.mark.parametrize(("members", "found"), [
    ({"q": "kapasitas>=60"}, "67"),
    ({"scopeQ": "/Padang/Timur"}, "4567"),
    ({"attrs": ["kapasitas"], "q": "kapasitas<20"}, "01"),
    ({"geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [100.31, -0.95]}}, "1"),
    ({"geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": "[100.31,-0.95]"}}, "1"),
])  # fmt: skip
def test_a_question_by_post_has_every_member(writer: httpx2.Client, members: dict[str, Any], found: str) -> None:
    assert ids(writer.post(QUERY, json={"type": "Query", "entities": [{"type": "Halte"}], **members})) == list(found)


def test_a_question_by_post_is_paged_and_counted(writer: httpx2.Client) -> None:
    body = {"type": "Query", "entities": [{"type": "Shelter"}, {"type": "Halte", "idPattern": "[0-4]$"}]}
    first = writer.post(f"{QUERY}?limit=4&count=true", json=body)
    assert (len(first.json()), first.headers["ngsild-results-count"]) == (4, "6")
    second = writer.post(first.links["next"]["url"], json=body)
    assert len(second.json()) == 2
    assert not {one["id"] for one in first.json()} & {one["id"] for one in second.json()}
    assert "next" not in second.links


@pytest.mark.parametrize(("body", "status", "name"), [
    ({"type": "Query"}, 400, "BadRequestData"),
    ({"type": "Frage", "entities": []}, 400, "BadRequestData"),
    ({"entities": {"type": "Halte"}}, 400, "BadRequestData"),
    ({"entities": [{}]}, 400, "BadRequestData"),
    ({"entities": ["Halte"]}, 400, "BadRequestData"),
    ({"entities": [{"type": 5}]}, 400, "BadRequestData"),
    ({"entities": [{"id": 5, "type": "Halte"}]}, 400, "BadRequestData"),
    ({"entities": [{"id": "halte", "type": "Halte"}]}, 400, "BadRequestData"),
    ({"entities": [{"id": "urn:ngsi-ld:Halte:1"}]}, 400, "BadRequestData"),
    ({"entities": [], "q": "kapasitas"}, 400, "BadRequestData"),
    ({"entities": [{"type": "*"}], "local": False}, 400, "BadRequestData"),
    ({"entities": [{"type": "Halte"}], "attrs": []}, 400, "BadRequestData"),
    ({"entities": [{"type": "Halte"}], "temporalQ": {"timerel": "before"}}, 400, "BadRequestData"),
    ({"entities": [{"type": "Halte"}], "splitEntities": "true"}, 400, "BadRequestData"),
    ({"entities": [{"type": "Halte"}], "csf": "))bad(("}, 400, "BadRequestData"),
    ({"attrs": ["createdAt"]}, 400, "BadRequestData"),
    ({"entities": [{"tipe": "Halte"}]}, 400, "BadRequestData"),
    ({"q": 5}, 400, "BadRequestData"),
    ({"attrs": [5]}, 400, "BadRequestData"),
    ({"geoQ": []}, 400, "BadRequestData"),
    ({"geoQ": {"georel": "near"}}, 400, "BadRequestData"),
    ({"geoQ": {"georel": 5, "geometry": "Point", "coordinates": [1, 2]}}, 400, "BadRequestData"),
    ({"geoQ": {"georel": "equals", "geometry": "Point", "coordinates": {"x": 1}}}, 400, "BadRequestData"),
    ({"surprise": 1}, 400, "BadRequestData"),
    ([], 400, "InvalidRequest"),
])  # fmt: skip
def test_a_wrong_question_by_post_is_told(writer: httpx2.Client, body: Any, status: int, name: str) -> None:
    raise_unless_problem(writer.post(QUERY, json=body), status, name)


def test_a_question_is_asked_under_its_own_context(writer: httpx2.Client) -> None:
    assert ids(writer.get(f"{ENTITIES}?type=Halte", headers={"link": CONTEXT_LINK})) == []
    assert ids(writer.get(f"{ENTITIES}?attrs=kapasitas&limit=2", headers={"link": CONTEXT_LINK})) == ["0", "1"]


def test_a_question_by_post_with_an_inline_context_is_answered_in_its_names(writer: httpx2.Client) -> None:
    body = {
        "@context": {"tempat": "https://uri.etsi.org/ngsi-ld/default-context/kapasitas"},
        "type": "Query", "entities": [{"id": "urn:ngsi-ld:Halte:3", "type": "*"}],
    }  # fmt: skip
    response = writer.post(QUERY, json=body, headers={"content-type": "application/ld+json"})
    assert response.json()[0]["tempat"]["value"] == 30
    assert "kapasitas" not in response.json()[0]


def test_an_inline_context_is_not_kept_in_memory(served: Served, writer: httpx2.Client) -> None:
    before = plan._remembered_types.cache_info().currsize
    for place in range(5):
        body = {
            "@context": {f"term{place}": "https://kota.example.org/term"},
            "type": "Query",
            "entities": [{"type": "X"}],
        }
        assert writer.post(QUERY, json=body, headers={"content-type": "application/ld+json"}).json() == []
    assert plan._remembered_types.cache_info().currsize == before


def test_a_client_that_asks_for_types_named_none_gets_a_count(writer: httpx2.Client) -> None:
    response = writer.get(f"{ENTITIES}?type=None&limit=0&count=true")
    assert (response.status_code, response.headers["ngsild-results-count"]) == (200, "0")


def test_reading_is_the_same_with_a_pipelined_connection(served: Served, writer: httpx2.Client) -> None:
    for _ in range(3):
        assert len(writer.get(f"{ENTITIES}?type=Halte").json()) == 8
