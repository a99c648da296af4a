"""A question that is ready but for its number finds what the question itself finds, and says when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simpul.domain.query import EntityQuery
from simpul.ports.store import NumberRange
from simpul.store.sqlite import SqliteStore
from tests.store.samples import TENANT, Driver, asking, prop, q, record_of

SIGNS = [">", ">=", "<", "<=", "=="]


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Driver]:
    """Return a city with numbers in two types."""
    driver = Driver(lambda contexts: SqliteStore(tmp_path, contexts, lambda tenant, types: None), runner)
    driver.put(*(record_of(f"urn:x:{n}", depth=prop(n % 7 - 2.5)) for n in range(30)))
    driver.put(record_of("urn:x:none"), record_of("urn:y:1", "Other", depth=prop(3)))
    # From the first question on there is an index to read from.
    driver.page(asking(None, q=q("depth>0")))
    yield driver
    driver.run(driver.store.close())


def find_range(city: Driver, query: EntityQuery) -> NumberRange | None:
    assert isinstance(city.store, SqliteStore)
    return city.store.find_number_range(TENANT, query)


def bodies(city: Driver, query: EntityQuery) -> list[bytes]:
    return [document.body for document in city.page(query).documents]


NUMBERS = st.integers(-4, 5) | st.sampled_from([-2.5, 0.5, 1e9])


@given(sign=st.sampled_from(SIGNS), number=NUMBERS, offset=st.integers(0, 9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_range_has_the_page_of_the_question(city: Driver, sign: str, number: float, offset: int) -> None:
    found = find_range(city, asking(q=q(f"depth{sign}1"), limit=5, offset=offset))
    assert found is not None
    page = found.read(number)
    assert page is not None
    assert [body for _, body in page] == bodies(city, asking(q=q(f"depth{sign}{number}"), limit=5, offset=offset))
    assert {context_id for context_id, _ in page} <= {0}


@pytest.mark.parametrize(
    "query",
    [
        asking(),
        asking(q=q("depth>1;depth<3")),
        asking(q=q('depth=="a"')),
        asking(q=q("depth==1..2")),
        asking(q=q("depth>1"), counts=True),
        asking(q=q("depth>1"), ids=("urn:x:1",)),
        asking(q=q("unheard>1")),
        asking(None, q=q("depth>1")),
        asking(q=q("depth>1"), readable_types=frozenset()),
    ],
)
def test_what_takes_more_than_one_range_has_none(city: Driver, query: EntityQuery) -> None:
    assert find_range(city, query) is None


def test_a_range_ends_when_its_column_holds_more_than_numbers(city: Driver) -> None:
    found = find_range(city, asking(q=q("depth>1")))
    assert found is not None
    assert found.read(0)
    city.put(record_of("urn:x:list", depth=prop([1, 2])))
    assert found.read(0) is None
    assert find_range(city, asking(q=q("depth>1"))) is None


def test_a_range_sees_what_is_written_at_once(city: Driver) -> None:
    found = find_range(city, asking(q=q("depth>1")))
    assert found is not None
    assert found.read(100) == []
    city.put(record_of("urn:x:deep", depth=prop(101)))
    assert len(found.read(100) or []) == 1
