"""How long a city keeps the histories of its entities, and how finely: which entries a log can do without. No storing.

What was in force stays: of each attribute the last instance before the time that is kept, and the current one as it
is. So the state of the entity is right at every time from there on. Times are those of observation, or of coming in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import fsum
from typing import Any, NamedTuple

from simpul.domain.entity import Instance, attribute_key
from simpul.domain.history import CHANGED, CREATED, DELETED, REPLACED, WRITTEN, Write, edit, list_instances, moment_key
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.temporal import bound_of

METHODS = ("avg", "min", "max", "sum", "last")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDS = (CHANGED, REPLACED, WRITTEN)


@dataclass(frozen=True, slots=True)
class Resampling:
    """Of what is older than `after_us`, one instance for each `every_us` stays, made of all of them by the method."""

    after_us: int
    every_us: int
    method: str


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of the histories of one type (expanded). `keep_us` None keeps them for ever."""

    type_name: str
    keep_us: int | None = None
    resamplings: tuple[Resampling, ...] = ()


class Thinned(NamedTuple):
    """What to do to a log: entries that take the place of those with their sequence, and sequences to remove.

    `open_from` is the sequence from which on a stretch has to be looked at again together with what follows it.
    """

    rewritten: list[Write]
    dropped: list[int]
    open_from: int | None = None


class Stretch(NamedTuple):
    """Entries of one log, one after the other. `is_first` says that it begins with them, `is_last` that it ends so."""

    writes: list[Write]
    is_first: bool = True
    is_last: bool = True


class _Seen(NamedTuple):
    """One instance of an attribute: its time, which sorts as text, its id, itself, and the entry that it is in."""

    moment: str
    identifier: str
    instance: Instance
    sequence: int


def thin(stretch: Stretch, rule: Retention, now_us: int, zone: tzinfo) -> Thinned:
    """Return how a stretch of a log gets as short as the rule has it.

    A period is made into one instance when all of it is old enough, and not while the last instance is in it: that may
    be the current one, or others may follow. So no average is ever made of a part of its period.
    Of an attribute with several instances at once nothing is removed: in an entry they belong together.
    """
    writes = stretch.writes
    cut = None if rule.keep_us is None else bound_of(now_us - rule.keep_us)
    if not writes:
        return Thinned([], [])
    last = writes[-1]
    is_gone = stretch.is_first and stretch.is_last and last.kind == DELETED
    if cut is not None and is_gone and (bound_of(last.at_us) or "") < cut:
        return Thinned([], [write.sequence for write in writes])
    changes: dict[str, Instance | None] = {}
    open_from: list[int] = []
    for seen in _list_seen(stretch):
        decided, of_last = _decide(seen, rule, now_us, zone)
        changes |= decided
        open_from += [one.sequence for one in of_last]
    thinned = _apply(writes, changes) if changes else Thinned([], [])
    return thinned if stretch.is_last or not open_from else thinned._replace(open_from=min(open_from))


def _list_seen(stretch: Stretch) -> Iterable[list[_Seen]]:
    """Return the instances of each attribute and dataset, in the order of time."""
    by_key: dict[str, list[_Seen]] = {}
    together: set[str] = set()
    for write in stretch.writes:
        # What an entry that replaces the entity ended is only known from the beginning on, so it stays as it is.
        if write.kind == DELETED or (write.kind == REPLACED and not stretch.is_first):
            continue
        names = [name for name, _ in list_instances(write.attributes)]
        if write.kind != WRITTEN:
            together |= {name for name in names if names.count(name) > 1}

        def look(name: str, instance: Instance, identifier: str, write: Write = write) -> Instance:
            seen = _Seen(moment_key(instance, write.at_us), identifier, instance, write.sequence)
            by_key.setdefault(attribute_key(name, instance.get("datasetId")), []).append(seen)
            return instance

        edit(write, look)
    kept = [seen for key, seen in by_key.items() if key.partition("\n")[0] not in together]
    for seen in kept:
        seen.sort(key=lambda one: one.moment)
    return kept


def _decide(
    seen: list[_Seen], rule: Retention, now_us: int, zone: tzinfo
) -> tuple[dict[str, Instance | None], list[_Seen]]:
    """Return what becomes of the instances of one attribute: None where one goes, another in its place, or nothing.

    And those in the same period as the last one, which wait until it is over.
    """
    cut = "" if rule.keep_us is None else bound_of(now_us - rule.keep_us) or ""
    older = [one for one in seen if one.moment < cut]
    changes: dict[str, Instance | None] = {one.identifier: None for one in older[:-1]}
    periods: dict[tuple[int, int], list[_Seen]] = {}
    for one in seen[len(older) :]:
        period = _period_of(one.moment, rule, now_us, zone)
        if period is not None:
            periods.setdefault(period, []).append(one)
    last = _period_of(seen[-1].moment, rule, now_us, zone)
    of_last = periods.pop(last, []) if last is not None else []
    for (place, start_us), several in periods.items():
        if len(several) == 1:
            continue
        changes |= {one.identifier: None for one in several[:-1]}
        made = _resample([one.instance for one in several], rule.resamplings[place].method, start_us)
        if made is not None:
            changes[several[-1].identifier] = made
    return changes, of_last


def _period_of(moment: str, rule: Retention, now_us: int, zone: tzinfo) -> tuple[int, int] | None:
    """Return the place of the coarsest resampling for which all of the moment's period is old enough, and its start."""
    found: tuple[int, int, int] | None = None
    for place, one in enumerate(rule.resamplings):
        start_us = _start_of(moment, one.every_us, zone)
        is_old = start_us + one.every_us <= now_us - one.after_us
        if is_old and (found is None or one.after_us > found[0]):
            found = (one.after_us, place, start_us)
    return None if found is None else found[1:]


def _start_of(moment: str, every_us: int, zone: tzinfo) -> int:
    """Return where the period begins that the moment is in: days and hours begin as the city's clocks have them."""
    at_us = count_microseconds(f"{moment}Z")
    offset = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).utcoffset() or timedelta()
    offset_us = offset // timedelta(microseconds=1)
    return (at_us + offset_us) // every_us * every_us - offset_us


def _resample(found: list[Instance], method: str, start_us: int) -> Instance | None:
    """Return the instance that stands for several, or None where the last of them does: what is no measurement."""
    values = [one.get("value") for one in found if one["type"] == "Property" and "observedAt" in one]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if method == "last" or len(numbers) < len(found):
        return None
    return {**found[-1], "value": _METHODS[method](numbers), "observedAt": render_moment(start_us)}


def _average(numbers: list[float]) -> float:
    return fsum(numbers) / len(numbers)


_METHODS: dict[str, Any] = {"avg": _average, "min": min, "max": max, "sum": sum}


def _apply(writes: Sequence[Write], changes: dict[str, Instance | None]) -> Thinned:
    rewritten: list[Write] = []
    dropped: list[int] = []
    there: set[str] = set()
    types: Any = None
    for place, write in enumerate(writes):
        keys = _keys(write)
        ended = there - keys if write.kind == REPLACED else set(write.removed)
        edited = edit(write, lambda _, instance, identifier: changes.get(identifier, instance))
        if edited is not None and write.kind == REPLACED:
            # What is missing in an entry that replaces the entity ended there; what goes now did not.
            edited = edited._replace(kind=CHANGED, removed=tuple(sorted(ended)))
        if edited is not None:
            says_more = bool(_keys(edited)) or bool(ended) or edited.attributes.get("type") != types
            if place and write.kind in _ENDS and not says_more:
                dropped.append(write.sequence)
            else:
                rewritten.append(edited)
        types = write.attributes.get("type", types)
        there = _after(there, write, keys)
    return Thinned(rewritten, dropped)


def _keys(write: Write) -> set[str]:
    keys = {attribute_key(name, instance.get("datasetId")) for name, instance in list_instances(write.attributes)}
    return keys | ({"scope"} if "scope" in write.attributes else set())


def _after(there: set[str], write: Write, keys: set[str]) -> set[str]:
    if write.kind == DELETED:
        return set()
    if write.kind in (CREATED, REPLACED):
        return keys
    return (there | keys) - set(write.removed)
