"""Entity maps of queries that other sources take part in (CIM 009 §5.2.39, §5.14.4.4). Two real hubs."""

from __future__ import annotations

import httpx2
import pytest

from simpul import limits
from tests.federation.conftest import ENTITIES, Register, stop, value
from tests.http.conftest import API

MAPS = f"{API}/entityMaps"


def put(client: httpx2.Client, *numbers: str, **attributes: object) -> None:
    for number in numbers:
        client.delete(f"{ENTITIES}/urn:ngsi-ld:BusStop:{number}")
        assert client.post(ENTITIES, json=stop(number, **attributes)).status_code == 201


def test_5_2_39_a_map_says_which_source_has_what(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    put(here, "em-here", "em-both", name=value("a"))
    put(there, "em-both", "em-there", line=value("b"))
    location = register()
    made = here.get(f"{MAPS}?type=BusStop&attrs=name,line").json()["entityMap"]
    source = location.rpartition("/")[2]
    assert made["urn:ngsi-ld:BusStop:em-here"] == ["@none"]
    assert made["urn:ngsi-ld:BusStop:em-there"] == [source]
    assert set(made["urn:ngsi-ld:BusStop:em-both"]) == {"@none", source}


def test_5_5_9_3_pages_across_sources_show_each_entity_once(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, *(f"page{number}" for number in range(0, 6, 2)), page=value(1))
    put(there, *(f"page{number}" for number in range(1, 6, 2)), page=value(1))
    register()
    first = here.get(f"{ENTITIES}?type=BusStop&q=page==1&limit=2&entityMap=true")
    assert first.status_code == 201
    headers = {"NGSILD-EntityMap": first.headers["ngsild-entitymap"]}
    rest = [
        here.get(f"{ENTITIES}?type=BusStop&q=page==1&limit=2&offset={offset}", headers=headers) for offset in (2, 4)
    ]
    ids = [one["id"] for response in (first, *rest) for one in response.json()]
    assert sorted(ids) == [f"urn:ngsi-ld:BusStop:page{number}" for number in range(6)]
    assert 'rel="next"' not in rest[-1].headers["link"]


def test_a_source_is_asked_for_as_many_pages_as_a_question_needs(
    here: httpx2.Client, there: httpx2.Client, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PEER_ENTITIES_PER_ANSWER", 2)
    put(there, *(f"many{number}" for number in range(5)), many=value(1))
    register()
    found = here.get(f"{ENTITIES}?type=BusStop&attrs=many&limit=10").json()
    assert len(found) == 5
    monkeypatch.setattr(limits, "DISTRIBUTED_ENTITIES_MAX", 10)
    refused = here.get(f"{ENTITIES}?type=BusStop&limit=10&offset=10")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "TooComplexQuery")
