"""An attribute is indexed from the first question about it: while that goes on, after faults, and in older files."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from simpul import limits
from simpul.domain.entity import Record
from simpul.domain.order import Ordering, OrderTerm
from simpul.ports.store import Draft
from simpul.store.sqlite import SqliteStore
from simpul.store.sqlite.candidates import are_filled
from simpul.store.sqlite.city import CityFile
from tests.store.audit import raise_unless_whole
from tests.store.faulty_disk import FaultyDisk, faulty_disk
from tests.store.samples import (
    NOON_US,
    TENANT,
    Driver,
    asking,
    changed_record,
    iri,
    point,
    prop,
    q,
    record_of,
    types_of,
    without,
)


class _City(Driver):
    store: SqliteStore

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self.path = folder / f"{TENANT}.db"
        super().__init__(lambda contexts: SqliteStore(folder, contexts, lambda tenant, types: None), runner)

    @property
    def file(self) -> CityFile:
        return self.store.city_file(TENANT)

    def indexed(self) -> set[str]:
        """Return the attributes of which there is a row in the index."""
        names, rows = self.file.names, self.file.read("SELECT DISTINCT column_id FROM attribute_index", ())
        columns = {row[0] for row in rows}
        return {names.iri(column.attribute) for column in names.all_columns() if column.id in columns}

    def is_filled(self, name: str, type_name: str = "Stop") -> bool:
        return are_filled(self.file.names.find_columns(iri(name), self.terms(type_name)))

    def terms(self, type_name: str) -> set[int]:
        term = self.file.names.find_term(iri(type_name))
        assert term is not None
        return {term}

    async def some_groups(self) -> None:
        """Return when a few groups were written; filling takes turns with them."""
        for number in range(3):
            record = record_of(f"urn:z:{number}", "Other")
            await self.store.write(TENANT, "token/a", partial(_create, record=record))

    def audit(self) -> int:
        self.run(self.store.close())
        return raise_unless_whole(self.path, self.contexts)


def _create(draft: Draft, record: Record) -> None:
    draft.create(record)


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner) -> Iterator[_City]:
    city = _City(tmp_path, runner)
    yield city
    city.run(city.store.close())


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a busy disk, too."""
    monkeypatch.setattr(limits, "FILLING_STEP_SECONDS_MAX", 20)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILLING_STEP_ENTITIES", 3)


def stops(count: int) -> list[Record]:
    return [
        record_of(f"urn:x:{n:03d}", depth=prop(n), name=prop(f"Halte {n}"), location=point(100, n / 100))
        for n in range(count)
    ]


class TestFirstQuestion:
    def test_nothing_is_indexed_that_nobody_asked_about(self, city: _City) -> None:
        city.put(*stops(5))
        city.change("urn:x:001", NOON_US + 1, depth=prop(7))
        assert len(city.ids(asking())) == 5
        assert city.indexed() == set()

    def test_a_question_has_its_attribute_indexed_and_no_other(self, city: _City) -> None:
        city.put(*stops(5))
        city.put(record_of("urn:y:1", "Other", depth=prop(1)))
        assert city.ids(asking(q=q("depth>2"))) == ["urn:x:003", "urn:x:004"]
        assert city.indexed() == {iri("depth")}
        assert city.is_filled("depth")
        assert not city.is_filled("depth", "Other")

    @pytest.mark.parametrize(
        ("ask", "name"),
        [
            (lambda city: city.page(asking(q=q('name=="Halte 1"'))), "name"),
            (lambda city: city.page(asking(q=q("name"))), "name"),
            (lambda city: city.page(asking(q=q("name~=Hal"))), "name"),
            (lambda city: city.page(asking(attributes=(iri("depth"),))), "depth"),
            (lambda city: city.run(city.store.count_by(TENANT, iri("Stop"), iri("depth"))), "depth"),
            (lambda city: city.run(city.store.search(TENANT, "alte", [iri("name")], None, 9)), "name"),
            (lambda city: city.run(city.store.list_ordered(TENANT, asking(), ordered_by("depth"))), "depth"),
        ],
        ids=["equation", "existence", "pattern", "attrs", "count", "search", "order"],
    )
    def test_every_way_to_ask_has_it_indexed(self, city: _City, ask: Callable[[_City], Any], name: str) -> None:
        city.put(*stops(5))
        ask(city)
        assert city.indexed() == {iri(name)}
        assert city.is_filled(name)

    def test_questions_that_come_at_once_wait_for_one_filling(self, city: _City, small_steps: None) -> None:
        city.put(*stops(10))

        async def ask() -> list[list[str]]:
            pages = [city.store.list_documents(TENANT, asking(q=q(f"depth=={n}"))) for n in range(10)]
            return [[document.id for document in page.documents] for page in await asyncio.gather(*pages)]

        assert city.run(ask()) == [[f"urn:x:{n:03d}"] for n in range(10)]

    def test_what_is_filled_stays_so_after_a_restart(self, city: _City) -> None:
        city.put(*stops(5))
        city.page(asking(q=q("depth>2")))
        city.reopen()
        assert city.is_filled("depth")
        assert city.ids(asking(q=q("depth>2"))) == ["urn:x:003", "urn:x:004"]

    def test_more_than_can_be_sorted_is_ordered_at_the_first_question(
        self, city: _City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "ORDERED_ENTITIES_MAX", 3)
        city.put(*stops(9))
        page = city.run(city.store.list_ordered(TENANT, asking(limit=2), ordered_by("depth", is_descending=True)))
        assert [document.id for document in page.documents] == ["urn:x:008", "urn:x:007"]


def ordered_by(name: str, *, is_descending: bool = False) -> Ordering:
    return Ordering((OrderTerm((iri(name),), is_descending=is_descending),))


class TestWritesMeanwhile:
    """What is written while an index is filled."""

    @pytest.mark.parametrize("seed", range(12))
    def test_an_index_that_was_filled_among_writes_is_whole(self, city: _City, small_steps: None, seed: int) -> None:
        city.put(*stops(40))
        dice = random.Random(seed)

        def write(draft: Draft) -> None:
            number = dice.randrange(50)
            before, at_us = draft.find(f"urn:x:{number:03d}"), NOON_US + 1
            if before is None:
                draft.create(record_of(f"urn:x:{number:03d}", depth=prop(dice.choice([1, "deep", [1, 2]]))))
            elif dice.random() < 0.3:
                draft.delete(before, at_us)
            elif dice.random() < 0.3 and iri("depth") in before.entity:
                draft.change(before, without(before, at_us, "depth"), [], [iri("depth")])
            elif dice.random() < 0.3:
                kinds = [iri(name) for name in dice.sample(["Stop", "Shelter", "Tree"], 2)]
                draft.replace(before, Record({**before.entity, "type": kinds}, before.times, before.context_id))
            else:
                value = dice.choice([dice.random(), "text", True, [1, 2], {"a": 1}])
                draft.change(before, changed_record(before, at_us, depth=prop(value)), [iri("depth")])

        async def run() -> None:
            asked = asyncio.ensure_future(city.store.list_documents(TENANT, asking(q=q("depth>=0"))))
            while not asked.done():
                await asyncio.gather(*(city.store.write(TENANT, "token/a", write) for _ in range(4)))

        city.run(run())
        assert city.is_filled("depth")
        for number in range(5):
            city.write(write)
            assert city.ids(asking(q=q(f"depth=={number}"))) == [
                one.id for one in city.page(asking()).documents if number in depths_of(city.record(one.id))
            ]
        city.audit()

    def test_what_was_deleted_and_comes_again_is_found(self, city: _City) -> None:
        city.put(*stops(3))
        city.page(asking(q=q("depth>0")))
        city.remove("urn:x:001")
        city.put(record_of("urn:x:001", depth=prop(30)))
        assert city.ids(asking(q=q("depth>2"))) == ["urn:x:001"]
        assert city.audit() == 3


def depths_of(record: Record) -> list[Any]:
    """Return what an equation with a whole number compares."""
    value = record.entity.get(iri("depth"), prop(None))["value"]
    return [one for one in (value if isinstance(value, list) else [value]) if type(one) in (int, float)]


class TestFaults:
    def test_nobody_waits_for_a_disk_that_stands_still(
        self, city: _City, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "FILLING_STEP_SECONDS_MAX", 0.05)
        city.put(*stops(5))
        disk.log_gate = threading.Event()

        async def run() -> None:
            writing = asyncio.ensure_future(
                city.store.write(TENANT, "token/a", lambda draft: draft.create(record_of("urn:x:9", depth=prop(9))))
            )
            await asyncio.sleep(0.02)
            page = await city.store.list_documents(TENANT, asking(q=q("depth>3")))
            assert [document.id for document in page.documents] == ["urn:x:004", "urn:x:9"]
            assert not writing.done()
            assert disk.log_gate is not None
            disk.log_gate.set()
            await writing

        city.run(run())
        assert city.ids(asking(q=q("depth>3"))) == ["urn:x:004", "urn:x:9"]
        assert city.audit() == 6

    def test_without_room_a_question_is_answered_without_an_index_and_not_tried_again_at_once(
        self, city: _City, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        city.reopen()
        city.put(*stops(5))
        disk.write_error = apsw.FullError
        for _ in range(3):
            assert city.ids(asking(q=q("depth>3"))) == ["urn:x:004"]
        failures = len(disk.events)
        city.page(asking(q=q("depth>3")))
        assert len(disk.events) == failures
        disk.write_error = None
        assert not city.is_filled("depth")
        monkeypatch.setattr(limits, "FILLING_PAUSE_SECONDS", 0)
        assert city.ids(asking(q=q("depth>3"))) == ["urn:x:004"]
        assert city.is_filled("depth")
        assert city.audit() == 5

    def test_a_filling_that_was_cut_off_is_begun_anew(self, city: _City, small_steps: None) -> None:
        city.put(*stops(30))

        async def ask_and_close() -> None:
            asked = asyncio.ensure_future(city.store.list_documents(TENANT, asking(q=q("depth>27"))))
            await city.some_groups()
            await city.store.close()
            page = (await asyncio.gather(asked, return_exceptions=True))[0]
            assert page is not None

        city.run(ask_and_close())
        city.reopen()
        assert city.indexed() == {iri("depth")}
        assert not city.is_filled("depth")
        city.change("urn:x:002", NOON_US + 1, depth=prop(99))
        city.remove("urn:x:001")
        assert city.ids(asking(q=q("depth>27"))) == ["urn:x:028", "urn:x:029", "urn:x:002"]
        assert city.audit() == 32

    def test_the_rows_of_a_group_that_failed_are_filled_again(
        self, city: _City, disk: FaultyDisk, small_steps: None
    ) -> None:
        city.reopen()
        city.put(*stops(30))

        async def run() -> None:
            asked = asyncio.ensure_future(city.store.list_documents(TENANT, asking(q=q("depth>27"))))
            await city.some_groups()
            disk.log_errno = 5
            assert [document.id for document in (await asked).documents] == ["urn:x:028", "urn:x:029"]
            disk.mend()

        city.run(run())
        city.change("urn:x:002", NOON_US + 1, depth=prop(99))
        assert sorted(city.ids(asking(q=q("depth>27")))) == ["urn:x:002", "urn:x:028", "urn:x:029"]
        assert city.audit() == 33


def test_a_file_from_before_is_taken_over_with_its_index_and_counted(city: _City) -> None:
    city.put(*stops(4), record_of("urn:x:9", "Stop", depth=[prop(1), prop(2, datasetId="urn:d:2")]))
    for name in ("depth", "name", "location"):
        city.page(asking(q=q(name)))
    counted = city.run(city.store.list_attributes(TENANT))
    city.run(city.store.close())
    connection = apsw.Connection(str(city.path))
    for column in ("entities", "filled"):
        connection.execute(f"ALTER TABLE attribute_column DROP COLUMN {column}")
    connection.close()
    city.reopen()
    assert city.run(city.store.list_attributes(TENANT)) == counted
    assert city.is_filled("depth")
    assert city.ids(asking(types_of("Stop"), q=q("depth>2"))) == ["urn:x:003"]
    assert city.audit() == 5
