"""Answers that strangers ask for again: they are the same bytes, and never older than the city."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from simpul import limits
from simpul.http.header_block import HeaderBlocks, read_headers
from simpul.http.remembered import AnswerMemory
from simpul.http.server import Lane
from tests.http.conftest import API, TENANT, Served, stop

LIST = f"{API}/entities?type=Halte&limit=5"


@pytest.fixture
def three(writer: httpx2.Client) -> list[str]:
    """Three public stops."""
    ids = [f"urn:ngsi-ld:Halte:again-{number}" for number in range(3)]
    assert writer.post(f"{API}/entityOperations/upsert", json=[stop(one) for one in ids]).status_code in {201, 204}
    return ids


def test_the_same_question_has_the_same_answer_until_something_is_written(
    anonymous: httpx2.Client, writer: httpx2.Client, three: list[str]
) -> None:
    first, *others = (anonymous.get(LIST) for _ in range(4))
    assert {(one.content, one.headers["link"], one.headers["content-type"]) for one in others} == {
        (first.content, first.headers["link"], first.headers["content-type"])
    }
    writer.patch(f"{API}/entities/{three[1]}/attrs", json={"nama": {"type": "Property", "value": "Baru"}})
    changed = {one["id"]: one for one in anonymous.get(LIST).json()}
    assert changed[three[1]]["nama"]["value"] == "Baru"
    writer.delete(f"{API}/entities/{three[0]}")
    assert three[0] not in [one["id"] for one in anonymous.get(LIST).json()]


def test_a_city_that_declares_a_type_private_is_obeyed_at_once(
    served: Served, anonymous: httpx2.Client, three: list[str]
) -> None:
    for _ in range(3):
        assert anonymous.get(LIST).status_code == 200
    before = served.hub.cities[TENANT]
    served.hub.cities[TENANT] = replace(before, public_types=frozenset())
    try:
        assert anonymous.get(LIST).status_code == 401
    finally:
        served.hub.cities[TENANT] = before
    assert anonymous.get(LIST).status_code == 200
    assert three


def test_an_answer_begun_before_the_declaration_changed_is_given_to_nobody(served: Served) -> None:
    lane = Lane(served.hub)
    begun = lane.revision()
    before = served.hub.cities[TENANT]
    served.hub.cities[TENANT] = replace(before, public_types=frozenset())
    try:
        assert lane.revision() != begun
        for _ in range(2):
            # Its request waited meanwhile in the reader thread.
            lane.answers.keep(LIST.encode(), begun, b"what strangers may not read any more")
        assert lane.answers.find(LIST.encode(), lane.revision()) is None
    finally:
        served.hub.cities[TENANT] = before


def test_what_a_token_is_shown_is_not_shown_to_strangers(anonymous: httpx2.Client, writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Person:again"
    person = {"id": entity_id, "type": ["Halte", "Person"], "nama": {"type": "Property", "value": "S"}}
    assert writer.post(f"{API}/entities", json=person).status_code == 201
    try:
        for client, is_seen in ((writer, True), (anonymous, False)) * 3:
            assert (entity_id in client.get(LIST).text) is is_seen
    finally:
        writer.delete(f"{API}/entities/{entity_id}")


def test_an_answer_is_kept_from_the_second_time_on_and_for_one_revision() -> None:
    memory = AnswerMemory()
    memory.keep(b"/a", (0, 1), b"x")
    assert memory.find(b"/a", (0, 1)) is None
    memory.keep(b"/a", (0, 1), b"x")
    assert memory.find(b"/a", (0, 1)) == b"x"
    assert memory.find(b"/a", (0, 2)) is None
    assert memory.find(b"/a", (1, 1)) is None
    memory.clear()
    assert memory.find(b"/a", (0, 1)) is None


def test_the_memory_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWERS_REMEMBERED_BYTES_MAX", 10_000)
    monkeypatch.setattr(limits, "ANSWER_REMEMBERED_BYTES_MAX", 2_000)
    memory = AnswerMemory()
    targets = [f"/{number}".encode() for number in range(100)]
    for _ in range(2):
        for target in targets:
            memory.keep(target, (0, 1), b"x" * 1_000)
    assert 1 <= sum(memory.find(target, (0, 1)) is not None for target in targets) <= 10
    for _ in range(3):
        memory.keep(b"/large", (0, 1), b"x" * 2_001)
    assert memory.find(b"/large", (0, 1)) is None


def test_a_header_block_says_what_the_headers_say_and_is_read_once() -> None:
    headers = [(b"accept", b"application/json"), (b"authorization", b"Bearer x"), (b"accept", b"application/ld+json")]
    blocks = HeaderBlocks()
    block = blocks.read(headers)
    assert block == read_headers(headers)
    assert block.accept == "application/json, application/ld+json"
    assert block.authorization == "Bearer x"
    assert not block.is_plain
    assert not block.is_cold
    assert blocks.read(list(headers)) is block
    assert blocks.read([(b"expect", b"100-continue")]).is_cold
    assert blocks.read([(b"content-length", b"1x")]).is_cold
    assert blocks.read([(b"ngsild-entitymap", b"urn:x")]).is_cold
    assert blocks.read([]).is_plain


def test_long_header_blocks_are_not_kept() -> None:
    blocks = HeaderBlocks()
    long = [(b"x-long", b"x" * limits.HEADER_BLOCK_REMEMBERED_BYTES_MAX)]
    assert blocks.read(long) is not blocks.read(long)
