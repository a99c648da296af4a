"""The words of a mapping: what each makes of a row."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from simpul.connect.city import load_city
from simpul.connect.connector import Row
from simpul.connect.mapping import Mapper
from simpul.connect.rules import SeenKeys
from simpul.connect.values import RowRejected
from simpul.domain.context import CORE
from tests.connect.kota import Kota

COLUMNS = ("id", "nama", "name", "nilai", "bujur", "lintang", "tanggal", "koridor", "aktif", "kondisi", "kosong")
CELLS = ("1", " Pasar\nRaya ", "Main Market", "1.234,5", "100.36", "-0.95", "31/05/2015", "1;2", "Ya", "RR", "")


def mapper_of(kota: Kota, attributes: str, **entity: Any) -> Mapper:
    text = f"""
source: halte
agency: dishub
title: Halte
kind: table
read: {{path: halte.csv}}
time_zone: Asia/Jakarta
key: id
entity:
  type: [BusStop, Place]
  id: "urn:ngsi-ld:BusStop:kota:{{id}}"
  scope: /transport
  attributes:
    a: {attributes}
"""
    plain = yaml.safe_load(text)
    plain.update(entity)
    path = kota.folder / "sources" / "halte.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    loaded = load_city(kota.folder)
    assert loaded.problems == []
    assert loaded.city is not None
    return Mapper(loaded.city.sources[0], loaded.city, CORE, COLUMNS)


def map_row(mapper: Mapper, *cells: Any) -> dict[str, Any]:
    row = Row(1, cells or CELLS)
    taken = mapper.take(row.number, row.cells)
    assert taken is not None
    return CORE.compact_entity(mapper.map(taken))


def attribute(kota: Kota, written: str) -> Any:
    return map_row(mapper_of(kota, written)).get("a")


@pytest.mark.parametrize(("written", "expected"), [
    ("nama", {"type": "Property", "value": "Pasar Raya"}),
    ("{column: nilai}", {"type": "Property", "value": "1.234,5"}),
    ("{column: nilai, number: indonesian, unit: MTR}", {"type": "Property", "value": 1234.5, "unitCode": "MTR"}),
    ("{column: tanggal, date: '%d/%m/%Y'}", {"type": "Property", "value": {"@type": "Date", "@value": "2015-05-31"}}),
    ("{column: aktif, boolean: {when_true: [ya], when_false: [tidak]}}", {"type": "Property", "value": True}),
    ("{column: kondisi, map: {B: Baik, RR: Rusak Ringan}}", {"type": "Property", "value": "Rusak Ringan"}),
    ("{column: kondisi, map: {B: Baik}, otherwise: omit}", None),
    ("{column: kondisi, map: {B: Baik}, otherwise: keep}", {"type": "Property", "value": "RR"}),
    ("{column: kondisi, unknown: [rr]}", None),
    ("{column: kosong}", None),
    ("{column: koridor, split: ';', number: plain}", {"type": "Property", "value": [1, 2]}),
    ("{column: id, text: true}", {"type": "Property", "value": "1"}),
    ("{column: nama, case: upper}", {"type": "Property", "value": "PASAR RAYA"}),
    ("{constant: [1, {b: c}]}", {"type": "Property", "value": [1, {"b": "c"}]}),
    ("{template: '{nama} ({id})'}", {"type": "Property", "value": "Pasar Raya (1)"}),
    ("{template: '{nama} {kosong}'}", None),
    ("{relationship: 'urn:ngsi-ld:Stop:{nama}'}", {"type": "Relationship", "object": "urn:ngsi-ld:Stop:Pasar%20Raya"}),
    ("{relationship: 'urn:ngsi-ld:Line:{koridor}', split: ';'}",
     {"type": "Relationship", "object": ["urn:ngsi-ld:Line:1", "urn:ngsi-ld:Line:2"]}),
    ("{relationship: 'urn:ngsi-ld:Line:{id}', unknown: [1]}", None),
    ("{point: {longitude: bujur, latitude: lintang}}",
     {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36, -0.95]}}),
    ("{point: {longitude: bujur, latitude: kosong}}", None),
    ("{languages: {id: nama, en: name, jv: kosong}}",
     {"type": "LanguageProperty", "languageMap": {"id": "Pasar Raya", "en": "Main Market"}}),
    ("{object: {street: nama, city: {constant: Padang}, none: kosong}}",
     {"type": "Property", "value": {"street": "Pasar Raya", "city": "Padang"}}),
    ("{object: {street: kosong, city: {constant: Padang}}}", None),
    ("{column: nama, observed_at: {column: tanggal, date: '%d/%m/%Y'}}",
     {"type": "Property", "value": "Pasar Raya", "observedAt": "2015-05-30T17:00:00Z"}),
    ("{column: nama, with: {note: {column: kondisi}}}",
     {"type": "Property", "value": "Pasar Raya", "note": {"type": "Property", "value": "RR"}}),
])  # fmt: skip
def test_each_word_makes_what_it_says(kota: Kota, written: str, expected: Any) -> None:
    assert attribute(kota, written) == expected


def test_the_entity_has_its_types_and_scope(kota: Kota) -> None:
    entity = map_row(mapper_of(kota, "nama"))
    assert (entity["id"], entity["scope"]) == ("urn:ngsi-ld:BusStop:kota:1", "/transport")
    assert set(entity["type"]) == {"BusStop", "Place"}


@pytest.mark.parametrize(("written", "rule", "reason"), [
    ("{column: nama, number: plain}", "number", "nama: 'Pasar Raya' is not a number"),
    ("{column: kondisi, map: {B: Baik}}", "map", "kondisi: 'RR' is none of the values that the mapping knows: B"),
    ("{column: kondisi, boolean: {when_true: [ya], when_false: [tidak]}}", "boolean", "neither of the words"),
    ("{point: {longitude: lintang, latitude: bujur}}", "coordinate", "look swapped"),
    ("{geometry: nama}", "geometry", "neither GeoJSON nor WKT"),
])  # fmt: skip
def test_a_value_that_does_not_fit_rejects_the_row(kota: Kota, written: str, rule: str, reason: str) -> None:
    with pytest.raises(RowRejected) as caught:
        attribute(kota, written)
    assert caught.value.rule == rule
    assert reason in caught.value.reason


@pytest.mark.parametrize("written", ["POINT (100.3 -0.9)", json.dumps({"type": "Point", "coordinates": [100.3, -0.9]})])
def test_a_geometry_may_be_text(kota: Kota, written: str) -> None:
    mapper = mapper_of(kota, "{geometry: nama}")
    value = map_row(mapper, "1", written, *CELLS[2:])["a"]["value"]
    assert value == {"type": "Point", "coordinates": [100.3, -0.9]}


def test_values_that_mean_not_known_hold_in_every_column(kota: Kota) -> None:
    mapper = mapper_of(kota, "{template: '{nama} {kondisi}'}", unknown=["rr", 0])
    assert "a" not in map_row(mapper)


@pytest.mark.parametrize(("rule", "cells", "reason"), [
    ({"rule": "required", "column": ["nama", "kosong"]}, CELLS, "kosong is empty"),
    (
        {"rule": "range", "column": "nilai", "to": 1000, "format": "indonesian"}, CELLS,
        "nilai: 1234.5 is more than 1000",
    ),
    ({"rule": "range", "column": "lintang", "from": 0}, CELLS, "lintang: -0.95 is less than 0"),
    (
        {"rule": "number", "column": "nilai"}, CELLS,
        "nilai: '1.234,5' is not a number; it looks Indonesian: declare it as indonesian, not plain",
    ),
    ({"rule": "pattern", "column": "nama", "matches": "^Halte"}, CELLS, "nama: 'Pasar Raya' does not match ^Halte"),
    ({"rule": "one_of", "column": "kondisi", "values": ["B", "RB"]}, CELLS, "kondisi: 'RR' is none of B, RB"),
])  # fmt: skip
def test_a_row_that_breaks_a_rule_is_rejected(kota: Kota, rule: dict[str, Any], cells: Any, reason: str) -> None:
    mapper = mapper_of(kota, "nama", rules=[rule])
    with pytest.raises(RowRejected) as caught:
        map_row(mapper, *cells)
    assert (caught.value.rule, caught.value.reason) == (rule["rule"], reason)


@pytest.mark.parametrize("rule", [
    {"rule": "range", "column": "kosong", "from": 1}, {"rule": "pattern", "column": "kosong", "matches": "x"},
    {"rule": "one_of", "column": "kondisi", "values": ["rr"]},
    {"rule": "number", "column": "nilai", "format": "indonesian"},
])  # fmt: skip
def test_a_rule_says_nothing_about_what_is_empty_or_right(kota: Kota, rule: dict[str, Any]) -> None:
    assert map_row(mapper_of(kota, "nama", rules=[rule]))["a"]["value"] == "Pasar Raya"


@pytest.mark.parametrize("skip", [
    {"column": "id", "is": [1]}, {"column": "nama", "matches": "^Pasar R"}, {"column": "kosong", "empty": True},
])  # fmt: skip
def test_a_row_that_is_no_record_is_left_out(kota: Kota, skip: dict[str, Any]) -> None:
    assert mapper_of(kota, "nama", skip=[skip]).take(1, CELLS) is None


def test_cells_of_different_kinds_have_different_digests(kota: Kota) -> None:
    cells = [
        1,
        "1",
        1.0,
        True,
        Decimal(1),
        b"1",
        None,
        "",
        2**70,
        str(2**70),
        "\ud800",
        "?",
        date(2015, 5, 31),
        "2015-05-31",
    ]
    digests = []
    for cell in cells:
        taken = mapper_of(kota, "nama").take(1, ("1", cell, *CELLS[2:]))
        assert taken is not None
        digests.append(taken.digest)
    assert len(set(digests)) == len(cells)


def test_what_is_remembered_of_a_column_is_never_taken_for_something_else(kota: Kota) -> None:
    mapper = mapper_of(kota, "{column: nama, unit: MTR}")
    cells = [1, "1", 1.0, True, "1 ", None, " ", 1, "1", 1.0, True, None]
    values = [map_row(mapper, str(number), cell, *CELLS[2:]).get("a") for number, cell in enumerate(cells)]
    expected = [1, "1", 1.0, True, "1", None, None, 1, "1", 1.0, True, None]
    for value, wanted in zip(values, expected, strict=True):
        assert value == (None if wanted is None else {"type": "Property", "value": wanted, "unitCode": "MTR"})
        assert value is None or type(value["value"]) is type(wanted)


def test_a_column_with_more_values_than_are_remembered_is_mapped_as_any_other(kota: Kota) -> None:
    mapper = mapper_of(kota, "{template: 'Halte {nama}', with: {alsoKnownAs: name}}")
    for number in range(6_000):
        instance = map_row(mapper, str(number), f"n{number}", f"m{number // 3}", *CELLS[3:])["a"]
        assert instance["value"] == f"Halte n{number}"
        assert instance["alsoKnownAs"]["value"] == f"m{number // 3}"


def test_the_digest_is_of_the_used_cells_and_the_mapping(kota: Kota) -> None:
    def digest(written: str, *cells: Any) -> bytes:
        taken = mapper_of(kota, written).take(1, cells or CELLS)
        assert taken is not None
        return taken.digest

    assert digest("nama") == digest("nama")
    assert digest("nama") == digest("nama", *CELLS[:2], "other", *CELLS[3:])
    assert digest("nama") != digest("nama", "1", "other", *CELLS[2:])
    assert digest("nama") != digest("{column: nama, case: upper}")


def test_a_row_without_its_key_is_rejected(kota: Kota) -> None:
    mapper = mapper_of(kota, "nama")
    taken = mapper.take(7, ("", *CELLS[1:]))
    assert taken is not None
    assert taken.key == "row 7"
    with pytest.raises(RowRejected, match="id is empty, and it identifies the row"):
        mapper.map(taken)


def test_a_hundred_thousand_keys_are_seen_once_each() -> None:
    seen = SeenKeys()
    assert all(seen.add(f"kunci {number}") for number in range(100_000))
    assert not any(seen.add(f"kunci {number}") for number in range(0, 100_000, 7))
    assert "kunci 5" in seen
    assert "kunci -1" not in seen
    assert seen.count == 100_000
