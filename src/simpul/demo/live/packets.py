"""The packets of MQTT 3.1.1 (OASIS, 2014), taken apart and put together. No connections here."""

from __future__ import annotations

import struct
from asyncio import StreamReader
from typing import Final, NamedTuple

from simpul import limits

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)

ACCEPTED, OTHER_VERSION, NAME_REFUSED, UNAVAILABLE = 0, 1, 2, 3
NO_SUBSCRIPTION: Final = 0x80
_LEVEL: Final = 4


class Malformed(Exception):
    """Bytes that are no MQTT 3.1.1; the connection ends (§4.8)."""


class Packet(NamedTuple):
    """One packet: what it is, its four flags, and what follows its fixed header."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """What is published under a topic."""

    topic: str
    payload: bytes
    qos: int = 0
    is_retained: bool = False


class Connect(NamedTuple):
    """Who connects (§3.1). `version` is the level that it speaks."""

    version: int
    client: str = ""
    is_clean: bool = True
    keep_alive_seconds: int = 0
    will: Message | None = None


async def read_packet(reader: StreamReader) -> Packet:
    """Return the next packet. Raises Malformed, and IncompleteReadError where the line ends."""
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        part = (await reader.readexactly(1))[0]
        size |= (part & 0x7F) << shift
        shift += 7
        if not part & 0x80:
            break
        if shift > 21:
            raise Malformed
    if size > limits.DEMO_BROKER_PACKET_BYTES_MAX:
        raise Malformed
    return Packet(first >> 4, first & 0x0F, await reader.readexactly(size))


class _Reading:
    """A place in a packet's body, from which its fields are taken."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._body)

    def take(self, size: int) -> bytes:
        part = self._body[self._at : self._at + size]
        if len(part) < size:
            raise Malformed
        self._at += size
        return part

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def binary(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            text = self.binary().decode()
        except UnicodeDecodeError as error:
            raise Malformed from error
        if "\0" in text:
            raise Malformed
        return text

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)


def parse_connect(body: bytes) -> Connect:
    """Return who connects; of another version only that. Raises Malformed."""
    reading = _Reading(body)
    name, version = reading.text(), reading.byte()
    if (name, version) != ("MQTT", _LEVEL):
        return Connect(version=0)
    flags, keep_alive = reading.byte(), reading.number()
    client = reading.text()
    will = None
    if flags & 0x04:
        topic, payload = _topic(reading.text()), reading.binary()
        will = Message(topic, payload, flags >> 3 & 0x03, bool(flags & 0x20))
    # Who it is does not matter here: the line is this machine's, and what is told is public.
    if flags & 0x80:
        reading.text()
    if flags & 0x40:
        reading.binary()
    return Connect(version, client, bool(flags & 0x02), keep_alive, will)


def _topic(text: str) -> str:
    """Return the text as the name of a topic (§4.7.1). Raises Malformed for what is none."""
    if not text or "+" in text or "#" in text:
        raise Malformed
    return text


def parse_publish(packet: Packet) -> tuple[int, Message]:
    """Return the packet's number (0 for QoS 0) and the message. Raises Malformed."""
    reading = _Reading(packet.body)
    topic, qos = _topic(reading.text()), packet.flags >> 1 & 0x03
    number = reading.number() if qos else 0
    if qos > 2 or (qos and not number):
        raise Malformed
    return number, Message(topic, reading.rest(), qos, bool(packet.flags & 0x01))


def parse_subscribe(body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Return the packet's number and the filters with the QoS that is asked for. Raises Malformed."""
    reading = _Reading(body)
    number, wanted = reading.number(), []
    while reading.has_more:
        wanted.append((reading.text(), reading.byte()))
    if not wanted or any(qos > 2 for _, qos in wanted):
        raise Malformed
    return number, wanted


def parse_unsubscribe(body: bytes) -> tuple[int, list[str]]:
    """Return the packet's number and the filters. Raises Malformed."""
    reading = _Reading(body)
    number, filters = reading.number(), []
    while reading.has_more:
        filters.append(reading.text())
    if not filters:
        raise Malformed
    return number, filters


def parse_number(body: bytes) -> int:
    """Return the number that an acknowledgement is for. Raises Malformed."""
    return _Reading(body).number()


def connack(code: int, *, has_session: bool = False) -> bytes:
    return _packet(CONNACK, 0, bytes((has_session, code)))


def publish(message: Message, number: int = 0, *, is_again: bool = False) -> bytes:
    topic = message.topic.encode()
    head = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", number) if message.qos else b"")
    return _packet(PUBLISH, is_again << 3 | message.qos << 1 | message.is_retained, head + message.payload)


def acknowledgement(kind: int, number: int) -> bytes:
    """Return a PUBACK, PUBREC, PUBCOMP or UNSUBACK."""
    return _packet(kind, 0, struct.pack(">H", number))


def suback(number: int, granted: list[int]) -> bytes:
    return _packet(SUBACK, 0, struct.pack(">H", number) + bytes(granted))


def pingresp() -> bytes:
    return _packet(PINGRESP, 0, b"")


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    size, left = bytearray(), len(body)
    while True:
        left, part = left >> 7, left & 0x7F
        size.append(part | (0x80 if left else 0))
        if not left:
            return bytes((kind << 4 | flags,)) + bytes(size) + body


def is_filter(text: str) -> bool:
    """Return whether a text is a topic filter (§4.7.1)."""
    levels = text.split("/")
    return bool(text) and "#" not in levels[:-1] and all(
        level in ("+", "#") or not {"+", "#"} & set(level) for level in levels
    )  # fmt: skip


def matches(wanted: str, topic: str) -> bool:
    """Return whether a filter takes a topic (§4.7). Topics that begin with $ are the broker's own (§4.7.2)."""
    if topic.startswith("$") and wanted[:1] in ("+", "#"):
        return False
    levels, found = wanted.split("/"), topic.split("/")
    for position, level in enumerate(levels):
        if level == "#":
            return True
        if position == len(found) or level not in ("+", found[position]):
            return False
    return len(levels) == len(found)
