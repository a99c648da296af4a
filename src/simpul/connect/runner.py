"""One run of a source, and the engine that starts runs. No connector and no mapping of its own.

Rows are read, digested and mapped in a thread; each chunk is one write, with its entities, the digests of its rows
and its rejects in one transaction. The digests are the checkpoint: whenever a run is killed, the next one finds
exactly the rows that are durable, and takes over the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

import structlog

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.sources import note_run
from simpul.connect.chunks import Chunk, Item, RowSource
from simpul.connect.connector import Connector, Reading, Stream, Surroundings, get_connector
from simpul.connect.contexts import read_contexts
from simpul.connect.drift import (
    raise_if_collapsed,
    raise_if_columns_went,
    raise_if_kinds_changed,
    remembered,
    rows_wanted,
    with_old_names,
)
from simpul.connect.gathering import gather
from simpul.connect.mapping import Mapper, read_columns
from simpul.connect.raw_rows import KeptReading, RecordingReading, folder_of, forget_rows
from simpul.connect.replaying import replay_rejects
from simpul.connect.reporting import Reporting
from simpul.connect.takeover import Past, Takeover
from simpul.connect.tracing import trace_source
from simpul.connect.vanished import Vanished
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE, Context
from simpul.domain.errors import (
    BadRequestData,
    HubBusy,
    HubError,
    SourceError,
    SourceMismatch,
    StorageUnavailable,
)
from simpul.ports.engine import Preview, Progress, Replayed
from simpul.ports.lineage import RowWanted, Traced
from simpul.ports.quality import SourceShape
from simpul.ports.store import Draft, Reject, Run

Result = TypeVar("Result")
OnProgress = Callable[[Progress], None]

_log = structlog.get_logger(__name__)
_STOPPED: Final = "The run was stopped before its end. What it had taken over stays; run it again for the rest."


@dataclass(slots=True)
class Counts:
    """How a run goes."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is about."""

    hub: Hub
    city: City
    source: SourceDeclaration
    surroundings: Surroundings
    accept_shrink: bool = False
    on_progress: OnProgress | None = None
    rows_at_once: int = limits.SOURCE_CHUNK_ROWS
    from_run: int | None = None


class Engine:
    """Runs sources, each at most once at a time (`ports.engine.SourceEngine`)."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._running: set[tuple[str, str]] = set()
        self._chunks_at_once = limits.SOURCE_CHUNKS_AT_ONCE

    def give_way(self) -> None:
        self._chunks_at_once = 1

    async def run(
        self,
        hub: Hub,
        tenant: str,
        source: SourceDeclaration,
        *,
        accept_shrink: bool = False,
        from_run: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> Run:
        """Read the source, or the kept rows of a run; take over what changed, and return how it ended."""
        if (tenant, source.id) in self._running:
            raise HubBusy(f"The source {source.id} is being read already. Wait until that run ends.")
        self._running.add((tenant, source.id))
        try:
            city = hub.city(tenant)
            rows_at_once = limits.SOURCE_CHUNK_ROWS * self._chunks_at_once
            job = Job(hub, city, source, self._surroundings(city), accept_shrink, on_progress, rows_at_once, from_run)
            return await SourceRun(job).run()
        finally:
            self._running.discard((tenant, source.id))

    async def replay(
        self, hub: Hub, tenant: str, source: SourceDeclaration, keys: Collection[str] | None = None
    ) -> Replayed:
        """Try the rows kept aside again, all or those with these keys."""
        if (tenant, source.id) in self._running:
            raise HubBusy(f"The source {source.id} is being read already. Wait until that run ends.")
        self._running.add((tenant, source.id))
        try:
            return await replay_rejects(hub, hub.city(tenant), source, keys)
        finally:
            self._running.discard((tenant, source.id))

    def forget_rows(self, hub: Hub, tenant: str, source_id: str) -> None:
        """Remove the rows that are kept of a source."""
        forget_rows(hub.settings.data_directory, tenant, source_id)

    async def trace(self, hub: Hub, tenant: str, source: SourceDeclaration, wanted: Sequence[RowWanted]) -> Traced:
        """Return how the source makes its attributes, and the keys of the rows that are wanted."""
        return await trace_source(hub, hub.city(tenant), source, wanted)

    def is_running(self, tenant: str, source_id: str) -> bool:
        return (tenant, source_id) in self._running

    async def preview(self, hub: Hub, tenant: str, source: SourceDeclaration, rows: int) -> Preview:
        """Read the first rows and write nothing. Raises SourceError."""
        city = hub.city(tenant)
        return await SourceRun(Job(hub, city, source, self._surroundings(city))).preview(rows)

    def _surroundings(self, city: City) -> Surroundings:
        folder = Path(city.folder)
        return Surroundings(folder) if self._environment is None else Surroundings(folder, self._environment)


class Prepared(NamedTuple):
    """A chunk that is ready to be written: what to put, and which of its rows the hub knew before."""

    items: list[Item]
    known: Container[str]
    is_last: bool


@dataclass(slots=True)
class Held:
    """What waits until a run has seen as many rows as show that its source has not collapsed."""

    rows_wanted: int
    _items: list[Item] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    is_short: bool = True

    def add(self, prepared: Prepared, rows_read: int, rows_at_once: int) -> list[Prepared]:
        """Return what may be written now: nothing while it is uncertain, then all of it in parts."""
        self.is_short = rows_read < self.rows_wanted
        if not self._items and not self.is_short:
            return [prepared]
        self._items += prepared.items
        self._known.update(item.key for item in prepared.items if item.key in prepared.known)
        if self.is_short and not prepared.is_last and len(self._items) <= limits.COLLAPSE_ROWS_HELD_MAX:
            return []
        items, known = self._items, self._known
        self._items, self._known = [], set()
        parts = [items[at : at + rows_at_once] for at in range(0, len(items), rows_at_once)]
        return [Prepared(part, known, prepared.is_last) for part in parts]


@dataclass(slots=True)
class SourceRun:
    """One run, from opening the source to its record."""

    job: Job
    counts: Counts = field(default_factory=Counts)
    run_id: int = 0
    has_broken: bool = False
    rejects_kept: int = 0
    # There once all rows were read and settled.
    _reporting: Reporting | None = None
    shape_before: SourceShape | None = None
    _recording: RecordingReading | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="simpul-source")
    )

    @property
    def _is_stream(self) -> bool:
        return get_connector(self.job.source.kind).is_stream

    async def run(self) -> Run:
        """Run to the end; return the record, whose `error` says what went wrong with the source."""
        hub, city, source = self.job.hub, self.job.city, self.job.source
        started_us = hub.clock.now_us()
        self.run_id = await hub.sources.begin_run(city.tenant, source.id, started_us)
        error: str | None = None
        failure: BaseException | None = None
        try:
            await self._open_and_read()
        except SourceError as refusal:
            error = refusal.detail
        except HubError as refusal:
            error, failure = refusal.detail, refusal
        except asyncio.CancelledError as stop:
            error, failure = _STOPPED, stop
        except Exception as defect:  # noqa: BLE001 - A driver's surprise ends this run, not the hub.
            _log.exception("source run failed", tenant=city.tenant, source=source.id)
            error = f"The source could not be read because of an unexpected {type(defect).__name__}; the log has more."
        finally:
            self._discard_recording()
            self._thread.shutdown(wait=False)
        run = self._record(started_us, error)
        try:
            await asyncio.shield(self._finish(run))
        except HubError:
            # The disk that refused the rows refuses the record too; the first refusal is the one to tell.
            if failure is None:
                raise
        if failure is not None:
            raise failure
        return run

    async def preview(self, rows: int) -> Preview:
        """Read the first rows and write nothing."""
        try:
            reading, mapper, _ = await self._open()
            try:
                rows_source = await self._in_thread(partial(RowSource, reading, mapper))
                chunk = await self._in_thread(partial(rows_source.take_chunk, min(rows, limits.PREVIEW_ROWS_MAX)))
                items = await self._in_thread(partial(rows_source.map_rows, chunk.taken))
                items += [rows_source.map_broken(row) for row in chunk.broken]
            finally:
                await self._in_thread(reading.close)
        finally:
            self._thread.shutdown(wait=False)
        now_us = self.job.hub.clock.now_us()
        return Preview(
            columns=reading.columns,
            entities=tuple(item.entity for item in items if item.entity is not None),
            rejects=tuple(self._reject(item, now_us) for item in items if item.entity is None),
            rows_read=len(items),
        )

    async def _open(self) -> tuple[Reading, Mapper, Context]:
        source, plain = self.job.source, self.job.source.declaration
        if "context" in plain:
            # The city may have been applied since the hub was opened.
            for url, document in read_contexts(self.job.city).items():
                self.job.hub.contexts.preload(url, document)
        context = await self.job.hub.contexts.resolve(plain.get("context"))
        connector = get_connector(source.kind)
        reading = await self._in_thread(partial(self._open_reading, connector))
        try:
            knowledge = await gather(self.job.hub, self.job.city, source, context)
            columns = with_old_names(reading.columns, plain.get("renamed", {}))
            self.shape_before = self.job.hub.reports.find_shape(self.job.city.tenant, source.id)
            raise_if_columns_went(source, read_columns(plain), columns, remembered(self.shape_before))
            work = partial(Mapper, source, self.job.city, context, columns, knowledge)
            return reading, await self._in_thread(work), context
        except BaseException:  # Whatever it is, the connection must not stay open.
            await self._in_thread(reading.close)
            raise

    def _discard_recording(self) -> None:
        if self._recording is not None:
            self._recording.discard()

    def _open_reading(self, connector: Connector) -> Reading:
        """Open the source itself, or the rows that are kept of an earlier run."""
        job = self.job
        folder = folder_of(job.hub.settings.data_directory, job.city.tenant, job.source.id)
        if job.from_run is not None:
            return KeptReading(folder, job.from_run)
        plain = job.source.declaration
        reading = connector.open_reading(plain["read"], job.surroundings)
        if "keep_raw" not in plain or not self.run_id:
            return reading
        try:
            self._recording = RecordingReading(reading, folder, self.run_id)
        except OSError as error:
            reading.close()
            raise StorageUnavailable(f"Rows cannot be kept in {folder}: {error.strerror}.") from error
        return self._recording

    async def _open_and_read(self) -> None:
        reading, mapper, context = await self._open()
        hub, tenant = self.job.hub, self.job.city.tenant
        context_id = 0 if context is CORE else hub.contexts.register(context)
        past = Past(partial(hub.entities.list_changes, tenant))
        takeover = Takeover(mapper.shape, context_id, past)
        try:
            rows = RowSource(reading, mapper)
            if self._is_stream:
                await self._read_stream(cast(Stream, reading), rows, takeover)
            else:
                if reading.rows_expected is not None and not self.job.accept_shrink:
                    raise_if_collapsed(self.job.source, reading.rows_expected, self.shape_before)
                await self._read(rows, takeover, reading.rows_expected)
        finally:
            await self._in_thread(reading.close)
        if self._is_stream:
            if self.counts.read == 0:
                # Nothing is new: what the last report says still holds.
                return
        else:
            await self._settle(mapper, takeover)
        if self._recording is not None:
            await self._in_thread(partial(self._recording.keep, self.job.source.declaration["keep_raw"]))
            self._recording = None
        self._reporting = Reporting(hub, tenant, mapper, self.shape_before, rows.sample or ())

    async def _read(self, rows: RowSource, takeover: Takeover, rows_expected: int | None) -> None:
        """Write chunk after chunk; the next one is read and mapped while this one goes to the disk.

        As long as the source may turn out to have lost most of its rows, what is new waits in memory, up to a bound.
        """
        is_first, is_last = True, False
        writing: asyncio.Task[None] | None = None
        held = Held(0 if self.job.accept_shrink else rows_wanted(self.job.source, self.shape_before))
        try:
            while not is_last:
                prepared = await self._prepare(rows)
                is_last = prepared.is_last
                ready = held.add(prepared, self.counts.read, self.job.rows_at_once)
                if is_last and held.is_short and not self.has_broken:
                    raise_if_collapsed(self.job.source, self.counts.read, self.shape_before)
                for part in ready or [prepared._replace(items=[])]:
                    if writing is not None:
                        await writing
                    if not is_first:
                        self._report(rows_expected)
                    writing = asyncio.create_task(self._write(part, takeover)) if part.items else None
                    is_first = False
        finally:
            if writing is not None:
                await writing
        self._report(rows_expected)

    async def _read_stream(self, stream: Stream, rows: RowSource, takeover: Takeover) -> None:
        """Write batch after batch; the stream forgets each once it is on the disk."""
        while True:
            chunk = await self._take(rows)
            for part in chunk.rounds():
                prepared = await self._map(rows, part)
                if prepared.items:
                    self._raise_if_rejects_overflow(prepared)
                    await self._write(prepared, takeover)
            self._report(None)
            if not chunk.is_last:
                continue
            if not await self._in_thread(stream.confirm):
                return
            rows.go_on()

    def _raise_if_rejects_overflow(self, prepared: Prepared) -> None:
        """Refuse rows that could not be kept aside, and that the stream would forget."""
        rejected = sum(1 for item in prepared.items if item.entity is None)
        if self.rejects_kept + rejected > limits.REJECTS_PER_RUN_MAX:
            raise SourceMismatch(
                f"{self.job.source.file}: more than {limits.REJECTS_PER_RUN_MAX:,} rows of this run broke a rule. "
                "Those of the last batch wait where they are. Look at the rejected rows, and at the rules."
            )

    async def _prepare(self, rows: RowSource) -> Prepared:
        return await self._map(rows, await self._take(rows))

    async def _take(self, rows: RowSource) -> Chunk:
        chunk: Chunk = await self._in_thread(partial(rows.take_chunk, self.job.rows_at_once))
        if self.counts.read == 0 and not self.job.accept_shrink and rows.sample:
            # A few messages of a stream say nothing of its form; what is wrong with them is kept aside.
            least = limits.DRIFT_STREAM_ROWS_MIN if self._is_stream else 1
            if len(rows.sample) >= least:
                self._raise_if_changed(rows)
        self.counts.read += len(chunk.taken) + len(chunk.broken)
        if self.counts.read > limits.SOURCE_ROWS_MAX:
            raise SourceMismatch(f"The source has more than {limits.SOURCE_ROWS_MAX:,} rows; divide it into several.")
        self.has_broken = self.has_broken or bool(chunk.broken)
        return chunk

    async def _map(self, rows: RowSource, chunk: Chunk) -> Prepared:
        """Find out which rows are new or changed, and map them."""
        broken = [rows.map_broken(row) for row in chunk.broken]
        keys = [row.key for row in chunk.taken] + [item.key for item in broken]
        digests = self.job.hub.sources.find_digests(self.job.city.tenant, self.job.source.id, keys) if keys else {}
        changed = [row for row in chunk.taken if digests.get(row.key) != row.digest]
        items = await self._in_thread(partial(rows.map_rows, changed)) if changed else []
        items += [item for item in broken if digests.get(item.key) != item.digest]
        self.counts.unchanged += len(keys) - len(items)
        return Prepared(items, digests.keys(), chunk.is_last)

    def _raise_if_changed(self, rows: RowSource) -> None:
        source, before = self.job.source, remembered(self.shape_before)
        raise_if_kinds_changed(source, read_columns(source.declaration), (rows.columns, rows.sample or ()), before)

    async def _write(self, prepared: Prepared, takeover: Takeover) -> None:
        try:
            await self._write_together(prepared, takeover)
        except BadRequestData:
            # One entity that the store refuses (too large) must not keep the others out.
            for item in prepared.items:
                await self._write_alone(prepared._replace(items=[item]), takeover)

    async def _write_alone(self, prepared: Prepared, takeover: Takeover) -> None:
        try:
            await self._write_together(prepared, takeover)
        except BadRequestData as refusal:
            refused = prepared.items[0]._replace(entity=None, rule="entity", reason=refusal.detail)
            await self._write_together(prepared._replace(items=[refused]), takeover)

    async def _write_together(self, prepared: Prepared, takeover: Takeover) -> None:
        now_us = self.job.hub.clock.now_us()
        source_id = self.job.source.id

        def operation(draft: Draft) -> int:
            written = takeover.put_all(
                draft, [item.entity for item in prepared.items if item.entity is not None], now_us
            )
            for item in prepared.items:
                if item.entity is None:
                    self._keep_reject(draft, item, now_us)
                elif item.key in prepared.known:
                    draft.drop_reject(source_id, item.key)
                draft.put_source_row(source_id, item.key, item.digest, item.entity_id)
            return written

        written: int = await self._commit(operation)
        rejected = sum(1 for item in prepared.items if item.entity is None)
        self.counts.written += written
        self.counts.rejected += rejected
        self.counts.unchanged += len(prepared.items) - written - rejected

    def _keep_reject(self, draft: Draft, item: Item, now_us: int) -> None:
        self.rejects_kept += 1
        if self.rejects_kept <= limits.REJECTS_PER_RUN_MAX:
            draft.add_reject(self._reject(item, now_us))

    def _reject(self, item: Item, now_us: int) -> Reject:
        return Reject(self.job.source.id, item.key, self.run_id, now_us, item.rule, item.reason, item.raw)

    async def _settle(self, mapper: Mapper, takeover: Takeover) -> None:
        """After all rows: what happened to those that are not there any more."""
        vanished = Vanished(self.job.hub, self.job.city.tenant, self.job.source, mapper)
        await vanished.raise_if_empty(self.counts.read)
        if not self.job.accept_shrink and not self.has_broken:
            raise_if_collapsed(self.job.source, self.counts.read, self.shape_before)
        await vanished.forget_rejects(self._commit)
        if not self.has_broken:
            # A broken row may be any row: nothing can be said to have vanished.
            self.counts.vanished = await vanished.settle(takeover, self._commit, accept_shrink=self.job.accept_shrink)
        kept = self.job.hub.sources.count_rejects(self.job.city.tenant).get(self.job.source.id, 0)
        self.counts.rejected = max(kept, self.counts.rejected)
        self.counts.unchanged = self.counts.read - self.counts.written - self.counts.rejected

    async def _commit(self, operation: Callable[[Draft], Any]) -> Any:
        origin = f"source/{self.job.source.id}#{self.run_id}"
        return await self.job.hub.entities.write(self.job.city.tenant, origin, operation)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _report(self, rows_expected: int | None) -> None:
        if self.job.on_progress is not None:
            counts = self.counts
            self.job.on_progress(
                Progress(counts.read, counts.written, counts.unchanged, counts.rejected, rows_expected)
            )

    def _record(self, started_us: int, error: str | None) -> Run:
        counts = self.counts
        return Run(
            id=self.run_id,
            source=self.job.source.id,
            started_us=started_us,
            finished_us=self.job.hub.clock.now_us(),
            rows_read=counts.read,
            rows_written=counts.written,
            rows_unchanged=max(0, counts.unchanged),
            rows_rejected=counts.rejected,
            rows_vanished=counts.vanished,
            error=error,
        )

    async def _finish(self, run: Run) -> None:
        await self.job.hub.sources.finish_run(self.job.city.tenant, run)
        if self._reporting is not None and run.error is None:
            await self._reporting.conclude(run)
        await note_run(self.job.hub, self.job.city, self.job.source, run)
