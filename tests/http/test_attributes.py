"""Attributes over HTTP: append, update, patch, replace, delete (CIM 009 §6.6, §6.7)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, raise_unless_problem, stop

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
LIVE, GUESS = "urn:ngsi-ld:Dataset:live", "urn:ngsi-ld:Dataset:guess"


def attributes_of(entity_id: str) -> str:
    return f"{API}/entities/{entity_id}/attrs"


def read(client: httpx2.Client, entity_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{API}/entities/{entity_id}").json()
    return found


def number(value: float, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **members}


def test_5_6_3_appending_adds_and_replaces(writer: httpx2.Client, halte: str) -> None:
    body = {"kapasitas": number(50), "atap": number(1)}
    response = writer.post(attributes_of(halte), json=body)
    assert (response.status_code, response.content) == (204, b"")
    found = read(writer, halte)
    assert (found["kapasitas"], found["atap"]) == (number(50), number(1))


def test_5_6_3_4_appending_without_overwriting_tells_what_was_left(writer: httpx2.Client, halte: str) -> None:
    body = {"kapasitas": number(50), "atap": number(1)}
    response = writer.post(f"{attributes_of(halte)}?options=noOverwrite", json=body)
    assert response.status_code == 207
    told = response.json()
    assert told["updated"] == [DEFAULT + "atap"]
    assert [one["attributeName"] for one in told["notUpdated"]] == [DEFAULT + "kapasitas"]
    assert told["notUpdated"][0]["reason"]
    assert read(writer, halte)["kapasitas"] == number(40, unitCode="C62")


def test_5_6_2_updating_replaces_whole_attributes(writer: httpx2.Client, halte: str) -> None:
    assert writer.patch(attributes_of(halte), json={"kapasitas": number(50)}).status_code == 204
    assert read(writer, halte)["kapasitas"] == number(50)


def test_5_6_4_patching_one_attribute_keeps_its_other_members(writer: httpx2.Client, halte: str) -> None:
    response = writer.patch(f"{attributes_of(halte)}/kapasitas", json={"value": 70})
    assert response.status_code == 204, response.text
    assert read(writer, halte)["kapasitas"] == number(70, unitCode="C62")


def test_5_6_19_replacing_one_attribute_keeps_nothing_of_it(writer: httpx2.Client, halte: str) -> None:
    assert writer.put(f"{attributes_of(halte)}/kapasitas", json=number(80)).status_code == 204
    assert read(writer, halte)["kapasitas"] == number(80)


def test_5_6_5_deleting_one_attribute_leaves_the_others(writer: httpx2.Client, halte: str) -> None:
    assert writer.delete(f"{attributes_of(halte)}/kapasitas").status_code == 204
    expected = stop(halte)
    del expected["kapasitas"]
    assert read(writer, halte) == expected


def test_5_6_5_4_instances_are_deleted_by_dataset_or_all_at_once(writer: httpx2.Client, halte: str) -> None:
    """CIM 009 §5.6.5."""
    path = f"{attributes_of(halte)}/penumpang"
    body = {"penumpang": [number(1), number(2, datasetId=LIVE), number(3, datasetId=GUESS)]}
    assert writer.post(attributes_of(halte), json=body).status_code == 204
    assert writer.delete(path, params={"datasetId": LIVE}).status_code == 204
    assert read(writer, halte)["penumpang"] == [number(1), number(3, datasetId=GUESS)]
    raise_unless_problem(writer.delete(path, params={"datasetId": LIVE}), 404, "ResourceNotFound")
    assert writer.delete(path, params={"deleteAll": "true"}).status_code == 204
    assert "penumpang" not in read(writer, halte)


def test_a_dataset_and_all_at_once_contradict_each_other(writer: httpx2.Client, halte: str) -> None:
    response = writer.delete(f"{attributes_of(halte)}/nama?deleteAll=true&datasetId={LIVE}")
    raise_unless_problem(response, 400, "BadRequestData")


def test_5_6_5_4_the_scope_is_deleted_like_an_attribute(writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Halte:scoped"
    writer.post(f"{API}/entities", json=stop(entity_id, scope="/Padang/Barat"))
    assert read(writer, entity_id)["scope"] == "/Padang/Barat"
    assert writer.delete(f"{attributes_of(entity_id)}/scope").status_code == 204
    assert "scope" not in read(writer, entity_id)
    writer.delete(f"{API}/entities/{entity_id}")


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"value": 1}), ("PUT", number(1)), ("DELETE", None)])
def test_an_attribute_that_is_not_there_is_not_found(
    writer: httpx2.Client, halte: str, method: str, body: dict[str, Any] | None
) -> None:
    response = writer.request(method, f"{attributes_of(halte)}/tiada", json=body)
    raise_unless_problem(response, 404, "ResourceNotFound")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_attributes_of_an_entity_that_is_not_there_are_not_found(writer: httpx2.Client, method: str) -> None:
    response = writer.request(method, attributes_of("urn:ngsi-ld:Halte:none"), json={"atap": number(1)})
    raise_unless_problem(response, 404, "ResourceNotFound")


@pytest.mark.parametrize("name", ["@invalid", "a;b", "a%20b", "id", "type", "scope"])
def test_a_name_that_is_no_attribute_is_refused(writer: httpx2.Client, halte: str, name: str) -> None:
    raise_unless_problem(writer.put(f"{attributes_of(halte)}/{name}", json=number(1)), 400, "BadRequestData")


def test_an_attribute_is_named_in_short_or_by_its_iri(writer: httpx2.Client, halte: str) -> None:
    iri = (DEFAULT + "kapasitas").replace("/", "%2F")
    assert writer.patch(f"{attributes_of(halte)}/{iri}", json={"value": 71}).status_code == 204
    assert read(writer, halte)["kapasitas"]["value"] == 71


def test_the_context_of_the_link_names_the_attribute(writer: httpx2.Client, halte: str) -> None:
    headers = {"link": CONTEXT_LINK}
    raise_unless_problem(writer.delete(f"{attributes_of(halte)}/nama", headers=headers), 404, "ResourceNotFound")
    assert writer.delete(f"{attributes_of(halte)}/nama").status_code == 204


def test_an_id_left_empty_is_told(writer: httpx2.Client) -> None:
    raise_unless_problem(writer.post(f"{API}/entities//attrs", json={}), 400, "BadRequestData")
