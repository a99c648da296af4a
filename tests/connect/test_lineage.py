"""From any attribute back to its source, run, row and line of the mapping; and who is told how much of that."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from simpul import limits
from simpul.app import corrections, entities, identity
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.app.lineage import API, SOURCE, Lineage, RowTrail, get_lineage
from simpul.cli import main
from simpul.connect.template import compile_template, uri_part
from simpul.connect.tracing import read_id
from simpul.domain.access import ADMINISTRATOR, INTEGRATOR, READER, Caller
from simpul.domain.context import CORE
from simpul.domain.errors import Forbidden, NotFound, Unauthenticated
from simpul.domain.merge import Overwrite
from simpul.domain.parse import parse_fragment
from simpul.http.dispatch import answer
from simpul.http.exchange import Exchange
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

READS = Caller(TENANT, "token/1", frozenset({READER}), None)
KEEPS = Caller(TENANT, "token/2", frozenset({INTEGRATOR}), None)
STOP = entity_uri("BusStop", "1")
ROWS: list[list[object]] = [["id", "nama", "kondisi"], [1, "Pasar Raya", "Baik"], [2, "Bandar Buat", "Rusak"]]
ENTITY = {
    "type": "BusStop",
    "id": entity_uri("BusStop", "{id}"),
    "attributes": {"name": "nama", "state": {"column": "kondisi", "case": "upper"}},
}


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", ROWS)
    kota.declare(csv_source(entity=ENTITY))
    kota.sync()
    return kota


def lineage_of(city: Kota, entity_id: str, name: str, caller: Caller | None = None) -> Lineage:
    async def look(hub: Hub) -> Lineage:
        _, found = await get_lineage(caller or operator(TENANT), hub, entity_id)
        return found[CORE.expand(name)]

    return city.with_hub(look)


def trail_of(city: Kota, entity_id: str, name: str, caller: Caller | None = None) -> RowTrail:
    trail = lineage_of(city, entity_id, name, caller).trail
    assert trail is not None
    return trail


def line_of(city: Kota, file: str, text: str) -> int:
    lines = (city.folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_an_attribute_leads_to_its_source_run_row_and_the_line_that_makes_it(city: Kota) -> None:
    lineage = lineage_of(city, STOP, "state")
    assert (lineage.kind, lineage.source_id, lineage.run) == (SOURCE, "halte", 1)
    trail = lineage.trail
    assert trail is not None
    assert trail.key == "1"
    assert trail.mapping is not None
    assert trail.mapping.columns == ("kondisi",)
    assert trail.mapping.words == {"column": "kondisi", "case": "upper"}
    file = "sources/halte.yaml"
    assert (trail.mapping.file, trail.mapping.line) == (file, line_of(city, file, "state:"))
    assert trail.run is not None
    assert (trail.run.source, trail.run.has_report) == ("halte", True)


def test_the_run_is_the_one_that_changed_the_attribute_last(city: Kota) -> None:
    city.write_csv("halte.csv", [ROWS[0], [1, "Pasar Raya", "Rusak"], ROWS[2]])
    city.sync()
    assert (lineage_of(city, STOP, "name").run, lineage_of(city, STOP, "state").run) == (1, 2)


def test_what_was_written_over_the_api_comes_from_there(city: Kota) -> None:
    async def write(hub: Hub) -> None:
        fragment = parse_fragment({"state": {"type": "Property", "value": "TUTUP"}}, CORE)
        await entities.update_attributes(KEEPS, hub, STOP, fragment, CORE)

    city.with_hub(write)
    administrator = Caller(TENANT, "token/3", frozenset({ADMINISTRATOR}), None)
    assert lineage_of(city, STOP, "name").kind == SOURCE
    told = [lineage_of(city, STOP, "state", caller) for caller in (READS, KEEPS, administrator)]
    assert [(one.kind, one.token_id, one.trail) for one in told] == [(API, "", None), (API, "", None), (API, "2", None)]


def test_two_sources_of_one_entity_each_answer_for_their_own(city: Kota) -> None:
    city.write_csv("kelas.csv", [["no", "kelas"], [1, "A"]])
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{no}"), "attributes": {"grade": "kelas"}}
    city.declare(csv_source(source="kelas", read={"path": "kelas.csv"}, key="no", entity=entity))
    city.sync("kelas")
    assert [lineage_of(city, STOP, name).source_id for name in ("name", "grade")] == ["halte", "kelas"]


@pytest.mark.parametrize(("key", "template", "cells", "entity_id", "row"), [
    ("id", "{id}", ["A/1 b", "x"], "A%2F1%20b", "A/1 b"),
    (["id", "nama"], "{nama}-{id}", ["7", "Pasar"], "Pasar-7", "7 | Pasar"),
    (["id", "nama"], "{id}:{nama|slug}", ["7", "Pasar Raya"], "7:pasar-raya", "7 | Pasar Raya"),
    ("nama", "{nama|slug}", ["7", "Pasar Raya"], "pasar-raya", "Pasar Raya"),
    ("nama", "{nama}", ["7", "a|b"], "a%7Cb", "a||b"),
])  # fmt: skip
def test_a_row_is_found_whatever_its_key_and_its_id_are_made_of(
    kota: Kota, key: Any, template: str, cells: list[object], entity_id: str, row: str
) -> None:
    kota.write_csv("halte.csv", [["id", "nama"], cells, ["8", "Lain"]])
    entity = {"type": "BusStop", "id": entity_uri("BusStop", template), "attributes": {"name": "nama"}}
    kota.declare(csv_source(key=key, entity=entity))
    kota.sync()
    assert trail_of(kota, entity_uri("BusStop", entity_id), "name").key == row


RAIN = {
    "type": "RainGauge",
    "id": entity_uri("RainGauge", "{pos}"),
    "observed_at": {"column": "hari", "date": "%d/%m/%Y"},
    "attributes": {"name": "nama", "rainfall": {"column": "hujan", "number": "plain"}},
}


@pytest.mark.parametrize("key", [["pos", "hari"], ["hari", "pos"]])
def test_a_value_of_a_time_series_leads_to_the_row_of_its_moment(kota: Kota, key: list[str]) -> None:
    rows = [["P1", "Pos Satu", "01/02/2026", 3], ["P1", "Pos Satu", "02/02/2026", 4], ["P2", "Dua", "02/02/2026", 9]]
    kota.write_csv("hujan.csv", [["pos", "nama", "hari", "hujan"], *rows])
    kota.declare(csv_source(source="hujan", read={"path": "hujan.csv"}, key=key, entity=RAIN))
    kota.sync("hujan")
    kota.write_csv("hujan.csv", [["pos", "nama", "hari", "hujan"], *rows, ["P1", "Pos Satu", "03/02/2026", 5]])
    kota.sync("hujan")
    gauge = entity_uri("RainGauge", "P1")

    def joined(day: str) -> str:
        return " | ".join({"pos": "P1", "hari": day}[name] for name in key)

    rain = lineage_of(kota, gauge, "rainfall")
    assert rain.trail is not None
    assert (rain.run, rain.trail.key) == (2, joined("03/02/2026"))
    # What never changed came with the first row.
    name = lineage_of(kota, gauge, "name")
    assert name.trail is not None
    assert (name.run, name.trail.key) == (1, joined("01/02/2026"))


def test_a_file_that_says_something_else_by_now_gives_no_line(city: Kota) -> None:
    entity = {**ENTITY, "attributes": {"name": "nama", "state": {"column": "kondisi", "case": "lower"}}}
    city.write("sources/halte.yaml", csv_source(entity=entity))
    mapping = trail_of(city, STOP, "state").mapping
    assert mapping is not None
    assert (mapping.line, mapping.words["case"]) == (0, "upper")
    unchanged = trail_of(city, STOP, "name").mapping
    assert unchanged is not None
    assert unchanged.line == line_of(city, "sources/halte.yaml", "name:")


@pytest.mark.parametrize("content", [None, "source: [", "x" * 10])
def test_a_folder_that_is_gone_or_broken_gives_no_line(city: Kota, content: str | None) -> None:
    file = city.folder / "sources/halte.yaml"
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    mapping = trail_of(city, STOP, "name").mapping
    assert mapping is not None
    assert (mapping.line, mapping.columns) == (0, ("nama",))


def test_a_code_leads_to_the_columns_that_its_name_stood_in(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "kec"], [1, "Koto Tangah"]])
    codes = [{"column": "kode", "list": "kemendagri", "within": "13.71", "names": ["kec"]}]
    entity = {**ENTITY, "attributes": {"district": "kode"}}
    kota.declare(csv_source(codes=codes, entity=entity))
    kota.sync()
    mapping = trail_of(kota, STOP, "district").mapping
    assert mapping is not None
    assert (mapping.columns, mapping.code_lists) == (("kec",), ("kemendagri",))


def test_a_value_that_a_person_put_right_says_so(city: Kota) -> None:
    city.declare(csv_source(entity=ENTITY, rules=[{"rule": "one_of", "column": "kondisi", "values": ["Baik"]}]))
    city.sync()
    second = entity_uri("BusStop", "2")

    async def put_right(hub: Hub) -> None:
        await corrections.correct_row(operator(TENANT), hub, "halte", "2", {"kondisi": "Baik"}, reason="salah ketik")
        await corrections.replay(operator(TENANT), hub, "halte")

    city.with_hub(put_right)
    (correction,) = trail_of(city, second, "state").corrections
    assert (correction.before, correction.after, correction.by) == ("Rusak", "Baik", "operator")
    assert trail_of(city, second, "name").corrections == ()


def test_a_source_that_is_no_more_is_still_named(city: Kota) -> None:
    (city.folder / "sources/halte.yaml").unlink()
    city.declare()
    lineage = lineage_of(city, STOP, "name")
    assert (lineage.source_id, lineage.source, lineage.trail) == ("halte", None, None)


def test_an_attribute_that_its_source_does_not_map_any_more_has_no_mapping(city: Kota) -> None:
    city.declare(csv_source(entity={**ENTITY, "attributes": {"name": "nama"}}))
    assert trail_of(city, STOP, "state").mapping is None


def test_each_instance_has_a_lineage_of_its_own(city: Kota) -> None:
    async def write(hub: Hub) -> list[tuple[str, str]]:
        second = {"type": "Property", "value": "RUSAK", "datasetId": "urn:ngsi-ld:Dataset:survei"}
        fragment = parse_fragment({"state": second}, CORE)
        await entities.append_attributes(KEEPS, hub, STOP, fragment, CORE, overwrite=Overwrite.ALLOWED)
        _, found = await get_lineage(KEEPS, hub, STOP)
        return sorted((key.rpartition("\n")[2].rpartition("/")[2], one.kind) for key, one in found.items())

    assert city.with_hub(write) == [("name", SOURCE), ("state", SOURCE), ("urn:ngsi-ld:Dataset:survei", API)]


# Who is told how much.


def test_a_reader_is_told_the_source_and_no_row(city: Kota) -> None:
    for caller in (READS, city.look(lambda hub: anonymous(hub, TENANT))):
        lineage = lineage_of(city, STOP, "name", caller)
        assert (lineage.kind, lineage.source_id, lineage.run, lineage.trail) == (SOURCE, "halte", 1, None)


def test_who_keeps_the_sources_is_told_the_row(city: Kota) -> None:
    assert trail_of(city, STOP, "name", KEEPS).key == "1"


def test_nobody_is_told_of_what_he_may_not_read(city: Kota) -> None:
    person = entity_uri("Person", "1")
    entity = {"type": "Person", "id": entity_uri("Person", "{id}"), "attributes": {"name": "nama"}}
    city.declare(csv_source(source="warga", entity=entity))
    city.sync("warga")

    async def ask(hub: Hub, caller: Caller) -> None:
        await get_lineage(caller, hub, person)

    with pytest.raises((Unauthenticated, NotFound)):
        city.with_hub(lambda hub: ask(hub, anonymous(hub, TENANT)))
    with pytest.raises((Forbidden, NotFound)):
        city.with_hub(lambda hub: ask(hub, Caller(TENANT, "token/9", frozenset(), frozenset())))
    assert lineage_of(city, person, "name", READS).source_id == "warga"


# Over the API.


def ask(city: Kota, path: str, query: str, *roles: str, accept: str = "") -> tuple[int, Any]:
    async def work(hub: Hub) -> tuple[int, Any]:
        authorization = None
        if roles:
            _, secret = await identity.create_token(operator(TENANT), hub, "test", roles, 1)
            authorization = f"Bearer {secret}"
        line = f"/ngsi-ld/v1/entities{path}".encode()
        given = await answer(hub, Exchange("GET", line, query.encode(), accept=accept, authorization=authorization))
        return given.status, json.loads(given.body)

    return city.with_hub(work)


def test_lineage_is_shown_as_sub_attributes_where_it_is_asked_for(city: Kota) -> None:
    """CIM 009 §4.5.2: what is known of a Property is said by its Properties and Relationships."""
    status, shown = ask(city, f"/{STOP}", "lineage=true", "integrator")
    assert status == 200
    name = shown["name"]
    assert (name["type"], name["value"]) == ("Property", "Pasar Raya")
    assert name["providedBy"] == {"type": "Relationship", "object": f"urn:ngsi-ld:DataSource:{TENANT}:halte"}
    told = name["lineage"]
    assert told["type"] == "JsonProperty"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", told["json"].pop("at"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", told["json"].pop("runStartedAt"))
    file = "sources/halte.yaml"
    assert told["json"] == {
        "origin": "source",
        "source": "halte",
        "run": 1,
        "quality": "/sources/halte/quality?run=1",
        "row": "1",
        "columns": ["nama"],
        "mapping": {"file": file, "line": line_of(city, file, "name:"), "words": {"column": "nama"}},
    }


def test_without_a_role_the_api_tells_source_run_and_time_only(city: Kota) -> None:
    for roles in ((), ("reader",)):
        _, shown = ask(city, f"/{STOP}", "lineage=true", *roles)
        assert set(shown["name"]["lineage"]["json"]) == {"origin", "source", "run", "at"}


@pytest.mark.parametrize(("query", "accept"), [
    ("", ""), ("options=concise", ""), ("sysAttrs=true", ""), ("", "application/ld+json"),
    ("pick=id,name", ""),
])  # fmt: skip
def test_lineage_only_adds_to_what_is_shown_without_it(city: Kota, query: str, accept: str) -> None:
    def without(shown: Any) -> Any:
        kept = {}
        for name, value in shown.items():
            if isinstance(value, dict):
                value = {key: below for key, below in value.items() if key not in ("providedBy", "lineage")}
                # The concise form of what has sub-attributes is no bare value.
                value = value["value"] if set(value) == {"value"} else value
            kept[name] = value
        return kept

    _, plain = ask(city, f"/{STOP}", query, accept=accept)
    status, shown = ask(city, f"/{STOP}", f"{query}&lineage=true", accept=accept)
    assert status == 200
    assert shown != plain
    assert without(shown) == plain


def test_the_simplified_form_stays_as_it_is(city: Kota) -> None:
    assert ask(city, f"/{STOP}", "options=keyValues&lineage=true") == ask(city, f"/{STOP}", "options=keyValues")


def test_lineage_stands_in_geojson_too(city: Kota) -> None:
    _, shown = ask(city, f"/{STOP}", "lineage=true", accept="application/geo+json")
    assert shown["properties"]["name"]["lineage"]["json"]["source"] == "halte"


def test_a_query_shows_the_lineage_of_each_entity(city: Kota) -> None:
    _, shown = ask(city, "", "type=BusStop&lineage=true", "integrator")
    assert [one["name"]["lineage"]["json"]["row"] for one in shown] == ["1", "2"]


def test_a_query_by_post_shows_it_and_linked_entities_have_it_too(city: Kota) -> None:
    """CIM 009 §4.5.23: what stands inside or beside an entity is shown as the entity itself is."""
    body = {"type": "Query", "entities": [{"type": "Sign"}], "join": "inline"}
    sign = {"id": "urn:ngsi-ld:Sign:1", "type": "Sign", "at": {"type": "Relationship", "object": STOP}}

    async def work(hub: Hub) -> list[Any]:
        _, secret = await identity.create_token(operator(TENANT), hub, "test", ("integrator",), 1)

        async def send(path: str, query: str, sent: Any) -> Any:
            exchange = Exchange(
                "POST", f"/ngsi-ld/v1/{path}".encode(), query.encode(), json.dumps(sent).encode(),
                content_type="application/json", authorization=f"Bearer {secret}",
            )  # fmt: skip
            given = await answer(hub, exchange)
            return json.loads(given.body or b"null")

        await send("entities", "", sign)
        inline = await send("entityOperations/query", "lineage=true", body)
        flat = await send("entityOperations/query", "lineage=true", {**body, "join": "flat"})
        plain = await send("entityOperations/query", "", body)
        return [inline, flat, plain]

    inline, flat, plain = city.with_hub(work)
    (shown,) = inline
    assert shown["at"]["lineage"]["json"]["origin"] == "api"
    assert shown["at"]["entity"]["name"]["lineage"]["json"]["row"] == "1"
    assert {one["id"] for one in flat} == {sign["id"], STOP}
    assert all("lineage" in (one.get("name") or one["at"]) for one in flat)
    assert "lineage" not in json.dumps(plain)


def test_a_query_shows_no_lineage_of_what_is_not_public(city: Kota) -> None:
    entity = {"type": "Person", "id": entity_uri("Person", "{id}"), "attributes": {"name": "nama"}}
    city.declare(csv_source(source="warga", entity=entity))
    city.sync("warga")
    _, shown = ask(city, "", f"id={STOP},{entity_uri('Person', '1')}&lineage=true&local=true")
    assert [one["id"] for one in shown] == [STOP]


def test_more_entities_than_the_bound_are_refused(city: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINEAGE_ENTITIES_MAX", 1)
    status, problem = ask(city, "", "type=BusStop&lineage=true")
    assert status == 403
    assert "limit=1" in problem["detail"]
    assert ask(city, "", "type=BusStop&lineage=true&limit=1")[0] == 200


@pytest.mark.parametrize("query", ["lineage=perhaps", "lineage"])
def test_a_lineage_that_is_no_flag_is_refused_or_nothing(city: Kota, query: str) -> None:
    status, shown = ask(city, f"/{STOP}", query)
    assert (status, "lineage" in shown.get("name", {})) == ((400, False) if "=" in query else (200, False))


def test_what_the_data_itself_says_under_these_names_stays(city: Kota) -> None:
    attributes = {"name": {"column": "nama", "with": {"providedBy": {"relationship": "urn:ngsi-ld:Agency:{id}"}}}}
    city.declare(csv_source(entity={**ENTITY, "attributes": attributes}))
    city.sync()
    _, shown = ask(city, f"/{STOP}", "lineage=true")
    assert shown["name"]["providedBy"]["object"] == "urn:ngsi-ld:Agency:1"
    assert shown["name"]["lineage"]["json"]["source"] == "halte"


def test_nothing_of_it_is_stored(city: Kota) -> None:
    before = city.entity(STOP)
    ask(city, f"/{STOP}", "lineage=true", "integrator")
    assert city.entity(STOP) == before
    assert before is not None
    assert "lineage" not in before["name"]


# At the command line.


def call(city: Kota, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["lineage", *arguments, "--folder", str(city.folder)])
    return result.exit_code, result.output


def test_the_command_tells_row_and_line(city: Kota) -> None:
    code, output = call(city, STOP)
    assert code == 0
    assert re.search(r"^state: halte, run 1, \d{4}-", output, re.MULTILINE)
    assert "    row 1\n" in output
    line = line_of(city, "sources/halte.yaml", "state:")
    assert f'    sources/halte.yaml:{line}: {{"column":"kondisi","case":"upper"}}\n' in output


def test_the_command_tells_one_attribute_as_json(city: Kota) -> None:
    code, output = call(city, STOP, "name", "--json")
    assert code == 0
    told = json.loads(output)
    assert (told["attribute"], told["row"], told["run"]) == ("name", "1", 1)


def test_the_command_says_what_is_not_there(city: Kota) -> None:
    code, output = call(city, STOP, "warna")
    assert code == 1
    assert "has no attribute 'warna'" in output
    assert call(city, entity_uri("BusStop", "99"))[0] == 1


@given(st.text(min_size=1), st.sampled_from(["urn:x:{a}", "urn:x:{a}:y", "urn:{a}"]))
def test_an_id_gives_back_the_text_that_it_was_made_from(text: str, template: str) -> None:
    if not text.isprintable():
        return
    made = compile_template(template, {"a": 0}, uri_part)([text])
    assert made is not None
    assert read_id(template, made) == {"a": text}
