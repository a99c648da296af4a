"""ngsildclient 0.5.2, unchanged: the steps of its guide against a served hub (`parking.py`)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.conftest import Served, serve

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "client" / "bin" / "python"
STEPS = Path(__file__).parent / "parking.py"
CONTEXT = "https://parking.example.org/context.jsonld"
NAMES = ("OffStreetParking", "availableSpotNumber", "totalSpotNumber", "reliability", "providedBy")
HOURS = 12


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the steps once, and return what came of them."""
    assert PYTHON.exists(), "the client has an environment of its own: make .venv/.client"
    hubs: Iterator[Served] = serve(tmp_path_factory.mktemp("kota"))
    served = next(hubs)
    terms = {name: f"https://parking.example.org/{name}" for name in NAMES}
    served.hub.contexts.preload(CONTEXT, {"@context": terms})
    port, token = served.url.rpartition(":")[2], served.token("administrator")
    done = subprocess.run(
        [PYTHON, STEPS, port, token, CONTEXT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    yield json.loads(done.stdout.splitlines()[-1])
    next(hubs, None)


def test_it_connects_and_an_entity_is_made_updated_and_read(said: dict[str, Any]) -> None:
    assert said["connected"] is True
    assert said["created"] is True
    assert said["available"] == 121 - 10 * HOURS
    assert said["reliability"] == 0.7


def test_the_history_has_every_hour(said: dict[str, Any]) -> None:
    assert said["history"] == [121 - 10 * hour for hour in range(HOURS + 1)]


def test_many_are_upserted_counted_and_queried(said: dict[str, Any]) -> None:
    assert said["occupied"] == 42
    assert said["queried"] == 18
    assert {"OffStreetParking", "ParkingSpot"} <= set(said["types"])


def test_a_subscription_is_built_and_listed(said: dict[str, Any]) -> None:
    assert said["subscriptions"] == 1


def test_they_are_deleted_one_by_one_by_question_and_by_type(said: dict[str, Any]) -> None:
    assert said["exists"] is True
    assert said["deleted"] is True
    assert said["left"] == 41
    assert said["after_drop"] == 0
