"""The city right now: what moves and what is measured, on Home and as GeoJSON. What is shown is city.yaml's to say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from simpul import limits
from simpul.console import scale
from simpul.console.formats import unit_sign
from simpul.console.pages.answers import FigureView, LegendEntry
from simpul.console.reading import question, read_all
from simpul.console.table import EMPTY, Cell, Column, Row, Table, sorted_rows
from simpul.console.values import display_name, entity_address, place_of, plain_text, term, type_address
from simpul.console.visit import Visit
from simpul.domain.city import LiveLayer
from simpul.domain.entity import Instance, Record, attribute_names, instances
from simpul.domain.moment import count_microseconds

ADDRESS: Final = "/layers/now.geojson"


@dataclass(frozen=True, slots=True)
class NowView:
    """The section of Home: a map, what is counted, and what is measured where."""

    title: str
    note: str
    layer: str
    types: str
    bounds: str
    legend: tuple[LegendEntry, ...]
    figures: tuple[FigureView, ...]
    tables: tuple[tuple[str, Table], ...]
    is_empty: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """An entity as it is now. `value` is the number that shades it, where that is known and fresh."""

    record: Record
    place: dict[str, Any] | None
    value: float | None = None
    unit: str = ""


async def view_of(visit: Visit) -> NowView | None:
    """Return what the city shows as it is now, or None where it shows nothing that the visitor may read."""
    live, layers = visit.city.live, _layers(visit)
    if live is None or not layers:
        return None
    seen = [(layer, await _read(visit, layer)) for layer in layers]
    return NowView(
        title=visit.pick(live.title),
        note=visit.pick(live.note) if live.note is not None else "",
        layer=ADDRESS,
        types=json.dumps([term(layer.type_name) for layer in layers]),
        bounds=_bounds([one for _, found in seen for one in found]),
        legend=tuple(entry for layer, found in seen for entry in _legend(visit, layer, found)),
        figures=tuple(_figure(visit, layer, found) for layer, found in seen),
        tables=tuple(_table(visit, layer, found) for layer, found in seen if layer.shade is not None and found),
        is_empty=not any(found for _, found in seen),
    )


async def show(visit: Visit) -> Response:
    """Return the places of all layers as they are now. Nothing of it is kept: it is asked for when something moved."""
    features = [
        _feature(visit, layer, one)
        for layer in _layers(visit)
        for one in await _read(visit, layer)
        if one.place is not None
    ]
    collection = {"type": "FeatureCollection", "features": features}
    return JSONResponse(collection, media_type="application/geo+json", headers={"Cache-Control": "no-store"})


def _layers(visit: Visit) -> list[LiveLayer]:
    live = visit.city.live
    return [] if live is None else [layer for layer in live.layers if visit.caller.may_read((layer.type_name,))]


async def _read(visit: Visit, layer: LiveLayer) -> list[_Seen]:
    records = await read_all(visit, question(visit, layer.type_name), limits.CONSOLE_MAP_PLACES_MAX)
    return [_seen(visit, layer, record) for record in records if _is_fresh(visit, layer, record)]


def _is_fresh(visit: Visit, layer: LiveLayer, record: Record) -> bool:
    """Return whether anything of the entity is as new as what the layer shows."""
    if layer.within_us is None:
        return True
    observed = max((_observed_us(record, name) for name in attribute_names(record.entity)), default=0)
    return visit.now_us - max(observed, record.times.modified_us) <= layer.within_us


def _observed_us(record: Record, name: str) -> int:
    instance = _first(record, name)
    observed = None if instance is None else instance.get("observedAt")
    return 0 if observed is None else count_microseconds(observed)


def _first(record: Record, name: str) -> Instance | None:
    return instances(record.entity[name])[0] if name in record.entity else None


def _seen(visit: Visit, layer: LiveLayer, record: Record) -> _Seen:
    place = place_of(record.entity)
    if layer.shade is None:
        return _Seen(record, place)
    instance = _first(record, layer.shade) or {}
    value = instance.get("value")
    is_old = layer.within_us is not None and visit.now_us - _observed_us(record, layer.shade) > layer.within_us
    if isinstance(value, bool) or not isinstance(value, int | float) or is_old:
        return _Seen(record, place)
    return _Seen(record, place, value, unit_sign(str(instance.get("unitCode", ""))))


def _level(layer: LiveLayer, value: float | None) -> int:
    """Return the shade of a value; what is not above the first step has none."""
    if value is None or value <= layer.steps[0]:
        return 0
    return scale.level(value, layer.steps)


def _feature(visit: Visit, layer: LiveLayer, seen: _Seen) -> dict[str, Any]:
    record = seen.record
    name = display_name(visit, record.entity)
    properties: dict[str, Any] = {"id": record.id, "name": name, "tip": name, "href": entity_address(record.id)}
    if layer.label is not None:
        label = plain_text(record.entity.get(layer.label))
        properties |= {"mark": label[: limits.LIVE_LABEL_CHARACTERS_MAX], "tip": f"{name} · {label}"}
    elif layer.shade is not None:
        text = visit.text("no value")
        if seen.value is not None:
            text = f"{visit.formats.number(seen.value)} {seen.unit}".strip()
        properties |= {"level": _level(layer, seen.value), "tip": f"{name} · {text}"}
    return {"type": "Feature", "id": record.id, "geometry": seen.place, "properties": properties}


def _bounds(seen: list[_Seen]) -> str:
    """Return the box around what is at a point, as the map reads it."""
    places = [one.place["coordinates"] for one in seen if one.place is not None and one.place["type"] == "Point"]
    if not places:
        return ""
    longitudes, latitudes = [place[0] for place in places], [place[1] for place in places]
    return json.dumps([min(longitudes), min(latitudes), max(longitudes), max(latitudes)])


def _legend(visit: Visit, layer: LiveLayer, seen: list[_Seen]) -> list[LegendEntry]:
    if layer.shade is None:
        return [LegendEntry("plain" if layer.label is None else "mark", visit.word(layer.type_name))]
    name, unit = visit.word(layer.shade), _unit(seen)
    steps = [LegendEntry(str(level if level > 1 else 0), text) for level, text in scale.labels(visit, layer.steps)]
    return [LegendEntry("", f"{name} ({unit})" if unit else name), *steps]


def _unit(seen: list[_Seen]) -> str:
    return next((one.unit for one in seen if one.unit), "")


def _figure(visit: Visit, layer: LiveLayer, seen: list[_Seen]) -> FigureView:
    count = len(seen) if layer.shade is None else sum(1 for one in seen if one.value is not None)
    return FigureView(visit.formats.number(count), "", visit.pick(layer.title), type_address(layer.type_name))


def _table(visit: Visit, layer: LiveLayer, seen: list[_Seen]) -> tuple[str, Table]:
    assert layer.shade is not None, "only what is measured is listed"
    ordered: list[_Seen] = sorted_rows([(one.value, one) for one in seen], "descending")
    # As many decimals everywhere, so that the numbers line up.
    decimals = 1 if any(one.value is not None and one.value % 1 for one in seen) else 0
    rows = tuple(
        Row(
            one.record.id,
            display_name(visit, one.record.entity),
            entity_address(one.record.id),
            (_cell(visit, layer, one, decimals),),
        )
        for one in ordered[: limits.LIVE_ROWS_SHOWN]
    )
    title = visit.word(layer.type_name)
    columns = (Column("name", visit.text("Name")), Column("value", visit.word(layer.shade), _unit(seen), right=True))
    return title, Table(f"now-{term(layer.type_name)}", columns, rows)


def _cell(visit: Visit, layer: LiveLayer, seen: _Seen, decimals: int) -> Cell:
    if seen.value is None:
        return EMPTY
    return Cell(visit.formats.number(seen.value, decimals), right=True, level=_level(layer, seen.value))
