"""Where the hub may connect to, and that a name is asked once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from simpul.addresses import Addresses, AddressRefused


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names lead to these addresses, one list after the other; return the names that were asked for."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in (left.pop(0) if left[1:] else left[0])]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1",
    "::ffff:127.0.0.1",
])  # fmt: skip
def test_this_machine_and_its_network_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, [address])
    with pytest.raises(AddressRefused, match="has not allowed"):
        asyncio.run(Addresses(allow_private_addresses=False).find_all("contoh.org", 80))


def test_one_private_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        asyncio.run(Addresses(allow_private_addresses=False).find_all("contoh.org", 443))


def test_a_name_that_answers_differently_the_second_time_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["93.184.216.34", "93.184.216.35"], ["127.0.0.1"])
    addresses = Addresses(allow_private_addresses=False)
    for _ in range(2):
        assert asyncio.run(addresses.find_all("contoh.org", 8443)) == ("93.184.216.34", "93.184.216.35")
    assert asked == ["contoh.org"]


def test_where_the_operator_allows_it_names_may_lead_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    assert asyncio.run(Addresses(allow_private_addresses=True).find_all("kota", 80)) == ("127.0.0.1",)
