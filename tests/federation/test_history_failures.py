"""Sources of histories that answer nonsense: bounded, and never hidden from the caller (§6.3.17)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.federation.conftest import REGISTRATIONS, registration
from tests.federation.histories import HISTORIES, READING, path, series, values_of, write

pytestmark = pytest.mark.usefixtures("emptied")


@pytest.mark.parametrize(("status", "body", "code"), [
    (403, b"", "299"), (500, b"{}", "299"), (200, b"no JSON", "111"), (200, b'{"id": 1}', "111"),
    (200, b'{"id": "urn:ngsi-ld:BusStop:a", "type": "BusStop", "level": {"type": "Property", "values": []}}', "111"),
    (206, b'{"id": "urn:ngsi-ld:BusStop:a", "type": "BusStop", "level": []}', "111"), (404, b"", "None"),
    (200, b'[{"id": "urn:ngsi-ld:BusStop:b", "type": "Tree", "level": []}]', "None"),
])  # fmt: skip
def test_6_3_17_what_is_wrong_with_a_source_has_its_code(
    here: httpx2.Client, answering: Any, status: int, body: bytes, code: str
) -> None:
    answering.answer = (status, body)
    write(here, "a", level=series(1, 1))
    made = here.post(REGISTRATIONS, json=registration(answering.url, operations=READING)).headers["location"]
    response = here.get(path("a"))
    assert values_of(response.json()) == [1]
    assert response.headers.get("ngsild-warning", "None").startswith(code)
    listed = here.get(HISTORIES, params={"type": "BusStop"})
    assert [values_of(one) for one in listed.json()] == [[1]]
    assert listed.headers.get("ngsild-warning", "None").startswith(code)
    here.delete(made)
