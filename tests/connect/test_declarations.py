"""Checking a city's folder: each mistake has its place, what would be right, and the nearest known word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simpul.connect.city import json_schemas, load_city
from simpul.connect.document import Problem, read_document
from simpul.connect.fields import suggest, suggest_or_end, suggest_or_list
from tests.connect.kota import Kota, csv_source

KINDS = ("ckan", "files", "geo", "gtfs", "mqtt", "ngsild", "rest", "sql", "sqldump", "table")
SOURCE = """\
source: halte
agency: dishub
title: {id: Halte, en: Stops}
kind: table
read: {path: halte.csv}
key: id
entity:
  type: BusStop
  id: "urn:ngsi-ld:BusStop:kota:{id}"
  attributes:
    name: nama
"""


def problems_of(kota: Kota, text: str) -> list[Problem]:
    path = kota.folder / "sources" / "halte.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_city(kota.folder).problems


def only_problem(kota: Kota, text: str) -> str:
    (problem,) = problems_of(kota, text)
    return str(problem)


def test_a_right_source_has_no_problems(kota: Kota) -> None:
    assert problems_of(kota, SOURCE) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "agency: dishub",
            "agency: dishubb",
            ("2:9: there is no agency 'dishubb' in agencies.yaml; did you mean 'dishub'?"),
        ),
        ("agency: dishub", "agencyy: dishub", "2:1: a source has no key 'agencyy'; did you mean 'agency'?"),
        (
            "kind: table",
            "kind: tabel",
            f"4:7: expected one of {', '.join(KINDS)}, found 'tabel'; did you mean 'table'?",
        ),
        (
            "{path: halte.csv}",
            "{pat: halte.csv}",
            ("5:8: read of a table source has no key 'pat'; did you mean 'path'?"),
        ),
        ("key: id", "key: id\nkey: nama", "7:1: the key 'key' is there twice (first in line 6)"),
        (
            "    name: nama",
            "    name: {colum: nama}",
            ("11:12: an attribute has no key 'colum'; did you mean 'column'?"),
        ),
        (
            "    name: nama",
            "    name: {column: nama, number: indonesia}",
            "11:34: expected one of plain, indonesian, found 'indonesia'; did you mean 'indonesian'?",
        ),
        (
            "    name: nama",
            "    nama halte: nama",
            ("11:5: 'nama halte' is no attribute name; use letters, digits and _, such as 'namaHalte', or a whole IRI"),
        ),
        (
            "    name: nama",
            "    id: nama",
            ("11:5: an attribute cannot be called 'id': that name has a meaning of its own in NGSI-LD"),
        ),
        (
            "{id}",
            "{id|slag}",
            ("9:7: there is no filter 'slag'; did you mean 'slug'? (filters: slug, lower, upper, digits, uri)"),
        ),
        (
            "urn:ngsi-ld:BusStop:kota:{id}",
            "{id}",
            ("9:7: '{id}' does not begin as a URI does; write, for example, urn:ngsi-ld:BusStop:padang:{id}"),
        ),
        (
            "key: id",
            "key: [id, tanggal]",
            (
                "9:7: the key has tanggal, the id has not: several rows would "
                "overwrite one entity; put {tanggal} into the id, or say with 'observed_at' that "
                "the rows are a time series"
            ),
        ),
        ("key: id", "key: id\nvanished: hapus", "7:11: expected one of keep, expire, delete, found 'hapus'"),
        (
            "key: id",
            "key: id\nschedule: {every: 5}",
            ("7:19: '5' is no duration; write a number and s, m, h or d, such as 15m"),
        ),
        (
            "key: id",
            "key: id\nrules: [{rule: patern, column: id}]",
            (
                "7:16: expected one of required, unique, number, range, pattern, one_of, code, parts, inside, "
                "no_crossing, in_place, rows, keys, total, tree, fresh, complete, sentinel, references, "
                "found 'patern'; did you mean 'pattern'?"
            ),
        ),
        (
            "key: id",
            "key: id\nrules: [{rule: pattern, column: id, matches: '('}]",
            ("7:46: '(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        ),
        (
            "key: id",
            "key: id\nrules: [{rule: inside, attribute: lokasi, area: city}]",
            "7:35: there is no attribute 'lokasi'",
        ),
        (
            "key: id",
            "key: id\ntime_zone: WIB",
            ("7:12: 'WIB' is no time zone; write Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT)"),
        ),
        ("title: {id: Halte, en: Stops}", "title: [a, b]", ("3:8: expected text, or {id: …, en: …}, found a list")),
        (
            "title: {id: Halte, en: Stops}",
            "title: {id: Halte}",
            ("3:8: a text in two languages needs 'en': the English text"),
        ),
        ("kind: table", "kind: table\n\tx: 1", "5:1: the YAML is not well-formed: "),
    ],
)
def test_a_mistake_is_told_with_its_place(kota: Kota, old: str, new: str, expected: str) -> None:
    assert only_problem(kota, SOURCE.replace(old, new, 1)).startswith(f"sources/halte.yaml:{expected}")


def test_all_mistakes_are_told_at_once(kota: Kota) -> None:
    text = SOURCE.replace("agency: dishub", "agenc: x").replace("name: nama", "name: {colum: nama}")
    assert [problem.place.line for problem in problems_of(kota, text)] == [2, 11]


def test_a_missing_file_of_the_city_is_named(tmp_path: Path) -> None:
    assert [str(problem) for problem in load_city(tmp_path).problems] == [
        "city.yaml: the file is missing; a city's folder needs a city.yaml"
    ]
    assert "there is no such folder" in str(load_city(tmp_path / "tidak-ada").problems[0])


def test_the_id_of_a_source_is_there_once(kota: Kota) -> None:
    kota.write("sources/a.yaml", csv_source())
    kota.write("sources/b.yaml", csv_source())
    (problem,) = load_city(kota.folder).problems
    assert str(problem) == "sources/b.yaml:1:9: source 'halte' is already in sources/a.yaml"


def sql(url: str) -> str:
    return SOURCE.replace("kind: table", "kind: sql").replace("{path: halte.csv}", f"{{url: '{url}', table: halte}}")


@pytest.mark.parametrize("url", [
    "mysql://root:rahasia@127.0.0.1/x", "postgresql://a:rahasia@b/c", "mysql://a@b/c?password=rahasia",
    "mysql://root:pre${env:X}@127.0.0.1/x",
])  # fmt: skip
def test_a_password_in_yaml_is_refused_and_not_repeated(kota: Kota, url: str) -> None:
    problem = only_problem(kota, sql(url))
    assert problem.startswith("sources/halte.yaml:5:13: the URL holds a password")
    assert "${env:NAME}" in problem
    assert "rahasia" not in problem


@pytest.mark.parametrize("url", [
    "mysql://root:${env:SANDI}@127.0.0.1/x", "postgresql://a:${file:/run/secrets/sandi}@b/c", "${env:DATABASE_URL}",
    "sqlite:///halte.db", "mariadb://root@127.0.0.1/x?charset=latin1",
])  # fmt: skip
def test_a_reference_to_a_secret_is_right(kota: Kota, url: str) -> None:
    assert problems_of(kota, sql(url)) == []


@pytest.mark.parametrize(("url", "expected"), [
    ("mysq://a@b/c", "'mysq' is no kind of database known here (mysql, mariadb, postgresql, sqlite, sqlserver, oracle"),
    ("halte.db", "the URL does not begin with its kind"),
    ("mysql://root:${SANDI}@b/c", "'${SANDI}' is no reference; write ${env:NAME} or ${file:path}"),
])  # fmt: skip
def test_a_wrong_url_is_told(kota: Kota, url: str, expected: str) -> None:
    assert expected in only_problem(kota, sql(url))


@pytest.mark.parametrize("query", ["DELETE FROM halte", "SELECT 1; DROP TABLE halte", "UPDATE halte SET nama = 1"])
def test_only_one_select_is_a_query(kota: Kota, query: str) -> None:
    text = sql("sqlite:///halte.db").replace("table: halte", f"query: '{query}'")
    assert "a query must be one" in only_problem(kota, text)


def test_an_sql_source_needs_a_table_or_a_query(kota: Kota) -> None:
    assert "either 'table' or 'query'" in only_problem(kota, sql("sqlite:///x.db").replace(", table: halte", ""))


def test_a_column_may_be_called_no(kota: Kota) -> None:
    assert problems_of(kota, SOURCE.replace("name: nama", "name: no\n    on: {column: off}")) == []
    city = load_city(kota.folder).city
    assert city is not None
    assert city.sources[0].declaration["entity"]["attributes"] == {"name": {"column": "no"}, "on": {"column": "off"}}


def test_a_code_keeps_its_digits(kota: Kota) -> None:
    (kota.folder / "city.yaml").write_text("city: kota\nname: Kota\ncode: 13.10\nbounds: [100, -1.5, 101, -0.5]\n")
    city = load_city(kota.folder).city
    assert city is not None
    assert city.code == "13.10"


@pytest.mark.parametrize(("bounds", "wrong"), [("[101, -1, 100, 0]", "is no area"), ("[1, 2]", "expected 4 values")])
def test_bounds_are_on_the_earth(kota: Kota, bounds: str, wrong: str) -> None:
    (kota.folder / "city.yaml").write_text(f"city: kota\nname: Kota\nbounds: {bounds}\n")
    assert wrong in str(load_city(kota.folder).problems[0])


@pytest.mark.parametrize(("text", "expected"), [
    ("a: &x [1]\nb: *x\nc: *x\n", None),
    ("a: &x {k: 1}\nb:\n  <<: *x\n", "merge keys (<<) are not supported"),
    ("? [1, 2]\n: 3\n", "a key must be plain text"),
    ("", "the file is empty"),
    ("a: 1\nb: \x07\n", "x:2:4: the character #x0007 is not allowed in YAML"),
    ("a: b: c\n", "x:1:5: the YAML is not well-formed: a colon is not expected here"),
])  # fmt: skip
def test_yaml_that_hides_something_is_refused(text: str, expected: str | None) -> None:
    _, problems = read_document(text, "x")
    assert problems == [] if expected is None else expected in str(problems[0])


def test_aliases_cannot_blow_up_a_file() -> None:
    levels = [f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(10))}]" for n in range(1, 9)]
    _, problems = read_document("\n".join(["a0: &a0 [x]", *levels]), "x")
    assert "more than 50000 values" in problems[0].message


def test_a_file_that_is_not_utf_8_is_told_with_its_line(kota: Kota) -> None:
    (kota.folder / "city.yaml").write_bytes(b"city: kota\nname: Caf\xe9\n")
    assert str(load_city(kota.folder).problems[0]) == "city.yaml:2:1: the file is not UTF-8; save it as UTF-8"


def test_the_schemas_know_every_key_that_the_reader_knows() -> None:
    schemas = json_schemas()
    source: dict[str, Any] = schemas["source.schema.json"]
    assert {"source", "agency", "read", "entity", "rules", "vanished", "schedule"} <= set(source["properties"])
    assert source["additionalProperties"] is False
    attribute = source["$defs"]["attribute"]["oneOf"][1]
    assert {"column", "number", "unknown", "with"} <= set(attribute["properties"])
    kinds = {one["if"]["properties"]["kind"]["const"] for one in source["allOf"]}
    assert kinds == set(KINDS)
    assert all(field["description"] for field in source["properties"].values())


def test_near_misses_are_found_whatever_their_case() -> None:
    assert suggest("LATTITUDE", ["latitude", "nama"]) == "; did you mean 'latitude'?"
    assert suggest_or_end("LATTITUDE", ["latitude", "nama"]) == "; did you mean 'latitude'?"
    assert suggest_or_end("x", ["latitude"]) == "."
    assert suggest_or_list("x", ["latitude", "nama"]) == "; there are: latitude, nama"
    assert suggest_or_list("x", []) == "; there are none"
    assert suggest("zzz", ["latitude"]) == ""


def history_problems(kota: Kota, *rules: dict[str, Any]) -> list[str]:
    kota.write_city(history=list(rules))
    return [str(problem) for problem in load_city(kota.folder).problems]


def test_rules_of_history_are_read(kota: Kota) -> None:
    hourly = {"after": "90d", "every": "1h", "method": "max"}
    assert history_problems(kota, {"type": "RainGauge", "keep": "10y", "resample": [hourly]}) == []
    city = load_city(kota.folder).city
    assert city is not None
    (rule,) = city.retentions
    assert rule.type_name.endswith("/RainGauge")
    assert rule.keep_us == 10 * 31_557_600 * 1_000_000
    assert [(one.every_us, one.method) for one in rule.resamplings] == [(3_600_000_000, "max")]


@pytest.mark.parametrize(("rule", "expected"), [
    ({"type": "RainGauge"}, "it needs 'keep' or 'resample'"),
    ({"type": "RainGauge", "keep": "soon"}, "is no duration; write a number and m, h, d, w or y"),
    ({"type": "RainGauge", "resample": [{"after": "1d", "every": "2d"}]}, "a period has to be over"),
    ({"type": "RainGauge", "keep": "30d", "resample": [{"after": "90d", "every": "1d"}]}, "there to be resampled"),
    ({"type": "RainGauge", "resample": [{"after": "9d", "every": "1d", "method": "mean"}]}, "expected one of avg"),
    ({"type": "RainGauge", "kep": "30d"}, "did you mean 'keep'?"),
])  # fmt: skip
def test_a_rule_of_history_that_makes_no_sense_is_told(kota: Kota, rule: dict[str, Any], expected: str) -> None:
    (problem,) = history_problems(kota, rule)
    assert expected in problem


def test_two_rules_of_history_for_one_type_are_told(kota: Kota) -> None:
    (problem,) = history_problems(kota, {"type": "A", "keep": "1d"}, {"type": "A", "keep": "2d"})
    assert "put both into one" in problem
