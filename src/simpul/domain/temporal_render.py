"""Histories as they are shown: normalized, simplified, aggregated (CIM 009 §4.5.6–4.5.9, §4.5.19). No choosing here.

Names are those of the core context until an answer is made: entries are stored in them, so that nothing has to be
mapped for a reader who uses no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from simpul.domain.aggregate import COUNTS, METHODS, Aggregation, aggregate
from simpul.domain.context import CORE, PLAIN_MEMBERS, Context
from simpul.domain.entity import Instance
from simpul.domain.errors import InvalidRequest
from simpul.domain.history import DELETED, History, instance_id
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import MAIN_MEMBERS
from simpul.domain.render import render_types, translate
from simpul.domain.temporal import Point, Series, TemporalQuery, picks_no_attribute

# CIM 009 §4.5.9: the member of the simplified representation for each member of the normalized one.
_SERIES = {
    "value": "values",
    "object": "objects",
    "languageMap": "languageMaps",
    "vocab": "vocabs",
    "json": "jsons",
    "valueList": "valueLists",
    "objectList": "objectLists",
}
_LINKS = frozenset({"Relationship", "ListRelationship"})
_LABELLED = frozenset({"languageMap", "vocab", "json"})
_is_plain = PLAIN_MEMBERS.issuperset


class Form(Enum):
    """The temporal representations: normalized (§4.5.7), simplified (§4.5.9) and aggregated (§4.5.19)."""

    NORMALIZED = "normalized"
    VALUES = "temporalValues"
    AGGREGATED = "aggregatedValues"


@dataclass(frozen=True, slots=True)
class TemporalRepresentation:
    """How a history is to be shown. `language` is a filter of §4.15."""

    form: Form = Form.NORMALIZED
    system_attributes: bool = False
    language: str | None = None
    aggregation: Aggregation | None = None


def render_series(
    series: Series, query: TemporalQuery, context: Context, representation: TemporalRepresentation
) -> dict[str, Any]:
    """Return the temporal representation of the entity: each attribute with its instances, oldest first."""
    history = series.history
    shown: dict[str, Any] = {}
    if query.shows("id"):
        shown["id"] = history.id
    if query.shows("type"):
        shown["type"] = render_types(list(history.types), context)
    if representation.system_attributes and history.writes:
        shown |= {name: moment for name, moment in _entity_times(history).items() if name not in query.omit}
    aggregation = representation.aggregation
    origin = _origin_of(series, query) if aggregation is not None else None
    attributes = {} if picks_no_attribute(query) else series.attributes
    for name, points in attributes.items():
        short = name if context is CORE or name == "scope" else context.compact(CORE.expand(name))
        if representation.language is not None:
            points = [_translate(point, representation.language) for point in points]
        if aggregation is None:
            shown[short] = _render_attribute(name, points, context, representation)
        elif origin is not None:
            told = _render_aggregates(points, origin, query, aggregation)
            if _is_untold(told, points) and CORE.expand(name) in (*query.attributes, *query.pick):
                raise InvalidRequest(
                    f"None of the methods {', '.join(aggregation.methods)} says anything of the values of '{short}'."
                    f" {', '.join(COUNTS)} do of every attribute (CIM 009 §4.5.19)."
                )
            shown[short] = told
    return shown


def _is_untold(told: Any, points: list[Point]) -> bool:
    """Return whether there are values and no method says anything of them (§5.7.3.4, §5.7.4.4)."""
    parts = told if isinstance(told, list) else [told]
    return bool(points) and not any(method in part for part in parts for method in METHODS)


def _render_attribute(name: str, points: list[Point], context: Context, representation: TemporalRepresentation) -> Any:
    if representation.form is Form.VALUES:
        return _render_values(points, context)
    if name == "scope" or representation.system_attributes:
        return [_render_point(point, context, representation, name) for point in points]
    return _render_points(points, context)


def _entity_times(history: History) -> dict[str, str]:
    first, last = history.writes[0], history.writes[-1]
    times = {"createdAt": render_moment(first.at_us), "modifiedAt": render_moment(last.at_us)}
    if last.kind == DELETED:
        times["deletedAt"] = render_moment(last.at_us)
    return times


def _translate(point: Point, language: str) -> Point:
    if point.deleted_us is not None or "languageMap" not in point.instance:
        return point
    return point._replace(instance=translate(point.instance, language))


def _render_points(points: Iterable[Point], context: Context) -> list[dict[str, Any]]:
    """Return instances as they are shown most often: this takes a third of the time of `_render_point`."""
    shown = []
    for point in points:
        instance = point.instance
        if point.deleted_us is not None or "instanceId" in instance:
            shown.append(_render_point(point, context, _PLAIN, ""))
            continue
        # Names inside an instance are none of the core's own, so most instances are the same under every @context.
        if context is not CORE and not _is_plain(instance):
            instance = _compact(instance, context)
        shown.append({**instance, "instanceId": f"urn:ngsi-ld:Instance:{point.sequence}-{point.place}"})
    return shown


def _compact(instance: Instance, context: Context) -> Instance:
    return context.compact_instance(CORE.expand_instance(instance))


_PLAIN = TemporalRepresentation()


def _render_point(point: Point, context: Context, representation: TemporalRepresentation, name: str) -> dict[str, Any]:
    kept = point.instance
    shown = dict(kept if context is CORE or _is_plain(kept) else _compact(kept, context))
    shown.pop("modifiedAt", None)
    if name != "scope":
        identifier = kept.get("instanceId", "")
        shown["instanceId"] = identifier or instance_id(point.sequence, point.place)
        if identifier is None:
            # Another source has it, and gave it no id (`told_history.py`).
            del shown["instanceId"]
    if point.deleted_us is not None:
        shown["deletedAt"] = render_moment(point.deleted_us)
    elif representation.system_attributes:
        shown["createdAt"] = render_moment(point.at_us)
        shown["modifiedAt"] = kept.get("modifiedAt") or shown["createdAt"]
    return shown


def _by_dataset(points: Iterable[Point]) -> dict[tuple[str, str | None], list[Point]]:
    datasets: dict[tuple[str, str | None], list[Point]] = {}
    for point in points:
        datasets.setdefault((point.instance["type"], point.instance.get("datasetId")), []).append(point)
    return datasets


def _render_values(points: list[Point], context: Context) -> Any:
    """Return the simplified form (§4.5.9): pairs of value and time. An attribute of several datasets has several."""
    shown: list[dict[str, Any]] = []
    for (kind, dataset_id), of_dataset in _by_dataset(points).items():
        one: dict[str, Any] = {"type": kind}
        if dataset_id is not None:
            one["datasetId"] = dataset_id
        main = MAIN_MEMBERS[kind]
        one[_SERIES[main]] = [[_value_of(point.instance, main, context), f"{point.moment}Z"] for point in of_dataset]
        shown.append(one)
    if not shown:
        return {"type": "Property", "values": []}
    return shown[0] if len(shown) == 1 else shown


def _value_of(instance: Instance, main: str, context: Context) -> Any:
    value = instance[main]
    if main == "vocab" and context is not CORE:
        value = context.compact_vocabulary(CORE.expand_vocabulary(value))
    elif main == "objectList":
        value = [item["object"] if isinstance(item, dict) else item for item in value]
    return {main: value} if main in _LABELLED else value


def _origin_of(series: Series, query: TemporalQuery) -> int | None:
    """Return where the first period begins: at the time asked for, else with the first instance (§4.5.19)."""
    if query.low_us is not None:
        return query.low_us
    moments = [points[0].moment for points in series.attributes.values() if points]
    return count_microseconds(f"{min(moments)}Z") if moments else None


def _render_aggregates(points: list[Point], origin_us: int, query: TemporalQuery, aggregation: Aggregation) -> Any:
    shown: list[dict[str, Any]] = []
    for (kind, dataset_id), of_dataset in _by_dataset(points).items():
        main = MAIN_MEMBERS[kind]
        timed = [
            (count_microseconds(f"{point.moment}Z"), point.instance[main])
            for point in of_dataset
            if point.deleted_us is None
        ]
        one: dict[str, Any] = {"type": kind}
        if dataset_id is not None:
            one["datasetId"] = dataset_id
        # Of what a relationship leads to only how often is told (Table 4.5.19.1-3).
        methods = tuple(one for one in aggregation.methods if kind not in _LINKS or one in COUNTS)
        asked = Aggregation(methods, aggregation.period)
        for method, periods in aggregate(timed, asked, origin_us, query.high_us).items():
            one[method] = [[value, render_moment(start), render_moment(end)] for value, start, end in periods]
        shown.append(one)
    return shown[0] if len(shown) == 1 else shown
