"""Who may do what over HTTP: anonymous callers, tokens, and cities that cannot reach each other."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from simpul.app import identity
from tests.http.conftest import API, OTHER_TENANT, Served, raise_unless_problem, serve, stop

ENTITIES = f"{API}/entities"
PERSON = {"id": "urn:ngsi-ld:Person:1371", "type": "Person", "nama": {"type": "Property", "value": "Siti"}}


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put one public entity and one personal one."""
    batch = [stop("urn:ngsi-ld:Halte:public"), PERSON]
    assert writer.post(f"{API}/entityOperations/create", json=batch).status_code == 201
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in batch])


def test_anyone_reads_what_the_city_declares_public(anonymous: httpx2.Client) -> None:
    assert anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Halte:public").status_code == 200
    assert [one["id"] for one in anonymous.get(f"{ENTITIES}?type=Halte").json()] == ["urn:ngsi-ld:Halte:public"]


def test_a_person_is_no_more_told_of_than_nobody(anonymous: httpx2.Client) -> None:
    there = anonymous.get(f"{ENTITIES}/{PERSON['id']}")
    nobody = anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Person:0000")
    assert there.status_code == nobody.status_code == 401
    assert there.json() == nobody.json()
    assert there.headers["www-authenticate"].startswith("Bearer")


def test_a_question_about_persons_alone_is_refused(anonymous: httpx2.Client) -> None:
    response = anonymous.get(f"{ENTITIES}?type=Person&count=true")
    assert response.status_code == 401
    assert "ngsild-results-count" not in response.headers


@pytest.mark.parametrize(
    "asked", ["attrs=nama", "q=nama", "idPattern=.*", "local=true", "type=Halte,Person", "scopeQ=/x"]
)
def test_no_question_shows_or_counts_a_person(anonymous: httpx2.Client, asked: str) -> None:
    response = anonymous.get(f"{ENTITIES}?{asked}&count=true")
    assert response.status_code == 200
    assert "Person" not in response.text
    assert response.headers["ngsild-results-count"] == str(len(response.json()))


def test_a_question_by_post_shows_no_person(anonymous: httpx2.Client) -> None:
    others = [{"idPattern": "Person", "type": "*"}, {"id": PERSON["id"], "type": "*"}]
    body = {"type": "Query", "entities": [{"type": "Halte"}, *others]}
    response = anonymous.post(f"{API}/entityOperations/query?count=true", json=body)
    assert [one["type"] for one in response.json()] == ["Halte"]
    assert response.headers["ngsild-results-count"] == "1"


def test_no_list_of_kinds_names_a_person(anonymous: httpx2.Client, writer: httpx2.Client) -> None:
    for path in ("types", "types?details=true", "attributes?details=true"):
        assert "Person" in writer.get(f"{API}/{path}").text
        assert "Person" not in anonymous.get(f"{API}/{path}").text
    raise_unless_problem(anonymous.get(f"{API}/types/Person"), 404, "ResourceNotFound")
    assert "Person" not in anonymous.get(f"{API}/attributes/nama").text


def test_no_history_tells_of_a_person(anonymous: httpx2.Client, writer: httpx2.Client) -> None:
    path = f"{API}/temporal/entities/{PERSON['id']}"
    assert writer.get(path).status_code == 200
    assert anonymous.get(path).status_code == 401


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "entities"), ("PUT", "entities/urn:ngsi-ld:Halte:public"), ("PATCH", "entities/urn:ngsi-ld:Halte:public"),
    ("DELETE", "entities/urn:ngsi-ld:Halte:public"), ("POST", "entities/urn:ngsi-ld:Halte:public/attrs"),
    ("PATCH", "entities/urn:ngsi-ld:Halte:public/attrs"), ("PUT", "entities/urn:ngsi-ld:Halte:public/attrs/nama"),
    ("PATCH", "entities/urn:ngsi-ld:Halte:public/attrs/nama"),
    ("DELETE", "entities/urn:ngsi-ld:Halte:public/attrs/nama"), ("POST", "entityOperations/create"),
    ("POST", "entityOperations/upsert"), ("POST", "entityOperations/update"), ("POST", "entityOperations/merge"),
    ("POST", "entityOperations/delete"),
])  # fmt: skip
def test_writing_needs_a_token_and_changes_nothing_without(
    served: Served, anonymous: httpx2.Client, method: str, path: str
) -> None:
    before = anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Halte:public").json()
    body = {"content-type": "application/json"} if method != "DELETE" else {}
    response = anonymous.request(method, f"{API}/{path}", content=b"{", headers=body)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="simpul"'
    with served.client(authorization=f"Bearer {served.token('reader')}") as reader:
        assert reader.request(method, f"{API}/{path}", content=b"{", headers=body).status_code == 403
    assert anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Halte:public").json() == before


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 5_000])
def test_a_credential_that_is_wrong_is_not_taken_for_none(served: Served, authorization: str) -> None:
    with served.client(authorization=authorization) as client:
        for path in ("entities?type=Halte", "entities/urn:ngsi-ld:Halte:public", "types"):
            response = client.get(f"{API}/{path}")
            assert response.status_code == 401
            assert authorization[7:40] not in response.text or not authorization[7:]


def test_a_revoked_token_ends_at_once(served: Served) -> None:
    operator = identity.operator("padang")
    token, secret = served.run(lambda: identity.create_token(operator, served.hub, "short", ("reader",), 1))
    with served.client(authorization=f"Bearer {secret}") as client:
        assert client.get(f"{ENTITIES}/{PERSON['id']}").status_code == 200
        served.run(lambda: identity.revoke_token(operator, served.hub, token.id))
        assert client.get(f"{ENTITIES}/{PERSON['id']}").status_code == 401


def test_a_city_does_not_see_its_neighbour(served: Served, writer: httpx2.Client) -> None:
    """CIM 009 §4.14."""
    token = served.token("integrator", tenant=OTHER_TENANT)
    with served.client(authorization=f"Bearer {token}", ngsild_tenant=OTHER_TENANT) as neighbour:
        assert neighbour.get(f"{ENTITIES}?type=Halte,Person").json() == []
        raise_unless_problem(neighbour.get(f"{ENTITIES}/urn:ngsi-ld:Halte:public"), 404, "ResourceNotFound")
        raise_unless_problem(neighbour.delete(f"{ENTITIES}/urn:ngsi-ld:Halte:public"), 404, "ResourceNotFound")
        assert neighbour.post(ENTITIES, json=stop("urn:ngsi-ld:Halte:public")).status_code == 201
        assert neighbour.delete(f"{ENTITIES}/urn:ngsi-ld:Halte:public").status_code == 204
        assert neighbour.get(f"{API}/types").json()["typeList"] == []
    assert writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:public").status_code == 200


def test_a_token_of_one_city_opens_no_other(served: Served, writer: httpx2.Client) -> None:
    response = writer.get(f"{ENTITIES}?type=Halte", headers={"ngsild-tenant": OTHER_TENANT})
    assert response.status_code == 401


def test_what_one_city_declares_public_is_not_public_in_another(anonymous: httpx2.Client) -> None:
    assert anonymous.get(f"{ENTITIES}?type=Halte", headers={"ngsild-tenant": OTHER_TENANT}).status_code == 401


@pytest.mark.parametrize("tenant", ["nowhere", "../padang", "padang/../x", "PADANG", "é", "a" * 300])
def test_a_city_that_is_not_here_is_told(anonymous: httpx2.Client, tenant: str) -> None:
    headers = {b"ngsild-tenant": tenant.encode()}
    response = anonymous.get(f"{ENTITIES}?type=Halte", headers=headers)
    raise_unless_problem(response, 404, "NonexistentTenant")
    raise_unless_problem(anonymous.post(ENTITIES, json={}, headers=headers), 404, "NonexistentTenant")


def test_the_tenant_is_echoed_when_it_was_named(anonymous: httpx2.Client) -> None:
    """CIM 009 §6.3.14."""
    named = anonymous.get(f"{ENTITIES}?type=Halte", headers={"ngsild-tenant": "padang"})
    assert (named.status_code, named.headers["ngsild-tenant"]) == (200, "padang")
    assert "ngsild-tenant" not in anonymous.get(f"{ENTITIES}?type=Halte").headers
    refused = anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Halte:0", headers={"ngsild-tenant": "padang"})
    assert (refused.status_code, refused.headers["ngsild-tenant"]) == (404, "padang")


def test_a_trusted_network_is_open_when_the_operator_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("open")
    for served in serve(folder, open_access=True, create_tenants=True):
        with served.client() as client:
            assert client.post(ENTITIES, json=PERSON).status_code == 201
            assert client.get(f"{ENTITIES}/{PERSON['id']}").status_code == 200
            headers = {"ngsild-tenant": "pariaman"}
            raise_unless_problem(client.get(f"{ENTITIES}?type=A", headers=headers), 404, "NonexistentTenant")
            assert client.post(ENTITIES, json=PERSON, headers=headers).status_code == 201
            assert len(client.get(f"{ENTITIES}?type=Person", headers=headers).json()) == 1
