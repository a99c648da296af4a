"""Strangers who ask for one number are answered by a shorter way, with the very answer of the ordinary one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.http.conftest import API, CONTEXT_LINK, stop

ENTITIES = f"{API}/entities"
SHOWN = ("content-type", "link", "ngsild-results-count")


@pytest.fixture(scope="module", autouse=True)
def gauges(writer: httpx2.Client) -> Iterator[None]:
    """Thirty public stops with a number, one of them in the names of another @context."""
    batch = [stop(f"urn:ngsi-ld:Halte:n{number:02d}", dalam=number % 10, level=number / 2) for number in range(30)]
    assert writer.post(f"{API}/entityOperations/create", json=batch).status_code == 201
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in batch])


@pytest.mark.parametrize(
    "asked",
    [
        "type=Halte&q=level%3E5.5&limit=5", "q=level>5.5&type=Halte&limit=5", "type=Halte&q=level<3",
        "type=Halte&q=dalam==3",
        "type=Halte&q=dalam!=3&limit=3", "type=Halte&q=level>=2&limit=4&offset=4", "type=Halte&q=level>5&count=true",
        "type=Halte&q=level>99", "type=Halte&q=level>5&attrs=dalam", "type=Halte&q=level>5&options=keyValues",
        "type=Halte&q=unheard>1", "q=level>5", "type=Halte,Person&q=level>5", "type=Halte&q=level>5&limit=0&count=true",
        "type=Halte&q=level>-1&limit=1000", "type=Halte&q=level>1&idPattern=.*n1.*",
    ],
)  # fmt: skip
def test_both_ways_lead_to_the_same_answer(anonymous: httpx2.Client, writer: httpx2.Client, asked: str) -> None:
    expected = writer.get(f"{ENTITIES}?{asked}")
    for _ in range(3):
        found = anonymous.get(f"{ENTITIES}?{asked}")
        assert found.status_code == expected.status_code
        assert found.json() == expected.json()
        assert [found.headers.get(name) for name in SHOWN] == [expected.headers.get(name) for name in SHOWN]


@pytest.mark.parametrize("asked", ["type=Person&q=level>5", "type=Halte&q=level>x", "type=Halte&q=level>5&limit=x"])
def test_what_is_refused_is_refused_both_ways(anonymous: httpx2.Client, asked: str) -> None:
    first, second = anonymous.get(f"{ENTITIES}?{asked}"), anonymous.get(f"{ENTITIES}?{asked}")
    assert first.status_code == second.status_code
    assert first.status_code in {400, 401}
    assert first.json() == second.json()


def test_entities_under_another_context_are_shown_in_the_readers_names(
    anonymous: httpx2.Client, writer: httpx2.Client
) -> None:
    entity = {"id": "urn:ngsi-ld:Halte:other", "type": "https://uri.etsi.org/ngsi-ld/default-context/Halte",
              "level": {"type": "Property", "value": 777}}  # fmt: skip
    headers = {"link": CONTEXT_LINK, "content-type": "application/json"}
    assert writer.post(ENTITIES, json=entity, headers=headers).status_code == 201
    try:
        for number in (700, 701):
            found = anonymous.get(f"{ENTITIES}?type=Halte&q=level>{number}").json()
            assert [one["type"] for one in found] == ["Halte"]
            assert found[0]["level"]["value"] == 777
    finally:
        writer.delete(f"{ENTITIES}/{entity['id']}")
