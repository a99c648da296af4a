"""Every kind of attribute in every form (CIM 009 §4.5.2 to §4.5.4, §4.5.17, §4.5.18, §4.5.20 to §4.5.24, §4.7.3)."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx2
import pytest

from tests.http.conftest import API, raise_unless_problem

ENTITIES = f"{API}/entities"
ID = "urn:ngsi-ld:Halte:ragam"
POINT = {"type": "Point", "coordinates": [100.36, -0.95]}
ONE, OTHER = "urn:ngsi-ld:Koridor:1", "urn:ngsi-ld:Koridor:2"
WORDS = {"id": "Pasar", "en": ["Market", "Mart"]}
LINKS = [{"object": OTHER}, {"object": ONE}]


class Kind(NamedTuple):
    """What is sent, and what is read of it in the concise and in the simplified form. `clause` is its own."""

    clause: str
    normalized: dict[str, Any]
    concise: Any
    simplified: Any


KINDS = [
    Kind("4.5.2", {"type": "Property", "value": 5}, 5, 5),
    Kind("4.5.2", {"type": "Property", "value": 5, "unitCode": "MTR"}, {"value": 5, "unitCode": "MTR"}, 5),
    Kind("4.5.2.3", {"type": "Property", "value": {"a": [1, {"b": 2}]}}, {"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}),
    Kind("4.5.3", {"type": "Relationship", "object": ONE}, {"object": ONE}, ONE),
    Kind("4.5.3", {"type": "Relationship", "object": [ONE, OTHER]}, {"object": [ONE, OTHER]}, [ONE, OTHER]),
    Kind("4.7.3", {"type": "GeoProperty", "value": POINT}, POINT, POINT),
    Kind("4.5.18", {"type": "LanguageProperty", "languageMap": WORDS}, {"languageMap": WORDS}, {"languageMap": WORDS}),
    Kind("4.5.20", {"type": "VocabProperty", "vocab": "besar"}, {"vocab": "besar"}, {"vocab": "besar"}),
    Kind("4.5.20", {"type": "VocabProperty", "vocab": ["a", "b"]}, {"vocab": ["a", "b"]}, {"vocab": ["a", "b"]}),
    Kind("4.5.21", {"type": "ListProperty", "valueList": [3, 1, 3]}, {"valueList": [3, 1, 3]}, [3, 1, 3]),
    Kind("4.5.22", {"type": "ListRelationship", "objectList": LINKS}, {"objectList": LINKS}, [OTHER, ONE]),
    Kind("4.5.24", {"type": "JsonProperty", "json": {"id": [1]}}, {"json": {"id": [1]}}, {"json": {"id": [1]}}),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=[f"{kind.clause}-{place}" for place, kind in enumerate(KINDS)])
def test_4_5_4_each_kind_is_read_in_each_form_and_written_in_the_lossless_ones(
    writer: httpx2.Client, kind: Kind
) -> None:
    for sent in (kind.normalized, kind.concise):
        made = writer.post(ENTITIES, json={"id": ID, "type": "Halte", "ragam": sent})
        assert made.status_code == 201, made.text
        shown = {form: writer.get(f"{ENTITIES}/{ID}", params={"format": form}).json()["ragam"]
                 for form in ("normalized", "concise", "simplified", "keyValues")}  # fmt: skip
        assert writer.delete(f"{ENTITIES}/{ID}").status_code == 204
        assert shown == {
            "normalized": kind.normalized, "concise": kind.concise,
            "simplified": kind.simplified, "keyValues": kind.simplified,
        }  # fmt: skip


@pytest.mark.parametrize(("clause", "wrong"), [
    ("4.5.2", {"type": "Property"}),
    ("4.5.2", {"type": "Property", "value": None}),
    ("4.5.3", {"type": "Relationship", "object": "bukan uri"}),
    ("4.5.3", {"type": "Relationship", "value": ONE}),
    ("4.7.1", {"type": "GeoProperty", "value": {"type": "Titik", "coordinates": [1, 2]}}),
    ("4.7.1", {"type": "GeoProperty", "value": {"type": "Point", "coordinates": ["a", 2]}}),
    ("4.7.1", {"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}}),
    ("4.5.18", {"type": "LanguageProperty", "languageMap": "Pasar"}),
    ("4.6.5", {"type": "LanguageProperty", "languageMap": {"id": 5}}),
    ("4.5.20", {"type": "VocabProperty", "vocab": 5}),
    ("4.5.21", {"type": "ListProperty", "valueList": 5}),
    ("4.5.22", {"type": "ListRelationship", "objectList": ["bukan uri"]}),
    ("4.5.1", {"type": "Lain", "value": 1}),
    ("4.6.3", {"type": "Property", "value": 1, "observedAt": "kemarin"}),
])  # fmt: skip
def test_4_5_0_what_is_none_of_its_kind_is_bad_data(writer: httpx2.Client, clause: str, wrong: dict[str, Any]) -> None:
    response = writer.post(ENTITIES, json={"id": ID, "type": "Halte", "ragam": wrong})
    raise_unless_problem(response, 400, "BadRequestData")
    assert writer.get(f"{ENTITIES}/{ID}").status_code == 404


def test_4_5_17_simplified_geojson_has_values_alone(writer: httpx2.Client) -> None:
    body = {"id": ID, "type": "Halte", "nama": {"type": "Property", "value": "Pasar"},
            "location": {"type": "GeoProperty", "value": POINT}}  # fmt: skip
    assert writer.post(ENTITIES, json=body).status_code == 201
    shown = writer.get(f"{ENTITIES}/{ID}", params={"format": "simplified"}, headers={"accept": "application/geo+json"})
    assert writer.delete(f"{ENTITIES}/{ID}").status_code == 204
    feature = shown.json()
    assert (feature["type"], feature["id"], feature["geometry"]) == ("Feature", ID, POINT)
    assert feature["properties"] == {"type": "Halte", "nama": "Pasar", "location": POINT}


@pytest.mark.parametrize("coordinates", [
    {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
    {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
    {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]},
])  # fmt: skip
def test_4_7_1_every_geometry_but_a_collection_is_a_value(writer: httpx2.Client, coordinates: dict[str, Any]) -> None:
    body = {"id": ID, "type": "Halte", "wilayah": {"type": "GeoProperty", "value": coordinates}}
    assert writer.post(ENTITIES, json=body).status_code == 201
    assert writer.get(f"{ENTITIES}/{ID}").json()["wilayah"]["value"] == coordinates
    assert writer.delete(f"{ENTITIES}/{ID}").status_code == 204


@pytest.mark.parametrize("name", ["nama_lain", "a1", "Überlandbus", "kota:nama", "https://kota.example.org/nama"])
def test_4_6_2_names_of_letters_of_any_script_and_iris_are_names(writer: httpx2.Client, name: str) -> None:
    assert writer.post(ENTITIES, json={"id": ID, "type": "Halte", name: 1}).status_code == 201
    assert writer.get(f"{ENTITIES}/{ID}", params={"format": "simplified", "attrs": name}).json()[name] == 1
    assert writer.delete(f"{ENTITIES}/{ID}").status_code == 204
