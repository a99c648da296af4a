"""Which address a host name leads to, and whether the hub may go there. No connections here.

An endpoint comes from whoever subscribes, so it never leads to this machine or its private network unless the operator
allows that (server-side request forgery). The caller connects to the very address that was checked, so that a name
which answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from time import monotonic

from simpul import limits


class AddressRefused(Exception):
    """The host leads to this machine or its private network. The text says so to a person."""


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
        if not self._allow_private_addresses and not all(ipaddress.ip_address(one).is_global for one in addresses):
            raise AddressRefused(
                f"{host} is an address of this machine or its private network, which the operator has not allowed"
            )
        if len(self._known) >= limits.ADDRESSES_REMEMBERED_MAX:
            self._known.clear()
        self._known[host, port] = (monotonic() + limits.ADDRESS_REMEMBERED_SECONDS, addresses[0])
        return addresses[0]
