"""How much the SQLite store orders, and what it does not need to read for it (`store/sqlite/ordered.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simpul import limits
from simpul.domain.errors import TooComplexQuery
from simpul.store.sqlite import SqliteStore
from tests.store.order_contract import MARKET, by, names, page
from tests.store.samples import Driver, asking, point, prop, record_of

STOPS = 12


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """Return a city with a few stops, and a store that orders even fewer."""
    driver = Driver(lambda contexts: SqliteStore(tmp_path, contexts, lambda tenant, types: None), runner)
    driver.put(*(record_of(f"urn:x:{n:02}", **values_of(n)) for n in range(STOPS)))
    monkeypatch.setattr(limits, "ORDERED_ENTITIES_MAX", 3)
    yield driver
    driver.run(driver.store.close())


def values_of(n: int) -> dict[str, Any]:
    return {"depth": prop(n * 7 % STOPS), "name": prop(f"Halte {n:02}"), "location": point(100.36 + n / 1e3, -0.95)}


def test_one_number_of_one_type_is_read_from_the_index_however_many_there_are(
    city: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ORDERED_VALUES_MAX", 3)
    assert names(city, asking(limit=3), by("depth")) == ["00", "07", "02"]
    assert names(city, asking(limit=2, offset=STOPS - 2), by("depth;desc")) == ["07", "00"]


def test_the_nearest_are_found_in_a_circle_however_many_there_are(
    city: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ORDERED_VALUES_MAX", 5)
    assert names(city, asking(limit=3), by("location;dist-asc", reference=MARKET)) == ["00", "01", "02"]


def test_values_of_the_index_are_ordered_up_to_a_bound(city: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(city, asking(limit=2), by("name;desc,depth,id")) == ["11", "10"]
    monkeypatch.setattr(limits, "ORDERED_VALUES_MAX", STOPS - 1)
    with pytest.raises(TooComplexQuery, match="More than 3 entities match"):
        page(city, asking(limit=2), by("name"))


def test_entities_that_have_to_be_read_are_ordered_up_to_a_bound(city: Driver) -> None:
    few = asking(ids=("urn:x:01", "urn:x:02", "urn:x:03"))
    assert names(city, few, by("name.modifiedAt,name;desc")) == ["03", "02", "01"]
    with pytest.raises(TooComplexQuery, match="a number"):
        page(city, asking(), by("name.modifiedAt"))
