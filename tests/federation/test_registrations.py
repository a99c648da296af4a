"""Registrations of other sources: made, read, found, changed and removed (CIM 009 §5.9, §5.10)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul.app import identity, registrations, source_subscriptions
from simpul.domain.context import CORE
from simpul.main import open_hub
from simpul.settings import Settings
from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, value
from tests.http.conftest import CONTEXT_LINK, TENANT, raise_unless_problem

ENDPOINT = "http://hub.example.org"
SPEED = [{"entities": [{"id": "urn:ngsi-ld:Bus:1", "type": "Bus"}], "propertyNames": ["speed"]}]


def test_5_9_2_a_registration_is_kept_and_told_as_it_was_sent(here: httpx2.Client) -> None:
    sent = registration(ENDPOINT, mode="redirect", operations=["redirectionOps"], tenant="agam", kota="Agam")
    sent["information"] = [{"entities": [{"idPattern": "^urn:x", "type": "Tram"}], "propertyNames": ["a"]}]
    made = here.post(REGISTRATIONS, json=sent)
    assert made.status_code == 201
    told = here.get(made.headers["location"]).json()
    assert {**sent, "id": told["id"]} == told
    assert here.delete(made.headers["location"]).status_code == 204
    assert here.get(made.headers["location"]).status_code == 404


def test_5_9_2_names_are_those_of_the_context(here: httpx2.Client) -> None:
    sent = registration(ENDPOINT, information=[{"entities": [{"type": "Halte"}], "propertyNames": ["nama"]}])
    made = here.post(REGISTRATIONS, json=sent, headers={"link": CONTEXT_LINK})
    info = here.get(made.headers["location"]).json()["information"][0]
    assert info["entities"][0]["type"] == "https://kota.example.org/Halte"
    assert info["propertyNames"] == ["https://kota.example.org/nama"]
    here.delete(made.headers["location"])


@pytest.mark.parametrize("wrong", [
    {"information": []}, {"information": None}, {"endpoint": "ftp://x"}, {"endpoint": None}, {"type": "Registration"},
    {"mode": "sometimes"}, {"operations": ["createEntities"]}, {"operations": []}, {"expiresAt": "yesterday"},
    {"expiresAt": "2001-01-01T00:00:00Z"}, {"information": [{"entities": [{"id": "x", "type": "T"}]}]},
    {"information": [{"entities": [{"type": "T", "idPattern": "("}]}]}, {"information": [{"strange": 1}]},
    {"management": {"timeout": 0}}, {"management": {"localOnly": "yes"}}, {"management": {"cooldwn": 1}},
    {"contextSourceInfo": [{"key": "X\r\nY", "value": "1"}]},
    {"contextSourceInfo": [{"key": "X", "value": "a\r\nB: c"}]},
    {"contextSourceInfo": [{"key": "Authorization", "value": "urn:ngsi-ld:request"}]},
    {"mode": "auxiliary", "operations": ["createEntity"]}, {"location": {"type": "Point", "coordinates": [500, 0]}},
    {"observationInterval": {"startAt": "2026-01-02T00:00:00Z", "endAt": "2026-01-01T00:00:00Z"}},
])  # fmt: skip
def test_5_9_2_what_is_wrong_is_refused(here: httpx2.Client, wrong: dict[str, Any]) -> None:
    raise_unless_problem(here.post(REGISTRATIONS, json={**registration(ENDPOINT), **wrong}), 400, "BadRequestData")


def test_5_9_2_an_id_is_taken_once(here: httpx2.Client) -> None:
    sent = registration(ENDPOINT, id="urn:ngsi-ld:ContextSourceRegistration:once")
    assert here.post(REGISTRATIONS, json=sent).status_code == 201
    raise_unless_problem(here.post(REGISTRATIONS, json=sent), 409, "AlreadyExists")
    here.delete(f"{REGISTRATIONS}/{sent['id']}")


def test_5_9_3_null_takes_the_end_away(here: httpx2.Client) -> None:
    path = here.post(REGISTRATIONS, json=registration(ENDPOINT, expiresAt="2100-01-01T00:00:00Z")).headers["location"]
    assert here.patch(path, json={"expiresAt": None}).status_code == 204
    assert "expiresAt" not in here.get(path).json()
    raise_unless_problem(here.patch(path, json={"information": None}), 400, "BadRequestData")
    raise_unless_problem(here.patch(path, json={"type": "Other"}), 400, "BadRequestData")
    here.delete(path)


def test_4_3_6_3_an_exclusive_source_shares_its_attributes_with_no_other(
    here: httpx2.Client, register: Register
) -> None:
    register(mode="exclusive", information=SPEED)
    for mode in ("exclusive", "redirect"):
        other = registration(ENDPOINT, mode=mode, information=SPEED)
        raise_unless_problem(here.post(REGISTRATIONS, json=other), 409, "Conflict")
    beside = here.post(REGISTRATIONS, json=registration(ENDPOINT, mode="inclusive", information=SPEED))
    assert beside.status_code == 201
    here.delete(beside.headers["location"])


def test_4_3_6_3_an_exclusive_source_is_for_named_entities_and_attributes(here: httpx2.Client) -> None:
    raise_unless_problem(here.post(REGISTRATIONS, json=registration(ENDPOINT, mode="exclusive")), 400, "BadRequestData")


def test_4_3_6_3_an_exclusive_source_of_histories_names_its_entities_and_attributes_too(here: httpx2.Client) -> None:
    body = registration("http://127.0.0.1:9", mode="exclusive", observationInterval={"startAt": "2020-01-01T00:00:00Z"})
    raise_unless_problem(here.post(REGISTRATIONS, json=body), 400, "BadRequestData")


def test_5_9_2_what_the_hub_holds_is_not_registered_as_held_elsewhere(here: httpx2.Client) -> None:
    held = {"id": "urn:ngsi-ld:Bus:1", "type": "Bus", "speed": value(1)}
    assert here.post(ENTITIES, json=held).status_code == 201
    for mode in ("exclusive", "redirect"):
        sent = registration(ENDPOINT, mode=mode, information=SPEED)
        raise_unless_problem(here.post(REGISTRATIONS, json=sent), 409, "Conflict")
    here.delete(f"{ENTITIES}/{held['id']}")


@pytest.mark.parametrize(("asked", "is_found"), [
    ("type=BusStop", True), ("type=Tram", False), ("type=Tram,BusStop", True), ("attrs=name", True),
    ("type=BusStop&id=urn:ngsi-ld:BusStop:1", True), ("type=BusStop&idPattern=x", True), ("q=kota==%22Agam%22", True),
    ("csf=kota==%22Padang%22", False),
    ("csf=mode==%22redirect%22", False), ("type=BusStop&timerel=before&timeAt=2026-01-01T00:00:00Z", False),
    ("type=BusStop&georel=near;maxDistance==2000&geometry=Point&coordinates=[100.36,-0.95]", True),
    ("type=BusStop&georel=near;maxDistance==2000&geometry=Point&coordinates=[110,-0.95]", False),
])  # fmt: skip
def test_5_10_2_registrations_are_found(here: httpx2.Client, register: Register, asked: str, is_found: bool) -> None:
    path = register(kota="Agam", location={"type": "Point", "coordinates": [100.36, -0.95]})
    response = here.get(f"{REGISTRATIONS}?{asked}")
    assert response.status_code == 200
    assert (path.rpartition("/")[2] in [one["id"] for one in response.json()]) is is_found


def test_5_9_1_sources_of_histories_are_found_by_their_interval(here: httpx2.Client, register: Register) -> None:
    register(observationInterval={"startAt": "2020-01-01T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"})
    at = "timeAt=2020-06-01T00:00:00Z"
    assert len(here.get(f"{REGISTRATIONS}?type=BusStop&timerel=before&{at}").json()) == 1
    assert here.get(f"{REGISTRATIONS}?type=BusStop&timerel=after&timeAt=2022-01-01T00:00:00Z").json() == []
    assert here.get(f"{REGISTRATIONS}?type=BusStop").json() == []
    raise_unless_problem(here.get(f"{REGISTRATIONS}?type=BusStop&timerel=before"), 400, "BadRequestData")


def test_5_10_2_not_everything_is_told_at_once(here: httpx2.Client) -> None:
    raise_unless_problem(here.get(REGISTRATIONS), 400, "BadRequestData")


def test_6_3_10_registrations_come_in_pages(here: httpx2.Client, register: Register) -> None:
    for _ in range(3):
        register()
    page = here.get(f"{REGISTRATIONS}?type=BusStop&limit=1&offset=1&count=true")
    assert len(page.json()) == 1
    assert page.headers["ngsild-results-count"] == "3"
    assert 'rel="prev"' in page.headers["link"]
    assert 'rel="next"' in page.headers["link"]


def test_5_15_a_hub_tells_who_it_is(here: httpx2.Client, there: httpx2.Client) -> None:
    one, other = (client.get("/ngsi-ld/v1/info/sourceIdentity").json() for client in (here, there))
    assert one["type"] == "ContextSourceIdentity"
    assert one["contextSourceAlias"] != other["contextSourceAlias"]


def test_registrations_and_their_subscribers_outlive_a_restart(tmp_path: Path) -> None:
    settings = Settings(tenant=TENANT, folder=tmp_path, data=tmp_path / "data", open_access=True, syncs=False)
    sent = {
        "type": "Subscription",
        "entities": [{"type": "Tram"}],
        "notification": {"endpoint": {"uri": "http://receiver.example.org"}},
    }

    async def keep() -> tuple[str, str, str]:
        async with open_hub(settings) as hub:
            operator = identity.operator(TENANT)
            made = await registrations.create(operator, hub, registration(ENDPOINT), CORE)
            return (
                made,
                await source_subscriptions.create(operator, hub, sent, CORE),
                await hub.registry.get_alias(TENANT),
            )

    async def look() -> tuple[list[str], list[str], str]:
        async with open_hub(settings) as hub:
            watched = [one.id for one in hub.source_watch.list_all(TENANT)]
            return [one.id for one in hub.registry.list_all(TENANT)], watched, await hub.registry.get_alias(TENANT)

    made, subscribed, alias = asyncio.run(keep())
    assert asyncio.run(look()) == ([made], [subscribed], alias)
