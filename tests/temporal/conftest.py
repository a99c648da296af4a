"""A hub that serves pages of few instances, and a client that may write to it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.http.conftest import Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(tmp_path_factory.mktemp("kota"), temporal_page_instances=25)


@pytest.fixture(scope="module")
def writer(served: Served) -> Iterator[httpx2.Client]:
    with served.client(authorization=f"Bearer {served.token('integrator')}") as client:
        yield client


@pytest.fixture
def anonymous(served: Served) -> Iterator[httpx2.Client]:
    with served.client() as client:
        yield client
