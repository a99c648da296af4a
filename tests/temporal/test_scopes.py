"""Scopes in time, and what a query about histories may not ask (CIM 009 §4.18, §5.7.4.4), over a served hub."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.conftest import API
from tests.temporal.test_served import TEMPORAL, at

DAY = {"timerel": "between", "timeAt": at(10), "endTimeAt": at(50)}


def speed(value: Any, minute: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute)}


def scope(value: str | list[str], minute: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute)}


@pytest.fixture(scope="module")
def trams(writer: httpx2.Client) -> dict[str, str]:
    """Write four trams: one always in the south, one that moved north, one that came, and one that came too late."""
    bodies = {
        "south": {"scope": [scope(["/Padang/South", "/Night"], 1)], "speed": [speed("slow", 12)]},
        "moved": {
            "scope": [scope("/Padang/South", 1), scope("/Padang/North", 30)],
            "speed": [speed("before", 20), speed("after", 40)],
        },
        "came": {"scope": [scope("/Padang/North", 25)], "speed": [speed("earlier", 20), speed("later", 30)]},
        "late": {"scope": [scope("/Padang/North", 55)], "speed": [speed("alone", 20)]},
    }
    ids = {name: f"urn:ngsi-ld:ScopedTram:{name}" for name in bodies}
    for name, body in bodies.items():
        answer = writer.post(TEMPORAL, json={"id": ids[name], "type": "ScopedTram", **body})
        assert answer.status_code == 201, answer.text
    return ids


def ask(writer: httpx2.Client, **asked: str) -> dict[str, Any]:
    answer = writer.get(TEMPORAL, params={"type": "ScopedTram", **DAY, **asked})
    assert answer.status_code == 200, answer.text
    return {one["id"].rpartition(":")[2]: one for one in answer.json()}


def values(entity: dict[str, Any]) -> list[Any]:
    return [one["value"] for one in entity["speed"]]


@pytest.mark.parametrize(("scopes", "names"), [
    ("/Padang/South", ["moved", "south"]),
    ("/Padang/North", ["came", "moved"]),
    ("/Padang/#", ["came", "moved", "south"]),
    ("(/Padang/South;/Night)", ["south"]),
    ("/Night,/Padang/North", ["came", "moved", "south"]),
    ("/Bukittinggi", []),
])  # fmt: skip
def test_4_18_an_entity_is_found_by_a_scope_that_it_had_in_the_time_asked_for(
    writer: httpx2.Client, trams: dict[str, str], scopes: str, names: list[str]
) -> None:
    assert sorted(ask(writer, scopeQ=scopes)) == names


def test_c_5_16_only_instances_from_within_the_scope_are_shown(writer: httpx2.Client, trams: dict[str, str]) -> None:
    assert values(ask(writer, scopeQ="/Padang/North")["came"]) == ["later"]
    assert values(ask(writer, scopeQ="/Padang/North")["moved"]) == ["after"]
    assert values(ask(writer, scopeQ="/Padang/South")["moved"]) == ["before"]


def test_c_5_16_a_scope_from_before_the_time_asked_for_is_shown(writer: httpx2.Client, trams: dict[str, str]) -> None:
    assert ask(writer, scopeQ="/Night")["south"]["scope"] == [scope(["/Padang/South", "/Night"], 1)]
    assert "scope" not in ask(writer, scopeQ="/Night", pick="id,speed")["south"]


def test_4_18_the_scope_that_was_set_last_is_the_entitys_own(writer: httpx2.Client) -> None:
    bus = "urn:ngsi-ld:ScopedBus:1"
    body = {"id": bus, "type": "ScopedBus", "scope": [scope("/Padang/North", 30), scope("/Padang/South", 1)]}
    assert writer.post(TEMPORAL, json=body).status_code == 201
    assert writer.get(f"{API}/entities/{bus}").json()["scope"] == "/Padang/North"
    for minute, later in ((5, "/Padang/North"), (58, "/Padang/West")):
        more = {"scope": [scope("/Padang/West", minute)]}
        assert writer.post(f"{TEMPORAL}/{bus}/attrs", json=more).status_code == 204
        assert writer.get(f"{API}/entities/{bus}").json()["scope"] == later


def test_4_18_last_n_counts_within_the_scope(writer: httpx2.Client, trams: dict[str, str]) -> None:
    assert values(ask(writer, scopeQ="/Padang/South", lastN="1")["moved"]) == ["before"]


@pytest.mark.parametrize(
    "wrong",
    [
        [{"type": "Relationship", "object": "urn:a:b"}],
        [{"type": "Property", "value": "/Padang", "observedAt": "yesterday"}],
        [{"type": "Property", "value": 5}],
        [{"type": "Property", "value": "/Padang"}, "/Padang"],
    ],
)
def test_4_18_a_scope_that_is_none_is_refused(writer: httpx2.Client, wrong: Any) -> None:
    body = {"id": "urn:ngsi-ld:ScopedTram:wrong", "type": "ScopedTram", "scope": wrong}
    answer = writer.post(TEMPORAL, json=body)
    assert answer.status_code == 400
    assert "scope" in answer.json()["detail"]


@pytest.mark.parametrize("asked", [
    {"type": "ScopedTram", "orderBy": "speed"},
    {"type": "ScopedTram", "orderBy": "id,createdAt"},
    {"attrs": "createdAt"},
    {"attrs": "createdAt,modifiedAt"},
    {"q": "modifiedAt>2020-01-01T00:00:00Z"},
    {"type": "ScopedTram", "q": 'owner{name}=="Dishub"'},
    {"type": "ScopedTram", "pick": "owner{name}"},
    {"type": "ScopedTram", "csf": "))bad(("},
    {"type": "ScopedTram", "timerel": "after", "timeAt": "2024-05-01"},
])  # fmt: skip
def test_5_7_4_4_what_a_query_about_histories_may_not_ask_is_bad_request_data(
    writer: httpx2.Client, asked: dict[str, str]
) -> None:
    answer = writer.get(TEMPORAL, params=asked)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("BadRequestData")


def test_5_7_4_4_a_filter_of_sources_leaves_the_hubs_own_histories(
    writer: httpx2.Client, trams: dict[str, str]
) -> None:
    assert len(ask(writer, csf='agency=="Dishub"')) == len(trams)
