"""Where rows lie: columns with coordinates, geometries, and codes of regions. Counts, and decides what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from simpul.connect.attributes import NUMBERS
from simpul.connect.code_lists import BPS, KEMENDAGRI, list_ids, open_code_list
from simpul.connect.proposal.columns import GEOMETRY, NUMBER, TEXT, ColumnFacts
from simpul.connect.proposal.draft import Draft, Line
from simpul.connect.proposal.words import own_name, words_of
from simpul.connect.values import RowRejected
from simpul.connect.vocabulary import RESERVED
from simpul.domain.code_list import CodeList
from simpul.domain.errors import SourceMisconfigured

_LATITUDE: Final = frozenset({"lat", "latitude", "lintang", "y", "ycoord", "ltd"})
_LONGITUDE: Final = frozenset({"lon", "lng", "long", "longitude", "bujur", "x", "xcoord", "lgtd"})
_REGION_CODE: Final = re.compile(r"\d\d(?:\.\d\d(?:\.\d\d(?:\.\d{4})?)?)?\Z")
_STATISTICS_CODE: Final = re.compile(r"\d{4}(?:\d{3}(?:\d{3})?)?\Z")
_NUMBERS: Final = re.compile(r"-?\d+(?:\.\d+)?")
_SHARE_IS: Final = 0.9
_SHARE_NAMES: Final = 0.6
_WITHIN_LEAST: Final = 0.5
_DISTINCT_MAX: Final = 5_000


def add_location(draft: Draft) -> None:
    """Add the attribute `location`, with the rule that it lies in the city where most rows do."""
    geometry = next((facts for facts in draft.seen.columns if facts.kind == GEOMETRY), None)
    if geometry is not None:
        told = f"{geometry.known:,} of {geometry.rows:,} rows have a geometry"
        draft.attributes["location"] = Line({"geometry": geometry.name}, told)
        draft.used.add(geometry.name)
        _add_bounds(draft, geometry)
        _leave_out_points(draft)
        return
    latitude = _find(draft, _LATITUDE, 90)
    longitude = _find(draft, _LONGITUDE, 180)
    if latitude is not None and longitude is not None:
        _add_point(draft, latitude, longitude)


def _add_bounds(draft: Draft, geometry: ColumnFacts) -> None:
    """Add the rule that geometries lie in the city, where most of the sample do: by a corner of each."""
    bounds = draft.city.bounds
    if bounds is None:
        return
    cells = [row[geometry.position] for row in draft.seen.rows]
    corners = [corner for cell in cells if (corner := _corner(cell)) is not None]
    inside = sum(1 for x, y in corners if _lies_in(bounds, x, y))
    if inside >= len(corners) * _WITHIN_LEAST:
        draft.rules.append(_inside("warn", f"{inside:,} of {len(corners):,} begin in the city's bounds"))


def _corner(cell: Any) -> tuple[float, float] | None:
    """Return the first position of a geometry, as GeoJSON or as text (WKT)."""
    if isinstance(cell, str):
        numbers = _NUMBERS.findall(cell.partition("(")[2])[:2]
        return (float(numbers[0]), float(numbers[1])) if len(numbers) == 2 else None
    found = cell.get("coordinates") if isinstance(cell, dict) else None
    while isinstance(found, list | tuple) and found and isinstance(found[0], list | tuple):
        found = found[0]
    if isinstance(found, list | tuple) and len(found) >= 2:
        return float(found[0]), float(found[1])
    return None


def _leave_out_points(draft: Draft) -> None:
    """Leave out the columns with a point in each geometry: what lies where is said by the geometry."""
    points = [_find(draft, _LATITUDE, 90), _find(draft, _LONGITUDE, 180)]
    for facts in points if all(points) else ():
        if facts is not None and facts.kind == NUMBER:
            draft.used.add(facts.name)
            draft.left_out.append((facts.name, "a point of the geometry"))


def _find(draft: Draft, names: frozenset[str], most: int) -> ColumnFacts | None:
    found = [
        facts
        for facts in draft.seen.columns
        if set(words_of(facts.name)) & names and facts.kind in (NUMBER, TEXT) and facts.known
        and (facts.kind == TEXT or (facts.form == "indonesian" or abs(facts.least or 0) <= 1_000_000 or most))
    ]  # fmt: skip
    return min(found, key=lambda facts: len(words_of(facts.name)), default=None)


class _Counted(NamedTuple):
    """Of the rows with both coordinates: how many are on the earth, in the city, and in the city once swapped."""

    good: int
    given: int
    inside: int
    swapped: int


def _count_places(draft: Draft, latitude: ColumnFacts, longitude: ColumnFacts, number: str) -> _Counted:
    good = inside = swapped = given = 0
    bounds = draft.city.bounds
    for row in draft.seen.rows:
        place = _place(row, latitude.position, longitude.position, number)
        if place is None:
            continue
        given += 1
        x, y = place
        good += abs(x) <= 180 and abs(y) <= 90
        inside += bounds is not None and _lies_in(bounds, x, y)
        swapped += bounds is not None and _lies_in(bounds, y, x)
    return _Counted(good, given, inside, swapped)


def _add_point(draft: Draft, latitude: ColumnFacts, longitude: ColumnFacts) -> None:
    bounds = draft.city.bounds
    # `100.301` alone could be a hundred thousand; as a longitude it is what lies on the earth.
    forms = {form: _count_places(draft, latitude, longitude, form) for form in ("plain", "indonesian")}
    number = max(forms, key=lambda form: forms[form].good)
    good, given, inside, swapped = forms[number]
    if not given or good < given * _WITHIN_LEAST:
        return
    told = f"{good:,} of {given:,} rows with both are places on the earth"
    if bounds is not None:
        told += f"; {inside:,} lie in the city's bounds"
    if swapped:
        told += f"; {swapped:,} have them swapped"
    origin = {"point": {"longitude": longitude.name, "latitude": latitude.name}}
    draft.attributes["location"] = Line({**origin, "number": number} if number != "plain" else origin, told)
    draft.used |= {latitude.name, longitude.name}
    if bounds is not None and inside >= good * _WITHIN_LEAST:
        severity = "" if inside >= good * _SHARE_IS else "warn"
        draft.rules.append(_inside(severity, f"{inside:,} of {given:,} places lie in the city's bounds"))


def _inside(severity: str, told: str) -> Line:
    rule = {"rule": "inside", "attribute": "location", "area": "city"}
    return Line({**rule, "severity": severity} if severity else rule, told)


def _place(row: Sequence[Any], latitude: int, longitude: int, number: str) -> tuple[float, float] | None:
    parse = NUMBERS[number]
    try:
        cells = [cell.strip() if isinstance(cell, str) else cell for cell in (row[longitude], row[latitude])]
        if None in cells or "" in cells:
            return None
        return float(parse(cells[0])), float(parse(cells[1]))
    except (RowRejected, ValueError, TypeError):
        return None


def _lies_in(bounds: tuple[float, float, float, float], x: float, y: float) -> bool:
    west, south, east, north = bounds
    return west <= x <= east and south <= y <= north


def add_codes(draft: Draft) -> None:
    """Add a rule for each column whose texts are codes of a list, and a column of codes where names have them."""
    found = False
    for facts in draft.seen.columns:
        if facts.kind in (NUMBER, TEXT) and 0 < facts.distinct <= _DISTINCT_MAX:
            found = _add_code_rule(draft, facts) or found
    if not found and draft.city.code:
        _add_names(draft)


def _add_code_rule(draft: Draft, facts: ColumnFacts) -> bool:
    for codes, within in _lists_for(draft, facts):
        known = sum(count for text, count in facts.values.items() if codes.find(text) is not None)
        if facts.known and known >= facts.known * _SHARE_IS:
            rule = {"rule": "code", "column": facts.name, "list": codes.id}
            rule |= {"within": within} if within else {}
            rule |= {} if known == facts.known else {"severity": "warn"}
            told = f"{known:,} of {facts.known:,} are codes of the list {codes.id}"
            draft.rules.append(Line(rule, told))
            return codes.id in (KEMENDAGRI, BPS)
    return False


def _lists_for(draft: Draft, facts: ColumnFacts) -> Iterator[tuple[CodeList, str]]:
    """Yield the lists that a column's texts may be codes of: those with the same form."""
    texts = list(facts.values)
    share = len(texts) * _SHARE_IS
    city, within = draft.city, draft.city.code
    if len(texts[0]) >= 4 and sum(1 for text in texts if _REGION_CODE.match(text) and "." in text) >= share:
        yield open_code_list(city, KEMENDAGRI, within), within
        yield open_code_list(city, KEMENDAGRI), ""
    elif len(texts[0]) >= 7 and sum(1 for text in texts if _STATISTICS_CODE.match(text)) >= share:
        yield open_code_list(city, BPS, texts[0][:4]), texts[0][:4]
    for list_id in list_ids(city)[2:]:
        try:
            yield open_code_list(city, list_id), ""
        except SourceMisconfigured:
            # What is wrong with a list of the city's own is told when the city is checked and run.
            continue


def _add_names(draft: Draft) -> None:
    """Add the codes that names of kecamatan and kelurahan mean, where most names have one."""
    columns = [_named(draft, {"kecamatan", "kec", "district"}), _named(draft, {"kelurahan", "kel", "desa", "nagari"})]
    names = [facts for facts in columns if facts is not None]
    if columns[0] is None or any(facts.name in draft.personal.classes for facts in names):
        return
    codes = open_code_list(draft.city, KEMENDAGRI, draft.city.code)
    today = datetime.now(UTC).date().isoformat()
    known = total = 0
    for row in draft.seen.rows:
        parent: str | None = draft.city.code
        for facts in names:
            cell = row[facts.position]
            parent = codes.match(str(cell), parent, today).code if parent and cell not in (None, "") else None
        total += 1
        known += parent is not None
    if total and known >= total * _SHARE_NAMES:
        content = {
            "column": "kode_wilayah", "list": KEMENDAGRI, "within": draft.city.code,
            "names": [facts.name for facts in names], "otherwise": "unknown",
        }  # fmt: skip
        draft.codes.append(Line(content, f"of {total:,} rows, the names of {known:,} have a code for sure"))
        draft.attributes[draft.free_name("regionCode")] = Line({"column": "kode_wilayah", "text": True}, "see codes")


def _named(draft: Draft, words: set[str]) -> ColumnFacts | None:
    fitting = [
        facts for facts in draft.seen.columns
        if set(words_of(facts.name)) & words and facts.kind == TEXT and not {"id", "kode"} & set(words_of(facts.name))
    ]  # fmt: skip
    return min(fitting, key=lambda facts: len(facts.name), default=None)


def name_of_own(draft: Draft, column: str, *, with_unit: bool = True) -> str:
    """Return the name of an attribute that no model names."""
    name = own_name(column, with_unit=with_unit)
    if name in RESERVED:
        name = f"source{name[0].upper()}{name[1:]}"
    # What is called so in NGSI-LD is a geometry.
    return draft.free_name("locationText" if name == "location" else name)
