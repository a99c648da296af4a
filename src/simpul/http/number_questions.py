"""Strangers' questions of one attribute and one number, which dashboards ask all day: each shape is read once.

What is remembered is the question but for its number, with the range of the store that answers it. The answer is made
of stored bodies alone; whatever needs more than that goes the ordinary way. Nothing is decided here.
"""

from __future__ import annotations

from typing import NamedTuple

from simpul import limits
from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import CORE
from simpul.domain.errors import HubError
from simpul.http.exchange import Exchange, Headers
from simpul.http.ngsild.pages import paging_headers
from simpul.http.plan import NUMBER_ASKED, EntityPlan, number_of, parse_entity_query
from simpul.ports.store import NumberRange


class _Asked(NamedTuple):
    """A shape that was read; `range` is None where its question takes more than one range, whatever the city holds."""

    plan: EntityPlan
    range: NumberRange | None


class NumberQuestions:
    """The shapes that were asked last. Bounded by `limits.PLANS_REMEMBERED_MAX`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[tuple[bytes, bytes], _Asked] = {}

    def clear(self) -> None:
        """Forget everything: what strangers may read has changed."""
        self._known.clear()

    def answer(self, caller: Caller, path: bytes, query: bytes) -> tuple[Headers, bytes] | None:
        """Return the headers of the page and its body, or None where the ordinary way is to be gone."""
        if len(query) > limits.PLAN_REMEMBERED_BYTES_MAX or b"ntityMap" in query:
            return None
        found = NUMBER_ASKED.match(query)
        if found is None:
            return None
        before, digits, behind = found.groups()
        shape = (before, behind)
        try:
            asked = self._known.get(shape) or self._read(caller, shape, query)
            bodies = asked.range.read(number_of(digits)) if asked is not None and asked.range is not None else None
        except HubError:
            # The ordinary way says the same with the right status and words.
            return None
        if asked is None or bodies is None:
            if asked is not None and asked.range is not None:
                # The column has changed its nature; it is looked at anew the next time.
                del self._known[shape]
            return None
        shown = bodies[: asked.plan.limit]
        if any(context_id for context_id, _ in shown):
            return None
        is_last = len(bodies) <= asked.plan.limit
        headers = paging_headers(asked.plan, None, is_last=is_last, exchange=Exchange("GET", path, query))
        return headers, b",".join([body for _, body in shown])

    def _read(self, caller: Caller, shape: tuple[bytes, bytes], query: bytes) -> _Asked | None:
        plan = parse_entity_query(query, CORE, caller)
        can_be_one = plan.is_plain and bool(plan.limit) and not (plan.order or plan.csf or plan.is_split)
        found = entities.find_number_range(caller, self._hub, plan.query) if can_be_one else None
        if can_be_one and found is None:
            # There may be one as soon as the city holds such numbers.
            return None
        if len(self._known) >= limits.PLANS_REMEMBERED_MAX:
            self._known.clear()
        asked = self._known[shape] = _Asked(plan, found)
        return asked
