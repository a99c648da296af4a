"""Rows that were there and are not any more: kept, expired or deleted, as their source says. No rows read here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.sources import date_time_of
from simpul.connect.reader import Reader
from simpul.connect.reader_hosts import ReaderHost
from simpul.connect.takeover import Takeover
from simpul.domain.city import SourceDeclaration
from simpul.domain.errors import SourceChanged
from simpul.ports.store import Draft, Reject

Commit = Callable[[Callable[[Draft], Any]], Awaitable[Any]]
KnownRow = tuple[str, str]

# What stands in the place of a row's digest while it is expired: a row that comes back has another.
_EXPIRED: Final = b"expired"


class Vanished:
    """The rows of one source that a complete run has not seen."""

    def __init__(self, hub: Hub, tenant: str, source: SourceDeclaration, reader: ReaderHost) -> None:
        self._hub = hub
        self._tenant = tenant
        self._source = source
        self._reader = reader
        self._rule: str = source.declaration.get("vanished", "keep")

    async def raise_if_empty(self, rows_read: int) -> None:
        """Refuse to believe a source that gives no rows where it gave some before."""
        if rows_read > 0:
            return
        if next(self._hub.sources.iter_source_rows(self._tenant, self._source.id), None) is not None:
            raise SourceChanged(
                f"{self._source.file}: the source gave no rows, and it gave some before. Nothing was changed. "
                "Look at the source; if it is right, take the source out of the city and apply."
            )

    async def forget_rejects(self, commit: Commit) -> None:
        """Drop the rejects of rows that are gone."""
        rejects = self._list_rejects()
        gone = await self._reader.ask(Reader.list_unseen, [reject.key for reject in rejects]) if rejects else []
        if not gone:
            return

        def operation(draft: Draft) -> None:
            for key in gone:
                draft.drop_reject(self._source.id, key)

        await commit(operation)

    def _list_rejects(self) -> list[Reject]:
        rejects: list[Reject] = []
        while len(rejects) < limits.REJECTS_PER_RUN_MAX:
            page = self._hub.sources.list_rejects(self._tenant, self._source.id, limits.PAGE_SIZE_MAX, len(rejects))
            rejects += page
            if len(page) < limits.PAGE_SIZE_MAX:
                break
        return rejects

    async def settle(self, takeover: Takeover, commit: Commit, *, accept_shrink: bool) -> int:
        """Apply the source's rule to the rows that are gone; return how many it was applied to.

        Raises SourceChanged, before anything is done, when too many are gone at once.
        """
        if self._rule == "keep" or await self._is_complete():
            return 0
        if not accept_shrink:
            self._raise_if_collapsed(*await self._count())
        count = 0
        async for rows in self._iter_gone():
            count += await self._settle_rows(rows, takeover, commit)
        return count

    async def _is_complete(self) -> bool:
        """Return whether surely none is gone: all rows of this run are known, so as many are the same."""
        distinct_count = await self._reader.ask(Reader.count_distinct)
        return distinct_count == self._hub.sources.count_source_rows(self._tenant, self._source.id)

    async def _count(self) -> tuple[int, int]:
        """Return how many rows with entities there were, and how many of them are gone."""
        known = gone = 0
        async for rows in self._iter_known():
            missing = await self._missing(rows)
            gone_here = _count_entities(self._live(missing))
            known += _count_entities(rows) - _count_entities(missing) + gone_here
            gone += gone_here
        return known, gone

    def _raise_if_collapsed(self, known: int, gone: int) -> None:
        if known - gone >= known * limits.SOURCE_SHRINK_RATIO_MIN:
            return
        raise SourceChanged(
            f"{self._source.file}: of {known} rows that were taken over, {gone} are gone, and the rule is "
            f"'vanished: {self._rule}'. None was touched. If that is right, run `simpul sync {self._source.id} "
            "--accept-shrink`."
        )

    async def _iter_known(self) -> AsyncIterator[list[KnownRow]]:
        rows: list[KnownRow] = []
        for row in self._hub.sources.iter_source_rows(self._tenant, self._source.id):
            rows.append(row)
            if len(rows) == limits.SOURCE_CHUNK_ROWS:
                yield rows
                rows = []
                # A million rows take a second or two: requests are answered in between.
                await asyncio.sleep(0)
        yield rows

    async def _iter_gone(self) -> AsyncIterator[list[KnownRow]]:
        waiting: list[KnownRow] = []
        async for rows in self._iter_known():
            waiting += self._live(await self._missing(rows))
            if len(waiting) >= limits.SOURCE_CHUNK_ROWS:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    async def _missing(self, rows: list[KnownRow]) -> list[KnownRow]:
        """Return those that no row of this run was."""
        unseen = set(await self._reader.ask(Reader.list_unseen, [key for key, _ in rows]))
        return [row for row in rows if row[0] in unseen] if unseen else []

    def _live(self, rows: list[KnownRow]) -> list[KnownRow]:
        """Return those that are not expired already."""
        if not rows:
            return []
        digests = self._hub.sources.find_digests(self._tenant, self._source.id, [key for key, _ in rows])
        return [row for row in rows if digests.get(row[0]) != _EXPIRED]

    async def _settle_rows(self, rows: list[KnownRow], takeover: Takeover, commit: Commit) -> int:
        now_us = self._hub.clock.now_us()
        moment = date_time_of(now_us)
        source_id = self._source.id

        def expire(draft: Draft) -> int:
            count = 0
            for key, entity_id in rows:
                if entity_id:
                    count += takeover.expire(draft, entity_id, moment, now_us)
                    draft.put_source_row(source_id, key, _EXPIRED, entity_id)
                else:
                    draft.drop_source_row(source_id, key)
            return count

        def delete(draft: Draft) -> int:
            count = 0
            for key, entity_id in rows:
                if entity_id:
                    count += takeover.delete(draft, entity_id, now_us)
                draft.drop_source_row(source_id, key)
            return count

        result: int = await commit(expire if self._rule == "expire" else delete)
        return result


def _count_entities(rows: list[KnownRow]) -> int:
    # What a stream has noted, and a row that was kept aside without an id, are rows of no entity.
    return sum(1 for _, entity_id in rows if entity_id)
