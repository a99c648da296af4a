"""Every city's snapshots: their descriptions, the states that are open, and the work that fills them.

No access rules here (`snapshots.py`), no queries (`snapshot_fill.py`), no SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from simpul import limits
from simpul.domain.errors import HubError
from simpul.domain.snapshot import FAILURE, PREPARING, Detail, Kept
from simpul.operator_log import log
from simpul.ports.snapshots import SnapshotState, SnapshotStore

if TYPE_CHECKING:
    from simpul.app.hub import Hub


@dataclass(slots=True)
class Opened:
    """A snapshot's state while it is open, and how many use it; `unused` is set while nobody does."""

    state: SnapshotState
    unused: asyncio.Event
    users: int = 0
    idle_since_seconds: float = 0.0


class Use:
    """The use of a snapshot: its state stays open until the block is left."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    @property
    def state(self) -> SnapshotState:
        return self._opened.state

    async def __aenter__(self) -> Self:
        self._opened.users += 1
        self._opened.unused.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.users -= 1
        self._opened.idle_since_seconds = monotonic()
        if not self._opened.users:
            self._opened.unused.set()


class Snapshots:
    """The snapshots of every city."""

    def __init__(self, store: SnapshotStore) -> None:
        self.store = store
        self._kept: dict[str, dict[str, Kept]] = {}
        self._opened: dict[tuple[str, str], Opened] = {}
        self._work: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._used: set[tuple[str, str]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._hub: Hub | None = None

    def start(self, hub: Hub) -> None:
        """Look after what is kept from now on. Called in the loop that the hub runs in."""
        self._hub = hub
        self._sweeper = asyncio.create_task(self._sweep_on())

    def load(self, tenant: str) -> None:
        """Take up what is kept of a city. What was being prepared when the hub stopped has failed."""
        self._kept[tenant] = {
            kept.id: kept if kept.status != PREPARING else _broken_off(kept)
            for kept in self.store.list_snapshots(tenant)
        }

    async def close(self) -> None:
        """Break off what is being prepared, keep when what was used last, and close what is open."""
        tasks = [*self._work.values(), *([self._sweeper] if self._sweeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(HubError):
            await self._record_uses()
        for opened in self._opened.values():
            await opened.state.close()
        self._opened.clear()

    def _now_us(self) -> int:
        assert self._hub is not None, "it was started"
        return self._hub.clock.now_us()

    def list_all(self, tenant: str) -> list[Kept]:
        """Return the city's snapshots that have not expired, oldest first."""
        now_us = self._now_us()
        return [kept for kept in self._kept.get(tenant, {}).values() if kept.expires_us > now_us]

    def find(self, tenant: str, snapshot_id: str) -> Kept | None:
        """Return a snapshot unless it has expired."""
        kept = self._kept.get(tenant, {}).get(snapshot_id)
        return kept if kept is not None and kept.expires_us > self._now_us() else None

    async def put(self, tenant: str, kept: Kept) -> None:
        """Keep a description, in place of one with its id."""
        await self.store.put_snapshot(tenant, kept)
        self._kept.setdefault(tenant, {})[kept.id] = kept

    async def drop(self, tenant: str, snapshot_id: str) -> None:
        """Remove a snapshot; who uses it at this moment is let finish first."""
        kept = self._kept.get(tenant, {}).pop(snapshot_id, None)
        if kept is None:
            return
        task = self._work.pop((tenant, snapshot_id), None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        opened = self._opened.pop((tenant, kept.file), None)
        if opened is not None:
            await opened.unused.wait()
            await opened.state.close()
        await self.store.drop_snapshot(tenant, kept)

    def use(self, tenant: str, kept: Kept) -> Use:
        """Return the use of a snapshot's state, which is opened where it is not. Raises StorageUnavailable."""
        opened = self._opened.get((tenant, kept.file))
        if opened is None:
            opened = Opened(self.store.open_state(tenant, kept.file), asyncio.Event())
            opened.unused.set()
            self._opened[tenant, kept.file] = opened
        opened.idle_since_seconds = monotonic()
        current = self._kept.get(tenant, {}).get(kept.id)
        if current is not None:
            self._kept[tenant][kept.id] = msgspec.structs.replace(current, used_us=self._now_us())
            self._used.add((tenant, kept.id))
        return Use(opened)

    def work(self, tenant: str, snapshot_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Prepare a snapshot aside. Where that fails as such, the snapshot says so."""
        self._work[tenant, snapshot_id] = asyncio.create_task(self._run(tenant, snapshot_id, work))

    async def _run(self, tenant: str, snapshot_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # Whatever it is, whoever waits for the snapshot has to learn that it will not come.
            reason = error.detail if isinstance(error, HubError) else "The hub has a defect here."
            if not isinstance(error, HubError):
                log.exception("a snapshot could not be prepared", tenant=tenant)
            kept = self._kept.get(tenant, {}).get(snapshot_id)
            if kept is not None:
                with suppress(HubError):
                    await self.put(tenant, _failed(kept, reason))
        finally:
            self._work.pop((tenant, snapshot_id), None)

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(limits.SNAPSHOT_SWEEP_SECONDS)
            # A disk that is full now may have room the next time.
            with suppress(HubError):
                await self.sweep()

    async def sweep(self) -> None:
        """Remove what has expired, close what nobody uses, and keep when what was used last."""
        now_us = self._now_us()
        expired = [
            (tenant, kept.id) for tenant, known in self._kept.items() for kept in known.values()
            if kept.expires_us <= now_us
        ]  # fmt: skip
        for tenant, snapshot_id in expired:
            await self.drop(tenant, snapshot_id)
        await self._record_uses()
        idle_before = monotonic() - limits.SNAPSHOT_IDLE_SECONDS
        for key, opened in list(self._opened.items()):
            if not opened.users and opened.idle_since_seconds < idle_before:
                del self._opened[key]
                await opened.state.close()

    async def _record_uses(self) -> None:
        used, self._used = self._used, set()
        for tenant, snapshot_id in used:
            kept = self._kept.get(tenant, {}).get(snapshot_id)
            if kept is not None:
                await self.store.put_snapshot(tenant, kept)


def _broken_off(kept: Kept) -> Kept:
    return _failed(kept, "The hub was stopped while the snapshot was being prepared.")


def _failed(kept: Kept, reason: str) -> Kept:
    details = {name: [Detail(FAILURE, reason)] * len(queries) for name, queries in kept.queries.items()}
    return msgspec.structs.replace(kept, status=FAILURE, details=details)
