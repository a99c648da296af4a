"""Subscriptions to registrations as documents, and what they are told (CIM 009 §5.3.2, §5.11, §6.3.9, §6.12, §6.13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.federation.conftest import REGISTRATIONS, registration
from tests.http.conftest import API, raise_unless_problem
from tests.subscriptions.receiver import Receiver

SUBSCRIPTIONS = f"{API}/csourceSubscriptions"
ENDPOINT = "http://hub.example.org"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def document(uri: str = "http://127.0.0.1:9/kabar", **members: Any) -> dict[str, Any]:
    return {"type": "Subscription", "entities": [{"type": "Tram"}],
            "notification": {"endpoint": {"uri": uri}}, **members}  # fmt: skip


def reasons(receiver: Receiver) -> list[str]:
    return [got.body["triggerReason"] for got in receiver.accepted]


def test_5_11_2_a_subscription_to_registrations_is_made_once(here: httpx2.Client) -> None:
    sent = document(id="urn:ngsi-ld:Subscription:sekali", description="Trem")
    made = here.post(SUBSCRIPTIONS, json=sent)
    assert (made.status_code, made.headers["location"]) == (201, f"{SUBSCRIPTIONS}/{sent['id']}")
    raise_unless_problem(here.post(SUBSCRIPTIONS, json=sent), 409, "AlreadyExists")
    assert here.delete(made.headers["location"]).status_code == 204


@pytest.mark.parametrize("wrong", [
    {"type": "Langganan"}, {"entities": []}, {"notification": {}}, {"expiresAt": "2001-01-01T00:00:00Z"},
    {"temporalQ": {"timerel": "sometime"}}, {"temporalQ": None}, {"throttling": 0}, {"csf": "a=="},
])  # fmt: skip
def test_5_11_2_4_what_is_wrong_is_refused(here: httpx2.Client, wrong: dict[str, Any]) -> None:
    raise_unless_problem(here.post(SUBSCRIPTIONS, json=document(**wrong)), 400, "BadRequestData")


def test_5_11_3_a_fragment_changes_what_it_names(here: httpx2.Client) -> None:
    times = {"timerel": "before", "timeAt": "2026-01-01T00:00:00Z"}
    made = here.post(SUBSCRIPTIONS, json=document(description="lama", temporalQ=times)).headers["location"]
    change = {"description": "baru", "temporalQ": None, "entities": [{"type": "Bus"}]}
    assert here.patch(made, json=change).status_code == 204
    kept = here.get(made).json()
    assert (kept["description"], kept["entities"]) == ("baru", [{"type": "Bus"}])
    assert "temporalQ" not in kept
    raise_unless_problem(here.patch(made, json={"expiresAt": "2001-01-01T00:00:00Z"}), 400, "BadRequestData")
    raise_unless_problem(here.patch(f"{SUBSCRIPTIONS}/bukan-uri", json=change), 400, "BadRequestData")
    raise_unless_problem(here.patch(f"{SUBSCRIPTIONS}/urn:x:tiada", json=change), 404, "ResourceNotFound")
    assert here.delete(made).status_code == 204


def test_5_11_4_one_is_retrieved_and_5_11_6_deleted_by_its_id(here: httpx2.Client) -> None:
    sent = document(id="urn:ngsi-ld:Subscription:baca")
    path = here.post(SUBSCRIPTIONS, json=sent).headers["location"]
    assert here.get(path).json() == {**sent, "status": "active"}
    for method in ("GET", "DELETE"):
        raise_unless_problem(here.request(method, f"{SUBSCRIPTIONS}/bukan-uri"), 400, "BadRequestData")
        raise_unless_problem(here.request(method, f"{SUBSCRIPTIONS}/urn:x:tiada"), 404, "ResourceNotFound")
    assert here.delete(path).status_code == 204
    raise_unless_problem(here.get(path), 404, "ResourceNotFound")


def test_5_11_5_they_are_listed_in_pages(here: httpx2.Client) -> None:
    made = [here.post(SUBSCRIPTIONS, json=document()).headers["location"] for _ in range(3)]
    page = here.get(SUBSCRIPTIONS, params={"limit": 2, "count": "true"})
    rest = here.get(SUBSCRIPTIONS, params={"limit": 2, "offset": 2})
    shown = [one["id"] for one in (*page.json(), *rest.json())]
    assert shown == [path.rpartition("/")[2] for path in made]
    assert page.headers["ngsild-results-count"] == "3"
    for path in made:
        assert here.delete(path).status_code == 204


def test_5_3_3_each_reason_is_told_and_6_3_9_as_json_with_a_link(here: httpx2.Client, receiver: Receiver) -> None:
    info = [{"key": "X-Kunci", "value": "rahasia"}]
    notification = {"endpoint": {"uri": receiver.uri, "receiverInfo": info}}
    path = here.post(SUBSCRIPTIONS, json=document(notification=notification)).headers["location"]
    tram = [{"entities": [{"type": "Tram"}]}]
    made = here.post(REGISTRATIONS, json=registration(ENDPOINT, information=tram)).headers["location"]
    receiver.wait_for(1)
    assert here.patch(made, json={"description": "lain"}).status_code == 204
    receiver.wait_for(2)
    assert here.delete(made).status_code == 204
    told = receiver.wait_for(3)
    assert here.delete(path).status_code == 204
    assert reasons(receiver) == ["newlyMatching", "updated", "noLongerMatching"]
    assert {got.body["type"] for got in told} == {"ContextSourceNotification"}
    assert {got.data[0]["id"] for got in told} == {made.rpartition("/")[2]}
    assert told[0].headers["x-kunci"] == "rahasia"
    assert told[0].headers["content-type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in told[0].headers["link"]


def test_5_11_7_only_the_matching_part_of_a_registration_is_told(here: httpx2.Client, receiver: Receiver) -> None:
    parts = [{"entities": [{"type": "Tram"}]}, {"entities": [{"type": "Bus"}]}]
    made = here.post(REGISTRATIONS, json=registration(ENDPOINT, information=parts)).headers["location"]
    # What is there already is told at the beginning.
    path = here.post(SUBSCRIPTIONS, json=document(receiver.uri)).headers["location"]
    (told,) = receiver.wait_for(1)
    assert [info["entities"] for info in told.data[0]["information"]] == [[{"type": ["Tram"]}]]
    assert (here.delete(path).status_code, here.delete(made).status_code) == (204, 204)


def test_5_9_4_a_registration_is_removed_and_5_10_1_retrieved_by_its_id(here: httpx2.Client) -> None:
    path = here.post(REGISTRATIONS, json=registration(ENDPOINT)).headers["location"]
    assert here.get(path).json()["endpoint"] == ENDPOINT
    for method in ("GET", "DELETE"):
        raise_unless_problem(here.request(method, f"{REGISTRATIONS}/bukan-uri"), 400, "BadRequestData")
        raise_unless_problem(here.request(method, f"{REGISTRATIONS}/urn:x:tiada"), 404, "ResourceNotFound")
    assert here.delete(path).status_code == 204
    raise_unless_problem(here.delete(path), 404, "ResourceNotFound")


def test_5_15_1_the_identity_has_every_member_of_5_2_40(here: httpx2.Client) -> None:
    told = here.get(f"{API}/info/sourceIdentity").json()
    assert told["type"] == "ContextSourceIdentity"
    assert told["id"].startswith("urn:")
    assert told["contextSourceUptime"].startswith("PT")
    assert told["contextSourceTimeAt"].endswith("Z")
    assert told["contextSourceAlias"]


def test_5_5_13_what_is_asked_of_this_hub_alone_goes_to_no_source(here: httpx2.Client) -> None:
    """The source is a port that nothing listens on: whoever asks it is warned."""
    path = here.post(REGISTRATIONS, json=registration("http://127.0.0.1:9")).headers["location"]
    asked = {"type": "BusStop"}
    assert "ngsild-warning" in here.get(f"{API}/entities", params=asked).headers
    for resource in ("entities", "types", "attributes"):
        answer = here.get(
            f"{API}/{resource}", params={**asked, "local": "true"} if resource == "entities" else {"local": "true"}
        )
        assert answer.status_code == 200
        assert "ngsild-warning" not in answer.headers
    assert here.delete(path).status_code == 204
