"""What an agent sends of a source that has changed: only that, also when hub, agent and line are cut."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3

import pytest

from tests.connect.kota import TENANT, Kota, entity_uri
from tests.connect.office import Office, ServedHub, agent_source, cut_off_until
from tests.connect.test_agents import HEADER, office, taken_over, token, waiting

__all__ = ["office", "token"]

COUNT = 4_000
VERSIONS = 4


def stops(version: int) -> list[list[object]]:
    """Return the stops as they are in this version: in each one changes, one goes and one comes."""
    chance = random.Random(1)
    noise = [chance.random() for _ in range(COUNT + VERSIONS)]
    cells: list[list[object]] = [[number, f"Halte {noise[number]}"] for number in range(version, COUNT + version)]
    cells[100] = [cells[100][0], f"Halte v{version}"]
    return [HEADER, *cells]


def delivered(told: str) -> list[tuple[str, int]]:
    """Return the kind and the bytes of each delivery that an agent's log tells of."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    lines = [line for line in plain.splitlines() if "delivered" in line and "kind" in line]
    found = [(re.search(r'kind"?[=:]\s*"?(\w+)', line), re.search(r'bytes"?[=:]\s*"?(\d+)', line)) for line in lines]
    return [(kind[1], int(size[1])) for kind, size in found if kind is not None and size is not None]


def dict_of(version: int) -> dict[int, object]:
    return {int(str(row[0])): row[1] for row in stops(version)[1:]}


def check_all(kota: Kota, version: int) -> None:
    """Check that the city has what the office has in this version."""
    for number in (version + 99, version + 100, version + 101, COUNT + version - 1):
        assert kota.values(entity_uri("BusStop", str(number)))["name"] == dict_of(version)[number]


def test_only_what_changed_is_sent(kota: Kota, office: Office, token: str, free_port: int) -> None:
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        sent = []
        for version in range(3):
            office.write_csv(stops(version))
            went = office.once()
            assert (went.returncode, waiting(office)) == (0, 0), went.stderr
            sent += delivered(went.stdout)
    assert [kind for kind, _ in sent] == ["whole", "changes", "changes"], went.stderr
    assert sent[1][1] * 20 < sent[0][1]
    check_all(kota, 2)
    assert kota.history(entity_uri("BusStop", "101"), "name")[1:] == ["Halte v1", f"{dict_of(2)[101]}"]


def test_what_was_read_while_the_line_was_down_is_delivered_as_changes_in_order(
    kota: Kota, office: Office, token: str, free_port: int
) -> None:
    office.write(f"http://127.0.0.1:{free_port}", {"halte": token}, agent_source())
    for version in range(VERSIONS):
        office.write_csv(stops(version))
        assert office.once().returncode == 1
    assert waiting(office) == VERSIONS
    with ServedHub(kota, free_port):
        went = office.once()
        assert went.returncode == 0, went.stderr
    assert [kind for kind, _ in delivered(went.stdout)] == ["whole", *["changes"] * (VERSIONS - 1), "same"]
    check_all(kota, VERSIONS - 1)
    assert kota.history(entity_uri("BusStop", "101"), "name") == [dict_of(version)[101] for version in (0, 1, 2)]


@pytest.mark.parametrize("what", ["gone", "damaged", "other"])
def test_a_hub_that_does_not_have_what_was_before_gets_all(
    kota: Kota, office: Office, token: str, free_port: int, what: str
) -> None:
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        office.write_csv(stops(0))
        assert office.once().returncode == 0
        folder = kota.folder / "data" / "delivered" / TENANT / "halte"
        (rows,) = folder.glob("*.rows")
        if what == "gone":
            shutil.rmtree(folder)
        elif what == "damaged":
            rows.write_bytes(rows.read_bytes()[:-2_000])
        else:
            rows.write_bytes(b"\x1f\x8b")
        office.write_csv(stops(1))
        went = office.once()
        assert (went.returncode, waiting(office)) == (0, 0), went.stderr
        assert [kind for kind, _ in delivered(went.stdout)] == ["whole"]
        office.write_csv(stops(2))
        went = office.once()
        assert [kind for kind, _ in delivered(went.stdout)] == ["changes"]
    check_all(kota, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_when_changes_are_cut_off(
    kota: Kota, office: Office, token: str, free_port: int, seed: int
) -> None:
    chance = random.Random(seed)
    office.write("http://127.0.0.1:1", {"halte": token}, agent_source())
    for version in range(VERSIONS):
        office.write_csv(stops(version))
        office.once()
    cut_off_until(lambda: taken_over(kota) >= VERSIONS, kota, office, chance, token=token, port=free_port)
    check_all(kota, VERSIONS - 1)
    assert kota.count("BusStop") == COUNT + VERSIONS - 1
    assert kota.history(entity_uri("BusStop", "101"), "name") == [dict_of(version)[101] for version in (0, 1, 2)]


def test_a_queue_of_an_older_agent_is_taken_on(kota: Kota, office: Office, token: str, free_port: int) -> None:
    with ServedHub(kota, free_port) as hub:
        office.write(hub.url, {"halte": token}, agent_source())
        office.write_csv(stops(0))
        assert office.once().returncode == 0
        connection = sqlite3.connect(office.folder / "antrean.db")
        connection.executescript("DROP TABLE change; DROP TABLE block;")
        connection.close()
        sent = []
        for version in (1, 2):
            office.write_csv(stops(version))
            sent += delivered(office.once().stdout)
    assert [kind for kind, _ in sent] == ["whole", "changes"]
    check_all(kota, 2)
