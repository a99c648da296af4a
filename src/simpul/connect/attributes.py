"""Attributes compiled: from a mapping's words to functions that make instances of a row. No rows read here.

A mapping is compiled once per run, because a closure per attribute costs a quarter of walking the words each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from simpul.connect.fields import Plain
from simpul.connect.template import compile_template, template_columns, uri_part
from simpul.connect.values import (
    Convert,
    RowRejected,
    date_parser,
    moment_of_value,
    parse_indonesian_number,
    parse_number,
    plain_value,
    show,
    text_of,
)
from simpul.domain.context import Context
from simpul.domain.entity import Instance
from simpul.domain.errors import HubError
from simpul.domain.geo import raise_unless_geometry

Cells = Sequence[Any]
Make = Callable[[Cells], Any]
MakeInstance = Callable[[Cells, str | None], Instance | None]

NUMBERS: Final[dict[str, Callable[[Any], int | float]]] = {
    "plain": parse_number,
    "indonesian": parse_indonesian_number,
}
_INSTANCES_REMEMBERED_MAX: Final = 1_024
# What may be large is not worth its room.
_BULKY: Final = frozenset({"geometry", "object", "split"})
_CASES: Final[dict[str, Callable[[str], str]]] = {"upper": str.upper, "lower": str.lower, "title": str.title}


@dataclass(frozen=True, slots=True)
class Setting:
    """What compiling needs to know: where each column stands, the names' @context, and the source's time zone."""

    index: Mapping[str, int]
    context: Context
    zone: tzinfo


def compile_attribute(spec: Plain, setting: Setting) -> MakeInstance:
    """Return a function from a row and the entity's observation time to the attribute's instance, or None."""
    make = _compile_instance(spec, setting)
    column = only_column(spec)
    return make if column is None else _remembering(make, setting.index[column])


def only_column(spec: Plain) -> str | None:
    """Return the column whose cell alone says what the attribute is, where it is worth remembering what it said."""
    columns = set(columns_of_attribute(spec))
    return columns.pop() if len(columns) == 1 and not _BULKY.intersection(spec) else None


def _remembering(make: MakeInstance, position: int) -> MakeInstance:
    """Return the function with a memory: most columns say the same few things, and whoever reads may share them."""
    known: dict[str | int, Instance] = {}

    def make_instance(cells: Cells, observed: str | None) -> Instance | None:
        cell = cells[position]
        # Of other kinds some are equal and not the same: 1.0 is True.
        if observed is not None or (type(cell) is not str and type(cell) is not int):
            return make(cells, observed)
        found = known.get(cell)
        if found is not None:
            return found
        made = make(cells, None)
        if made is not None and len(known) < _INSTANCES_REMEMBERED_MAX:
            known[cell] = made
        return made

    return make_instance


def columns_of_attribute(spec: Plain) -> Iterator[str]:
    """Yield every column that an attribute's words name."""
    for origin in ("column", "geometry"):
        if origin in spec:
            yield spec[origin]
    for origin in ("template", "relationship"):
        if origin in spec:
            yield from template_columns(spec[origin])
    if "observed_at" in spec:
        yield spec["observed_at"]["column"]
    yield from spec.get("point", {}).values()
    yield from spec.get("languages", {}).values()
    for below in (*spec.get("object", {}).values(), *spec.get("with", {}).values()):
        yield from columns_of_attribute(below)


def _compile_instance(spec: Plain, setting: Setting) -> MakeInstance:
    kind, member, make = _compile_origin(spec, setting)
    extras = _compile_extras(spec, setting)
    takes_time = spec.get("measured", "number" in spec) and "observed_at" not in spec
    if not extras and not takes_time:
        return lambda cells, _: None if (value := make(cells)) is None else {"type": kind, member: value}

    def make_instance(cells: Cells, observed: str | None) -> Instance | None:
        value = make(cells)
        if value is None:
            return None
        instance: Instance = {"type": kind, member: value}
        for name, extra in extras:
            found = extra(cells)
            if found is not None:
                instance[name] = found
        if takes_time and observed is not None:
            instance["observedAt"] = observed
        return instance

    return make_instance


def _compile_origin(spec: Plain, setting: Setting) -> tuple[str, str, Make]:
    if "relationship" in spec:
        return "Relationship", "object", _compile_relationship(spec, setting)
    if "point" in spec:
        return "GeoProperty", "value", _compile_point(spec, setting)
    if "geometry" in spec:
        return "GeoProperty", "value", _compile_geometry(spec, setting)
    if "languages" in spec:
        return "LanguageProperty", "languageMap", _compile_languages(spec, setting)
    return "Property", "value", _compile_value(spec, setting)


def _compile_value(spec: Plain, setting: Setting) -> Make:
    """Return a function from a row to a bare value."""
    if "column" in spec:
        return _compile_column(spec, setting)
    if "constant" in spec:
        constant = spec["constant"]
        return lambda _: constant
    if "template" in spec:
        return _compile_text(spec, setting)
    if "object" in spec:
        return _compile_object(spec, setting)
    return _compile_origin(spec, setting)[2]


def _compile_extras(spec: Plain, setting: Setting) -> list[tuple[str, Make]]:
    extras: list[tuple[str, Make]] = []
    unit = spec.get("unit")
    if unit is not None:
        extras.append(("unitCode", lambda _: unit))
    if "observed_at" in spec:
        extras.append(("observedAt", compile_moment(spec["observed_at"], setting)))
    for name, below in spec.get("with", {}).items():
        extras.append((setting.context.expand(name), _without_time(compile_attribute(below, setting))))
    return extras


def _without_time(make: MakeInstance) -> Make:
    return lambda cells: make(cells, None)


def compile_moment(spec: Plain, setting: Setting) -> Make:
    """Return a function from a row to a moment in UTC, or None."""
    position = setting.index[spec["column"]]
    parse = date_parser(spec.get("date", ["iso"]), setting.zone)
    zone = setting.zone

    def moment(cells: Cells) -> str | None:
        cell = cells[position]
        try:
            value = None if cell is None else parse(cell)
        except RowRejected as rejected:
            raise rejected.in_column(spec["column"]) from None
        return None if value is None else moment_of_value(value, zone)

    return moment


def _compile_column(spec: Plain, setting: Setting) -> Make:
    position = setting.index[spec["column"]]
    convert = _compile_convert(spec, setting)
    if "map" in spec:
        convert = _compile_map(spec, convert)
    if "unknown" in spec:
        convert = _compile_unknown(spec, convert)
    if "split" in spec:
        convert = _compile_split(spec["split"], convert)

    def make(cells: Cells) -> Any:
        cell = cells[position]
        try:
            return None if cell is None else convert(cell)
        except RowRejected as rejected:
            raise rejected.in_column(spec["column"]) from None

    return make


def _compile_convert(spec: Plain, setting: Setting) -> Convert:
    if "number" in spec:
        return NUMBERS[spec["number"]]
    if "date" in spec:
        return date_parser(spec["date"], setting.zone)
    if "boolean" in spec:
        return _compile_boolean(spec["boolean"])
    if "case" in spec:
        change = _CASES[spec["case"]]
        return lambda cell: change(text_of(cell))
    if spec.get("text"):
        return text_of
    zone = setting.zone
    return lambda cell: plain_value(cell, zone)


def _compile_boolean(words: Plain) -> Convert:
    table = {text_of(word).casefold(): True for word in words["when_true"]}
    table |= {text_of(word).casefold(): False for word in words["when_false"]}

    def convert(cell: Any) -> bool:
        found = table.get(text_of(cell).casefold())
        if found is None:
            raise RowRejected("boolean", f"{show(cell)} is neither of the words for true and false")
        return found

    return convert


def _compile_map(spec: Plain, convert: Convert) -> Convert:
    table: dict[str, Any] = spec["map"]
    folded = {name.casefold(): value for name, value in table.items()}
    otherwise = spec.get("otherwise", "reject")
    refines = any(name in spec for name in ("number", "date", "boolean", "case", "text"))

    def look_up(cell: Any) -> Any:
        text = text_of(cell)
        found = table.get(text)
        if found is None:
            found = folded.get(text.casefold())
        if found is not None:
            return convert(found) if refines else found
        if otherwise == "reject":
            known = ", ".join(list(table)[:12])
            raise RowRejected("map", f"{show(cell)} is none of the values that the mapping knows: {known}")
        return convert(cell) if otherwise == "keep" else None

    return look_up


def _compile_unknown(spec: Plain, convert: Convert) -> Convert:
    texts = frozenset(text_of(value).casefold() for value in spec["unknown"])
    numbers = frozenset(value for value in spec["unknown"] if isinstance(value, int | float))
    as_number = "number" in spec and bool(numbers)

    def known_or_none(cell: Any) -> Any:
        if text_of(cell).casefold() in texts:
            return None
        value = convert(cell)
        return None if as_number and value in numbers else value

    return known_or_none


def _compile_split(separator: str, convert: Convert) -> Convert:
    def convert_parts(cell: Any) -> list[Any] | None:
        parts = (part.strip() for part in text_of(cell).split(separator))
        values = [value for part in parts if part and (value := convert(part)) is not None]
        return values or None

    return convert_parts


def _compile_text(spec: Plain, setting: Setting) -> Make:
    render = compile_template(spec["template"], setting.index)
    if "case" not in spec:
        return render
    change = _CASES[spec["case"]]

    def make(cells: Cells) -> Any:
        text = render(cells)
        return None if text is None else change(text)

    return make


def _compile_relationship(spec: Plain, setting: Setting) -> Make:
    template = spec["relationship"]
    if "split" not in spec and "unknown" not in spec:
        return compile_template(template, setting.index, uri_part)
    texts = frozenset(text_of(value).casefold() for value in spec.get("unknown", ()))
    render = compile_template(template, setting.index, uri_part)
    separator = spec.get("split")

    def make(cells: Cells) -> Any:
        # Each part stands in the place of the whole cell, in every column of the template.
        rows = _parts(cells, separator) if separator is not None else [cells]
        uris = [uri for row in rows if (uri := render(_forget(row, texts))) is not None]
        return (uris if len(uris) > 1 else uris[0]) if uris else None

    return make


def _parts(cells: Cells, separator: str) -> list[Cells]:
    split = [text_of(cell).split(separator) if cell is not None else [None] for cell in cells]
    longest = max(len(parts) for parts in split)
    return [
        [(part.strip() or None) if part else None for part in (parts[min(i, len(parts) - 1)] for parts in split)]
        for i in range(longest)
    ]


def _forget(cells: Cells, texts: frozenset[str]) -> Cells:
    if not texts:
        return cells
    return [None if cell is not None and text_of(cell).casefold() in texts else cell for cell in cells]


def _compile_languages(spec: Plain, setting: Setting) -> Make:
    places = [(language, setting.index[column]) for language, column in spec["languages"].items()]
    change = _CASES.get(spec.get("case", ""), str)

    def make(cells: Cells) -> Any:
        texts = {name: change(text_of(cells[at])) for name, at in places if cells[at] is not None}
        return texts or None

    return make


def _compile_object(spec: Plain, setting: Setting) -> Make:
    members = [(name, _compile_value(below, setting)) for name, below in spec["object"].items()]
    constant = all("constant" in below for below in spec["object"].values())

    def make(cells: Cells) -> Any:
        known = {name: value for name, member in members if (value := member(cells)) is not None}
        return known or None

    def make_with_substance(cells: Cells) -> Any:
        known = make(cells)
        # An address of which only the constant city is known says nothing.
        return known if known is not None and known.keys() - fixed else None

    fixed = {name for name, below in spec["object"].items() if "constant" in below}
    return make if constant else make_with_substance


def _compile_point(spec: Plain, setting: Setting) -> Make:
    east, north = setting.index[spec["point"]["longitude"]], setting.index[spec["point"]["latitude"]]
    convert: Convert = NUMBERS[spec.get("number", "plain")]
    if "unknown" in spec:
        convert = _compile_unknown({"unknown": spec["unknown"], "number": "plain"}, convert)

    def make(cells: Cells) -> Any:
        longitude, latitude = cells[east], cells[north]
        if longitude is None or latitude is None:
            return None
        try:
            longitude = convert(longitude)
        except RowRejected as rejected:
            raise rejected.in_column(spec["point"]["longitude"]) from None
        try:
            latitude = convert(latitude)
        except RowRejected as rejected:
            raise rejected.in_column(spec["point"]["latitude"]) from None
        if longitude is None or latitude is None:
            return None
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise_unless_on_earth(longitude, latitude)
        return {"type": "Point", "coordinates": [longitude, latitude]}

    return make


def raise_unless_on_earth(longitude: float, latitude: float) -> None:
    """Raise RowRejected for a place that is not on the earth."""
    if -180 <= longitude <= 180 and -90 <= latitude <= 90:
        return
    hint = ""
    if -90 <= longitude <= 90 and -180 <= latitude <= 180:
        hint = "; longitude and latitude look swapped"
    reason = f"longitude {longitude}, latitude {latitude} is not on the earth (-180 to 180, -90 to 90){hint}"
    raise RowRejected("coordinate", reason)


def _compile_geometry(spec: Plain, setting: Setting) -> Make:
    position = setting.index[spec["geometry"]]
    name = f"the column {spec['geometry']}"

    def make(cells: Cells) -> Any:
        cell = cells[position]
        if cell is None:
            return None
        geometry = cell if isinstance(cell, dict) else _parse_geometry(text_of(cell))
        try:
            raise_unless_geometry(geometry, name)
        except HubError as error:
            raise RowRejected("geometry", error.detail) from error
        return geometry

    return make


def _parse_geometry(text: str) -> Any:
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise RowRejected("geometry", f"{show(text)} is not GeoJSON: {error}") from error
    import shapely  # noqa: PLC0415 - It costs 0.2 s, which a source without such shapes has not.

    try:
        return json.loads(shapely.to_geojson(shapely.from_wkt(text)))
    except shapely.errors.GEOSException as error:
        raise RowRejected("geometry", f"{show(text)} is neither GeoJSON nor WKT") from error
