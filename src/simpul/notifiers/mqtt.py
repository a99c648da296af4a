"""Delivers notifications to an MQTT topic (CIM 009 §7.2). No retries here (`app/notification_sending.py`)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import SplitResult, unquote, urlsplit

import aiomqtt
import msgspec

from simpul.addresses import Addresses, AddressRefused
from simpul.named_tls import NamedContext
from simpul.ports.notifier import Delivery, Message
from simpul.unreachable import why_unreachable

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VERSIONS = {"mqtt3.1.1": aiomqtt.ProtocolVersion.V311, "mqtt5.0": aiomqtt.ProtocolVersion.V5}
# §7.2 leaves QoS 0 as the default; with it a broker never says that a message arrived, and one could be lost.
_QOS_DEFAULT = "1"
_encode = msgspec.json.Encoder().encode


class MqttNotifier:
    """The `Notifier` port over aiomqtt: one connection for each message."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def send(self, message: Message) -> Delivery:
        parts = urlsplit(message.uri)
        try:
            async with asyncio.timeout(message.timeout_seconds):
                await self._publish(parts, message)
        except TimeoutError:
            return Delivery(f"The broker did not answer within {message.timeout_seconds:g} s.")
        except AddressRefused as error:
            return Delivery(f"It was not sent: {error}.", is_refused=True)
        except (aiomqtt.MqttError, OSError) as error:
            return Delivery(f"The broker could not be reached ({why_unreachable(error)}).")
        return Delivery()

    async def _publish(self, parts: SplitResult, message: Message) -> None:
        host = parts.hostname or ""
        port = parts.port or _PORTS[parts.scheme]
        *others, last = await self._addresses.find_all(host, port)
        for address in others:
            with suppress(aiomqtt.MqttError, OSError):
                return await _publish_at(address, port, parts, message)
        return await _publish_at(last, port, parts, message)

    async def close(self) -> None:
        """Nothing stays open."""


async def _publish_at(address: str, port: int, parts: SplitResult, message: Message) -> None:
    tls = NamedContext.of(parts.hostname or "") if parts.scheme == "mqtts" else None
    client = aiomqtt.Client(
        address,
        port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=_VERSIONS[message.options.get("MQTT-Version", "mqtt5.0")],
        tls_context=tls,
        timeout=message.timeout_seconds,
    )
    try:
        async with client:
            qos = int(message.options.get("MQTT-QoS", _QOS_DEFAULT))
            await client.publish(unquote(parts.path.strip("/")), wrapped(message), qos=qos)
    finally:
        if tls is not None:
            tls.close()


def wrapped(message: Message) -> bytes:
    """Return the message as §7.2 has it: what would be headers is `metadata`, beside the notification itself."""
    metadata = _encode({**message.headers, **message.receiver_info})
    return b'{"metadata":' + metadata + b',"body":' + message.body + b"}"
