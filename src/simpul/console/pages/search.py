"""One search for everything: pages, sources, types and entities by name."""

from __future__ import annotations

from dataclasses import dataclass

from simpul import limits
from simpul.app import entities, types
from simpul.app.sources import SOURCE_TYPE
from simpul.console.names import find_named
from simpul.console.page import Page, Step
from simpul.console.values import display_name, entity_address, type_address
from simpul.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found."""

    label: str
    href: str
    note: str


@dataclass(frozen=True, slots=True)
class Hits:
    """Things of one kind that were found."""

    heading: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class SearchView:
    """What was found for a text."""

    searched: str
    groups: tuple[Hits, ...]


async def show(visit: Visit) -> Page:
    searched = visit.parameter("q").strip()[:200]
    groups: tuple[Hits, ...] = ()
    if searched:
        candidates = (
            Hits(visit.text("Pages"), _pages(visit, searched)),
            Hits(visit.text("Sources"), _sources(visit, searched)),
            Hits(visit.text("Kinds of data"), _types(visit, searched)),
            Hits(visit.text("Entries"), await _entities(visit, searched)),
        )
        groups = tuple(group for group in candidates if group.hits)
    title = visit.text("Search")
    return Page("search.html", title, SearchView(searched, groups), "", (Step(title),), searched=searched)


def _pages(visit: Visit, searched: str) -> tuple[Hit, ...]:
    pages = [(visit.text("Home"), "/"), (visit.text("Sources"), "/sources"), (visit.text("City data"), "/entities")]
    if visit.is_administrator:
        pages.append((visit.text("Access"), "/access"))
    return tuple(Hit(label, href, "") for label, href in pages if _fits(searched, label))


def _sources(visit: Visit, searched: str) -> tuple[Hit, ...]:
    hits = []
    for source in visit.city.sources:
        agency = visit.city.agency(source.agency)
        agency_name = visit.pick(agency.name) if agency is not None else ""
        if _fits(searched, visit.pick(source.title), source.id, agency_name):
            hits.append(Hit(visit.pick(source.title), f"/sources/{source.id}", agency_name))
    return tuple(hits[: limits.CONSOLE_SEARCH_RESULTS_MAX])


def _types(visit: Visit, searched: str) -> tuple[Hit, ...]:
    return tuple(
        Hit(visit.word(name), type_address(name), visit.formats.number(count))
        for name, count in types.list_types(visit.caller, visit.hub).items()
        if _fits(searched, visit.word(name), name)
    )


async def _entities(visit: Visit, searched: str) -> tuple[Hit, ...]:
    named = await find_named(visit, searched, limits.CONSOLE_SEARCH_RESULTS_MAX)
    # A source is found as itself; its entity would be there a second time.
    others = [one for one in named if one.type_name != SOURCE_TYPE]
    hits = [Hit(one.name, entity_address(one.id), visit.word(one.type_name)) for one in others]
    exact = entities.find_document(visit.caller, visit.hub, searched)
    if exact is not None:
        record = entities.read_records(visit.caller, visit.hub, [exact])[0]
        name = display_name(visit, record.entity)
        hits.insert(0, Hit(name, entity_address(record.id), visit.word(record.types[0])))
    return tuple(hits)


def _fits(searched: str, *texts: str) -> bool:
    return any(searched.casefold() in text.casefold() for text in texts)
