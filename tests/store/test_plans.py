"""How SQLite runs the hot statements: each by the index that is meant, none by reading all of a table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simpul.store.sqlite import SqliteStore
from simpul.store.sqlite.connection import SQL
from tests.store.samples import Driver, point, prop, record_of

# Statement → its parameters, and the lines of its plan, in their order.
_PLANS: dict[str, tuple[tuple[Any, ...], list[str]]] = {
    "get_entity": (("urn:x:1",), ["SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)"]),
    "get_entity_eid": (("urn:x:1",), ["SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)"]),
    "get_entity_with_times": (("urn:x:1",), ["SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)"]),
    "list_entities": (("[1,2]",), [
        "SCAN wanted VIRTUAL TABLE INDEX 1:", "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "list_times": (("[1,2]",), [
        "SCAN wanted VIRTUAL TABLE INDEX 1:", "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "update_entity": ((1, 1, 0, 1, 1, None, b"{}"), ["SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)"]),
    "page_of_type": ((1, 20, 0), ["SEARCH entity_type USING PRIMARY KEY (type=?)"]),
    "page_of_number_above": ((1, 5, 20, 0), [
        "SEARCH attribute_index USING PRIMARY KEY (column_id=? AND value>? AND value<?)",
        "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "page_of_number_equal": ((1, 5, 20, 0), [
        "SEARCH attribute_index USING PRIMARY KEY (column_id=? AND value=?)",
        "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "page_of_number_between": ((1, 5, 6, 20, 0), [
        "SEARCH attribute_index USING PRIMARY KEY (column_id=? AND value>? AND value<?)",
        "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "page_of_bodies": ((1, 0, 500), [
        "SEARCH entity_type USING PRIMARY KEY (type=? AND eid>?)", "SEARCH entity USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "candidates_of_type": ((1,), ["SEARCH entity_type USING PRIMARY KEY (type=?)"]),
    "candidates_from_to": ((1, 5, 6), [
        "SEARCH attribute_index USING PRIMARY KEY (column_id=? AND value>? AND value<?)",
    ]),
    "candidates_with_attribute": ((1,), ["SEARCH attribute_index USING PRIMARY KEY (column_id=?)"]),
    "candidates_of_ids": (('["urn:x:1"]',), [
        "SCAN wanted VIRTUAL TABLE INDEX 1:", "SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)",
    ]),
    "geo_points": ((1, 5, 6, 1.0, 2.0, 1.0, 2.0), [
        "SEARCH geo_index USING PRIMARY KEY (column_id=? AND cell>? AND cell<?)",
    ]),
    "geo_cells": ((1, 5, 6), ["SEARCH geo_index USING PRIMARY KEY (column_id=? AND cell>? AND cell<?)"]),
    "list_history": (("urn:x:1", 10), [
        "SEARCH entity USING COVERING INDEX sqlite_autoindex_entity_1 (id=?)",
        "SEARCH history USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "SEARCH origin USING INTEGER PRIMARY KEY (rowid=?)",
    ]),
    "search_ids": (("a", "b"), ["SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id>? AND id<?)"]),
    "find_digests": (('["1"]', "halte"), [
        "SCAN wanted VIRTUAL TABLE INDEX 1:", "SEARCH source_row USING PRIMARY KEY (source=? AND key=?)",
    ]),
    "list_entities_by_id": (('["urn:x:1"]',), [
        "SCAN wanted VIRTUAL TABLE INDEX 1:", "SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)",
    ]),
    "count_source_rows": (("halte",), ["SEARCH source_row USING PRIMARY KEY (source=?)"]),
    "page_of_source_rows": (("halte", "", 10), ["SEARCH source_row USING PRIMARY KEY (source=? AND key>?)"]),
    "find_token": ((b"d",), ["SEARCH token USING INDEX sqlite_autoindex_token_2 (digest=?)"]),
    "delete_attribute_index": ((1, 5, 1), [
        "SEARCH attribute_index USING PRIMARY KEY (column_id=? AND value=? AND eid=?)",
    ]),
    "delete_geo_index": ((1, 5, 1), ["SEARCH geo_index USING PRIMARY KEY (column_id=? AND cell=? AND eid=?)"]),
    "delete_entity_type": ((1, 1), ["SEARCH entity_type USING PRIMARY KEY (type=? AND eid=?)"]),
}  # fmt: skip


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Driver]:
    driver = Driver(lambda contexts: SqliteStore(tmp_path, contexts, lambda tenant, types: None), runner)
    driver.put(*(record_of(f"urn:x:{n}", depth=prop(n), location=point(100, n / 100)) for n in range(50)))
    yield driver
    driver.run(driver.store.close())


@pytest.mark.parametrize("name", list(_PLANS))
def test_a_hot_statement_runs_by_the_index_that_is_meant(city: Driver, name: str) -> None:
    assert isinstance(city.store, SqliteStore)
    parameters, expected = _PLANS[name]
    statement = f"EXPLAIN QUERY PLAN {getattr(SQL, name)}"
    rows: list[Any] = city.store._city("padang").reader.execute(statement, parameters).fetchall()
    assert [row[3] for row in rows] == expected


def test_every_statement_is_one_that_this_schema_knows(city: Driver) -> None:
    assert isinstance(city.store, SqliteStore)
    connection = city.store._city("padang").reader
    for name, statement in vars(SQL).items():
        if name not in {"begin", "begin_reading", "commit", "rollback", "bodies_of_rows", "count_rows"}:
            parameters = (None,) * 20
            used = statement.count("?")
            numbered = max((n for n in range(1, 20) if f"?{n}" in statement), default=0)
            connection.execute(f"EXPLAIN {statement}", parameters[: numbered or used]).fetchall()
