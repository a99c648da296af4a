"""An agent reads where the hub cannot, and delivers in order: nothing is lost and nothing doubled, whatever is cut."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul.agent.queue import Queue
from simpul.agent.reading import read_into
from simpul.app import sources
from simpul.app.identity import create_token, operator, revoke_token
from simpul.connect.connector import Surroundings
from simpul.connect.source import source_declaration
from simpul.domain.errors import StorageFull
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri
from tests.connect.office import Office, ServedHub, agent_source, agent_token, cut_off_until, simpul
from tests.connect.parts.mqtt import publish
from tests.connect.servers import Server
from tests.connect.service import Asked, Told, make_certificate, run_service

HEADER: list[object] = ["id", "nama"]
VERSIONS = 4


def rows(version: int, count: int = 3) -> list[list[object]]:
    return [HEADER, *([number, f"Halte {number} v{version}"] for number in range(1, count + 1))]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    folder = tmp_path / "kantor"
    folder.mkdir()
    return Office(folder)


@pytest.fixture
def token(kota: Kota) -> str:
    kota.declare(agent_source())
    return agent_token(kota)


def waiting(office: Office) -> int:
    connection = sqlite3.connect(office.folder / "antrean.db")
    try:
        return int(connection.execute("SELECT count(*) FROM reading WHERE is_complete").fetchone()[0])
    finally:
        connection.close()


def taken_over(kota: Kota) -> int:
    """Return up to which reading the hub that serves has taken all over."""
    connection = sqlite3.connect(kota.folder / "data" / f"{TENANT}.db")
    try:
        found = connection.execute("SELECT completed FROM delivery").fetchone()
        return 0 if found is None else int(found[0])
    finally:
        connection.close()


def test_what_an_agent_delivers_becomes_entities(kota: Kota, office: Office, token: str, free_port: int) -> None:
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        went = office.once()
        assert (went.returncode, waiting(office)) == (0, 0), went.stderr
    assert kota.values(entity_uri("BusStop", "2"))["name"] == "Halte 2 v1"
    status = kota.look(lambda hub: sources.get_source(operator(TENANT), hub, "halte"))
    assert (status.state, status.rows) == ("ok", 3)
    assert status.agent is not None
    assert status.agent.completed == 1


@pytest.mark.slow
def test_what_was_read_while_the_line_was_down_is_delivered_in_order(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    office.write(f"http://127.0.0.1:{free_port}", {"halte": token}, agent_source())
    for version in range(1, VERSIONS + 1):
        office.write_csv(rows(version))
        went = office.once()
        assert went.returncode == 1
        assert "cannot be reached" in went.stderr
        assert waiting(office) == version
    with ServedHub(kota, free_port):
        assert office.once().returncode == 0
    name = entity_uri("BusStop", "3")
    assert kota.history(name, "name") == [f"Halte 3 v{version}" for version in range(1, VERSIONS + 1)]


def test_how_an_agent_is_is_told_on_the_page_and_at_the_command_line(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        went = office.once()
        assert went.returncode == 1
        assert "There is no file" in went.stderr
        page = httpx2.get(f"{hub.url}/sources/halte", headers={"accept-language": "id"}, trust_env=False).text
        assert "Agen di kantor" in page
        assert "Terakhir terdengar" in page
        # What the office's machine says of itself is for those who keep the sources.
        assert "There is no file" not in page
        assert "halte.csv" not in page
    told = simpul("source", "list", "--folder", str(kota.folder))
    assert "halte: its agent was last heard" in told
    assert "There is no file" in told


@pytest.mark.servers
def test_what_a_stream_tells_is_taken_from_its_broker_once_and_delivered_in_order(
    kota: Kota, office: Office, mosquitto: Server, free_port: int
) -> None:
    topic = f"agen-{free_port}"
    read = {
        "broker": f"mqtt://127.0.0.1:{mosquitto.port}", "private": True, "client": topic,
        "topics": [f"{topic}/{{pos}}"], "columns": ["waktu", "nilai"],
    }  # fmt: skip
    entity = {
        "type": "RainGauge",
        "id": entity_uri("RainGauge", "{pos}"),
        "observed_at": {"column": "waktu", "date": "iso"},
        "attributes": {"rainfall": {"column": "nilai", "number": "plain"}},
    }
    source = {**agent_source(), "kind": "mqtt", "read": read, "key": ["pos", "waktu"], "entity": entity}
    kota.declare(source)
    token = agent_token(kota)
    office.write(f"http://127.0.0.1:{free_port}", {"halte": token}, source)
    office.once()
    for minute in range(1, 4):
        publish(mosquitto.port, [(f"{topic}/nago", {"waktu": f"2026-11-20T10:0{minute}:00Z", "nilai": minute})])
        assert "cannot be reached" in office.once().stderr
    with ServedHub(kota, free_port):
        assert office.once().returncode == 0
    assert kota.history(entity_uri("RainGauge", "nago"), "rainfall") == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_when_agent_hub_and_line_are_cut(
    kota: Kota, office: Office, token: str, free_port: int, seed: int
) -> None:
    chance = random.Random(seed)
    count = 10_000
    office.write("http://127.0.0.1:1", {"halte": token}, agent_source())
    for version in range(1, VERSIONS + 1):
        office.write_csv([HEADER, *([n, f"{chance.random()} v{version}"] for n in range(1, count + 1))])
        office.once()
    assert waiting(office) == VERSIONS
    cut_off_until(lambda: taken_over(kota) >= VERSIONS, kota, office, chance, token=token, port=free_port)
    assert kota.count("BusStop") == count
    for number in range(1, count + 1, 1_997):
        found = kota.history(entity_uri("BusStop", str(number)), "name")
        assert [name.rpartition(" ")[2] for name in found] == [f"v{version}" for version in range(1, VERSIONS + 1)]


def test_rows_that_are_the_same_are_not_sent_again_and_the_source_stays_fresh(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        for _ in range(3):
            assert office.once().returncode == 0
    runs = kota.look(lambda hub: sources.list_runs(operator(TENANT), hub, "halte"))
    assert [(run.rows_read, run.rows_unchanged) for run in runs] == [(3, 3), (3, 3), (3, 0)]


def test_a_changed_mapping_is_applied_to_what_was_delivered_before(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        assert office.once().returncode == 0
    changed = agent_source()
    changed["entity"]["attributes"]["label"] = "nama"
    kota.declare(changed)
    assert kota.sync().error is None
    assert kota.values(entity_uri("BusStop", "1"))["label"] == "Halte 1 v1"


def test_a_delivery_that_has_changed_its_form_is_drift_and_the_next_one_is_taken(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        assert office.once().returncode == 0
        office.write_csv([["id", "nama_baru"], [1, "x"]])
        assert office.once().returncode == 0
        office.write_csv(rows(2))
        assert office.once().returncode == 0
    runs = kota.look(lambda hub: sources.list_runs(operator(TENANT), hub, "halte"))
    assert [run.error is None for run in runs] == [True, False, True]
    assert kota.values(entity_uri("BusStop", "1"))["name"] == "Halte 1 v2"


def test_the_hub_never_reads_such_a_source_itself(kota: Kota, token: str) -> None:
    kota.write_csv("halte.csv", rows(1))
    run = kota.sync()
    assert run.error is not None
    assert "has delivered nothing yet" in run.error


def post(hub: ServedHub, path: str, token: str, **more: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return httpx2.post(f"{hub.url}{path}", headers=headers, trust_env=False, **more)


def test_an_agents_token_delivers_its_source_and_does_nothing_else(kota: Kota, token: str, free_port: int) -> None:
    kota.declare(agent_source(), {**agent_source(), "source": "lain"}, {**csv_source(), "source": "sendiri"})
    with ServedHub(kota, free_port) as hub:
        entity = {"id": "urn:x:1", "type": "BusStop"}
        assert post(hub, "/ngsi-ld/v1/entities", token, json=entity).status_code == 401
        headers = {"authorization": f"Bearer {token}"}
        read = httpx2.get(f"{hub.url}/ngsi-ld/v1/entities?type=BusStop", headers=headers, trust_env=False)
        assert read.status_code == 401
        signed_in = httpx2.post(f"{hub.url}/sign-in", data={"token": token}, trust_env=False)
        assert "set-cookie" not in signed_in.headers
        for source_id in ("lain", "sendiri", "tidakada"):
            refused = post(hub, f"/deliveries/{source_id}", token, json={})
            assert (refused.status_code, refused.headers["simpul-deliveries"]) == (403, "1")


def test_what_is_no_delivery_is_refused_in_words(kota: Kota, token: str, free_port: int) -> None:
    with ServedHub(kota, free_port) as hub:
        assert post(hub, "/deliveries/halte", token, json={"queue": 1}).status_code == 400
        hello = {"protocol": 99, "queue": "a", "number": 0, "clock_us": 0, "told": {}}
        assert "older than its agent" in post(hub, "/deliveries/halte", token, json=hello).json()["detail"]
        pieces = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
        described = {"queue": "a", "number": "1", "offset": "0", "size": "9", "digest": "x"}
        for kind, status in (("news", 400), ("whole", 409)):
            sent = httpx2.post(
                f"{hub.url}/deliveries/halte", params={**described, "kind": kind}, content=b"x", headers=pieces,
                trust_env=False,
            )  # fmt: skip
            assert sent.status_code == status


@pytest.mark.slow
def test_a_token_that_is_wrong_or_revoked_or_another_kind_is_told(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    made, api = kota.with_hub(lambda hub: create_token(operator(TENANT), hub, "uji", ("administrator",), None))
    tokens = kota.look(lambda hub: hub.identities.list_tokens(TENANT))
    agent = next(one for one in tokens if one.kind == "agent")
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        for secret, words in (
            ("simpul_x", "not known here"),
            (api, "no agent's token"),
            ("", "no token for halte"),
            ("dua baris", "no token for halte"),
        ):
            office.write(hub.url, {"halte": secret}, agent_source())
            went = office.once()
            assert went.returncode == 1
            assert words in went.stderr.replace("\n", " ")
            assert "Traceback" not in went.stderr
            assert "dua baris" not in went.stderr
    kota.with_hub(lambda hub: revoke_token(operator(TENANT), hub, agent.id))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        assert "was revoked" in office.once().stderr
    assert waiting(office) >= 1
    assert made.kind == "token"


def test_a_source_that_the_city_does_not_have_is_told(kota: Kota, office: Office, token: str, free_port: int) -> None:
    (kota.folder / "sources" / "halte.yaml").unlink()
    kota.declare()
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        assert "has no source 'halte'" in office.once().stderr


@pytest.mark.slow
def test_another_agent_with_a_queue_of_its_own_is_refused_while_the_first_is_heard(
    kota: Kota, office: Office, token: str, free_port: int, tmp_path: Path
) -> None:
    office.write_csv(rows(1))
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        assert office.once().returncode == 0
        second = Office(tmp_path / "kantor2")
        shutil.copytree(office.folder, second.folder, ignore=shutil.ignore_patterns("antrean*"))
        second.write_csv(rows(2))
        assert "Another agent delivers this source" in second.once().stderr
    assert kota.values(entity_uri("BusStop", "1"))["name"] == "Halte 1 v1"


def test_what_answers_and_is_no_hub_that_takes_deliveries_is_told(office: Office) -> None:
    office.write_csv(rows(1))

    def answer(asked: Asked) -> Told:
        return Told({}, status=404)

    with run_service(answer) as service:
        office.write(service.url, {"halte": "x"}, agent_source())
        told = office.once().stderr
    # The service knows no POST at all, as a proxy without a hub behind it fails.
    assert "does not run just now (status 501)" in told


def test_a_certificate_that_nobody_vouches_for_is_not_believed(office: Office, tmp_path: Path) -> None:
    office.write_csv(rows(1))
    certificate = make_certificate(tmp_path, 2)
    with run_service(lambda asked: Told({}), certificate) as service:
        office.write(service.url, {"halte": "x"}, agent_source())
        assert "Nobody vouches for the certificate" in office.once().stderr
        office.write(service.url, {"halte": "x"}, agent_source(), certificate=str(certificate))
        assert "does not run just now" in office.once().stderr


@pytest.mark.parametrize(("changes", "words"), [
    ({"hub": "http://data.padang.go.id"}, "delivered over TLS"),
    ({"tokens": {"halte": "simpul_secret"}}, "a token must not stand here"),
    ({"tokens": {"hlt": "${env:T}"}}, "no file in sources/ declares 'hlt'"),
    ({"queue_mb": 3}, "has no key 'queue_mb'"),
])  # fmt: skip
def test_what_is_wrong_with_the_folder_is_told_before_anything_is_read(
    office: Office, changes: dict[str, Any], words: str
) -> None:
    office.write(
        "http://127.0.0.1:1", {"halte": "x"}, agent_source(), **{k: v for k, v in changes.items() if k[0] == "q"}
    )
    text = (office.folder / "agent.yaml").read_text()
    if "hub" in changes:
        text = text.replace("http://127.0.0.1:1", changes["hub"])
    if "tokens" in changes:
        text = "hub: http://127.0.0.1:1\ntokens:\n" + "".join(f"  {k}: {v}\n" for k, v in changes["tokens"].items())
    (office.folder / "agent.yaml").write_text(text)
    went = office.once("--check")
    assert went.returncode == 1
    assert words in went.stderr


def test_a_folder_is_checked_without_reading(office: Office) -> None:
    office.write("https://data.padang.go.id", {"halte": "x"}, agent_source())
    went = office.once("--check")
    assert went.returncode == 0
    assert "Nothing is wrong" in went.stdout


def test_a_full_queue_stops_reading_and_keeps_what_it_has(office: Office) -> None:
    chance = random.Random(3)
    source = source_declaration({**agent_source(), "entity": {"type": ["BusStop"]}}, "halte.yaml")
    queue = Queue(office.folder / "antrean.db", 40_000)
    try:
        surroundings = Surroundings(office.folder)
        taken = 0

        def fill() -> None:
            nonlocal taken
            while taken < 10:
                office.write_csv([HEADER, *([n, chance.random()] for n in range(500))])
                taken += read_into(queue, source, surroundings)

        with pytest.raises(StorageFull, match="nothing more is read"):
            fill()
        backlog = queue.backlog("halte")
        assert backlog.readings == taken >= 2
        assert backlog.size <= 40_000
        head = queue.head("halte")
        assert head is not None
        queue.drop("halte", head.number)
        assert read_into(queue, source, surroundings)
    finally:
        queue.close()


@pytest.mark.parametrize("after", ["move", "keep"])
def test_each_file_that_arrives_in_the_office_is_taken_once(office: Office, after: str) -> None:
    inbox = office.folder / "masuk"
    inbox.mkdir()
    read = {"folder": "masuk", "columns": ["id", "nama"], "quiet": 0, "after": after}
    plain = {**agent_source(), "kind": "files", "read": read, "entity": {"type": ["BusStop"]}}
    queue = Queue(office.folder / "antrean.db", 40_000)
    try:
        surroundings = Surroundings(office.folder)
        source = source_declaration(plain, "halte.yaml")
        taken = []
        for names in (["a.csv", "b.csv"], [], ["c.csv"]):
            for name in names:
                (inbox / name).write_text("id,nama\n1,x\n")
            taken.append((read_into(queue, source, surroundings), queue.backlog("halte").readings))
        assert taken == [(True, 2), (False, 2), (True, 3)]
    finally:
        queue.close()


def test_two_agents_do_not_share_a_queue(office: Office) -> None:
    office.write("http://127.0.0.1:1", {"halte": "x"}, agent_source())
    queue = Queue(office.folder / "antrean.db", 40_000)
    try:
        assert "Another agent uses the queue" in office.once().stderr
    finally:
        queue.close()
