"""The histories that are asked for most, cut out of their entries as bytes: a third of the time of reading them.

An entry is plain where its attributes are single instances without anything nested: then it has as many opening
braces as attributes, and one more. So is one that was written into the history with many instances of one attribute.
Inside JSON text a quote is escaped, so what looks like a name before a brace is one. Several datasets and edited
instances need more than is known here, and words the reader's @context. Whatever is not plain is left to `temporal.py`,
which gives the same answer (a test compares them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from simpul.domain.context import CORE, Context
from simpul.domain.history import CHANGED, CREATED, INSTANCE_PREFIX, WRITTEN
from simpul.domain.moment import render_moment
from simpul.domain.render import render_types
from simpul.domain.temporal import TemporalQuery, bound_of

Row = tuple[int, int, int, bytes, str | None]

_OBSERVED = '"observedAt":"'
# How every instance begins as it is stored.
_TYPE = '"type":"'
# The times of observation, each without its Z.
_MOMENTS = re.compile('"observedAt":"([^"]*)Z"')
_PLAIN_KINDS = (CREATED, CHANGED, WRITTEN)
_UNSEEN = ("", "")
# Sorts after every moment.
_AFTER_ALL = "~"
_sequence_of = itemgetter(0)
_encode = msgspec.json.Encoder().encode


class Log(NamedTuple):
    """An entity's log as it is stored, oldest first. `types` are expanded."""

    id: str
    types: tuple[str, ...]
    rows: list[Row]


def render_plain(log: Log, query: TemporalQuery, context: Context, instances_max: int) -> bytes | None:
    """Return the normalized temporal representation as JSON, or None where it takes more than this module knows."""
    if query.time_property != "observedAt" or query.dataset_ids or query.pick or query.omit:
        return None
    cutter = _Cutter(log, query)
    if not cutter.take_all(log.rows):
        return None
    parts: list[str] = []
    shown = 0
    for name, found in cutter.series.items():
        iri = CORE.expand(name)
        if query.attributes and iri not in query.attributes:
            continue
        found.sort(key=_moment)
        kept = found if query.last_n is None else found[-query.last_n :]
        shown += len(kept)
        instances = '"},{'.join(
            [f'{one},"instanceId":"{INSTANCE_PREFIX}{entry}-{place}' for _, one, entry, place in kept]
        )
        parts.append(f',{_json(context.compact(iri))}:[{{{instances}"}}]')
    # Where nothing is shown, whether there ever was such an attribute is asked elsewhere; so is a page's end.
    if not 0 < shown <= instances_max:
        return None
    types = _json(render_types(list(log.types), context))
    return f'{{"id":{_json(log.id)},"type":{types}{"".join(parts)}}}'.encode()


def _json(value: Any) -> str:
    return _encode(value).decode()


_moment = itemgetter(0)
_Cut = tuple[str, str, int, int]


class _Cutter:
    """Cuts the instances in the time asked for out of the entries, by attribute, each with its time and its place."""

    __slots__ = ("_high", "_is_open", "_known", "_low", "_start", "series")

    def __init__(self, log: Log, query: TemporalQuery) -> None:
        low, high = bound_of(query.low_us), bound_of(query.high_us)
        self._low = "" if low is None else low
        self._high = _AFTER_ALL if high is None else high
        self._is_open = query.timerel is None
        # Every entry of an entity begins alike, unless its types changed.
        self._start = f'{{"id":{_json(log.id)},"type":{_json(render_types(list(log.types), CORE))}'
        self._known: dict[str, tuple[str, str]] = {}
        self.series: dict[str, list[_Cut]] = {}

    def take_all(self, rows: list[Row]) -> bool:
        """Take in every entry; return whether they were plain."""
        if not all(map(self.take, rows[:1])):
            return False
        return self._take_run(rows[1:]) or all(map(self.take, rows[1:]))

    def _take_run(self, rows: list[Row]) -> bool:
        """Take in entries that set one and the same attribute, as a sensor's do, in a third of the time."""
        texts = [row[3].decode() for row in rows]
        joined = "\n".join(texts)
        head = joined.partition('":{')[0] + '":{'
        name = head[len(self._start) + 2 : -3]
        count = len(rows)
        # JSON as it is stored has no line break in it, so each of them is where an entry begins.
        is_run = (
            joined.startswith(f'{self._start},"')
            and '"' not in name
            and joined.count(f"\n{head}") == count - 1
            and joined.count("{") == 2 * count
            and joined.count(_OBSERVED) == count
            and not ('Id":' in joined or 'Type":' in joined or '"vocab":' in joined)
            and all(row[2] == CHANGED and not row[4] for row in rows)
        )
        if not is_run:
            return False
        length = len(head)
        instances = [text[length:-2] for text in texts]
        moments = [one[(at := one.index(_OBSERVED) + 14) : one.index('"', at) - 1] for one in instances]
        before = self._known.get(name, ("", ""))
        if len({*moments, before[1]}) != count + 1:
            # What may be the same as before is looked at one by one.
            return False
        self._known[name] = (instances[-1], moments[-1])
        self._take_series(name, zip(moments, instances, map(_sequence_of, rows), repeat(0)))
        return True

    def take(self, row: Row) -> bool:
        """Take in one entry; return whether it was plain."""
        _, _, kind, body, removed = row
        text = body.decode()
        if removed or kind not in _PLAIN_KINDS or not text.startswith(self._start):
            return False
        rest = text[len(self._start) :]
        if 'Id":' in rest or 'Type":' in rest or '"vocab":' in rest:
            return False
        if kind == WRITTEN and rest.endswith("}]}"):
            return self._take_written(rest, row[0])
        parts = rest[2:-2].split('},"') if len(rest) > 2 else []
        if rest.count("{") != len(parts):
            return False
        for place, part in enumerate(parts):
            name, _, instance = part.partition('":{')
            if '"' in name or not self._take_instance(name, instance, row, place):
                return False
        return True

    def _take_written(self, rest: str, sequence: int) -> bool:
        """Take in many instances of one attribute that were written into the history together."""
        name, _, joined = rest[2:].partition('":[{')
        instances = joined[:-3].split("},{")
        count = len(instances)
        is_plain = (
            '"' not in name
            and name != "scope"
            and joined.startswith(_TYPE)
            # Inside a text there is no quote like the one behind this separator: so each of them stands between two.
            and joined.count("},{" + _TYPE) == count - 1
            and rest.count("{") == count
            and rest.count(_OBSERVED) == count
        )
        if not is_plain:
            return False
        self._known[name] = _UNSEEN
        moments = _MOMENTS.findall(joined)
        assert len(moments) == count, "each instance has its time of observation"
        self._take_series(name, zip(moments, instances, repeat(sequence), range(count)))
        return True

    def _take_series(self, name: str, cuts: Iterable[_Cut]) -> None:
        """Take those of an attribute's instances that are in the time asked for."""
        low, high = self._low, self._high
        if low or high != _AFTER_ALL:
            cuts = [one for one in cuts if low <= one[0] < high]
        self.series.setdefault(name, []).extend(cuts)

    def _take_instance(self, name: str, instance: str, row: Row, place: int) -> bool:
        sequence, at_us, kind, _, _ = row
        at = instance.find(_OBSERVED)
        moment = instance[at + 14 : instance.index('"', at + 14) - 1] if at >= 0 else ""
        known = self._known.get(name)
        self._known[name] = (instance, moment) if kind != WRITTEN else _UNSEEN
        if known is not None and kind != WRITTEN:
            last, last_moment = known
            if last == instance:
                return True
            if not last or (moment == last_moment and _is_reordered(last, instance)):
                # Which written instance is the current one is not seen from here.
                return False
        if not moment:
            moment = render_moment(at_us)[:-1] if self._is_open else ""
        if self._low <= moment < self._high and moment:
            series = self.series.get(name)
            if series is None:
                self.series[name] = [(moment, instance, sequence, place)]
            else:
                series.append((moment, instance, sequence, place))
        return True


def _is_reordered(last: str, instance: str) -> bool:
    """Return whether both may be the same with their members in another order."""
    return len(last) == len(instance) and sorted(last) == sorted(instance)
