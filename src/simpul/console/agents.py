"""How far the agent of a source is, in the words and shapes of pages. What is taken of it is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from simpul.app.sources import SourceStatus
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit

_US_PER_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class AgentView:
    """What is known of an agent. `heard` is None where it was never heard."""

    heard: Moment | None
    waiting: str
    behind: Moment | None
    read: Moment | None
    clock: str
    trouble: str


def agent_view(visit: Visit, status: SourceStatus) -> AgentView | None:
    """Return the view of a source's agent, or None where the hub reads the source itself."""
    if not status.source.is_delivered:
        return None
    standing = status.agent
    if standing is None:
        return AgentView(None, "", None, None, "", "")
    told, number = standing.told, visit.formats.number
    waiting = visit.texts("%(count)s reading", "%(count)s readings", told.waiting)
    clock = visit.text("Its clock is wrong: it differs by %(count)s seconds. Please have it set right.", count=number(
        abs(told.clock_off_us) // _US_PER_SECOND
    )) if told.is_clock_wrong else ""  # fmt: skip
    return AgentView(
        heard=visit.moment(standing.heard_us),
        waiting=waiting if told.waiting else visit.text("Nothing"),
        behind=visit.moment(told.behind_us),
        read=visit.moment(told.read_us),
        clock=clock,
        trouble=in_language(visit, told.trouble),
    )
