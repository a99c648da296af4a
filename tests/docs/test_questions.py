"""The page about asking is true: each question in it is answered, by a hub with the entities that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.house.tree import ROOT
from tests.http.conftest import API, serve

PAGE = (ROOT / "docs/how-to/ask-with-links-and-orders.md").read_text(encoding="utf-8")
CURL = re.compile(r"^curl (?:-H '(?P<header>[^']+)' )?'http://127\.0\.0\.1:1026(?P<path>[^']+)'$", re.MULTILINE)
QUESTIONS = [(found["path"], found["header"]) for found in CURL.finditer(PAGE)]


def stop(number: int, street: str) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:BusStop:{number}",
        "type": "BusStop",
        "name": {"type": "Property", "value": f"Stop {number}"},
        "capacity": {"type": "Property", "value": number * 10},
        "address": {"type": "Property", "value": {"street": street}},
        "kind": {"type": "VocabProperty", "vocab": "Shelter"},
        "line": {"type": "Relationship", "object": "urn:ngsi-ld:Line:1", "objectType": "Line"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36 + number / 100, -0.95]}},
    }


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Return a client of a hub that has two stops of one line."""
    for served in serve(tmp_path_factory.mktemp("kota"), open_access=True):
        with served.client() as client:
            line = {"id": "urn:ngsi-ld:Line:1", "type": "Line", "name": {"type": "Property", "value": "K1"}}
            response = client.post(f"{API}/entityOperations/create", json=[stop(1, "Ulak"), stop(2, "Agam"), line])
            assert response.status_code == 201, response.text
            yield client


def test_the_page_has_questions() -> None:
    assert len(QUESTIONS) == PAGE.count("\ncurl ")


@pytest.mark.parametrize(("path", "header"), QUESTIONS)
def test_a_question_of_the_page_is_answered(client: httpx2.Client, path: str, header: str | None) -> None:
    headers = dict([header.split(": ", 1)]) if header else {}
    response = client.get(path, headers=headers)
    assert response.status_code == (203 if header else 200), response.text
    assert {"urn:ngsi-ld:BusStop:1", "urn:ngsi-ld:BusStop:2"} <= {one["id"] for one in response.json()}
