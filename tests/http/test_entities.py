"""Entities over HTTP: create, retrieve, replace, merge, delete (CIM 009 §6.4, §6.5)."""

from __future__ import annotations

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, CONTEXT_URL, Served, raise_unless_problem, stop

ENTITIES = f"{API}/entities"
LINKED = {"content-type": "application/json", "link": CONTEXT_LINK}


def test_5_6_1_a_created_entity_is_found_at_its_location(writer: httpx2.Client) -> None:
    created = writer.post(ENTITIES, json=stop("urn:ngsi-ld:Halte:made"))
    assert (created.status_code, created.content) == (201, b"")
    assert created.headers["location"] == f"{ENTITIES}/urn:ngsi-ld:Halte:made"
    found = writer.get(created.headers["location"])
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.json() == stop("urn:ngsi-ld:Halte:made")


def test_an_id_with_a_slash_and_a_question_mark_finds_its_way(writer: httpx2.Client) -> None:
    entity_id = "https://kota.example.org/halte/1?a=b#c%20+d"
    created = writer.post(ENTITIES, json=stop(entity_id))
    assert created.headers["location"] == f"{ENTITIES}/https:%2F%2Fkota.example.org%2Fhalte%2F1%3Fa=b%23c%2520+d"
    assert writer.get(created.headers["location"]).json()["id"] == entity_id
    assert writer.delete(created.headers["location"]).status_code == 204


def test_a_trailing_slash_is_tolerated(writer: httpx2.Client, halte: str) -> None:
    assert writer.get(f"{ENTITIES}/{halte}/").json()["id"] == halte
    assert writer.get(f"{ENTITIES}/?type=Halte").status_code == 200
    assert writer.post(f"{ENTITIES}/{halte}/attrs/", json={"atap": {"type": "Property", "value": 1}}).status_code == 204


def test_an_id_that_is_taken_is_a_conflict(writer: httpx2.Client, halte: str) -> None:
    raise_unless_problem(writer.post(ENTITIES, json=stop(halte)), 409, "AlreadyExists")


def test_an_entity_that_is_not_there_is_not_found(writer: httpx2.Client) -> None:
    raise_unless_problem(writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:none"), 404, "ResourceNotFound")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_id_that_is_no_uri_is_refused(writer: httpx2.Client, method: str) -> None:
    response = writer.request(method, f"{ENTITIES}/halte1", json=None if method in {"GET", "DELETE"} else {})
    raise_unless_problem(response, 400, "BadRequestData")
    assert "halte1" in response.json()["detail"]


def test_4_5_1_concise_input_is_accepted(writer: httpx2.Client) -> None:
    body = {"id": "urn:ngsi-ld:Halte:concise", "type": "Halte", "nama": "Ulak Karang", "koridor": {"object": "urn:k:1"}}
    assert writer.post(ENTITIES, json=body).status_code == 201
    found = writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:concise").json()
    assert found["nama"] == {"type": "Property", "value": "Ulak Karang"}
    assert found["koridor"] == {"type": "Relationship", "object": "urn:k:1"}


def test_5_6_18_a_replaced_entity_has_nothing_of_the_old_one(writer: httpx2.Client, halte: str) -> None:
    body = {"type": "Halte", "atap": {"type": "Property", "value": True}}
    assert writer.put(f"{ENTITIES}/{halte}", json=body).status_code == 204
    assert writer.get(f"{ENTITIES}/{halte}").json() == {"id": halte, **body}


def test_replacing_what_is_not_there_is_not_found(writer: httpx2.Client) -> None:
    response = writer.put(f"{ENTITIES}/urn:ngsi-ld:Halte:none", json={"type": "Halte"})
    raise_unless_problem(response, 404, "ResourceNotFound")


def test_a_body_about_another_entity_is_refused(writer: httpx2.Client, halte: str) -> None:
    for method in ("PUT", "PATCH"):
        response = writer.request(method, f"{ENTITIES}/{halte}", json=stop("urn:ngsi-ld:Halte:other"))
        raise_unless_problem(response, 400, "BadRequestData")


def test_5_6_17_a_merge_changes_parts_and_the_null_marker_removes(writer: httpx2.Client, halte: str) -> None:
    """CIM 009 §5.5.12."""
    patch = {"kapasitas": {"type": "Property", "value": 60}, "koridor": "urn:ngsi-ld:null"}
    response = writer.patch(f"{ENTITIES}/{halte}", json=patch, headers={"content-type": "application/merge-patch+json"})
    assert response.status_code == 204
    found = writer.get(f"{ENTITIES}/{halte}").json()
    assert found["kapasitas"] == {"type": "Property", "value": 60, "unitCode": "C62"}
    assert "koridor" not in found
    assert found["nama"]["value"] == "Pasar Raya"


def test_5_6_6_a_deleted_entity_is_gone(writer: httpx2.Client, halte: str) -> None:
    assert writer.delete(f"{ENTITIES}/{halte}").status_code == 204
    raise_unless_problem(writer.get(f"{ENTITIES}/{halte}"), 404, "ResourceNotFound")
    raise_unless_problem(writer.delete(f"{ENTITIES}/{halte}"), 404, "ResourceNotFound")


def test_a_slash_with_no_id_behind_it_asks_for_the_id(writer: httpx2.Client) -> None:
    raise_unless_problem(writer.put(f"{ENTITIES}/", json={}), 400, "BadRequestData")


def test_head_answers_like_get_without_the_body(writer: httpx2.Client, halte: str) -> None:
    got, head = writer.get(f"{ENTITIES}/{halte}"), writer.head(f"{ENTITIES}/{halte}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))


def test_a_context_in_the_link_header_names_what_is_written_and_read(writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Halte:linked"
    assert writer.post(ENTITIES, json=stop(entity_id), headers=LINKED).status_code == 201
    own = writer.get(f"{ENTITIES}/{entity_id}", headers={"link": CONTEXT_LINK})
    assert own.json()["type"] == "Halte"
    assert own.headers["link"] == CONTEXT_LINK
    core = writer.get(f"{ENTITIES}/{entity_id}").json()
    assert core["type"] == "https://kota.example.org/Halte"
    assert core["https://kota.example.org/nama"]["value"] == "Pasar Raya"
    assert core["kapasitas"]["value"] == 40
    writer.delete(f"{ENTITIES}/{entity_id}")


def test_a_context_in_the_body_names_what_is_written(writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Halte:embedded"
    body = {"@context": [CONTEXT_URL], **stop(entity_id)}
    created = writer.post(ENTITIES, json=body, headers={"content-type": "application/ld+json"})
    assert created.status_code == 201, created.text
    found = writer.get(f"{ENTITIES}/{entity_id}", headers={"accept": "application/ld+json", "link": CONTEXT_LINK})
    assert found.headers["content-type"] == "application/ld+json"
    assert "link" not in found.headers
    assert found.json() == {"@context": CONTEXT_URL, **stop(entity_id)}
    writer.delete(f"{ENTITIES}/{entity_id}")


def test_an_inline_context_names_what_is_written(writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Halte:inline"
    body = {"@context": {"nama": "https://kota.example.org/nama"}, **stop(entity_id)}
    assert writer.post(ENTITIES, json=body, headers={"content-type": "application/ld+json"}).status_code == 201
    assert writer.get(f"{ENTITIES}/{entity_id}").json()["https://kota.example.org/nama"]["value"] == "Pasar Raya"
    writer.delete(f"{ENTITIES}/{entity_id}")


def test_a_context_in_the_wrong_place_is_refused(writer: httpx2.Client) -> None:
    """CIM 009 §6.3.5."""
    body = stop("urn:ngsi-ld:Halte:never")
    in_body = {"@context": CONTEXT_URL, **body}
    ld_json = {"content-type": "application/ld+json"}
    raise_unless_problem(writer.post(ENTITIES, json=in_body), 400, "BadRequestData")
    raise_unless_problem(writer.post(ENTITIES, json=body, headers=ld_json), 400, "BadRequestData")
    both = {**ld_json, "link": CONTEXT_LINK}
    raise_unless_problem(writer.post(ENTITIES, json=in_body, headers=both), 400, "BadRequestData")
    raise_unless_problem(writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:never"), 404, "ResourceNotFound")


@pytest.mark.parametrize("url", [
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-non-existing.jsonld", "http://127.0.0.1:1/none.jsonld",
])  # fmt: skip
def test_a_context_that_cannot_be_had_is_told(writer: httpx2.Client, url: str) -> None:
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"'
    response = writer.get(f"{ENTITIES}?type=Halte", headers={"link": link})
    raise_unless_problem(response, 504, "LdContextNotAvailable")
    assert url in response.json()["detail"]


@pytest.mark.parametrize("version", ["", "-v1.3", "-v1.6", "-v1.8", "-v1.9"])
def test_5_5_5_every_core_context_is_known_without_a_network(writer: httpx2.Client, halte: str, version: str) -> None:
    url = f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld"
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"'
    assert writer.get(f"{ENTITIES}/{halte}", headers={"link": link}).json() == stop(halte)


def test_6_3_4_an_unsupported_body_is_refused_with_what_is_supported(writer: httpx2.Client) -> None:
    response = writer.post(ENTITIES, content=b"<a/>", headers={"content-type": "application/xml"})
    assert response.status_code == 415
    assert "application/json or application/ld+json" in response.json()["detail"]


def test_an_unacceptable_answer_is_refused(writer: httpx2.Client, halte: str) -> None:
    assert writer.get(f"{ENTITIES}/{halte}", headers={"accept": "application/xml"}).status_code == 406


def test_what_is_written_is_there_after_the_hub_was_asked_by_another_connection(
    served: Served, writer: httpx2.Client, halte: str
) -> None:
    with served.client(authorization=writer.headers["authorization"]) as other:
        assert other.get(f"{ENTITIES}/{halte}").json()["id"] == halte
