"""Which addresses the hub may connect to, and requests that go to the very address that was looked at. No sending here.

A URL that the hub is to call (a receiver's, another hub's, an @context's) comes from whoever calls the hub, so it never
leads to this machine or its private network unless the operator allows that (server-side request forgery). This is
the one home of that rule. The caller connects to the address that was checked, not to the name again, so that a name
which answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from time import monotonic
from typing import NamedTuple

import httpx2

from simpul import limits


class AddressRefused(Exception):
    """The host leads to this machine or its private network. The text says so to a person."""


class Pinned(NamedTuple):
    """Where a request is sent instead of its own URL: to an address, in the name of the host."""

    url: httpx2.URL
    headers: dict[str, str]
    extensions: dict[str, str]


def _is_allowed(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast


class Addresses:
    """Finds addresses, and remembers them for a short while."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._allow_private_addresses = allow_private_addresses
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    @property
    def are_all_allowed(self) -> bool:
        return self._allow_private_addresses

    async def find(self, host: str, port: int) -> str:
        """Return an address of the host that may be connected to. Raises AddressRefused, OSError."""
        known = self._known.get((host, port))
        if known is not None and known[0] > monotonic():
            return known[1]
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private_addresses and not all(map(_is_allowed, addresses)):
            raise AddressRefused(
                f"{host} is an address of this machine or its private network, which the operator has not allowed"
            )
        if len(self._known) >= limits.ADDRESSES_REMEMBERED_MAX:
            self._known.clear()
        self._known[host, port] = (monotonic() + limits.ADDRESS_REMEMBERED_SECONDS, addresses[0])
        return addresses[0]

    async def pin(self, url: httpx2.URL) -> Pinned:
        """Return where to send an HTTP request for the URL. Raises AddressRefused, OSError."""
        if self._allow_private_addresses:
            return Pinned(url, {}, {})
        address = await self.find(url.host, url.port or (443 if url.scheme == "https" else 80))
        return Pinned(url.copy_with(host=address), {"Host": url.netloc.decode()}, {"sni_hostname": url.host})
