"""How entities are shown: formats, members, languages, GeoJSON (CIM 009 §4.5, §4.21, §6.3.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, CONTEXT_URL, raise_unless_problem, stop

ENTITY_ID = "urn:ngsi-ld:Halte:shown"
PATH = f"{API}/entities/{ENTITY_ID}"
LIST = f"{API}/entities?id={ENTITY_ID}"
CORE_URL = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
GEO = {"accept": "application/geo+json"}
GUESS = {"type": "Property", "value": 9, "datasetId": "urn:ngsi-ld:Dataset:guess"}
LABEL = {"type": "LanguageProperty", "languageMap": {"id": "Pasar Raya", "en": "Great Market"}}
AREA = {"type": "Polygon", "coordinates": [[[100.3, -1], [100.4, -1], [100.4, -0.9], [100.3, -1]]]}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module", autouse=True)
def shown(writer: httpx2.Client) -> Iterator[None]:
    """Put one entity that has something of everything."""
    more = {"label": LABEL, "penumpang": [{"type": "Property", "value": 7}, GUESS]}
    area = {"area": {"type": "GeoProperty", "value": AREA}}
    created = writer.post(f"{API}/entities", json=stop(ENTITY_ID, **more, **area))
    assert created.status_code == 201, created.text
    yield
    writer.delete(PATH)


def both(client: httpx2.Client, query: str, **headers: str) -> dict[str, Any]:
    """Return the entity as it is retrieved, once it was seen to be listed the same."""
    one = client.get(f"{PATH}?{query}", headers=headers)
    many = client.get(f"{LIST}&{query}", headers=headers)
    assert one.status_code == many.status_code == 200, one.text + many.text
    assert many.json() == [one.json()]
    found: dict[str, Any] = one.json()
    return found


@pytest.mark.parametrize("query", ["options=keyValues", "options=simplified", "format=keyValues", "format=simplified"])
def test_4_5_4_key_values_are_values_alone(writer: httpx2.Client, query: str) -> None:
    found = both(writer, query)
    assert found["kapasitas"] == 40
    assert found["koridor"] == "urn:ngsi-ld:Koridor:1"
    assert found["location"] == {"type": "Point", "coordinates": [100.36, -0.95]}


@pytest.mark.parametrize("query", ["options=concise", "format=concise"])
def test_6_3_7_concise_has_no_types(writer: httpx2.Client, query: str) -> None:
    found = both(writer, query)
    assert found["kapasitas"] == {"value": 40, "unitCode": "C62"}
    assert found["koridor"] == {"object": "urn:ngsi-ld:Koridor:1"}


@pytest.mark.parametrize("query", ["options=sysAttrs", "sysAttrs=true", "options=sysAttrs,normalized"])
def test_system_attributes_come_when_asked_for(writer: httpx2.Client, query: str) -> None:
    found = both(writer, query)
    for part in (found, found["kapasitas"]):
        assert MOMENT.fullmatch(part["createdAt"])
        assert MOMENT.fullmatch(part["modifiedAt"])
    assert "createdAt" not in both(writer, "")


def test_attrs_keeps_these_attributes(writer: httpx2.Client) -> None:
    assert set(both(writer, "attrs=kapasitas,tiada")) == {"id", "type", "kapasitas"}


def test_pick_keeps_these_members(writer: httpx2.Client) -> None:
    assert set(both(writer, "pick=id,kapasitas")) == {"id", "kapasitas"}
    assert both(writer, "pick=kapasitas") == {"kapasitas": {"type": "Property", "value": 40, "unitCode": "C62"}}


def test_omit_leaves_these_members(writer: httpx2.Client) -> None:
    assert set(both(writer, "omit=type,label,penumpang,area,location")) == {"id", "nama", "kapasitas", "koridor"}


@pytest.mark.parametrize("query", [
    "attrs=tiada", "pick=tiada", "pick=scope", "pick=createdAt",
    "omit=id,type,nama,kapasitas,koridor,location,label,penumpang,area",
])  # fmt: skip
def test_an_entity_of_which_nothing_is_left_is_not_found(writer: httpx2.Client, query: str) -> None:
    """CIM 009 §5.7.1.4."""
    raise_unless_problem(writer.get(f"{PATH}?{query}"), 404, "ResourceNotFound")
    assert writer.get(f"{LIST}&{query}").json() == []


def test_an_entity_of_another_type_is_not_found(writer: httpx2.Client) -> None:
    assert writer.get(f"{PATH}?type=Halte").status_code == 200
    raise_unless_problem(writer.get(f"{PATH}?type=Shelter"), 404, "ResourceNotFound")


def test_4_15_a_language_is_chosen(writer: httpx2.Client) -> None:
    """CIM 009 §4.15."""
    assert both(writer, "lang=en")["label"] == {"type": "Property", "value": "Great Market", "lang": "en"}
    assert both(writer, "lang=min,id;q=0.5&options=keyValues")["label"] == "Pasar Raya"


def test_4_5_5_an_instance_is_chosen_by_its_dataset(writer: httpx2.Client) -> None:
    """CIM 009 §4.5.5."""
    assert both(writer, "datasetId=urn:ngsi-ld:Dataset:guess")["penumpang"] == GUESS
    assert both(writer, "datasetId=@none&attrs=penumpang")["penumpang"] == {"type": "Property", "value": 7}


def test_json_ld_has_its_context_in_the_body(writer: httpx2.Client) -> None:
    accept = "application/ld+json"
    assert both(writer, "", accept=accept)["@context"] == CORE_URL
    assert both(writer, "options=keyValues", accept=accept)["@context"] == CORE_URL
    linked = both(writer, "", accept=accept, link=CONTEXT_LINK)
    assert linked["@context"] == CONTEXT_URL
    assert linked["type"] == "ngsi-ld:default-context/Halte"


def test_5_2_29_geojson_is_a_feature(writer: httpx2.Client) -> None:
    """CIM 009 §4.5.16."""
    response = writer.get(PATH, headers=GEO)
    assert response.headers["content-type"] == "application/geo+json"
    feature = response.json()
    assert (feature["type"], feature["id"], feature["@context"]) == ("Feature", ENTITY_ID, CORE_URL)
    assert feature["geometry"] == {"type": "Point", "coordinates": [100.36, -0.95]}
    assert feature["properties"]["type"] == "Halte"
    assert feature["properties"]["kapasitas"]["value"] == 40


def test_5_2_30_geojson_of_a_list_is_a_feature_collection(writer: httpx2.Client) -> None:
    response = writer.get(f"{LIST}&options=keyValues&count=true", headers=GEO)
    collection = response.json()
    assert (collection["type"], collection["@context"]) == ("FeatureCollection", CORE_URL)
    assert collection["features"][0]["properties"]["kapasitas"] == 40
    assert response.headers["ngsild-results-count"] == "1"


def test_6_3_15_the_geometry_of_geojson_is_chosen(writer: httpx2.Client) -> None:
    assert writer.get(f"{PATH}?geometryProperty=area", headers=GEO).json()["geometry"] == AREA
    assert writer.get(f"{PATH}?geometryProperty=tiada", headers=GEO).json()["geometry"] is None


def test_the_context_of_geojson_goes_to_the_header_when_preferred(writer: httpx2.Client) -> None:
    """CIM 009 §6.3.6."""
    response = writer.get(PATH, headers={**GEO, "prefer": "body=json"})
    assert "@context" not in response.json()
    assert CORE_URL in response.headers["link"]


def test_6_3_18_local_is_accepted(writer: httpx2.Client) -> None:
    assert both(writer, "local=true")["id"] == ENTITY_ID
