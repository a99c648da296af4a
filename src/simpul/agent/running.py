"""An agent at work: each source is read when it is due and delivered when there is a line, beside all others.

Each source has two threads, one that reads and one that delivers, so that a line which is down delays no reading, and a
system that hangs delays no other source.
"""

from __future__ import annotations

import threading
import time

from simpul import limits
from simpul.agent.courier import Courier, Undelivered
from simpul.agent.declaration import AgentDeclaration, Task
from simpul.agent.queue import Queue
from simpul.agent.reading import read_into
from simpul.domain.delivery import Told
from simpul.domain.errors import HubError
from simpul.operator_log import log


class SourceWork:
    """One source: read and delivered, each from a thread of its own."""

    def __init__(self, agent: AgentDeclaration, task: Task, queue: Queue, stopping: threading.Event) -> None:
        self._agent = agent
        self._task = task
        self._queue = queue
        self._stopping = stopping
        self._has_news = threading.Event()
        self._is_due = threading.Event()
        self.trouble = ""
        self._read_us: int | None = None
        self.courier = Courier(agent, task, queue, self._tell)

    def _tell(self) -> Told:
        backlog = self._queue.backlog(self._task.source.id)
        return Told(backlog.readings, backlog.size, backlog.oldest_us, self._read_us, trouble=self.trouble)

    def read(self) -> bool:
        """Read the source once; return whether that went well. What is in the way is told to the hub."""
        source = self._task.source
        try:
            is_new = read_into(self._queue, source, self._agent.surroundings)
        except HubError as error:
            self._note_trouble(error.detail)
            return False
        except Exception as error:  # A driver's surprise must not end the reading of this source for good.
            log.exception("a reading failed", source=source.id)
            self._note_trouble(f"The source could not be read because of an unexpected {type(error).__name__}.")
            return False
        self._read_us = time.time_ns() // 1_000
        self._note_trouble("")
        log.info("read", source=source.id, is_new=is_new)
        return True

    def _note_trouble(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("not read", source=self._task.source.id, reason=trouble)
        self.trouble = trouble

    def deliver(self) -> str:
        """Deliver what waits; return what was in the way, or nothing."""
        try:
            if self.courier.deliver(self._stopping.is_set):
                self._is_due.set()
        except Undelivered as error:
            return str(error)
        except HubError as error:
            return error.detail
        except Exception as error:  # A defect must not end the deliveries of this source for good.
            log.exception("a delivery failed", source=self._task.source.id)
            return f"An unexpected {type(error).__name__}."
        return ""

    def keep_reading(self) -> None:
        """Read when it is due, until the agent stops; sooner after a failure."""
        failures = 0
        while not self._stopping.is_set():
            failures = 0 if self.read() else failures + 1
            self._has_news.set()
            wait_seconds = self._task.every_seconds
            if failures:
                wait_seconds = min(wait_seconds, limits.SOURCE_RETRY_SECONDS << min(failures - 1, 10))
            self._wait(self._is_due, wait_seconds)

    def keep_delivering(self) -> None:
        """Deliver when something is new, and let the hub hear from time to time; wait longer where it fails again."""
        failures, told = 0, ""
        while not self._stopping.is_set():
            wrong = self.deliver()
            if wrong and wrong != told:
                log.warning("not delivered", source=self._task.source.id, reason=wrong)
            elif told and not wrong:
                log.info("the line is back", source=self._task.source.id)
            failures, told = (failures + 1 if wrong else 0), wrong
            if failures:
                pauses = limits.AGENT_PAUSES_SECONDS
                self._stopping.wait(pauses[min(failures, len(pauses)) - 1])
            else:
                self._wait(self._has_news, limits.AGENT_HEARTBEAT_SECONDS)

    def _wait(self, event: threading.Event, seconds: float) -> None:
        event.wait(seconds)
        event.clear()

    def wake(self) -> None:
        """Let both threads look whether the agent stops."""
        self._has_news.set()
        self._is_due.set()


class Agent:
    """All sources of an agent. Raises StorageUnavailable where another one uses the queue."""

    def __init__(self, declaration: AgentDeclaration) -> None:
        self._stopping = threading.Event()
        self._queue = Queue(declaration.queue, declaration.queue_bytes_max)
        self._works: list[SourceWork] = []
        try:
            for task in declaration.tasks:
                self._works.append(SourceWork(declaration, task, self._queue, self._stopping))
        except BaseException:
            self.close()
            raise

    def run_once(self) -> list[str]:
        """Read each source once, deliver all that waits, and return what was in the way."""
        wrong = []
        for work in self._works:
            wrong += [] if work.read() else [work.trouble]
            found = work.deliver()
            wrong += [found] if found else []
        return wrong

    def run(self) -> None:
        """Read and deliver until `stop` is called."""
        threads = [
            threading.Thread(target=work, daemon=True)
            for one in self._works
            for work in (one.keep_reading, one.keep_delivering)
        ]
        for thread in threads:
            thread.start()
        self._stopping.wait()
        for one in self._works:
            one.wake()
        for thread in threads:
            thread.join(limits.AGENT_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Let `run` come to its end. May be called from a signal's handler."""
        self._stopping.set()

    def close(self) -> None:
        """Close the connections and the queue."""
        for work in self._works:
            work.courier.close()
        self._queue.close()
