"""Delivers notifications by HTTP POST (CIM 009 §6.3.8). No retries here (`app/notify.py`)."""

from __future__ import annotations

import asyncio
import ssl

import httpx2

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.ports.notifier import Delivery, Message

# The receiver says that another try may end differently: too early, too many, or a time-out.
_PASSING = frozenset({408, 421, 423, 425, 429})
# It does not know the hub, or the path: a token that is renewed, or a proxy that finds its way again, mends that.
_DENIED = frozenset({401, 403, 404, 407})


class HttpNotifier:
    """The `Notifier` port over httpx2. Follows no redirect, and reads nothing of the answer but its status."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._clients: list[httpx2.AsyncClient] = []
        self._turn = 0

    async def send(self, message: Message) -> Delivery:
        try:
            async with asyncio.timeout(message.timeout_seconds):
                status = await self._post(message)
        except TimeoutError:
            return Delivery(f"The receiver did not answer within {message.timeout_seconds:g} s.")
        except AddressRefused as error:
            return Delivery(f"It was not sent: {error}.", is_refused=True)
        except (httpx2.InvalidURL, UnicodeError) as error:
            return Delivery(f"The endpoint cannot be used ({type(error).__name__}).", is_refused=True)
        except (httpx2.HTTPError, OSError) as error:
            return Delivery(f"The receiver could not be reached ({type(error).__name__}).")
        if 200 <= status < 300:
            return Delivery()
        is_denied = status in _DENIED
        is_refused = 300 <= status < 500 and not is_denied and status not in _PASSING
        return Delivery(f"The receiver answered with status {status}.", is_refused=is_refused, is_denied=is_denied)

    async def _post(self, message: Message) -> int:
        pinned = await self._addresses.pin(httpx2.URL(message.uri))
        headers = {**message.receiver_info, **message.headers, **pinned.headers}
        client = self._client_of()
        request = client.build_request(
            "POST", pinned.url, content=message.body, headers=headers, extensions=pinned.extensions
        )
        response = await client.send(request, stream=True)
        try:
            await _drain(response)
        finally:
            await response.aclose()
        return response.status_code

    def _client_of(self) -> httpx2.AsyncClient:
        """Return the clients in turn: one with many connections looks at each of them for every request."""
        if not self._clients:
            # To load the certificates takes as long as some hundred notifications.
            context = ssl.create_default_context()
            connections = limits.NOTIFIER_CONNECTIONS_MAX // limits.NOTIFIER_POOLS
            pool = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections // 2)
            self._clients = [
                httpx2.AsyncClient(follow_redirects=False, timeout=None, trust_env=False, limits=pool, verify=context)
                for _ in range(limits.NOTIFIER_POOLS)
            ]
        self._turn = (self._turn + 1) % len(self._clients)
        return self._clients[self._turn]

    async def close(self) -> None:
        clients, self._clients = self._clients, []
        for client in clients:
            await client.aclose()


async def _drain(response: httpx2.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again; let go of a long one."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > limits.NOTIFICATION_ANSWER_BYTES_MAX:
            return
