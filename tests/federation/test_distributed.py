"""Reads and writes across two hubs, in every mode (CIM 009 §4.3.6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, stop, value
from tests.http.conftest import API, Served, raise_unless_problem

BATCHES = f"{API}/entityOperations"
ALL = ["redirectionOps", "createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch", "queryBatch"]


@pytest.fixture(autouse=True)
def _empty(here: httpx2.Client, there: httpx2.Client) -> Iterator[None]:
    """Leave no bus stop behind in either hub."""
    yield
    for client in (here, there):
        ids = [one["id"] for one in client.get(f"{ENTITIES}?type=BusStop&local=true&limit=1000").json()]
        if ids:
            client.post(f"{BATCHES}/delete?local=true", json=ids)


def path(name: str) -> str:
    return f"{ENTITIES}/urn:ngsi-ld:BusStop:{name}"


def test_5_7_1_an_entity_of_another_hub_is_retrieved(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(ENTITIES, json=stop("a", name=value("Agam")))
    register()
    assert here.get(path("a")).json()["name"]["value"] == "Agam"
    assert here.get(path("a") + "?local=true").status_code == 404
    assert here.get(path("b")).status_code == 404


def test_4_5_5_the_latest_value_is_told_and_both_hubs_contribute(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    here.post(ENTITIES, json=stop("a", level=value(1, observedAt="2026-01-02T00:00:00Z"), roof=value(True)))
    there.post(ENTITIES, json=stop("a", level=value(2, observedAt="2026-01-01T00:00:00Z"), bench=value(4)))
    register()
    told = here.get(path("a") + "?options=keyValues").json()
    assert told == {"id": "urn:ngsi-ld:BusStop:a", "type": "BusStop", "level": 1, "roof": True, "bench": 4}
    there.patch(path("a") + "/attrs", json={"level": value(3, observedAt="2026-01-03T00:00:00Z")})
    assert here.get(path("a") + "?options=keyValues").json()["level"] == 3


def test_4_3_6_2_an_auxiliary_source_only_supplements(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(ENTITIES, json=stop("a", level=value(2, observedAt="2030-01-01T00:00:00Z"), bench=value(4)))
    here.post(ENTITIES, json=stop("a", level=value(1)))
    register(mode="auxiliary")
    told = here.get(path("a") + "?options=keyValues").json()
    assert (told["level"], told["bench"]) == (1, 4)
    here.patch(path("a") + "/attrs", json={"level": value(5)})
    assert there.get(path("a")).json()["level"]["value"] == 2


def test_5_7_2_a_query_finds_what_both_hubs_have(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    here.post(ENTITIES, json=stop("a", level=value(1)))
    there.post(
        f"{BATCHES}/create", json=[stop("a", bench=value(4)), stop("b", level=value(9)), stop("c", level=value(2))]
    )
    register()
    found = {one["id"][-1]: one for one in here.get(f"{ENTITIES}?type=BusStop&options=keyValues").json()}
    assert set(found) == {"a", "b", "c"}
    assert (found["a"]["level"], found["a"]["bench"]) == (1, 4)
    assert [one["id"][-1] for one in here.get(f"{ENTITIES}?type=BusStop&q=level>5").json()] == ["b"]
    assert [one["id"][-1] for one in here.get(f"{ENTITIES}?type=BusStop&local=true").json()] == ["a"]
    page = here.get(f"{ENTITIES}?type=BusStop&limit=2&offset=2&count=true")
    assert (len(page.json()), page.headers["ngsild-results-count"]) == (1, "3")
    posted = here.post(f"{BATCHES}/query", json={"type": "Query", "entities": [{"type": "BusStop"}], "q": "level>5"})
    assert [one["id"][-1] for one in posted.json()] == ["b"]


def test_4_3_6_1_a_source_tells_only_what_it_is_registered_for(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(ENTITIES, json=stop("a", level=value(2), secret=value("x")))
    register(information=[{"entities": [{"type": "BusStop"}], "propertyNames": ["level"]}])
    assert set(here.get(path("a")).json()) == {"id", "type", "level"}


def test_4_3_6_3_an_exclusive_source_alone_holds_its_attributes(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(ENTITIES, json=stop("a"))
    here.post(ENTITIES, json=stop("a", roof=value(True)))
    information = [{"entities": [{"id": "urn:ngsi-ld:BusStop:a", "type": "BusStop"}], "propertyNames": ["level"]}]
    register(mode="exclusive", operations=["redirectionOps"], information=information)
    assert here.patch(path("a") + "/attrs", json={"level": value(7), "roof": value(False)}).status_code == 204
    assert there.get(path("a") + "?options=keyValues").json() == {
        "id": "urn:ngsi-ld:BusStop:a", "type": "BusStop", "level": 7,
    }  # fmt: skip
    assert "level" not in here.get(path("a") + "?local=true").json()
    told = here.get(path("a") + "?options=keyValues").json()
    assert (told["level"], told["roof"]) == (7, False)


def test_5_6_1_a_redirect_keeps_nothing_here(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    register(mode="redirect", operations=ALL)
    assert here.post(ENTITIES, json=stop("a", level=value(1))).status_code == 201
    assert here.get(path("a") + "?local=true").status_code == 404
    assert there.get(path("a")).status_code == 200
    assert here.patch(path("a"), json={"level": value(2)}).status_code == 204
    assert here.patch(path("a") + "/attrs/level", json={"value": 3}).status_code == 204
    assert there.get(path("a")).json()["level"]["value"] == 3
    assert here.delete(path("a") + "/attrs/level").status_code == 204
    assert here.put(path("a"), json=stop("a", roof=value(True))).status_code == 204
    assert set(there.get(path("a")).json()) == {"id", "type", "roof"}
    assert here.delete(path("a")).status_code == 204
    assert there.get(path("a")).status_code == 404


def test_5_6_1_an_operation_that_a_redirect_lacks_is_a_conflict(here: httpx2.Client, register: Register) -> None:
    register(mode="redirect", operations=["retrieveOps"])
    raise_unless_problem(here.post(ENTITIES, json=stop("a", level=value(1))), 409, "Conflict")
    assert here.get(path("a") + "?local=true").status_code == 404


def test_6_3_17_what_succeeds_only_in_parts_is_told(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(ENTITIES, json=stop("a"))
    register(operations=["redirectionOps"])
    response = here.post(ENTITIES, json=stop("a", level=value(1)))
    assert response.status_code == 207
    (error,) = response.json()["errors"]
    assert (response.json()["success"], error["error"]["status"]) == (["urn:ngsi-ld:BusStop:a"], 409)
    assert error["registrationId"].startswith("urn:ngsi-ld:ContextSourceRegistration:")


def test_5_6_7_a_batch_is_shared_out(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    register(mode="redirect", operations=ALL)
    batch = [stop("a", level=value(1)), {"id": "urn:ngsi-ld:Tree:1", "type": "Tree"}]
    assert here.post(f"{BATCHES}/create", json=batch).status_code == 201
    assert [one["id"] for one in there.get(f"{ENTITIES}?type=BusStop,Tree").json()] == ["urn:ngsi-ld:BusStop:a"]
    assert here.post(f"{BATCHES}/upsert", json=[stop("a", level=value(2)), stop("b")]).status_code == 201
    assert here.post(f"{BATCHES}/merge", json=[stop("a", roof=value(True))]).status_code == 204
    assert here.post(f"{BATCHES}/update", json=[stop("a", level=value(3))]).status_code == 204
    assert there.get(path("a") + "?options=keyValues").json()["level"] == 3
    ids = ["urn:ngsi-ld:BusStop:a", "urn:ngsi-ld:BusStop:b", "urn:ngsi-ld:Tree:1"]
    assert here.post(f"{BATCHES}/delete", json=ids).status_code == 204
    assert there.get(path("a")).status_code == 404


def test_4_3_6_4_two_hubs_that_name_each_other_do_not_go_round(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(operations=["redirectionOps"])
    url = str(here.base_url).rstrip("/")
    back = there.post(REGISTRATIONS, json=registration(url, operations=["redirectionOps"])).headers["location"]
    assert here.post(ENTITIES, json=stop("a", level=value(1))).status_code == 201
    assert here.get(path("a")).json()["level"]["value"] == 1
    assert len(here.get(f"{ENTITIES}?type=BusStop").json()) == 1
    assert there.get(path("a") + "?local=true").status_code == 200
    there.delete(back)


def test_6_3_17_a_source_that_is_down_is_warned_of(here: httpx2.Client, free_port: int) -> None:
    made = here.post(REGISTRATIONS, json=registration(f"http://127.0.0.1:{free_port}")).headers["location"]
    here.post(ENTITIES + "?local=true", json=stop("a", level=value(1)))
    response = here.get(path("a"))
    assert response.status_code == 200
    assert response.headers["ngsild-warning"].startswith("199 ")
    assert here.get(made).json()["status"] == "failed"
    here.delete(made)


def test_4_3_6_5_what_a_source_is_to_be_told_is_told(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    there.post(f"{ENTITIES}", json=stop("a", level=value(1)), headers={"NGSILD-Tenant": "bukittinggi"})
    register(tenant="bukittinggi", contextSourceInfo=[{"key": "Prefer", "value": "body=json"}])
    assert here.get(path("a")).json()["level"]["value"] == 1


def test_4_3_6_6_what_is_sent_conforms_to_the_version_that_the_source_has(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    version = [{"key": "ngsildConformance", "value": "1.3"}]
    register(contextSourceInfo=version, mode="redirect", operations=["redirectionOps"])
    words = {"type": "LanguageProperty", "languageMap": {"id": "Pasar", "en": "Market"}}
    made = here.post(ENTITIES, json=stop("lama", sebutan=words, scope="/barat", seats=value(4)))
    assert made.status_code == 201, made.text
    kept = there.get(path("lama")).json()
    assert kept["sebutan"] == {"type": "Property", "value": {"id": "Pasar", "en": "Market"}}
    assert "scope" not in kept
    more = {"nama": {"type": "VocabProperty", "vocab": "besar"}}
    assert here.post(f"{path('lama')}/attrs", json=more).status_code == 204
    assert there.get(path("lama")).json()["nama"] == {"type": "Property", "value": "besar"}
    # A change of one attribute is told in that version, too, whole or in part.
    shop = {"type": "LanguageProperty", "languageMap": {"id": "Toko"}}
    assert here.put(f"{path('lama')}/attrs/sebutan", json=shop).status_code == 204
    assert there.get(path("lama")).json()["sebutan"] == {"type": "Property", "value": {"id": "Toko"}}
    assert here.patch(f"{path('lama')}/attrs/seats", json={"value": 5, "valueType": "int"}).status_code == 204
    assert there.get(path("lama")).json()["seats"] == value(5)
    assert there.delete(path("lama")).status_code == 204


def test_5_7_11_types_and_attributes_of_both_hubs_are_told(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    here.post(ENTITIES, json=stop("a", level=value(1)))
    there.post(f"{BATCHES}/create", json=[stop("b", bench=value(4)), {"id": "urn:ngsi-ld:Tree:1", "type": "Tree"}])
    register()
    assert here.get(f"{API}/types").json()["typeList"] == ["BusStop"]
    told = here.get(f"{API}/types/BusStop").json()
    assert told["entityCount"] == 2
    assert {one["attributeName"] for one in told["attributeDetails"]} == {"level", "bench"}
    assert set(here.get(f"{API}/attributes").json()["attributeList"]) == {"level", "bench"}
    (described,) = here.get(f"{API}/types?details=true").json()
    assert described["attributeNames"] == ["bench", "level"]
    assert here.get(f"{API}/attributes/bench").json()["typeNames"] == ["BusStop"]
    assert here.get(f"{API}/attributes/bench?local=true").status_code == 404
    there.delete(f"{ENTITIES}/urn:ngsi-ld:Tree:1")


def test_5_11_7_a_subscriber_is_told_of_registrations(
    here: httpx2.Client, there: httpx2.Client, city: Served, register: Register
) -> None:
    """Let the neighbour's hub, which takes any JSON that is posted to it, count as the receiver."""
    sent = {
        "type": "Subscription",
        "entities": [{"type": "BusStop"}],
        "notification": {"endpoint": {"uri": str(there.base_url).rstrip("/") + "/version"}},
    }
    made = here.post(f"{API}/csourceSubscriptions", json=sent)
    assert made.status_code == 201, made.text
    register()
    told = await_told(here, made.headers["location"])
    assert told["notification"]["timesSent"] == 1
    assert told["status"] == "active"
    assert [one["id"] for one in here.get(f"{API}/csourceSubscriptions").json()] == [told["id"]]
    assert here.patch(made.headers["location"], json={"isActive": False}).status_code == 204
    assert here.get(made.headers["location"]).json()["status"] == "paused"
    assert here.delete(made.headers["location"]).status_code == 204
    raise_unless_problem(here.get(made.headers["location"]), 404, "ResourceNotFound")


def await_told(client: httpx2.Client, place: str) -> dict[str, Any]:
    """Return the subscription once a notification of it was tried."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        told: dict[str, Any] = client.get(place).json()
        if "timesSent" in told["notification"]:
            return told
    raise AssertionError("nothing was sent")


def test_5_6_21_a_purge_reaches_the_sources_that_offer_it(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    for client in (here, there):
        for number in ("p1", "p2"):
            body = stop(number, seats={"type": "Property", "value": int(number[1])})
            assert client.post(ENTITIES, json=body).status_code == 201
    offered = register(operations=["purgeEntity", "retrieveEntity"])
    assert here.delete(ENTITIES, params={"type": "BusStop", "q": "seats==1"}).status_code == 204
    assert there.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:p1").status_code == 404
    assert there.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:p2").status_code == 200
    # What is for this hub alone, or not offered, stays there.
    assert here.delete(ENTITIES, params={"local": "true"}).status_code == 204
    here.delete(offered)
    register(operations=["retrieveEntity"])
    assert here.delete(ENTITIES, params={"type": "BusStop"}).status_code == 204
    assert there.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:p2").status_code == 200
    there.delete(f"{ENTITIES}/urn:ngsi-ld:BusStop:p2")


def test_5_2_16_a_purge_tells_which_source_failed(here: httpx2.Client, free_port: int) -> None:
    body = registration(f"http://127.0.0.1:{free_port}", operations=["purgeEntity"])
    made = here.post(REGISTRATIONS, json=body)
    assert here.post(ENTITIES, json=stop("p3")).status_code == 201
    response = here.delete(ENTITIES, params={"type": "BusStop"})
    here.delete(made.headers["location"])
    assert response.status_code == 207
    assert response.json()["success"] == ["urn:ngsi-ld:BusStop:p3"]
    (error,) = response.json()["errors"]
    assert error["registrationId"] == made.headers["location"].rpartition("/")[2]


def test_4_17_a_type_that_is_asked_for_holds_beside_sources_too(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    """The source has the seats of the entity, the hub itself the rest."""
    for client in (here, there):
        assert client.post(ENTITIES, json=stop("t1", lines={"type": "Property", "value": 1})).status_code == 201
    register(operations=["updateOps", "retrieveOps", "deleteEntity"])
    path = f"{ENTITIES}/urn:ngsi-ld:BusStop:t1"
    for method, below, body in (("PATCH", "", {"lines": 2}), ("PATCH", "/attrs", {"lines": 2}), ("DELETE", "", None)):
        here.request(method, path + below, params={"type": "Depot"}, json=body)
        assert here.get(path, params={"local": "true"}).json()["lines"]["value"] == 1
        assert there.get(path).json()["lines"]["value"] == 1
    for client in (here, there):
        client.delete(path, params={"local": "true"})


def test_4_5_2_lineage_is_told_of_what_this_hub_has_itself(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    here.post(ENTITIES, json=stop("a", roof=value(True), level=value(1, observedAt="2026-01-01T00:00:00Z")))
    there.post(ENTITIES, json=stop("a", bench=value(4), level=value(2, observedAt="2026-01-02T00:00:00Z")))
    register()
    for told in (
        here.get(path("a") + "?lineage=true").json(),
        *here.get(f"{ENTITIES}?type=BusStop&lineage=true").json(),
    ):
        assert told["roof"]["lineage"]["json"]["origin"] == "api"
        assert "lineage" not in told["bench"]
        assert (told["level"]["value"], "lineage" in told["level"]) == (2, False)


CORE_BEFORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"


def test_6_3_19_headers_of_a_source_are_told_and_none_of_the_hubs_own_is_overridden(
    here: httpx2.Client, answering: Any
) -> None:
    answering.answer = (200, b"[]")
    info = {
        "X-Dinas": "perhubungan", "X-Petugas": "urn:ngsi-ld:request", "X-Tiada": "urn:ngsi-ld:request",
        "NGSILD-Tenant": "lain", "Content-Length": "7", "jsonldContext": CORE_BEFORE,
    }  # fmt: skip
    pairs = [{"key": key, "value": told} for key, told in info.items()]
    made = here.post(REGISTRATIONS, json=registration(answering.url, tenant="padang", contextSourceInfo=pairs))
    assert made.status_code == 201, made.text
    assert here.get(f"{ENTITIES}?type=BusStop", headers={"X-Petugas": "Siti"}).status_code == 200
    told = answering.told
    assert (told["x-dinas"], told["x-petugas"], told["ngsild-tenant"]) == ("perhubungan", "Siti", "padang")
    assert "x-tiada" not in told
    assert told.get("content-length", "0") == "0"
    assert told["link"].startswith(f"<{CORE_BEFORE}>;")
    here.delete(made.headers["location"])
