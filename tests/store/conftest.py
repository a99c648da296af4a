"""The event loop that the tests of stores share within one test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.store.contract", "tests.store.order_contract", "tests.store.query_contract")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return a runner of coroutines, all in one loop."""
    with asyncio.Runner() as runner:
        yield runner
