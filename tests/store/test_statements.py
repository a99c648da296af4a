"""Statements that are compiled once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from simpul.ports.store import Draft
from simpul.store.sqlite import SqliteStore
from tests.store.samples import TENANT, Driver, prop, record_of

_CLIENTS = 64


def test_a_group_of_many_clients_finds_its_statements_compiled(tmp_path: Path, runner: asyncio.Runner) -> None:
    city = Driver(lambda contexts: SqliteStore(tmp_path, contexts, lambda tenant, types: None), runner)
    try:
        for group in range(4):
            if group == 2:
                before = _compiled(city)
            city.write_together(*[_creating(group * _CLIENTS + number) for number in range(_CLIENTS)])
        assert _compiled(city) == before
    finally:
        city.run(city.store.close())


def _creating(number: int) -> Callable[[Draft], None]:
    def create(draft: Draft) -> None:
        entity_id = f"urn:ngsi-ld:Stop:{number}"
        assert not draft.exists(entity_id)
        draft.create(record_of(entity_id, level=prop(number)))

    return create


def _compiled(city: Driver) -> int:
    assert isinstance(city.store, SqliteStore)
    statistics = city.store._cities[TENANT].writer.cache_stats()
    return int(statistics["misses"])
