"""Names whose codes are not sure: what a person decides on, and what was decided. No list is read here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from starlette.responses import RedirectResponse, Response

from simpul.app import codes, corrections
from simpul.connect.gathering import list_opener
from simpul.console.form import read_form
from simpul.console.origins import name_of
from simpul.console.page import Page, Step
from simpul.console.visit import Moment, Visit


@dataclass(frozen=True, slots=True)
class Choice:
    """One code that a name may mean."""

    code: str
    name: str
    score: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One name that waits."""

    list_id: str
    parent: str
    name: str
    source: str
    source_title: str
    rows: str
    near: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One name that was decided on."""

    list_id: str
    parent: str
    name: str
    code: str
    by: str
    at: Moment | None


@dataclass(frozen=True, slots=True)
class CodesView:
    """The page."""

    questions: tuple[QuestionView, ...]
    decisions: tuple[DecisionView, ...]


async def show(visit: Visit) -> Page:
    number = visit.formats.number
    questions = tuple(
        QuestionView(
            one.list_id,
            one.parent,
            one.name,
            one.source,
            _title_of(visit, one.source),
            number(one.rows),
            tuple(Choice(near.code, near.name, visit.formats.percent(round(near.score) / 100)) for near in one.near),
        )
        for one in codes.list_questions(visit.caller, visit.hub)
    )
    decisions = tuple(
        DecisionView(one.list_id, one.parent, one.name, one.code or "", name_of(visit, one.by), visit.moment(one.at_us))
        for one in codes.list_decisions(visit.caller, visit.hub)
    )
    title = visit.text("Names and codes")
    trail = (Step(visit.text("Sources"), "/sources"), Step(title))
    return Page("codes.html", title, CodesView(questions, decisions), "sources", trail)


def _title_of(visit: Visit, source_id: str) -> str:
    """Return a source's title; its id where the city has it no more."""
    source = visit.city.source(source_id)
    return source_id if source is None else visit.pick(source.title)


async def decide(visit: Visit) -> Response:
    """Remember what a name means, and try the rows again that waited for it."""
    form = await read_form(visit.request)
    code = form.get("other", "").strip() or form.get("code", "")
    parent = form.get("parent", "")
    open_list = partial(list_opener(visit.hub, visit.city), form.get("list", ""), parent)
    await codes.decide_name(
        visit.caller, visit.hub, open_list, name=form.get("name", ""), parent=parent, code=code or None
    )
    if form.get("source"):
        await corrections.replay(visit.caller, visit.hub, form["source"])
    return RedirectResponse("/codes", status_code=303)
