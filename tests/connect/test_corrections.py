"""Rows kept aside are put right in place, tried again without the source, and the trail of it stays."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simpul.app import corrections
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.cli import main
from simpul.domain.access import Caller
from simpul.domain.errors import BadRequestData, Forbidden, NotFound, Unauthenticated
from simpul.ports.engine import Replayed
from simpul.ports.quality import Correction
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

ROWS: list[list[object]] = [
    ["id", "nama", "kondisi"],
    [1, "Pasar Raya", "Baik"],
    [2, "Bandar Buat", "Biak"],
    [3, "Pauh", "Baik"],
]
RULES = [{"rule": "one_of", "column": "kondisi", "values": ["Baik", "Rusak"]}]


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", ROWS)
    entity = {
        "type": "BusStop",
        "id": entity_uri("BusStop", "{id}"),
        "attributes": {"name": "nama", "state": "kondisi"},
    }
    kota.declare(csv_source(entity=entity, rules=RULES))
    kota.sync()
    return kota


def fix(city: Kota, key: str, **cells: str) -> list[Correction]:
    return city.with_hub(
        lambda hub: corrections.correct_row(operator(TENANT), hub, "halte", key, cells, reason="typed wrong")
    )


def replay(city: Kota) -> Replayed:
    return city.with_hub(lambda hub: corrections.replay(operator(TENANT), hub, "halte"))


def trail(city: Kota) -> list[Correction]:
    return city.look(lambda hub: corrections.list_corrections(operator(TENANT), hub, "halte"))


def test_a_row_that_is_put_right_is_taken_over_though_the_source_is_away(city: Kota) -> None:
    (city.folder / "halte.csv").unlink()
    fix(city, "2", kondisi="Baik")
    assert replay(city) == Replayed(1, 1, 0)
    assert city.values(entity_uri("BusStop", "2"))["state"] == "Baik"
    assert city.rejects() == []


def test_the_source_read_again_does_not_undo_what_was_put_right(city: Kota) -> None:
    fix(city, "2", kondisi="Baik")
    replay(city)
    run = city.sync()
    assert (run.rows_written, run.rows_unchanged, run.rows_rejected) == (0, 3, 0)
    assert city.values(entity_uri("BusStop", "2"))["state"] == "Baik"


def test_a_correction_works_in_the_next_run_without_a_replay(city: Kota) -> None:
    fix(city, "2", kondisi="Baik")
    assert (city.sync().rows_rejected, city.rejects()) == (0, [])


def test_what_the_source_says_anew_counts_more_than_an_old_correction(city: Kota) -> None:
    fix(city, "2", kondisi="Baik")
    city.write_csv("halte.csv", [*ROWS[:2], [2, "Bandar Buat", "Rusak"]])
    city.sync()
    assert city.values(entity_uri("BusStop", "2"))["state"] == "Rusak"


def test_the_trail_says_who_put_right_what_and_why(city: Kota) -> None:
    fix(city, "2", kondisi="Rusak")
    fix(city, "2", kondisi="Baik")
    newest, oldest = trail(city)
    assert (newest.before, newest.after, newest.by, newest.reason) == ("Biak", "Baik", "operator", "typed wrong")
    assert (oldest.after, oldest.undone_by) == ("Rusak", "operator")
    assert newest.undone_us is None


def test_a_correction_that_is_taken_back_stays_in_the_trail(city: Kota) -> None:
    made = fix(city, "2", kondisi="Baik")
    number = trail(city)[0].id
    city.sync()
    city.with_hub(lambda hub: corrections.undo_correction(operator(TENANT), hub, "halte", number))
    assert city.sync().rows_rejected == 1
    assert [(one.id, one.undone_by) for one in trail(city)] == [(number, "operator")]
    assert len(made) == 1
    with pytest.raises(NotFound):
        city.with_hub(lambda hub: corrections.undo_correction(operator(TENANT), hub, "halte", number))


def test_a_copy_with_a_wrong_key_becomes_the_row_that_it_should_have_been(city: Kota) -> None:
    city.write_csv("halte.csv", [*ROWS[:2], [1, "Air Tawar", "Baik"], [1, "Lubuk Buaya", "Baik"]])
    city.sync()
    assert [one.key for one in city.rejects()] == ["1 (2)", "1 (3)"]
    fix(city, "1 (2)", id="4")
    assert replay(city) == Replayed(2, 1, 1)
    assert city.values(entity_uri("BusStop", "4"))["name"] == "Air Tawar"
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Pasar Raya"
    run = city.sync()
    assert (run.rows_written, run.rows_rejected) == (0, 1)
    assert [one.key for one in city.rejects()] == ["1 (3)"]
    assert city.values(entity_uri("BusStop", "4"))["name"] == "Air Tawar"


def test_a_row_without_a_key_gets_one(city: Kota) -> None:
    city.write_csv("halte.csv", [*ROWS[:2], ["", "Air Tawar", "Baik"]])
    city.sync()
    (reject,) = city.rejects()
    fix(city, reject.key, id="9")
    assert replay(city).taken_over == 1
    assert city.values(entity_uri("BusStop", "9"))["name"] == "Air Tawar"
    assert (city.sync().rows_rejected, city.rejects()) == (0, [])


def test_a_row_put_right_to_a_key_that_is_taken_stays_aside(city: Kota) -> None:
    fix(city, "2", id="1", kondisi="Baik")
    assert replay(city) == Replayed(1, 0, 1)
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Pasar Raya"
    assert "was there before" in city.rejects()[0].reason


def test_a_row_that_is_still_wrong_says_what_is_wrong_now(city: Kota) -> None:
    fix(city, "2", kondisi="Bagus")
    assert replay(city) == Replayed(1, 0, 1)
    assert "'Bagus' is none of" in city.rejects()[0].reason


def test_what_is_no_row_or_no_column_is_refused(city: Kota) -> None:
    with pytest.raises(NotFound):
        fix(city, "77", kondisi="Baik")
    with pytest.raises(BadRequestData, match="Its columns: id, nama, kondisi"):
        fix(city, "2", warna="Baik")


def test_only_those_who_keep_the_sources_put_rows_right(city: Kota) -> None:
    reader = Caller(TENANT, "token/1", frozenset({"reader"}), None)

    async def work(hub: Hub) -> None:
        for caller in (reader, anonymous(hub, TENANT)):
            with pytest.raises((Forbidden, Unauthenticated)):
                await corrections.correct_row(caller, hub, "halte", "2", {"kondisi": "Baik"})
            with pytest.raises((Forbidden, Unauthenticated)):
                await corrections.replay(caller, hub, "halte")
            with pytest.raises((Forbidden, Unauthenticated)):
                corrections.list_corrections(caller, hub, "halte")
            with pytest.raises((Forbidden, Unauthenticated)):
                await corrections.undo_correction(caller, hub, "halte", 1)

    city.with_hub(work)
    assert trail(city) == []


def run_command(city: Kota, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["source", *arguments, "--folder", str(city.folder)])
    assert result.exit_code == 0, result.output
    return result.output


def test_rows_are_put_right_in_a_spreadsheet_and_read_back(city: Kota, tmp_path: Path) -> None:
    city.write_csv("halte.csv", [*ROWS[:2], [2, "=1+1", "Biak"], [3, "Pauh", "Baik"]])
    city.sync()
    file = tmp_path / "rejects.csv"
    run_command(city, "rejects", "halte", "--csv", str(file))
    with file.open(newline="", encoding="utf-8-sig") as opened:
        rows: list[dict[str, Any]] = list(csv.DictReader(opened))
    assert rows[0]["nama"] == "'=1+1", "a spreadsheet must not run it"
    rows[0]["kondisi"] = "Baik"
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert "1 cell put right. 1 row taken over, 0 still kept aside." in run_command(
        city, "fix", "halte", "--file", str(file), "--reason", "checked on site"
    )
    assert city.values(entity_uri("BusStop", "2"))["name"] == "=1+1"
    assert "'Biak' → 'Baik'  (operator): checked on site" in run_command(city, "fixes", "halte")


def test_commands_fix_replay_and_undo(city: Kota) -> None:
    assert "1 row taken over" in run_command(city, "fix", "halte", "2", "kondisi=Baik")
    assert "0 rows tried again" in run_command(city, "replay", "halte")
    assert "undone" in run_command(city, "undo", "halte", str(trail(city)[0].id))
