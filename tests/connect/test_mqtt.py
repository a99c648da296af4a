"""Messages of devices, from Debian's mosquitto: topics, payloads, sessions, batches, TLS, and all that goes wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Stream, Surroundings
from simpul.connectors.mqtt.reader import find, open_reading
from simpul.connectors.mqtt.settings import compile_topic
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source
from tests.connect.parts.mqtt import begin_session, publish
from tests.connect.servers import Server, find_program, free_port, run_mosquitto
from tests.connect.service import Told, make_certificate, run_service

ACCOUNT = ("bpbd", "rahasia/@é")
SECRETS = {"SANDI": ACCOUNT[1], "SALAH": "salah"}
GAUGE = "urn:ngsi-ld:RainGauge:kota:{}"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A client's name, and the first level of its topics, of this test alone."""
    return f"uji-{abs(hash(request.node.nodeid)) % 10**9}"


def settings_of(port: int, name: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "broker": f"mqtt://127.0.0.1:{port}",
        "private": True,
        "client": name,
        "topics": [f"{name}/{{pos}}/curah"],
        "columns": ["waktu", "nilai"],
    }
    return {**plain, **changes}


def read(port: int, name: str, folder: Path = Path("/"), **changes: Any) -> list[Row | BrokenRow]:
    """Take what waits, and confirm it."""
    plain = settings_of(port, name, **changes)
    rows: list[Row | BrokenRow] = []
    with closing(open_reading(plain, Surroundings(folder, SECRETS))) as reading:
        stream = cast(Stream, reading)
        while True:
            rows += stream.rows()
            if not stream.confirm():
                return rows


def cells(rows: list[Row | BrokenRow]) -> list[list[Any]]:
    assert not any(isinstance(row, BrokenRow) for row in rows)
    return [list(row.cells) for row in rows if isinstance(row, Row)]


def detail(kind: type[SourceError], port: int, name: str, folder: Path = Path("/"), **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        read(port, name, folder, **changes)
    assert ACCOUNT[1] not in caught.value.detail
    return caught.value.detail


def gauge(port: int, name: str, **changes: Any) -> dict[str, Any]:
    """Return the declaration of rain gauges, as a time series."""
    entity = {
        "type": "RainGauge",
        "id": GAUGE.format("{pos}"),
        "observed_at": {"column": "waktu", "date": "iso"},
        "attributes": {"rainfall": {"column": "nilai", "number": "plain", "unit": "MMT"}},
    }
    read_settings = settings_of(port, name)
    return csv_source(kind="mqtt", read=read_settings, key=["pos", "waktu"], entity=entity, **changes)


def minute(number: int) -> str:
    return f"2026-11-20T10:{number:02}:00Z"


# --- Topics and payloads


@pytest.mark.servers
def test_levels_of_topics_and_members_of_messages_are_columns(mosquitto: Server, name: str) -> None:
    wanted: dict[str, Any] = {
        "topics": [f"{name}/{{pos}}/curah", f"{name}/{{pos}}/{{jenis}}/lain/#"],
        "columns": ["waktu", "alat.baterai", "a.b"],
        "topic": "dari",
    }
    assert read(mosquitto.port, name, **wanted) == []
    publish(mosquitto.port, [
        (f"{name}/gunung nago/curah", {"waktu": minute(1), "alat": {"baterai": 3.5}, "a.b": True, "lain": 1}),
        (f"{name}/lubuk/angin/lain", [{"waktu": 1}, {"waktu": 2}]),
        (f"{name}/lubuk/angin/lain/a/b", {}),
        (f"{name}/lubuk/suhu", {"waktu": 9}),
    ])  # fmt: skip
    assert cells(read(mosquitto.port, name, **wanted)) == [
        ["gunung nago", None, minute(1), 3.5, True, f"{name}/gunung nago/curah"],
        ["lubuk", "angin", 1, None, None, f"{name}/lubuk/angin/lain"],
        ["lubuk", "angin", 2, None, None, f"{name}/lubuk/angin/lain"],
        ["lubuk", "angin", None, None, None, f"{name}/lubuk/angin/lain/a/b"],
    ]


@pytest.mark.servers
def test_a_message_may_be_one_plain_value(mosquitto: Server, name: str) -> None:
    wanted: dict[str, Any] = {"payload": "text", "columns": ["nilai"], "arrived": "tiba"}
    assert read(mosquitto.port, name, **wanted) == []
    publish(mosquitto.port, [(f"{name}/a/curah", " 12,5\n"), (f"{name}/b/curah", b"\xff")])
    good, broken = read(mosquitto.port, name, **wanted)
    assert isinstance(good, Row)
    assert good.cells[:2] == ["a", "12,5"]
    assert good.cells[2].endswith("+00:00")
    assert isinstance(broken, BrokenRow)
    assert broken.reason.startswith("it is no text")


@pytest.mark.servers
@pytest.mark.parametrize("payload", ["", "{", "12", '"teks"', "[1]", b"\xff\xfe", "[" * 100_000])
def test_a_message_that_is_no_record_is_kept_aside_with_its_topic(
    mosquitto: Server, name: str, payload: str | bytes
) -> None:
    assert read(mosquitto.port, name) == []
    publish(mosquitto.port, [(f"{name}/a/curah", payload), (f"{name}/b/curah", {"nilai": 1})])
    broken, good = read(mosquitto.port, name)
    assert isinstance(broken, BrokenRow)
    assert broken.raw["topic"] == f"{name}/a/curah"
    assert isinstance(good, Row)
    assert good.number > broken.number


@pytest.mark.servers
def test_what_is_retained_comes_once(mosquitto: Server, name: str) -> None:
    publish(mosquitto.port, [(f"{name}/a/curah", {"nilai": 1})], is_retained=True)
    assert cells(read(mosquitto.port, name)) == [["a", None, 1]]
    assert read(mosquitto.port, name) == []
    publish(mosquitto.port, [(f"{name}/a/curah", "")], is_retained=True)


LEVELS = st.sampled_from(["a", "b", "", "suhu", "+"])
TOPICS = st.lists(st.sampled_from(["a", "b", "", "suhu"]), min_size=1, max_size=4).map("/".join).filter(bool)


@given(st.lists(LEVELS, min_size=1, max_size=4), st.booleans(), TOPICS)
def test_a_declared_topic_means_what_a_broker_takes_it_for(levels: list[str], is_open: bool, topic: str) -> None:
    wanted = "/".join([*levels, "#"] if is_open else levels)
    assume(wanted)
    compiled = compile_topic(wanted.replace("+", "{kolom}", 1))
    assert compiled.wanted == wanted
    assert (compiled.pattern.fullmatch(topic) is not None) == topic_matches_sub(wanted, topic)


def test_a_member_is_found_by_its_name_or_by_a_path() -> None:
    record = {"a": {"b": 1}, "a.c": 2, "d": [1]}
    assert [find(record, name) for name in ("a.b", "a.c", "d", "d.x", "e.f")] == [1, 2, [1], None, None]


# --- Runs


@pytest.mark.servers
def test_each_value_goes_into_the_history_and_once(mosquitto: Server, name: str, kota: Kota) -> None:
    kota.declare(gauge(mosquitto.port, name))
    assert kota.sync().error is None
    values = [(f"{name}/a/curah", {"waktu": minute(one), "nilai": one / 2}) for one in range(5)]
    publish(mosquitto.port, [*values, values[2]])
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_unchanged) == (None, 6, 5, 1)
    publish(mosquitto.port, values[3:])
    run = kota.sync()
    assert (run.rows_read, run.rows_written) == (2, 0)
    assert sorted(kota.history(GAUGE.format("a"), "rainfall")) == [0, 0.5, 1, 1.5, 2]


@pytest.mark.servers
def test_news_of_one_thing_are_all_taken_over_in_their_order(mosquitto: Server, name: str, kota: Kota) -> None:
    entity = {"type": "RainGauge", "id": GAUGE.format("{pos}"), "attributes": {"rainfall": "nilai"}}
    kota.declare(gauge(mosquitto.port, name) | {"key": "pos", "entity": entity})
    kota.sync()
    publish(mosquitto.port, [(f"{name}/a/curah", {"nilai": value}) for value in (1, 2, 1, 3)])
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_rejected) == (None, 4, 4, 0)
    assert kota.history(GAUGE.format("a"), "rainfall") == [1, 2, 1, 3]


@pytest.mark.servers
def test_what_was_kept_aside_stays_while_nothing_comes(mosquitto: Server, name: str, kota: Kota) -> None:
    rules = [{"rule": "range", "column": "nilai", "from": 0, "to": 500}]
    kota.declare(gauge(mosquitto.port, name, rules=rules))
    kota.sync()
    for value in (-999, 8888):
        messages = [("a", "rusak"), ("b", {"waktu": minute(1), "nilai": value}), ("c", {"waktu": minute(1)})]
        publish(mosquitto.port, [(f"{name}/{pos}/curah", content) for pos, content in messages])
        run = kota.sync()
        assert (run.error, run.rows_read) == (None, 3)
    assert kota.sync().rows_read == 0
    assert sorted(reject.rule for reject in kota.rejects()) == ["broken", "broken", "range"]
    publish(mosquitto.port, [(f"{name}/b/curah", {"waktu": minute(1), "nilai": 7})])
    kota.sync()
    assert sorted(reject.rule for reject in kota.rejects()) == ["broken", "broken"]


@pytest.mark.servers
def test_far_fewer_messages_than_before_are_no_collapse(mosquitto: Server, name: str, kota: Kota) -> None:
    kota.declare(gauge(mosquitto.port, name))
    kota.sync()
    for count in (500, 1):
        publish(mosquitto.port, [(f"{name}/{pos}/curah", {"waktu": minute(count % 60)}) for pos in range(count)])
        assert kota.sync().error is None
    assert kota.count("RainGauge") == 500


@pytest.mark.servers
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_broker_that_sends_only_a_few_at_once_is_read_to_the_end(name: str, version: str) -> None:
    with run_mosquitto(["max_inflight_messages 5", "max_queued_messages 0"]) as server:
        assert read(server.port, name, version=version) == []
        publish(server.port, [(f"{name}/{pos}/curah", {"nilai": pos}) for pos in range(12)])
        assert len(read(server.port, name, version=version)) == 12
        assert read(server.port, name, version=version) == []


@pytest.mark.servers
def test_a_batch_ends_by_its_size_and_the_rest_stays_on_the_line(mosquitto: Server, name: str) -> None:
    plain = settings_of(mosquitto.port, name, messages=10)
    read(mosquitto.port, name, messages=10)
    publish(mosquitto.port, [(f"{name}/{pos}/curah", {"nilai": pos}) for pos in range(25)])
    with closing(open_reading(plain, Surroundings(Path("/")))) as reading:
        stream = cast(Stream, reading)
        sizes = []
        for _ in range(4):
            sizes.append(sum(1 for _ in stream.rows()))
            stream.confirm()
    assert sizes == [10, 10, 5, 0]


@pytest.mark.servers
def test_a_flood_of_topics_is_refused_and_nothing_of_it_lost(
    mosquitto: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(mosquitto.port, name)
    publish(mosquitto.port, [(f"{name}/{pos}/curah", {}) for pos in range(30)])
    monkeypatch.setattr(limits, "MQTT_TOPICS_MAX", 20)
    assert "messages of more than 20 topics. Write narrower 'topics'" in detail(SourceMismatch, mosquitto.port, name)
    monkeypatch.undo()
    assert len(read(mosquitto.port, name)) == 30


@pytest.mark.servers
def test_what_an_earlier_declaration_asked_for_is_kept_aside(mosquitto: Server, name: str) -> None:
    begin_session(mosquitto.port, name, f"{name}/lama/#")
    publish(mosquitto.port, [(f"{name}/lama/x/y/z", {})])
    (broken,) = read(mosquitto.port, name)
    assert isinstance(broken, BrokenRow)
    assert "give another 'client'" in broken.reason


# --- Who asks, and where


@pytest.mark.servers
def test_a_second_reader_with_the_same_name_is_told(mosquitto: Server, name: str) -> None:
    plain = settings_of(mosquitto.port, name)
    with closing(open_reading(plain, Surroundings(Path("/")))) as reading:
        read(mosquitto.port, name)
        with pytest.raises(SourceUnreachable, match="another program uses the same 'client'"):
            list(reading.rows())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker that lets in one user, who may read what begins with `boleh`."""
    folder = tmp_path_factory.mktemp("mosquitto")
    passwords, rights = folder / "passwords", folder / "rights"
    passwords.write_text(f"{ACCOUNT[0]}:{ACCOUNT[1]}\n", encoding="utf-8")
    subprocess.run([find_program("mosquitto_passwd", ["/usr/bin"]), "-U", str(passwords)], check=True)
    rights.write_text(f"user {ACCOUNT[0]}\ntopic readwrite boleh/#\n")
    for path in (passwords, rights):
        path.chmod(0o600)
    with run_mosquitto(["allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}"]) as server:
        yield server


@pytest.mark.servers
def test_the_password_is_a_reference_and_is_used(guarded: Server, name: str) -> None:
    wanted: dict[str, Any] = {"topics": ["boleh/{pos}"], "columns": ["nilai"]}
    right = {"user": ACCOUNT[0], "password": "${env:SANDI}"}
    assert read(guarded.port, name, **wanted, auth=right) == []
    publish(guarded.port, [("boleh/a", {"nilai": 1})], account=ACCOUNT)
    assert cells(read(guarded.port, name, **wanted, auth=right)) == [["a", 1]]
    for version in ("5", "3.1.1"):
        wrong: dict[str, Any] = {"auth": {**right, "password": "${env:SALAH}"}, "version": version}
        told = detail(SourceUnreachable, guarded.port, name, **wanted, **wrong)
        assert "refuses us" in told
        assert "Check 'auth'" in told
    assert "refuses us" in detail(SourceUnreachable, guarded.port, name, **wanted)


@pytest.mark.servers
@pytest.mark.parametrize("days", [2, -1])
def test_a_certificate_of_ones_own_is_believed_when_said_and_while_it_holds(
    tmp_path: Path, name: str, days: int
) -> None:
    path = make_certificate(tmp_path, days)
    with run_mosquitto(listens=[f"certfile {path}", f"keyfile {path}"]) as server:
        secure: dict[str, Any] = {"broker": f"mqtts://127.0.0.1:{server.port}"}
        trusted = {**secure, "certificate": path.name}
        if days < 0:
            assert "has expired. The agency has to renew it" in detail(
                SourceUnreachable, server.port, name, tmp_path, **trusted
            )
            return
        told = detail(SourceUnreachable, server.port, name, **secure)
        assert "a certificate that nobody vouches for" in told
        assert "certificate: path" in told
        assert read(server.port, name, tmp_path, **trusted) == []
        assert read(server.port, name, **secure, self_signed=True) == []
        with pytest.raises(SourceMisconfigured, match="cannot be used"):
            read(server.port, name, tmp_path, **secure, certificate="names")


@pytest.mark.servers
def test_tls_to_a_port_without_it_is_told(mosquitto: Server, name: str) -> None:
    secure: dict[str, Any] = {"broker": f"mqtts://127.0.0.1:{mosquitto.port}", "timeout": 2}
    told = detail(SourceUnreachable, mosquitto.port, name, **secure)
    assert "speaks no TLS" in told or "cannot be reached" in told or "did not answer" in told


def test_a_broker_that_is_not_there_is_told(name: str) -> None:
    told = detail(SourceUnreachable, free_port(), name)
    assert "cannot be reached" in told
    assert "that the broker runs" in told


def test_a_private_address_is_asked_only_when_said(name: str) -> None:
    assert "add private: true" in detail(SourceUnreachable, free_port(), name, private=False)


def test_what_is_no_broker_is_told(name: str) -> None:
    with run_service(lambda _: Told([])) as service:
        told = detail(SourceError, service.port, name, timeout=2)
    assert "127.0.0.1" in told
    assert told.endswith((".", "?"))


# --- Declarations


@pytest.mark.parametrize(("changes", "expected"), [
    ({"broker": "http://x"}, "is no broker"),
    ({"broker": "mqtt://u:p@x"}, "write them under 'auth'"),
    ({"broker": "mqtt://x/kota"}, "write what to read under 'topics'"),
    ({"broker": "mqtt://x:99999"}, "no port"),
    ({"auth": {"user": "a", "password": "rahasia"}}, "a secret must not stand here"),
    ({"auth": {"user": "a"}}, "needs 'password'"),
    ({"topics": ["a/#/b"]}, "must be the last level"),
    ({"topics": ["a/b+"]}, "a level is a name"),
    ({"topics": ["a/x{pos}"]}, "a level is a name"),
    ({"topics": ["$share/a/b"]}, "divides the messages"),
    ({"topics": ["{pos}/{pos}"]}, "names a column twice"),
    ({"columns": ["pos"]}, "the name 'pos'"),
    ({"columns": ["nilai"], "topic": "nilai"}, "the name 'nilai'"),
    ({"payload": "text"}, "a plain value is one column"),
    ({"certificate": "x.pem"}, "a certificate needs TLS"),
    ({"broker": "mqtts://x", "certificate": "x.pem", "self_signed": True}, "leave 'self_signed' out"),
    ({"client": "a b"}, "is not a name"),
])  # fmt: skip
def test_a_wrong_declaration_says_what_would_be_right(kota: Kota, changes: dict[str, Any], expected: str) -> None:
    kota.write("sources/halte.yaml", gauge(1883, "uji") | {"read": settings_of(1883, "uji", **changes)})
    problems = load_city(kota.folder).problems
    assert problems
    assert expected in "; ".join(problem.message for problem in problems)
    assert "rahasia" not in json.dumps([problem.message for problem in problems])


@pytest.mark.parametrize("changes", [
    {"vanished": "delete"}, {"keep_raw": 2}, {"rules": [{"rule": "unique", "column": "nilai"}]},
    {"rules": [{"rule": "rows", "from": 5}]},
])  # fmt: skip
def test_what_needs_all_rows_is_refused_of_a_stream(kota: Kota, changes: dict[str, Any]) -> None:
    entity = {"type": "RainGauge", "id": GAUGE.format("{pos}"), "attributes": {"rainfall": "nilai"}}
    kota.write("sources/halte.yaml", gauge(1883, "uji") | {"key": "pos", "entity": entity, **changes})
    (problem,) = load_city(kota.folder).problems
    assert "a source of kind mqtt" in problem.message


@pytest.mark.servers
def test_more_rejects_than_can_be_kept_wait_at_the_broker(
    mosquitto: Server, name: str, kota: Kota, monkeypatch: pytest.MonkeyPatch
) -> None:
    kota.declare(gauge(mosquitto.port, name))
    kota.sync()
    publish(mosquitto.port, [(f"{name}/{pos}/curah", {"waktu": "kemarin"}) for pos in range(30)])
    monkeypatch.setattr(limits, "REJECTS_PER_RUN_MAX", 20)
    error = kota.sync().error
    assert error is not None
    assert "more than 20 rows of this run broke a rule" in error
    monkeypatch.undo()
    assert kota.sync().error is None
    assert len(kota.rejects()) == 30
