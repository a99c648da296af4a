"""`simpul check`, `plan`, `apply`, `sync` and `source`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simpul.cli import main
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri


@pytest.fixture
def city(kota: Kota, monkeypatch: pytest.MonkeyPatch) -> Kota:
    monkeypatch.setenv("SIMPUL_FOLDER", str(kota.folder))
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"], [2, ""], [3, "Terminal"]])
    kota.write("sources/halte.yaml", csv_source(rules=[{"rule": "required", "column": "nama"}]))
    return kota


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_right_folder_is_told_so(city: Kota) -> None:
    result = call("check")
    assert (result.exit_code, result.output) == (
        0,
        f"{city.folder}: Test City with 1 agency, 1 source, 0 answers. Nothing is wrong.\n",
    )


def test_a_wrong_folder_is_told_line_by_line(city: Kota) -> None:
    city.write("sources/halte.yaml", csv_source(agency="dishubb"))
    result = call("check", str(city.folder))
    assert result.exit_code == 1
    assert f"{city.folder}/sources/halte.yaml:2:9: there is no agency 'dishubb'" in result.output
    assert "1 problem in" in result.output


def test_schemas_are_written_for_editors(city: Kota, tmp_path: Path) -> None:
    assert call("check", "--schema", str(tmp_path / "schema")).exit_code == 0
    schema = json.loads((tmp_path / "schema" / "source.schema.json").read_text())
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_a_folder_that_is_given_as_a_source_is_told_how_to_be_given(city: Kota) -> None:
    result = call("sync", str(city.folder))
    assert result.exit_code == 1
    assert f"Write: simpul sync --folder {city.folder}" in result.output


def test_a_plan_changes_nothing(city: Kota) -> None:
    result = call("plan", "--rows", "10")
    assert result.exit_code == 0
    assert "+ source halte" in result.output
    assert "halte: columns id, nama" in result.output
    assert "of 3 rows, 2 would go in and 1 be kept aside" in result.output
    assert "2: nama is empty [required]" in result.output
    assert '"value": "Pasar Raya"' in result.output
    assert city.count("BusStop") == 0
    assert city.look(lambda hub: hub.declarations.get_declarations(TENANT)) == {}


def test_a_city_is_applied_and_its_sources_read(city: Kota) -> None:
    assert "+ agency dishub" in call("apply").output
    assert call("apply").output == "Nothing to change.\n"
    result = call("sync")
    assert result.exit_code == 0
    assert "✓ halte: 3 rows" in result.output
    assert "2 changed, 0 as before, 1 kept aside" in result.output
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Pasar Raya"
    city.write("sources/halte.yaml", csv_source())
    assert call("plan").output == "~ source halte (rules)\n"


def test_a_source_that_fails_does_not_stop_the_others(city: Kota) -> None:
    city.write("sources/hilang.yaml", csv_source(source="hilang", read={"path": "tidak-ada.csv"}))
    call("apply")
    result = call("sync")
    assert result.exit_code == 1
    assert "✗ hilang: There is no file" in result.output
    assert "✓ halte: 3 rows" in result.output
    assert "could not be read: hilang" in result.output


def test_sources_and_what_they_rejected_are_listed(city: Kota) -> None:
    call("apply")
    call("sync", "halte")
    assert "halte" in call("source", "list").output
    assert "ok" in call("source", "runs", "halte").output
    rejects = call("source", "rejects", "halte").output
    assert "2: nama is empty [required]" in rejects
    assert '{"id": "2", "nama": ""}' in rejects
    assert "1 row kept aside" in rejects
    (line,) = call("source", "rejects", "halte", "--json").output.splitlines()
    assert json.loads(line)["raw"] == {"id": "2", "nama": ""}


@pytest.mark.parametrize(
    "arguments", [("sync", "haltee"), ("source", "rejects", "haltee"), ("source", "runs", "haltee")]
)
def test_an_unknown_source_is_told_with_those_there_are(city: Kota, arguments: tuple[str, ...]) -> None:
    call("apply")
    result = call(*arguments)
    assert result.exit_code == 1
    assert "The city has no source 'haltee'. Its sources: halte." in result.output


def test_a_city_without_sources_in_force_is_told_what_to_do(city: Kota) -> None:
    result = call("sync")
    assert result.exit_code == 1
    assert "simpul apply" in result.output
