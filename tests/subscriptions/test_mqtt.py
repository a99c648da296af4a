"""Notifications over MQTT (CIM 009 §7.2), with Debian's mosquitto."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import httpx2
import pytest

from tests.subscriptions.conftest import Subscribe, read, rename

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
pytestmark = [pytest.mark.servers, pytest.mark.skipif(not Path(MOSQUITTO).exists(), reason="needs mosquitto")]


class Broker:
    """A mosquitto of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        passwords = folder / "passwords"
        passwords.write_text("simpul:sandi@1\n")
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
        passwords.chmod(0o644)
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("mosquitto did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def uri(self, topic: str) -> str:
        return f"mqtt://simpul:sandi%401@127.0.0.1:{self.port}/{topic}"

    async def listen(self, topic: str, ready: asyncio.Event) -> dict[str, Any]:
        """Return the next message of the topic."""
        account: dict[str, Any] = {"username": "simpul", "password": "sandi@1"}
        async with aiomqtt.Client("127.0.0.1", self.port, **account) as client:
            await client.subscribe(topic, qos=1)
            ready.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                found: dict[str, Any] = json.loads(message.payload)
                return found
        raise AssertionError("the broker closed")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.stop()


@pytest.mark.parametrize("options", [
    {}, {"MQTT-QoS": "0"}, {"MQTT-QoS": "2"}, {"MQTT-Version": "mqtt3.1.1"}, {"MQTT-Version": "mqtt5.0"},
])  # fmt: skip
def test_7_2_a_notification_is_wrapped_with_its_metadata(
    client: httpx2.Client, subscribe: Subscribe, broker: Broker, halte: str, options: dict[str, str]
) -> None:
    endpoint = {
        "uri": broker.uri("kota/halte"),
        "receiverInfo": [{"key": "kunci", "value": "nilai"}],
        "notifierInfo": [{"key": key, "value": value} for key, value in options.items()],
    }
    subscription_id = subscribe("", notification={"endpoint": endpoint})

    async def change_and_listen() -> dict[str, Any]:
        ready = asyncio.Event()
        listening = asyncio.create_task(broker.listen("kota/halte", ready))
        await ready.wait()
        await asyncio.to_thread(rename, client, halte, "Ulak Karang")
        return await asyncio.wait_for(listening, 20)

    message = asyncio.run(change_and_listen())
    assert message["metadata"]["Content-Type"] == "application/json"
    assert "ld+json" in message["metadata"]["Link"]
    assert message["metadata"]["kunci"] == "nilai"
    assert message["body"]["subscriptionId"] == subscription_id
    assert message["body"]["data"][0]["nama"]["value"] == "Ulak Karang"


def test_a_broker_that_was_down_gets_the_notification_when_it_is_back(
    client: httpx2.Client, subscribe: Subscribe, broker: Broker, halte: str
) -> None:
    broker.stop()
    subscription_id = subscribe("", notification={"endpoint": {"uri": broker.uri("kota/turun")}})
    rename(client, halte, "Ulak Karang")
    while "lastFailure" not in read(client, subscription_id)["notification"]:
        pass
    broker.start()
    while "lastSuccess" not in (notification := read(client, subscription_id)["notification"]):
        pass
    assert notification["status"] == "ok"
