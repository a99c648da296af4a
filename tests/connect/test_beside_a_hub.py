"""Every command about a city works beside a hub that serves it, and tells the same as without one."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simpul import cli, limits, operator_socket
from simpul.cli import main
from simpul.cli.reaching import quietly
from simpul.domain.errors import BadRequestData, NotFound, SourceMisconfigured, TooManyResults
from simpul.settings import Settings
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri
from tests.connect.office import ServedHub

STOP = entity_uri("BusStop", "1")
ROWS: list[list[object]] = [
    ["id", "nama", "kondisi"],
    [1, "Pasar Raya", "Baik"],
    [2, "Bandar Buat", "Biak"],
    [3, "Pauh", "Bak"],
    [4, "Lubuk Buaya", "Bik"],
    [5, "Terminal", "-"],
]
RULES = [{"rule": "one_of", "column": "kondisi", "values": ["Baik", "Rusak"]}]
ATTRIBUTES = {"name": "nama", "state": "kondisi"}
DECISIVE = {
    "source": "kecamatan",
    "read": {"path": "kecamatan.csv"},
    "entity": {"type": "District", "id": entity_uri("District", "{id}"), "attributes": {"name": "nama"}},
    "codes": [{"column": "kode", "list": "kemendagri", "within": "13.71", "names": "nama"}],
}
# What differs between two cities that are alike: moments, and the folder.
_DIFFERING = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?|\b\d+\.\d s\b|\"at_us\":\d+")


@dataclass(frozen=True)
class Cities:
    """Two cities that are alike; a hub serves the first."""

    served: Kota
    alone: Kota

    def tell(self, *arguments: str, fails: bool = False) -> str:
        """Call a command on both and return what it tells, which is the same."""
        told = [self._call(city, *arguments, fails=fails) for city in (self.served, self.alone)]
        assert told[0] == told[1]
        return told[0]

    def _call(self, city: Kota, *arguments: str, fails: bool) -> str:
        result = CliRunner().invoke(main, [*arguments, "--folder", str(city.folder)])
        assert (result.exit_code != 0) == fails, result.output
        return _DIFFERING.sub("<when>", result.output.replace(str(city.folder), "<folder>"))


def make_city(folder: Path) -> Kota:
    city = Kota(folder)
    city.write_city()
    city.write_csv("halte.csv", ROWS)
    city.write_csv("kecamatan.csv", [["id", "nama"], [1, "Bungus"], [2, "Lubuk Padang"], [3, "Pauh Baru"]])
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": ATTRIBUTES}
    city.declare(csv_source(entity=entity, rules=RULES, keep_raw=2), csv_source(**DECISIVE))
    city.sync("halte")
    city.sync("kecamatan")
    return city


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cities]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    made = [make_city(tmp_path_factory.mktemp(name)) for name in ("served", "alone")]
    with ServedHub(made[0], port) as hub:
        yield Cities(*made)
        assert hub.stop() == 0


def test_quality_is_told(cities: Cities) -> None:
    assert "one_of (kondisi): 4 of 5, kept aside" in cities.tell("quality", "halte")
    assert '"completeness":' in cities.tell("quality", "halte", "--json")
    assert "uniqueness" in cities.tell("quality", "halte", "--history")
    assert "no quality report of run 99" in cities.tell("quality", "halte", "--run", "99", fails=True)
    assert "no source 'haltee'" in cities.tell("quality", "haltee", fails=True)


def test_lineage_is_told(cities: Cities) -> None:
    told = cities.tell("lineage", STOP)
    assert "name: halte, run 1, <when>" in told
    assert "    row 1\n    sources/halte.yaml:" in told
    assert '"source":"halte"' in cities.tell("lineage", STOP, "state", "--json")
    assert "has no attribute 'warna'" in cities.tell("lineage", STOP, "warna", fails=True)
    cities.tell("lineage", entity_uri("BusStop", "99"), fails=True)


def test_codes_are_found(cities: Cities) -> None:
    assert cities.tell("codes", "find", "kemendagri", "13.71.07").startswith("13.71.07  Lubuk Kilangan")
    assert "13.71.05" in cities.tell("codes", "find", "kemendagri", "1371010")
    within = ("--within", "13.71")
    assert "[like, " in cities.tell("codes", "find", "kemendagri", "Lubuk Kalangan", *within)
    assert cities.tell("codes", "find", "kemendagri", "Padang", *within).startswith("No code is sure. The nearest:\n")
    assert "There is no code list 'tiada'" in cities.tell("codes", "find", "tiada", "x", fails=True)


def test_names_that_wait_are_decided_on(cities: Cities) -> None:
    within = ("--within", "13.71")
    assert "'Lubuk Padang' (kecamatan, 1 row)" in cities.tell("codes", "questions")
    assert "means 13.71.07" in cities.tell("codes", "decide", "kemendagri", "Lubuk Padang", "13.71.07", *within)
    assert "means no code" in cities.tell("codes", "decide", "kemendagri", "Pauh Baru", "--none", *within)
    told = cities.tell("codes", "decisions")
    assert "'Lubuk Padang' → 13.71.07 (operator)" in told
    assert "'Pauh Baru' → no code (operator)" in told
    assert "has no code '99'" in cities.tell("codes", "decide", "kemendagri", "Pauh Baru", "99", *within, fails=True)


def test_a_row_is_put_right_taken_over_and_its_trail_told(cities: Cities) -> None:
    fixed = cities.tell("source", "fix", "halte", "2", "kondisi=Baik", "--reason", "typed wrong")
    assert fixed == "1 cell put right. 1 row taken over, 0 still kept aside.\n"
    trail = cities.tell("source", "fixes", "halte")
    assert "1  2  kondisi: 'Biak' → 'Baik'  (operator): typed wrong" in trail
    assert "kondisi was put right: Biak → Baik (operator)" in cities.tell(
        "lineage", entity_uri("BusStop", "2"), "state"
    )
    assert cities.tell("source", "undo", "halte", "1").startswith("Fix 1 is undone.")
    assert "(operator, undone by operator)" in cities.tell("source", "fixes", "halte")
    assert "has no correction 1 in force" in cities.tell("source", "undo", "halte", "1", fails=True)


def test_what_cannot_be_put_right_is_told_row_by_row(cities: Cities) -> None:
    told = cities.tell("source", "fix", "halte", "99", "kondisi=Baik")
    assert told.startswith("99: No row '99' of halte is kept aside. List those that are with: simpul source rejects\n")
    assert told.endswith("\n0 cells put right. 0 rows taken over, 0 still kept aside.\n")
    assert "has no column 'warna'" in cities.tell("source", "fix", "halte", "4", "warna=biru")


def test_a_file_of_rows_is_put_right(cities: Cities, tmp_path: Path) -> None:
    file = tmp_path / "aside.csv"
    cities.tell("source", "rejects", "halte", "--csv", str(file))
    file.write_text(file.read_text(encoding="utf-8-sig").replace(",Bak\n", ",Rusak\n"), encoding="utf-8")
    told = cities.tell("source", "fix", "halte", "--file", str(file))
    assert told == "1 cell put right. 1 row taken over, 0 still kept aside.\n"


def test_rows_kept_aside_are_tried_again(cities: Cities) -> None:
    assert re.search(r"\d rows? tried again: 0 rows taken over", cities.tell("source", "replay", "halte"))
    assert "5 rows of run 1 taken over again" in cities.tell("source", "replay", "halte", "--run", "1")
    assert "Runs whose rows are kept" in cities.tell("source", "replay", "halte", "--run", "99", fails=True)


def test_a_new_source_is_looked_at_and_tried(cities: Cities) -> None:
    for city in (cities.served, cities.alone):
        city.write_csv("puskesmas.csv", [["id", "nama"], *([number, f"Puskesmas {number}"] for number in range(1, 30))])
    told = cities.tell("source", "new", "puskesmas.csv")
    assert "  of 29 rows, 29 would go in and 0 be kept aside" in told
    assert "not tried" not in told


def test_a_new_source_is_tried_with_secrets_that_the_hubs_environment_has_not(cities: Cities) -> None:
    city = cities.served
    with closing(sqlite3.connect(city.folder / "halte.db")) as database:
        database.executescript("CREATE TABLE halte (id, nama); INSERT INTO halte VALUES (1, 'Satu'), (2, 'Dua');")
    read = {"url": "${env:DB_HALTE}", "table": "halte"}
    city.write("sources/basis.yaml", csv_source(source="basis", kind="sql", read=read))
    asked: dict[str, Any] = {"folder": str(city.folder), "source": "basis", "rows": 10, "sample": None}
    secrets = {"DB_HALTE": f"sqlite:///{city.folder}/halte.db"}
    assert ask(city, "try_source", **asked, secrets=secrets) == [2, 2, []]
    with pytest.raises(SourceMisconfigured, match="DB_HALTE is not set"):
        ask(city, "try_source", **asked, secrets={})
    with pytest.raises(NotFound, match="no source 'hilang'"):
        ask(city, "try_source", **{**asked, "source": "hilang"}, secrets={})
    (city.folder / "sources/basis.yaml").unlink()


def test_rows_of_what_cannot_be_read_twice_are_tried_as_they_are(cities: Cities) -> None:
    rows = [["7", "Tujuh"], ["8", "Delapan"]]
    asked = {"folder": str(cities.served.folder), "source": "halte", "rows": 10, "secrets": {}}
    sample = [["id", "nama", "kondisi"], [[*row, "Baik"] for row in rows], True]
    assert ask(cities.served, "try_source", **asked, sample=sample) == [2, 2, []]


def ask(city: Kota, command: str, **given: Any) -> Any:
    data = Settings(folder=city.folder).data_directory
    return asyncio.run(operator_socket.ask(data, command, {"tenant": TENANT, **given}, quietly))


def test_what_is_too_long_for_the_socket_is_told_and_the_hub_goes_on(
    cities: Cities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OPERATOR_LINE_BYTES_MAX", 100)
    with pytest.raises(BadRequestData, match="at most 100 go to and from a hub"):
        ask(cities.served, "list_corrections", source="x" * 100)
    with pytest.raises(TooManyResults, match="Ask for less at once, or stop the hub"):
        raise operator_socket._result_of(operator_socket._decode(operator_socket._answer_line({"result": "x" * 200})))
    monkeypatch.undo()
    assert cities.tell("source", "fixes", "kecamatan") == ""


def test_whoever_sends_an_endless_line_ends_nothing(cities: Cities) -> None:
    path = str(operator_socket.socket_path(Settings(folder=cities.served.folder).data_directory))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sender:
        sender.connect(path)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            sender.sendall(b"x" * (limits.OPERATOR_LINE_BYTES_MAX * 3))
    assert cities.tell("source", "fixes", "kecamatan") == ""


def test_no_command_opens_a_city_but_through_what_reaches_it() -> None:
    commands = Path(cli.__file__).parent.glob("*.py")
    opening = {path.stem for path in commands if "open_hub" in path.read_text(encoding="utf-8")}
    assert opening == {"reaching", "demo", "serve"}, "those two serve it"
