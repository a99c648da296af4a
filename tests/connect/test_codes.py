"""Reference codes: lists with their history, names that become codes, and what people decide on names."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner

from simpul.app import codes, corrections
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.cli import main
from simpul.connect.code_lists import open_code_list
from simpul.connect.gathering import list_opener
from simpul.domain.city import City
from simpul.domain.code_list import Code, CodeList, Decision
from simpul.domain.errors import NotFound, SourceMisconfigured, Unauthenticated
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

BARE = City("kota", {"id": "Kota", "en": "City"})
TODAY = "2026-01-01"


@pytest.mark.parametrize(("name", "within", "code", "how"), [
    ("ASTANA ANYAR", "32.73", "32.73.10", "name"),
    ("Kec. Astanaanyar", "32.73", "32.73.10", "name"),
    ("MEKARMULYA", "32.73.23", "32.73.23.1004", "old"),
    ("Lubuk Kalangan", "13.71", "13.71.07", "like"),
    ("Kota Padang", "13", "13.71", "name"),
    ("PADANG PARIAMAN", "13", "13.05", "name"),
    ("Padang", "13.71", None, "unsure"),
])  # fmt: skip
def test_a_name_finds_its_region_however_it_is_written(name: str, within: str, code: str | None, how: str) -> None:
    match = open_code_list(BARE, "kemendagri", within).match(name, within, TODAY)
    assert (match.code, match.how) == (code, how)


def test_a_code_that_a_decree_took_away_holds_until_that_day() -> None:
    regions = open_code_list(BARE, "kemendagri", "91")
    gone = regions.find("91.01")
    assert gone is not None
    assert (gone.name, gone.until) == ("KAB. MERAUKE", "2022-11-09")
    assert gone.holds_on("2022-11-08")
    assert not gone.holds_on("2022-11-09")
    new = open_code_list(BARE, "kemendagri", "93").find("93.01")
    assert new is not None
    assert (new.name, new.since, new.until) == ("Kabupaten Merauke", "2022-11-09", None)


def test_the_two_offices_codes_lead_to_each_other() -> None:
    regions = open_code_list(BARE, "kemendagri", "13")
    bungus = regions.bridged("bps", "1371010")
    assert bungus is not None
    assert bungus.code == "13.71.05"
    statistics = open_code_list(BARE, "bps", "1371").find("1371010")
    assert statistics is not None
    assert (statistics.parent, statistics.bridge) == ("1371", {"kemendagri": "13.71.05"})


def test_the_list_has_as_many_regions_as_the_decree() -> None:
    regions = [code for code in open_code_list(BARE, "kemendagri").by_code.values() if code.until is None]
    depths = [sum(code.code.count(".") == depth for code in regions) for depth in range(4)]
    assert depths == [38, 514, 7_285, 83_762]


def test_what_is_nearly_as_near_to_another_name_is_not_sure() -> None:
    listed = CodeList("l", [Code("1", "Sungai Sapih"), Code("2", "Sungai Sapik")])
    match = listed.match("Sungai Sapi", "", TODAY)
    assert (match.code, match.how) == (None, "unsure")
    assert [near.code for near in match.near] == ["1", "2"]


def test_two_of_the_same_name_are_never_guessed() -> None:
    listed = CodeList("l", [Code("1", "Koto"), Code("2", "KOTO")])
    assert listed.match("koto", "", TODAY).code is None


def test_what_was_decided_counts_more_than_any_likeness() -> None:
    decided = Decision("l", "", "Pasa Ambacang", "2", "operator", 0)
    listed = CodeList("l", [Code("1", "Pasar Ambacang"), Code("2", "Lain")], [decided])
    assert listed.match("PASA AMBACANG", "", TODAY)[:3] == ("2", 100.0, "decided")


ACCOUNTS = {
    "codelist": "akun",
    "title": "Akun",
    "path": "akun.csv",
    "code": "kode",
    "name": "uraian",
    "hierarchy": "dotted",
    "valid_to": "dicabut",
    "bridge": {"simda": "lama"},
    "aliases": {"ATK": "5.1.02"},
}
ACCOUNT_ROWS: list[list[object]] = [
    ["kode", "uraian", "dicabut", "lama"],
    ["5", "BELANJA", "", ""],
    ["5.1", "Belanja Operasi", "", "5.2"],
    ["5.1.02", "Belanja Alat Tulis", "", "5.2.2"],
    ["5.1.03", "Belanja Cetak", "2020-01-01", ""],
]


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("akun.csv", ACCOUNT_ROWS)
    kota.write("codelists/akun.yaml", ACCOUNTS)
    return kota


def source(**changes: Any) -> dict[str, Any]:
    entity = {
        "type": "Line",
        "id": entity_uri("Line", "{id}"),
        "attributes": {"code": {"column": "kode", "text": True}},
    }
    return csv_source(**{"entity": entity, **changes})


def test_codes_of_a_citys_own_list_are_checked_with_their_history(city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "kode"], [1, "5.1.02"], [2, "5.1.03"], [3, "5.2.2"], [4, "5.1.2"]])
    city.declare(source(rules=[{"rule": "code", "column": "kode", "list": "akun"}]))
    city.sync()
    assert {reject.key: reject.reason for reject in city.rejects()} == {
        "2": "kode: '5.1.03' (Belanja Cetak) is a code of akun from long ago to 2020-01-01",
        "3": "kode: '5.2.2' is no code of akun; it is simda's code of Belanja Alat Tulis, here 5.1.02",
        "4": "kode: '5.1.2' is no code of akun; did you mean '5.1.02'?",
    }


def test_names_become_codes_and_what_is_not_sure_waits_for_a_person(city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "nama"], [1, "BELANJA ALAT-TULIS"], [2, "Beli alat"], [3, "Beli alat"]])
    column = {"column": "kode", "list": "akun", "within": "5.1", "names": "nama"}
    city.declare(source(codes=[column]))
    assert city.sync().rows_rejected == 2
    assert city.values(entity_uri("Line", "1"))["code"] == "5.1.02"
    (question,) = city.look(lambda hub: codes.list_questions(operator(TENANT), hub))
    assert (question.name, question.parent, question.rows, question.source) == ("Beli alat", "5.1", 2, "halte")
    assert question.near[0].code == "5.1.02"

    async def decide(hub: Hub) -> None:
        open_list = partial(list_opener(hub, hub.city(TENANT)), "akun", "5.1")
        caller = operator(TENANT)
        with pytest.raises(NotFound):
            await codes.decide_name(caller, hub, open_list, name="Beli alat", parent="5.1", code="9.9")
        await codes.decide_name(caller, hub, open_list, name="Beli alat", parent="5.1", code="5.1.02")
        assert (await corrections.replay(caller, hub, "halte")).taken_over == 2

    city.with_hub(decide)
    assert city.values(entity_uri("Line", "3"))["code"] == "5.1.02"
    assert city.look(lambda hub: codes.list_questions(operator(TENANT), hub)) == []
    run = city.sync()
    assert (run.rows_rejected, run.rows_written) == (0, 0)


def test_a_code_that_is_not_sure_can_be_left_out(city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "nama"], [1, "Beli alat"], [2, ""]])
    city.declare(source(codes=[{"column": "kode", "list": "akun", "names": "nama", "otherwise": "unknown"}]))
    assert (city.sync().rows_rejected, city.count("Line")) == (0, 2)


def test_rows_are_looked_at_anew_when_their_list_has_changed(city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "kode"], [1, "5.1.09"]])
    city.declare(source(rules=[{"rule": "code", "column": "kode", "list": "akun"}]))
    assert city.sync().rows_rejected == 1
    city.write_csv("akun.csv", [*ACCOUNT_ROWS, ["5.1.09", "Belanja Baru", "", ""]])
    assert (city.sync().rows_rejected, city.rejects()) == (0, [])


def test_a_list_that_cannot_be_read_says_why(city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "kode"], [1, "5"]])
    city.declare(source(rules=[{"rule": "code", "column": "kode", "list": "akun"}]))
    city.write_csv("akun.csv", [["kod", "uraian"], ["5", "x"]])
    assert "has no column 'kode'; did you mean 'kod'?" in (city.sync().error or "")
    (city.folder / "akun.csv").unlink()
    assert "cannot be read" in (city.sync().error or "")
    with pytest.raises(SourceMisconfigured, match="There is no code list"):
        open_code_list(BARE, "tiada")


def test_strangers_decide_nothing_and_see_no_names(city: Kota) -> None:
    async def work(hub: Hub) -> None:
        stranger = anonymous(hub, TENANT)
        with pytest.raises(Unauthenticated):
            codes.list_questions(stranger, hub)
        with pytest.raises(Unauthenticated):
            codes.list_decisions(stranger, hub)
        with pytest.raises(Unauthenticated):
            await codes.decide_name(stranger, hub, lambda: CodeList("l", []), name="a", parent="", code=None)

    city.with_hub(work)


def test_the_commands_find_ask_and_decide(city: Kota) -> None:
    def told(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["codes", *arguments, "--folder", str(city.folder)])
        assert result.exit_code == 0, result.output
        return result.output

    city.write_csv("halte.csv", [["id", "nama"], [1, "Beli alat"]])
    city.declare(source(codes=[{"column": "kode", "list": "akun", "within": "5.1", "names": "nama"}]))
    city.sync()
    assert "32.73.10  Astanaanyar  bps 3273050" in told("find", "kemendagri", "ASTANA ANYAR", "--within", "32.73")
    assert "13.71.05" in told("find", "kemendagri", "1371010")
    assert "No code is sure. The nearest:" in told("find", "kemendagri", "Padang", "--within", "13.71")
    assert "akun 5.1 'Beli alat' (halte, 1 row): 5.1.02 Belanja Alat Tulis" in told("questions")
    assert "'Beli alat' means no code" in told("decide", "akun", "Beli alat", "--within", "5.1", "--none")
    assert "No name waits" in told("questions")
    assert "akun 5.1 'Beli alat' → no code (operator)" in told("decisions")
