"""Fetches JSON documents over HTTP for the hub. No caching here (`app/contexts.py`).

A URL comes from whoever calls the hub: where it may lead is told in `addresses.py`, each redirect is looked at in the
same way, and there are limits of size and time.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import msgspec

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.domain.errors import BadRequestData, ContextNotAvailable

_REDIRECTS_MAX = 3
# A compressed answer could grow a thousandfold before anyone counts its bytes.
_HEADERS = {"accept": "application/ld+json, application/json;q=0.9", "accept-encoding": "identity"}


class HttpOutbound:
    """The `Outbound` port over httpx2."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._addresses = Addresses(allow_private_addresses=allow_private_addresses)
        self._client: httpx2.AsyncClient | None = None

    async def get_json(self, url: str) -> Any:
        try:
            async with asyncio.timeout(limits.CONTEXT_FETCH_TIMEOUT_SECONDS):
                body = await self._get(url)
        except TimeoutError as error:
            raise _not_available(url, f"did not answer within {limits.CONTEXT_FETCH_TIMEOUT_SECONDS:g} s") from error
        except AddressRefused as error:
            raise _not_available(url, f"is not fetched: {error}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise _not_available(url, f"could not be fetched ({type(error).__name__})") from error
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequestData(f"What {url[:200]} holds is no JSON-LD context: it is not JSON ({error}).") from error

    async def _get(self, url: str) -> bytes:
        client = self._open_client()
        for _ in range(_REDIRECTS_MAX + 1):
            response = await client.send(await self._request(client, url), stream=True)
            try:
                if response.has_redirect_location:
                    url = str(httpx2.URL(url).join(response.headers["location"]))
                    continue
                if response.status_code != httpx2.codes.OK:
                    raise _not_available(url, f"answered with status {response.status_code}")
                return await _read_bounded(response, url)
            finally:
                await response.aclose()
        raise _not_available(url, f"redirects more than {_REDIRECTS_MAX} times")

    def _open_client(self) -> httpx2.AsyncClient:
        if self._client is None:
            # To make one takes a tenth of a second, in which nobody else is answered. Connections are not kept: one
            # that was made to a host must not serve another one at its address.
            pool = httpx2.Limits(max_connections=limits.CONTEXT_FETCHES_MAX, max_keepalive_connections=0)
            self._client = httpx2.AsyncClient(follow_redirects=False, timeout=None, limits=pool, trust_env=False)
        return self._client

    async def close(self) -> None:
        """Close the connections that are kept open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _request(self, client: httpx2.AsyncClient, url: str) -> httpx2.Request:
        """Return the request, to the very address that was looked at where not every address is allowed."""
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _not_available(url, "is no http or https URL")
        pinned = await self._addresses.pin(parsed)
        headers = {**_HEADERS, **pinned.headers}
        return client.build_request("GET", pinned.url, headers=headers, extensions=pinned.extensions)


async def _read_bounded(response: httpx2.Response, url: str) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _not_available(url, "is compressed, which was not asked for")
    chunks = bytearray()
    async for chunk in response.aiter_raw():
        chunks += chunk
        if len(chunks) > limits.CONTEXT_BYTES_MAX:
            raise _not_available(url, f"is larger than {limits.CONTEXT_BYTES_MAX} bytes")
    return bytes(chunks)


def _not_available(url: str, why: str) -> ContextNotAvailable:
    return ContextNotAvailable(
        f"The @context {url[:200]} {why}. Check the URL, or give the hub a copy of it in the city's `contexts`."
    )
