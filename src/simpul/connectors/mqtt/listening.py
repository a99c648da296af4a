"""Listens to a broker for a while, to see what comes. Takes nothing from other readers, and leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.connectors.mqtt.reader import Session
from simpul.connectors.mqtt.settings import MqttSettings
from simpul.connectors.rest.reader import flat


class Heard(NamedTuple):
    """One message: its topic, its records (none where it is a plain value), its text, and when it came."""

    topic: str
    records: list[dict[str, Any]]
    text: str
    moment: str

    @property
    def is_json(self) -> bool:
        """Return whether it is a record, or a list of them."""
        return bool(self.records)


def listen(settings: MqttSettings) -> Generator[Heard]:
    """Yield what comes until it is enough, or the time is over. Raises SourceUnreachable."""
    session = Session(settings, is_passing=True)
    try:
        ends = time.monotonic() + limits.MQTT_LOOK_SECONDS
        count = size = 0
        while count < limits.MQTT_LOOK_MESSAGES_MAX and size < limits.MQTT_BATCH_BYTES_MAX:
            message = session.take(max(0.0, ends - time.monotonic()))
            if message is None:
                return
            if message.qos:
                session.acknowledge([message.mid])
            count += 1
            size += len(message.payload)
            heard = _read(message)
            if heard is not None:
                yield heard
    finally:
        session.close()


def _read(message: Any) -> Heard | None:
    """Return a message as it can be mapped; None where it is no text."""
    moment = datetime.now(UTC).isoformat()
    try:
        topic, text = message.topic, bytes(message.payload).removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        return None
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        document = None
    found = document if isinstance(document, list) else [document]
    return Heard(topic, [flat(record) for record in found if isinstance(record, dict)], text.strip(), moment)
