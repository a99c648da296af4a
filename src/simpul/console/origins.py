"""Where an attribute comes from, as the entity's page shows it: a name with a link, and the way back to the row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

from simpul.app import identity
from simpul.app.lineage import API, HUB, OPERATOR, SOURCE, Lineage, RowTrail
from simpul.console.visit import Moment, Visit
from simpul.ports.quality import Correction


@dataclass(frozen=True, slots=True)
class FixShown:
    """One cell that somebody put right before it became the attribute."""

    column: str
    before: str
    after: str
    by: str
    at: Moment | None


@dataclass(frozen=True, slots=True)
class TrailShown:
    """The way back: the run with its quality, the row, the columns, and the line of the mapping with its words."""

    run: str
    run_href: str
    run_at: Moment | None
    row: str
    columns: tuple[str, ...]
    code_lists: tuple[str, ...]
    mapping: str
    has_line: bool
    words: str
    fixes: tuple[FixShown, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who or what put a value there, and when. `trail` is there for those who keep the sources."""

    label: str
    href: str
    at: Moment | None
    note: str
    trail: TrailShown | None = None


def origin_of(visit: Visit, lineage: Lineage | None) -> Origin:
    """Return what is shown of a lineage; None stands for what no history tells of."""
    if lineage is None:
        return Origin(visit.text("Unknown"), "", None, "")
    at = visit.moment(lineage.at_us)
    label = label_of(visit, lineage)
    if lineage.kind == SOURCE:
        note = visit.text("run %(run)s", run=lineage.run) if lineage.run is not None else ""
        trail = None if lineage.trail is None else _trail(visit, lineage, lineage.trail)
        return Origin(label, _source_href(lineage), at, note, trail)
    return Origin(label, "/access" if lineage.token_id else "", at, "")


def label_of(visit: Visit, lineage: Lineage) -> str:
    """Return the name of who or what put the value there."""
    if lineage.kind == SOURCE:
        return lineage.source_id if lineage.source is None else visit.pick(lineage.source.title)
    if lineage.kind == API:
        return _token_label(visit, lineage.token_id)
    return visit.text("The hub itself") if lineage.kind == HUB else visit.text("The hub's operator")


def _token_label(visit: Visit, token_id: str) -> str:
    """Return whose token it was, for those who manage tokens; which one is nobody else's to know."""
    if not token_id or not visit.is_administrator:
        return visit.text("A token of the API")
    # A session's id begins with that of the token that it was signed in with.
    made_with, _, _ = token_id.partition(".")
    tokens = identity.list_tokens(visit.caller, visit.hub)
    name = next((one.name for one in tokens if one.id == made_with), token_id)
    return visit.text("Token “%(name)s”", name=name)


def name_of(visit: Visit, by: str) -> str:
    """Return what a caller is called in a trail of who did what; to those who do not manage tokens, by its id."""
    token_id = by.removeprefix("token/")
    if token_id == by:
        return visit.text("The hub's operator") if by == OPERATOR else by
    if visit.is_administrator:
        return _token_label(visit, token_id)
    return visit.text("Token “%(name)s”", name=token_id.partition(".")[0])


def _source_href(lineage: Lineage) -> str:
    return f"/sources/{quote(lineage.source_id, safe='')}"


def _trail(visit: Visit, lineage: Lineage, trail: RowTrail) -> TrailShown:
    mapping, run = trail.mapping, trail.run
    has_report = run is not None and run.has_report
    return TrailShown(
        run="" if lineage.run is None else visit.text("run %(run)s", run=lineage.run),
        run_href=f"{_source_href(lineage)}/quality?run={lineage.run}" if has_report else "",
        run_at=None if run is None else visit.moment(run.started_us),
        row=trail.key,
        columns=() if mapping is None else mapping.columns,
        code_lists=() if mapping is None else mapping.code_lists,
        mapping="" if mapping is None else f"{mapping.file}:{mapping.line}" if mapping.line else mapping.file,
        has_line=mapping is not None and bool(mapping.line),
        words="" if mapping is None else json.dumps(mapping.words, ensure_ascii=False),
        fixes=tuple(_fix(visit, one) for one in trail.corrections),
    )


def _fix(visit: Visit, one: Correction) -> FixShown:
    by = name_of(visit, one.by)
    return FixShown(one.column, one.before or "–", one.after or "–", by, visit.moment(one.at_us))
