"""Scopes in time (CIM 009 §4.18): when an entity was in a scope, and which of its instances lie in that time.

A scope holds from when it was set until another one is set or it is removed. One that came with the entity itself
holds from the beginning: its instances may have been observed before the hub knew it. No reading, no showing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from simpul.domain.history import History
from simpul.domain.match import matches_scope
from simpul.domain.moment import render_moment
from simpul.domain.query import ScopeSelection
from simpul.domain.temporal import Point, Series, TemporalQuery, bound_of, select, shows_scope

_ALWAYS = ""
_FOR_EVER = "~"


class _Stay(NamedTuple):
    """The time in which an entity was in the same scopes: from `start` on, before `end`. Both sort as moments do."""

    start: str
    end: str
    point: Point


def within_scope(history: History, series: Series, query: TemporalQuery, scopes: ScopeSelection) -> Series | None:
    """Return of the series what lies in the time when the entity was in the scopes (§5.7.4.4, annex C.5.16).

    None where it never was, in the time asked for. The scopes that held then are shown, also those set before it.
    """
    low, high = bound_of(query.low_us) or _ALWAYS, bound_of(query.high_us) or _FOR_EVER
    stays = [
        stay
        for stay in _list_stays(history, query)
        if stay.start < high and stay.end > low and matches_scope(scopes, {"scope": stay.point.instance["value"]})
    ]
    if not stays:
        return None
    attributes = {
        name: kept
        for name, points in series.attributes.items()
        if name != "scope" and (kept := [point for point in points if _is_within(point.moment, stays)])
    }
    if shows_scope(query):
        attributes["scope"] = [stay.point for stay in stays]
    return series._replace(attributes=attributes)


def last_of_each(series: Series, count: int | None) -> Series:
    """Return the series with the last instances of each attribute alone."""
    if count is None:
        return series
    return series._replace(attributes={name: points[-count:] for name, points in series.attributes.items()})


def _list_stays(history: History, query: TemporalQuery) -> list[_Stay]:
    """Return in which scopes the entity was, one time after the other."""
    points = select(history, TemporalQuery()).attributes.get("scope", [])
    by_hub = query.time_property != "observedAt"
    starts = [*(_start_of(history, point, by_hub=by_hub) for point in points), _FOR_EVER]
    stays = [_Stay(start, end, point) for (start, end), point in zip(pairwise(starts), points, strict=True)]
    return [stay for stay in stays if stay.point.deleted_us is None]


def _start_of(history: History, point: Point, *, by_hub: bool) -> str:
    at = render_moment(point.at_us)
    has_own_time = point.deleted_us is None and point.instance.get("observedAt") != at
    if point.sequence == history.writes[0].sequence and not has_own_time:
        return _ALWAYS
    return at[:-1] if by_hub else point.moment


def _is_within(moment: str, stays: Iterable[_Stay]) -> bool:
    return any(stay.start <= moment < stay.end for stay in stays)
