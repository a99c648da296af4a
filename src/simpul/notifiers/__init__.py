"""Ways to deliver a notification: one module for each protocol, chosen by the endpoint's scheme."""

from __future__ import annotations

from urllib.parse import urlsplit

from simpul.addresses import Addresses
from simpul.notifiers.http import HttpNotifier
from simpul.notifiers.mail import MailNotifier
from simpul.notifiers.mqtt import MqttNotifier
from simpul.ports.notifier import Delivery, Message, Notifier


class SchemeNotifier:
    """The `Notifier` port over HTTP(S), MQTT(S) and e-mail."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        addresses = Addresses(allow_private_addresses=allow_private_addresses)
        http, mqtt, mail = HttpNotifier(addresses), MqttNotifier(addresses), MailNotifier(addresses)
        self._notifiers: dict[str, Notifier] = {
            "http": http, "https": http, "mqtt": mqtt, "mqtts": mqtt, "smtp": mail, "smtps": mail,
        }  # fmt: skip

    async def send(self, message: Message) -> Delivery:
        return await self._notifiers[urlsplit(message.uri).scheme].send(message)

    async def close(self) -> None:
        for notifier in set(self._notifiers.values()):
            await notifier.close()


__all__ = ["SchemeNotifier"]
