"""Fetches JSON documents over HTTP for the hub. No caching here (`app/contexts.py`).

A URL comes from whoever calls the hub, so it never leads to this machine or its private network unless the
operator allows that (server-side request forgery), follows no redirect there, and has limits of size and time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import httpx2
import msgspec

from simpul import limits
from simpul.domain.errors import ContextNotAvailable

_REDIRECTS_MAX = 3
_ACCEPT = {"accept": "application/ld+json, application/json;q=0.9"}


class HttpOutbound:
    """The `Outbound` port over httpx2."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._allow_private_addresses = allow_private_addresses

    async def get_json(self, url: str) -> Any:
        try:
            async with asyncio.timeout(limits.CONTEXT_FETCH_TIMEOUT_SECONDS):
                body = await self._get(url)
        except TimeoutError as error:
            raise _not_available(url, f"did not answer within {limits.CONTEXT_FETCH_TIMEOUT_SECONDS:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise _not_available(url, f"could not be fetched ({type(error).__name__})") from error
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise _not_available(url, f"is not JSON: {error}") from error

    async def _get(self, url: str) -> bytes:
        async with httpx2.AsyncClient(follow_redirects=False, headers=_ACCEPT) as client:
            for _ in range(_REDIRECTS_MAX + 1):
                await self._raise_unless_allowed(url)
                async with client.stream("GET", url) as response:
                    if response.has_redirect_location:
                        url = str(response.url.join(response.headers["location"]))
                        continue
                    if response.status_code != httpx2.codes.OK:
                        raise _not_available(url, f"answered with status {response.status_code}")
                    return await _read_bounded(response, url)
        raise _not_available(url, f"redirects more than {_REDIRECTS_MAX} times")

    async def _raise_unless_allowed(self, url: str) -> None:
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _not_available(url, "is no http or https URL")
        if self._allow_private_addresses:
            return
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(parsed.host, port, type=socket.SOCK_STREAM)
        if not all(ipaddress.ip_address(address[4][0]).is_global for address in found):
            raise _not_available(
                url, "is an address of this machine or its private network, which the operator has not allowed"
            )


async def _read_bounded(response: httpx2.Response, url: str) -> bytes:
    chunks = bytearray()
    async for chunk in response.aiter_bytes():
        chunks += chunk
        if len(chunks) > limits.CONTEXT_BYTES_MAX:
            raise _not_available(url, f"is larger than {limits.CONTEXT_BYTES_MAX} bytes")
    return bytes(chunks)


def _not_available(url: str, why: str) -> ContextNotAvailable:
    return ContextNotAvailable(
        f"The @context {url[:200]} {why}. Check the URL, or give the hub a copy of it in the city's `contexts`."
    )
