"""Trying a source takes nothing that its runs would then miss: a real broker (Debian's mosquitto)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from simpul.connect.runner import Engine
from simpul.ports.engine import Preview
from tests.connect.kota import TENANT, Kota
from tests.connect.parts.mqtt import begin_session, connected, publish
from tests.connect.servers import Server

pytestmark = pytest.mark.servers


def rains(word: str, count: int) -> list[tuple[str, Any]]:
    return [(f"{word}/pos-{at}", {"waktu": "2026-11-24T00:00:00Z", "nilai": at}) for at in range(1, count + 1)]


def declare(kota: Kota, server: Server, word: str, **read: Any) -> None:
    kota.declare({
        "source": word, "agency": "dishub", "title": {"id": "Hujan", "en": "Rain"}, "kind": "mqtt",
        "read": {"broker": f"mqtt://127.0.0.1:{server.port}", "client": f"simpul-{word}", "topics": f"{word}/{{pos}}",
                 "columns": ["waktu", "nilai"], "private": True, **read},
        "key": ["pos", "waktu"],
        "entity": {"type": "RainGauge", "id": "urn:ngsi-ld:RainGauge:kota:{pos}",
                   "observed_at": {"column": "waktu", "date": "iso"},
                   "attributes": {"precipitation": {"column": "nilai", "number": "plain"}}},
    })  # fmt: skip


def try_out(kota: Kota, word: str, rows: int = 200) -> Preview:
    source = kota.load().source(word)
    assert source is not None
    return kota.with_hub(lambda hub: Engine().preview(hub, TENANT, source, rows))


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simpul.limits.MQTT_LOOK_SECONDS", 0.6)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_what_is_retained_or_waits_comes_in_the_run_after_a_trial(kota: Kota, mosquitto: Server, version: str) -> None:
    word = f"coba-{version.replace('.', '')}"
    with connected(mosquitto.port) as client:
        for topic, _ in rains(word, 30):
            # What is retained with QoS 0 is sent once to a session, acknowledged or not.
            client.publish(topic, '{"waktu": "2026-11-24T00:00:00Z", "nilai": 2}', qos=0, retain=True)
        client.publish("selesai", "", qos=1).wait_for_publish(30)
    declare(kota, mosquitto, word, version=version)
    assert try_out(kota, word).rows_read == 30
    assert kota.sync(word).rows_written == 30


def test_a_trial_leaves_the_sources_own_session_alone(kota: Kota, mosquitto: Server) -> None:
    begin_session(mosquitto.port, "simpul-coba-sesi", "coba-sesi/#")
    publish(mosquitto.port, rains("coba-sesi", 5))
    declare(kota, mosquitto, "coba-sesi")
    assert try_out(kota, "coba-sesi").rows_read == 0, "what waits for the source is not sent to anybody else"
    assert kota.sync("coba-sesi").rows_written == 5


def test_a_trial_ends_with_its_rows_or_with_its_time(kota: Kota, mosquitto: Server) -> None:
    publish(mosquitto.port, rains("coba-lama", 40), is_retained=True)
    declare(kota, mosquitto, "coba-lama", seconds=60)
    began = time.monotonic()
    assert try_out(kota, "coba-lama", 10).rows_read == 10
    assert try_out(kota, "coba-lama").rows_read == 40
    assert time.monotonic() - began < 10
