"""A source's quality for those who own the data: five scores, what breaks which rule, how it went before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from simpul import limits
from simpul.app import quality
from simpul.app.quality import Quality
from simpul.console import words
from simpul.console.page import Page, Step
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit
from simpul.domain.errors import BadRequestData
from simpul.domain.quality import DIMENSIONS, Finding, Report

# Below these shares a score is shown as one to look at, and as a bad one.
_FINE: Final = 0.995
_BAD: Final = 0.9


@dataclass(frozen=True, slots=True)
class Score:
    """One dimension: its name, what it asks, and how much of what was checked is right."""

    name: str
    question: str
    kind: str
    text: str
    percent: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What breaks one rule, in words of those who own the data."""

    rule: str
    where: str
    count: str
    fate: str
    kind: str
    samples: tuple[tuple[str, str], ...]
    more: str


@dataclass(frozen=True, slots=True)
class Past:
    """One earlier report."""

    href: str
    at: Moment | None
    rows: str
    scores: tuple[str, ...]
    is_shown: bool


@dataclass(frozen=True, slots=True)
class QualityView:
    """The page, and the file."""

    source_id: str
    source: str
    agency: str
    run: int
    at: Moment | None
    rows: str
    scores: tuple[Score, ...]
    problems: tuple[Problem, ...]
    kept: tuple[str, ...]
    history: tuple[Past, ...]
    columns: tuple[str, ...]
    file_href: str


async def show(visit: Visit) -> Page:
    source_id = visit.request.path_params["id"]
    found = quality.get_quality(visit.caller, visit.hub, source_id, _run_asked(visit))
    view = _view(visit, found)
    title = visit.text("Quality: %(source)s", source=view.source)
    trail = (
        Step(visit.text("Sources"), "/sources"),
        Step(view.source, f"/sources/{source_id}"),
        Step(visit.text("Quality")),
    )
    return Page("quality.html", title, view, "sources", trail)


async def download(visit: Visit) -> Page:
    """The same as one file that can be sent and printed."""
    source_id = visit.request.path_params["id"]
    view = _view(visit, quality.get_quality(visit.caller, visit.hub, source_id, _run_asked(visit)))
    title = visit.text("Quality: %(source)s", source=view.source)

    def finish(response: Response) -> None:
        name = f"{visit.text('Quality').lower()}-{source_id}-{view.run}.html"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'

    return Page("quality_file.html", title, view, finish=finish)


def _run_asked(visit: Visit) -> int | None:
    asked = visit.parameter("run")
    if not asked:
        return None
    if not asked.isdigit() or len(asked) > 18:
        raise BadRequestData(f"A run is a number, not {asked[:40]!r}.")
    return int(asked)


def _view(visit: Visit, found: Quality) -> QualityView:
    source, report = found.status.source, found.report
    agency = found.status.agency
    query = f"?run={report.run}" if report is not None else ""
    return QualityView(
        source_id=source.id,
        source=visit.pick(source.title),
        agency="" if agency is None else visit.pick(agency.name),
        run=0 if report is None else report.run,
        at=None if report is None else visit.moment(report.at_us),
        rows=visit.formats.number(0 if report is None else report.rows),
        scores=() if report is None else tuple(_score(visit, report, name) for name in DIMENSIONS),
        problems=() if report is None else tuple(_problem(visit, one) for one in report.problems),
        kept=() if report is None else _kept(visit, report),
        history=tuple(
            _past(visit, source.id, one, shown=report is not None and one.run == report.run)
            for one in found.reports[: limits.CONSOLE_RUNS_SHOWN]
        ),
        columns=tuple(visit.text(words.DIMENSIONS[name][0]) for name in DIMENSIONS),
        file_href=f"/sources/{source.id}/quality/file{query}",
    )


def _score(visit: Visit, report: Report, name: str) -> Score:
    label, question = (visit.text(text) for text in words.DIMENSIONS[name])
    score = report.scores[name]
    if score is None:
        return Score(label, question, "never", visit.text("no rule"), 0)
    kind = "good" if score >= _FINE else "broken" if score < _BAD else "late"
    return Score(label, question, kind, _percent(visit, score), round(score * 100))


def _percent(visit: Visit, score: float | None) -> str:
    if score is None:
        return "–"
    # What is not wholly right never shows as 100 %.
    return visit.formats.percent(1 if score == 1 else min(score, 0.999))


def _problem(visit: Visit, one: Finding) -> Problem:
    rejects = one.severity == "reject"
    rest = one.broken - len(one.samples)
    return Problem(
        rule=_rule(visit, one.rule),
        where=one.where,
        count=visit.text(
            "%(broken)s of %(checked)s",
            broken=visit.formats.number(one.broken),
            checked=visit.formats.number(one.checked),
        ),
        fate=visit.text("kept aside until put right") if rejects else visit.text("taken over, but look at it"),
        kind="broken" if rejects else "late",
        samples=tuple((sample.key, in_language(visit, sample.reason)) for sample in one.samples),
        more=visit.texts("and %(count)s more", "and %(count)s more", rest)
        if rest > 0 and any(sample.key for sample in one.samples)
        else "",
    )


def _kept(visit: Visit, report: Report) -> tuple[str, ...]:
    """Return the rules that nothing breaks."""
    kept = [one for one in report.findings if not one.broken]
    return tuple(_rule(visit, one.rule) + (f" ({one.where})" if one.where else "") for one in kept)


def _rule(visit: Visit, rule: str) -> str:
    return visit.text(words.RULES[rule]) if rule in words.RULES else rule


def _past(visit: Visit, source_id: str, report: Report, *, shown: bool) -> Past:
    return Past(
        href=f"/sources/{source_id}/quality?run={report.run}",
        at=visit.moment(report.at_us),
        rows=visit.formats.number(report.rows),
        scores=tuple(_percent(visit, report.scores[name]) for name in DIMENSIONS),
        is_shown=shown,
    )
