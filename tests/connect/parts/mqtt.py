"""A topic of Debian's mosquitto, behind a line that can be cut: what waits under the name of a client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from threading import Event
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.connect.line import Line
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place

WAIT_SECONDS: Final = 30
MESSAGES_MAX: Final = 2_500
ROWS_PER_MESSAGE: Final = 10
_numbers = count(1)


@contextmanager
def connected(port: int, **settings: Any) -> Iterator[mqtt.Client]:
    """A client of a broker, with a thread of its own until the end of the block."""
    account = settings.pop("account", None)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, **settings)
    if account is not None:
        client.username_pw_set(*account)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # The library types it half.
    properties.SessionExpiryInterval = 3_600 if settings else 0
    ready = Event()
    client.on_connect = lambda *_: ready.set()
    client.connect("127.0.0.1", port, clean_start=True, properties=properties)
    client.loop_start()
    try:
        assert ready.wait(WAIT_SECONDS)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
        client._reset_sockets()


def begin_session(port: int, client_id: str, topic: str, **settings: Any) -> None:
    """Let a broker keep what comes for a client from now on, and nothing that came before."""
    with connected(port, client_id=client_id, **settings) as client:
        subscribed = Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe(topic, qos=1)
        assert subscribed.wait(WAIT_SECONDS)


def publish(port: int, messages: Iterable[tuple[str, Any]], *, is_retained: bool = False, **settings: Any) -> None:
    """Send messages with QoS 1, in their order; what is neither text nor bytes is sent as JSON."""
    with connected(port, **settings) as client:
        last = None
        for topic, content in messages:
            payload = content if isinstance(content, str | bytes) else json.dumps(content)
            last = client.publish(topic, payload, qos=1, retain=is_retained)
        if last is not None:
            last.wait_for_publish(WAIT_SECONDS)


class MqttPart(Part):
    """A topic of its own on a broker."""

    kind = "mqtt"
    rows_beyond_buffers = 12_000

    def __init__(self, port: int, line: Line) -> None:
        self._port = port
        self._line = line
        self._name = f"bagian-{next(_numbers)}"

    @property
    def read(self) -> dict[str, Any]:
        return {
            "broker": f"mqtt://127.0.0.1:{self._line.port}",
            "private": True,
            "client": self._name,
            "topics": [f"{self._name}/halte"],
            "columns": ["id", "nama"],
        }

    def fill(self, names: Mapping[int, str]) -> None:
        topic = f"{self._name}/halte"
        begin_session(self._port, self._name, topic)
        rows = [{"id": number, "nama": name} for number, name in names.items()]
        # Many rows come as a gateway sends them: several in a message.
        size = 1 if len(rows) <= MESSAGES_MAX else ROWS_PER_MESSAGE
        publish(self._port, ((topic, rows[start : start + size]) for start in range(0, len(rows), size)))

    def take_away(self) -> None:
        self._line.cut()

    def bring_back(self) -> None:
        self._line.mend()


@contextmanager
def mosquitto_part(place: Place) -> Iterator[Part]:
    server = place.server("mosquitto")
    with Line(server.port) as line:
        yield MqttPart(server.port, line)


SERVER_PARTS = {"mqtt": mosquitto_part}
