"""Rules about whole runs, rules that only warn, and the report of a run with its history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from simpul.app import quality
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.cli import main
from simpul.connect.city import load_city
from simpul.domain.access import Caller
from simpul.domain.errors import Forbidden, NotFound, Unauthenticated
from simpul.domain.quality import Finding, Report, score_of
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

ROWS: list[list[object]] = [
    ["id", "nama", "pria", "wanita", "jumlah", "tanggal", "bujur", "lintang"],
    [1, "Satu", 10, 11, 21, "2026-01-01", 100.5, -1.0],
    [2, "Dua", 20, 22, 43, "2026-01-03", 100.6, -1.0],
    [3, "", 9999, 30, 60, "2026-01-02", 109.0, -1.0],
]
ENTITY = {
    "type": "Village",
    "id": entity_uri("Village", "{id}"),
    "attributes": {
        "name": "nama",
        "count": {"column": "jumlah", "number": "plain"},
        "location": {"point": {"longitude": "bujur", "latitude": "lintang"}},
        "refNext": {"relationship": entity_uri("Village", "{pria}")},
    },
}


def found(kota: Kota, *rules: dict[str, Any], rows: list[list[object]] | None = None, **changes: Any) -> Report:
    kota.write_csv("halte.csv", rows or ROWS)
    kota.declare(csv_source(**{"entity": ENTITY, "rules": list(rules), **changes}))
    assert kota.sync().error is None
    return newest(kota)


def newest(kota: Kota) -> Report:
    report = kota.look(lambda hub: quality.get_quality(operator(TENANT), hub, "halte")).report
    assert report is not None
    return report


def one(report: Report, rule: str) -> Finding:
    (only,) = [finding for finding in report.findings if finding.rule == rule]
    return only


def reasons(report: Report, rule: str) -> list[str]:
    return [sample.reason for sample in one(report, rule).samples]


WARN = {"severity": "warn"}


@pytest.mark.parametrize(("rule", "broken", "reason"), [
    ({"rule": "rows", "from": 5}, 2, "there are 3 rows, and at least 5 are expected"),
    ({"rule": "rows", "to": 2}, 1, "there are 3 rows, and at most 2 are expected"),
    ({"rule": "rows", "from": 3, "to": 3}, 0, None),
    ({"rule": "total", "column": "jumlah", "equals": 100}, 1, "the sum is 124: 24 more than 100"),
    ({"rule": "total", "column": "jumlah", "from": 200}, 1, "the sum is 124: 76 less than 200"),
    ({"rule": "total", "column": "jumlah", "from": 100, "to": 200}, 0, None),
    ({"rule": "keys", "column": "id", "values": [1, 2, 4]}, 2, "it is missing"),
    ({"rule": "complete", "column": ["nama"], "share": 90}, 1, "of 100 cells 66.7 are filled, and 90 are expected"),
    ({"rule": "complete", "column": ["nama"], "share": 60}, 0, None),
    ({"rule": "sentinel", "column": "pria", "values": [9999]}, 1, "'9999' stands 1 times for `not known`"),
    ({"rule": "fresh", "column": "tanggal", "within": "1d"}, 1,
     "the newest is of 2026-01-02T17:00:00Z, and it may be 1d old"),
    ({"rule": "references", "attribute": "refNext"}, 3, f"there is no {entity_uri('Village', '10')}"),
    ({"rule": "parts", "column": ["pria", "wanita"], "equals": "jumlah", **WARN}, 2,
     "pria + wanita is 42, and jumlah is 43"),
    ({"rule": "required", "column": "nama", **WARN}, 1, "nama is empty"),
    ({"rule": "unique", "column": "lintang", **WARN}, 2, "lintang: '-1.0' was there before in this run"),
    ({"rule": "inside", "attribute": "location", "area": "city", **WARN}, 1, None),
])  # fmt: skip
def test_a_rule_finds_what_breaks_it_and_every_row_is_taken_over(
    kota: Kota, rule: dict[str, Any], broken: int, reason: str | None
) -> None:
    report = found(kota, rule)
    assert one(report, rule["rule"]).broken == broken
    if reason is not None:
        assert reasons(report, rule["rule"])[0] == reason
    assert kota.count("Village") == 3
    assert kota.rejects() == []


def test_a_tree_of_amounts_is_added_up_group_by_group(kota: Kota) -> None:
    rows: list[list[object]] = [["id", "kode", "tahun", "nilai"]]
    rows += [[1, "5", 2025, 10], [2, "5.1", 2025, 4], [3, "5.2", 2025, 6], [4, "5", 2026, 10], [5, "5.1.01", 2026, 7]]
    entity = {"type": "Budget", "id": entity_uri("Budget", "{id}"), "attributes": {"code": "kode"}}
    rule = {"rule": "tree", "column": "nilai", "code": "kode", "group": "tahun"}
    report = found(kota, rule, rows=rows, entity=entity)
    assert (one(report, "tree").checked, one(report, "tree").broken) == (2, 1)
    assert [(s.key, s.reason) for s in one(report, "tree").samples] == [
        ("2026 5", "it has 10, and what lies below it has 7")
    ]


def test_a_place_that_lies_elsewhere_than_its_row_says_is_kept_aside(kota: Kota) -> None:
    square = [[100.4, -1.1], [100.55, -1.1], [100.55, -0.9], [100.4, -0.9], [100.4, -1.1]]
    feature = {
        "type": "Feature",
        "properties": {"nama": "Barat"},
        "geometry": {"type": "Polygon", "coordinates": [square]},
    }
    (kota.folder / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    area = {"type": "District", "id": entity_uri("District", "{nama}"),
            "attributes": {"name": "nama", "location": {"geometry": "@geometry"}}}  # fmt: skip
    rule = {"rule": "in_place", "attribute": "location", "type": "District", "column": "nama"}
    rows = [
        ROWS[0],
        [1, "KEC. BARAT", 1, 1, 2, "", 100.5, -1],
        [2, "Barat", 1, 1, 2, "", 100.9, -1],
        [3, "Bart", 1, 1, 2, "", 100.5, -1],
    ]
    kota.write_csv("halte.csv", rows)
    kota.declare(
        csv_source(source="area", kind="geo", read={"path": "area.geojson"}, key="nama", entity=area),
        csv_source(entity=ENTITY, rules=[rule]),
    )
    assert "there are none yet" in (kota.sync().error or "")
    kota.sync("area")
    assert kota.sync().rows_rejected == 2
    wrong = {reject.key: reject.reason for reject in kota.rejects()}
    assert wrong["2"].endswith("it lies in no District, and the row says 'Barat'")
    assert wrong["3"].endswith("there is no District 'Bart'; did you mean 'Barat'?")


def test_rows_that_rules_keep_aside_are_in_the_report_while_they_wait(kota: Kota) -> None:
    report = found(kota, {"rule": "required", "column": "nama"})
    assert (one(report, "required").severity, one(report, "required").broken) == ("reject", 1)
    assert reasons(report, "required") == ["nama is empty"]
    kota.sync()
    assert one(newest(kota), "required").broken == 1, "the row is unchanged, and still wrong"


def test_each_run_has_its_report_and_the_scores_make_a_history(kota: Kota) -> None:
    found(kota, {"rule": "required", "column": "nama"}, {"rule": "unique", "column": "nama", **WARN})
    kota.write_csv("halte.csv", [*ROWS[:3], [3, "Tiga", *ROWS[3][2:]]])
    kota.sync()
    history = kota.look(lambda hub: quality.get_quality(operator(TENANT), hub, "halte")).reports
    assert [report.run for report in history] == [2, 1]
    assert [report.scores["completeness"] for report in history] == [1.0, 1 - 1 / 3]
    assert history[0].scores["freshness"] is None
    assert history[0].scores["uniqueness"] == 1.0


def test_a_run_that_fails_has_no_report(kota: Kota) -> None:
    found(kota)
    (kota.folder / "halte.csv").unlink()
    assert kota.sync().error is not None
    assert newest(kota).run == 1


def test_a_score_counts_no_more_as_broken_than_was_checked() -> None:
    assert score_of([Finding("keys", "warn", "", 2, 5)]) == 0.0
    assert score_of([]) is None


def test_only_those_who_keep_the_sources_see_reports(kota: Kota) -> None:
    found(kota)
    reader = Caller(TENANT, "token/1", frozenset({"reader"}), None)

    def work(hub: Hub) -> None:
        with pytest.raises(Unauthenticated):
            quality.get_quality(anonymous(hub, TENANT), hub, "halte")
        with pytest.raises(Forbidden):
            quality.get_quality(reader, hub, "halte")
        with pytest.raises(NotFound):
            quality.get_quality(operator(TENANT), hub, "halte", 99)

    kota.look(work)


def test_the_command_tells_the_report_and_its_history(kota: Kota) -> None:
    found(kota, {"rule": "required", "column": "nama"})

    def told(*options: str) -> str:
        result = CliRunner().invoke(main, ["quality", "halte", "--folder", str(kota.folder), *options])
        assert result.exit_code == 0, result.output
        return result.output

    assert "required (nama): 1 of 3, kept aside" in told()
    assert "66.7 %" in told("--history")
    assert json.loads(told("--json"))["scores"]["uniqueness"] == 1.0


@pytest.mark.parametrize(("rule", "expected"), [
    ({"rule": "rows"}, "the rule 'rows' needs 'from' or 'to'"),
    ({"rule": "keys", "column": "id"}, "the rule 'keys' needs 'list' or 'values'"),
    ({"rule": "rows", "from": 1, "severity": "reject"}, "expected one of warn, found 'reject'"),
    ({"rule": "references", "attribute": "name"}, "the attribute 'name' is no relationship"),
    ({"rule": "code", "column": "id", "list": "kemendagr"},
     "there is no code list 'kemendagr'; did you mean 'kemendagri'?"),
    ({"rule": "fresh", "column": "tanggal", "within": "soon"}, "'soon' is no age"),
])  # fmt: skip
def test_a_rule_that_cannot_be_is_told_when_the_city_is_checked(
    kota: Kota, rule: dict[str, Any], expected: str
) -> None:
    kota.write("sources/halte.yaml", csv_source(entity=ENTITY, rules=[rule]))
    (problem,) = load_city(kota.folder).problems
    assert expected in str(problem)
