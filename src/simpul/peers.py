"""Sends requests to other hubs over HTTP (`ports/peer.py`). Which request goes to whom is not known here.

The address of a source comes from whoever registers it: where it may lead is told in `addresses.py`, no redirect is
followed, and there are limits of size and time.
"""

from __future__ import annotations

import asyncio

import httpx2

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.domain.errors import PeerInvalid, PeerTimeout, PeerUnreachable
from simpul.ports.peer import PeerAnswer, PeerRequest

_MS_PER_SECOND = 1_000


class HttpPeer:
    """The `Peer` port over httpx2. Connections are kept open between requests."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._addresses = Addresses(allow_private_addresses=allow_private_addresses)
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: PeerRequest) -> PeerAnswer:
        seconds = request.timeout_ms / _MS_PER_SECOND
        try:
            async with asyncio.timeout(seconds):
                return await self._send(request)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise PeerTimeout(f"{_shown(request)} was not answered within {seconds:g} s.") from error
        except AddressRefused as error:
            raise PeerUnreachable(
                f"{_shown(request)} was not sent: {error} (see SIMPUL_ALLOW_PRIVATE_ADDRESSES)."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise PeerUnreachable(f"{_shown(request)} failed: {type(error).__name__}.") from error

    async def _send(self, request: PeerRequest) -> PeerAnswer:
        client = self._open_client()
        pinned = await self._addresses.pin(httpx2.URL(request.url))
        sent = client.build_request(
            request.method,
            pinned.url,
            headers=[*request.headers, *pinned.headers.items()],
            content=request.body or None,
            extensions=pinned.extensions,
        )
        response = await client.send(sent, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > limits.PEER_ANSWER_BYTES_MAX:
                    raise PeerInvalid(
                        f"{_shown(request)} was answered with more than {limits.PEER_ANSWER_BYTES_MAX} bytes."
                    )
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return PeerAnswer(response.status_code, headers, bytes(body))

    def _open_client(self) -> httpx2.AsyncClient:
        if self._client is None:
            pool = httpx2.Limits(max_connections=limits.PEER_CONNECTIONS_MAX, max_keepalive_connections=20)
            # The time that a request may take is its source's own, and kept above.
            self._client = httpx2.AsyncClient(follow_redirects=False, timeout=None, limits=pool, trust_env=False)
        return self._client

    async def close(self) -> None:
        """Close the connections that are kept open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _shown(request: PeerRequest) -> str:
    # Without the query: it may hold what people ask for.
    return f"{request.method} {request.url.partition('?')[0][:300]}"
