"""A snapshot: what queries found at one time, kept apart (CIM 009 §5.2.41, §5.16). Its description, not its entities.

Pure: no keeping (`app/snapshots.py`), no asking, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from simpul import limits
from simpul.domain.aggregate import parse_period
from simpul.domain.entity import Record, Times
from simpul.domain.errors import BadRequestData, InvalidRequest, NotImplementedYet
from simpul.domain.json_text import as_whole, shown
from simpul.domain.match import matches
from simpul.domain.moment import render_moment
from simpul.domain.parse import raise_unless_uri
from simpul.domain.q import AllOf, AnyOf, Expression, parse_q

TYPE: Final = "Snapshot"
PREPARING: Final = "preparing"
SUCCESS: Final = "success"
PARTIAL: Final = "partial"
FAILURE: Final = "failure"
EMPTY: Final = "empty"
PRIORITY_DEFAULT: Final = 5

_SECOND_US = 1_000_000
_MONTH_US = 30 * 86_400 * _SECOND_US
_QUERIES = ("snapshotQueries", "snapshotTemporalQueries")
_CHANGEABLE = frozenset({"snapshotPriority", "snapshotLifetime"})
_CREATABLE = _CHANGEABLE | {"id", "type", *_QUERIES}
_NOTIFYING = frozenset({"endpoint", "receiverInfo"})
# What a purge may ask about (§5.16.7.4).
_ASKABLE = frozenset({
    "id", "type", "snapshotStatus", "snapshotPriority", "snapshotLifetime", "createdAt", "modifiedAt", "lastUsedAt",
    "expiresAt",
})  # fmt: skip
_PRIORITIES = (1, 10)


class Detail(msgspec.Struct, frozen=True):
    """What came of one query (§5.2.42): `success`, `empty`, or `failure` with its reason."""

    status: str
    reason: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A snapshot as it is kept. `file` names where its entities are; `queries` are as they came, under `context_id`."""

    id: str
    file: str
    maker: str
    context_id: int
    queries: dict[str, list[dict[str, Any]]]
    priority: int
    lifetime: str
    created_us: int
    modified_us: int
    used_us: int
    expires_us: int
    status: str = PREPARING
    details: dict[str, list[Detail]] = {}


class Wanted(msgspec.Struct, frozen=True):
    """What a body asks of a snapshot; None and "" ask for what is usual, or for no change."""

    id: str | None = None
    queries: dict[str, list[dict[str, Any]]] = {}
    priority: int | None = None
    lifetime: str = ""


def parse_new(body: dict[str, Any]) -> Wanted:
    """Return what a new snapshot shall be (§5.16.1). Raises BadRequestData, NotImplementedYet."""
    wanted = _parse(body, _CREATABLE)
    if not wanted.queries:
        raise BadRequestData(f"A snapshot needs {' or '.join(_QUERIES)}: say what it is to hold.")
    return wanted


def parse_clone(body: dict[str, Any]) -> Wanted:
    """Return what a clone shall be; it holds what the first one does (§5.16.2). Raises BadRequestData."""
    return _parse(body, _CHANGEABLE | {"id", "type"})


def parse_update(body: dict[str, Any]) -> Wanted:
    """Return what is to be changed (§5.16.4). Raises BadRequestData."""
    return _parse(body, _CHANGEABLE)


def _parse(body: dict[str, Any], allowed: frozenset[str]) -> Wanted:
    for name in body:
        if name in _NOTIFYING:
            raise NotImplementedYet(
                f"{name!r}, to be told when a snapshot is ready (CIM 009 §5.16.6), is optional and not there; ask"
                " GET /snapshots/{id} instead."
            )
        if name not in allowed:
            raise BadRequestData(f"{name[:100]!r} cannot be given here; what can is {', '.join(sorted(allowed))}.")
    if body.get("type", TYPE) != TYPE:
        raise BadRequestData(f"The type of a snapshot is {TYPE!r}, not {shown(body['type'])}.")
    if "id" in body:
        raise_unless_uri(body["id"], "The snapshot's id")
    given = body.get("snapshotPriority")
    priority = as_whole(given)
    low, high = _PRIORITIES
    if given is not None and (priority is None or not low <= priority <= high):
        raise BadRequestData(f"snapshotPriority is {shown(given)}; it is a whole number from {low} to {high}.")
    lifetime = body.get("snapshotLifetime", "")
    if "snapshotLifetime" in body:
        count_lifetime(lifetime)
    queries = {name: _parse_queries(body[name], name) for name in _QUERIES if name in body}
    return Wanted(body.get("id"), queries, priority, lifetime)


def _parse_queries(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise BadRequestData(f"{name} is {shown(value)}; it is an array of queries, at least one.")
    if len(value) > limits.SNAPSHOT_QUERIES_MAX:
        raise BadRequestData(f"{name} has {len(value)} queries; at most {limits.SNAPSHOT_QUERIES_MAX} are allowed.")
    for query in value:
        if name == "snapshotQueries" and "temporalQ" in query:
            raise BadRequestData("A query in snapshotQueries has temporalQ; put it into snapshotTemporalQueries.")
        if name != "snapshotQueries" and "temporalQ" not in query:
            raise BadRequestData("A query in snapshotTemporalQueries has no temporalQ, which says what time is meant.")
    return value


def count_lifetime(text: Any) -> int:
    """Return a lifetime in microseconds, never more than the hub allows. Raises BadRequestData."""
    wrong = BadRequestData(f"snapshotLifetime is {shown(text)}; it is a duration of ISO 8601, such as PT1H or P7D.")
    if not isinstance(text, str):
        raise wrong
    if not text:
        return limits.SNAPSHOT_SECONDS_DEFAULT * _SECOND_US
    try:
        period = parse_period(text)
    except BadRequestData as error:
        raise wrong from error
    return min(period.months * _MONTH_US + period.microseconds, limits.SNAPSHOT_SECONDS_MAX * _SECOND_US)


def status_of(details: dict[str, list[Detail]]) -> str:
    """Return how a snapshot as such came out."""
    failed = [one.status == FAILURE for several in details.values() for one in several]
    return FAILURE if all(failed) else PARTIAL if any(failed) else SUCCESS


def render_snapshot(kept: Kept) -> dict[str, Any]:
    """Return the snapshot's description as it is shown (§5.2.41)."""
    content: dict[str, Any] = {
        "id": kept.id,
        "type": TYPE,
        **kept.queries,
        "snapshotStatus": kept.status,
        "snapshotPriority": kept.priority,
        **({"snapshotLifetime": kept.lifetime} if kept.lifetime else {}),
        "createdAt": render_moment(kept.created_us),
        "modifiedAt": render_moment(kept.modified_us),
        "lastUsedAt": render_moment(kept.used_us),
        "expiresAt": render_moment(kept.expires_us),
    }
    for name, details in kept.details.items():
        content[f"{name}Details"] = [_render_detail(one) for one in details]
    return content


def _render_detail(detail: Detail) -> dict[str, Any]:
    if not detail.reason:
        return {"resultStatus": detail.status}
    problem = {"type": "about:blank", "title": "The query failed", "detail": detail.reason}
    return {"resultStatus": detail.status, "problemDetails": problem}


def parse_purge(text: str) -> Expression:
    """Return which snapshots a purge is about (§5.16.7.4). Raises BadRequestData."""
    if not text:
        raise BadRequestData("Say with q which snapshots are to go, such as q=snapshotPriority<5.")
    try:
        expression = parse_q(text, lambda name: name)
    except InvalidRequest as error:
        raise BadRequestData(error.detail) from error
    strange = sorted(set(_names_in(expression)) - _ASKABLE)
    if strange:
        raise BadRequestData(
            f"q asks about {strange[0][:100]!r}; of a snapshot it can be {', '.join(sorted(_ASKABLE))}."
        )
    return expression


def _names_in(expression: Expression) -> Iterator[str]:
    if isinstance(expression, AllOf | AnyOf):
        for part in expression.parts:
            yield from _names_in(part)
    else:
        yield expression.path.attributes[0]


def is_meant(expression: Expression, kept: Kept) -> bool:
    """Return whether a purge is about the snapshot."""
    members = render_snapshot(kept)
    entity: dict[str, Any] = {"id": kept.id, "type": [TYPE]}
    entity |= {
        name: {"type": "Property", "value": members[name]} for name in _ASKABLE - {"id", "type"} if name in members
    }
    return matches(expression, Record(entity, Times(kept.created_us, kept.modified_us)))
