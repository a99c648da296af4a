"""Ways to deliver a notification: one module for each protocol, chosen by the endpoint's scheme.

That of MQTT is loaded with the first notification that goes to a broker: its client takes 50 ms of a start.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from simpul.addresses import Addresses
from simpul.notifiers.http import HttpNotifier
from simpul.notifiers.mail import MailNotifier
from simpul.ports.notifier import Delivery, Message, Notifier

_MQTT = ("mqtt", "mqtts")


class SchemeNotifier:
    """The `Notifier` port over HTTP(S), MQTT(S) and e-mail."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._addresses = Addresses(allow_private_addresses=allow_private_addresses)
        http, mail = HttpNotifier(self._addresses), MailNotifier(self._addresses)
        self._notifiers: dict[str, Notifier] = {"http": http, "https": http, "smtp": mail, "smtps": mail}

    async def send(self, message: Message) -> Delivery:
        scheme = urlsplit(message.uri).scheme
        if scheme in _MQTT and scheme not in self._notifiers:
            self._notifiers.update(dict.fromkeys(_MQTT, self._mqtt()))
        return await self._notifiers[scheme].send(message)

    def _mqtt(self) -> Notifier:
        from simpul.notifiers.mqtt import MqttNotifier  # noqa: PLC0415 - See the module's first lines.

        return MqttNotifier(self._addresses)

    async def close(self) -> None:
        for notifier in set(self._notifiers.values()):
            await notifier.close()


__all__ = ["SchemeNotifier"]
