"""What the maps draw, as GeoJSON: boundaries, entities of a type, one entity, an answer. No styles here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from simpul import limits
from simpul.app import answers, entities, types
from simpul.app.answers import Answer, Row
from simpul.console import scale
from simpul.console.pages import answers as answers_page
from simpul.console.reading import question, read_all
from simpul.console.values import display_name, entity_address, place_of, search_text
from simpul.console.visit import Visit
from simpul.console.words import short_name
from simpul.domain.context import CORE
from simpul.domain.entity import Record
from simpul.domain.errors import NotFound

# What a city's own areas and lines are called: from the whole city (0) to the wards in it (2) and its roads (3).
BOUNDARY_RANKS = {
    "Kota": 0, "City": 0, "Kecamatan": 1, "District": 1, "Kelurahan": 2, "Desa": 2, "Ward": 2,
    "AdministrativeArea": 2, "BusRoute": 3, "Road": 3, "River": 3,
}  # fmt: skip


async def boundaries(visit: Visit) -> Response:
    """Return what every map is drawn upon: the city's areas and lines."""
    features = []
    for name in types.list_types(visit.caller, visit.hub):
        rank = BOUNDARY_RANKS.get(short_name(name))
        if rank is not None:
            for record in await _read(visit, name):
                geometry = place_of(record.entity)
                if geometry is not None and geometry["type"] not in {"Point", "MultiPoint"}:
                    features.append(feature(visit, record, geometry, rank=rank))
    return _answer(features)


async def entities_of_type(visit: Visit) -> Response:
    """Return the entities of a type that have a place, those that the table's search finds."""
    searched = visit.parameter("q").strip().casefold()
    features = []
    for record in await _read(visit, CORE.expand(visit.parameter("type"))):
        geometry = place_of(record.entity)
        if geometry is not None and (not searched or searched in search_text(visit, record.entity)):
            features.append(feature(visit, record, geometry))
    return _answer(features)


async def entity(visit: Visit) -> Response:
    """Return one entity's place."""
    record = await entities.retrieve(visit.caller, visit.hub, visit.request.path_params["id"])
    geometry = place_of(record.entity)
    if geometry is None:
        raise NotFound("That entity has no place.")
    return _answer([feature(visit, record, geometry)])


async def _read(visit: Visit, type_name: str) -> list[Record]:
    return await read_all(visit, question(visit, type_name), limits.CONSOLE_MAP_PLACES_MAX)


def feature(visit: Visit, record: Record, geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    name = display_name(visit, record.entity)
    given = {"id": record.id, "name": name, "tip": name, "href": entity_address(record.id), **properties}
    return {"type": "Feature", "geometry": geometry, "properties": given}


async def answer(visit: Visit) -> Response:
    """Return the places of an answer in their shades, the others of its type, and the places it leads to."""
    found = await answers.answer(visit.caller, visit.hub, visit.request.path_params["id"])
    steps = answers_page.breaks_of(found)
    features = [_row_feature(visit, found, row, steps) for row in found.rows if row.place is not None]
    if answers_page.is_filtered(visit, found):
        shown = {row.id for row in found.rows}
        others = await _points(visit, CORE.expand(found.row_type))
        features += [feature(visit, record, geometry, level=0) for record, geometry in others if record.id not in shown]
    beside = answers_page.beside_type(visit, found)
    if beside:
        features += [
            feature(visit, record, geometry, shape="square")
            for record, geometry in await _points(visit, CORE.expand(beside))
        ]
    return _answer(features)


def _row_feature(visit: Visit, found: Answer, row: Row, steps: Sequence[float]) -> dict[str, Any]:
    name = str(row.cells[0].value or row.id)
    properties: dict[str, Any] = {"id": row.id, "name": name, "tip": name, "href": entity_address(row.id)}
    if found.shade:
        number = found.column(found.shade)
        value = row.cells[number].value
        if isinstance(value, int | float):
            text = visit.formats.number(value, 1 if isinstance(value, float) else None)
            properties |= {"level": scale.level(value, steps), "tip": f"{name} · {text} {found.columns[number].unit}"}
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": row.place}, "properties": properties}


async def _points(visit: Visit, type_name: str) -> list[tuple[Record, dict[str, Any]]]:
    """Return the entities of a type that the visitor may read and that are at a point."""
    if not visit.caller.may_read((type_name,)):
        return []
    places = [(record, place_of(record.entity)) for record in await _read(visit, type_name)]
    return [(record, place) for record, place in places if place is not None and place["type"] == "Point"]


def _answer(features: list[dict[str, Any]]) -> Response:
    collection = {"type": "FeatureCollection", "features": features}
    return JSONResponse(collection, media_type="application/geo+json", headers={"Cache-Control": "private, max-age=30"})
