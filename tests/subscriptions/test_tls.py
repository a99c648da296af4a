"""Brokers over TLS: the certificate is that of the host that was named. A real mosquitto, with an authority of our own.

What holds for receivers over HTTPS is in `tests/outgoing/test_connections.py`.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simpul.notifiers import SchemeNotifier
from simpul.ports.notifier import Delivery, Message
from tests.outgoing.certificates import Certificates, make_certificates

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
pytestmark = [pytest.mark.servers, pytest.mark.skipif(not Path(MOSQUITTO).exists(), reason="needs mosquitto")]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"), "localhost")


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Let the hub trust the test's authority, as an operator does."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    return certificates


@pytest.fixture(scope="module")
def mqtts_port(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve a mosquitto over TLS."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    file = tmp_path_factory.mktemp("mosquitto") / "mosquitto.conf"
    file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"certfile {certificates.certificate}\nkeyfile {certificates.key}\n"
    )
    broker = subprocess.Popen([MOSQUITTO, "-c", str(file)], stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.02)
    yield port
    broker.terminate()
    broker.wait()


def deliver(*uris: str, allow_private_addresses: bool = True) -> list[Delivery]:
    """Send a notification to each of these, one after the other, with one notifier."""

    async def work() -> list[Delivery]:
        notifier = SchemeNotifier(allow_private_addresses=allow_private_addresses)
        try:
            return [await notifier.send(Message(uri, b'{"data":[]}', {}, timeout_seconds=5)) for uri in uris]
        finally:
            await notifier.close()

    return asyncio.run(work())


def test_7_2_a_broker_is_told_over_tls_in_its_own_name_alone(trusted: Certificates, mqtts_port: int) -> None:
    right, wrong = (f"mqtts://{host}:{mqtts_port}/kota/a" for host in ("localhost", "127.0.0.1"))
    told = deliver(right, wrong, right)
    assert [one.failure is None for one in told] == [True, False, True]


def test_over_tls_too_no_private_address_is_connected_to(trusted: Certificates, mqtts_port: int) -> None:
    (told,) = deliver(f"mqtts://localhost:{mqtts_port}/kota/a", allow_private_addresses=False)
    assert told.is_refused


def test_a_broker_of_an_unknown_authority_is_told_nothing(mqtts_port: int) -> None:
    (told,) = deliver(f"mqtts://localhost:{mqtts_port}/kota/a")
    assert told.failure is not None
