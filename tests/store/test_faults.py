"""Full, broken and locked disks, damaged files: each a clear error, nothing kept, and a store that goes on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from simpul import limits
from simpul.app.contexts import ContextLibrary
from simpul.domain.errors import HubBusy, HubError, InternalError, StorageFull, StorageUnavailable
from simpul.ports.store import Document, Draft, Token
from simpul.store.sqlite import SqliteStore, log
from simpul.store.sqlite.cache import DocumentCache
from simpul.store.sqlite.city import CityFile
from tests.store.audit import raise_unless_whole
from tests.store.faulty_disk import FaultyDisk, faulty_disk
from tests.store.samples import (
    NOON_US,
    TENANT,
    Driver,
    NoNetwork,
    asking,
    changed_record,
    iri,
    prop,
    q,
    record_of,
)

_ROOT = Path(__file__).parents[2]
_NOBODY = 65534


def _open_in(directory: Path) -> Callable[[ContextLibrary], SqliteStore]:
    return lambda contexts: SqliteStore(directory, contexts, lambda tenant, types: None)


@pytest.fixture
def city(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Driver]:
    driver = Driver(_open_in(tmp_path), runner)
    yield driver
    driver.run(driver.store.close())


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


def _file_of(city: Driver) -> CityFile:
    assert isinstance(city.store, SqliteStore)
    return city.store._cities[TENANT]


def _raise_unless_only(city: Driver, *ids: str) -> None:
    """Check that these entities are there and no others, now and after a restart."""
    for _ in range(2):
        assert city.ids(asking(None)) == list(ids)
        assert sum(city.store.count_types(TENANT).values()) == len(ids)
        city.reopen()


class TestDurability:
    """What is acknowledged is on the disk."""

    def test_a_commit_is_synced_before_it_is_acknowledged(self, disk: FaultyDisk, city: Driver) -> None:
        for number in range(5):
            disk.events.clear()
            city.put(record_of(f"urn:x:{number}", depth=prop(number)))
            log = [kind for kind, name in disk.events if name.endswith("-wal")]
            assert "write" in log
            assert log[-1] == "sync"

    def test_a_token_and_a_declaration_are_synced_before_they_are_acknowledged(
        self, disk: FaultyDisk, city: Driver
    ) -> None:
        disk.events.clear()
        city.run(city.store.put_declarations(TENANT, {"city.yaml": {}}))
        log = [kind for kind, name in disk.events if name.endswith("-wal")]
        assert log[-1] == "sync"

    def test_writes_that_come_together_share_their_syncs(self, disk: FaultyDisk, city: Driver) -> None:
        disk.events.clear()
        city.write_together(*(_creating(f"urn:x:{number}") for number in range(200)))
        assert sum(kind == "sync" for kind, name in disk.events if name.endswith("-wal")) <= 4
        assert len(city.ids(asking())) == 200


def _creating(entity_id: str, *types: str) -> Callable[[Draft], None]:
    return lambda draft: draft.create(record_of(entity_id, types or "Stop", depth=prop(1)))


class TestBrokenDisk:
    """A disk that takes no more, or fails."""

    @pytest.mark.parametrize(("error", "raised"), [
        (apsw.FullError, StorageFull), (apsw.IOError, StorageUnavailable),
    ])  # fmt: skip
    def test_a_disk_that_takes_no_more_keeps_nothing_and_reading_goes_on(
        self, disk: FaultyDisk, city: Driver, error: type[apsw.Error], raised: type[HubError]
    ) -> None:
        city.put(record_of("urn:x:1", depth=prop(1)))
        disk.write_error = error
        answers = city.write_together(*(_creating(f"urn:y:{number}", f"New{number}") for number in range(5)))
        assert [type(answer) for answer in answers] == [raised] * 5
        assert f"{TENANT}.db" in answers[0].detail
        with pytest.raises(raised):
            city.run(city.store.put_declarations(TENANT, {"city.yaml": {}}))
        assert city.ids(asking()) == ["urn:x:1"]
        assert city.ids(asking(q=q("depth==1"))) == ["urn:x:1"]
        assert city.find("urn:y:1") is None
        disk.write_error = None
        city.put(record_of("urn:z:1", "Newer", depth=prop(1)))
        assert city.ids(asking("Newer", q=q("depth==1"))) == ["urn:z:1"]
        _raise_unless_only(city, "urn:x:1", "urn:z:1")

    def test_a_disk_that_fails_to_sync_acknowledges_nothing(self, disk: FaultyDisk, city: Driver) -> None:
        city.put(record_of("urn:x:1", depth=prop(1)))
        disk.fail()
        for number in range(2):
            with pytest.raises(StorageUnavailable, match=r"padang\.db"):
                city.put(record_of(f"urn:y:{number}"))
            assert city.ids(asking()) == ["urn:x:1"]
        disk.mend()
        city.put(record_of("urn:z:1"))
        _raise_unless_only(city, "urn:x:1", "urn:z:1")

    def test_a_disk_that_is_full_for_the_checkpoint_alone_refuses_no_write(
        self, disk: FaultyDisk, city: Driver
    ) -> None:
        city.put(record_of("urn:x:0", depth=prop(0)))
        disk.write_error, disk.broken_suffix = apsw.FullError, ".db"
        _file_of(city)._log._rounds = 1
        city.change("urn:x:0", NOON_US + 1, depth=prop(1))
        assert city.record("urn:x:0").entity[iri("depth")] == prop(1)
        assert city.ids(asking(q=q("depth==1"))) == ["urn:x:0"]
        disk.write_error = None
        _raise_unless_only(city, "urn:x:0")

    def test_a_file_that_may_not_grow_ends_in_a_clear_error(self, city: Driver) -> None:
        city.put(record_of("urn:x:1"))
        pages = _file_of(city).writer.execute("PRAGMA page_count").get
        _file_of(city).writer.execute(f"PRAGMA max_page_count = {pages}")
        large = record_of("urn:x:2", "Large", text=prop("x" * 50_000))
        with pytest.raises(StorageFull, match=r"padang\.db"):
            city.put(large)
        _file_of(city).writer.execute("PRAGMA max_page_count = 1000000")
        city.put(record_of("urn:x:3", "Other"))
        city.put(large)
        assert city.ids(asking("Large")) == ["urn:x:2"]
        _raise_unless_only(city, "urn:x:1", "urn:x:3", "urn:x:2")

    @pytest.mark.parametrize("limit", ["tmpfs", "ulimit"])
    def test_a_really_full_disk_ends_in_a_clear_error_and_what_was_kept_stays(self, tmp_path: Path, limit: str) -> None:
        """In a process of its own: on a file system of 5 MB, or with files of at most 2 MB."""
        if limit == "tmpfs":
            prefix = [
                "unshare",
                "--mount",
                "--map-root-user",
                "sh",
                "-c",
                f'mount -t tmpfs -o size=5m none {tmp_path} && "$@"',
                "sh",
            ]
            if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
                pytest.skip("this machine lets nobody mount a small file system")
        else:
            prefix = ["bash", "-c", 'ulimit -f 2048 && "$@"', "bash"]
        done = subprocess.run(
            [*prefix, sys.executable, str(Path(__file__).with_name("small_disk.py")), str(tmp_path)],
            check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["error"] == "StorageFull"
        assert "is full" in said["detail"]
        assert said["kept"] > 10
        assert said["listed"] == said["kept"]
        assert said["after"] == said["kept"] + 1


class TestLocks:
    """Files that somebody else holds."""

    @staticmethod
    @contextmanager
    def _locked(path: Path) -> Iterator[subprocess.Popen[str]]:
        """Hold the file's write lock in another process until its standard input ends."""
        script = (
            "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); "
            "print('locked', flush=True); sys.stdin.read(); c.execute('ROLLBACK'); c.close()"
        )
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            yield process
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()

    def test_a_locked_file_refuses_writes_after_a_while_and_goes_on_reading(
        self, city: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "LOCK_WAIT_MS", 300)
        city.put(record_of("urn:x:1", depth=prop(1)))
        city.page(asking(q=q("depth==1")))

        async def write_and_read() -> tuple[list[Any], int, float]:
            began = time.monotonic()
            writing = asyncio.gather(
                *(city.store.write(TENANT, "token/a", _creating(f"urn:y:{n}")) for n in range(3)),
                return_exceptions=True,
            )
            reads = 0
            while not writing.done():
                page = await city.store.list_documents(TENANT, asking(q=q("depth==1")))
                assert len(page.documents) == 1
                assert city.store.find_document(TENANT, "urn:x:1") is not None
                reads += 1
                await asyncio.sleep(0)
            return await writing, reads, time.monotonic() - began

        with self._locked(tmp_path / f"{TENANT}.db"):
            answers, reads, seconds = city.run(write_and_read())
        assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
        assert "padang.db is locked" in answers[0].detail
        assert 0.3 <= seconds < 5
        assert reads > 20
        city.put(record_of("urn:z:1"))
        _raise_unless_only(city, "urn:x:1", "urn:z:1")

    def test_a_lock_that_is_released_in_time_only_delays(self, city: Driver, tmp_path: Path) -> None:
        async def write_then_release(process: subprocess.Popen[str]) -> None:
            writing = asyncio.ensure_future(city.store.write(TENANT, "token/a", _creating("urn:x:1")))
            await asyncio.sleep(0)
            assert not writing.done()
            assert process.stdin is not None
            process.stdin.close()
            await writing

        with self._locked(tmp_path / f"{TENANT}.db") as process:
            city.run(write_then_release(process))
        _raise_unless_only(city, "urn:x:1")

    def test_a_second_process_is_refused_the_same_city(self, city: Driver, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from simpul.store.sqlite import SqliteStore\n"
            "from simpul.app.contexts import ContextLibrary; from tests.store.samples import NoNetwork\n"
            "store = SqliteStore(Path(sys.argv[1]), ContextLibrary(NoNetwork()), lambda tenant, types: None)\n"
            "try: store.find_document('padang', 'urn:x:1')\n"
            "except Exception as error: print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True, cwd=_ROOT
        )
        assert done.stdout.startswith("StorageUnavailable padang.db is in use by another Simpul process.")
        city.put(record_of("urn:x:1"))

    def test_too_many_waiting_writes_are_refused_and_the_others_done(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "WRITES_WAITING_MAX", 3)
        answers = city.write_together(*(_creating(f"urn:x:{number}") for number in range(5)))
        assert answers[:3] == [None] * 3
        assert [type(answer) for answer in answers[3:]] == [HubBusy] * 2
        _raise_unless_only(city, "urn:x:0", "urn:x:1", "urn:x:2")


class TestDamage:
    """Files and folders that cannot be used."""

    def test_a_damaged_file_is_named_and_other_cities_go_on(self, city: Driver, tmp_path: Path) -> None:
        city.run(city.store.create_tenant("solok"))
        city.put(record_of("urn:x:1"))
        city.put(record_of("urn:s:1"), tenant="solok")
        city.run(city.store.close())
        path = tmp_path / f"{TENANT}.db"
        whole = path.read_bytes()
        path.write_bytes(b"This is no database." + whole[20:])
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match=r"padang\.db is damaged"):
                city.find("urn:x:1")
            with pytest.raises(StorageUnavailable, match=r"padang\.db is damaged"):
                city.put(record_of("urn:x:2"))
        assert city.find("urn:s:1", "solok") is not None
        city.put(record_of("urn:s:2"), tenant="solok")
        path.write_bytes(whole)
        assert city.find("urn:x:1") is not None
        city.put(record_of("urn:x:2"))

    def test_damage_inside_a_file_is_told_by_every_reading(self, city: Driver, tmp_path: Path) -> None:
        city.put(*(record_of(f"urn:x:{number}", depth=prop(number)) for number in range(200)))
        city.run(city.store.close())
        path = tmp_path / f"{TENANT}.db"
        with apsw.Connection(str(path)) as connection:
            roots: list[Any] = connection.execute(
                "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('entity', 'attribute_index', 'history')"
            ).fetchall()
        connection.close()
        content = bytearray(path.read_bytes())
        for (page,) in roots:
            content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
        path.write_bytes(content)
        readings: list[Callable[[], object]] = [
            lambda: city.find("urn:x:1"),
            lambda: city.ids(asking(q=q("depth==1"))),
            lambda: city.ids(asking(id_pattern="x")),
            lambda: city.store.list_changes(TENANT, "urn:x:1"),
            lambda: city.put(record_of("urn:x:new")),
        ]
        for reading in readings:
            with pytest.raises(StorageUnavailable, match=r"padang\.db is damaged"):
                reading()

    def test_a_folder_that_may_not_be_written_is_named(self, runner: asyncio.Runner) -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            folder.chmod(0o555)
            with _as_nobody(), pytest.raises(StorageUnavailable, match=str(folder)):
                Driver(_open_in(folder), runner)
            with _as_nobody(), pytest.raises(StorageUnavailable, match="cannot be made"):
                SqliteStore(folder / "data", ContextLibrary(NoNetwork()), lambda tenant, types: None)
        finally:
            folder.chmod(0o755)
            shutil.rmtree(folder)

    def test_a_file_of_another_kind_in_the_folder_is_no_city(self, city: Driver, tmp_path: Path) -> None:
        for name in ("Padang copy.db", "padang.db.backup", "notes.txt", "-x.db"):
            (tmp_path / name).touch()
        assert city.store.list_tenants() == [TENANT]


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Give root's rights up for a moment: no folder is read-only for root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class TestDefects:
    """Defects around the store end in an answer, never in a write that waits for ever."""

    def test_a_text_that_no_file_can_hold_is_refused_and_later_writes_succeed(self, city: Driver) -> None:
        with pytest.raises(InternalError):
            city.write(lambda draft: draft.put_source_row("halte", "\ud800", b"d", "urn:x:1"))
        city.put(record_of("urn:x:1"))
        _raise_unless_only(city, "urn:x:1")

    def test_a_listener_that_fails_keeps_no_write_from_its_answer(self, tmp_path: Path, runner: asyncio.Runner) -> None:
        def fail(tenant: str, types: dict[str, int]) -> None:
            raise ZeroDivisionError

        told: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda loop, context: told.append(context))
        city = Driver(lambda contexts: SqliteStore(tmp_path, contexts, fail), runner)
        city.put(record_of("urn:x:1"))
        city.put(record_of("urn:x:2"))
        assert len(told) == 2
        assert city.ids(asking()) == ["urn:x:1", "urn:x:2"]
        city.run(city.store.close())

    def test_the_listener_is_told_what_changed_and_not_what_was_read(
        self, tmp_path: Path, runner: asyncio.Runner
    ) -> None:
        told: list[tuple[str, dict[str, int]]] = []
        city = Driver(
            lambda contexts: SqliteStore(tmp_path, contexts, lambda tenant, types: told.append((tenant, dict(types)))),
            runner,
        )
        city.put(record_of("urn:x:1", "Stop"), record_of("urn:x:2", "Shelter"))

        def change_one(draft: Draft) -> None:
            before = city.existing(draft, "urn:x:1")
            city.existing(draft, "urn:x:2")
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(1)), [iri("depth")])

        city.write(change_one)
        city.remove("urn:x:2")
        assert told == [
            (TENANT, {iri("Stop"): 1, iri("Shelter"): 1}), (TENANT, {iri("Stop"): 1}), (TENANT, {iri("Shelter"): 1}),
        ]  # fmt: skip
        city.run(city.store.close())

    def test_a_cancelled_revocation_is_seen_all_the_same(self, city: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        city.run(city.store.add_token(TENANT, Token("a", "token", "n", b"digest", (), 1, None, None)))
        assert city.store.find_token(TENANT, b"digest") is not None
        gate = _Gate(_file_of(city), monkeypatch)

        async def revoke_and_leave() -> None:
            revoking = asyncio.ensure_future(city.store.revoke_token(TENANT, "a", 5))
            await gate.committed()
            revoking.cancel()
            await asyncio.gather(revoking, return_exceptions=True)
            gate.open()
            await city.store.write(TENANT, "token/a", _creating("urn:x:1"))

        city.run(revoke_and_leave())
        found = city.store.find_token(TENANT, b"digest")
        assert found is not None
        assert found.revoked_us == 5


class _Gate:
    """Holds a group between its COMMIT and the loop's knowing of it."""

    def __init__(self, file: CityFile, monkeypatch: pytest.MonkeyPatch) -> None:
        self._committed = threading.Event()
        self._opened = threading.Event()
        commit = file.commit

        def commit_and_wait() -> None:
            commit()
            self._committed.set()
            assert self._opened.wait(20)

        monkeypatch.setattr(file, "commit", commit_and_wait)

    async def committed(self) -> None:
        assert await asyncio.to_thread(self._committed.wait, 20)

    def open(self) -> None:
        self._opened.set()


class TestMoments:
    """Between a COMMIT on the disk and the loop's knowing of it, every answer is of one moment."""

    def test_a_page_never_joins_a_new_index_with_old_documents(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        city.put(
            record_of("urn:x:1", "Person", depth=prop(1), secret=prop("s")), record_of("urn:x:2", "Stop", depth=prop(1))
        )
        queries = [
            asking("Stop"),
            asking("Stop", limit=20),
            asking("Stop", q=q("depth>5")),
            asking("Stop", q=q("depth<=5")),
        ]
        readable = [asking("Stop", readable_types=frozenset({iri("Stop")})), *queries]
        for query in (*readable, asking("Person")):
            city.page(query)
        gate = _Gate(_file_of(city), monkeypatch)

        def swap(draft: Draft) -> None:
            draft.replace(city.existing(draft, "urn:x:1"), record_of("urn:x:1", "Stop", depth=prop(9)))
            before = city.existing(draft, "urn:x:2")
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(7)), [iri("depth")])

        async def ask_meanwhile() -> list[list[Document]]:
            writing = asyncio.ensure_future(city.store.write(TENANT, "token/a", swap))
            await gate.committed()
            pages = [(await city.store.list_documents(TENANT, query)).documents for query in readable]
            gate.open()
            await writing
            return pages

        everything, plain, paged, above, below = city.run(ask_meanwhile())
        for documents in (everything, plain, paged):
            assert {document.types for document in documents} == {(iri("Stop"),)}
        values = {
            document.id: json.loads(document.body)["depth"]["value"] for document in [*everything, *plain, *paged]
        }
        assert values in ({"urn:x:2": 1}, {"urn:x:1": 9, "urn:x:2": 7})
        assert all(json.loads(document.body)["depth"]["value"] > 5 for document in above)
        assert all(json.loads(document.body)["depth"]["value"] <= 5 for document in below)

    def test_nothing_of_a_write_is_seen_before_its_commit(self, city: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        city.put(record_of("urn:x:1", "Stop", depth=prop(1)))
        file = _file_of(city)
        held, opened = threading.Event(), threading.Event()
        commit = file.commit

        def wait_and_commit() -> None:
            held.set()
            assert opened.wait(20)
            commit()

        monkeypatch.setattr(file, "commit", wait_and_commit)

        def operation(draft: Draft) -> None:
            draft.create(record_of("urn:x:2", "Stop", depth=prop(2)))
            before = city.existing(draft, "urn:x:1")
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(2)), [iri("depth")])

        async def ask_meanwhile() -> None:
            writing = asyncio.ensure_future(city.store.write(TENANT, "token/a", operation))
            assert await asyncio.to_thread(held.wait, 20)
            for query in (
                asking(),
                asking(q=q("depth>=0")),
                asking(None, id_pattern="x"),
                asking(ids=("urn:x:1", "urn:x:2")),
            ):
                (document,) = (await city.store.list_documents(TENANT, query)).documents
                assert json.loads(document.body)["depth"]["value"] == 1
            assert (await city.store.list_documents(TENANT, asking(q=q("depth==2")))).documents == []
            assert city.store.find_document(TENANT, "urn:x:2") is None
            assert len(city.store.list_changes(TENANT, "urn:x:1")) == 1
            assert city.store.count_types(TENANT) == {iri("Stop"): 1}
            opened.set()
            await writing

        city.run(ask_meanwhile())
        assert city.ids(asking(q=q("depth==2"))) == ["urn:x:1", "urn:x:2"]


class TestBounds:
    """What must not grow without end."""

    def test_the_cache_of_documents_is_bounded_in_number_and_size(self) -> None:
        cache = DocumentCache()
        for eid in range(2 * limits.DOCUMENT_CACHE_ENTRIES_MAX):
            cache.put(Document(eid, f"urn:x:{eid}", (), 0, b"x"))
        assert len(cache._by_id) + len(cache._old_by_id) <= limits.DOCUMENT_CACHE_ENTRIES_MAX
        assert len(cache._by_eid) + len(cache._old_by_eid) <= limits.DOCUMENT_CACHE_ENTRIES_MAX
        cache = DocumentCache()
        body = b"x" * limits.DOCUMENT_CACHE_BODY_BYTES_MAX
        for eid in range(2 * limits.DOCUMENT_CACHE_BYTES_MAX // len(body)):
            cache.put(Document(eid, f"urn:x:{eid}", (), 0, body))
        assert (len(cache._by_id) + len(cache._old_by_id)) * len(body) <= limits.DOCUMENT_CACHE_BYTES_MAX + len(body)
        cache.put(Document(0, "urn:x:large", (), 0, body + b"x"))
        assert cache.find("urn:x:large") is None

    def test_a_document_stays_in_the_cache_while_it_is_asked_for(self) -> None:
        cache = DocumentCache()
        hot = Document(0, "urn:x:hot", (), 0, b"x")
        cache.put(hot)
        for eid in range(1, 2 * limits.DOCUMENT_CACHE_ENTRIES_MAX):
            cache.put(Document(eid, f"urn:x:{eid}", (), 0, b"x"))
            if eid % 10_000 == 0:
                assert cache.find("urn:x:hot") is hot
        cache.refresh("urn:x:hot", msgspec.structs.replace(hot, body=b"y"))
        found = cache.find("urn:x:hot")
        assert found is not None
        assert found.body == b"y"
        cache.refresh("urn:x:hot", None)
        assert cache.find("urn:x:hot") is None
        assert cache.find_all([0]) == [None]

    def test_the_log_of_steady_writes_does_not_grow_without_end(
        self, city: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "CHECKPOINT_WAL_BYTES", 256 * 1024)
        city.put(*(record_of(f"urn:x:{n}", depth=prop(0), text=prop("x" * 500)) for n in range(50)))
        log = tmp_path / f"{TENANT}.db-wal"
        sizes: list[int] = []

        async def write_steadily(number: int) -> None:
            for step in range(1, 31):
                await city.store.write(TENANT, "token/a", lambda draft, step=step: _set(city, draft, number, step))  # type: ignore[misc]  # A default binds the step.
                sizes.append(log.stat().st_size)

        async def run() -> None:
            await asyncio.gather(*(write_steadily(number) for number in range(50)))

        for _ in range(6):
            city.run(run())
        # Some 80 MB went through it.
        assert max(sizes) < 16 * 1024 * 1024
        city.run(city.store.close())
        raise_unless_whole(tmp_path / f"{TENANT}.db", city.contexts)

    def test_what_is_written_while_the_log_is_moved_is_moved_too_before_writers_wait_for_the_rest(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "CHECKPOINT_WAL_BYTES", 256 * 1024)
        monkeypatch.setattr(limits, "CHECKPOINT_REST_BYTES", 0)
        monkeypatch.setattr(limits, "CHECKPOINT_ROUNDS_MAX", 3)
        # However slowly it is moved: another bound is not what this is about.
        monkeypatch.setattr(log, "_FACTOR_BLOCKING", 1_000)
        modes: list[int] = []
        checkpoint = log._checkpoint

        def noting(connection: apsw.Connection, mode: int) -> bool:
            modes.append(mode)
            return checkpoint(connection, mode)

        monkeypatch.setattr(log, "_checkpoint", noting)
        city.put(*(record_of(f"urn:x:{n}", depth=prop(0)) for n in range(20)))

        async def write_steadily(number: int) -> None:
            for step in range(1, 31):
                await city.store.write(TENANT, "token/a", lambda draft, step=step: _set(city, draft, number, step))  # type: ignore[misc]  # A default binds the step.

        async def run() -> None:
            await asyncio.gather(*(write_steadily(number) for number in range(20)))

        city.run(run())
        begun_anew = modes.count(apsw.SQLITE_CHECKPOINT_RESTART)
        assert begun_anew >= 2
        assert modes.count(apsw.SQLITE_CHECKPOINT_PASSIVE) >= 3 * begun_anew


def _set(city: Driver, draft: Draft, number: int, step: int) -> None:
    before = city.existing(draft, f"urn:x:{number}")
    after = changed_record(before, NOON_US + step, depth=prop(step), text=prop(str(step) * 500))
    draft.change(before, after, [iri("depth"), iri("text")])
