"""One city's file: its connections, its caches, its writer. No decisions here, and no other city."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import apsw
import msgspec

from simpul import limits
from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Record
from simpul.domain.errors import HubError, StorageUnavailable
from simpul.ports.contexts import ContextTable
from simpul.ports.outbox import Notice, Watch
from simpul.ports.store import Change, ChangeKind, Document, Draft
from simpul.store.sqlite.cache import DocumentCache
from simpul.store.sqlite.changes import Changes, EntityRow, Statement
from simpul.store.sqlite.connection import (
    SQL,
    close_connection,
    create_tables,
    open_connection,
    translate,
    translated_errors,
)
from simpul.store.sqlite.draft import Numbers, SqliteDraft, decode_times
from simpul.store.sqlite.filling import Filling
from simpul.store.sqlite.group import GroupCommit
from simpul.store.sqlite.lock import FileLock
from simpul.store.sqlite.log import WriteAheadLog
from simpul.store.sqlite.memory import Memory
from simpul.store.sqlite.names import Names
from simpul.store.sqlite.temporal import SqliteHistoryDraft

Result = TypeVar("Result")
Listener = Callable[[dict[str, int]], None]

_decode = msgspec.json.Decoder().decode


class CityFile:
    """A city's SQLite file, opened by the one process that may write it."""

    def __init__(
        self, path: Path, contexts: ContextTable, listener: Listener, noticed: Callable[[Sequence[Notice]], None]
    ) -> None:
        self.path = path
        self.watch: Watch | None = None
        self._noticed = noticed
        self._lock = FileLock(path)
        try:
            self._open(path, contexts, listener)
        except BaseException:
            # Otherwise a file that is mended could be opened only by a new process.
            self._lock.release()
            raise

    def _open(self, path: Path, contexts: ContextTable, listener: Listener) -> None:
        self._contexts = contexts
        self._listener = listener
        self._log = WriteAheadLog(path)
        self._connect()
        try:
            # An ended process may have left what it did not sync.
            self._log.sync()
        except HubError:
            self._disconnect()
            raise
        self._scan_thread = ThreadPoolExecutor(1, thread_name_prefix="simpul-scan")
        self._is_scanning = Lock()
        self._are_names_stale = False
        # Whether readers may see what could not be kept, and how often that was taken back.
        self._is_lost = False
        self._reopened = 0
        # What the COMMIT that goes on in its thread changes, by eid: cached documents of these may be older than it.
        self._in_flight: Mapping[int, object] = {}
        self.cache = DocumentCache()
        self.memory = Memory()
        with translated_errors(path):
            self.names = Names(self.writer)
            self._load_contexts()
            self._numbers = self._load_numbers()
        self._group_commit = GroupCommit(self)
        self.filling = Filling(self)

    def _connect(self) -> None:
        # The writer must not wait inside SQLite: that would stop the event loop. `group.py` asks again instead.
        self.writer = open_connection(self.path, lock_wait_ms=0)
        create_tables(self.writer, self.path)
        self._reader = open_connection(self.path)
        self._keeps_snapshot = False
        self._scanner = open_connection(self.path)
        with translated_errors(self.path):
            self._log.connect(self.writer)

    def _load_contexts(self) -> None:
        self._known_contexts = {0}
        for context_id, document in self.writer.execute(SQL.list_contexts):
            self._contexts.restore(context_id, document)
            self._known_contexts.add(context_id)

    def _load_numbers(self) -> Numbers:
        return Numbers(self.writer.execute(SQL.last_eid).get, self.writer.execute(SQL.last_sequence).get)

    # Reading

    @property
    def reader(self) -> apsw.Connection:
        """The connection for short reads of the loop.

        While nothing is written it stays on its snapshot, which is the latest: SQLite locks and unlocks the file for
        each snapshot, and that takes as long as reading an entity (5 of 10 µs).
        """
        if not self._keeps_snapshot and not self._group_commit.is_running:
            self._reader.execute(SQL.begin_reading)
            self._keeps_snapshot = True
        return self._reader

    def _leave_snapshot(self) -> None:
        """Let the loop read what is about to be committed, and the log begin anew."""
        if self._keeps_snapshot:
            self._keeps_snapshot = False
            if self._reader.in_transaction:
                self._reader.execute(SQL.rollback)

    def find_document(self, entity_id: str) -> Document | None:
        document = self.cache.find(entity_id)
        if document is not None:
            return document
        try:
            row = self.reader.execute(SQL.get_entity, (entity_id,)).fetchone()
        except apsw.Error as error:
            raise translate(error, self.path) from error
        if row is None:
            return None
        document = Document(row[0], row[1], self.names.type_sets[row[2]].names, row[3], row[4])
        self.cache.put(document)
        return document

    def documents(self, eids: Sequence[int]) -> list[Document]:
        """Return the documents of these eids, in their order, without those that are gone. In the loop only."""
        found = self.cache.find_all(eids)
        if self._in_flight:
            found = [None if eid in self._in_flight else one for eid, one in zip(eids, found, strict=True)]
        if None not in found:
            return found  # type: ignore[return-value]  # No None is in it.
        missing = [eid for eid, document in zip(eids, found, strict=True) if document is None]
        read = {document.eid: document for document in self.read_documents(self.reader, missing)}
        for document in read.values():
            self.cache.put(document)
        complete = (document or read.get(eid) for eid, document in zip(eids, found, strict=True))
        return [document for document in complete if document is not None]

    def read_documents(self, connection: apsw.Connection, eids: Sequence[int]) -> list[Document]:
        """Return the documents of these eids in their order, by one statement, past the cache."""
        return self.documents_of(connection.execute(SQL.list_entities, (str(list(eids)),)))

    def documents_of(self, rows: Iterable[tuple[Any, ...]]) -> list[Document]:
        """Return the documents of rows of (eid, id, type_set, context, body)."""
        type_sets = self.names.type_sets
        return [
            Document(eid, entity_id, type_sets[types].names, context, body)
            for eid, entity_id, types, context, body in rows
        ]

    def records(self, connection: apsw.Connection, documents: Sequence[Document]) -> list[Record]:
        """Return the documents decoded, with their times."""
        rows = connection.execute(SQL.list_times, (str([document.eid for document in documents]),))
        times = {eid: decode_times(created, modified, encoded) for eid, created, modified, encoded in rows}
        return [Record(self.entity_of(one.context_id, one.body), times[one.eid], one.context_id) for one in documents]

    def entity_of(self, context_id: int, body: bytes) -> Entity:
        """Return a stored body decoded, with its names expanded."""
        return self._contexts.get(context_id).expand_entity(_decode(body))

    def read(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a reading statement that finds few rows."""
        with translated_errors(self.path):
            return self.reader.execute(statement, parameters).fetchall()

    def list_changes(self, entity_id: str) -> list[Change]:
        """Return the entity's history; the oldest changes are left out where there are too many."""
        with translated_errors(self.path):
            cursor = self.reader.execute(SQL.list_history, (entity_id, limits.TEMPORAL_CHANGES_MAX))
            rows: list[tuple[Any, ...]] = cursor.fetchall()[::-1]
        return [
            Change(
                sequence,
                at_us,
                ChangeKind(kind),
                origin,
                CORE.expand_entity(_decode(body)),
                tuple(_decode(removed)) if removed else (),
            )
            for sequence, at_us, kind, origin, body, removed in rows
        ]

    @property
    def is_committing(self) -> bool:
        """Whether a COMMIT that changes entities may end at any moment."""
        return bool(self._in_flight)

    def on_snapshot(self, question: Callable[[], Result]) -> Result:
        """Run a question of the loop so that all that it reads is of one moment, while a COMMIT goes on."""
        self._reader.execute(SQL.begin_reading)
        try:
            return question()
        finally:
            self._reader.execute(SQL.rollback)

    async def scan(self, question: Callable[[apsw.Connection], Result]) -> Result:
        """Run a question that may read many rows, in the reader thread, on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._scan_thread, self._scan, question)

    def _scan(self, question: Callable[[apsw.Connection], Result]) -> Result:
        with self._is_scanning, translated_errors(self.path):
            self._scanner.execute(SQL.begin_reading)
            try:
                return question(self._scanner)
            finally:
                self._scanner.execute(SQL.rollback)

    async def scan_durable(self, question: Callable[[apsw.Connection], Result]) -> Result:
        """Scan for what is to leave the hub: return when what was read is on the disk. Raises StorageUnavailable."""
        reopened = self._reopened
        found = await self.scan(question)
        await self.until_durable()
        if reopened != self._reopened:
            raise StorageUnavailable(f"The disk failed to keep what was read of {self.path.name}. Read it again.")
        return found

    async def until_durable(self) -> None:
        """Return when what the loop can read now is on the disk. Raises StorageUnavailable when it is taken back."""
        await self._group_commit.until_durable()

    # Writing

    @property
    def is_writing(self) -> bool:
        """Whether somebody waits for a write."""
        return self._group_commit.is_running

    async def write(self, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()) -> Result:
        result: Result = await self._group_commit.submit(origin, operation, expected)
        return result

    async def execute(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one writing statement of its own, durably; for what is not an entity: runs, tokens, declarations."""
        results = await self.execute_all([(statement, parameters)])
        return results[0]

    async def execute_all(
        self, statements: Sequence[tuple[str, Sequence[Any]]], *, contexts: Iterable[int] = ()
    ) -> list[list[tuple[Any, ...]]]:
        """Run writing statements in one durable transaction; return the rows of each. `contexts` are kept with them."""
        run = [Statement(sql, parameters, []) for sql, parameters in statements]

        def add(draft: Draft) -> None:
            assert isinstance(draft, SqliteDraft), "this store makes its own drafts"
            draft.changes.statements.extend(run)
            draft.changes.contexts.update(contexts)

        await self._group_commit.submit("", add)
        return [statement.rows for statement in run]

    def begin(self) -> None:
        if self._is_lost or self._are_names_stale:
            self._restore()
        self.writer.execute(SQL.begin)

    def draft(self, group: Changes) -> SqliteDraft:
        draft = SqliteHistoryDraft(
            self.writer,
            self.names,
            self._numbers,
            contexts=self._contexts,
            changes=group,
            find_eid=self._find_cached_eid,
        )
        draft.watch = self.watch
        return draft

    def _find_cached_eid(self, entity_id: str) -> int | None:
        document = self.cache.find(entity_id)
        return document.eid if document else None

    def flush(self, group: Changes) -> None:
        self._leave_snapshot()
        self._numbers.raise_if_used_up()
        new_contexts = group.contexts - self._known_contexts
        if new_contexts:
            rows = [(context_id, self._contexts.dump(context_id)) for context_id in new_contexts]
            self.writer.executemany(SQL.insert_context, rows)
        group.write(self.writer, self.names)
        self.writer.execute(SQL.put_sequence, (self._numbers.sequence,))
        self._in_flight = dict.fromkeys(row.eid for row in group.updated)

    def commit(self) -> None:
        self._log.raise_if_broken()
        self.writer.execute(SQL.commit)
        self._log.begin_anew()

    def sync(self) -> None:
        self._log.sync()

    def rollback(self) -> None:
        # A failed COMMIT may have rolled back by itself; then there is nothing to roll back.
        if self.writer.in_transaction:
            self.writer.execute(SQL.rollback)

    def abandon(self) -> None:
        """Take back a group that failed, and forget the names that it had promised."""
        self._in_flight = {}
        self._are_names_stale = True
        self._is_lost = self._is_lost or self._log.is_broken
        with suppress(apsw.Error, HubError):
            # A disk that fails may fail here too; the next group begins with what is left to do.
            self._restore()

    def _restore(self) -> None:
        if self._is_lost:
            self._reopen()
        self.rollback()
        self.names.reload(self.writer)
        self._are_names_stale = False

    def _reopen(self) -> None:
        """Go back to what is on the disk, as after a power cut: a COMMIT was seen by readers and cannot be kept."""
        with suppress(apsw.ConnectionClosedError):
            self._scanner.interrupt()
        with self._is_scanning:
            self._disconnect()
            try:
                if self._log.is_broken:
                    self._log.cut()
            finally:
                # Where that cannot be done nobody may write, and everybody read.
                self._connect()
        self._is_lost = False
        self._reopened += 1
        self.cache.clear()
        self.memory = Memory()
        self._load_contexts()
        # Answers that were remembered may tell of it.
        self._listener({})

    def take_over(self, group: Changes) -> None:
        """Remember what readers see now. What tells anybody of it waits for `acknowledge`."""
        self._in_flight = {}
        self._known_contexts |= group.contexts
        self.names.count_entities(group.count_differences(), group.attribute_differences())
        if group.types or group.new_types:
            self.memory.pages.clear()
        if group.statements:
            # Also where nobody waits any more for a token's revocation.
            self.memory.tokens.clear()
        if group.updated:
            # Entities that are new can be cached only as they are.
            self._refresh_cache(group.written().values())

    def acknowledge(self, group: Changes) -> None:
        """Tell of what is on the disk."""
        if not group.is_seen:
            return
        type_sets = self.names.type_sets
        of_set: Counter[int] = Counter(type_set.id for type_set, difference in group.counts if difference < 0)
        if group.updated:
            of_set.update([row.type_set for row in group.written().values() if row.body is not None])
        else:
            of_set.update([row.type_set for row in group.inserted])
        changed: Counter[str] = Counter()
        for set_id, count in of_set.items():
            changed.update(dict.fromkeys(type_sets[set_id].names, count))
        self._listener(changed)
        if group.notices:
            self._noticed(group.notices)

    def _refresh_cache(self, rows: Iterable[EntityRow]) -> None:
        for row in rows:
            if self.cache.holds(row.id):
                names = self.names.type_sets[row.type_set].names
                document = None if row.body is None else Document(row.eid, row.id, names, row.context, row.body)
                self.cache.refresh(row.id, document)

    def translate(self, error: apsw.Error) -> HubError:
        try:
            return translate(error, self.path, self.writer.system_errno)
        except apsw.ConnectionClosedError:
            # It could not be opened anew.
            return translate(error, self.path)

    async def close(self) -> None:
        await self.filling.close()
        await self._group_commit.drain()
        self._group_commit.close()
        self._scan_thread.shutdown(wait=True)
        self._disconnect()
        self._log.close()
        self._lock.release()

    def _disconnect(self) -> None:
        self._log.disconnect()
        for connection in (self._reader, self._scanner, self.writer):
            close_connection(connection, keeps_log=self._log.is_broken)
