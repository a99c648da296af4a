"""The history of one entity, of which several sources tell, made one (CIM 009 §4.5.5, §5.7.3.4). No sending here.

Instances are the same where they are of one attribute and dataset and of one time: ids are each source's own, and two
sources may have given the same. Of what several sources tell of it, the last modified is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from simpul.domain.context import CORE
from simpul.domain.distribution import proxied_names, rank_of
from simpul.domain.history import DELETED, History, Write
from simpul.domain.moment import render_moment
from simpul.domain.registration import Registration
from simpul.domain.source_matching import covered_attributes
from simpul.domain.temporal import Point, Series
from simpul.domain.told_history import span_of


class Told(NamedTuple):
    """What one source, or the hub itself (`registration` is None), tells of the history of an entity."""

    series: Series
    registration: Registration | None = None


def _names_in(series: Series) -> dict[str, str]:
    """Return the attributes' names in the series by their expanded ones."""
    return {CORE.expand(name): name for name in series.attributes if name != "scope"}


def _without(series: Series, left_out: set[str]) -> Series:
    if not left_out:
        return series
    kept = {name: points for name, points in series.attributes.items() if name not in left_out}
    return series._replace(attributes=kept)


def restrict_series(series: Series, registration: Registration) -> Series | None:
    """Return what the source may tell of the history: what it is registered for; None where it is not at all."""
    names = _names_in(series)
    covered = covered_attributes(registration, series.history.id, series.history.types, names)
    if covered is None:
        return None
    return _without(series, {names[iri] for iri in names.keys() - set(covered)})


def without_proxied_series(series: Series, registrations: Iterable[Registration]) -> Series:
    """Return the hub's own series without what it may not hold, because a source alone does (§4.3.6.3)."""
    names = _names_in(series)
    proxied = proxied_names(series.history.id, series.history.types, list(names), registrations)
    return _without(series, {names[iri] for iri in proxied})


def unite_series(told: Sequence[Told]) -> Series:
    """Return one series of all that is told of an entity; auxiliary sources only add to what the others tell."""
    assert told, "there is something to unite"
    ordered = sorted(told, key=lambda one: rank_of(one.registration))
    first = ordered[0].series
    if len(ordered) == 1:
        return first
    every = [one.series for one in ordered]
    types = tuple(dict.fromkeys(name for one in every for name in one.history.types))
    attributes = {
        name: _unite_points(
            [
                (rank_of(one.registration), one.series.attributes[name])
                for one in ordered
                if name in one.series.attributes
            ]
        )
        for name in dict.fromkeys(name for one in every for name in one.attributes)
    }
    return Series(History(first.history.id, types, _span(every)), attributes, all(one.lacks for one in every))


def _span(every: Sequence[Series]) -> tuple[Write, ...]:
    """Return the ends of a log that is made of several; the entity is gone where it is gone everywhere."""
    logs = [one.history.writes for one in every if one.history.writes]
    created_us = min(log[0].at_us for log in logs)
    last_us = max(log[-1].at_us for log in logs)
    return span_of(created_us, last_us, last_us if all(log[-1].kind == DELETED for log in logs) else None)


_Key = tuple[str | None, str, bool]


def _unite_points(parts: Sequence[tuple[int, list[Point]]]) -> list[Point]:
    """Return the instances of one attribute, of which each source tells some. The parts are in the order of rank."""
    chosen: dict[_Key, list[Point]] = {}
    for rank, points in parts:
        # Only what is not known without an auxiliary source, by the time that is asked for (§5.7.3.4).
        known = {_place_of(point) for several in chosen.values() for point in several} if rank else set()
        mine: dict[_Key, list[Point]] = {}
        for point in points:
            if _place_of(point) not in known:
                mine.setdefault(_key_of(point), []).append(point)
        for key, several in mine.items():
            if key not in chosen or _modified(several) > _modified(chosen[key]):
                chosen[key] = several
    return [point for several in chosen.values() for point in several]


def _place_of(point: Point) -> tuple[str | None, str]:
    return point.instance.get("datasetId"), point.moment


def _key_of(point: Point) -> _Key:
    instance = point.instance
    return instance.get("datasetId"), instance.get("observedAt") or point.moment, point.deleted_us is not None


def _modified(points: Sequence[Point]) -> str:
    return max((point.instance.get("modifiedAt") or render_moment(point.at_us))[:-1] for point in points)
