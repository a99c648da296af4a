"""A small MQTT 3.1.1 broker on the loopback interface, for the demo's devices. A city runs mosquitto or its like.

It does what the standard asks of a server, with QoS 0 and 1 for those who subscribe (§3.9.3 lets a server grant less
than is asked for). Everything that it holds is bounded, and nothing outlives it.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from simpul import limits
from simpul.demo.live import packets
from simpul.demo.live.packets import Connect, Malformed, Message, Packet

_NUMBERS = 0xFFFF


@dataclass(slots=True)
class _Session:
    """What the broker remembers of a client: its filters, and what is on its way to it (§3.1.2.4)."""

    is_clean: bool
    line: StreamWriter | None = None
    filters: dict[str, int] = field(default_factory=dict)
    waiting: deque[Message] = field(default_factory=deque)
    unacknowledged: dict[int, Message] = field(default_factory=dict)
    # Of messages with QoS 2, until they are released (§4.3.3).
    received: set[int] = field(default_factory=set)
    _last: int = 0

    def offer(self, message: Message) -> None:
        """Send the message when it can be sent; of those that wait too long, the oldest go."""
        if message.qos == 0:
            if self.line is not None and self._has_room(self.line):
                self.line.write(packets.publish(message))
            return
        self.waiting.append(message)
        if len(self.waiting) > limits.DEMO_BROKER_QUEUED_MAX:
            self.waiting.popleft()
        self.pump()

    def pump(self) -> None:
        """Send what waits, as far as the client keeps up."""
        while self.line is not None and self.waiting and self._has_room(self.line):
            if len(self.unacknowledged) >= limits.DEMO_BROKER_UNACKNOWLEDGED_MAX:
                return
            message, number = self.waiting.popleft(), self._next_number()
            self.unacknowledged[number] = message
            self.line.write(packets.publish(message, number))

    def resume(self) -> None:
        """Send again what was not acknowledged before the connection broke (§4.4)."""
        assert self.line is not None, "a session is resumed by a line"
        for number, message in self.unacknowledged.items():
            self.line.write(packets.publish(message, number, is_again=True))
        self.pump()

    def _next_number(self) -> int:
        self._last = self._last % _NUMBERS + 1
        while self._last in self.unacknowledged:
            self._last = self._last % _NUMBERS + 1
        return self._last

    @staticmethod
    def _has_room(line: StreamWriter) -> bool:
        return line.transport.get_write_buffer_size() < limits.DEMO_BROKER_PACKET_BYTES_MAX


class Broker:
    """Clients' sessions and retained messages. Used from one event loop, as `async with Broker() as broker`."""

    def __init__(self) -> None:
        self.port = 0
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Message] = {}
        self._lines: dict[asyncio.Task[None], StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None, "it was opened"
        self._server.close()
        for line in list(self._lines.values()):
            line.transport.abort()
        await asyncio.gather(*list(self._lines), return_exceptions=True)
        await self._server.wait_closed()

    def is_there(self, client: str) -> bool:
        """Return whether a client of that name is connected."""
        session = self._sessions.get(client)
        return session is not None and session.line is not None

    def publish(self, message: Message) -> None:
        """Hand a message to all who want it, and keep it for those who come later if it is retained (§3.3.1.3)."""
        if message.is_retained and not message.payload:
            self._retained.pop(message.topic, None)
        elif message.is_retained:
            has_room = len(self._retained) < limits.DEMO_BROKER_TOPICS_MAX
            if has_room or message.topic in self._retained:
                self._retained[message.topic] = message
        for session in list(self._sessions.values()):
            wanted = [qos for one, qos in session.filters.items() if packets.matches(one, message.topic)]
            if wanted:
                session.offer(message._replace(qos=min(message.qos, max(wanted)), is_retained=False))

    async def _serve(self, reader: StreamReader, line: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served in a task"
        if len(self._lines) >= limits.DEMO_BROKER_CLIENTS_MAX:
            line.transport.abort()
            return
        self._lines[task] = line
        try:
            await self._talk(reader, line)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, Malformed):
            # Whoever is gone, silent for too long or speaks something else is let go; its will was seen to.
            pass
        finally:
            del self._lines[task]
            line.close()
            with suppress(OSError):
                await line.wait_closed()

    async def _talk(self, reader: StreamReader, line: StreamWriter) -> None:
        first = await asyncio.wait_for(packets.read_packet(reader), limits.DEMO_BROKER_CONNECT_SECONDS)
        if first.kind != packets.CONNECT:
            raise Malformed
        connect = packets.parse_connect(first.body)
        refusal = self._refusal(connect)
        if refusal != packets.ACCEPTED:
            line.write(packets.connack(refusal))
            return
        session = self._begin(connect, line)
        will = connect.will
        try:
            await self._listen(reader, session, line, connect.keep_alive_seconds * 1.5 or None)
            # §3.14: who says goodbye leaves no will.
            will = None
        finally:
            self._end(connect.client, session, line)
            if will is not None:
                self.publish(will)

    def _refusal(self, connect: Connect) -> int:
        if not connect.version:
            return packets.OTHER_VERSION
        if not connect.client and not connect.is_clean:
            return packets.NAME_REFUSED
        is_new = connect.client not in self._sessions
        if is_new and len(self._sessions) >= limits.DEMO_BROKER_CLIENTS_MAX:
            return packets.UNAVAILABLE
        return packets.ACCEPTED

    def _begin(self, connect: Connect, line: StreamWriter) -> _Session:
        """Take up the client's session, or begin one; a connection with the same name ends (§3.1.4)."""
        known = self._sessions.get(connect.client) if connect.client else None
        if known is not None and known.line is not None:
            known.line.transport.abort()
        resumes = known is not None and not known.is_clean and not connect.is_clean
        session = known if known is not None and resumes else _Session(connect.is_clean)
        session.line = line
        self._sessions[connect.client or f"\0{id(line)}"] = session
        line.write(packets.connack(packets.ACCEPTED, has_session=resumes))
        if resumes:
            session.resume()
        return session

    def _end(self, client: str, session: _Session, line: StreamWriter) -> None:
        name = client or f"\0{id(line)}"
        if session.line is line:
            session.line = None
        if session.is_clean and self._sessions.get(name) is session and session.line is None:
            del self._sessions[name]

    async def _listen(
        self, reader: StreamReader, session: _Session, line: StreamWriter, silence_seconds: float | None
    ) -> None:
        """Do what the client asks, packet by packet, until it says goodbye."""
        while True:
            packet = await asyncio.wait_for(packets.read_packet(reader), silence_seconds)
            if packet.kind == packets.DISCONNECT:
                return
            self._handle(packet, session, line)
            # A client that takes nothing is told nothing more.
            await line.drain()
            session.pump()

    def _handle(self, packet: Packet, session: _Session, line: StreamWriter) -> None:
        match packet.kind:
            case packets.PUBLISH:
                self._take(packet, session, line)
            case packets.PUBACK:
                session.unacknowledged.pop(packets.parse_number(packet.body), None)
            case packets.PUBREL:
                number = packets.parse_number(packet.body)
                session.received.discard(number)
                line.write(packets.acknowledgement(packets.PUBCOMP, number))
            case packets.SUBSCRIBE:
                self._subscribe(packet, session, line)
            case packets.UNSUBSCRIBE:
                number, filters = packets.parse_unsubscribe(packet.body)
                for one in filters:
                    session.filters.pop(one, None)
                line.write(packets.acknowledgement(packets.UNSUBACK, number))
            case packets.PINGREQ:
                line.write(packets.pingresp())
            case _:
                raise Malformed

    def _take(self, packet: Packet, session: _Session, line: StreamWriter) -> None:
        number, message = packets.parse_publish(packet)
        is_again = message.qos == 2 and number in session.received
        if message.qos == 2:
            if len(session.received) >= limits.DEMO_BROKER_QUEUED_MAX:
                raise Malformed
            session.received.add(number)
        if message.qos:
            line.write(packets.acknowledgement(packets.PUBACK if message.qos == 1 else packets.PUBREC, number))
        if not is_again:
            self.publish(message._replace(qos=min(message.qos, 1)))

    def _subscribe(self, packet: Packet, session: _Session, line: StreamWriter) -> None:
        if packet.flags != 2:
            raise Malformed
        number, wanted = packets.parse_subscribe(packet.body)
        granted = []
        for one, qos in wanted:
            has_room = one in session.filters or len(session.filters) < limits.DEMO_BROKER_TOPICS_MAX
            if not packets.is_filter(one) or not has_room:
                granted.append(packets.NO_SUBSCRIPTION)
                continue
            session.filters[one] = min(qos, 1)
            granted.append(min(qos, 1))
        line.write(packets.suback(number, granted))
        # §3.3.1.3: who subscribes is told what is retained, marked as such.
        for (one, _), qos in zip(wanted, granted, strict=True):
            if qos != packets.NO_SUBSCRIPTION:
                for message in list(self._retained.values()):
                    if packets.matches(one, message.topic):
                        session.offer(message._replace(qos=min(message.qos, qos)))
