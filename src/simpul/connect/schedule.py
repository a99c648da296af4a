"""When sources are read by themselves: every so often, as each says; sooner after a failure. Nothing is read here."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.source import duration_seconds
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.errors import HubError
from simpul.operator_log import log
from simpul.ports.store import RUN_STOPPED, Run

_US_PER_SECOND: Final = 1_000_000


@dataclass(slots=True)
class Schedule:
    """The sources of all cities with the moments when each is due."""

    hub: Hub
    _due_us: dict[tuple[str, str], tuple[City, int]] = field(default_factory=dict)
    _started: set[tuple[str, str]] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(limits.SOURCES_AT_ONCE_MAX))
    _long_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(limits.SOURCES_AT_ONCE_MAX - 1))

    def list_due(self) -> list[tuple[str, SourceDeclaration]]:
        """Return (tenant, source) of every source that is to be read now."""
        now_us = self.hub.clock.now_us()
        return [
            (tenant, source)
            for tenant, city in list(self.hub.cities.items())
            for source in city.sources
            if "schedule" in source.declaration
            and not source.is_delivered
            and (tenant, source.id) not in self._started
            and self._is_due(city, source, now_us)
        ]

    def _is_due(self, city: City, source: SourceDeclaration, now_us: int) -> bool:
        key = (city.tenant, source.id)
        known = self._due_us.get(key)
        if known is not None and known[0] is city and known[1] > now_us:
            return False
        # Looked up again when it seems due: somebody may have read the source in between.
        runs = self.hub.sources.list_runs(city.tenant, source.id, limits.SOURCE_RETRIES_MAX + 1)
        if runs and runs[0].finished_us is None and not self._is_running(city.tenant, source.id):
            # The hub was killed while it read: that is made up for soon, however rarely the source is read.
            runs[0] = runs[0]._replace(error=RUN_STOPPED)
        due_us = next_due_us(runs, duration_seconds(source.declaration["schedule"]["every"]))
        self._due_us[key] = (city, due_us)
        return due_us <= now_us

    def _is_running(self, tenant: str, source_id: str) -> bool:
        return self.hub.engine is not None and self.hub.engine.is_running(tenant, source_id)

    async def run_due(self) -> None:
        """Read every source that is due, a few at a time, and return when all are through."""
        async with asyncio.TaskGroup() as group:
            self.start_due(group)

    def start_due(self, group: asyncio.TaskGroup) -> None:
        """Start every source that is due and does not wait or run already. They take their turns in this order."""
        for tenant, source in self.list_due():
            self._started.add((tenant, source.id))
            group.create_task(self._run(tenant, source))

    async def _run(self, tenant: str, source: SourceDeclaration) -> None:
        try:
            # Long runs leave a slot to short ones, so that a source of hours keeps none of minutes waiting.
            async with self._long_slots if self._is_long(tenant, source.id) else nullcontext(), self._slots:
                await self._read(tenant, source)
        except Exception:  # A defect in reading one source must not end the schedules of all.
            log.exception("a source's run ended by a defect", tenant=tenant, source=source.id)
        finally:
            self._started.discard((tenant, source.id))

    def _is_long(self, tenant: str, source_id: str) -> bool:
        """Return whether a source takes long, by its last complete run; of one that was never read nobody knows."""
        runs = self.hub.sources.list_runs(tenant, source_id, limits.SOURCE_RETRIES_MAX + 1)
        last = next((run for run in runs if run.finished_us is not None and run.error is None), None)
        if last is None or last.finished_us is None:
            return True
        return last.finished_us - last.started_us > limits.SOURCE_LONG_SECONDS * _US_PER_SECOND

    async def _read(self, tenant: str, source: SourceDeclaration) -> None:
        assert self.hub.engine is not None, "only a hub with an engine has schedules"
        was_well = self._is_well(tenant, source.id)
        try:
            run = await self.hub.engine.run(self.hub, tenant, source)
        except HubError as error:
            # The store or a run by hand stands in the way; the next round tries again.
            log.warning("source not read", tenant=tenant, source=source.id, reason=error.title)
            return
        if was_well and run.error is not None:
            log.warning("source lost", tenant=tenant, source=source.id, run=run.id)
        elif not was_well and run.error is None:
            log.info("source back", tenant=tenant, source=source.id, run=run.id)

    def _is_well(self, tenant: str, source_id: str) -> bool:
        last = self.hub.sources.list_runs(tenant, source_id, 1)
        return not last or last[0].error is None


def next_due_us(runs: list[Run], every_seconds: int) -> int:
    """Return when a source with these last runs (newest first) is due.

    After a failure it is tried again in one, two and four minutes, and then as often as it is read anyway.
    """
    if not runs:
        return 0
    failures = next((count for count, run in enumerate(runs) if run.error is None), len(runs))
    wait_seconds = every_seconds
    if 0 < failures <= limits.SOURCE_RETRIES_MAX:
        wait_seconds = min(every_seconds, limits.SOURCE_RETRY_SECONDS << (failures - 1))
    return runs[0].started_us + wait_seconds * _US_PER_SECOND


async def run_schedules(hub: Hub) -> None:
    """Read sources when they are due, until cancelled."""
    schedule = Schedule(hub)
    async with asyncio.TaskGroup() as group:
        while True:
            try:
                schedule.start_due(group)
            except HubError as error:
                log.warning("schedules not looked at", reason=error.title)
            await asyncio.sleep(limits.SCHEDULE_INTERVAL_SECONDS)
