"""Answers across agencies: numbers that can be opened, the map, the rows. What they say is `app/answers.py`'s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from simpul.app import answers
from simpul.app.answer_plan import read_plan
from simpul.app.answers import Answer, Figure
from simpul.console import scale
from simpul.console.formats import unbroken
from simpul.console.freshness import SourceLine, source_lines
from simpul.console.page import Page, Panel, Step, panel_alone
from simpul.console.table import Cell, Column, Row, Table, sorted_rows
from simpul.console.values import entity_address, term
from simpul.console.visit import Moment, Visit
from simpul.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class FigureView:
    """One headline number, and where it opens."""

    text: str
    unit: str
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of the map's legend."""

    swatch: str
    label: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer as Home and its own page show it."""

    id: str
    title: str
    href: str
    eyebrow: str
    heading: str
    text: str
    figures: tuple[FigureView, ...]
    sources: tuple[SourceLine, ...]
    computed: Moment | None
    table: Table
    rows_heading: str
    rows_summary: str
    layer: str
    types: str
    bounds: str
    legend_title: str
    legend: tuple[LegendEntry, ...]


@dataclass(frozen=True, slots=True)
class NumberView:
    """One number opened: how it is made, from which sources, how fresh, who may see it."""

    label: str
    text: str
    unit: str
    explanation: str
    sources: tuple[SourceLine, ...]
    computed: Moment | None
    visibility: str
    rows_href: str


async def show(visit: Visit) -> Page:
    answer_id = visit.request.path_params["id"]
    answer = await answers.answer(visit.caller, visit.hub, answer_id)
    number = visit.parameter("number")
    panel = number_panel(visit, answer, number) if number else None
    if panel is not None and visit.wants_panel:
        return panel_alone(panel, visit.pick(answer.title))
    title = visit.pick(answer.title)
    trail = (Step(visit.text("Home"), "/"), Step(title))
    return Page("answer.html", title, view_of(visit, answer), "home", trail, panel)


async def panel_at(visit: Visit, address: str) -> Panel:
    """Return the panel that an address such as `/answers/x?number=y` stands for. Raises NotFound."""
    parts = urlsplit(address)
    answer = await answers.answer(visit.caller, visit.hub, parts.path.removeprefix("/answers/"))
    return number_panel(visit, answer, parse_qs(parts.query).get("number", [""])[0])


def answer_address(answer_id: str) -> str:
    return "/answers/" + quote(answer_id, safe="")


def view_of(visit: Visit, answer: Answer) -> AnswerView:
    breaks = breaks_of(answer)
    rows = len(answer.rows)
    agencies = {line.agency for line in source_lines(visit, answer.sources)}
    return AnswerView(
        id=answer.id,
        title=visit.pick(answer.title),
        href=answer_address(answer.id),
        eyebrow=visit.texts("From the data of %(count)s agency", "From the data of %(count)s agencies", len(agencies)),
        heading=visit.pick(answer.title),
        text=unbroken(visit.pick(answer.headline)),
        figures=figure_views(visit, answer),
        sources=source_lines(visit, answer.sources),
        computed=visit.moment(answer.computed_us),
        table=_table(visit, answer, breaks),
        rows_heading=visit.text("The rows behind it"),
        rows_summary=visit.texts("%(count)s row", "%(count)s rows", rows),
        layer="/layers" + answer_address(answer.id) + ".geojson" if any(row.place for row in answer.rows) else "",
        types=_types(visit, answer),
        bounds=_bounds(answer),
        legend_title=_shade_title(visit, answer),
        legend=_legend(visit, answer, breaks),
    )


def figure_views(visit: Visit, answer: Answer) -> tuple[FigureView, ...]:
    return tuple(
        FigureView(
            visit.formats.number(figure.value),
            figure.unit,
            unbroken(visit.pick(figure.title)),
            f"{answer_address(answer.id)}?number={quote(figure.name)}",
        )
        for figure in answer.figures
    )


def breaks_of(answer: Answer) -> tuple[float, ...]:
    """Return where one shade of the map ends and the next begins."""
    if not answer.shade:
        return ()
    number = answer.column(answer.shade)
    return scale.breaks([row.cells[number].value for row in answer.rows])


def _types(visit: Visit, answer: Answer) -> str:
    """Return the types that the answer rests on and the visitor may know of, as the map reads them."""
    plan = read_plan(declaration_of(visit, answer), visit.city)
    return json.dumps(sorted(term(name) for name in plan.types if visit.caller.may_read((name,))))


def _bounds(answer: Answer) -> str:
    """Return the box around the rows' places, as the map reads it."""
    places = [row.place for row in answer.rows if row.place is not None]
    if not places:
        return ""
    longitudes, latitudes = [place[0] for place in places], [place[1] for place in places]
    return json.dumps([min(longitudes), min(latitudes), max(longitudes), max(latitudes)])


def _shade_title(visit: Visit, answer: Answer) -> str:
    if not answer.shade:
        return visit.word(answer.row_type)
    column = answer.columns[answer.column(answer.shade)]
    title = visit.pick(column.title)
    return f"{visit.word(answer.row_type)}: {title.lower()} ({column.unit})" if column.unit else title


def _legend(visit: Visit, answer: Answer, breaks: Sequence[float]) -> tuple[LegendEntry, ...]:
    entries = [LegendEntry(str(level), label) for level, label in scale.labels(visit, breaks)]
    if not answer.shade:
        entries = [LegendEntry("plain", visit.word(answer.row_type))]
    if is_filtered(visit, answer):
        entries.append(LegendEntry("0", visit.text("Others, not in this answer")))
    beside = beside_type(visit, answer)
    if beside:
        entries.append(LegendEntry("square", visit.word(beside), gap=True))
    return tuple(entries)


def declaration_of(visit: Visit, answer: Answer) -> dict[str, Any]:
    return next((one for one in visit.city.answers if one["answer"] == answer.id), {})


def is_filtered(visit: Visit, answer: Answer) -> bool:
    """Return whether the answer keeps some entities of its type and leaves out others."""
    return bool(declaration_of(visit, answer).get("keep"))


def beside_type(visit: Visit, answer: Answer) -> str:
    """Return the type of places that the answer leads to (the nearest shelter of a stop), or an empty text."""
    columns = declaration_of(visit, answer).get("columns", [])
    return next((str(column["nearest"]["type"]) for column in columns if "nearest" in column), "")


def _table(visit: Visit, answer: Answer, breaks: Sequence[float]) -> Table:
    by, order = visit.parameter("sort"), visit.parameter("order")
    names = [column.name for column in answer.columns]
    rows = list(answer.rows)
    if by in names:
        number = names.index(by)
        direction = "descending" if order == "desc" else "ascending"
        rows = sorted_rows([(row.cells[number].value, row) for row in rows], direction)
    selected = visit.parameter("selected").removeprefix("/entities/")
    lines = tuple(
        Row(
            row.id,
            str(row.cells[0].value or row.id),
            entity_address(row.id),
            tuple(_cell(visit, answer, number, row, breaks) for number in range(1, len(answer.columns))),
            row.id == selected,
        )
        for row in rows
    )
    return Table(f"rows-{answer.id}", tuple(_column(visit, column, by, order) for column in answer.columns), lines)


def _column(visit: Visit, column: answers.Column, by: str, order: str) -> Column:
    is_number = column.kind == "number"
    is_sorted, descending = by == column.name, order == "desc"
    turned = not descending if is_sorted else is_number
    direction = ("descending" if descending else "ascending") if is_sorted else ""
    href = visit.address(sort=column.name, order="desc" if turned else None)
    return Column(column.name, visit.pick(column.title), column.unit, is_number, href, direction)


def _cell(visit: Visit, answer: Answer, number: int, row: answers.Row, breaks: Sequence[float]) -> Cell:
    column, cell = answer.columns[number], row.cells[number]
    is_number = column.kind == "number"
    if cell.withheld:
        return Cell(visit.text("too few"), right=is_number, exact=visit.text("Withheld, so that nobody is pointed at"))
    if cell.value is None:
        return Cell("", right=is_number)
    if isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
        level = scale.level(cell.value, breaks) if column.name == answer.shade else None
        decimals = 1 if isinstance(cell.value, float) and column.unit else None
        return Cell(visit.formats.number(cell.value, decimals), right=True, level=level)
    leads = cell.entity_id is not None and cell.entity_id != row.id
    return Cell(str(cell.value), href=entity_address(cell.entity_id or "") if leads else "", panel=leads)


def number_panel(visit: Visit, answer: Answer, name: str) -> Panel:
    """Return the panel that tells where a number comes from. Raises NotFound."""
    figure = next((one for one in answer.figures if one.name == name), None)
    if figure is None:
        raise NotFound(f"The answer '{answer.id}' has no number '{name[:100]}'.")
    view = NumberView(
        label=visit.pick(figure.title),
        text=visit.formats.number(figure.value),
        unit=figure.unit,
        explanation=_explanation(visit, answer, figure),
        sources=source_lines(visit, figure.sources),
        computed=visit.moment(answer.computed_us),
        visibility=visit.text("Everyone. Counts too small to be anonymous are left out."),
        rows_href=f"{answer_address(answer.id)}#rows-{answer.id}",
    )
    return Panel("number_panel.html", view)


def _explanation(visit: Visit, answer: Answer, figure: Figure) -> str:
    """Return in words how the number is made from the rows, as the city's file declares it."""
    numbers = declaration_of(visit, answer).get("headline", {}).get("numbers", {})
    declared = numbers.get(figure.name, {})
    titles = {column.name: visit.pick(column.title) for column in answer.columns}
    if "distinct" in declared:
        text = visit.text("How many different values the column “%(column)s” has.", column=titles[declared["distinct"]])
    elif "sum" in declared and declared.get("once_per"):
        text = visit.text(
            "The sum of the column “%(column)s”, each “%(once)s” taken once.",
            column=titles[declared["sum"]],
            once=titles[declared["once_per"]],
        )
    elif "sum" in declared:
        text = visit.text("The sum of the column “%(column)s”.", column=titles[declared["sum"]])
    else:
        text = visit.text("The number of rows in the table.")
    return text + _condition(visit, declared.get("where"), titles)


def _condition(visit: Visit, where: dict[str, Any] | None, titles: dict[str, str]) -> str:
    if not where:
        return ""
    column = titles.get(where.get("column", ""), "")
    if "above" in where:
        limit = visit.formats.number(where["above"])
        return " " + visit.text("Only rows whose “%(column)s” is above %(limit)s.", column=column, limit=limit)
    if "below" in where:
        limit = visit.formats.number(where["below"])
        return " " + visit.text("Only rows whose “%(column)s” is below %(limit)s.", column=column, limit=limit)
    return ""
