"""Sources proposed by listening to an MQTT broker: Debian's mosquitto. What is looked at is not taken from anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.connect.kota import Kota, entity_uri
from tests.connect.looking import new, proposed, take_over
from tests.connect.parts.mqtt import begin_session, publish
from tests.connect.servers import Server, run_mosquitto

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simpul.limits.MQTT_LOOK_SECONDS", 0.7)


def rain(topic: str = "hujan") -> list[tuple[str, Any]]:
    return [
        (f"{topic}/pos-{at}/curah", {"waktu": f"2026-11-24T0{at}:00:00Z", "nilai": at * 1.5, "alat": {"suhu": 30}})
        for at in range(1, 7)
    ]  # fmt: skip


def retain(server: Server, messages: Iterable[tuple[str, Any]]) -> None:
    """Leave messages at the broker, so that whoever comes hears them at once."""
    publish(server.port, messages, is_retained=True)


def test_messages_become_a_series_that_is_applied_unchanged(kota: Kota, mosquitto: Server) -> None:
    retain(mosquitto, rain("hujan-a"))
    told = new(kota, f"mqtt://127.0.0.1:{mosquitto.port}/hujan-a/#")
    assert told.exit_code == 0, told.output
    assert "of 6 rows, 6 would go in and 0 be kept aside" in told.output
    plain = proposed(kota, "hujan-a-curah")
    assert plain["read"]["topics"] == ["hujan-a/{pos}/curah"]
    assert plain["read"]["columns"] == ["waktu", "nilai", "alat.suhu"]
    assert plain["key"] == ["pos", "waktu"]
    assert plain["entity"]["type"] == "WeatherObserved"
    assert plain["entity"]["observed_at"] == {"column": "waktu", "date": "iso"}
    assert take_over(kota, plain["source"]).rows_written == 6
    assert 4.5 in kota.values(entity_uri("WeatherObserved", "pos-3")).values()


def test_looking_takes_nothing_from_others_and_leaves_nothing_behind(kota: Kota, mosquitto: Server) -> None:
    begin_session(mosquitto.port, "lain-b", "hujan-b/#")
    publish(mosquitto.port, rain("hujan-b"), is_retained=True)
    assert new(kota, f"mqtt://127.0.0.1:{mosquitto.port}/hujan-b/#", "--source", "b").exit_code == 0
    kota.write("sources/b.yaml", {**proposed(kota, "b"), "read": {**proposed(kota, "b")["read"], "client": "lain-b"}})
    assert take_over(kota, "b").rows_written == 6


def test_plain_values_are_told_apart_by_the_last_level(kota: Kota, mosquitto: Server) -> None:
    retain(mosquitto, [(f"alat-c/{at}/{what}", str(20.5 + at)) for at in (17, 18, 19) for what in ("suhu", "lembap")])
    told = new(kota, f"mqtt://127.0.0.1:{mosquitto.port}/alat-c/#", "--all")
    assert told.exit_code == 0, told.output
    (warm,) = [
        plain
        for path in (kota.folder / "sources").iterdir()
        if (plain := proposed(kota, path.stem))["read"]["columns"] == ["suhu"]
    ]
    assert warm["read"]["payload"] == "text"
    assert warm["read"]["topics"][0].endswith("/suhu")
    assert warm["read"]["arrived"] == "arrived_at", "a device without a clock"
    assert warm["entity"]["observed_at"] == {"column": "arrived_at", "date": "iso"}
    assert take_over(kota, warm["source"]).rows_written == 3


def test_a_level_that_is_named_is_a_column_of_that_name(kota: Kota, mosquitto: Server) -> None:
    retain(mosquitto, [("parkir-d/barat", {"id": 1, "terisi": 3}), ("parkir-d/timur", {"id": 2, "terisi": 5})])
    where = f"mqtt://127.0.0.1:{mosquitto.port}/parkir-d/{{lokasi}}"
    assert new(kota, where, "--source", "parkir").exit_code == 0
    plain = proposed(kota, "parkir")
    assert plain["read"]["topics"] == ["parkir-d/{lokasi}"]
    assert plain["key"] == ["lokasi", "arrived_at"]


def test_a_device_that_names_itself_in_the_message_is_known_by_that(kota: Kota, mosquitto: Server) -> None:
    retain(mosquitto, [("bus-e", [{"id": at, "kecepatan": at * 3, "waktu": "2026-11-24T07:00:00Z"} for at in (4, 5)])])
    assert new(kota, f"mqtt://127.0.0.1:{mosquitto.port}/bus-e", "--source", "bus").exit_code == 0
    plain = proposed(kota, "bus")
    assert plain["key"] == ["id", "waktu"]
    assert take_over(kota, "bus").rows_written == 2


def test_a_password_in_the_url_becomes_a_reference(kota: Kota) -> None:
    with run_mosquitto() as server:
        retain(server, rain())
        told = new(kota, f"mqtt://bpbd:rahasia%2F@127.0.0.1:{server.port}/hujan/#")
    assert told.exit_code == 0, told.output
    (path,) = (kota.folder / "sources").iterdir()
    written = path.read_text(encoding="utf-8")
    assert "rahasia" not in written + told.output
    assert 'password: "${env:BROKER_127_MQTT}"' in written


def test_silence_is_told_plainly(kota: Kota, mosquitto: Server) -> None:
    told = new(kota, f"mqtt://127.0.0.1:{mosquitto.port}/tidak/ada")
    assert told.exit_code == 1
    assert "sent nothing of these topics within 0.7 s" in told.output
