"""Takes messages from a broker, batch by batch, and acknowledges a batch when its rows are on disk.

The connection is driven by hand in the source's own thread: nothing is read from it between calls, so a broker waits
for a hub that is slower than it, and no message is held beyond one batch.
"""

from __future__ import annotations

import secrets
import select
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from paho.mqtt import MQTTException
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from simpul import limits
from simpul.addresses import AddressRefused, find_public_address
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.mqtt import errors
from simpul.connectors.mqtt.settings import MqttSettings, parse_settings
from simpul.declared_tls import believe
from simpul.domain.errors import SourceError, SourceUnreachable
from simpul.named_tls import NamedContext

_QOS: Final = 1
# How many packets are taken from the line before it is looked at again.
_PACKETS_AT_ONCE: Final = 100
_MS: Final = 1_000


class Session:
    """A connection to a broker, which keeps the session when the connection ends. Used from one thread only.

    With `is_passing` it does not: nothing was kept before, and nothing is afterwards.
    """

    def __init__(self, settings: MqttSettings, *, is_passing: bool = False) -> None:
        self._settings = settings
        self._is_passing = is_passing
        self._where = settings.where
        self._arrived: deque[mqtt.MQTTMessage] = deque()
        self._arrived_bytes = 0
        self._is_open = self._is_subscribed = False
        self._error: SourceError | None = None
        self._tls: NamedContext | None = None
        self._client = self._make_client()
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def _make_client(self) -> mqtt.Client:
        settings = self._settings
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client,
            clean_session=None if settings.is_version_5 else self._is_passing,
            protocol=MQTTProtocolVersion.MQTTv5 if settings.is_version_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = settings.timeout_seconds
        if settings.auth is not None:
            client.username_pw_set(*settings.auth)
        if settings.is_tls:
            self._tls = _tls(settings)
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _connect(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {}
        if settings.is_version_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # The library types it half.
            properties.SessionExpiryInterval = 0 if self._is_passing else limits.MQTT_SESSION_SECONDS
            properties.ReceiveMaximum = settings.messages
            properties.MaximumPacketSize = limits.MQTT_PACKET_BYTES_MAX
            options = {"clean_start": self._is_passing, "properties": properties}
        try:
            host = settings.host if settings.is_private else find_public_address(settings.host, settings.port)
            self._client.connect(host, settings.port, limits.MQTT_KEEP_ALIVE_SECONDS, **options)
        except AddressRefused as error:
            raise SourceUnreachable(
                f"{self._where} is not asked: {error}. Where it is meant, add private: true."
            ) from error
        except (OSError, UnicodeError) as error:
            raise errors.unreachable(self._where, error) from error
        deadline = time.monotonic() + settings.timeout_seconds
        while not self._is_open:
            self._pump_until(deadline)
        if settings.is_version_5:
            # What is retained comes once, not in each run.
            kept = SubscribeOptions(qos=_QOS, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            self._client.subscribe([(topic.wanted, kept) for topic in settings.topics])
        else:
            self._client.subscribe([(topic.wanted, _QOS) for topic in settings.topics])
        # Messages that waited may come before the answer does; they are left on the line once they are many.
        while not self._is_subscribed and not self._is_full():
            self._pump_until(deadline)

    def _pump_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise errors.slow(self._where, self._settings.timeout_seconds)
        self._pump(left)

    def _is_full(self) -> bool:
        return len(self._arrived) >= self._settings.messages or self._arrived_bytes >= limits.MQTT_BATCH_BYTES_MAX

    def take(self, seconds: float) -> mqtt.MQTTMessage | None:
        """Return the next message, or None where none comes for so long. Raises SourceUnreachable."""
        deadline = time.monotonic() + seconds
        while not self._arrived:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._pump(left)
        message = self._arrived.popleft()
        self._arrived_bytes -= len(message.payload)
        return message

    def acknowledge(self, numbers: list[int]) -> None:
        """Tell the broker that it may forget these messages."""
        self._raise_if_over()
        for number in numbers:
            self._client.ack(number, _QOS)
        deadline = time.monotonic() + self._settings.timeout_seconds
        while self._client.want_write():
            left = deadline - time.monotonic()
            if left <= 0:
                raise errors.slow(self._where, self._settings.timeout_seconds)
            self._wait(left, select.POLLOUT)
            self._client.loop_write()
            self._raise_if_over()
        self._raise_if_over()

    def _pump(self, seconds: float) -> None:
        """Wait for what comes, and take it from the line."""
        self._raise_if_over()
        events = select.POLLIN | (select.POLLOUT if self._client.want_write() else 0)
        self._wait(min(seconds, limits.MQTT_KEEP_ALIVE_SECONDS / 2), events)
        try:
            for _ in range(_PACKETS_AT_ONCE):
                before = len(self._arrived)
                self._client.loop_read()
                if len(self._arrived) == before or self._is_full():
                    break
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
        except OSError as error:
            raise errors.unreachable(self._where, error) from error
        except (MQTTException, struct.error, ValueError, IndexError) as error:
            raise errors.not_mqtt(self._where) from error
        self._raise_if_over()

    def _wait(self, seconds: float, events: int) -> None:
        line = self._client.socket()
        if line is None:
            return
        if isinstance(line, ssl.SSLSocket) and line.pending():
            return
        poll = select.poll()
        poll.register(line.fileno(), events)
        poll.poll(max(1, int(seconds * _MS)))

    def _raise_if_over(self) -> None:
        if self._error is not None:
            raise self._error
        if self._client.socket() is None:
            raise errors.lost(self._where, "")

    def _on_connect(self, _client: object, _data: object, _flags: object, code: ReasonCode, _more: object) -> None:
        if code.is_failure:
            self._error = self._error or errors.refused(self._where, str(code))
        self._is_open = not code.is_failure

    def _on_subscribe(
        self, _client: object, _data: object, _number: int, codes: list[ReasonCode], _more: object
    ) -> None:
        self._is_subscribed = True
        failed = next((code for code in codes if code.is_failure), None)
        if failed is not None:
            self._error = self._error or errors.no_subscription(self._where, str(failed))

    def _on_disconnect(self, _client: object, _data: object, _flags: object, code: ReasonCode, _more: object) -> None:
        self._error = self._error or errors.lost(self._where, str(code))

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self._arrived.append(message)
        self._arrived_bytes += len(message.payload)

    def close(self) -> None:
        """End the connection; the broker keeps the session, and what was not acknowledged."""
        client = self._client
        # Callbacks lead back to here, and a circle would keep everything until it is looked for.
        client.on_connect = client.on_subscribe = client.on_disconnect = client.on_message = None
        line = client.socket()
        with suppress(OSError, ValueError, MQTTException):
            client.disconnect()
        if line is not None:
            line.close()
        if self._tls is not None:
            self._tls.close()
        self._arrived.clear()


def _tls(settings: MqttSettings) -> NamedContext:
    context = NamedContext.of(settings.host)
    believe(context, settings.certificate, is_self_signed=settings.is_self_signed)
    return context


class MqttReading:
    """What waits at a broker: a stream (`connect.connector.Stream`)."""

    def __init__(self, settings: MqttSettings, *, is_trial: bool = False) -> None:
        self.row_word = "message"
        self.rows_expected: int | None = None
        self.columns = settings.columns
        self._settings = settings
        self._positions = {name: position for position, name in enumerate(self.columns)}
        self._run_ends = time.monotonic() + limits.MQTT_RUN_SECONDS_MAX
        # Messages of this batch that the broker waits to hear of.
        self._waiting: list[int] = []
        self._has_news = False
        self._number = 0
        # Only their hashes: a topic may be long.
        self._topics: set[int] = set()
        self._is_trial = is_trial
        # Of a trial nothing waits at the broker, so silence says nothing.
        self._quiet_seconds = settings.seconds if is_trial else limits.MQTT_QUIET_SECONDS
        self._session = Session(settings, is_passing=is_trial)

    def rows(self) -> Iterator[Row | BrokenRow]:
        settings = self._settings
        count = size = 0
        ends = time.monotonic() + settings.seconds
        self._has_news = False
        while count < settings.messages and size < limits.MQTT_BATCH_BYTES_MAX and (now := time.monotonic()) < ends:
            message = self._session.take(min(self._quiet_seconds, ends - now))
            if message is None:
                return
            count += 1
            size += len(message.payload)
            self._has_news = True
            if message.qos:
                self._waiting.append(message.mid)
            if self._is_trial:
                # Brokers send only so many that are not acknowledged.
                self.confirm()
            yield from self._rows_of(message)

    def confirm(self) -> bool:
        numbers, self._waiting = self._waiting, []
        self._session.acknowledge(numbers)
        return self._has_news and time.monotonic() < self._run_ends

    def _rows_of(self, message: mqtt.MQTTMessage) -> Iterator[Row | BrokenRow]:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            yield self._broken("its topic is no text in UTF-8", "", message)
            return
        self._note(topic)
        levels = self._levels_of(topic)
        if levels is None:
            reason = "its topic is none of the declared ones; after a change of 'topics' give another 'client'"
            yield self._broken(reason, topic, message)
            return
        try:
            records = self._records_of(bytes(message.payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield self._broken(f"it is no {'JSON' if self._settings.is_json else 'text'}: {error}", topic, message)
            return
        for record in records:
            if isinstance(record, dict):
                yield Row(self._next_number(), self._cells(topic, levels, record))
            else:
                yield self._broken("it is no record: a record has names and values", topic, message)

    def _note(self, topic: str) -> None:
        self._topics.add(hash(topic))
        if len(self._topics) > limits.MQTT_TOPICS_MAX:
            raise errors.too_many_topics(self._settings.where, limits.MQTT_TOPICS_MAX)

    def _levels_of(self, topic: str) -> dict[str, str] | None:
        for declared in self._settings.topics:
            found = declared.pattern.fullmatch(topic)
            if found is not None:
                return dict(zip(declared.names, found.groups(), strict=True))
        return None

    def _records_of(self, payload: bytes) -> list[Any]:
        if not self._settings.is_json:
            return [{self._settings.members[0]: payload.decode().strip()}]
        document = msgspec.json.decode(payload.removeprefix(b"\xef\xbb\xbf"))
        return document if isinstance(document, list) else [document]

    def _cells(self, topic: str, levels: Mapping[str, str], record: Mapping[str, Any]) -> list[Any]:
        cells: list[Any] = [None] * len(self.columns)
        for name, level in levels.items():
            cells[self._positions[name]] = level
        for name in self._settings.members:
            cells[self._positions[name]] = find(record, name)
        if self._settings.topic_column is not None:
            cells[self._positions[self._settings.topic_column]] = topic
        if self._settings.arrived_column is not None:
            cells[self._positions[self._settings.arrived_column]] = datetime.now(UTC).isoformat()
        return cells

    def _broken(self, reason: str, topic: str, message: mqtt.MQTTMessage) -> BrokenRow:
        payload = bytes(message.payload[: limits.REJECT_RAW_BYTES_MAX]).decode(errors="replace")
        return BrokenRow(self._next_number(), reason, {"topic": topic, "payload": payload})

    def _next_number(self) -> int:
        """Return the microsecond of arrival, made unique: no number of an earlier run comes again."""
        self._number = max(self._number + 1, time.time_ns() // 1_000)
        return self._number

    def close(self) -> None:
        self._session.close()


def find(record: Mapping[str, Any], name: str) -> Any:
    """Return a member by its name, or by a path of names (`sensor.suhu`), or None."""
    if name in record:
        return record[name]
    found: Any = record
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the reading of a session that is there. Raises SourceUnreachable, SourceMisconfigured."""
    return MqttReading(parse_settings(plain, surroundings))


def open_trial(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the reading of a session that begins and ends with it, and so takes nothing that waits for the source.

    It listens for `MQTT_LOOK_SECONDS` at most. Raises SourceUnreachable, SourceMisconfigured.
    """
    settings = parse_settings(plain, surroundings)
    client = f"simpul-try-{secrets.token_hex(6)}"
    return MqttReading(replace(settings, client=client, seconds=limits.MQTT_LOOK_SECONDS), is_trial=True)
