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
    """What to do to a log: entries that take the place of those with their sequence, and sequences to remove."""

    rewritten: list[Write]
    dropped: list[int]


class _Seen(NamedTuple):
    """One instance of an attribute: its time, which sorts as text, its id, and itself."""

    moment: str
    identifier: str
    instance: Instance


def thin(writes: Sequence[Write], rule: Retention, now_us: int, zone: tzinfo) -> Thinned | None:
    """Return how the log gets as short as the rule has it, or None where it is already. It is from its first entry on.

    Of an attribute with several instances at once nothing is removed: in an entry they belong together.
    """
    cut = None if rule.keep_us is None else bound_of(now_us - rule.keep_us)
    if not writes:
        return None
    last = writes[-1]
    if cut is not None and last.kind == DELETED and (bound_of(last.at_us) or "") < cut:
        return Thinned([], [write.sequence for write in writes])
    changes: dict[str, Instance | None] = {}
    for seen in _list_seen(writes):
        changes |= _decide(seen, rule, now_us, zone)
    return _apply(writes, changes) if changes else None


def _list_seen(writes: Sequence[Write]) -> Iterable[list[_Seen]]:
    """Return the instances of each attribute and dataset, in the order of time."""
    by_key: dict[str, list[_Seen]] = {}
    together: set[str] = set()
    for write in writes:
        if write.kind == DELETED:
            continue
        names = [name for name, _ in list_instances(write.attributes)]
        if write.kind != WRITTEN:
            together |= {name for name in names if names.count(name) > 1}

        def look(name: str, instance: Instance, identifier: str, at_us: int = write.at_us) -> Instance:
            key = attribute_key(name, instance.get("datasetId"))
            by_key.setdefault(key, []).append(_Seen(moment_key(instance, at_us), identifier, instance))
            return instance

        edit(write, look)
    kept = [seen for key, seen in by_key.items() if key.partition("\n")[0] not in together]
    for seen in kept:
        seen.sort(key=lambda one: one.moment)
    return kept


def _decide(seen: list[_Seen], rule: Retention, now_us: int, zone: tzinfo) -> dict[str, Instance | None]:
    """Return what becomes of the instances of one attribute: None where one goes, another in its place, or nothing."""
    cut = "" if rule.keep_us is None else bound_of(now_us - rule.keep_us) or ""
    older = [one for one in seen if one.moment < cut]
    changes: dict[str, Instance | None] = {one.identifier: None for one in older[:-1]}
    periods: dict[tuple[int, int], list[_Seen]] = {}
    for one in seen[len(older) : -1]:
        place = _stage_of(one.moment, rule, now_us)
        if place is not None:
            start_us = _start_of(one.moment, rule.resamplings[place].every_us, zone)
            periods.setdefault((place, start_us), []).append(one)
    for (place, start_us), several in periods.items():
        if len(several) == 1:
            continue
        changes |= {one.identifier: None for one in several[:-1]}
        made = _resample([one.instance for one in several], rule.resamplings[place].method, start_us)
        if made is not None:
            changes[several[-1].identifier] = made
    return changes


def _stage_of(moment: str, rule: Retention, now_us: int) -> int | None:
    """Return the place of the coarsest resampling that the moment is old enough for."""
    fitting = [
        (one.after_us, place)
        for place, one in enumerate(rule.resamplings)
        if moment < (bound_of(now_us - one.after_us) or "")
    ]
    return max(fitting)[1] if fitting else None


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
