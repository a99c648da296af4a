"""Answers that conform to an earlier version of the standard, for those who prefer it (CIM 009 §4.3.6.8, §6.3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API

ENTITY: dict[str, Any] = {
    "id": "urn:ngsi-ld:Halte:lama",
    "type": ["Halte", "Simpang"],
    "scope": "/Padang",
    "nama": {"type": "LanguageProperty", "languageMap": {"id": "Pasar", "en": "Market"}},
    "jenis": {"type": "VocabProperty", "vocab": "Terminal"},
    "tiket": {"type": "JsonProperty", "json": {"id": 5}},
    "dalam": {"type": "ListProperty", "valueList": [1, 2]},
    "rute": {"type": "ListRelationship", "objectList": [{"object": "urn:x:1"}, {"object": "urn:x:2"}]},
    "suhu": [
        {"type": "Property", "value": 20, "datasetId": "urn:d:1"},
        {"type": "Property", "value": 21, "unitCode": "CEL", "observedAt": "2026-01-01T00:00:00Z",
         "mutu": {"type": "VocabProperty", "vocab": "Baik"}},
    ],
    "oleh": {"type": "Relationship", "object": "urn:x:3", "objectType": "Dinas"},
}  # fmt: skip
PATH = f"{API}/entities/{ENTITY['id']}"


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put one entity that has what each version brought."""
    created = writer.post(f"{API}/entities", json=ENTITY)
    assert created.status_code == 201, created.text
    yield
    writer.delete(PATH)


def get(client: httpx2.Client, prefer: str, **parameters: str) -> httpx2.Response:
    return client.get(PATH, params=parameters, headers={"prefer": prefer})


def test_4_3_6_8_what_is_newer_than_1_5_is_amended(writer: httpx2.Client) -> None:
    response = get(writer, "ngsi-ld=1.5")
    assert (response.status_code, response.headers["preference-applied"]) == (203, "ngsi-ld=1.5")
    shown = response.json()
    assert shown["jenis"] == {"type": "Property", "value": "Terminal"}
    assert shown["tiket"] == {"type": "Property", "value": {"id": 5}}
    assert shown["dalam"] == {"type": "Property", "value": [1, 2]}
    assert shown["rute"] == {"type": "Relationship", "object": ["urn:x:1", "urn:x:2"]}
    assert shown["oleh"] == {"type": "Relationship", "object": "urn:x:3"}
    assert shown["suhu"][1]["mutu"] == {"type": "Property", "value": "Baik"}
    assert [shown[name] for name in ("type", "scope", "nama")] == [ENTITY[name] for name in ("type", "scope", "nama")]


def test_4_3_6_8_the_first_version_has_one_type_and_one_instance(writer: httpx2.Client) -> None:
    shown = get(writer, 'ngsi-ld="1.0"').json()
    assert shown["type"] == "Halte"
    assert "scope" not in shown
    assert shown["nama"] == {"type": "Property", "value": {"id": "Pasar", "en": "Market"}}
    assert shown["suhu"] == {"type": "Property", "value": 21, "mutu": {"type": "Property", "value": "Baik"}}


@pytest.mark.parametrize(("prefer", "applied"), [
    ("ngsi-ld=1.9", "ngsi-ld=1.9"), ("ngsi-ld=2.4", "ngsi-ld=1.9"), ("body=json, ngsi-ld=1.9", "ngsi-ld=1.9"),
    ("ngsi-ld=0.9", None), ("ngsi-ld=new", None), ("body=json", None), ("x-ngsi-ld=1.5", None),
])  # fmt: skip
def test_6_3_6_an_answer_that_conforms_already_is_not_altered(
    writer: httpx2.Client, prefer: str, applied: str | None
) -> None:
    response = get(writer, prefer)
    assert (response.status_code, response.headers.get("preference-applied")) == (200, applied)
    assert response.json() == writer.get(PATH).json()


def test_6_4_3_2_a_page_of_entities_is_amended_too(writer: httpx2.Client) -> None:
    headers = {"prefer": "ngsi-ld=1.7"}
    response = writer.get(f"{API}/entities", params={"type": "Simpang"}, headers=headers)
    assert (response.status_code, response.headers["preference-applied"]) == (203, "ngsi-ld=1.7")
    assert response.json()[0]["jenis"]["type"] == "Property"
    asked = {"type": "Query", "entities": [{"type": "Simpang"}], "pick": ["id", "nama"]}
    response = writer.post(f"{API}/entityOperations/query", json=asked, headers=headers)
    assert (response.status_code, response.json()[0]["nama"]["type"]) == (200, "LanguageProperty")
    assert writer.get(f"{API}/entities?type=Tiada", headers=headers).status_code == 200


def test_what_was_asked_before_does_not_decide_the_version(anonymous: httpx2.Client, writer: httpx2.Client) -> None:
    public = {**ENTITY, "id": "urn:ngsi-ld:Halte:lama2", "type": "Halte"}
    assert writer.post(f"{API}/entities", json=public).status_code == 201
    try:
        for _ in range(3):
            url = f"{API}/entities?type=Halte"
            assert anonymous.get(url).status_code == 200
            assert anonymous.get(url, headers={"prefer": "ngsi-ld=1.5"}).status_code == 203
            assert anonymous.get(f"{API}/entities/{public['id']}").status_code == 200
            older = anonymous.get(f"{API}/entities/{public['id']}", headers={"prefer": "ngsi-ld=1.5"})
            assert older.json()["jenis"]["type"] == "Property"
    finally:
        writer.delete(f"{API}/entities/{public['id']}")


def test_linked_entities_conform_as_well(writer: httpx2.Client) -> None:
    linking = {
        "id": "urn:ngsi-ld:Halte:lama3",
        "type": "Halte",
        "dekat": {"type": "Relationship", "object": ENTITY["id"]},
    }
    assert writer.post(f"{API}/entities", json=linking).status_code == 201
    try:
        path = f"{API}/entities/{linking['id']}?join=flat"
        response = writer.get(path, headers={"prefer": "ngsi-ld=1.5"})
        assert response.status_code == 203
        assert response.json()[1]["jenis"]["type"] == "Property"
    finally:
        writer.delete(f"{API}/entities/{linking['id']}")
