"""A history as another source tells it (CIM 009 §5.2.20, §4.5.7), read into a series. No asking, no uniting here.

What is read has the ids and the times that the source gave it. An instance that comes without an id has none here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from simpul.domain.context import CORE, Context
from simpul.domain.entity import Instance
from simpul.domain.errors import BadRequestData
from simpul.domain.history import CHANGED, CREATED, DELETED, History, Write, sortable
from simpul.domain.json_text import shown
from simpul.domain.merge import is_deletion
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import is_moment, parse_entity
from simpul.domain.temporal import Point, Series, TemporalQuery, time_finder
from simpul.domain.temporal_parse import read_instance, read_scopes

_IDENTITY: Final = ("id", "@id", "type", "@type")
_NO_ATTRIBUTE: Final = frozenset({*_IDENTITY, "@context", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
# In place of the entry of a log: what others told is in none of the hub's own.
_ELSEWHERE: Final = 0
_find_range = re.compile(r"[A-Za-z-]+ ?\S+?Z-(\S+?Z)/").match


def read_series(body: Any, context: Context, query: TemporalQuery, now_us: int) -> Series:
    """Return the instances in the time asked for of one entity that a source told of. Raises BadRequestData."""
    if not isinstance(body, dict):
        raise BadRequestData(f"An entity is a JSON object; this is {shown(body)}.")
    identity = parse_entity({name: body[name] for name in _IDENTITY if name in body}, context)
    find_time = time_finder(query)
    attributes: dict[str, list[Point]] = {}
    for name, value in body.items():
        if name in _NO_ATTRIBUTE:
            continue
        # One of which nothing lies in this part of the time has some elsewhere (§6.3.10).
        points = attributes.setdefault(name if name == "scope" else CORE.compact(context.expand(name)), [])
        for place, (instance, at_us, deleted_us) in enumerate(_list_instances(name, value, context, now_us)):
            moment = find_time(instance, at_us, deleted_us)
            if moment is not None:
                points.append(Point(moment, instance, _ELSEWHERE, place, at_us, deleted_us))
    moments = [point.at_us for points in attributes.values() for point in points]
    created_us = _moment_of(body, "createdAt") or min(moments, default=now_us)
    modified_us = _moment_of(body, "modifiedAt") or max(moments, default=created_us)
    writes = span_of(created_us, modified_us, _moment_of(body, "deletedAt"))
    return Series(History(identity["id"], tuple(identity["type"]), writes), attributes, lacks=False)


def span_of(created_us: int, modified_us: int, deleted_us: int | None) -> tuple[Write, Write]:
    """Return the ends of a log of which nothing but its times is known."""
    last_us, kind = (modified_us, CHANGED) if deleted_us is None else (deleted_us, DELETED)
    return Write(_ELSEWHERE, created_us, CREATED, {}), Write(_ELSEWHERE, last_us, kind, {})


def _list_instances(name: str, value: Any, context: Context, now_us: int) -> Iterator[tuple[Instance, int, int | None]]:
    """Yield each instance in core names, when it was made, and when it was deleted if it marks that."""
    parts = value if isinstance(value, list) else [value]
    if name == "scope" and not any(isinstance(part, dict) for part in parts):
        parts = [{"type": "Property", "value": value}] if parts else []
    for part in parts:
        if not isinstance(part, dict):
            raise BadRequestData(f"'{name}' has {shown(part)}; in a history it has instances, which are objects.")
        for instance in _read(name, part, context):
            kept = CORE.compact_instance(instance)
            modified_us = _moment_of(part, "modifiedAt")
            observed_us = count_microseconds(kept["observedAt"]) if "observedAt" in kept else None
            at_us = next((us for us in (_moment_of(part, "createdAt"), modified_us, observed_us) if us), now_us)
            identifier = part.get("instanceId")
            if name != "scope":
                kept["instanceId"] = identifier if isinstance(identifier, str) else None
            if modified_us:
                kept["modifiedAt"] = render_moment(modified_us)
            deleted_us = _moment_of(part, "deletedAt") or (at_us if is_deletion(part) else None)
            yield kept, at_us, deleted_us


def _read(name: str, part: dict[str, Any], context: Context) -> list[Instance]:
    if name != "scope":
        return list(read_instance(name, part, context).values())
    # One without any says that there was none from then on (§4.5.6).
    return read_scopes(part, context) if part.get("value") != [] else [{"type": "Property", "value": []}]


def _moment_of(told: dict[str, Any], name: str) -> int | None:
    moment = told.get(name)
    return count_microseconds(moment) if isinstance(moment, str) and is_moment(moment) else None


def read_end(content_range: str) -> str | None:
    """Return the last moment that a page of a history covers, as it sorts, from its Content-Range (§6.3.10)."""
    found = _find_range(content_range)
    if found is None or not is_moment(found[1]):
        return None
    moment = sortable(found[1])
    # The shortest text of a moment sorts before all others of it.
    return moment.rstrip("0").rstrip(".") if "." in moment else moment
