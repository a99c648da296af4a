"""Fills the index of an attribute when the first question about it comes; from then on every write keeps it.

Of what an entity has, most is never asked about, and a row in the index costs a write as much as anything else does
(ADR 13). Places and types are always indexed; they are not looked at here. No decision about a question here.

The index of a column is kept, and then filled in steps, each a write of its own among those of others:

- Once it is kept, every write puts its own rows. It is set between two groups, and stored with the next one.
- A step reads some entities as they are committed, in its group, and puts their rows before those of the group's other
  writes, which see to what they change.
- Questions use it once all steps are on the disk. A process that ends before begins with the first step again: a row
  that is there already is no second one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any

from simpul import limits
from simpul.domain.errors import HubError, StorageUnavailable
from simpul.ports.store import Draft
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.draft import SqliteDraft
from simpul.store.sqlite.names import VALUE, Column
from simpul.store.sqlite.new_rows import put_values

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

_Place = tuple[int, int]
_SLOW = StorageUnavailable("The disk is too slow to index the attribute now. Send the request again in some seconds.")
_STOPPED = StorageUnavailable("The city is being closed. Send the request again when it is open.")


class Filling:
    """What is being filled of one city's index. Used in the event loop."""

    def __init__(self, city: CityFile) -> None:
        self._city = city
        self._tasks: dict[_Place, asyncio.Task[HubError | None]] = {}
        # One after the other, so that writers of other things are held up by no more than one step.
        self._turn = asyncio.Lock()
        # When the last step was done, and when one failed.
        self._moved_at = 0.0
        self._failed_at = -math.inf
        self._failure: HubError | None = None

    async def fill(self, columns: Iterable[Column]) -> None:
        """Return when all these columns may be asked. Raises StorageFull, StorageUnavailable."""
        refusal = await self.try_to_fill(columns)
        if refusal is not None:
            raise refusal

    async def try_to_fill(self, columns: Iterable[Column]) -> HubError | None:
        """Return when all these columns may be asked, or else what prevents it.

        Nobody waits for a disk that does not move: a step that takes too long goes on without those who asked.
        """
        places = [(one.type, one.attribute) for one in columns if one.kind == VALUE and not one.is_filled]
        if places and monotonic() < self._failed_at + limits.FILLING_PAUSE_SECONDS:
            return self._failure
        tasks = [self._tasks.get(place) or self._begin(place) for place in places]
        while tasks and not all(task.done() for task in tasks):
            left_seconds = self._moved_at + limits.FILLING_STEP_SECONDS_MAX - monotonic()
            if left_seconds <= 0:
                return _SLOW
            # Whoever asked may go away: others wait for the same.
            await asyncio.wait(tasks, timeout=left_seconds)
        return next((refusal for refusal in map(_refusal_of, tasks) if refusal is not None), None)

    async def close(self) -> None:
        """Stop filling; what is kept is filled anew when it is asked for again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, place: _Place) -> asyncio.Task[HubError | None]:
        if not self._tasks:
            self._moved_at = monotonic()
        task = self._tasks[place] = asyncio.create_task(self._fill(place))
        return task

    async def _fill(self, place: _Place) -> HubError | None:
        try:
            async with self._turn:
                await self._fill_column(place)
        except HubError as error:
            self._failed_at = monotonic()
            self._failure = error
            return error
        finally:
            del self._tasks[place]
        return None

    async def _fill_column(self, place: _Place) -> None:
        find_column = self._city.names.find_value_column
        last_eid: int | None = 0
        while last_eid is not None:
            column = find_column(*place)
            if column is None:
                # It was only promised, by a write that failed.
                return
            if not column.is_kept:
                # Not yet, or no more: after a group that failed the city knows only what is on the disk.
                self._city.names.keep_index(column)
                last_eid = 0
            last_eid = await self._city.write("", _Step(self._city, place, last_eid).run)
            self._moved_at = monotonic()
        column = find_column(*place)
        if column is not None and column.is_kept:
            await self._city.execute(SQL.mark_column_filled, (column.id,))
            # A group that failed meanwhile has had the names read anew.
            column = find_column(*place)
            if column is not None:
                self._city.names.mark_filled(column)


def _refusal_of(task: asyncio.Task[HubError | None]) -> HubError | None:
    return _STOPPED if task.cancelled() else task.result()


class _Step:
    """Some entities' rows of one column."""

    def __init__(self, city: CityFile, place: _Place, last_eid: int) -> None:
        self._city = city
        self._place = place
        self._last_eid = last_eid

    def run(self, draft: Draft) -> int | None:
        """Put the rows behind `last_eid`; return the last one's eid, or None behind the last entity."""
        assert isinstance(draft, SqliteDraft), "this store makes its own drafts"
        city, names = self._city, self._city.names
        column = names.find_value_column(*self._place)
        if column is None or not column.is_kept:
            return self._last_eid
        attribute = names.iri(column.attribute)
        page = (column.type, self._last_eid, limits.FILLING_STEP_ENTITIES)
        rows: list[tuple[Any, ...]] = city.writer.execute(SQL.page_of_bodies, page).fetchall()
        for eid, context_id, body in rows:
            entity = city.entity_of(context_id, body)
            if attribute in entity:
                put_values(draft.changes, names, column, eid, entity[attribute])
        if len(rows) < limits.FILLING_STEP_ENTITIES:
            return None
        last_eid: int = rows[-1][0]
        return last_eid
