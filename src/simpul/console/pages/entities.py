"""The city's data: its types with their counts, and one type as a table or on the map, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from starlette.responses import Response

from simpul import limits
from simpul.app import entities, types
from simpul.console import words
from simpul.console.names import beginning_with
from simpul.console.page import Page, Step
from simpul.console.pages import selection
from simpul.console.reading import question, read_all
from simpul.console.table import Column, Pager, Row, Table, sorted_rows
from simpul.console.values import (
    Shown,
    aligned,
    display_name,
    entity_address,
    is_name,
    place_of,
    plain_text,
    render_attribute,
    search_text,
    term,
    type_address,
)
from simpul.console.visit import Visit
from simpul.domain.context import CORE
from simpul.domain.entity import Record, attribute_names, instances
from simpul.domain.errors import NotFound

COLUMNS_MAX = 7


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One type in the list of types."""

    label: str
    term: str
    href: str
    count: str
    is_public: bool
    sources: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TypesView:
    """All types that the visitor may read."""

    types: tuple[TypeRow, ...]
    hidden_note: str


@dataclass(frozen=True, slots=True)
class TypeView:
    """One type's entities."""

    type_term: str
    label: str
    searched: str
    table: Table
    pager: Pager
    count: str
    sort_note: str
    has_places: bool
    shows_map: bool
    table_href: str
    map_href: str
    csv_href: str
    layer: str
    sort: str
    order: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The entities that a visit asks for: all of them where they are few enough to be sorted, else one page."""

    type_name: str
    records: list[Record]
    count: int
    is_whole: bool
    is_cut: bool


async def show(visit: Visit) -> Page:
    type_term = visit.parameter("type")
    panel = await selection.selected_panel(visit)
    if not type_term:
        return Page(
            "types.html", visit.text("City data"), _types(visit), "entities", (Step(visit.text("Data")),), panel
        )
    view = await _type_view(visit, CORE.expand(type_term))
    trail = (Step(visit.text("Data"), "/entities"), Step(view.label))
    return Page("entities.html", view.label, view, "entities", trail, panel)


def _types(visit: Visit) -> TypesView:
    city = visit.city
    rows = []
    for name, count in types.list_types(visit.caller, visit.hub).items():
        sources = tuple(
            Step(visit.pick(source.title), f"/sources/{source.id}")
            for source in city.sources
            if CORE.expand(source.type_name) == name
        )
        rows.append(
            (
                visit.word(name).casefold(),
                TypeRow(
                    visit.word(name),
                    term(name),
                    type_address(name),
                    visit.formats.number(count),
                    name in city.public_types,
                    sources,
                ),
            )
        )
    note = ""
    if visit.caller.is_anonymous:
        note = visit.text("Only the types that the city has declared public are shown. Sign in to see more.")
    return TypesView(tuple(row for _, row in sorted(rows, key=lambda pair: pair[0])), note)


async def _type_view(visit: Visit, type_name: str) -> TypeView:
    listing = await _list(visit, type_name)
    records = _sorted(visit, listing)
    page = _page_number(visit)
    if listing.is_whole:
        first = (page - 1) * limits.CONSOLE_ROWS_PER_PAGE
        records = records[first : first + limits.CONSOLE_ROWS_PER_PAGE]
    bare = visit.address(view=None, page=None, selected=None, lang=None)
    return TypeView(
        type_term=term(type_name),
        label=visit.word(type_name),
        searched=visit.parameter("q"),
        table=_table(visit, listing, records),
        pager=_pager(visit, page, len(records), listing.count),
        count=visit.texts("%(count)s entry", "%(count)s entries", listing.count),
        sort_note=_sort_note(visit, listing),
        has_places=any(place_of(record.entity) for record in listing.records[:50]),
        shows_map=visit.parameter("view") == "map",
        table_href=visit.address(view=None),
        map_href=visit.address(view="map"),
        csv_href=bare.replace("/entities?", "/entities.csv?", 1),
        layer=bare.replace("/entities?", "/layers/entities.geojson?", 1),
        sort=visit.parameter("sort"),
        order=visit.parameter("order"),
    )


def _sort_note(visit: Visit, listing: Listing) -> str:
    limit = visit.formats.number(limits.CONSOLE_SORTED_ENTITIES_MAX)
    if listing.is_cut:
        return visit.text("Only the first %(count)s are shown. Search for more of the name.", count=limit)
    if listing.is_whole:
        return ""
    return visit.text("Too many to sort. Search by how a name begins to narrow the list.")


async def _list(visit: Visit, type_name: str) -> Listing:
    """Return the listing that the address asks for. Raises NotFound for a type the visitor has nothing of."""
    total = types.list_types(visit.caller, visit.hub).get(type_name)
    if total is None:
        raise NotFound(f"There is no type {type_name} here.")
    searched = visit.parameter("q").strip()
    asked = question(visit, type_name)
    count_max = limits.CONSOLE_SORTED_ENTITIES_MAX
    if total <= count_max:
        records = await read_all(visit, asked, total)
        wanted = searched.casefold()
        if searched:
            records = [record for record in records if wanted in search_text(visit, record.entity)]
        return Listing(type_name, records, len(records), is_whole=True, is_cut=False)
    if searched:
        records = await read_all(visit, replace(asked, q=beginning_with(searched)), count_max)
        return Listing(type_name, records, len(records), is_whole=True, is_cut=len(records) == count_max)
    per_page = limits.CONSOLE_ROWS_PER_PAGE
    offset = min((_page_number(visit) - 1) * per_page, total)
    page = await entities.query(visit.caller, visit.hub, replace(asked, limit=per_page, offset=offset))
    records = entities.read_records(visit.caller, visit.hub, page.documents)
    return Listing(type_name, records, total, is_whole=False, is_cut=False)


def _pager(visit: Visit, page: int, shown: int, count: int) -> Pager:
    per_page = limits.CONSOLE_ROWS_PER_PAGE
    first = (page - 1) * per_page + 1
    number = visit.formats.number
    if not shown:
        return Pager(visit.text("No rows"))
    summary = visit.text(
        "%(first)s–%(last)s of %(count)s", first=number(first), last=number(first + shown - 1), count=number(count)
    )
    return Pager(
        summary,
        previous=visit.address(page=str(page - 1) if page > 2 else None) if page > 1 else "",
        next=visit.address(page=str(page + 1)) if first + shown - 1 < count else "",
    )


def _page_number(visit: Visit) -> int:
    text = visit.parameter("page")
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1


def _column_names(records: list[Record]) -> list[str]:
    """Return the attributes worth a column: those most entities have, in the order in which they are written."""
    counts: dict[str, int] = {}
    for record in records[:200]:
        for name in attribute_names(record.entity):
            if not is_name(name) and not _is_place(record, name):
                counts[name] = counts.get(name, 0) + 1
    frequent = sorted(counts, key=lambda name: -counts[name])[:COLUMNS_MAX]
    return [name for name in counts if name in frequent]


def _is_place(record: Record, name: str) -> bool:
    return instances(record.entity[name])[0].get("type") == "GeoProperty"


def _sorted(visit: Visit, listing: Listing) -> list[Record]:
    """Return the records in the order that the address asks for, where they are all here."""
    by = visit.parameter("sort")
    if not listing.is_whole or not by:
        return listing.records
    name = CORE.expand(by)

    def key(record: Record) -> object:
        if by == "name":
            return display_name(visit, record.entity)
        return render_attribute(visit, record.entity[name]).sort if name in record.entity else None

    order = "descending" if visit.parameter("order") == "desc" else "ascending"
    return sorted_rows([(key(record), record) for record in listing.records], order)


def _table(visit: Visit, listing: Listing, records: list[Record]) -> Table:
    names = _column_names(listing.records)
    shown = [aligned(visit, [_shown(visit, record, name) for record in records]) for name in names]
    columns = [_column(visit, listing, "name", visit.text("Name"), ())]
    for name, column in zip(names, shown, strict=True):
        columns.append(_column(visit, listing, term(name), visit.word(name), column))
    selected = selection.selected_id(visit)
    rows = tuple(
        Row(
            record.id,
            display_name(visit, record.entity),
            entity_address(record.id),
            tuple(column[index].cell() for column in shown),
            record.id == selected,
        )
        for index, record in enumerate(records)
    )
    return Table("listing", tuple(columns), rows)


def _column(visit: Visit, listing: Listing, key: str, label: str, shown: Sequence[Shown]) -> Column:
    known = [one for one in shown if one.text]
    is_number = bool(known) and all(one.number is not None for one in known)
    units = {one.unit for one in known}
    unit = units.pop() if is_number and len(units) == 1 else ""
    is_sorted = visit.parameter("sort") == key and listing.is_whole
    descending = visit.parameter("order") == "desc"
    # A number is asked for largest first; a name from A.
    turned = not descending if is_sorted else is_number
    href = visit.address(sort=key, order="desc" if turned else None, page=None) if listing.is_whole else ""
    direction = ("descending" if descending else "ascending") if is_sorted else ""
    return Column(key, label, unit, is_number, href, direction)


def _shown(visit: Visit, record: Record, name: str) -> Shown:
    attribute = record.entity.get(name)
    return Shown("") if attribute is None else render_attribute(visit, attribute, name)


async def export(visit: Visit) -> Response:
    """Return what is seen as CSV: the same selection and order, values as they are stored."""
    type_name = CORE.expand(visit.parameter("type"))
    listing = await _list(visit, type_name)
    records = _sorted(visit, listing)
    if not listing.is_whole:
        records = await read_all(visit, question(visit, type_name), limits.CONSOLE_EXPORT_ROWS_MAX)
    names = _attribute_names(records)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", *(term(name) for name in names)])
    for record in records:
        writer.writerow([record.id, *(plain_text(record.entity.get(name)) for name in names)])
    headers = {
        "Content-Disposition": f'attachment; filename="{words.short_name(type_name)}.csv"',
        "Cache-Control": "private, no-store",
    }
    # The mark at the start tells spreadsheets that it is UTF-8.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _attribute_names(records: list[Record]) -> list[str]:
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(attribute_names(record.entity)))
    return list(names)
