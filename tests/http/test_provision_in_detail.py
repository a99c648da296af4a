"""What the behaviour of each way to write says beyond its plain case (CIM 009 §5.5.11, §5.6.2 to §5.6.20)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, raise_unless_problem

ENTITIES = f"{API}/entities"
BATCH = f"{API}/entityOperations"
ID = "urn:ngsi-ld:Halte:rinci"
JSON = {"content-type": "application/json"}


def value(content: Any, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": content, **members}


@pytest.fixture(autouse=True)
def _clean(writer: httpx2.Client) -> Iterator[None]:
    yield
    writer.delete(f"{ENTITIES}/{ID}")
    writer.delete(f"{API}/temporal/entities/{ID}")


def put(writer: httpx2.Client, **members: Any) -> None:
    response = writer.post(ENTITIES, json={"id": ID, "type": "Halte", **members})
    assert response.status_code == 201, response.text


def read(writer: httpx2.Client, **parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = writer.get(f"{ENTITIES}/{ID}", params=parameters).json()
    return found


def test_5_6_2_4_a_scope_is_replaced_where_there_is_one_and_types_are_added(writer: httpx2.Client) -> None:
    put(writer, nama=value("a"))
    changed = writer.patch(f"{ENTITIES}/{ID}/attrs", json={"scope": "/barat", "type": "Terminal"})
    assert [one["attributeName"] for one in changed.json()["notUpdated"]] == ["scope"]
    assert "scope" not in read(writer)
    assert set(read(writer)["type"]) == {"Halte", "Terminal"}
    assert writer.post(f"{ENTITIES}/{ID}/attrs", json={"scope": "/barat"}).status_code == 204
    assert writer.patch(f"{ENTITIES}/{ID}/attrs", json={"scope": "/timur"}).status_code == 204
    assert read(writer)["scope"] == "/timur"


def test_5_6_2_4_an_instance_is_replaced_added_or_deleted_by_its_dataset(writer: httpx2.Client) -> None:
    put(writer, suhu=[value(1), value(2, datasetId="urn:d:1")])
    change = [value(3, datasetId="urn:d:1"), value(4, datasetId="urn:d:2")]
    assert writer.patch(f"{ENTITIES}/{ID}/attrs", json={"suhu": change}).status_code == 204
    assert {one.get("datasetId"): one["value"] for one in read(writer)["suhu"]} == {None: 1, "urn:d:1": 3, "urn:d:2": 4}
    gone = [value("urn:ngsi-ld:null", datasetId="urn:d:1"), value("urn:ngsi-ld:null")]
    assert writer.patch(f"{ENTITIES}/{ID}/attrs", json={"suhu": gone}).status_code == 204
    assert read(writer)["suhu"] == value(4, datasetId="urn:d:2")


def test_5_6_3_4_without_overwriting_scopes_come_together(writer: httpx2.Client) -> None:
    put(writer, scope="/barat")
    path = f"{ENTITIES}/{ID}/attrs"
    added = writer.post(path, json={"scope": ["/barat", "/timur"]}, params={"options": "noOverwrite"})
    assert added.status_code == 204
    assert read(writer)["scope"] == ["/barat", "/timur"]
    assert writer.post(path, json={"scope": "/utara"}).status_code == 204
    assert read(writer)["scope"] == "/utara"


def test_5_6_4_4_what_cannot_be_patched_is_told(writer: httpx2.Client) -> None:
    put(writer, nama=value("a"), scope="/barat")
    path = f"{ENTITIES}/{ID}/attrs"
    raise_unless_problem(writer.patch(f"{path}/scope", json={"value": "/x"}), 400, "BadRequestData")
    other_kind = {"type": "Relationship", "object": "urn:x:1"}
    raise_unless_problem(writer.patch(f"{path}/nama", json=other_kind), 400, "BadRequestData")
    elsewhere = {"value": "b", "datasetId": "urn:d:1"}
    raise_unless_problem(writer.patch(f"{path}/nama", json=elsewhere), 404, "ResourceNotFound")
    raise_unless_problem(writer.patch(f"{path}/tiada", json={"value": 1}), 404, "ResourceNotFound")
    assert read(writer)["nama"] == value("a")


def test_5_6_19_4_what_cannot_be_replaced_is_told(writer: httpx2.Client) -> None:
    put(writer, nama=value("a"), scope="/barat")
    path = f"{ENTITIES}/{ID}/attrs"
    raise_unless_problem(writer.put(f"{path}/scope", json={"value": "/x"}), 400, "BadRequestData")
    raise_unless_problem(writer.put(f"{path}/tiada", json=value(1)), 404, "ResourceNotFound")
    elsewhere = value("b", datasetId="urn:d:1")
    raise_unless_problem(writer.put(f"{path}/nama", json=elsewhere), 404, "ResourceNotFound")


def test_5_6_18_4_a_replaced_entity_keeps_when_it_was_made(writer: httpx2.Client) -> None:
    put(writer, nama=value("a"))
    before = read(writer, options="sysAttrs")["createdAt"]
    assert writer.put(f"{ENTITIES}/{ID}", json={"id": ID, "type": "Halte", "nama": value("b")}).status_code == 204
    after = read(writer, options="sysAttrs")
    assert (after["createdAt"], after["nama"]["value"]) == (before, "b")
    null = {"id": ID, "type": "Halte", "nama": value("urn:ngsi-ld:null")}
    raise_unless_problem(writer.put(f"{ENTITIES}/{ID}", json=null), 400, "BadRequestData")


def test_5_6_17_4_a_merge_goes_into_values_and_adds_types_and_scopes(writer: httpx2.Client) -> None:
    put(writer, alamat=value({"jalan": "A", "kota": "B"}), scope="/barat")
    change = {"type": "Terminal", "alamat": {"value": {"jalan": "C", "kota": "urn:ngsi-ld:null"}}, "scope": "/timur"}
    assert writer.patch(f"{ENTITIES}/{ID}", json=change).status_code == 204
    found = read(writer)
    assert (found["alamat"], found["scope"]) == (value({"jalan": "C"}), "/timur")
    assert set(found["type"]) == {"Halte", "Terminal"}


@pytest.mark.parametrize("body", [{"suhu": 1, "id": "urn:ngsi-ld:Halte:lain"}, {"id": "urn:ngsi-ld:Halte:lain"}])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_5_4_a_fragment_is_of_the_entity_of_its_path(writer: httpx2.Client, method: str, body: dict[str, Any]) -> None:
    put(writer, nama=value("a"))
    response = writer.request(method, f"{ENTITIES}/{ID}", json={"type": "Halte", **body})
    raise_unless_problem(response, 400, "BadRequestData")


@pytest.mark.parametrize("body", [
    {"@context": [{"nama": {"@id": "https://kota.example.org/nama", "@context": {"x": "https://kota.example.org/x"}}}]},
    {"@context": [{}], "nama": {"type": "Property", "value": 1, "@context": {"x": "https://kota.example.org/x"}}},
])  # fmt: skip
def test_5_5_7_contexts_stand_at_the_top_and_have_none_within(writer: httpx2.Client, body: dict[str, Any]) -> None:
    headers = {"content-type": "application/ld+json"}
    response = writer.post(ENTITIES, json={"id": ID, "type": "Halte", **body}, headers=headers)
    raise_unless_problem(response, 400, "BadRequestData")
    assert writer.get(f"{ENTITIES}/{ID}").status_code == 404


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize("body", ["[]", "[null]"])
def test_5_6_8_4_a_batch_of_nothing_is_bad_data(writer: httpx2.Client, operation: str, body: str) -> None:
    response = writer.post(f"{BATCH}/{operation}", content=body, headers=JSON)
    raise_unless_problem(response, 400, "BadRequestData")


def told(response: httpx2.Response) -> tuple[list[str], list[str]]:
    """Return which ids went well, and the names of what went wrong."""
    assert response.status_code == 207, response.text
    body = response.json()
    return body["success"], [one["error"]["type"].rpartition("/")[2] for one in body["errors"]]


def twins(**members: Any) -> list[dict[str, Any]]:
    return [{"id": ID, "type": "Halte", name: part} for name, part in members.items()]


def test_5_5_11_1_of_equal_ids_the_first_is_created_and_the_others_are_there_already(writer: httpx2.Client) -> None:
    response = writer.post(f"{BATCH}/create", json=twins(a=value(1), b=value(2)))
    assert told(response) == ([ID], ["AlreadyExists"])
    assert "b" not in read(writer)


def test_5_5_11_2_of_equal_ids_an_upsert_takes_one_after_the_other(writer: httpx2.Client) -> None:
    assert writer.post(f"{BATCH}/upsert", json=twins(a=value(1), b=value(2))).status_code == 201
    assert read(writer) == {"id": ID, "type": "Halte", "b": value(2)}
    parts = [{"id": ID, "type": "Halte", "c": value(number, observedAt=f"2026-01-0{number}T00:00:00Z")}
             for number in (1, 2, 3)]  # fmt: skip
    assert writer.post(f"{BATCH}/upsert", json=parts, params={"options": "update"}).status_code == 204
    assert read(writer)["c"]["value"] == 3
    asked = {"attrs": "c", "options": "temporalValues"}
    shown = writer.get(f"{API}/temporal/entities/{ID}", params=asked).json()["c"]["values"]
    assert [one for one, _ in shown] == [1, 2, 3]


def test_5_5_11_3_of_equal_ids_updates_follow_each_other(writer: httpx2.Client) -> None:
    put(writer, a=value(0))
    assert writer.post(f"{BATCH}/update", json=twins(a=value(1), b=value(2))).status_code == 204
    assert writer.post(f"{BATCH}/update", json=[*twins(a=value(3)), *twins(a=value(4))]).status_code == 204
    found = read(writer)
    assert (found["a"], found["b"]) == (value(4), value(2))


def test_5_5_11_4_of_equal_ids_the_first_is_deleted_and_the_others_are_not_found(writer: httpx2.Client) -> None:
    put(writer, a=value(0))
    assert told(writer.post(f"{BATCH}/delete", json=[ID, ID])) == ([ID], ["ResourceNotFound"])


def test_5_5_11_5_of_equal_ids_merges_follow_each_other(writer: httpx2.Client) -> None:
    put(writer, a=value({"x": 1}))
    parts = [*twins(a=value({"y": 2})), *twins(a=value({"x": "urn:ngsi-ld:null", "z": 3}))]
    assert writer.post(f"{BATCH}/merge", json=parts).status_code == 204
    assert read(writer)["a"] == value({"y": 2, "z": 3})
