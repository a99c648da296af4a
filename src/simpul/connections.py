"""Requests to other machines over connections that are kept. What they are for is not known here.

A connection belongs to the host that was asked for: it is made to an address of that host which was looked at
(`addresses.py`), TLS checks the certificate against that host's name, and no other host is asked over it, whatever its
address. The parser and the little around it take 40 µs of the processor for a request; httpx2 took 800 µs, most of what
a notification cost.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from simpul import limits
from simpul.addresses import Addresses
from simpul.http_connection import Answer, HttpConnection, HttpFailed, Request, render_head, target_of

Origin = tuple[str, str, int]


class _Idle(NamedTuple):
    connection: HttpConnection
    since: float


class _Host:
    """The connections to one host, and how many requests to it are under way or wait for their turn."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(limits.CONNECTIONS_PER_HOST_MAX)
        self.idle: list[_Idle] = []
        self.busy = 0


class Connections:
    """Keeps connections to many hosts. A host that is slow takes no other host's."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._hosts: dict[Origin, _Host] = {}
        self._turns = asyncio.Semaphore(limits.CONNECTIONS_MAX)
        self._tls: ssl.SSLContext | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def send(self, request: Request, timeout_seconds: float, answer_bytes_max: int) -> Answer:
        """Return the answer, whatever its status; redirects are not followed.

        The time begins when there is a connection to spare, which nobody can hold for longer than his own.
        Raises TimeoutError, AddressRefused, HttpFailed, OSError, and ValueError for what can be no request.
        """
        target = target_of(request.url)
        head = render_head(request, target)
        host = self._hosts.get(target.origin)
        if host is None:
            host = self._hosts[target.origin] = _Host()
        host.busy += 1
        try:
            async with host.turns, self._turns, asyncio.timeout(timeout_seconds):
                return await self._exchange(host, target.origin, request, head, answer_bytes_max)
        finally:
            host.busy -= 1
            if not host.busy and not host.idle:
                del self._hosts[target.origin]

    async def _exchange(
        self, host: _Host, origin: Origin, request: Request, head: bytes, answer_bytes_max: int
    ) -> Answer:
        kept = _take(host)
        if kept is not None:
            try:
                return self._put_back(host, kept, await kept.exchange(head, request.body, answer_bytes_max))
            except (HttpFailed, OSError):
                # It may have been closed while the request was on its way.
                if kept.is_answered or not request.is_repeatable:
                    raise
        made = await self._connect(*origin)
        return self._put_back(host, made, await made.exchange(head, request.body, answer_bytes_max))

    async def _connect(self, scheme: str, name: str, port: int) -> HttpConnection:
        """Return a new connection to the first of the host's addresses that takes one."""
        tls, tls_name = (self._tls_context(), name) if scheme == "https" else (None, None)
        loop = asyncio.get_running_loop()
        addresses = await self._addresses.find_all(name, port)
        for address in addresses[:-1]:
            with suppress(OSError):
                made = await loop.create_connection(HttpConnection, address, port, ssl=tls, server_hostname=tls_name)
                return made[1]
        made = await loop.create_connection(HttpConnection, addresses[-1], port, ssl=tls, server_hostname=tls_name)
        return made[1]

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            # To load the certificates takes as long as some hundred notifications.
            self._tls = ssl.create_default_context()
        return self._tls

    def _put_back(self, host: _Host, connection: HttpConnection, answer: Answer) -> Answer:
        if connection.is_open:
            host.idle.append(_Idle(connection, monotonic()))
            if self._sweep is None:
                self._sweep_later()
        return answer

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(limits.CONNECTION_IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close what nobody has used for a while, and look again as long as there is something."""
        self._sweep = None
        limit = monotonic() - limits.CONNECTION_IDLE_SECONDS
        for origin, host in list(self._hosts.items()):
            kept = [one for one in host.idle if one.since > limit and one.connection.is_open]
            for one in host.idle:
                if one not in kept:
                    one.connection.close()
            host.idle = kept
            if not kept and not host.busy:
                del self._hosts[origin]
        if any(host.idle for host in self._hosts.values()):
            self._sweep_later()

    async def close(self) -> None:
        """Close the connections that are kept. Those in use are closed by those who use them."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for host in self._hosts.values():
            for one in host.idle:
                one.connection.close()
            host.idle.clear()
        # What was aborted is let go of in the loop's next turn.
        await asyncio.sleep(0)


def _take(host: _Host) -> HttpConnection | None:
    """Return the connection that was used last, if the other side has hardly had the time to close it."""
    limit = monotonic() - limits.CONNECTION_IDLE_SECONDS
    while host.idle:
        connection, since = host.idle.pop()
        if connection.is_open and since > limit:
            return connection
        connection.close()
    return None
