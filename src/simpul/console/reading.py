"""Reads all entities of a question, page after page. Which of them the visitor may see is the use-case's to say."""

from __future__ import annotations

from msgspec.structs import replace

from simpul import limits
from simpul.app import entities
from simpul.console.visit import Visit
from simpul.domain.entity import Record
from simpul.domain.query import EntityQuery, TypeSelection


def question(visit: Visit, type_name: str) -> EntityQuery:
    """Return the question for all entities of a type that the visitor may see."""
    selected = TypeSelection(((type_name,),))
    return EntityQuery(types=selected, readable_types=visit.caller.readable_types)


async def read_all(visit: Visit, query: EntityQuery, count_max: int) -> list[Record]:
    """Return the records of a question, page after page, up to a number of them."""
    records: list[Record] = []
    while len(records) < count_max:
        step = min(limits.PAGE_SIZE_MAX, count_max - len(records))
        page = await entities.query(visit.caller, visit.hub, replace(query, limit=step, offset=len(records)))
        records += entities.read_records(visit.caller, visit.hub, page.documents)
        if len(page.documents) < step:
            break
    return records
