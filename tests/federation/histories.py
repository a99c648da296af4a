"""Histories of bus stops as the tests write and read them."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.federation.conftest import stop, value
from tests.http.conftest import API

HISTORIES = f"{API}/temporal/entities"
QUERY = f"{API}/temporal/entityOperations/query"
READING = ["retrieveTemporal", "queryTemporal"]
ID = "urn:ngsi-ld:BusStop:{}"


def path(name: str) -> str:
    """Return the path of a bus stop's history."""
    return f"{HISTORIES}/{ID.format(name)}"


def day(number: int) -> str:
    """Return a day of January 2026."""
    return f"2026-01-{number:02}T00:00:00Z"


def series(first: int, *values: Any) -> list[dict[str, Any]]:
    """Return values that were observed one day after the other."""
    return [value(one, observedAt=day(first + place)) for place, one in enumerate(values)]


def write(client: httpx2.Client, name: str, **attributes: Any) -> None:
    """Write a history at one hub alone."""
    response = client.post(f"{HISTORIES}?local=true", json=stop(name, **attributes))
    assert response.status_code in (201, 204), response.text


def values_of(told: Any, attribute: str = "level") -> list[Any]:
    """Return the values of an attribute, in their order."""
    return [one["value"] for one in told[attribute]]


def names(response: httpx2.Response) -> list[str]:
    """Return the last parts of the ids in an answer, sorted."""
    assert response.status_code in (200, 206), response.text
    return sorted(one["id"].rpartition(":")[2] for one in response.json())
