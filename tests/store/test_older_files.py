"""A file whose change log lies as it once did is made one of today's when it is opened; and what a log has room for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from simpul import limits
from simpul.domain.errors import StorageFull
from simpul.ports.store import Change
from simpul.store.sqlite import SqliteStore
from tests.store.audit import raise_unless_whole
from tests.store.samples import NOON_US, TENANT, Driver, prop, record_of

_IDS = [f"urn:x:{number}" for number in range(5)]

_AS_BEFORE = """
CREATE TABLE before (
  eid INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  body BLOB NOT NULL,
  removed TEXT,
  PRIMARY KEY (eid, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO before SELECT eid, sequence, at_us, kind, origin, body, removed FROM history;
DROP TABLE history;
ALTER TABLE before RENAME TO history;
"""


class _City(Driver):
    store: SqliteStore

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self.path = folder / f"{TENANT}.db"
        super().__init__(lambda contexts: SqliteStore(folder, contexts, lambda tenant, types: None), runner)

    def logs(self) -> dict[str, list[Change]]:
        return {entity_id: self.store.list_changes(TENANT, entity_id) for entity_id in _IDS}


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner) -> Iterator[_City]:
    city = _City(tmp_path, runner)
    yield city
    city.run(city.store.close())
    raise_unless_whole(city.path, city.contexts)


def test_every_entry_of_the_log_is_there_and_new_ones_are_added_behind_them(city: _City) -> None:
    city.put(*(record_of(entity_id, depth=prop(0)) for entity_id in _IDS))
    for depth in range(1, 4):
        for entity_id in _IDS:
            city.change(entity_id, NOON_US + depth, depth=prop(depth))
    city.remove(_IDS[0], NOON_US + 9)
    made = city.logs()
    city.run(city.store.close())
    file = apsw.Connection(str(city.path))
    file.execute(_AS_BEFORE)
    file.close()

    city.reopen()
    assert city.logs() == made
    city.change(_IDS[1], NOON_US + 4, depth=prop(4))
    (*others, new) = city.logs()[_IDS[1]]
    assert others == made[_IDS[1]]
    assert new.sequence > max(one.sequence for log in made.values() for one in log)


@pytest.mark.parametrize("limit", ["HISTORY_ENTITIES_MAX", "HISTORY_ENTRIES_MAX"])
def test_a_write_for_which_the_log_has_no_place_is_refused_and_leaves_nothing(
    city: _City, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(limits, limit, 2)
    city.put(record_of(_IDS[0]), record_of(_IDS[1]))
    with pytest.raises(StorageFull, match="Move part of the city"):
        city.put(record_of(_IDS[2]))
    assert city.find(_IDS[2]) is None
    assert city.find(_IDS[1]) is not None


def test_the_last_entity_and_the_last_entry_of_a_log_have_their_place(city: _City) -> None:
    numbers = city.store.city_file(TENANT)._numbers
    numbers.eid, numbers.sequence = limits.HISTORY_ENTITIES_MAX - 1, limits.HISTORY_ENTRIES_MAX - 1
    city.put(record_of(_IDS[0], depth=prop(1)))
    (only,) = city.store.list_changes(TENANT, _IDS[0])
    assert only.sequence == limits.HISTORY_ENTRIES_MAX
