"""What changes, as it changes: a feed for pages that stay up to date. Counts by type only, never content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from simpul import limits
from simpul.domain.errors import HubBusy


class LiveFeed:
    """Tells watchers of a city how many entities of each type were committed since they last looked."""

    def __init__(self) -> None:
        self._watchers: dict[str, list[_Watcher]] = {}
        self._changes: dict[tuple[str, str], int] = {}
        self._commits: dict[str, int] = {}

    def publish(self, tenant: str, types: dict[str, int]) -> None:
        """Tell the city's watchers. Called in the event loop after each commit."""
        self._commits[tenant] = self._commits.get(tenant, 0) + 1
        for name, count in types.items():
            self._changes[tenant, name] = self._changes.get((tenant, name), 0) + count
        for watcher in self._watchers.get(tenant, ()):
            watcher.add(types)

    def stir(self, tenant: str) -> None:
        """Let the city's watchers look again, because something beside its entities changed."""
        for watcher in self._watchers.get(tenant, ()):
            watcher.add({})

    def revision(self, tenant: str) -> int:
        """Return a number that is another one after every commit of the city."""
        return self._commits.get(tenant, 0)

    def mark(self, tenant: str, types: Iterable[str]) -> int:
        """Return a number that is another one after every commit that touches one of these types of the city."""
        return sum(self._changes.get((tenant, name), 0) for name in types)

    async def watch(self, tenant: str) -> AsyncIterator[dict[str, int]]:
        """Yield {expanded type: changes}, at most once in LIVE_INTERVAL_SECONDS. Raises HubBusy.

        An empty dict says that no entity changed: nothing happened for LIVE_HEARTBEAT_SECONDS, or the feed was stirred.
        """
        if sum(map(len, self._watchers.values())) >= limits.LIVE_CONNECTIONS_MAX:
            raise HubBusy(
                f"{limits.LIVE_CONNECTIONS_MAX} pages are watching already. Reload this one when you need to."
            )
        watcher = _Watcher()
        self._watchers.setdefault(tenant, []).append(watcher)
        try:
            while True:
                yield await watcher.take()
                await asyncio.sleep(limits.LIVE_INTERVAL_SECONDS)
        finally:
            self._watchers[tenant].remove(watcher)


class _Watcher:
    """One page's unread changes, counted together so that a slow page costs no memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._changed = asyncio.Event()

    def add(self, types: dict[str, int]) -> None:
        for name, count in types.items():
            self._counts[name] = self._counts.get(name, 0) + count
        self._changed.set()

    async def take(self) -> dict[str, int]:
        try:
            await asyncio.wait_for(self._changed.wait(), limits.LIVE_HEARTBEAT_SECONDS)
        except TimeoutError:
            return {}
        self._changed.clear()
        counts, self._counts = self._counts, {}
        return counts
