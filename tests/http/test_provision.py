"""What may be written: names, identifiers, scopes, members of each kind of attribute (CIM 009 §4.5 to §4.18, §5.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, raise_unless_problem

ENTITIES = f"{API}/entities"
ID = "urn:ngsi-ld:Halte:aturan"


@pytest.fixture(autouse=True)
def clean(writer: httpx2.Client) -> Iterator[None]:
    yield
    writer.delete(f"{ENTITIES}/{ID}")


def create(writer: httpx2.Client, **members: Any) -> httpx2.Response:
    return writer.post(ENTITIES, json={"id": ID, "type": "Halte", **members})


def read(writer: httpx2.Client) -> dict[str, Any]:
    response = writer.get(f"{ENTITIES}/{ID}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"scope": "9buruk"}, id="4.18-digit"),
        pytest.param({"scope": "a-b"}, id="4.18-dash"),
        pytest.param({"scope": "/a//b"}, id="4.18-empty-level"),
        pytest.param({"scope": ["/baik", "9buruk"]}, id="4.18-one-of-several"),
        pytest.param({"scope": "urn:ngsi-ld:null"}, id="4.18-null"),
        pytest.param({"type": "9Halte"}, id="4.6.2-type"),
        pytest.param({"9nama": {"type": "Property", "value": 1}}, id="4.6.2-attribute"),
        pytest.param({"..": {"type": "Property", "value": 1}}, id="4.6.2-dots"),
        pytest.param({"instanceId": {"type": "Property", "value": 1}}, id="4.5.1-instanceId"),
        pytest.param({"previousValue": {"type": "Property", "value": 1}}, id="4.5.1-previousValue"),
        pytest.param({"entity": {"type": "Property", "value": 1}}, id="4.5.1-entity"),
        pytest.param({"location": {"type": "Property", "value": 7}}, id="4.7.1-location"),
        pytest.param({"location": 7}, id="4.7.1-concise-location"),
        pytest.param({"observationSpace": {"object": "urn:x:1"}}, id="4.7.1-observationSpace"),
        pytest.param({"nama": {"type": "Property", "value": 1, "previousValue": 0}}, id="4.5.2.2-previousValue"),
        pytest.param({"nama": {"object": "urn:x:1", "previousObject": "urn:x:0"}}, id="4.5.3.2-previousObject"),
        pytest.param({"nama": {"type": "Property", "value": 1, "entityIdSealed": "urn:x:1"}}, id="4.5.2.2-sealed"),
        pytest.param({"ngsildproof": {"type": "Property", "value": "bukan objek"}}, id="4.5.2.2-proof"),
        pytest.param({"ngsildproof": {"object": "urn:x:1"}}, id="4.5.2.2-proof-kind"),
        pytest.param({"ngsildproof": {"value": {}, "entityIdSealed": 3}}, id="4.5.2.2-sealed-number"),
        pytest.param({"nama": {"type": "JsonProperty", "json": {"a": 1}, "unitCode": "MTR"}}, id="4.5.24-unitCode"),
        pytest.param({"nama": {"type": "JsonProperty", "json": 5}}, id="4.5.24-scalar"),
        pytest.param({"nama": {"type": "JsonProperty", "json": "x"}}, id="4.5.24-text"),
        pytest.param({"nama": {"languageMap": {"id": "x"}, "valueType": "xsd:string"}}, id="5.2.32-valueType"),
        pytest.param({"nama": [{"value": 1}, {"value": 2, "datasetId": "@none"}]}, id="4.5.5.1-two-defaults"),
        pytest.param({"id": "urn:ngsi-ld:null"}, id="5.5.4-id"),
        *(
            pytest.param({"id": f"urn:ngsi-ld:Halte:A{chr(code)}B"}, id=f"4.5.1-U+{code:04X}")
            for code in (0x202E, 0x200B, 0xFEFF, 0x2028, 0xA0, 0xFE0F, 0xE0100, 0xFDD0, 0xFFFE, 0x115F, 0x3164,
                         0xFFA0, 0x2800, 0x85, 0xE000, 0x1FFFE, 0x10FFFD)
        ),
    ],
)  # fmt: skip
def test_what_the_data_model_forbids_is_bad_data_and_nothing_is_kept(
    writer: httpx2.Client, members: dict[str, Any]
) -> None:
    raise_unless_problem(create(writer, **members), 400, "BadRequestData")
    assert writer.get(f"{ENTITIES}/{ID}").status_code == 404


@pytest.mark.parametrize(
    "members",
    [
        {"scope": "/Madrid/Gardens/ParqueNorte"},
        {"scope": ["Kota_1/Timur2", "/Škola"]},
        {"type": "Škola", "výška_1": 3},
        {"nama": {"object": "urn:ngsi-ld:Ciudad:París"}},
        {"nama": {"languageMap": {"id": "x", "en": ["a", "b"]}, "valueType": "langString"}},
        {"nama": {"json": [{"a": 1}], "observedAt": "2026-01-01T00:00:00Z"}},
        {"nama": {"value": 1, "location": {"type": "Property", "value": "di sini"}}},
        {"createdAt": "2020-01-01T00:00:00Z", "modifiedAt": "x", "nama": 1},
    ],
)
def test_what_the_data_model_allows_is_kept(writer: httpx2.Client, members: dict[str, Any]) -> None:
    response = create(writer, **members)
    assert response.status_code == 201, response.text
    shown = read(writer)
    assert shown.get("scope", members.get("scope")) == members.get("scope")
    assert "nama" in shown or "nama" not in members


def test_4_5_5_1_the_default_instance_may_be_named_and_never_is(writer: httpx2.Client) -> None:
    other = {"type": "Property", "value": 2, "datasetId": "urn:ngsi-ld:Dataset:2"}
    assert create(writer, nama=[{"type": "Property", "value": 1, "datasetId": "@none"}, other]).status_code == 201
    assert read(writer)["nama"] == [{"type": "Property", "value": 1}, other]


def test_4_5_2_2_a_proof_keeps_what_it_sealed_as_it_is(writer: httpx2.Client) -> None:
    proof = {
        "type": "Property",
        "value": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofValue": "zQeVb"},
        "entityIdSealed": ID,
        "entityTypeSealed": "Halte",
    }
    body = {"id": ID, "type": "Halte", "ngsildproof": proof}
    response = writer.post(ENTITIES, json=body, headers={"link": CONTEXT_LINK})
    assert response.status_code == 201, response.text
    under_it = writer.get(f"{ENTITIES}/{ID}", headers={"link": CONTEXT_LINK}).json()
    assert under_it["ngsildproof"] == proof
    # The sealed type is a name like any other.
    assert read(writer)["ngsildproof"]["entityTypeSealed"] == "https://kota.example.org/Halte"
    concise = writer.get(f"{ENTITIES}/{ID}?format=concise", headers={"link": CONTEXT_LINK}).json()
    assert concise["ngsildproof"]["entityIdSealed"] == ID


def test_4_7_1_a_location_may_be_deleted_by_a_patch(writer: httpx2.Client) -> None:
    assert create(writer, location={"type": "Point", "coordinates": [100.3, -0.9]}).status_code == 201
    assert writer.patch(f"{ENTITIES}/{ID}", json={"location": "urn:ngsi-ld:null"}).status_code == 204
    assert "location" not in read(writer)


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
def test_5_6_7_4_a_null_in_a_batch_refuses_all_of_it(writer: httpx2.Client, operation: str) -> None:
    good = ID if operation == "delete" else {"id": ID, "type": "Halte"}
    response = writer.post(f"{API}/entityOperations/{operation}", json=[good, None])
    raise_unless_problem(response, 400, "BadRequestData")
    assert writer.get(f"{ENTITIES}/{ID}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", {"type": "Halte", "nama": 2}),
        ("PATCH", "", {"nama": 2}),
        ("POST", "/attrs", {"nama": 2}),
        ("PATCH", "/attrs", {"nama": 2}),
        ("PATCH", "/attrs/nama", {"value": 2}),
        ("PUT", "/attrs/nama", {"type": "Property", "value": 2}),
        ("DELETE", "/attrs/nama", None),
        ("DELETE", "", None),
    ],
)
def test_4_17_a_type_that_is_asked_for_has_to_be_the_entitys(
    writer: httpx2.Client, method: str, path: str, body: Any
) -> None:
    assert create(writer, nama={"type": "Property", "value": 1}).status_code == 201
    url = f"{ENTITIES}/{ID}{path}"
    refused = writer.request(method, url, params={"type": "Juru"}, json=body)
    raise_unless_problem(refused, 404, "ResourceNotFound")
    assert read(writer)["nama"]["value"] == 1
    # Names of types are read under the request's @context, like all others.
    other = writer.request(method, url, params={"type": "Halte"}, json=body, headers={"link": CONTEXT_LINK})
    raise_unless_problem(other, 404, "ResourceNotFound")
    done = writer.request(method, url, params={"type": "Juru,Halte"}, json=body)
    assert done.status_code == 204, done.text


@pytest.mark.parametrize("name", ["%2e", "%2e%2e", "%252e%252e", "9", "-"])
def test_5_6_5_4_what_names_no_attribute_is_bad_data(writer: httpx2.Client, name: str) -> None:
    assert create(writer, nama=1).status_code == 201
    for path in (f"{ENTITIES}/{ID}/attrs/{name}", f"{API}/temporal/entities/{ID}/attrs/{name}"):
        # The client would resolve dots by itself.
        request = writer.build_request("DELETE", path)
        raise_unless_problem(writer.send(request), 400, "BadRequestData")
    assert read(writer)["nama"]["value"] == 1
