"""The defects that agencies' real files have, each found by rules in YAML. The files are no part of the product."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from simpul.app import quality
from simpul.app.identity import operator
from simpul.domain.quality import Finding, Report
from tests.connect.kota import CITY, TENANT, Kota, csv_source, entity_uri

PADANG = [100.13, -1.15, 100.58, -0.72]


@pytest.fixture
def city(kota: Kota, real_data: Path) -> Kota:
    kota.write_city(**{**CITY, "bounds": PADANG})
    return kota


def real_file(folder: Path, name: str, city: Kota) -> str:
    """Return the name of a copy of a real file in the city's folder; skip the test where there is none."""
    path = folder / name
    if not path.is_file():
        pytest.skip(f"the real file {name} is not here")
    shutil.copy(path, city.folder / path.name)
    return path.name


def source(name: str, file: str, attributes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    entity = {"type": "Thing", "id": entity_uri("Thing", name + ":{" + str(changes.get("key", "id")) + "}")}
    declaration = csv_source(source=name, read={"path": file}, entity={**entity, "attributes": attributes})
    return {**declaration, **changes}


def report_of(city: Kota, name: str) -> Report:
    run = city.sync(name)
    assert run.error is None
    report = city.look(lambda hub: quality.get_quality(operator(TENANT), hub, name)).report
    assert report is not None
    return report


def finding(report: Report, rule: str, where: str | None = None) -> Finding:
    found = [one for one in report.findings if one.rule == rule and where in (None, one.where)]
    assert len(found) == 1, [(one.rule, one.where) for one in report.findings]
    return found[0]


def reasons(one: Finding) -> dict[str, str]:
    return {sample.key: sample.reason for sample in one.samples}


BANDUNG_CODES = {
    "column": "kode",
    "list": "kemendagri",
    "within": "32.73",
    "names": ["Kecamatan", "Kelurahan/Desa"],
}


def population(file: str, **changes: Any) -> dict[str, Any]:
    rules = [
        {"rule": "rows", "from": 151, "to": 151},
        {"rule": "keys", "column": "kode", "list": "kemendagri", "within": "32.73", "depth": 2},
        {"rule": "total", "column": "Jumlah Penduduk", "equals": 2591763},
        {"rule": "parts", "column": ["Laki-laki", "Perempuan"], "equals": "Jumlah Penduduk"},
    ]
    attributes = {"name": "Kelurahan/Desa", "population": {"column": "Jumlah Penduduk", "number": "plain"}}
    return source(
        "penduduk", file, attributes, key="kode", codes=[{**BANDUNG_CODES, **changes}], rules=rules
    )


def test_defect_1_a_row_count_that_is_right_hides_a_village_that_is_there_twice(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "population/dukcapil_gis_kota_bandung_2024s2.csv", city)
    city.declare(population(file))
    report = report_of(city, "penduduk")
    assert report.rows == 151
    assert finding(report, "rows").broken == 0
    keys = reasons(finding(report, "keys"))
    assert "Cimenerang" in keys["32.73.27.1004"] or "Rancanumpang" in str(keys)
    assert "the sum is 2,590,809: 954 less than 2,591,763" in str(reasons(finding(report, "total")))
    assert finding(report, "parts").broken == 0
    print(keys, [(r.key, r.rule, r.reason) for r in city.rejects("penduduk")])
