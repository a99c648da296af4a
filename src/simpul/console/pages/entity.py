"""One entity: its attributes with where each came from, its place, its links and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from simpul import limits
from simpul.app import temporal
from simpul.app.lineage import SOURCE, Lineages, get_lineage, lineage_of
from simpul.console.freshness import SourceLine, source_lines
from simpul.console.origins import Origin, label_of, origin_of
from simpul.console.page import Page, Panel, Step, panel_alone
from simpul.console.values import (
    Shown,
    display_name,
    entity_address,
    place_of,
    render_attribute,
    term,
    type_address,
)
from simpul.console.visit import Moment, Visit
from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Instance, Record, attribute_key, attribute_names, instances
from simpul.domain.errors import NotFound
from simpul.domain.moment import count_microseconds
from simpul.ports.store import Change

_OLD_STATES = frozenset({"late", "broken"})
Point = tuple[float, float | None]

# Fewer points than this have no usual interval; more missing intervals than this are a gap.
GAP_POINTS_MIN = 10
GAP_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class AttributeView:
    """One attribute's line."""

    label: str
    term: str
    shown: Shown
    observed: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One value that an attribute had."""

    at: Moment
    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """How one attribute changed."""

    label: str
    unit: str
    address: str
    rows: tuple[HistoryRow, ...]
    count: str
    is_chart: bool


@dataclass(frozen=True, slots=True)
class EntityView:
    """An entity's page, and the panel that shows it beside another page."""

    id: str
    name: str
    href: str
    type_term: str
    type_label: str
    type_href: str
    attributes: tuple[AttributeView, ...]
    relations: tuple[AttributeView, ...]
    layer: str
    histories: tuple[HistoryView, ...]
    created: Moment | None
    modified: Moment | None
    visibility: str
    json_href: str
    is_public: bool
    old_sources: tuple[SourceLine, ...]


async def show(visit: Visit) -> Page:
    entity_id = visit.request.path_params["id"]
    view = await view_of(visit, entity_id)
    if visit.wants_panel:
        return panel_alone(Panel("entity_panel.html", view), view.name)
    trail = (Step(visit.text("Data"), "/entities"), Step(view.type_label, view.type_href), Step(view.name))
    return Page("entity.html", view.name, view, "entities", trail)


async def panel(visit: Visit, entity_id: str) -> Panel:
    return Panel("entity_panel.html", await view_of(visit, entity_id))


async def view_of(visit: Visit, entity_id: str) -> EntityView:
    record, lineages = await get_lineage(visit.caller, visit.hub, entity_id)
    history = await temporal.retrieve(visit.caller, visit.hub, entity_id)
    lines = [_attribute(visit, record, name, lineages) for name in attribute_names(record.entity)]
    links = {name for name in attribute_names(record.entity) if _kind(record.entity[name]) == "Relationship"}
    is_public = visit.city.public_types.issuperset(record.types)
    return EntityView(
        id=record.id,
        name=display_name(visit, record.entity),
        href=entity_address(record.id),
        type_term=term(record.types[0]),
        type_label=visit.word(record.types[0]),
        type_href=type_address(record.types[0]),
        attributes=tuple(line for line in lines if CORE.expand(line.term) not in links),
        relations=tuple(line for line in lines if CORE.expand(line.term) in links),
        layer="/layers" + entity_address(record.id) if place_of(record.entity) else "",
        histories=tuple(_histories(visit, record, history.changes)),
        created=visit.moment(record.times.created_us),
        modified=visit.moment(record.times.modified_us),
        visibility=visit.text("Everyone") if is_public else visit.text("Signed-in people only"),
        json_href="/ngsi-ld/v1" + entity_address(record.id),
        is_public=is_public,
        old_sources=_old_sources(visit, lineages),
    )


def _old_sources(visit: Visit, lineages: Lineages) -> tuple[SourceLine, ...]:
    """Return the sources of the entity whose systems are late or away: what is shown is the last that they told."""
    ids = sorted({one.source_id for one in lineages.values() if one.kind == SOURCE})
    return tuple(line for line in source_lines(visit, ids) if line.state in _OLD_STATES)


def _kind(attribute: Instance | list[Instance]) -> str:
    return str(instances(attribute)[0].get("type", ""))


def _attribute(visit: Visit, record: Record, name: str, lineages: Lineages) -> AttributeView:
    attribute = record.entity[name]
    shown = instances(attribute)[0]
    observed = shown.get("observedAt", "")
    lineage = lineages.get(attribute_key(name, shown.get("datasetId")))
    return AttributeView(
        label=visit.word(name),
        term=term(name),
        shown=render_attribute(visit, attribute, name),
        observed=render_attribute(visit, {"type": "Property", "value": observed}).text if observed else "",
        origin=origin_of(visit, lineage),
    )


def _histories(visit: Visit, record: Record, changes: Sequence[Change]) -> list[HistoryView]:
    """Return the history of each attribute that ever changed, those with numbers first."""
    found = []
    for name in attribute_names(record.entity):
        touched = [change for change in changes if name in change.attributes]
        if _kind(record.entity[name]) != "GeoProperty" and _differ(touched, name):
            found.append(_history(visit, record.entity, name, touched))
    return sorted(found, key=lambda history: not history.is_chart)


def _differ(touched: Sequence[Change], name: str) -> bool:
    """Return whether an attribute ever had another value; one that only was observed again has no history."""
    values = {str([_plain(one) for one in instances(change.attributes[name])]) for change in touched}
    return len(values) > 1


def _plain(instance: Instance) -> object:
    return next(
        (instance[member] for member in ("value", "object", "languageMap", "vocab") if member in instance), None
    )


def _history(visit: Visit, entity: Entity, name: str, touched: Sequence[Change]) -> HistoryView:
    latest = render_attribute(visit, entity[name])
    shown = reversed(touched[-limits.CONSOLE_HISTORY_ROWS_MAX :])
    rows = tuple(
        HistoryRow(
            _known(visit.moment(_time_of(change, name))),
            render_attribute(visit, change.attributes[name]).text,
            label_of(visit, lineage_of(visit.caller, visit.hub, change.origin, change.at_us)),
        )
        for change in shown
    )
    address = "/layers/history?" + urlencode({"entity": entity["id"], "attribute": term(name)})
    is_chart = latest.number is not None
    return HistoryView(visit.word(name), latest.unit, address, rows, visit.formats.number(len(touched)), is_chart)


def _known(moment: Moment | None) -> Moment:
    assert moment is not None, "a change has a time"
    return moment


def _time_of(change: Change, name: str) -> int:
    """Return when the value was true: when it was observed, where that is told, else when it was taken over."""
    observed = instances(change.attributes[name])[0].get("observedAt")
    return change.at_us if observed is None else count_microseconds(observed)


async def history(visit: Visit) -> Response:
    """Return one attribute's numbers over time, for the chart: seconds since 1970, and values or null for gaps."""
    name = CORE.expand(visit.parameter("attribute"))
    found = await temporal.retrieve(visit.caller, visit.hub, visit.parameter("entity"))
    points: list[Point] = [
        (_time_of(change, name) / 1_000_000, _number(change.attributes[name]))
        for change in found.changes
        if name in change.attributes
    ]
    points.sort(key=lambda point: point[0])
    if not points:
        raise NotFound("That entity has no history of that attribute.")
    points = _with_gaps(points)
    return JSONResponse(
        {"at": [at for at, _ in points], "values": [value for _, value in points]},
        headers={"Cache-Control": "private, no-cache"},
    )


def _with_gaps(points: list[Point]) -> list[Point]:
    """Return the points with an empty one in each gap: where several of the usual intervals went by without a value."""
    intervals = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))
    if len(intervals) < GAP_POINTS_MIN:
        return points
    usual = intervals[len(intervals) // 2]
    spaced: list[Point] = []
    for point in points:
        if spaced and point[0] - spaced[-1][0] > GAP_INTERVALS * usual:
            spaced.append((spaced[-1][0] + usual, None))
        spaced.append(point)
    return spaced


def _number(attribute: Instance | list[Instance]) -> float | None:
    value = instances(attribute)[0].get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
