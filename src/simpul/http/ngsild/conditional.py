"""Requests with If-Match or If-None-Match (RFC 9110 §13): about an entity, or about what has no ETag. No states here.

Where a condition does not hold, a read is answered with 304 or 412 and a change with 412. Changes are decided by
`app/conditions.py`, inside the write.
"""

from __future__ import annotations

from simpul.app.conditions import hub_where
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action
from simpul.domain.entity_tag import Condition, parse_condition
from simpul.domain.errors import PreconditionFailed
from simpul.http.admission import admit
from simpul.http.entity_tags import ETAG
from simpul.http.exchange import Answer, Conditions, Exchange, Handler
from simpul.http.negotiate import raise_if_long
from simpul.http.ngsild.routes import CHANGES_OF_ENTITIES, OPEN_TO_READERS

# What shows the whole of what was asked for, amended for an earlier version of the standard or not.
_SHOWN = frozenset({200, 203})
_NOT_MODIFIED = 304
_OF_A_BODY = frozenset({b"content-type"})


async def answer_where(hub: Hub, exchange: Exchange, handler: Handler, conditions: Conditions) -> Answer:
    """Return the handler's answer to a request that has conditions. Raises PreconditionFailed, InvalidRequest."""
    if exchange.method == "OPTIONS":
        # §13.2.1: it selects no representation.
        return await handler(hub, exchange)
    for text, name in zip(conditions, ("If-Match", "If-None-Match"), strict=True):
        raise_if_long(text or "", name)
    condition = parse_condition(*conditions)
    if exchange.method == "GET":
        return answer_read(await handler(hub, exchange), condition)
    if handler in CHANGES_OF_ENTITIES:
        return await handler(hub_where(hub, exchange.names[0], condition), exchange)
    if condition.if_match is not None and not condition.if_match.is_any:
        # Whoever may not do this is told that first, as without a condition (§13.2.1).
        caller = admit(hub, exchange)
        if handler not in OPEN_TO_READERS:
            raise_unless_allowed(caller, Action.WRITE)
        raise PreconditionFailed(
            "Only single entities have an ETag, so nothing here is what If-Match lists. Send the request without it."
        )
    return await handler(hub, exchange)


def answer_read(given: Answer, condition: Condition) -> Answer:
    """Return what was read, or 304 where the reader has it (§13.1.2). Raises PreconditionFailed (§13.1.1)."""
    if given.status not in _SHOWN:
        return given
    told = next((value for name, value in given.headers if name == ETAG), None)
    tag = None if told is None else told.decode().strip('"')
    if condition.if_match is not None and not condition.if_match.match_strongly(tag):
        raise PreconditionFailed(
            "What is there now is not what If-Match lists. Leave If-Match out to read it as it is."
            if tag is not None
            else "What was asked for has no ETag, so it is not what If-Match lists. Leave If-Match out to read it."
        )
    if condition.if_none_match is not None and condition.if_none_match.match_weakly(tag):
        return Answer(_NOT_MODIFIED, tuple(header for header in given.headers if header[0] not in _OF_A_BODY))
    return given
