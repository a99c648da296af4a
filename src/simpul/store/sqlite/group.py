"""Group commit: the writes that arrive while one group is written share the next transaction and its one sync.

Operations run in the event loop. COMMIT, which writes to the log, and the sync of the log, which waits for the disk,
run in a thread and hold no GIL. After its COMMIT a group is there for readers and for the next group, which is applied
while the disk works; nobody is told of it before it is durable. No COMMIT begins before the sync of the one before it
has ended, so that at most one group is there and not durable. No decisions and no SQL of its own here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, Protocol

import apsw

from simpul import limits
from simpul.domain.errors import HubBusy, HubError, InternalError, StorageUnavailable
from simpul.ports.store import Draft
from simpul.store.sqlite.changes import Changes

_LOCK_RETRY_SECONDS = 0.02
_GROUPS_REMEMBERED = 8


class WritableDraft(Draft, Protocol):
    """A draft that one write after the other uses."""

    origin: str


class Writable(Protocol):
    """What the group commit needs of a city's file."""

    def begin(self) -> None: ...

    def draft(self, group: Changes) -> WritableDraft: ...

    def flush(self, group: Changes) -> None: ...

    def commit(self) -> None: ...

    def sync(self) -> None: ...

    def rollback(self) -> None: ...

    def abandon(self) -> None: ...

    def take_over(self, group: Changes) -> None: ...

    def acknowledge(self, group: Changes) -> None: ...

    def translate(self, error: apsw.Error) -> HubError: ...


@dataclass(slots=True)
class _Write:
    origin: str
    operation: Callable[[Draft], Any]
    future: asyncio.Future[Any]
    expected: Sequence[str]


@dataclass(slots=True)
class _Answer:
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None


@dataclass(slots=True)
class _Group:
    changes: Changes
    answers: list[_Answer]
    is_committed: bool = False


class GroupCommit:
    """The queue of writes of one city, and the loop that makes groups of them."""

    def __init__(self, city: Writable) -> None:
        self._city = city
        self._waiting: deque[_Write] = deque()
        # Groups that are in the thread, oldest first: one whose COMMIT goes on, and before it one that is synced.
        self._groups: deque[_Group] = deque()
        # Whether a group is about to be made, is being made, or its COMMIT goes on.
        self._is_committing = False
        # How many write at once, as far as was seen lately: those who were told may soon write again.
        self._writers = 0
        self._is_closing = False
        self._idle = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simpul-commit")

    def submit(
        self, origin: str, operation: Callable[[Draft], Any], expected: Sequence[str] = ()
    ) -> asyncio.Future[Any]:
        """Return a future of the result, which is set when it is durable. Raises HubBusy, StorageUnavailable."""
        if self._is_closing:
            raise StorageUnavailable("The city is being closed. Send the request again when it is open.")
        if len(self._waiting) >= limits.WRITES_WAITING_MAX:
            raise HubBusy(
                f"{limits.WRITES_WAITING_MAX} writes are waiting for the disk. Send the request again shortly."
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Write(origin, operation, future, expected))
        self._idle.clear()
        self._go_on(loop)
        return future

    @property
    def is_running(self) -> bool:
        """Whether somebody waits for a write."""
        return self._is_committing or bool(self._groups)

    async def until_durable(self) -> None:
        """Return when every group that readers may see is durable. Raises StorageUnavailable when one is taken back."""
        if self._groups:
            future = asyncio.get_running_loop().create_future()
            self._groups[-1].answers.append(_Answer(future, None, None))
            await future

    async def drain(self) -> None:
        """Take nothing more, and return when nothing is waiting and nothing is being written."""
        self._is_closing = True
        if self.is_running:
            await self._idle.wait()

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _run_group(self, loop: asyncio.AbstractEventLoop, since_seconds: float) -> None:
        try:
            self._city.begin()
        except apsw.BusyError as error:
            # Another program holds the file: waiting inside SQLite would stop every reader, so ask again later.
            if monotonic() - since_seconds < limits.LOCK_WAIT_MS / 1000:
                loop.call_later(_LOCK_RETRY_SECONDS, self._run_group, loop, since_seconds)
            else:
                self._refuse_all(self._city.translate(error))
            return
        except (apsw.Error, HubError) as error:
            self._refuse_all(self._refusal(error))
            return
        group = self._apply()
        if group.changes.is_empty:
            self._city.rollback()
            if self._groups:
                # What they found may be taken back yet.
                self._groups[-1].answers += group.answers
            else:
                self._settle(group.answers)
            self._next(loop)
            return
        try:
            self._city.flush(group.changes)
        except Exception as error:  # noqa: BLE001  # Whatever cannot be written must be answered, or all writes would wait for ever.
            self._fail(loop, group, error)
            return
        self._groups.append(group)
        writing = loop.run_in_executor(self._thread, self._write_out, loop, group)
        writing.add_done_callback(lambda done: self._finish(loop, group, done))

    def _apply(self) -> _Group:
        group = Changes()
        draft = self._city.draft(group)
        answers: list[_Answer] = []
        # Half of the writers wait for the disk while the others' group is made: all at once would wait for either.
        seen_before = self._writers - self._writers // _GROUPS_REMEMBERED
        self._writers = max(len(self._waiting) + self._in_thread, seen_before)
        most = max(limits.GROUP_WRITES_HALVED_MIN, (self._writers + 1) // 2)
        _look_up([entity_id for write in islice(self._waiting, most) for entity_id in write.expected], draft)
        while self._waiting and len(answers) < most and group.size < limits.GROUP_ENTITIES_MAX:
            write = self._waiting.popleft()
            if write.future.cancelled():
                continue
            mark = group.mark()
            draft.origin = write.origin
            try:
                answers.append(_Answer(write.future, write.operation(draft), None))
            except HubError as error:
                group.undo(mark)
                answers.append(_Answer(write.future, None, error))
            except Exception as error:  # noqa: BLE001  # A defect in one operation must not take the others of its group with it.
                group.undo(mark)
                answers.append(_Answer(write.future, None, _defect(error)))
        return _Group(group, answers)

    def _write_out(self, loop: asyncio.AbstractEventLoop, group: _Group) -> None:
        """Make the group durable. In the thread."""
        self._city.commit()
        loop.call_soon_threadsafe(self._take_over, loop, group)
        self._city.sync()

    def _take_over(self, loop: asyncio.AbstractEventLoop, group: _Group) -> None:
        group.is_committed = True
        try:
            self._city.take_over(group.changes)
        finally:
            self._next(loop)

    def _finish(self, loop: asyncio.AbstractEventLoop, group: _Group, done: asyncio.Future[None]) -> None:
        self._groups.popleft()
        error = done.exception()
        if error is not None:
            self._fail(loop, group, error)
            return
        try:
            self._city.acknowledge(group.changes)
        finally:
            # It is on disk, whatever those who are told of it make of that.
            self._settle(group.answers)
            self._go_on(loop)

    def _fail(self, loop: asyncio.AbstractEventLoop, group: _Group, error: BaseException) -> None:
        """Refuse the whole group: nothing of it is kept."""
        refusal = self._refusal(error)
        refused = [_Answer(answer.future, None, answer.error or refusal) for answer in group.answers]
        if group.is_committed and self._groups:
            # The next group, which was made upon this one, fails in the thread; they are taken back together.
            self._groups[-1].answers[:0] = refused
            return
        try:
            self._city.abandon()
        finally:
            self._settle(refused)
            if group.is_committed:
                self._go_on(loop)
            else:
                self._next(loop)

    def _refusal(self, error: BaseException) -> HubError:
        if isinstance(error, apsw.Error):
            return self._city.translate(error)
        return error if isinstance(error, HubError) else _defect(error)

    def _refuse_all(self, refusal: HubError) -> None:
        waiting, self._waiting = self._waiting, deque()
        self._is_committing = False
        self._rest_if_idle()
        self._settle([_Answer(write.future, None, refusal) for write in waiting])

    @property
    def _in_thread(self) -> int:
        return sum(len(group.answers) for group in self._groups)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_committing:
            self._next(loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the next group if it is worth its sync: behind a group in the thread, if it is not much smaller."""
        self._is_committing = bool(self._waiting) and 2 * len(self._waiting) >= self._in_thread
        if self._is_committing:
            loop.call_soon(self._run_group, loop, monotonic())
        else:
            self._rest_if_idle()

    def _rest_if_idle(self) -> None:
        if not self.is_running:
            self._idle.set()

    @staticmethod
    def _settle(answers: list[_Answer]) -> None:
        for answer in answers:
            if answer.future.done():
                continue
            if answer.error is not None:
                answer.future.set_exception(answer.error)
            else:
                answer.future.set_result(answer.result)


def _look_up(expected: list[str], draft: Draft) -> None:
    """Have the draft look up what the group's writes will ask for."""
    if expected:
        # What fails here fails the one write that asks for it, which says so.
        with suppress(Exception):
            draft.expect(expected)


def _defect(error: BaseException) -> InternalError:
    refusal = InternalError("The change could not be applied because of a defect in the hub; nothing of it was kept.")
    refusal.__cause__ = error
    return refusal
