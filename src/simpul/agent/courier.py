"""Delivers what waits of one source to the hub, in order, piece by piece. Reads no source and keeps no time.

What the hub has is asked for before anything is sent, so a delivery goes on where it broke off, whoever was stopped.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

import httpx2
import msgspec

from simpul import limits
from simpul.agent.declaration import AgentDeclaration, Task
from simpul.agent.queue import Queue, Waiting
from simpul.declared_tls import believe
from simpul.domain.delivery import CHANGES, PROTOCOL, Hello, Next, Position, Told, decide_next
from simpul.domain.errors import SourceMisconfigured
from simpul.operator_log import log
from simpul.unreachable import why_unreachable

_ATTEMPTS_MAX: Final = 3
_US_PER_SECOND: Final = 1_000_000
_OURS: Final = "simpul-deliveries"
_FROM_FAILURE_ON: Final = 500
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Position).decode


class Undelivered(Exception):
    """A delivery that did not succeed; the text says why to a person. What waits stays."""


class Load(NamedTuple):
    """What is sent of a reading: all of it or its changes, their size, and what the hub is told of them."""

    head: Waiting
    size: int
    piece: Callable[[int], bytes]
    described: dict[str, str]


class Courier:
    """Delivers the readings of one source. Used from one thread only."""

    def __init__(self, agent: AgentDeclaration, task: Task, queue: Queue, tell: Callable[[], Told]) -> None:
        self._queue = queue
        self._source = task.source.id
        self._tell = tell
        self._hub = agent.hub
        self._url = f"{agent.hub}/deliveries/{quote(self._source, safe='')}"
        headers = {
            "authorization": f"Bearer {_secret_of(agent, task)}",
            "accept": "application/json",
            "accept-encoding": "identity",
        }
        if agent.city:
            headers["ngsild-tenant"] = agent.city
        context = ssl.create_default_context()
        believe(context, agent.certificate, is_self_signed=False)
        self._client = httpx2.Client(
            headers=headers, verify=context, timeout=limits.AGENT_TIMEOUT_SECONDS, follow_redirects=False,
            trust_env=False,
        )  # fmt: skip
        self._is_clock_told = False
        self._sent = ("", 0)

    def deliver(self, is_stopped: Callable[[], bool]) -> bool:
        """Say hello, and deliver all that waits; return whether whole rows are wanted. Raises Undelivered."""
        wants_rows = False
        while not is_stopped():
            head = self._queue.head(self._source)
            position = self._greet(head.number if head is not None else 0)
            if head is None:
                break
            step = decide_next(head.kind, head.number, head.digest, position)
            if step is Next.SEND:
                if not self._send_changes(head, position):
                    self._send(self._whole(head), position)
            elif step is Next.WAIT:
                time.sleep(limits.AGENT_LOOK_SECONDS)
            elif step is Next.COUNT_ANEW:
                log.warning(
                    "the queue is an older copy of itself; what is in it is delivered again", source=self._source
                )
                self._queue.begin_anew(self._source)
            else:
                self._queue.drop(self._source, head.number)
                kind, size = self._sent if self._sent[0] == CHANGES else (head.kind, head.size)
                log.info("delivered", source=self._source, number=head.number, kind=kind, bytes=size)
                self._sent = ("", 0)
            if step is Next.DROP_AND_READ_WHOLE:
                self._queue.forget_digest(self._source)
                wants_rows = True
        return wants_rows

    def _greet(self, number: int) -> Position:
        now_us = time.time_ns() // 1_000
        hello = Hello(PROTOCOL, self._queue.queue_id(self._source), number, now_us, self._tell())
        position = self._post({}, "application/json", _encode(hello))
        off_seconds = (now_us - position.clock_us) // _US_PER_SECOND
        if abs(off_seconds) > limits.AGENT_CLOCK_SECONDS_MAX and not self._is_clock_told:
            log.warning("this machine's clock is not the hub's; set it right", ahead_seconds=off_seconds)
            self._is_clock_told = True
        return position

    def _whole(self, head: Waiting) -> Load:
        piece = partial(self._queue.piece, self._source, head.number)
        return Load(head, head.size, piece, {"kind": head.kind})

    def _send_changes(self, head: Waiting, position: Position) -> bool:
        """Send what the reading changed, where the hub has what was before; return whether that was enough."""
        change = self._queue.find_change(self._source, head.number)
        if change is None or not position.takes_changes or not position.has_rows or position.digest != change.base:
            return False
        described = {"kind": CHANGES, "base": change.base, "rows_digest": change.rows_digest}
        load = Load(head, change.size, partial(self._queue.change_piece, self._source, head.number), described)
        # How much of the changes is there is told in the answer to their first piece.
        return self._send(load, msgspec.structs.replace(position, size=0))

    def _send(self, load: Load, position: Position) -> bool:
        """Send what the hub lacks; return when all of it is there and its run began, or False for whole rows."""
        head, attempts = load.head, 0
        self._sent = (load.described["kind"], load.size)
        while True:
            before = position.size
            body = load.piece(position.size) if load.size > position.size else b""
            position = self._post(self._described(load, position.size), "application/octet-stream", body)
            if position.completed >= head.number:
                return True
            if position.wants_whole and load.described["kind"] == CHANGES:
                log.info("the hub wants the whole rows", source=self._source, number=head.number)
                return False
            if position.size >= load.size:
                self._wait_for_run(head, position)
                return True
            attempts = 0 if position.size > before else attempts + 1
            if attempts >= _ATTEMPTS_MAX:
                raise Undelivered(f"The hub at {self._hub} takes no more of reading {head.number}; it is tried again.")

    def _wait_for_run(self, head: Waiting, position: Position) -> None:
        while position.completed < head.number:
            if not position.is_running:
                raise Undelivered(f"The hub has reading {head.number} and has not taken it over. {position.trouble}")
            time.sleep(limits.AGENT_LOOK_SECONDS)
            position = self._greet(head.number)

    def _described(self, load: Load, offset: int) -> dict[str, str]:
        head = load.head
        return {
            **load.described,
            "queue": self._queue.queue_id(self._source),
            "number": str(head.number),
            "offset": str(offset),
            "size": str(load.size),
            "digest": head.digest,
        }

    def _post(self, query: dict[str, str], media_type: str, body: bytes) -> Position:
        headers = {"content-type": media_type}
        try:
            with self._client.stream("POST", self._url, params=query, content=body, headers=headers) as response:
                return self._read(response, _body_of(response))
        except httpx2.TimeoutException as error:
            seconds = limits.AGENT_TIMEOUT_SECONDS
            raise Undelivered(f"The hub at {self._hub} did not answer within {seconds:g} s.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Undelivered(_why_unreachable(self._hub, error)) from error

    def _read(self, response: httpx2.Response, body: bytes) -> Position:
        status = response.status_code
        if _OURS not in response.headers:
            if status >= _FROM_FAILURE_ON:
                raise Undelivered(f"The hub behind {self._hub} does not run just now (status {status}).")
            raise Undelivered(
                f"{self._hub} answers (status {status}), but takes no deliveries. The hub is older than this agent and "
                "has to be updated, or something else answers there, such as the sign-in page of a network."
            )
        if status != 200:
            raise Undelivered(f"The hub at {self._hub} refuses: {_detail_of(body, status)}")
        try:
            return _decode(body)
        except msgspec.DecodeError as error:
            raise Undelivered(f"The hub at {self._hub} answers what this agent does not understand.") from error

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()


def _body_of(response: httpx2.Response) -> bytes:
    """Return the beginning of an answer; the hub's own are short."""
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > limits.AGENT_ANSWER_BYTES_MAX:
            break
    return bytes(body)


def _secret_of(agent: AgentDeclaration, task: Task) -> str:
    """Return a source's token. Raises SourceMisconfigured where it can be none; it is never repeated."""
    secret = agent.surroundings.resolve(task.token)
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise SourceMisconfigured(
            f"What {task.token} holds is no token for {task.source.id}. Put there, alone in one line, what "
            "'simpul token create' has shown."
        )
    return secret


def _detail_of(body: bytes, status: int) -> str:
    with suppress(msgspec.DecodeError):
        problem = msgspec.json.decode(body)
        if isinstance(problem, dict) and isinstance(problem.get("detail"), str):
            return str(problem["detail"])
    return f"status {status}"


def _why_unreachable(hub: str, error: BaseException) -> str:
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    if not isinstance(found, ssl.SSLError):
        return f"The hub at {hub} cannot be reached ({why_unreachable(error)})."
    if not isinstance(found, ssl.SSLCertVerificationError):
        return f"{hub} speaks no TLS that is understood ({found.reason or 'it breaks off'})."
    why = (found.verify_message or str(found)).rstrip(".")
    if "expired" in why or "not yet valid" in why:
        today = time.strftime("%Y-%m-%d")
        return f"The hub's certificate does not hold today, {today} ({why}). Is this machine's clock right?"
    return f"Nobody vouches for the certificate of {hub} ({why}). Where that is meant, write certificate: path."
