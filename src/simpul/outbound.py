"""Fetches JSON documents over HTTP for the hub. No caching here (`app/contexts.py`).

A URL comes from whoever calls the hub: where it may lead is told in `addresses.py`, each redirect is looked at in the
same way, and there are limits of size and time.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

import msgspec

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.connections import Connections
from simpul.domain.errors import BadRequestData, ContextNotAvailable
from simpul.http_connection import REDIRECTS, Answer, HttpFailed, Request
from simpul.lifetime import lifetime_seconds
from simpul.ports.outbound import Fetched
from simpul.unreachable import why_unreachable

_REDIRECTS_MAX = 3
_OK = 200
_HEADERS = (("accept", "application/ld+json, application/json;q=0.9"),)


class HttpOutbound:
    """The `Outbound` port over `Connections`."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._connections = Connections(Addresses(allow_private_addresses=allow_private_addresses))

    async def get_json(self, url: str) -> Fetched:
        try:
            async with asyncio.timeout(limits.CONTEXT_FETCH_TIMEOUT_SECONDS):
                answer = await self._get(url)
        except TimeoutError as error:
            raise _not_available(url, f"did not answer within {limits.CONTEXT_FETCH_TIMEOUT_SECONDS:g} s") from error
        except AddressRefused as error:
            raise _not_available(url, f"is not fetched: {error}") from error
        except HttpFailed as error:
            raise _not_available(url, f"could not be fetched: {error}") from error
        except ValueError as error:
            raise _not_available(url, "is no http or https URL") from error
        except OSError as error:
            raise _not_available(url, f"could not be fetched ({why_unreachable(error)})") from error
        try:
            return Fetched(msgspec.json.decode(answer.body), lifetime_seconds(answer.headers))
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequestData(f"What {url[:200]} holds is no JSON-LD context: it is not JSON ({error}).") from error

    async def _get(self, url: str) -> Answer:
        for _ in range(_REDIRECTS_MAX + 1):
            answer = await self._connections.send(
                Request("GET", url, _HEADERS), limits.CONTEXT_FETCH_TIMEOUT_SECONDS, limits.CONTEXT_BYTES_MAX
            )
            if answer.status in REDIRECTS and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                continue
            _raise_unless_whole(answer, url)
            return answer
        raise _not_available(url, f"redirects more than {_REDIRECTS_MAX} times")

    async def close(self) -> None:
        """Close the connections that are kept open."""
        await self._connections.close()


def _raise_unless_whole(answer: Answer, url: str) -> None:
    if answer.status != _OK:
        raise _not_available(url, f"answered with status {answer.status}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise _not_available(url, "is compressed, which was not asked for")
    if answer.is_cut:
        raise _not_available(url, f"is larger than {limits.CONTEXT_BYTES_MAX} bytes")


def _not_available(url: str, why: str) -> ContextNotAvailable:
    return ContextNotAvailable(
        f"The @context {url[:200]} {why}. Check the URL, or give the hub a copy of it in the city's `contexts`."
    )
