"""Answers across agencies: joined, counted, nearest, kept while nothing changes; never more than is public."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from simpul import limits
from simpul.app import entities, identity
from simpul.app.answer_plan import read_plan
from simpul.app.answers import Answer, Cell, answer, list_answers
from simpul.app.hub import Hub
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.errors import NotFound, SourceMisconfigured, TooComplexQuery, TooManyResults
from simpul.main import open_hub
from simpul.settings import Settings

Result = TypeVar("Result")
PUBLIC = ("Stop", "Depth", "Area", "Haven")

DECLARATION: dict[str, Any] = {
    "answer": "wet",
    "title": {"id": "Basah", "en": "Wet"},
    "rows": {"type": "Stop"},
    "columns": [
        {"column": "stop", "title": {"id": "Halte", "en": "Stop"}, "attribute": "name"},
        {"column": "depth", "unit": "m", "linked": {"type": "Depth", "by": "of", "attribute": "depth"}},
        {"column": "area", "within": {"type": "Area", "attribute": "name"}},
        {"column": "people", "count": {"type": "Person", "by": "livesIn", "of": "area", "smallest": 5}},
        {"column": "haven", "nearest": {"type": "Haven", "attribute": "name", "where": "room>0"}},
        {"column": "room", "from": {"column": "haven", "attribute": "room"}},
        {"column": "away", "unit": "m", "distance": {"to": "haven"}},
    ],
    "keep": [{"column": "depth", "above": 0.1}],
    "order": {"column": "depth", "direction": "descending"},
    "headline": {
        "numbers": {
            "stops": {"count": "rows"},
            "deep": {"count": "rows", "where": {"column": "depth", "above": 1}},
            "areas": {"distinct": "area"},
            "people": {"sum": "people", "once_per": "area"},
        },
        "text": {"id": "{stops} basah, {people} orang", "en": "{stops} wet, {people} people"},
    },
}


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def link(name: str) -> dict[str, Any]:
    return {"type": "Relationship", "object": f"urn:x:{name}"}


def point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, latitude]}}


def square(west: float, south: float) -> dict[str, Any]:
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}}


def entity(type_name: str, key: str, /, **attributes: dict[str, Any]) -> dict[str, Any]:
    return CORE.expand_entity({"id": f"urn:x:{key}", "type": type_name, **attributes})


def world() -> list[dict[str, Any]]:
    """Two areas with 6 and 3 people, four stops of which three are wet, three havens of which two have room."""
    people = [("west", number) for number in range(6)] + [("east", number) for number in range(3)]
    return [
        entity("Area", "west", name=prop("West"), location=square(0, 0)),
        entity("Area", "east", name=prop("East"), location=square(1, 0)),
        entity("Stop", "a", name=prop("A"), location=point(0.2, 0.5)),
        entity("Stop", "b", name=prop("B"), location=point(0.8, 0.5)),
        entity("Stop", "c", name=prop("C"), location=point(1.5, 0.5)),
        entity("Stop", "dry", name=prop("Dry"), location=point(0.5, 0.5)),
        entity("Depth", "da", depth=prop(2.5), of=link("a")),
        entity("Depth", "db", depth=prop(0.5), of=link("b")),
        entity("Depth", "dc", depth=prop(3), of=link("c")),
        entity("Depth", "ddry", depth=prop(0.1), of=link("dry")),
        entity("Haven", "full", name=prop("No room known"), location=point(0.2, 0.5)),
        entity("Haven", "near", name=prop("Near"), room=prop(100), location=point(0.3, 0.5)),
        entity("Haven", "far", name=prop("Far"), room=prop(7), location=point(1.9, 0.5)),
        *(entity("Person", f"{area}{number}", livesIn=link(area), name=prop("Secret")) for area, number in people),
    ]


def source(source_id: str, type_name: str, *attributes: str) -> SourceDeclaration:
    made = "urn:x:{key}" if source_id != "elsewhere" else "urn:elsewhere:{key}"
    declaration = {"entity": {"type": [type_name], "id": made, "attributes": {name: name for name in attributes}}}
    return SourceDeclaration(source_id, "sql", "agency", {}, type_name, f"sources/{source_id}.yaml", declaration)


def city(*declarations: dict[str, Any]) -> City:
    return City(
        tenant="kota",
        name={"id": "Kota", "en": "City"},
        public_types=frozenset(map(CORE.expand, PUBLIC)),
        sources=(
            source("stops", "Stop", "name", "location"), source("depths", "Depth", "depth", "of"),
            source("areas", "Area", "name", "location"), source("registry", "Person", "livesIn"),
            source("havens", "Haven", "name", "location"), source("rooms", "Haven", "room"),
            # It gives depths too, of other things: its ids say so.
            source("elsewhere", "Depth", "depth", "of"),
        ),
        answers=declarations or (DECLARATION,),
    )  # fmt: skip


@asynccontextmanager
async def open_world(folder: Path, declared: City, things: list[dict[str, Any]]) -> AsyncIterator[Hub]:
    async with open_hub(Settings(folder=folder / "kota", tenant="kota")) as hub:
        hub.cities["kota"] = declared
        for thing in things:
            await put(hub, thing)
        yield hub


async def put(hub: Hub, thing: dict[str, Any]) -> None:
    await entities.create(identity.operator("kota"), hub, thing, CORE)


def in_world(
    folder: Path,
    ask: Callable[[Hub], Awaitable[Result]],
    declared: City | None = None,
    things: list[dict[str, Any]] | None = None,
) -> Result:
    async def run() -> Result:
        async with open_world(folder, declared or city(), world() if things is None else things) as hub:
            return await ask(hub)

    return asyncio.run(run())


async def ask_wet(hub: Hub) -> Answer:
    return await answer(identity.anonymous(hub, "kota"), hub, "wet")


def values(made: Answer, column: str) -> list[Any]:
    return [row.cells[made.column(column)].value for row in made.rows]


def changed(**parts: Any) -> dict[str, Any]:
    return {**DECLARATION, **parts}


def test_rows_are_joined_and_the_dry_ones_go(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert values(made, "stop") == ["C", "A", "B"]
    assert values(made, "depth") == [3, 2.5, 0.5]
    assert made.row_type == "Stop"
    assert [row.id for row in made.rows] == ["urn:x:c", "urn:x:a", "urn:x:b"]
    assert made.rows[0].place == (1.5, 0.5)


def test_a_place_is_in_the_area_around_it(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert values(made, "area") == ["East", "West", "West"]
    assert made.rows[0].cells[made.column("area")].entity_id == "urn:x:east"


def test_the_nearest_with_room_is_found_and_how_far_it_is(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert values(made, "haven") == ["Far", "Near", "Near"]
    assert values(made, "room") == [7, 100, 100]
    assert values(made, "away") == pytest.approx([44_478, 11_119, 55_597], abs=30)


def test_fewer_people_than_the_smallest_cell_are_not_told(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    people = made.column("people")
    assert made.rows[0].cells[people] == Cell(None, withheld=True)
    assert made.rows[1].cells[people] == Cell(6)
    assert made.columns[people].smallest == 5
    assert next(figure.value for figure in made.figures if figure.name == "people") == 6


def test_nothing_of_a_person_is_in_an_answer(tmp_path: Path) -> None:
    assert "Secret" not in repr(in_world(tmp_path, ask_wet))


def test_figures_and_the_sentence_say_the_same(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert {figure.name: figure.value for figure in made.figures} == {"stops": 3, "deep": 2, "areas": 2, "people": 6}
    assert made.headline == {"id": "3 basah, 6 orang", "en": "3 wet, 6 people"}


def test_each_column_names_the_sources_it_came_from(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert {column.name: column.sources for column in made.columns} == {
        "stop": ("stops",), "depth": ("depths",), "area": ("stops", "areas"),
        "people": ("stops", "areas", "registry"), "haven": ("stops", "havens"),
        "room": ("stops", "havens", "rooms"), "away": ("stops", "havens"),
    }  # fmt: skip
    assert set(made.sources) == {"stops", "depths", "areas", "registry", "havens", "rooms"}


def test_columns_know_numbers_from_text(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet)
    assert [column.kind for column in made.columns] == ["text", "number", "text", "number", "text", "number", "number"]
    assert made.columns[1].unit == "m"


def test_an_answer_is_kept_until_one_of_its_types_changes(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> tuple[Answer, ...]:
        first = await ask_wet(hub)
        await put(hub, entity("Unrelated", "u"))
        again = await ask_wet(hub)
        await put(hub, entity("Depth", "more", depth=prop(9), of=link("dry")))
        return first, again, await ask_wet(hub)

    first, again, later = in_world(tmp_path, ask)
    assert again is first
    assert values(later, "depth") == [9, 3, 2.5, 0.5]


def test_a_person_that_moves_in_changes_the_count(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> Answer:
        await ask_wet(hub)
        await put(hub, entity("Person", "new", livesIn=link("west")))
        return await ask_wet(hub)

    assert values(in_world(tmp_path, ask), "people") == [None, 7, 7]


def test_two_who_ask_at_once_get_one_computation(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> tuple[Answer, Answer]:
        one, other = await asyncio.gather(ask_wet(hub), ask_wet(hub))
        return one, other

    one, other = in_world(tmp_path, ask)
    assert one is other


def test_a_declaration_applied_anew_is_answered_anew(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> Answer:
        await ask_wet(hub)
        hub.cities["kota"] = city(changed(keep=[{"column": "depth", "above": 1}]))
        return await ask_wet(hub)

    assert values(in_world(tmp_path, ask), "stop") == ["C", "A"]


def test_what_has_expired_is_not_in_the_answer(tmp_path: Path) -> None:
    things = [*world(), entity("Stop", "old", name=prop("Old"), location=point(0.2, 0.5), expiredAt=prop("2026-01-01"))]
    things.append(entity("Depth", "dold", depth=prop(5), of=link("old")))
    assert "Old" not in values(in_world(tmp_path, ask_wet, things=things), "stop")


def test_a_row_without_a_place_keeps_its_other_cells(tmp_path: Path) -> None:
    things = [
        *world(),
        entity("Stop", "lost", name=prop("Lost")),
        entity("Depth", "dl", depth=prop(4), of=link("lost")),
    ]
    made = in_world(tmp_path, ask_wet, things=things)
    assert [cell.value for cell in made.rows[0].cells] == ["Lost", 4, None, None, None, None, None]


def test_an_empty_city_gives_an_empty_answer(tmp_path: Path) -> None:
    made = in_world(tmp_path, ask_wet, things=[])
    assert made.rows == ()
    assert made.headline["en"] == "0 wet, 0 people"


def test_a_row_follows_its_own_relationship(tmp_path: Path) -> None:
    column = {"column": "stop", "via": {"relationship": "of", "type": "Stop", "attribute": "name"}}
    declared = city(changed(rows={"type": "Depth"}, columns=[column], keep=[], headline={}, order={"column": "stop"}))
    made = in_world(tmp_path, ask_wet, declared)
    assert values(made, "stop") == ["A", "B", "C", "Dry"]
    assert made.columns[0].sources == ("depths", "stops")


def test_more_rows_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_ROWS_MAX", 3)
    with pytest.raises(TooManyResults, match="more than 3 entities of the type Stop"):
        in_world(tmp_path, ask_wet)


def test_more_distances_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_COMPARISONS_MAX", 5)
    with pytest.raises(TooComplexQuery, match="would compare 6 distances"):
        in_world(tmp_path, ask_wet)


def test_an_unknown_answer_names_those_there_are(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> Answer:
        return await answer(identity.anonymous(hub, "kota"), hub, "nothing")

    with pytest.raises(NotFound, match="There are: wet"):
        in_world(tmp_path, ask)


def test_the_list_names_every_answer(tmp_path: Path) -> None:
    async def ask(hub: Hub) -> list[str]:
        return [one.id for one in list_answers(identity.anonymous(hub, "kota"), hub)]

    assert in_world(tmp_path, ask, city(DECLARATION, changed(answer="other"))) == ["wet", "other"]


def test_a_type_that_is_no_longer_public_is_not_shown(tmp_path: Path) -> None:
    declared = city()
    narrowed = replace(declared, public_types=declared.public_types - {CORE.expand("Depth")})
    with pytest.raises(SourceMisconfigured, match="`Depth` is not among the city's public_types"):
        in_world(tmp_path, ask_wet, narrowed)


def with_column(column: dict[str, Any]) -> dict[str, Any]:
    return changed(columns=[*DECLARATION["columns"], column])


@pytest.mark.parametrize(("declaration", "message"), [
    (changed(rows={"type": "Person"}), "answer 'wet', rows: `Person` is not among the city's public_types"),
    (with_column({"column": "x", "nearest": {"type": "Person", "attribute": "name"}}), "column 'x': `Person` is not"),
    (with_column({"column": "x", "count": {"type": "Person", "by": "livesIn"}}), "needs `smallest:` of 5"),
    (with_column({"column": "x", "count": {"type": "Person", "by": "livesIn", "smallest": 4}}), "needs `smallest:`"),
    (with_column({"column": "x", "count": {"type": "Person", "by": "b", "smallest": True}}), "expected a whole number"),
    (with_column({"column": "x", "count": {"type": "Stop", "by": "b", "of": "stop"}}), "no earlier column that finds"),
    (with_column({"column": "x", "distance": {"to": "depht"}}), "there are: depth, area, haven"),
    (with_column({"column": "x"}), "it has 0 origins; expected one of attribute, linked, via"),
    (with_column({"column": "x", "atribute": "name"}), "did you mean `attribute`?"),
    (with_column({"column": "stop", "attribute": "name"}), "the name is there twice"),
    (with_column({"column": "x", "nearest": {"type": "Haven", "attribute": "n", "where": "room>"}}), "column 'x': `q`"),
    (with_column({"column": 5, "attribute": "name"}), "there is 5; expected a name"),
    (changed(columns={}), "columns: there is {}; expected a list"),
    (changed(columns=[{"column": "x", "attribute": "n"}] * 41), "there are 41 entries; expected 40 at most"),
    (changed(keep=[{"column": "depth"}]), "a condition needs `above`, `below` or `one_of`"),
    (changed(keep=[{"column": "deep", "above": 1}]), "there is no column `deep`; the columns are stop, depth"),
    (changed(keep=[{"column": "depth", "above": "1"}]), "there is '1'; expected a number"),
    (changed(order={"column": "depth", "direction": "down"}), "expected ascending or descending"),
    (changed(headline={"text": {"id": "{stop}"}}), "there is no number `stop`"),
    (changed(headline={"numbers": {"n": {"count": "rows", "sum": "depth"}}}), "it has 2 kinds"),
    (changed(headline={"numbers": ["n"]}), "headline: there is ['n']"),
    (changed(row={}), "there is no `row` here; did you mean `rows`?"),
    ({"answer": "wet", "title": {}, "rows": {"type": "Stop"}}, "`columns` is missing"),
])  # fmt: skip
def test_a_declaration_that_does_not_hold_together_says_where(declaration: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceMisconfigured) as caught:
        read_plan(declaration, city())
    assert message in caught.value.detail
