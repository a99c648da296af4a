"""Which addresses the hub may connect to. No connecting here (`connections.py`, `fetching.py`, `notifiers/mqtt.py`).

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

from simpul import limits
from simpul.domain.host import is_public


class AddressRefused(Exception):
    """The host leads to this machine or its private network. The text says so to a person."""


def _raise_unless_allowed(host: str, addresses: tuple[str, ...]) -> None:
    if not all(is_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
        raise AddressRefused(
            f"{host} is an address of this machine or its private network, which the operator has not allowed"
        )


def find_public_address(host: str, port: int) -> str:
    """Return an address of the host outside private networks, for a thread that may wait. Raises as `find_all` does."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = tuple(str(entry[4][0]) for entry in found)
    _raise_unless_allowed(host, addresses)
    return addresses[0]


class Addresses:
    """Finds addresses, and remembers them for a short while."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._allow_private_addresses = allow_private_addresses
        self._known: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}

    async def find_all(self, host: str, port: int) -> tuple[str, ...]:
        """Return the addresses of the host, all of which may be connected to. Raises AddressRefused, OSError."""
        known = self._known.get((host, port))
        if known is not None and known[0] > monotonic():
            return known[1]
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._allow_private_addresses:
            _raise_unless_allowed(host, addresses)
        if len(self._known) >= limits.ADDRESSES_REMEMBERED_MAX:
            self._known.clear()
        self._known[host, port] = (monotonic() + limits.ADDRESS_REMEMBERED_SECONDS, addresses)
        return addresses
