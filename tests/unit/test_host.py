"""This machine and its private network are known however their addresses are spelled."""

from __future__ import annotations

import socket

import pytest

from simpul.domain.host import find_address, names_private_host

PRIVATE = (
    "localhost", "LOCALHOST", "localhost.", "hub.localhost", "127.0.0.1", "127.1", "127.0.1", "2130706433",
    "017700000001", "0x7f000001", "0x7F.1", "0177.0.0.1", "0x7f.0.0.0x1", "0", "0.0.0.0", "10.1.2.3", "0xa.1",
    "012.0.0.1", "167772161", "169.254.169.254", "2852039166", "0xA9FEA9FE", "192.168.257", "224.0.0.1", "::1",
    "[::1]", "::", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "2002:7f00:1::", "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1", "ff02::1", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
    "\u246027.0.0.1",
)  # fmt: skip
PUBLIC = (
    "example.org", "data.padang.go.id", "8.8.8.8", "134744072", "0x08080808", "2001:4860:4860::8888", "::ffff:8.8.8.8",
    "2002:808:808::", "64:ff9b::808:808", "localhost.example.org", "127.example.org", "0x7f.example.org", "1.2.3.4.5",
    "256.256.256.256", "08.1", "4294967296", "",
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_this_machine_and_its_network_are_known_in_every_spelling(host: str) -> None:
    assert names_private_host(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_other_addresses_and_names_are_not_taken_for_them(host: str) -> None:
    assert not names_private_host(host)


@pytest.mark.parametrize(
    "text", ["127.1", "0177.0.0.1", "0x7f000001", "2130706433", "1.2.3", "08.1", "1.2.3.4.5", "0x", "300.1"]
)
def test_numbers_are_read_as_the_system_reads_them(text: str) -> None:
    try:
        expected = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        expected = "None"
    assert str(find_address(text)) == expected
