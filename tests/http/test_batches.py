"""Many entities in one request (CIM 009 §6.14 to §6.17, §6.31): what is right goes in, what is wrong is told."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, CONTEXT_URL, ERRORS, raise_unless_problem, stop

OPERATIONS = f"{API}/entityOperations"
LD_JSON = {"content-type": "application/ld+json"}


def names(*places: object) -> list[str]:
    return [f"urn:ngsi-ld:Halte:batch{place}" for place in places]


@pytest.fixture(autouse=True)
def _clean(writer: httpx2.Client) -> Any:
    yield
    writer.post(f"{OPERATIONS}/delete", json=names(*range(6)))


def put(client: httpx2.Client, *places: int) -> None:
    assert client.post(f"{OPERATIONS}/create", json=[stop(one) for one in names(*places)]).status_code == 201


def seats(client: httpx2.Client, place: int) -> Any:
    return client.get(f"{API}/entities/{names(place)[0]}?options=keyValues").json().get("kapasitas")


def number(value: int) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def failures(response: httpx2.Response) -> dict[str, str]:
    """Return the name of the error by entity, once the answer is seen to be a 207 with whole problems."""
    assert response.status_code == 207, response.text
    for failure in response.json()["errors"]:
        assert failure["error"]["title"]
        assert failure["error"]["detail"]
    return {one["entityId"]: one["error"]["type"].removeprefix(ERRORS) for one in response.json()["errors"]}


def test_5_6_7_created_entities_are_told_by_their_ids(writer: httpx2.Client) -> None:
    response = writer.post(f"{OPERATIONS}/create", json=[stop(one) for one in names(0, 1)])
    assert (response.status_code, response.json()) == (201, names(0, 1))


def test_5_2_17_one_bad_entity_does_not_spoil_the_rest(writer: httpx2.Client) -> None:
    put(writer, 0)
    batch = [stop(names(0)[0]), stop(names(1)[0]), {"id": names(2)[0]}, {"type": "Halte"}, 5]
    response = writer.post(f"{OPERATIONS}/create", json=batch)
    assert failures(response) == {names(0)[0]: "AlreadyExists", names(2)[0]: "BadRequestData", "": "BadRequestData"}
    assert response.json()["success"] == names(1)
    assert seats(writer, 1) == 40


def test_5_6_8_an_upsert_creates_and_replaces(writer: httpx2.Client) -> None:
    put(writer, 0)
    batch = [{"id": one, "type": "Halte", "atap": number(1)} for one in names(0, 1)]
    response = writer.post(f"{OPERATIONS}/upsert", json=batch)
    assert (response.status_code, response.json()) == (201, names(1))
    assert seats(writer, 0) is None
    again = writer.post(f"{OPERATIONS}/upsert", json=batch)
    assert (again.status_code, again.content) == (204, b"")


def test_5_6_8_4_an_upsert_that_updates_keeps_what_was_there(writer: httpx2.Client) -> None:
    put(writer, 0)
    batch = [{"id": names(0)[0], "type": "Halte", "atap": number(1)}]
    assert writer.post(f"{OPERATIONS}/upsert?options=update", json=batch).status_code == 204
    assert seats(writer, 0) == 40


def test_5_6_9_an_update_needs_the_entities_to_be_there(writer: httpx2.Client) -> None:
    put(writer, 0)
    batch = [{"id": one, "type": "Halte", "kapasitas": number(9)} for one in names(0, 1)]
    response = writer.post(f"{OPERATIONS}/update", json=batch)
    assert failures(response) == {names(1)[0]: "ResourceNotFound"}
    assert response.json()["success"] == names(0)
    assert seats(writer, 0) == 9


def test_an_update_without_overwriting_keeps_what_was_there(writer: httpx2.Client) -> None:
    put(writer, 0)
    batch = [{"id": names(0)[0], "type": "Halte", "kapasitas": number(9), "atap": number(1)}]
    response = writer.post(f"{OPERATIONS}/update?options=noOverwrite", json=batch)
    assert response.status_code in {204, 207}
    assert seats(writer, 0) == 40
    assert writer.get(f"{API}/entities/{names(0)[0]}").json()["atap"] == number(1)


def test_5_6_20_a_merge_changes_parts(writer: httpx2.Client) -> None:
    put(writer, 0, 1)
    batch = [{"id": one, "kapasitas": number(9), "koridor": "urn:ngsi-ld:null"} for one in names(0, 1)]
    assert writer.post(f"{OPERATIONS}/merge", json=batch).status_code == 204
    merged = writer.get(f"{API}/entities/{names(1)[0]}").json()
    assert merged["kapasitas"] == {"type": "Property", "value": 9, "unitCode": "C62"}
    assert "koridor" not in merged


def test_5_6_10_a_delete_tells_what_was_not_there(writer: httpx2.Client) -> None:
    put(writer, 0, 1)
    response = writer.post(f"{OPERATIONS}/delete", json=names(0, 5, 1))
    assert failures(response) == {names(5)[0]: "ResourceNotFound"}
    assert response.json()["success"] == names(0, 1)
    put(writer, 0)
    assert writer.post(f"{OPERATIONS}/delete", json=names(0), headers=LD_JSON).status_code == 204


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize(("body", "name"), [
    (b"", "InvalidRequest"), (b"[{]", "InvalidRequest"), (b"[]", "BadRequestData"), (b"{}", "BadRequestData"),
    (b'"x"', "BadRequestData"), (b"null", "BadRequestData"),
])  # fmt: skip
def test_a_body_that_is_no_batch_is_refused(writer: httpx2.Client, operation: str, body: bytes, name: str) -> None:
    headers = {"content-type": "application/json"}
    response = writer.post(f"{OPERATIONS}/{operation}", content=body, headers=headers)
    raise_unless_problem(response, 400, name)


def test_a_batch_has_a_bound(writer: httpx2.Client) -> None:
    response = writer.post(f"{OPERATIONS}/delete", json=[f"urn:x:{place}" for place in range(10_001)])
    raise_unless_problem(response, 403, "TooManyResults")
    assert "10,000" in response.json()["detail"]


def test_each_entity_of_json_ld_has_its_own_context(writer: httpx2.Client) -> None:
    batch = [
        {"@context": CONTEXT_URL, **stop(names(0)[0])},
        stop(names(1)[0]),
        {"@context": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-non-existing.jsonld", **stop(names(2)[0])},
        {"@context": {"Halte": "https://kota.example.org/Halte"}, **stop(names(3)[0])},
    ]
    response = writer.post(f"{OPERATIONS}/create", json=batch, headers=LD_JSON)
    assert failures(response) == {names(1)[0]: "BadRequestData", names(2)[0]: "LdContextNotAvailable"}
    assert response.json()["success"] == names(0, 3)
    assert writer.get(f"{API}/entities/{names(3)[0]}").json()["type"] == "https://kota.example.org/Halte"


def test_a_context_in_the_wrong_place_is_refused_per_entity(writer: httpx2.Client) -> None:
    """CIM 009 §6.3.5."""
    batch = [{"@context": CONTEXT_URL, **stop(names(0)[0])}]
    assert failures(writer.post(f"{OPERATIONS}/create", json=batch)) == {names(0)[0]: "BadRequestData"}
    response = writer.post(f"{OPERATIONS}/create", json=batch, headers={**LD_JSON, "link": CONTEXT_LINK})
    raise_unless_problem(response, 400, "BadRequestData")


def test_the_context_of_the_link_is_every_entitys(writer: httpx2.Client) -> None:
    batch = [stop(one) for one in names(0, 1)]
    assert writer.post(f"{OPERATIONS}/create", json=batch, headers={"link": CONTEXT_LINK}).status_code == 201
    assert writer.get(f"{API}/entities/{names(0)[0]}").json()["type"] == "https://kota.example.org/Halte"


def test_an_id_in_a_delete_has_to_be_a_uri(writer: httpx2.Client) -> None:
    put(writer, 0)
    response = writer.post(f"{OPERATIONS}/delete", json=[names(0)[0], "halte"])
    assert failures(response) == {"halte": "BadRequestData"}
    assert response.json()["success"] == names(0)
    for body in ([5], [None]):
        raise_unless_problem(writer.post(f"{OPERATIONS}/delete", json=body), 400, "BadRequestData")


def test_unknown_options_are_refused(writer: httpx2.Client) -> None:
    response = writer.post(f"{OPERATIONS}/upsert?options=updaet", json=[stop(names(0)[0])])
    raise_unless_problem(response, 400, "InvalidRequest")
    assert "Did you mean 'update'" in response.json()["detail"]
