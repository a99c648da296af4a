"""The history of an entity, selected and shown (CIM 009 §4.5.6–4.5.9, §4.11, §5.7.3). No reading of history here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Any, NamedTuple, Protocol

from simpul.domain.context import Context
from simpul.domain.core_context import PREFIXES
from simpul.domain.entity import Entity, Instance, attribute_key, attribute_names, instances
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import MAIN_MEMBERS, NULL
from simpul.domain.render import render_types

_SCOPE_NAMES = frozenset({"scope", f"{PREFIXES['ngsi-ld']}scope"})
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
_LABELLED = frozenset({"languageMap", "vocab", "json"})


class Change(Protocol):
    """One entry of the history, as the stores keep it; `kind` is CREATED, CHANGED, REPLACED or DELETED."""

    @property
    def sequence(self) -> int: ...
    @property
    def at_us(self) -> int: ...
    @property
    def kind(self) -> Enum: ...
    @property
    def attributes(self) -> Entity: ...
    @property
    def removed(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """Which part of a history is asked for. `attributes` are expanded names; an empty one asks for all.

    Without `timerel` every instance that has the time property is meant; of `observedAt`, the default, all are.
    """

    timerel: str | None = None
    time_at_us: int | None = None
    end_time_at_us: int | None = None
    time_property: str = "observedAt"
    last_n: int | None = None
    attributes: tuple[str, ...] = ()

    def covers(self, moment_us: int | None) -> bool:
        """Return whether an instance with this time is asked for. `before` and the end are exclusive (§4.11)."""
        if moment_us is None:
            return self.timerel is None and self.time_property == "observedAt"
        if self.timerel == "before":
            return self.time_at_us is None or moment_us < self.time_at_us
        if self.timerel == "after":
            return self.time_at_us is None or moment_us >= self.time_at_us
        if self.timerel == "between":
            return (self.time_at_us or 0) <= moment_us < (self.end_time_at_us or 0)
        return True


class _Point(NamedTuple):
    """One instance of one attribute in time. `deleted_us` says that it marks a deletion."""

    name: str
    instance: Instance
    instance_id: str
    at_us: int
    deleted_us: int | None = None

    def time_us(self, time_property: str) -> int | None:
        """Return its time of that kind, or None where it has none."""
        if time_property == "deletedAt":
            return self.deleted_us
        if time_property == "observedAt":
            observed = self.instance.get("observedAt")
            return None if observed is None else count_microseconds(observed)
        return self.at_us if self.deleted_us is None else None


def render_temporal(
    entity_id: str,
    types: Sequence[str],
    changes: Sequence[Change],
    query: TemporalQuery,
    context: Context,
    *,
    simplified: bool = False,
    system_attributes: bool = False,
) -> dict[str, Any]:
    """Return the temporal representation of the entity: each attribute with its instances, oldest first."""
    series: dict[str, list[_Point]] = {}
    for point in _list_points(changes):
        names = _SCOPE_NAMES if point.name == "scope" else {point.name}
        if (not query.attributes or names.intersection(query.attributes)) and query.covers(
            point.time_us(query.time_property)
        ):
            series.setdefault(point.name, []).append(point)
    shown: dict[str, Any] = {"id": entity_id, "type": render_types(list(types), context)}
    for name, points in series.items():
        kept = _keep_last(points, query)
        if simplified:
            shown[context.compact(name)] = _render_series(kept, query, context)
        else:
            shown[context.compact(name)] = [_render_point(point, context, system_attributes) for point in kept]
    return shown


def _list_points(changes: Sequence[Change]) -> Iterator[_Point]:
    """Yield every instance that the history holds. What a change repeats without altering it is no new instance."""
    known: dict[str, _Point] = {}
    for change in changes:
        places = count()
        there: set[str] = set()
        for name, instance in _list_instances(change):
            key = attribute_key(name, instance.get("datasetId"))
            there.add(key)
            place = next(places)
            if key in known and known[key].instance == instance:
                continue
            known[key] = _Point(name, instance, _instance_id(change, place), change.at_us)
            yield known[key]
        for key in _list_removed(change, there, known):
            last = known.pop(key, None)
            if last is not None:
                yield _mark_deletion(last, _instance_id(change, next(places)), change.at_us)


def _list_instances(change: Change) -> Iterator[tuple[str, Instance]]:
    if change.kind.name == "DELETED":
        return
    for name in attribute_names(change.attributes):
        for instance in instances(change.attributes[name]):
            yield name, instance
    if "scope" in change.attributes:
        # CIM 009 §4.5.6: the scope is shown as a Property, observed when it was set.
        scopes = change.attributes["scope"]
        value = scopes[0] if len(scopes) == 1 else scopes
        yield "scope", {"type": "Property", "value": value, "observedAt": render_moment(change.at_us)}


def _list_removed(change: Change, there: set[str], known: dict[str, _Point]) -> list[str]:
    if change.kind.name == "DELETED":
        return list(known)
    if change.kind.name == "REPLACED":
        return [key for key in known if key not in there]
    return list(change.removed)


def _mark_deletion(last: _Point, instance_id: str, at_us: int) -> _Point:
    """Return the instance that says that the attribute went (§4.5.0)."""
    kind = last.instance["type"]
    main = MAIN_MEMBERS[kind]
    mark: Any = NULL
    if last.name == "scope":
        mark = []
    elif main in ("valueList", "objectList"):
        mark = [NULL]
    elif main == "languageMap":
        mark = {"@none": NULL}
    gone: Instance = {"type": kind, main: mark}
    if "datasetId" in last.instance:
        gone["datasetId"] = last.instance["datasetId"]
    return _Point(last.name, gone, instance_id, at_us, deleted_us=at_us)


def _instance_id(change: Change, place: int) -> str:
    # The sequence is the change's own, for ever; the place is the instance's inside it. So the id is stable.
    return f"urn:ngsi-ld:Instance:{change.sequence}-{place}"


def _keep_last(points: list[_Point], query: TemporalQuery) -> list[_Point]:
    """Return the last N by the time that is asked for, in the order of that time."""
    timed = sorted(points, key=lambda point: _sorting_time_us(point, query))
    return timed if query.last_n is None else timed[-query.last_n :]


def _sorting_time_us(point: _Point, query: TemporalQuery) -> int:
    moment_us = point.time_us(query.time_property)
    return point.at_us if moment_us is None else moment_us


def _render_point(point: _Point, context: Context, system_attributes: bool) -> dict[str, Any]:
    shown = dict(context.compact_instance(point.instance))
    if point.name not in _SCOPE_NAMES:
        shown["instanceId"] = point.instance_id
    if point.deleted_us is not None:
        shown["deletedAt"] = render_moment(point.deleted_us)
    elif system_attributes:
        shown["createdAt"] = shown["modifiedAt"] = render_moment(point.at_us)
    return shown


def _render_series(points: list[_Point], query: TemporalQuery, context: Context) -> Any:
    """Return the simplified form (§4.5.9): pairs of value and time. An attribute of several datasets has several."""
    by_dataset: dict[tuple[str, str | None], list[_Point]] = {}
    for point in points:
        by_dataset.setdefault((point.instance["type"], point.instance.get("datasetId")), []).append(point)
    shown: list[dict[str, Any]] = []
    for (kind, dataset_id), series in by_dataset.items():
        one: dict[str, Any] = {"type": kind}
        if dataset_id is not None:
            one["datasetId"] = dataset_id
        one[_SERIES[MAIN_MEMBERS[kind]]] = [_render_pair(point, query, context) for point in series]
        shown.append(one)
    return shown[0] if len(shown) == 1 else shown


def _render_pair(point: _Point, query: TemporalQuery, context: Context) -> list[Any]:
    main = MAIN_MEMBERS[point.instance["type"]]
    value = point.instance[main]
    if main == "vocab":
        value = context.compact_vocabulary(value)
    elif main == "objectList":
        value = [item["object"] if isinstance(item, dict) else item for item in value]
    if query.time_property == "observedAt" and "observedAt" in point.instance:
        time = point.instance["observedAt"]
    else:
        time = render_moment(_sorting_time_us(point, query))
    return [{main: value} if main in _LABELLED else value, time]
