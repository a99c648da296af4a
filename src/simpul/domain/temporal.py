"""The history of an entity: which part of it is asked for (CIM 009 §4.11, §5.7.3). No reading, no showing here.

Names are those of the core context, in which entries are stored (`temporal_render.py` makes answers of them). Times of
observation are compared as text (`history.sortable`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from simpul.domain.context import CORE
from simpul.domain.core_context import PREFIXES
from simpul.domain.entity import Entity, Instance, Record, Times
from simpul.domain.history import (
    DELETED,
    REPLACED,
    WRITTEN,
    History,
    Write,
    bare,
    moment_key,
    sortable,
)
from simpul.domain.moment import render_moment
from simpul.domain.parse import MAIN_MEMBERS, NULL
from simpul.domain.render import DEFAULT_INSTANCE

_SCOPE_NAMES = frozenset({"scope", f"{PREFIXES['ngsi-ld']}scope"})


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """Which part of a history is asked for. Names are expanded; an empty tuple asks for all.

    Without `timerel` every instance that has the time property is meant; of `observedAt`, the default, all are.
    `dataset_ids` keeps only these instances, where `@none` is the one without. `pick` and `omit` may also name
    members of the entity.
    """

    timerel: str | None = None
    time_at_us: int | None = None
    end_time_at_us: int | None = None
    time_property: str = "observedAt"
    last_n: int | None = None
    attributes: tuple[str, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    pick: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()

    @property
    def low_us(self) -> int | None:
        """Return the first moment asked for, which is included."""
        return self.time_at_us if self.timerel in ("after", "between") else None

    @property
    def high_us(self) -> int | None:
        """Return the moment before which the instances asked for lie (§4.11: it is not included)."""
        return {"before": self.time_at_us, "between": self.end_time_at_us}.get(self.timerel or "")

    def shows(self, member: str) -> bool:
        """Return whether a member of the entity is shown: `id`, `type`, `scope` or an attribute's expanded name."""
        if self.attributes and ":" in member and member not in self.attributes:
            return False
        return (not self.pick or member in self.pick) and member not in self.omit


class Point(NamedTuple):
    """One instance of one attribute in time. `moment` sorts it by the time asked for.

    `deleted_us` says that it marks a deletion; `place` is its place in the entry with this sequence.
    """

    moment: str
    instance: Instance
    sequence: int
    place: int
    at_us: int
    deleted_us: int | None = None


class Series(NamedTuple):
    """What was asked for of one entity: its attributes' instances, each in the order of time, in core names.

    `lacks` says that it never had any of the attributes asked for. An attribute without a point has some elsewhere.
    """

    history: History
    attributes: dict[str, list[Point]]
    lacks: bool

    @property
    def is_empty(self) -> bool:
        """Return whether no attribute has an instance. A scope, whose time is the hub's own, says nothing of that."""
        return not any(points for name, points in self.attributes.items() if name != "scope")


class _Selection:
    """A query in core names, with its bounds as the texts that times are compared with."""

    __slots__ = ("datasets", "high", "is_whole", "low", "query", "with_marks", "with_writes")

    def __init__(self, query: TemporalQuery) -> None:
        self.query = query
        self.low = bound_of(query.low_us)
        self.high = bound_of(query.high_us)
        self.datasets = frozenset(query.dataset_ids)
        self.is_whole = not (query.attributes or query.pick or query.omit)
        kind = query.time_property
        # Without a bound every instance is meant, also one that was never observed and one that marks a deletion.
        self.with_marks = kind == "deletedAt" or (kind == "observedAt" and query.timerel is None)
        self.with_writes = kind != "deletedAt"

    def wants(self, name: str) -> bool:
        if self.is_whole:
            return True
        query = self.query
        if name == "scope":
            names = _SCOPE_NAMES
            if query.attributes and names.isdisjoint(query.attributes):
                return False
            picked = not query.pick or not names.isdisjoint(query.pick) or picks_no_attribute(query)
            return picked and names.isdisjoint(query.omit)
        iri = CORE.expand(name)
        return query.shows(iri) or (picks_no_attribute(query) and iri not in query.omit)

    def time_of(self, instance: Instance, at_us: int, deleted_us: int | None) -> str | None:
        """Return the time asked for of an instance, or None where it is not meant."""
        if deleted_us is not None:
            if not self.with_marks:
                return None
            moment = render_moment(deleted_us)[:-1]
        elif self.query.time_property == "observedAt":
            observed = instance.get("observedAt")
            if observed is None:
                return render_moment(at_us)[:-1] if self.query.timerel is None else None
            moment = observed[:-1] if "," not in observed else sortable(observed)
        elif self.with_writes:
            modified = instance.get("modifiedAt") if self.query.time_property == "modifiedAt" else None
            moment = (modified or render_moment(at_us))[:-1]
        else:
            return None
        if (self.low is not None and moment < self.low) or (self.high is not None and moment >= self.high):
            return None
        return moment


def picks_no_attribute(query: TemporalQuery) -> bool:
    """Return whether `pick` names members of the entity alone, none of its attributes."""
    return bool(query.pick) and not any(":" in name or name == "scope" for name in query.pick)


def bound_of(moment_us: int | None) -> str | None:
    """Return the shortest text of a moment: what is equal or later sorts from it on."""
    if moment_us is None:
        return None
    whole, fraction = divmod(moment_us, 1_000_000)
    text = render_moment(whole * 1_000_000)[:-1]
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


class _Known:
    """The state that an entry is read against: the current instance of each attribute, and since when it is so."""

    __slots__ = ("is_there", "names", "was_there")

    def __init__(self) -> None:
        self.names: dict[str, dict[str | None, tuple[Instance, int]]] = {}
        self.is_there = False
        self.was_there = False

    def begin(self, kind: int) -> None:
        """Take in what kind of entry comes: whether there is an entity, so that its instances can become current."""
        if kind != WRITTEN:
            self.is_there = kind != DELETED
        elif not self.was_there:
            self.is_there = True
        self.was_there = True

    def take_written(self, name: str, instance: Instance, at_us: int) -> None:
        """Take in an instance that was written into the history, if it is no older than the current one."""
        of_name = self.names[name]
        known = of_name.get(instance.get("datasetId"))
        if known is None or moment_key(instance, at_us) >= moment_key(*known):
            of_name[instance.get("datasetId")] = (instance, at_us)


def select(history: History, query: TemporalQuery) -> Series:
    """Return the part of the history that is asked for. What an entry repeats without altering is no new instance."""
    collector = _Collector(_Selection(query))
    for write in history.writes:
        collector.take(write)
    return _finish(history, collector.known, collector.series, collector.selection)


class _Collector:
    """Goes through the entries of a log and keeps the instances that are asked for, by attribute."""

    __slots__ = ("known", "selection", "series")

    def __init__(self, selection: _Selection) -> None:
        self.selection = selection
        self.known = _Known()
        self.series: dict[str, list[Point]] = {}

    def take(self, write: Write) -> None:
        self.known.begin(write.kind)
        place = 0
        for name, value in write.attributes.items():
            if name == "id" or name == "type":
                continue
            if name == "scope":
                value = _scope_instances(value, write.at_us)
            found = (value,) if value.__class__ is dict else value
            if write.kind != WRITTEN:
                self._take_set(name, found, write, place)
            else:
                self._take_written(name, found, write, place)
            place += len(found)
        if write.removed or write.kind == DELETED or write.kind == REPLACED:
            _list_ends(write, self.known, place, self.selection, self.series)

    def _take_set(self, name: str, found: Sequence[Instance], write: Write, place: int) -> None:
        known = self.known.names.setdefault(name, {})
        at_us = write.at_us
        for instance in found:
            dataset = instance.get("datasetId")
            last = known.get(dataset)
            known[dataset] = (instance, at_us)
            if last is None or not _is_same(last[0], instance):
                self._keep(name, instance, write, place)
            place += 1

    def _take_written(self, name: str, found: Sequence[Instance], write: Write, place: int) -> None:
        self.known.names.setdefault(name, {})
        for instance in found:
            if self.known.is_there:
                self.known.take_written(name, instance, write.at_us)
            self._keep(name, instance, write, place)
            place += 1

    def _keep(self, name: str, instance: Instance, write: Write, place: int) -> None:
        moment = self.selection.time_of(instance, write.at_us, None)
        if moment is None:
            return
        point = Point(moment, instance, write.sequence, place, write.at_us)
        points = self.series.get(name)
        if points is None:
            self.series[name] = [point]
        else:
            points.append(point)


def _is_same(last: Instance, instance: Instance) -> bool:
    return last == instance or (("instanceId" in last or "instanceId" in instance) and bare(last) == bare(instance))


def _scope_instances(scope: Any, at_us: int) -> Instance | list[Instance]:
    # CIM 009 §4.5.6: the scope is shown as a Property, observed when it was set.
    if isinstance(scope, list) and scope and isinstance(scope[0], dict):
        return scope
    return {"type": "Property", "value": scope, "observedAt": render_moment(at_us)}


def _list_ends(write: Write, known: _Known, place: int, selection: _Selection, series: dict[str, list[Point]]) -> None:
    """Add a mark for each instance that the entry ended."""
    for name, dataset in _list_removed(write, known):
        last = known.names[name].pop(dataset)[0]
        mark = _mark_of(name, last)
        moment = selection.time_of(mark, write.at_us, write.at_us)
        if moment is not None:
            series.setdefault(name, []).append(
                Point(moment, mark, write.sequence, place, write.at_us, deleted_us=write.at_us)
            )
        place += 1


def _list_removed(write: Write, known: _Known) -> list[tuple[str, str | None]]:
    there = [(name, dataset) for name, datasets in known.names.items() for dataset in datasets]
    if write.kind == DELETED:
        return there
    if write.kind == REPLACED:
        kept = {
            (name, one.get("datasetId") if isinstance(one, dict) else None)
            for name, value in write.attributes.items()
            for one in (value if isinstance(value, list) and name != "scope" else [value])
        }
        return [pair for pair in there if pair not in kept]
    removed = []
    for key in write.removed:
        name, separator, dataset = key.partition("\n")
        if (dataset if separator else None) in known.names.get(name, {}):
            removed.append((name, dataset if separator else None))
    return removed


def _mark_of(name: str, last: Instance) -> Instance:
    """Return the instance that says that the attribute went (§4.5.0)."""
    kind = last["type"]
    main = MAIN_MEMBERS[kind]
    mark: Any = NULL
    if name == "scope":
        mark = []
    elif main in ("valueList", "objectList"):
        mark = [NULL]
    elif main == "languageMap":
        mark = {"@none": NULL}
    gone: Instance = {"type": kind, main: mark}
    if "datasetId" in last:
        gone["datasetId"] = last["datasetId"]
    return gone


def narrow(series: Series, query: TemporalQuery) -> Series:
    """Return of instances of the time asked for what is asked for of them: attributes, datasets, the last N of each."""
    selection = _Selection(query)
    known = _Known()
    known.names = {name: {} for name in series.attributes}
    found = _finish(
        series.history, known, {name: list(points) for name, points in series.attributes.items()}, selection
    )
    for name, points in series.attributes.items():
        # It has some elsewhere.
        if not points and selection.wants(name):
            found.attributes[name] = []
    return found._replace(lacks=series.lacks and found.lacks)


def time_finder(query: TemporalQuery) -> Callable[[Instance, int, int | None], str | None]:
    """Return what tells the time asked for of an instance, made at a moment and perhaps deleted at another.

    It tells None of what is not meant.
    """
    return _Selection(query).time_of


def shows_scope(query: TemporalQuery) -> bool:
    """Return whether the scope is among what is asked for."""
    return _Selection(query).wants("scope")


def _finish(history: History, known: _Known, series: dict[str, list[Point]], selection: _Selection) -> Series:
    """Keep what is wanted, in the order of time, and of that the last N of each attribute."""
    query = selection.query
    attributes: dict[str, list[Point]] = {}
    for name, points in series.items():
        if not selection.wants(name):
            continue
        if selection.datasets:
            points = [
                point for point in points if point.instance.get("datasetId", DEFAULT_INSTANCE) in selection.datasets
            ]
        if points:
            points.sort(key=_moment)
            attributes[name] = points if query.last_n is None else points[-query.last_n :]
    named = query.attributes or any(":" in name for name in query.pick)
    lacks = bool(named) and not any(selection.wants(name) for name in known.names)
    return Series(history, attributes, lacks)


def _moment(point: Point) -> str:
    return point.moment


def record_of(series: Series) -> Record:
    """Return the instances as one entity with all of them at once: what `q`, a place or a scope is asked of."""
    entity: dict[str, Any] = {"id": series.history.id, "type": []}
    for name, points in series.attributes.items():
        there = [point.instance for point in points if point.deleted_us is None]
        if name == "scope" and there:
            entity["scope"] = there[-1]["value"]
        elif there:
            entity[name] = there
    expanded = CORE.expand_entity(entity)
    expanded["type"] = list(series.history.types)
    writes = series.history.writes
    return Record(expanded, Times(writes[0].at_us, writes[-1].at_us))


def moments_of(series: Series) -> list[tuple[int, Entity]]:
    """Return the instances as they came in: of each entry of the log those that are shown, and when that was."""
    came: dict[tuple[int, int], dict[str, Any]] = {}
    for name, points in series.attributes.items():
        for point in points:
            if point.deleted_us is None:
                came.setdefault((point.at_us, point.sequence), {}).setdefault(name, []).append(point.instance)
    moments: list[tuple[int, Entity]] = []
    for (at_us, _), attributes in sorted(came.items(), key=lambda one: one[0]):
        if "scope" in attributes:
            attributes["scope"] = attributes["scope"][-1]["value"]
        expanded = CORE.expand_entity({"id": series.history.id, "type": [], **attributes})
        expanded["type"] = list(series.history.types)
        moments.append((at_us, expanded))
    return moments


class ContentRange(NamedTuple):
    """Which part of a history an answer holds (CIM 009 §6.3.10). `size` is that of `lastN`, or None."""

    start: str
    end: str
    size: int | None


def cut(found: Sequence[Series], query: TemporalQuery, instances_max: int) -> tuple[list[Series], ContentRange | None]:
    """Return as much as fits on one page, from the earliest on, with `lastN` from the latest back.

    Instances of one moment are never parted, so that who asks on from the page's end gets each of them. Attributes
    that have nothing on this page stay, empty.
    """
    moments = [point.moment for one in found for points in one.attributes.values() for point in points]
    if len(moments) <= instances_max:
        return list(found), None
    moments.sort(reverse=query.last_n is not None)
    # All of the page's moments may be one; then the next one comes with it, or a reader could never get past it.
    first, last = moments[0], moments[instances_max - 1]
    if first == last:
        last = next((moment for moment in moments[instances_max:] if moment != first), last)
    if moments[-1] == last:
        return list(found), None
    low, high = (last, first) if query.last_n is not None else (first, last)
    page = [
        one._replace(
            attributes={
                name: [point for point in points if low <= point.moment <= high]
                for name, points in one.attributes.items()
            }
        )
        for one in found
    ]
    return page, _content_range(query, first, last)


def cut_at(found: Sequence[Series], query: TemporalQuery, covered: str) -> tuple[list[Series], ContentRange]:
    """Return what lies in the time that is known whole: up to the moment `covered`, or with `lastN` back to it."""
    is_back = query.last_n is not None
    page = [
        one._replace(
            attributes={
                name: [point for point in points if (point.moment >= covered if is_back else point.moment <= covered)]
                for name, points in one.attributes.items()
            }
        )
        for one in found
    ]
    moments = [point.moment for one in page for points in one.attributes.values() for point in points]
    first = (max if is_back else min)(moments, default=covered)
    return page, _content_range(query, first, covered)


def _content_range(query: TemporalQuery, first: str, last: str) -> ContentRange:
    start = query.high_us if query.last_n is not None else query.low_us
    return ContentRange(render_moment(start) if start is not None else f"{first}Z", f"{last}Z", query.last_n)
