"""Between a COMMIT and the sync of its log: what is seen, what nobody is told, and what a failing sync undoes."""

from __future__ import annotations

import asyncio
import errno
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simpul import limits
from simpul.app.contexts import ContextLibrary
from simpul.domain.errors import AlreadyExists, HubError, StorageFull, StorageUnavailable
from simpul.domain.watch import Interest, pack_numbers
from simpul.ports.outbox import Notice
from simpul.ports.registrations import SourceNotice, SourceSubscription
from simpul.ports.store import Draft
from simpul.store.sqlite import SqliteStore
from simpul.store.sqlite.city import CityFile
from tests.store.audit import raise_unless_whole
from tests.store.faulty_disk import FaultyDisk, faulty_disk
from tests.store.samples import NOON_US, TENANT, Driver, NoNetwork, asking, changed_record, iri, prop, q, record_of


class _Everybody:
    """A watch for which every change concerns the subscription with the number 1."""

    def find_interest(self, *_: Any) -> Interest:
        return Interest(pack_numbers([1]), wants_previous=False)


class _City(Driver):
    """A city on a disk that can be held up and broken, and what it told its listeners."""

    store: SqliteStore

    def __init__(self, folder: Path, runner: asyncio.Runner, disk: FaultyDisk) -> None:
        self.disk = disk
        self.path = folder / f"{TENANT}.db"
        self.told: list[dict[str, int]] = []
        super().__init__(lambda contexts: SqliteStore(folder, contexts, self._hear), runner)

    def _hear(self, tenant: str, types: dict[str, int]) -> None:
        self.told.append(dict(types))

    def create(self, entity_id: str, **attributes: Any) -> asyncio.Future[None]:
        record = record_of(entity_id, **attributes)
        return asyncio.ensure_future(self.store.write(TENANT, "token/a", lambda draft: _create(draft, record)))

    async def sync_begun(self) -> None:
        assert await asyncio.to_thread(self.disk.log_syncs.acquire, timeout=20)

    @property
    def file(self) -> CityFile:
        return self.store.city_file(TENANT)

    def raise_unless_only(self, *ids: str) -> None:
        """Check that these entities are there and no others, now, after a restart, and in every index."""
        for _ in range(2):
            assert self.ids(asking(None)) == list(ids)
            assert sum(self.store.count_types(TENANT).values()) == len(ids)
            self.reopen()
        self.run(self.store.close())
        assert raise_unless_whole(self.path, self.contexts) == len(ids)


def _create(draft: Draft, record: Any) -> None:
    if draft.find(record.id) is not None:
        raise AlreadyExists("It is there.")
    draft.create(record)


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner, disk: FaultyDisk) -> Iterator[_City]:
    city = _City(tmp_path, runner, disk)
    yield city
    disk.mend()
    city.run(city.store.close())


@pytest.fixture
def gate(city: _City) -> threading.Event:
    """Hold every sync of a log up until this is set."""
    city.disk.log_syncs = threading.Semaphore(0)
    city.disk.log_gate = threading.Event()
    return city.disk.log_gate


class TestWaiting:
    """While the disk works."""

    def test_a_write_is_seen_before_its_sync_and_acknowledged_after_it(
        self, city: _City, gate: threading.Event
    ) -> None:
        async def run() -> None:
            writing = city.create("urn:x:1", depth=prop(1))
            await city.sync_begun()
            await asyncio.sleep(0.02)
            assert not writing.done()
            assert city.told == []
            assert city.find("urn:x:1") is not None
            assert len((await city.store.list_documents(TENANT, asking(q=q("depth==1")))).documents) == 1
            gate.set()
            await writing
            assert city.told == [{iri("Stop"): 1}]

        city.run(run())

    def test_the_next_group_is_applied_meanwhile_and_committed_after_the_sync(
        self, city: _City, gate: threading.Event
    ) -> None:
        async def run() -> None:
            first = city.create("urn:x:1")
            await city.sync_begun()
            applied = asyncio.Event()

            def create(draft: Draft) -> None:
                _create(draft, record_of("urn:x:2"))
                applied.set()

            second = asyncio.ensure_future(city.store.write(TENANT, "token/a", create))
            await applied.wait()
            await asyncio.sleep(0.02)
            assert city.find("urn:x:2") is None
            assert not any(one.done() for one in (first, second))
            gate.set()
            await asyncio.gather(first, second)

        city.run(run())
        city.raise_unless_only("urn:x:1", "urn:x:2")

    def test_a_group_much_smaller_than_the_one_at_the_disk_waits_until_more_has_come(
        self, city: _City, gate: threading.Event
    ) -> None:
        """A sync of its own would keep all the others waiting for one."""

        async def run() -> None:
            first = [city.create(f"urn:x:{number}") for number in range(4)]
            await city.sync_begun()
            applied: list[int] = []

            def create(draft: Draft, number: int) -> None:
                _create(draft, record_of(f"urn:y:{number}"))
                applied.append(number)

            def write(number: int) -> asyncio.Future[None]:
                operation = partial(create, number=number)
                return asyncio.ensure_future(city.store.write(TENANT, "token/a", operation))

            one = write(1)
            await asyncio.sleep(0.02)
            assert applied == []
            two = write(2)
            await asyncio.sleep(0.02)
            assert applied == [1, 2]
            gate.set()
            await asyncio.gather(*first, one, two)

        city.run(run())

    def test_a_small_group_is_made_when_the_disk_has_nothing_else_to_do(
        self, city: _City, gate: threading.Event
    ) -> None:
        async def run() -> None:
            first = [city.create(f"urn:x:{number}") for number in range(8)]
            await city.sync_begun()
            last = city.create("urn:y:1")
            gate.set()
            await asyncio.wait_for(asyncio.gather(*first, last), 20)

        city.run(run())
        city.raise_unless_only(*(f"urn:x:{number}" for number in range(8)), "urn:y:1")

    def test_what_was_found_in_a_group_is_told_when_that_is_durable(self, city: _City, gate: threading.Event) -> None:
        async def run() -> None:
            first = city.create("urn:x:1")
            await city.sync_begun()
            again = city.create("urn:x:1")
            unchanged = asyncio.ensure_future(
                city.store.write(TENANT, "token/a", lambda draft: draft.find("urn:x:1") is not None)
            )
            await asyncio.sleep(0.02)
            assert not any(one.done() for one in (first, again, unchanged))
            gate.set()
            assert await unchanged
            with pytest.raises(AlreadyExists):
                await again
            await first

        city.run(run())

    def test_no_notice_is_passed_on_or_listed_before_its_sync(self, city: _City, gate: threading.Event) -> None:
        offered: list[Notice] = []
        city.store.outbox.set_listener(lambda tenant, notices: offered.extend(notices))
        city.store.outbox.set_watch(TENANT, _Everybody())

        async def run() -> None:
            writing = city.create("urn:x:1")
            await city.sync_begun()
            listing = asyncio.ensure_future(city.store.outbox.list_notices(TENANT, 0, 10))
            await asyncio.sleep(0.05)
            assert not listing.done()
            assert offered == []
            gate.set()
            assert await listing == offered
            assert len(offered) == 1
            await writing

        city.run(run())

    def test_no_notice_of_a_registration_is_listed_before_its_sync(self, city: _City, gate: threading.Event) -> None:
        notice = SourceNotice("urn:s:1", "newly_matching", [], NOON_US)
        kept = SourceSubscription("urn:s:1", {}, NOON_US, NOON_US)

        async def run() -> None:
            putting = asyncio.ensure_future(city.store.registrations.put_source_subscription(TENANT, kept, [notice]))
            await city.sync_begun()
            listing = asyncio.ensure_future(city.store.registrations.list_source_notices(TENANT, "urn:s:1", 1))
            await asyncio.sleep(0.02)
            assert not listing.done()
            gate.set()
            assert len(await listing) == 1
            await putting

        city.run(run())

    def test_a_store_that_is_closed_meanwhile_acknowledges_first(self, city: _City, gate: threading.Event) -> None:
        async def run() -> None:
            writing = city.create("urn:x:1")
            await city.sync_begun()
            closing = asyncio.ensure_future(city.store.close())
            await asyncio.sleep(0.02)
            assert not closing.done()
            gate.set()
            await writing
            await closing

        city.run(run())
        city.raise_unless_only("urn:x:1")

    def test_one_city_does_not_wait_for_the_disk_of_another(self, city: _City) -> None:
        city.run(city.store.create_tenant("solok"))
        held = threading.Event()
        sync = city.file.sync

        def wait_and_sync() -> None:
            assert held.wait(20)
            sync()

        async def run() -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(city.file, "sync", wait_and_sync)
                writing = city.create("urn:x:1")
                await city.store.write("solok", "token/a", lambda draft: draft.create(record_of("urn:s:1")))
                assert not writing.done()
                held.set()
                await writing

        city.run(run())


class TestFailing:
    """A sync that fails: nothing that rested on it is kept or told, and the store goes on."""

    @pytest.mark.parametrize(("code", "raised"), [(errno.EIO, StorageUnavailable), (errno.ENOSPC, StorageFull)])
    def test_the_group_and_the_one_made_upon_it_are_refused_and_taken_back(
        self, city: _City, gate: threading.Event, code: int, raised: type[HubError]
    ) -> None:
        gate.set()
        city.put(record_of("urn:x:0", depth=prop(0)))
        city.find("urn:x:0")
        city.told.clear()
        gate.clear()
        city.disk.log_syncs = threading.Semaphore(0)
        offered: list[Notice] = []
        city.store.outbox.set_listener(lambda tenant, notices: offered.extend(notices))
        city.store.outbox.set_watch(TENANT, _Everybody())

        def change(draft: Draft) -> None:
            before = city.existing(draft, "urn:x:0")
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(1)), [iri("depth")])

        async def run() -> list[Any]:
            first = [
                city.create("urn:x:1", height=prop(1)),
                asyncio.ensure_future(city.store.write(TENANT, "", change)),
            ]
            await city.sync_begun()
            second = [city.create("urn:x:2", width=prop(1)), city.create("urn:x:1")]
            unread = asyncio.ensure_future(city.store.outbox.list_notices(TENANT, 0, 10))
            await asyncio.sleep(0.02)
            city.disk.log_errno = code
            gate.set()
            return await asyncio.gather(*first, *second, unread, return_exceptions=True)

        *answers, unread = city.run(run())
        assert [type(answer) for answer in answers[:3]] == [raised] * 3
        assert isinstance(answers[3], HubError)
        assert isinstance(unread, raised)
        assert (offered, city.told) == ([], [{}])
        assert city.ids(asking(None)) == ["urn:x:0"]
        assert city.record("urn:x:0").entity[iri("depth")] == prop(0)
        assert city.ids(asking(q=q("depth==1"))) == []
        with pytest.raises(raised):
            city.put(record_of("urn:x:3"))
        city.disk.mend()
        city.put(record_of("urn:x:4", width=prop(2)))
        assert city.ids(asking(q=q("width==2"))) == ["urn:x:4"]
        assert city.ids(asking(q=q("height==1"))) == []
        assert len(offered) == 1
        city.raise_unless_only("urn:x:0", "urn:x:4")

    def test_an_answer_that_rested_on_it_is_refused_too(self, city: _City, gate: threading.Event) -> None:
        async def run() -> None:
            first = city.create("urn:x:1")
            await city.sync_begun()
            unchanged = asyncio.ensure_future(
                city.store.write(TENANT, "token/a", lambda draft: draft.find("urn:x:1") is not None)
            )
            await asyncio.sleep(0.02)
            city.disk.log_errno = errno.EIO
            gate.set()
            for answer in (first, unchanged):
                with pytest.raises(StorageUnavailable):
                    await answer

        city.run(run())

    def test_while_another_program_holds_the_file_reading_goes_on_and_writing_when_it_has_closed_it(
        self, city: _City
    ) -> None:
        """Nothing can be taken back behind the back of a program that has read the log."""
        city.put(record_of("urn:x:1"))
        script = (
            "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('SELECT * FROM entity').get; "
            "print('open', flush=True); sys.stdin.read(); c.close()"
        )
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", script, str(city.path)]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            city.disk.log_errno = errno.EIO
            with pytest.raises(StorageUnavailable):
                city.put(record_of("urn:y:1"))
            city.disk.mend()
            with pytest.raises(StorageUnavailable, match="another program"):
                city.put(record_of("urn:y:2"))
            assert city.find("urn:x:1") is not None
            assert process.stdin is not None
            process.stdin.close()
        city.put(record_of("urn:x:2"))
        city.raise_unless_only("urn:x:1", "urn:x:2")

    def test_a_city_whose_log_cannot_be_synced_when_it_is_opened_is_not_served(self, city: _City) -> None:
        """Its log is there when the process that wrote to it was killed."""
        city.put(record_of("urn:x:1"))
        log = city.path.with_name(city.path.name + "-wal")
        left = {path: path.read_bytes() for path in (city.path, log)}
        city.run(city.store.close())
        for path, content in left.items():
            path.write_bytes(content)
        city.disk.log_errno = errno.EIO
        with pytest.raises(StorageUnavailable, match=r"padang\.db"):
            city.find("urn:x:1")
        city.disk.mend()
        assert city.find("urn:x:1") is not None

    def test_what_is_there_is_what_was_acknowledged_however_often_the_disk_fails(
        self, city: _City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With a log that is moved all the time: nothing of what is not synced may get into the file."""
        monkeypatch.setattr(limits, "CHECKPOINT_WAL_BYTES", 128 * 1024)
        chance, kept = random.Random(7), set[str]()
        sync = city.disk.sync_log

        def sync_or_fail(descriptor: int) -> None:
            city.disk.log_errno = errno.EIO if chance.random() < 0.1 else 0
            sync(descriptor)

        async def write(writer: int) -> None:
            for step in range(30):
                entity_id = f"urn:x:{writer}:{step}"
                try:
                    await city.create(entity_id, depth=prop(step), text=prop("x" * 300))
                except StorageUnavailable:
                    continue
                kept.add(entity_id)

        async def run() -> None:
            await asyncio.gather(*(write(writer) for writer in range(20)))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("os.fdatasync", sync_or_fail)
            city.run(run())
        city.disk.mend()
        assert 100 < len(kept) < 600
        assert set(city.ids(asking(None))) == kept
        city.run(city.store.close())
        assert raise_unless_whole(city.path, city.contexts) == len(kept)


def test_what_is_durable_is_what_a_power_cut_leaves(tmp_path: Path, runner: asyncio.Runner) -> None:
    """Cut the log behind what was synced last, at every sync: what was acknowledged by then is there."""
    with faulty_disk() as disk:
        city = _City(tmp_path / "now", runner, disk)
        log = city.path.with_name(city.path.name + "-wal")
        lengths: list[int] = []
        for number in range(20):
            city.put(record_of(f"urn:x:{number}", depth=prop(number)))
            lengths.append(log.stat().st_size)
        data, written = city.path.read_bytes(), log.read_bytes()
        city.run(city.store.close())
    for number, length in enumerate(lengths):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / city.path.name).write_bytes(data)
        (folder / log.name).write_bytes(written[:length])
        store = SqliteStore(folder, ContextLibrary(NoNetwork()), lambda tenant, types: None)
        page = runner.run(store.list_documents(TENANT, asking()))
        assert [document.id for document in page.documents] == [f"urn:x:{one}" for one in range(number + 1)]
        runner.run(store.close())
