"""What a question says of sources, and what goes beyond one of them: splits, orders, links (CIM 009 §5.7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, stop, value
from tests.http.conftest import API, raise_unless_problem

QUERY = f"{API}/entityOperations/query"
STOPS = [{"entities": [{"type": "BusStop"}]}]
LINES = [{"entities": [{"type": "Line"}]}]


@pytest.fixture(autouse=True)
def _empty(here: httpx2.Client, there: httpx2.Client) -> Iterator[None]:
    """Leave nothing behind in either hub."""
    yield
    for client in (here, there):
        ids = [one["id"] for one in client.get(f"{ENTITIES}?local=true&limit=1000").json()]
        if ids:
            client.post(f"{API}/entityOperations/delete?local=true", json=ids)


def put(client: httpx2.Client, *entities: dict[str, Any]) -> None:
    response = client.post(f"{API}/entityOperations/create?local=true", json=list(entities))
    assert response.status_code == 201, response.text


def names(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return sorted(one["id"].rpartition(":")[2] for one in response.json())


def line(number: str, **attributes: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:Line:{number}", "type": "Line", **attributes}


def link(number: str, **members: Any) -> dict[str, Any]:
    return {"type": "Relationship", "object": f"urn:ngsi-ld:Line:{number}", **members}


@pytest.mark.parametrize(("csf", "found"), [('kind=="sensor"', ["here", "there"]), ('kind=="archive"', ["here"])])
def test_5_7_2_4_a_source_that_the_filter_does_not_mean_is_not_asked(
    here: httpx2.Client, there: httpx2.Client, register: Register, csf: str, found: list[str]
) -> None:
    put(here, stop("here"))
    put(there, stop("there"))
    register(information=STOPS, kind="sensor")
    assert names(here.get(ENTITIES, params={"type": "BusStop", "csf": csf})) == found
    asked = {"type": "Query", "entities": [{"type": "BusStop"}], "csf": csf}
    assert names(here.post(QUERY, json=asked)) == found


def test_5_2_33_a_source_that_is_asked_by_post_is_told_types_and_arrays_of_ids(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    """The neighbour takes no other selectors."""
    put(there, stop("a"), stop("b"), stop("c"))
    register(information=STOPS, operations=["queryBatch"])
    ids = ["urn:ngsi-ld:BusStop:a", "urn:ngsi-ld:BusStop:b"]
    asked = {"type": "Query", "entities": [{"type": "BusStop", "id": ids}]}
    assert names(here.post(QUERY, json=asked)) == ["a", "b"]
    assert names(here.get(ENTITIES, params={"id": ids[0]})) == ["a"]


def test_5_7_2_4_of_split_entities_every_part_is_asked_for(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    """Neither hub's part fits by itself."""
    put(here, stop("a", depth=value(5)), stop("b", depth=value(5)))
    put(there, stop("a", width=value(1)), stop("b", width=value(9)), stop("c", width=value(1)))
    register(information=STOPS)
    asked = {"type": "BusStop", "q": "depth==5;width==1", "count": "true"}
    response = here.get(ENTITIES, params={**asked, "splitEntities": "true"})
    assert names(response) == ["a"]
    assert response.headers["ngsild-results-count"] == "1"
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "q": "depth==5;width==1"}
    assert names(here.post(QUERY, json={**body, "splitEntities": True})) == ["a"]
    assert names(here.get(ENTITIES, params={**asked, "splitEntities": "false"})) == []


def test_4_23_1_what_comes_from_several_sources_is_not_ordered(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, stop("b", depth=value(2)), stop("a", depth=value(1)))
    register(information=STOPS)
    asked = {"type": "BusStop", "orderBy": "depth"}
    raise_unless_problem(here.get(ENTITIES, params=asked), 400, "BadRequestData")
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "ordering": {"orderBy": ["depth"]}}
    raise_unless_problem(here.post(QUERY, json=body), 400, "BadRequestData")
    alone = here.get(ENTITIES, params={**asked, "local": "true"}).json()
    assert [one["depth"]["value"] for one in alone] == [1, 2]
    # No source is concerned by lines.
    assert here.get(ENTITIES, params={"type": "Line", "orderBy": "depth"}).status_code == 200


def test_6_4_3_2_every_type_means_this_hub_alone(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    put(here, stop("here"))
    put(there, stop("there"))
    register(information=STOPS)
    assert names(here.get(f"{ENTITIES}?type=*")) == ["here"]
    assert names(here.post(QUERY, json={"type": "Query", "entities": [{"type": "*"}]})) == ["here"]


@pytest.mark.parametrize("join", ["inline", "flat"])
def test_4_5_23_1_an_entity_of_another_hub_is_shown_where_the_relationship_tells_its_type(
    here: httpx2.Client, there: httpx2.Client, register: Register, join: str
) -> None:
    put(here, stop("a", line=link("1", objectType="Line"), old=link("2")), stop("b", line=link("1", objectType="Line")))
    put(there, line("1", name=value("K1"), depot=link("3", objectType="Line")), line("2"), line("3", name=value("K3")))
    register(information=LINES)
    parameters = {"join": join, "joinLevel": "2", "format": "simplified"}
    shown = here.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:a", params=parameters).json()
    listed = here.get(ENTITIES, params={"type": "BusStop", **parameters}).json()
    if join == "inline":
        assert shown["line"]["depot"]["name"] == "K3"
        assert shown["old"] == "urn:ngsi-ld:Line:2"
        assert [one["line"]["name"] for one in listed] == ["K1", "K1"]
    else:
        assert [one["id"].rpartition(":")[2] for one in shown] == ["a", "1", "3"]
        assert sorted(one["id"].rpartition(":")[2] for one in listed) == ["1", "3", "a", "b"]


def test_a_local_answer_shows_no_linked_entity_of_another_hub(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, stop("a", line=link("1", objectType="Line")))
    put(there, line("1", name=value("K1")))
    register(information=LINES)
    parameters = {"join": "inline", "format": "simplified"}
    shown = here.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:a", params={**parameters, "local": "true"}).json()
    assert shown["line"] == "urn:ngsi-ld:Line:1"


def test_a_linked_entity_that_lies_in_both_hubs_is_shown_whole(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, stop("a", line=link("1", objectType="Line")), line("1", colour=value("red")))
    put(there, line("1", name=value("K1")))
    register(information=LINES)
    shown = here.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:a", params={"join": "inline", "format": "simplified"}).json()
    assert shown["line"] == {"id": "urn:ngsi-ld:Line:1", "type": "Line", "colour": "red", "name": "K1"}


def test_a_source_that_cannot_be_asked_for_linked_entities_leaves_a_warning(here: httpx2.Client) -> None:
    put(here, stop("a", line=link("1", objectType="Line")))
    made = here.post(REGISTRATIONS, json=registration("http://127.0.0.1:9", information=LINES))
    assert made.status_code == 201, made.text
    try:
        response = here.get(f"{ENTITIES}/urn:ngsi-ld:BusStop:a", params={"join": "inline", "format": "simplified"})
        assert response.status_code == 200
        assert response.json()["line"] == "urn:ngsi-ld:Line:1"
        assert "ngsild-warning" in response.headers
    finally:
        here.delete(made.headers["location"])


def test_4_9_q_follows_links_to_entities_that_are_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, stop("a", line=link("1")), line("1", name=value("K1")), line("2", name=value("K2")))
    put(there, stop("b", line=link("1")), stop("c", line=link("2")))
    register(information=STOPS)
    asked = {"type": "BusStop", "q": 'line{name}=="K1"', "join": "inline"}
    assert names(here.get(ENTITIES, params=asked)) == ["a", "b"]


def test_4_9_words_of_a_vocabulary_are_expanded_by_each_source(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    put(here, stop("a", kind={"type": "VocabProperty", "vocab": "Shelter"}))
    put(there, stop("b", kind={"type": "VocabProperty", "vocab": "Shelter"}))
    register(information=STOPS)
    asked = {"type": "BusStop", "q": "kind==Shelter"}
    assert names(here.get(ENTITIES, params={**asked, "expandValues": "kind"})) == ["a", "b"]
    assert names(here.get(ENTITIES, params=asked)) == []
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "q": "kind==Shelter", "expandValues": "kind"}
    assert names(here.post(QUERY, json=body)) == ["a", "b"]
