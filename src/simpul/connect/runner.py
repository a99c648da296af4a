"""One run of a source, and the engine that starts runs. No connector and no mapping of its own.

A `Reader` reads, digests and maps rows, in a thread or in a process of its own; each chunk is one write, with its
entities, the digests of its rows and its rejects in one transaction. The digests are the checkpoint: whenever a run is
killed, the next one finds exactly the rows that are durable, and takes over the rest. The reader is always asked for
more than it has done, so that it never waits for a write; `limits.SOURCE_CHUNKS_AHEAD` bounds what lies between.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from simpul import limits
from simpul.app.alerts import look_at_source
from simpul.app.hub import Hub
from simpul.app.sources import note_run
from simpul.connect.ahead import Ahead
from simpul.connect.connector import Sample, Surroundings, get_connector
from simpul.connect.contexts import read_contexts
from simpul.connect.delivered import delivered_folder
from simpul.connect.drift import (
    raise_if_collapsed,
    raise_if_columns_went,
    raise_if_kinds_changed,
    remembered,
    rows_wanted,
    with_old_names,
)
from simpul.connect.gathering import gather
from simpul.connect.mapping import Shape, read_columns
from simpul.connect.prepared import Held, Prepared
from simpul.connect.raw_rows import discard_unfinished, folder_of, forget_rows
from simpul.connect.reader import Assignment, Chunk, Mapped, Opened, Reader, Rejected
from simpul.connect.reader_hosts import ProcessHost, ReaderHost, ThreadHost
from simpul.connect.replaying import replay_rejects
from simpul.connect.reporting import Reporting, count_up
from simpul.connect.takeover import Past, Takeover
from simpul.connect.tracing import trace_source
from simpul.connect.vanished import Vanished
from simpul.domain.alerts import COLLAPSED, DRIFTED
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE, Context
from simpul.domain.errors import (
    BadRequestData,
    HubBusy,
    HubError,
    SourceChanged,
    SourceCollapsed,
    SourceError,
    SourceMismatch,
)
from simpul.operator_log import log
from simpul.ports.engine import Preview, Progress, Replayed
from simpul.ports.lineage import RowWanted, Traced
from simpul.ports.quality import SourceShape
from simpul.ports.store import RUN_STOPPED, Draft, Reject, Run

OnProgress = Callable[[Progress], None]


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
    reads_beside: bool = False
    sample: Sample | None = None


class Engine:
    """Runs sources, each at most once at a time (`ports.engine.SourceEngine`)."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._running: set[tuple[str, str]] = set()
        self._chunks_at_once = limits.SOURCE_CHUNKS_AT_ONCE
        self._reads_beside = False

    def give_way(self) -> None:
        self._chunks_at_once = 1
        self._reads_beside = False

    def read_beside(self) -> None:
        self._reads_beside = len(os.sched_getaffinity(0)) > 1

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
            job = Job(
                hub, city, source, self._surroundings(city), accept_shrink, on_progress, rows_at_once, from_run,
                self._reads_beside,
            )  # fmt: skip
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

    def is_stream(self, source: SourceDeclaration) -> bool:
        return get_connector(source.kind).is_stream

    async def preview(
        self, hub: Hub, tenant: str, source: SourceDeclaration, rows: int, *, sample: Sample | None = None
    ) -> Preview:
        """Read the first rows, or those in hand, and write nothing. Raises SourceError."""
        city = hub.city(tenant)
        return await SourceRun(Job(hub, city, source, self._surroundings(city), sample=sample)).preview(rows)

    def _surroundings(self, city: City) -> Surroundings:
        folder = Path(city.folder)
        return Surroundings(folder) if self._environment is None else Surroundings(folder, self._environment)


@dataclass(slots=True)
class SourceRun:
    """One run, from opening the source to its record."""

    job: Job
    counts: Counts = field(default_factory=Counts)
    run_id: int = 0
    has_broken: bool = False
    _change: str = ""
    rejects_kept: int = 0
    columns: tuple[str, ...] = ()
    # There once all rows were read and settled.
    _reporting: Reporting | None = None
    shape_before: SourceShape | None = None
    _is_through: bool = False
    # Whether the hub knew no row of the source when the run began: no chunk of rows has to be looked for.
    _is_new: bool = False
    # Chunks that the reader has in hand for nothing: all of their rows are as they were.
    _let_go: list[int] = field(default_factory=list)

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
            self._change = _change_of(refusal)
        except HubError as refusal:
            error, failure = refusal.detail, refusal
        except asyncio.CancelledError as stop:
            error, failure = RUN_STOPPED, stop
        except Exception as defect:  # A driver's surprise ends this run, not the hub.
            log.exception("source run failed", tenant=city.tenant, source=source.id)
            error = f"The source could not be read because of an unexpected {type(defect).__name__}; the log has more."
        finally:
            discard_unfinished(self._kept_rows)
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
        reader = ThreadHost(self._assignment)
        try:
            _, _, opened = await self._open(reader)
            chunk = await reader.ask(Reader.take_chunk, min(rows, limits.PREVIEW_ROWS_MAX))
            mapped = await reader.ask(Reader.map_rows, chunk.number)
        finally:
            await reader.close()
        now_us = self.job.hub.clock.now_us()
        rejects = [
            self._reject(key, one, now_us)
            for key, one in zip(chunk.keys, mapped, strict=True)
            if isinstance(one, Rejected)
        ]
        return Preview(
            columns=opened.columns,
            entities=tuple(one for one in mapped if not isinstance(one, Rejected)),
            rejects=tuple(rejects),
            rows_read=len(mapped),
        )

    @property
    def _kept_rows(self) -> Path:
        return folder_of(self.job.hub.settings.data_directory, self.job.city.tenant, self.job.source.id)

    @property
    def _assignment(self) -> Assignment:
        job = self.job
        delivered = delivered_folder(job.hub.settings.data_directory, job.city.tenant, job.source.id)
        given = (job.city, job.source, job.surroundings, self._kept_rows, self.run_id, job.from_run, delivered)
        return Assignment(*given, job.sample)

    def _find_reader(self) -> ReaderHost:
        """Return a process of its own for a source that is large, or may be, where there is a core for it."""
        before = self.job.hub.reports.find_shape(self.job.city.tenant, self.job.source.id)
        is_small = before is not None and before.rows < limits.READER_PROCESS_ROWS_MIN
        beside = self.job.reads_beside and not self._is_stream and not is_small
        return ProcessHost(self._assignment) if beside else ThreadHost(self._assignment)

    async def _open(self, reader: ReaderHost) -> tuple[Shape, Context, Opened]:
        source, plain = self.job.source, self.job.source.declaration
        if "context" in plain:
            # The city may have been applied since the hub was opened.
            for url, document in read_contexts(self.job.city).items():
                self.job.hub.contexts.preload(url, document)
        context = await self.job.hub.contexts.resolve(plain.get("context"))
        opened = await reader.ask(Reader.open)
        knowledge = await gather(self.job.hub, self.job.city, source, context)
        columns = with_old_names(opened.columns, plain.get("renamed", {}))
        self.shape_before = self.job.hub.reports.find_shape(self.job.city.tenant, source.id)
        raise_if_columns_went(source, read_columns(plain), columns, remembered(self.shape_before))
        self.columns = columns
        shape = await reader.ask(Reader.prepare, context, columns, knowledge)
        return shape, context, opened

    async def _open_and_read(self) -> None:
        reader = self._find_reader()
        try:
            await self._read_with(reader)
        finally:
            await reader.close()

    async def _read_with(self, reader: ReaderHost) -> None:
        shape, context, opened = await self._open(reader)
        hub, tenant, plain = self.job.hub, self.job.city.tenant, self.job.source.declaration
        context_id = 0 if context is CORE else hub.contexts.register(context)
        past = Past(partial(hub.entities.list_changes, tenant))
        takeover = Takeover(shape, context, context_id, past)
        if self._is_stream:
            await self._read_stream(reader, takeover)
            if await reader.ask(Reader.has_told_all):
                await self._settle(reader, takeover)
                await self._note(await reader.ask(Reader.notes_of_all))
        else:
            if opened.rows_expected is not None and not self.job.accept_shrink:
                raise_if_collapsed(self.job.source, opened.rows_expected, self.shape_before)
            self._is_new = next(hub.sources.iter_source_rows(tenant, self.job.source.id), None) is None
            await self._read(reader, takeover, opened.rows_expected)
        await reader.ask(Reader.close)
        if self._is_stream:
            if self.counts.read == 0:
                # Nothing is new: what the last report says still holds.
                return
        else:
            await self._settle(reader, takeover)
        if "keep_raw" in plain:
            await reader.ask(Reader.keep_rows, plain["keep_raw"])
        counted = await count_up(hub, tenant, reader, self.columns)
        self._reporting = Reporting(hub, self.job.city, self.job.source, self.shape_before, counted)

    async def _read(self, reader: ReaderHost, takeover: Takeover, rows_expected: int | None) -> None:
        """Write chunk after chunk; those after it are taken and mapped while this one is written.

        As long as the source may turn out to have lost most of its rows, what is new waits in memory, up to a bound.
        """
        chunks = Ahead(partial(self._take_next, reader), limits.SOURCE_CHUNKS_AHEAD)
        if self._is_new:
            prepared_chunks = Ahead(partial(self._take_new_next, reader), limits.SOURCE_CHUNKS_AHEAD)
        else:
            prepared_chunks = Ahead(partial(self._map_next, reader, chunks))
        held = Held(0 if self.job.accept_shrink else rows_wanted(self.job.source, self.shape_before))
        try:
            while (prepared := await prepared_chunks.next()) is not None:
                ready = held.add(prepared, self.counts.read)
                if prepared.is_last and held.is_short and not self.has_broken:
                    raise_if_collapsed(self.job.source, self.counts.read, self.shape_before)
                for one in ready:
                    await self._write(one, takeover)
                    self._report(rows_expected)
                if not ready:
                    self._report(rows_expected)
        finally:
            await prepared_chunks.stop()
            await chunks.stop()

    async def _take_next(self, reader: ReaderHost) -> Chunk | None:
        if self._is_through:
            return None
        chunk = await self._take(reader)
        self._is_through = chunk.is_last
        return chunk

    async def _take_new_next(self, reader: ReaderHost) -> Prepared | None:
        """Take rows and map them at once: the hub has nothing to say about rows of which it knows none."""
        if self._is_through:
            return None
        chunk, mapped = await reader.ask(Reader.take_new_rows, self.job.rows_at_once)
        self._count(chunk)
        self._is_through = chunk.is_last
        return Prepared(chunk.keys, chunk.digests, mapped.rows, {}, chunk.is_last, mapped.packed)

    async def _map_next(self, reader: ReaderHost, chunks: Ahead[Chunk]) -> Prepared | None:
        chunk = await chunks.next()
        return None if chunk is None else await self._map(reader, chunk)

    async def _read_stream(self, reader: ReaderHost, takeover: Takeover) -> None:
        """Write batch after batch; the stream forgets each once it is on the disk."""
        await self._recall(reader)
        while True:
            chunk = await self._take(reader)
            prepared = await self._map(reader, chunk)
            if prepared.keys:
                self._raise_if_rejects_overflow(prepared)
                await self._write(prepared, takeover)
            self._report(None)
            if not chunk.is_last:
                continue
            await self._note(await reader.ask(Reader.notes))
            if not await reader.ask(Reader.confirm):
                return

    async def _recall(self, reader: ReaderHost) -> None:
        names = await reader.ask(Reader.list_notes)
        if names:
            known = self.job.hub.sources.find_digests(self.job.city.tenant, self.job.source.id, names)
            await reader.ask(Reader.recall, known)

    async def _note(self, notes: Mapping[str, bytes]) -> None:
        """Keep what a stream wants to be noted, as rows of no entity."""
        if not notes:
            return
        source_id = self.job.source.id

        def operation(draft: Draft) -> None:
            for name, content in notes.items():
                draft.put_source_row(source_id, name, content, "")

        await self._commit(operation)

    def _raise_if_rejects_overflow(self, prepared: Prepared) -> None:
        """Refuse rows that could not be kept aside, and that the stream would forget."""
        rejected = sum(1 for one in prepared.mapped if type(one) is Rejected)
        if self.rejects_kept + rejected > limits.REJECTS_PER_RUN_MAX:
            raise SourceMismatch(
                f"{self.job.source.file}: more than {limits.REJECTS_PER_RUN_MAX:,} rows of this run broke a rule. "
                "Those of the last batch wait where they are. Look at the rejected rows, and at the rules."
            )

    async def _take(self, reader: ReaderHost) -> Chunk:
        let_go, self._let_go = self._let_go, []
        chunk = await reader.ask(Reader.take_chunk, self.job.rows_at_once, let_go)
        self._count(chunk)
        return chunk

    def _count(self, chunk: Chunk) -> None:
        """Count the rows of the next chunk. Raises SourceChanged, SourceMismatch."""
        if not self.job.accept_shrink:
            self._raise_if_changed(chunk.sample)
        self.counts.read += len(chunk.keys)
        if self.counts.read > limits.SOURCE_ROWS_MAX:
            raise SourceMismatch(f"The source has more than {limits.SOURCE_ROWS_MAX:,} rows; divide it into several.")
        self.has_broken = self.has_broken or chunk.broken > 0

    async def _map(self, reader: ReaderHost, chunk: Chunk) -> Prepared:
        """Find out which rows are new or changed, and map them."""
        keys, digests = chunk.keys, chunk.digests
        known = self._find_digests(keys)
        if not known:
            mapped_rows = await reader.ask(Reader.map_new_rows, chunk.number)
            return Prepared(keys, digests, mapped_rows.rows, known, chunk.is_last, mapped_rows.packed)
        changed = [place for place, key in enumerate(keys) if known.get(key) != digests[place]]
        mapped: list[Mapped] = []
        if changed:
            mapped = await reader.ask(Reader.map_rows, chunk.number, changed)
        else:
            self._let_go.append(chunk.number)
        self.counts.unchanged += len(keys) - len(changed)
        changed_keys, changed_digests = [keys[one] for one in changed], [digests[one] for one in changed]
        return Prepared(changed_keys, changed_digests, mapped, known.keys(), chunk.is_last)

    def _find_digests(self, keys: list[str]) -> dict[str, bytes]:
        if self._is_new or not keys:
            return {}
        return self.job.hub.sources.find_digests(self.job.city.tenant, self.job.source.id, keys)

    def _raise_if_changed(self, sample: Sequence[Sequence[Any]]) -> None:
        # A few messages of a stream say nothing of its form; what is wrong with them is kept aside.
        if len(sample) >= (limits.DRIFT_STREAM_ROWS_MIN if self._is_stream else 1):
            source, before = self.job.source, remembered(self.shape_before)
            raise_if_kinds_changed(source, read_columns(source.declaration), (self.columns, sample), before)

    async def _write(self, prepared: Prepared, takeover: Takeover) -> None:
        try:
            await self._write_together(prepared, takeover)
        except BadRequestData:
            # One entity that the store refuses (too large) must not keep the others out.
            mapped = prepared.unpacked(takeover.context)
            for key, digest, one in zip(prepared.keys, prepared.digests, mapped, strict=True):
                await self._write_alone(Prepared([key], [digest], [one], prepared.known), takeover)

    async def _write_alone(self, prepared: Prepared, takeover: Takeover) -> None:
        try:
            await self._write_together(prepared, takeover)
        except BadRequestData as refusal:
            one = prepared.mapped[0]
            assert isinstance(one, dict), "the store has refused an entity"
            refused = Rejected("entity", refusal.detail, one["id"], {})
            await self._write_together(prepared._replace(mapped=[refused]), takeover)

    async def _write_together(self, prepared: Prepared, takeover: Takeover) -> None:
        now_us = self.job.hub.clock.now_us()
        source_id = self.job.source.id

        def operation(draft: Draft) -> int:
            written = takeover.put_packed(draft, prepared.packed, now_us)
            written += takeover.put_all(draft, [one for one in prepared.mapped if isinstance(one, dict)], now_us)
            for key, digest, one in zip(prepared.keys, prepared.digests, prepared.mapped, strict=True):
                if isinstance(one, Rejected):
                    self._keep_reject(draft, key, one, now_us)
                    draft.put_source_row(source_id, key, digest, one.entity_id)
                    continue
                if key in prepared.known:
                    draft.drop_reject(source_id, key)
                draft.put_source_row(source_id, key, digest, one if isinstance(one, str) else one["id"])
            return written

        written: int = await self._commit(operation)
        rejected = sum(1 for one in prepared.mapped if isinstance(one, Rejected))
        self.counts.written += written
        self.counts.rejected += rejected
        self.counts.unchanged += len(prepared.keys) - written - rejected

    def _keep_reject(self, draft: Draft, key: str, rejected: Rejected, now_us: int) -> None:
        self.rejects_kept += 1
        if self.rejects_kept <= limits.REJECTS_PER_RUN_MAX:
            draft.add_reject(self._reject(key, rejected, now_us))

    def _reject(self, key: str, rejected: Rejected, now_us: int) -> Reject:
        return Reject(self.job.source.id, key, self.run_id, now_us, rejected.rule, rejected.reason, rejected.raw)

    async def _settle(self, reader: ReaderHost, takeover: Takeover) -> None:
        """After all rows: what happened to those that are not there any more."""
        vanished = Vanished(self.job.hub, self.job.city.tenant, self.job.source, reader)
        await vanished.raise_if_empty(self.counts.read)
        if not self._is_stream and not self.job.accept_shrink and not self.has_broken:
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
        if run.error != RUN_STOPPED:
            await note_run(self.job.hub, self.job.city, self.job.source, run, has_changed=bool(self._change))
        await look_at_source(self.job.hub, self.job.city, self.job.source, self._change)


def _change_of(refusal: SourceError) -> str:
    """Return which kind of alert a change of form is, or nothing."""
    if isinstance(refusal, SourceCollapsed):
        return COLLAPSED
    return DRIFTED if isinstance(refusal, SourceChanged) else ""
