"""Which hosts are this machine or a private network, however they are spelled. No resolving of names here."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from unicodedata import normalize

_PARTS_MAX: Final = 4
_BITS: Final = 32
_BITS_OF_PART: Final = 8
# What RFC 6052 keeps for addresses of the old kind that are reached from the new one.
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+\Z|0[0-7]*\Z|[1-9][0-9]*\Z")
_LAST_32_BITS: Final = 0xFFFF_FFFF
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def names_private_host(host: str) -> bool:
    """Return whether a host says by itself that it is this machine or its private network; other names are resolved."""
    # A resolver reads letters and dots of other scripts as plain ones, and a dot at the end as none.
    spelled = normalize("NFKC", host).replace("\u3002", ".").casefold().rstrip(".")
    if spelled == "localhost" or spelled.endswith(".localhost"):
        return True
    address = find_address(spelled)
    return address is not None and not is_public(address)


def find_address(host: str) -> Address | None:
    """Return the address that a host is, in any spelling that a resolver takes; None where it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return _find_numbers(host)


def _find_numbers(host: str) -> ipaddress.IPv4Address | None:
    """Return the address behind one to four numbers, each decimal, octal or hexadecimal, as inet_aton reads them."""
    parts = host.split(".")
    if len(parts) > _PARTS_MAX or not all(map(_NUMBER.match, parts)):
        return None
    *first, last = map(_read_number, parts)
    left = _BITS - _BITS_OF_PART * len(first)
    if last >> left or any(part >> _BITS_OF_PART for part in first):
        return None
    number = 0
    for part in first:
        number = (number << _BITS_OF_PART) | part
    return ipaddress.IPv4Address((number << left) | last)


def _read_number(text: str) -> int:
    is_octal = text[0] == "0" and text[:2] not in ("0x", "0X")
    return int(text, 8 if is_octal else 0)


def is_public(address: Address) -> bool:
    """Return whether an address, and any that it holds in itself, is one of the whole internet."""
    if address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global
    held = [address.ipv4_mapped, address.sixtofour]
    if address in _TRANSLATED:
        held.append(ipaddress.IPv4Address(int(address) & _LAST_32_BITS))
    inner = [one for one in held if one is not None]
    if any(not one.is_global or one.is_multicast for one in inner):
        return False
    return address.is_global or bool(inner)
