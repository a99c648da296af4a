"""Sources that are dead, answer nonsense, or lead back here: bounded, and never hidden from the caller (§6.3.17)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.federation.conftest import ENTITIES, REGISTRATIONS, registration, stop, value

PATH = f"{ENTITIES}/urn:ngsi-ld:BusStop:fail"


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the URL of what takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def registered(client: httpx2.Client, url: str, **members: Any) -> str:
    response = client.post(REGISTRATIONS, json=registration(url, **members))
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def test_a_dead_source_costs_few_requests_its_timeout_and_is_told_of_each_time(
    here: httpx2.Client, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.post(f"{ENTITIES}?local=true", json=stop("fail", level=value(1)))
    made = registered(here, silent, management={"timeout": 100})
    took = []
    for _ in range(limits.PEER_MISSES_MAX + 2):
        began = time.monotonic()
        response = here.get(PATH)
        took.append(time.monotonic() - began)
        assert response.status_code == 200
        assert response.headers["ngsild-warning"].startswith("199 ")
    assert min(took[: limits.PEER_MISSES_MAX]) >= 0.1
    assert max(took[limits.PEER_MISSES_MAX :]) < 0.1
    monkeypatch.setattr(limits, "PEER_PAUSE_MS", 0)
    began = time.monotonic()
    assert here.get(PATH).status_code == 200
    assert time.monotonic() - began >= 0.1
    here.delete(made)
    here.delete(PATH)


@pytest.mark.parametrize(("answer", "code"), [
    ((403, b""), "299 "), ((500, b"{}"), "299 "), ((200, b"no JSON"), "111 "), ((200, b'{"id": 1}'), "111 "),
    ((404, b""), None),
])  # fmt: skip
def test_6_3_17_what_is_wrong_with_a_source_has_its_code(
    here: httpx2.Client, answering: Any, answer: tuple[int, bytes], code: str | None
) -> None:
    answering.answer = answer
    made = registered(here, answering.url)
    response = here.get(PATH)
    assert response.status_code == 404
    assert response.headers.get("ngsild-warning", "None").startswith(str(code))
    here.delete(made)


def test_6_3_17_more_than_is_read_is_not_taken(
    here: httpx2.Client, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PEER_ANSWER_BYTES_MAX", 100)
    answering.answer = (200, b"[" + b" " * 200 + b"]")
    made = registered(here, answering.url)
    response = here.get(f"{ENTITIES}?type=BusStop")
    assert (response.status_code, response.json()) == (200, [])
    assert response.headers["ngsild-warning"].startswith("111 ")
    here.delete(made)


def test_6_3_17_where_a_source_alone_has_it_its_failure_is_told_too(here: httpx2.Client, answering: Any) -> None:
    answering.answer = (403, b"")
    made = registered(here, answering.url, mode="redirect")
    response = here.get(PATH)
    assert response.status_code == 404
    assert "answered with status 403" in response.json()["detail"]
    assert response.headers["ngsild-warning"].startswith("299 ")
    here.delete(made)


def test_6_3_17_what_came_round_is_answered_with_what_is_here(here: httpx2.Client, answering: Any) -> None:
    alias = here.get("/ngsi-ld/v1/info/sourceIdentity").json()["contextSourceAlias"]
    via = {"via": f"1.1 elsewhere, 1.1 {alias}"}
    made = registered(here, answering.url, mode="redirect", operations=["redirectionOps"])
    assert here.get(PATH, headers=via).status_code == 508
    assert here.delete(PATH, headers=via).status_code == 508
    here.delete(made)
    here.post(f"{ENTITIES}?local=true", json=stop("fail", level=value(1)))
    made = registered(here, answering.url)
    assert here.get(PATH, headers=via).json()["level"]["value"] == 1
    assert len(here.get(f"{ENTITIES}?type=BusStop", headers=via).json()) == 1
    assert here.get("/ngsi-ld/v1/types", headers=via).status_code == 200
    assert answering.asked == 0
    here.delete(made)
    here.delete(f"{PATH}?local=true")
