"""Where a `Reader` works: in a thread of this process, or in a process of its own beside it. No reading here.

Either way it is asked one thing after the other, in order, and answers the same.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Pipe
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from simpul.connect.reader import Assignment, Reader
from simpul.domain.errors import SourceUnreachable

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

# -P: what lies in the folder where simpul was started is not imported.
_COMMAND: Final = (sys.executable, "-P", "-m", "simpul.connect.reader_process")


class ReaderHost(Protocol):
    """Where one reader works, as long as one run."""

    async def ask(
        self, work: Callable[Concatenate[Reader, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Answer:
        """Let the reader do one of its methods. What is asked before this has been answered is done after it."""

    async def close(self) -> None:
        """Let go of the reader and of all that it holds."""


class ThreadHost:
    """A reader in a thread."""

    def __init__(self, assignment: Assignment) -> None:
        self._reader = Reader(assignment)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simpul-source")

    async def ask(
        self, work: Callable[Concatenate[Reader, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: work(self._reader, *args, **kwargs))

    async def close(self) -> None:
        try:
            await self.ask(Reader.close)
        finally:
            self._thread.shutdown(wait=False)


class ProcessHost:
    """A reader in a process of its own. It ends with this one, however this one ends: it listens to it all the time.

    One thread here sends what is asked, at once, so that it never waits for the next question; another waits for the
    answers. What goes to and fro is pickled: both are this program.
    """

    def __init__(self, assignment: Assignment) -> None:
        # What a process inherits is its own already; the environment given may be another.
        surroundings = replace(assignment.surroundings, environment=dict(assignment.surroundings.environment))
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="simpul-source-ask")
        self._receiver = ThreadPoolExecutor(1, thread_name_prefix="simpul-source")
        self._source_file = assignment.source.file
        self._connection, theirs = Pipe()
        with theirs:
            try:
                self._process = _start(theirs.fileno())
            except OSError:
                self._connection.close()
                raise
        assigned = replace(assignment, surroundings=surroundings)
        self._last: Future[Any] = self._sender.submit(self._connection.send, assigned)

    @property
    def process_id(self) -> int:
        """Return the number by which the machine knows the process."""
        return self._process.pid

    async def ask(
        self, work: Callable[Concatenate[Reader, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Answer:
        sent = self._sender.submit(self._connection.send, (work, args, kwargs))
        self._last = answered = self._receiver.submit(self._receive, sent)
        # What nobody waits for any more is answered all the same, before what is asked after it.
        coming = asyncio.wrap_future(answered)
        coming.add_done_callback(_look_at)
        answer: Answer = await asyncio.shield(coming)
        return answer

    def _receive(self, sent: Future[None]) -> Any:
        try:
            sent.result()
            answer, error = self._connection.recv()
        except (EOFError, OSError) as broken:
            status = self._process.wait()
            raise SourceUnreachable(
                f"{self._source_file}: the process that reads the source ended with status {status} before it was "
                "through. What it gave is taken over; run the source again for the rest."
            ) from broken
        if error is not None:
            raise error
        return answer

    async def close(self) -> None:
        try:
            if self._last.done() and self._process.poll() is None:
                await self.ask(Reader.close)
        except SourceUnreachable:
            # It was ended just now: there is nothing left to let go of.
            pass
        finally:
            # One that is still at work has nobody any more to answer to.
            self._process.kill()
            self._process.wait()
            self._sender.shutdown()
            self._receiver.shutdown()
            self._connection.close()


def _look_at(answered: asyncio.Future[Any]) -> None:
    """Take note of a failure that nobody waits for."""
    if not answered.cancelled():
        answered.exception()


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    """Start a process that answers at the descriptor. Ctrl-C is for the one that writes, which ends its reader."""
    return subprocess.Popen(
        [*_COMMAND, str(descriptor)],
        pass_fds=(descriptor,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0,
    )  # fmt: skip
