"""Home: the city right now, the answers that only all agencies together can give, and how fresh each system is."""

from __future__ import annotations

from dataclasses import dataclass

from simpul.app import answers, types
from simpul.app.answers import Answer
from simpul.console.alerts import AlertLine, alert_lines
from simpul.console.freshness import AgencyLines, Fact, agency_lines
from simpul.console.page import Page, Step
from simpul.console.pages import now, selection
from simpul.console.pages.answers import AnswerView, FigureView, answer_address, figure_views, view_of
from simpul.console.pages.now import NowView
from simpul.console.said import in_language
from simpul.console.visit import Visit
from simpul.domain.errors import HubError


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """A further answer, in short."""

    title: str
    href: str
    text: str
    figures: tuple[FigureView, ...]


@dataclass(frozen=True, slots=True)
class HomeView:
    """The whole page."""

    heading: str
    text: str
    facts: tuple[Fact, ...]
    now: NowView | None
    alerts: tuple[AlertLine, ...]
    answer: AnswerView | None
    cards: tuple[AnswerCard, ...]
    failed: tuple[str, ...]
    agencies: tuple[AgencyLines, ...]


async def show(visit: Visit) -> Page:
    lead, cards, failed = None, [], []
    for summary in answers.list_answers(visit.caller, visit.hub):
        try:
            made = await answers.answer(visit.caller, visit.hub, summary.id)
        except HubError as error:
            # One answer that cannot be made must not take the page with it.
            failed.append(f"{visit.pick(summary.title)}: {in_language(visit, error.detail)}")
            continue
        if lead is None:
            lead = view_of(visit, made)
        else:
            cards.append(_card(visit, made))
    agencies = agency_lines(visit)
    view = HomeView(
        heading=visit.pick(visit.city.name),
        text=visit.text("What the city's agencies know, put together."),
        facts=_facts(visit, agencies),
        now=await now.view_of(visit),
        alerts=alert_lines(visit),
        answer=lead,
        cards=tuple(cards),
        failed=tuple(failed),
        agencies=agencies,
    )
    panel = await selection.selected_panel(visit)
    title = visit.text("Home")
    return Page("home.html", title, view, "home", (Step(title),), panel)


def _card(visit: Visit, answer: Answer) -> AnswerCard:
    title, text = visit.pick(answer.title), visit.pick(answer.headline)
    return AnswerCard(title, answer_address(answer.id), text, figure_views(visit, answer))


def _facts(visit: Visit, agencies: tuple[AgencyLines, ...]) -> tuple[Fact, ...]:
    number = visit.formats.number
    sources = sum(len(agency.sources) for agency in agencies)
    entries = sum(types.list_types(visit.caller, visit.hub).values())
    return (
        Fact(number(len(agencies)), visit.texts("agency", "agencies", len(agencies))),
        Fact(number(sources), visit.texts("source", "sources", sources)),
        Fact(number(entries), visit.texts("entry", "entries", entries)),
    )
