"""The demo's live systems: a broker that clients of others take for one, a service, and the process that plays both."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from simpul import limits
from simpul.connect.connector import Row, Stream, Surroundings
from simpul.connectors.mqtt.reader import open_reading
from simpul.demo.compiled import iter_rain
from simpul.demo.live import packets
from simpul.demo.live.broker import Broker
from simpul.demo.live.buses import Fleet
from simpul.demo.live.gauges import DAY_SECONDS, read_replay
from simpul.demo.live.packets import Malformed, Message, Packet
from simpul.demo.live.playing import playing
from simpul.demo.live.process import BROKER_FILE, SERVICE_FILE
from simpul.demo.live.service import BusService

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
WAIT_SECONDS = 10


class Running:
    """A broker in a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.broker = Broker()
        self._run(self.broker.__aenter__())

    @property
    def port(self) -> int:
        return self.broker.port

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, is_retained: bool = False) -> None:
        async def work() -> None:
            self.broker.publish(Message(topic, payload, qos, is_retained))

        self._run(work())

    def until_away(self, name: str) -> None:
        """Wait until the broker knows that the client has gone."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.broker.is_there(name):
            assert time.monotonic() < deadline, "it did not go"
            time.sleep(0.01)

    def close(self) -> None:
        self._run(self.broker.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with closing(Running()) as running:
        yield running


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of this test alone."""
    return f"uji/{abs(hash(request.node.nodeid)) % 10**9}"


class Client:
    """Paho's client, driven by hand: nothing happens between calls."""

    def __init__(self, port: int, name: str = "", *, will: str = "", keep_alive: int = 60, acks: bool = True) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        self.code: int | None = None
        self.has_session = self.is_subscribed = False
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=not name,
            protocol=MQTTProtocolVersion.MQTTv311, reconnect_on_failure=False, manual_ack=not acks,
        )  # fmt: skip
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        if will:
            self._client.will_set(will, b"gone", qos=1)
        self._client.connect("127.0.0.1", port, keep_alive)
        self.until(lambda: self.code is not None)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, _properties: Any) -> None:
        self.code, self.has_session = code.value, flags.session_present

    def _on_subscribe(self, *_: Any) -> None:
        self.is_subscribed = True

    def subscribe(self, wanted: str, qos: int = 1) -> None:
        self.is_subscribed = False
        self._client.subscribe(wanted, qos)
        self.until(lambda: self.is_subscribed)

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        told = self._client.publish(topic, payload, qos)
        self.until(told.is_published)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < deadline, "it did not come"
            assert self._client.loop(0.1) == mqtt.MQTT_ERR_SUCCESS

    def take(self, count: int = 1) -> list[tuple[bytes, bool]]:
        """Return the payloads that came, and whether each is a retained one."""
        self.until(lambda: len(self.messages) >= count)
        taken, self.messages = self.messages, []
        return [(bytes(message.payload), message.retain) for message in taken]

    def break_off(self) -> None:
        """End the connection without a goodbye."""
        line = self._client.socket()
        assert line is not None
        line.close()
        self._client.loop_misc()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop(0.1)


@contextmanager
def client(port: int, name: str = "", **options: Any) -> Iterator[Client]:
    with closing(Client(port, name, **options)) as opened:
        yield opened


# --- The broker


def test_several_subscribers_get_what_their_filters_take(running: Running, topic: str) -> None:
    with client(running.port) as exact, client(running.port) as wide, client(running.port) as other:
        exact.subscribe(f"{topic}/a")
        wide.subscribe(f"{topic}/+", qos=0)
        other.subscribe(f"{topic}/b/#")
        running.publish(f"{topic}/a", b"1")
        running.publish(f"{topic}/b", b"2", qos=0)
        assert exact.take() == [(b"1", False)]
        assert wide.take(2) == [(b"1", False), (b"2", False)]
        assert other.take() == [(b"2", False)]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_a_client_publishes_reaches_another_once(running: Running, topic: str, qos: int) -> None:
    with client(running.port) as reader, client(running.port) as writer:
        reader.subscribe(topic, qos=2)
        writer.publish(topic, b"first", qos)
        writer.publish(topic, b"last", 0)
        assert [payload for payload, _ in reader.take(2)] == [b"first", b"last"]


def test_a_retained_message_waits_for_those_who_come_later(running: Running, topic: str) -> None:
    running.publish(topic, b"old", is_retained=True)
    running.publish(topic, b"new", is_retained=True)
    with client(running.port) as late:
        late.subscribe(topic)
        assert late.take() == [(b"new", True)]
    running.publish(topic, b"", is_retained=True)
    with client(running.port) as later:
        later.subscribe(topic)
        running.publish(topic, b"now")
        assert later.take() == [(b"now", False)]


def test_a_named_client_gets_what_came_while_it_was_away(running: Running, topic: str) -> None:
    with client(running.port, "away") as first:
        assert not first.has_session
        first.subscribe(topic)
    running.until_away("away")
    running.publish(topic, b"1")
    running.publish(topic, b"lost", qos=0)
    running.publish(topic, b"2")
    with client(running.port, "away") as second:
        assert second.has_session
        assert second.take(2) == [(b"1", False), (b"2", False)]


def test_what_was_not_acknowledged_comes_again_and_says_so(running: Running, topic: str) -> None:
    with client(running.port, "slow", acks=False) as first:
        first.subscribe(topic)
        running.publish(topic, b"1")
        first.until(lambda: bool(first.messages))
        first.break_off()
    with client(running.port, "slow") as second:
        second.until(lambda: bool(second.messages))
        assert [(message.payload, message.dup) for message in second.messages] == [(b"1", True)]


def test_of_what_waits_too_long_the_oldest_goes(running: Running, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DEMO_BROKER_QUEUED_MAX", 3)
    with client(running.port, "full") as first:
        first.subscribe(topic)
    running.until_away("full")
    for number in range(5):
        running.publish(topic, b"%d" % number)
    with client(running.port, "full") as second:
        assert [payload for payload, _ in second.take(3)] == [b"2", b"3", b"4"]


def test_a_client_that_acknowledges_nothing_is_sent_only_so_much(
    running: Running, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DEMO_BROKER_UNACKNOWLEDGED_MAX", 2)
    with client(running.port, acks=False) as slow, client(running.port) as quick:
        slow.subscribe(topic)
        quick.subscribe(topic)
        for number in range(4):
            running.publish(topic, b"%d" % number)
        assert len(quick.take(4)) == 4
        slow.until(lambda: len(slow.messages) == 2)
        slow.publish("uji/else", b"")
        assert len(slow.messages) == 2


def test_a_second_client_with_the_name_ends_the_first(running: Running, topic: str) -> None:
    with client(running.port, "twin") as first, client(running.port, "twin") as second:
        second.subscribe(topic)
        running.publish(topic, b"1")
        assert second.take() == [(b"1", False)]
        with pytest.raises(AssertionError):
            first.until(lambda: False)


def test_who_goes_without_a_word_leaves_a_will(running: Running, topic: str) -> None:
    with client(running.port) as heir:
        heir.subscribe(topic)
        with client(running.port, will=topic) as gone:
            gone.break_off()
        assert heir.take() == [(b"gone", False)]
        with client(running.port, will=topic):
            pass
        running.publish(topic, b"after")
        assert heir.take() == [(b"after", False)]


def test_who_says_nothing_for_too_long_is_let_go(running: Running, topic: str) -> None:
    with client(running.port) as heir:
        heir.subscribe(topic)
        with client(running.port, will=topic, keep_alive=1):
            assert heir.take() == [(b"gone", False)]


def test_other_versions_are_refused_in_their_own_words(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=WAIT_SECONDS) as line:
        line.sendall(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00")
        assert line.recv(100) == b"\x20\x02\x00\x01"
        assert line.recv(100) == b""


@pytest.mark.parametrize("sent", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\x01", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x09",
    b"\xc0\x00", b"\x10\x80\x80\x80\x01",
])  # fmt: skip
def test_what_is_no_mqtt_ends_that_connection_and_nothing_else(running: Running, topic: str, sent: bytes) -> None:
    with client(running.port) as reader:
        reader.subscribe(topic)
        with socket.create_connection(("127.0.0.1", running.port), timeout=WAIT_SECONDS) as line:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(100) == b""
        running.publish(topic, b"1")
        assert reader.take() == [(b"1", False)]


def test_clients_beyond_the_bound_are_not_let_in(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DEMO_BROKER_CLIENTS_MAX", 0)
    with socket.create_connection(("127.0.0.1", running.port), timeout=WAIT_SECONDS) as line:
        assert _received(line) == b""


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(100)
    except ConnectionResetError:
        return b""


LEVEL = st.sampled_from(["", "a", "b", "$sys"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)
FILTER = st.lists(st.one_of(LEVEL, st.just("+")), min_size=1, max_size=4).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels[:-1], "#"])])
).filter(bool)  # fmt: skip


@given(wanted=FILTER, topic=TOPIC)
def test_a_filter_takes_what_it_takes_elsewhere(wanted: str, topic: str) -> None:
    assert packets.is_filter(wanted)
    assert packets.matches(wanted, topic) == mqtt.topic_matches_sub(wanted, topic)


@pytest.mark.parametrize("text", ["", "a/#/b", "a#", "a/b+", "+a"])
def test_what_is_no_filter_is_none(text: str) -> None:
    assert not packets.is_filter(text)


@given(kind=st.integers(1, 14), flags=st.integers(0, 15), body=st.binary(max_size=60))
def test_no_bytes_are_a_surprise(kind: int, flags: int, body: bytes) -> None:
    parsers: list[Callable[[], object]] = [
        lambda: packets.parse_connect(body),
        lambda: packets.parse_publish(Packet(kind, flags, body)),
        lambda: packets.parse_subscribe(body),
        lambda: packets.parse_unsubscribe(body),
        lambda: packets.parse_number(body),
    ]
    for parse in parsers:
        try:
            parse()
        except Malformed:
            continue


@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto-clients")
@pytest.mark.servers
def test_mosquitto_s_own_clients_take_it_for_a_broker(running: Running, topic: str) -> None:
    line = ["-h", "127.0.0.1", "-p", str(running.port), "-q", "1", "-V", "mqttv311", "-t", topic]
    subprocess.run(["mosquitto_pub", *line, "-r", "-m", "halo"], check=True, timeout=WAIT_SECONDS)
    command = ["mosquitto_sub", *line, "-C", "1", "-W", str(WAIT_SECONDS)]
    told = subprocess.run(command, check=True, timeout=2 * WAIT_SECONDS, capture_output=True, text=True)
    assert told.stdout == "halo\n"


def test_the_hub_s_own_reader_loses_nothing_between_its_runs(running: Running, topic: str) -> None:
    plain = {
        "broker": f"mqtt://127.0.0.1:{running.port}", "private": True, "client": "simpul-uji", "version": "3.1.1",
        "topics": [f"{topic}/{{pos}}"], "columns": ["nilai"],
    }  # fmt: skip

    def read() -> list[list[Any]]:
        with closing(open_reading(plain, Surroundings(Path("/"), {}))) as reading:
            stream = cast(Stream, reading)
            rows: list[list[Any]] = []
            while True:
                rows += [list(row.cells) for row in stream.rows() if isinstance(row, Row)]
                if not stream.confirm():
                    return rows

    assert read() == []
    for number in range(3):
        running.publish(f"{topic}/P1", json.dumps({"nilai": number}).encode())
    assert read() == [["P1", 0], ["P1", 1], ["P1", 2]]
    assert read() == []


# --- What is played


def test_a_reading_says_that_it_is_simulated_and_of_which_day_it_is() -> None:
    replay = read_replay()
    said = {(rain.post, rain.day.isoformat()): rain.cell for rain in iter_rain()}
    for turn in (0, 700, replay.turn(NOON)):
        messages = replay.list_messages(turn, NOON)
        assert len(messages) >= 6
        for message in messages:
            reading = json.loads(message.payload)
            post = message.topic.rpartition("/")[2]
            assert reading["curah_hujan"] == said[post, reading["hari_seri"]]
            assert reading["simulasi"] == "Y"
            assert reading["keterangan"].startswith("SIMULASI")
            assert (message.qos, message.is_retained) == (1, True)


def test_the_series_goes_on_day_by_day_and_begins_again() -> None:
    replay = read_replay()
    turn = replay.turn(NOON)
    assert replay.turn(NOON + timedelta(seconds=DAY_SECONDS)) == turn + 1
    assert replay.list_messages(turn, NOON) == replay.list_messages(turn + len(replay.days), NOON)


def test_buses_are_where_the_time_says_on_the_lines_of_their_corridor() -> None:
    positions = Fleet().list_positions(NOON)
    assert positions == Fleet().list_positions(NOON)
    *running, lost = positions
    assert len(running) > 15
    assert {bus["koridor"][0] for bus in running} == {"1", "2", "3", "5", "6"}
    for bus in running:
        assert 100.13 < _number(bus["bujur"]) < 100.58
        assert -1.15 < _number(bus["lintang"]) < -0.72
        assert isinstance(bus["kecepatan_kmj"], str)
    assert (lost["lintang"], lost["bujur"]) == ("0", "0")


def test_every_bus_but_the_lost_one_moves_and_none_jumps() -> None:
    before = Fleet().list_positions(NOON)
    after = Fleet().list_positions(NOON + timedelta(seconds=10))
    for one, other in zip(before[:-1], after[:-1], strict=True):
        step = abs(_number(one["bujur"]) - _number(other["bujur"]))
        step += abs(_number(one["lintang"]) - _number(other["lintang"]))
        assert 0 < step < 0.02
    assert before[-1] == after[-1]


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def test_the_service_answers_its_one_address() -> None:
    with BusService() as service:
        answered = httpx2.get(service.url, timeout=WAIT_SECONDS)
        missing = httpx2.get(service.url.replace("posisi", "lain"), timeout=WAIT_SECONDS)
    document = answered.json()
    assert document["jumlah"] == str(len(document["data"]["armada"]))
    assert missing.status_code == 404


# --- The process


def test_the_systems_play_while_they_are_wanted_and_are_gone_afterwards(tmp_path: Path) -> None:
    with playing(tmp_path) as is_playing:
        assert is_playing()
        url = (tmp_path / SERVICE_FILE).read_text().strip()
        assert len(httpx2.get(url, timeout=WAIT_SECONDS).json()["data"]["armada"]) > 15
        port = int((tmp_path / BROKER_FILE).read_text().rpartition(":")[2])
        with client(port) as reader:
            reader.subscribe("bmkg/padang/hujan/#")
            assert json.loads(reader.take()[0][0])["simulasi"] == "Y"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url, timeout=WAIT_SECONDS)


def test_a_killed_parent_leaves_no_process(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from simpul.demo.live.playing import playing\n"
        "with playing(Path(sys.argv[1])) as is_playing:\n"
        "    print(is_playing(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "True\n"
        os.kill(parent.pid, signal.SIGKILL)
    url = (tmp_path / SERVICE_FILE).read_text().strip()
    deadline = time.monotonic() + WAIT_SECONDS
    while _answers(url):
        assert time.monotonic() < deadline, "the systems play on"


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, timeout=1)
    except httpx2.HTTPError:
        return False
    return True
