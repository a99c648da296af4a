"""Merges of key-values, in a language, at a time (CIM 009 §6.5.3.4, §6.31.3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, raise_unless_problem, stop

ENTITY_ID = "urn:ngsi-ld:Halte:merged"
PATH = f"{API}/entities/{ENTITY_ID}"
BATCH = f"{API}/entityOperations/merge"
GUESS = "urn:ngsi-ld:Dataset:guess"
POINT = {"type": "Point", "coordinates": [100.5, -0.9]}


@pytest.fixture(autouse=True)
def _entity(writer: httpx2.Client) -> Iterator[None]:
    more = {
        "label": {"type": "LanguageProperty", "languageMap": {"id": "Pasar", "en": "Market"}},
        "jenis": {"type": "VocabProperty", "vocab": "terminal"},
        "rincian": {"type": "JsonProperty", "json": {"a": 1}},
        "urutan": {"type": "ListProperty", "valueList": [1, 2]},
        "jalur": {"type": "ListRelationship", "objectList": [{"object": "urn:j:1"}]},
        "penumpang": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": GUESS}],
    }
    assert writer.post(f"{API}/entities", json=stop(ENTITY_ID, **more)).status_code == 201
    yield
    writer.delete(PATH)


@pytest.fixture(params=["one", "batch"])
def merged(request: pytest.FixtureRequest, writer: httpx2.Client) -> Any:
    """Return a function that merges a body and returns the entity, by the one operation or the other."""

    def merge(query: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        if request.param == "one":
            response = writer.patch(f"{PATH}?{query}", json=body, headers=headers)
        else:
            response = writer.post(f"{BATCH}?{query}", json=[{"id": ENTITY_ID, **body}], headers=headers)
        assert response.status_code == 204, response.text
        found: dict[str, Any] = writer.get(PATH).json()
        return found

    return merge


@pytest.mark.parametrize("query", ["options=keyValues", "options=simplified", "format=simplified"])
def test_a_value_alone_stays_what_the_attribute_is(merged: Any, query: str) -> None:
    found = merged(query, {
        "kapasitas": 99, "koridor": "urn:ngsi-ld:Koridor:2", "location": POINT, "jenis": "halte",
        "rincian": {"b": 2}, "urutan": [3], "jalur": ["urn:j:2"], "baru": {"x": 1}, "tempat": POINT,
        "label": {"languageMap": {"id": "Pasar Raya"}},
    })  # fmt: skip
    assert found["kapasitas"] == {"type": "Property", "value": 99, "unitCode": "C62"}
    assert found["koridor"] == {"type": "Relationship", "object": "urn:ngsi-ld:Koridor:2"}
    assert found["location"] == {"type": "GeoProperty", "value": POINT}
    assert found["jenis"] == {"type": "VocabProperty", "vocab": "halte"}
    assert found["rincian"]["json"]["b"] == 2
    assert found["urutan"] == {"type": "ListProperty", "valueList": [3]}
    assert found["jalur"] == {"type": "ListRelationship", "objectList": [{"object": "urn:j:2"}]}
    assert found["baru"] == {"type": "Property", "value": {"x": 1}}
    assert found["tempat"] == {"type": "GeoProperty", "value": POINT}
    assert found["label"]["languageMap"]["id"] == "Pasar Raya"
    assert found["nama"]["value"] == "Pasar Raya"


def test_instances_are_told_apart_by_their_dataset(merged: Any) -> None:
    found = merged("options=keyValues", {"penumpang": {"dataset": {"@none": 5, GUESS: 6}}})
    assert [one["value"] for one in found["penumpang"]] == [5, 6]


def test_the_null_marker_removes(merged: Any) -> None:
    assert "koridor" not in merged("options=keyValues", {"koridor": "urn:ngsi-ld:null"})


@pytest.mark.parametrize("query", ["options=keyValues&lang=min", "lang=min"])
def test_a_text_is_in_the_language_that_is_told(merged: Any, query: str) -> None:
    found = merged(query, {"label": "Pasa Gadang", "kapasitas": 7})
    assert found["label"]["type"] == "LanguageProperty"
    assert found["label"]["languageMap"]["min"] == "Pasa Gadang"
    assert found["label"]["languageMap"]["en"] == "Market"
    assert found["kapasitas"]["value"] == 7


@pytest.mark.parametrize("query", ["options=keyValues&", ""])
def test_what_was_observed_is_observed_again(merged: Any, query: str) -> None:
    found = merged(f"{query}observedAt=2026-05-06T07:08:09Z", {"nama": "Baru", "kapasitas": 7})
    assert (found["nama"]["value"], found["nama"]["observedAt"]) == ("Baru", "2026-05-06T07:08:09Z")
    assert "observedAt" not in found["kapasitas"]


def test_names_are_those_of_the_context(merged: Any) -> None:
    found = merged("options=keyValues", {"nama": "x", "kapasitas": 3}, link=CONTEXT_LINK)
    assert found["kapasitas"]["value"] == 3
    assert found["nama"]["value"] == "Pasar Raya"
    assert found["https://kota.example.org/nama"]["value"] == "x"


def test_an_entity_that_is_not_there_is_not_found(writer: httpx2.Client) -> None:
    response = writer.patch(f"{API}/entities/urn:ngsi-ld:Halte:none?options=keyValues", json={"kapasitas": 1})
    raise_unless_problem(response, 404, "ResourceNotFound")
    batch = writer.post(f"{BATCH}?options=keyValues", json=[{"id": "urn:ngsi-ld:Halte:none", "kapasitas": 1}, {"a": 1}])
    assert (batch.status_code, len(batch.json()["errors"])) == (207, 2)


@pytest.mark.parametrize(("query", "name"), [
    ("observedAt=yesterday", "BadRequestData"), ("options=keyValue", "InvalidRequest"), ("format=x", "InvalidRequest"),
])  # fmt: skip
def test_a_wrong_parameter_of_a_merge_is_told(writer: httpx2.Client, query: str, name: str) -> None:
    raise_unless_problem(writer.patch(f"{PATH}?{query}", json={"kapasitas": 1}), 400, name)
    raise_unless_problem(writer.post(f"{BATCH}?{query}", json=[{"id": ENTITY_ID}]), 400, name)


@pytest.mark.parametrize(("method", "path"), [
    ("PUT", PATH), ("POST", f"{PATH}/attrs"), ("PATCH", f"{PATH}/attrs"), ("PATCH", f"{PATH}/attrs/nama"),
    ("POST", f"{API}/entityOperations/create"), ("POST", f"{API}/entityOperations/update"),
])  # fmt: skip
def test_only_a_merge_takes_key_values(writer: httpx2.Client, method: str, path: str) -> None:
    raise_unless_problem(writer.request(method, f"{path}?options=keyValues", json={}), 400, "InvalidRequest")
