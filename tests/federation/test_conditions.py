"""Conditional requests about entities that other sources have parts of: no ETag tells of all (RFC 9110 §13)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.federation.conftest import ENTITIES, Register, stop, value

ID = "urn:ngsi-ld:BusStop:etag"
PATH = f"{ENTITIES}/{ID}"
CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", "", stop("etag", capacity=value(2))),
    ("PATCH", "", {"capacity": value(2)}),
    ("DELETE", "", None),
    ("POST", "/attrs", {"extra": value(2)}),
    ("PATCH", "/attrs", {"capacity": value(2)}),
    ("PATCH", "/attrs/capacity", {"value": 2}),
    ("PUT", "/attrs/capacity", value(2)),
    ("DELETE", "/attrs/capacity", None),
]


@pytest.fixture(autouse=True)
def both(here: httpx2.Client, there: httpx2.Client) -> Any:
    """Put one part of the entity here and another at the neighbour's."""
    assert here.post(ENTITIES, json=stop("etag", capacity=value(1))).status_code == 201
    assert there.post(ENTITIES, json=stop("etag", capacity=value(1), shelter=value(True))).status_code == 201
    yield
    for client in (here, there):
        client.delete(f"{PATH}?local=true")


@pytest.fixture
def shared(register: Register) -> str:
    """Register the neighbour for every operation."""
    return register(operations=["federationOps", "redirectionOps"])


@pytest.mark.usefixtures("shared")
def test_an_entity_of_several_sources_has_no_tag(here: httpx2.Client) -> None:
    answer = here.get(PATH)
    assert (answer.status_code, answer.json()["shelter"]["value"]) == (200, True)
    assert "etag" not in answer.headers
    assert here.get(PATH, headers={"if-none-match": '"other"'}).status_code == 200
    refused = here.get(PATH, headers={"if-match": '"other"'})
    assert (refused.status_code, refused.json()["status"]) == (412, 412)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(("method", "below", "body"), CHANGES, ids=[f"{one[0]}{one[1]}" for one in CHANGES])
def test_a_change_with_a_condition_is_not_shared_out(
    here: httpx2.Client, there: httpx2.Client, method: str, below: str, body: Any
) -> None:
    before = [client.get(f"{PATH}?local=true").json() for client in (here, there)]
    for headers in ({"if-match": "*"}, {"if-match": '"other"'}, {"if-none-match": '"other"'}):
        answer = here.request(method, PATH + below, json=body, headers=headers)
        assert answer.status_code == 412, answer.text
        assert "local=true" in answer.json()["detail"]
    assert [client.get(f"{PATH}?local=true").json() for client in (here, there)] == before


@pytest.mark.usefixtures("shared")
def test_the_part_that_is_here_has_a_tag_and_takes_conditions(here: httpx2.Client) -> None:
    tag = here.get(f"{PATH}?local=true").headers["etag"]
    assert here.get(f"{PATH}?local=true", headers={"if-none-match": tag}).status_code == 304
    change = {"capacity": value(3)}
    for status in (204, 412):
        answer = here.patch(f"{PATH}/attrs?local=true", json=change, headers={"if-match": tag})
        assert answer.status_code == status


def test_an_entity_that_no_source_is_concerned_by_has_a_tag_as_ever(here: httpx2.Client, register: Register) -> None:
    register(information=[{"entities": [{"type": "Vehicle"}]}])
    tag = here.get(f"{PATH}?type=BusStop").headers["etag"]
    assert here.get(f"{PATH}?type=BusStop", headers={"if-none-match": tag}).status_code == 304
    for status in (204, 412):
        answer = here.patch(f"{PATH}/attrs", json={"capacity": value(3)}, headers={"if-match": tag})
        assert answer.status_code == status


@pytest.mark.usefixtures("shared")
def test_making_an_entity_only_where_there_is_none_is_shared_out_as_ever(
    here: httpx2.Client, there: httpx2.Client
) -> None:
    new = stop("etag-new", capacity=value(1))
    answer = here.post(ENTITIES, json=new, headers={"if-none-match": "*"})
    assert answer.status_code == 201, answer.text
    for client in (here, there):
        client.delete(f"{ENTITIES}/{new['id']}?local=true")


def test_what_no_source_adds_to_has_the_tag_of_what_is_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    assert there.delete(PATH).status_code == 204
    register(operations=["retrieveOps"], information=[{"entities": [{"type": "Bench"}]}])
    # Without a type any source of a named id may have a part, so it is asked; it has none.
    tag = here.get(PATH).headers["etag"]
    assert tag == here.get(f"{PATH}?local=true").headers["etag"]
    assert here.get(PATH, headers={"if-none-match": tag}).status_code == 304
    assert there.post(ENTITIES, json={"id": ID, "type": "Bench", "shelter": value(True)}).status_code == 201
    united = here.get(PATH, headers={"if-none-match": tag})
    assert (united.status_code, united.json()["shelter"]["value"]) == (200, True)
    assert "etag" not in united.headers
    assert there.delete(PATH).status_code == 204
