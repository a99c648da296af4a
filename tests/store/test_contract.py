"""The contract of a store, for each backend and for the model that is its oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from simpul.app.contexts import ContextLibrary
from simpul.store.sqlite import SqliteStore
from tests.store import contract, order_contract, query_contract
from tests.store.model import ModelStore
from tests.store.samples import Driver, Store


class WholeContract(
    contract.EntityContract,
    contract.ExpiryContract,
    contract.WriteContract,
    contract.TenantContract,
    contract.SourceContract,
    contract.IdentityContract,
    contract.SummaryContract,
    query_contract.QuestionContract,
    query_contract.PageContract,
    query_contract.PlaceContract,
    order_contract.OrderContract,
    order_contract.OrderedQuestionContract,
):
    """Every part of it."""


class TestSqliteStore(WholeContract):
    """One SQLite file per city."""

    @pytest.fixture
    def city(self, tmp_path: Path, runner: asyncio.Runner) -> Iterator[Driver]:
        def open_store(contexts: ContextLibrary) -> Store:
            return SqliteStore(tmp_path, contexts, lambda tenant, types: None)

        driver = Driver(open_store, runner)
        yield driver
        driver.run(driver.store.close())


class TestModelStore(WholeContract):
    """Plain dicts: the oracle keeps the contract, too."""

    @pytest.fixture
    def city(self, runner: asyncio.Runner) -> Driver:
        kept: list[tuple[ContextLibrary, Store]] = []

        def open_store(contexts: ContextLibrary) -> Store:
            # A model has no disk: what it kept, it kept in the contexts of the first opening.
            if not kept:
                kept.append((contexts, ModelStore(contexts)))
            vars(contexts).update(vars(kept[0][0]))
            return kept[0][1]

        return Driver(open_store, runner)
