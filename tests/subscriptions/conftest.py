"""A hub that may notify this machine, and receivers for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, Served, serve
from tests.subscriptions.receiver import Receiver

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def notifying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub whose tries follow each other quickly."""
    patch = pytest.MonkeyPatch()
    patch.setattr(limits, "NOTIFICATION_PAUSE_SECONDS_MIN", 0.02)
    patch.setattr(limits, "NOTIFICATION_RECORD_SECONDS", 0.02)
    yield from serve(tmp_path_factory.mktemp("kota"), allow_private_addresses=True, create_tenants=True)
    patch.undo()


@pytest.fixture(scope="package")
def client(notifying: Served) -> Iterator[httpx2.Client]:
    """Return a client that may write."""
    with notifying.client(authorization=f"Bearer {notifying.token('integrator')}") as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that accepts everything."""
    receiver = Receiver()
    yield receiver
    receiver.stop()


Subscribe = Callable[..., str]


@pytest.fixture
def subscribe(client: httpx2.Client) -> Iterator[Subscribe]:
    """Return a function that subscribes a receiver, and gives the id."""
    made: list[str] = []

    def subscribe(uri: str, *, notification: dict[str, Any] | None = None, **members: Any) -> str:
        body = {
            "type": "Subscription",
            "entities": [{"type": "Halte"}],
            "notification": {"endpoint": {"uri": uri}, **(notification or {})},
            **members,
        }
        response = client.post(f"{API}/subscriptions", json=body)
        assert response.status_code == 201, response.text
        made.append(response.headers["location"].rpartition("/")[2])
        return made[-1]

    yield subscribe
    for subscription_id in made:
        client.delete(f"{API}/subscriptions/{subscription_id}")


@pytest.fixture
def halte(client: httpx2.Client) -> Iterator[str]:
    """Return the id of a stop that is there for one test."""
    entity_id = f"urn:ngsi-ld:Halte:{next(_numbers)}"
    assert client.post(f"{API}/entities", json=stop(entity_id)).status_code == 201
    yield entity_id
    client.delete(f"{API}/entities/{entity_id}")


def stop(entity_id: str, nama: Any = "Pasar Raya", **attributes: Any) -> dict[str, Any]:
    """Return a bus stop as it is sent."""
    return {
        "id": entity_id,
        "type": "Halte",
        "nama": {"type": "Property", "value": nama},
        "kapasitas": {"type": "Property", "value": 40},
        "koridor": {"type": "Relationship", "object": "urn:ngsi-ld:Koridor:1"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36, -0.95]}},
        **attributes,
    }


def rename(client: httpx2.Client, entity_id: str, nama: Any) -> None:
    """Change the stop's name."""
    body = {"nama": {"type": "Property", "value": nama}}
    response = client.patch(f"{API}/entities/{entity_id}/attrs", json=body)
    assert response.status_code == 204, response.text


def read(client: httpx2.Client, subscription_id: str) -> dict[str, Any]:
    """Return the subscription as the hub tells it."""
    response = client.get(f"{API}/subscriptions/{subscription_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found
