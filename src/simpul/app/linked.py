"""Finds the entities that others link to, as far as the caller may see them (CIM 009 §4.5.23). No rendering here."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.entity import Record
from simpul.domain.linked import Target, raise_if_too_many, targets_of
from simpul.domain.render import Representation

# Ids, each with the types that its relationship tells.
Unknown = Mapping[str, tuple[str, ...]]
Found = dict[str, Record]


def find_linked(caller: Caller, hub: Hub, records: Sequence[Record], representation: Representation) -> Found:
    """Return the linked entities by id, as many relationships deep as the join goes. Raises TooComplexQuery.

    One that the caller may not read is not among them, exactly as if it were not there.
    """
    search = search_links(records, representation)
    try:
        unknown = next(search)
        while True:
            unknown = search.send(fetch(caller, hub, unknown))
    except StopIteration as done:
        found: Found = done.value
        return found


def fetch(caller: Caller, hub: Hub, ids: Unknown) -> Found:
    """Return those of the entities that are here and that the caller may read."""
    documents = [entities.find_document(caller, hub, one) for one in ids]
    there = [document for document in documents if document is not None]
    return {record.id: record for record in entities.read_records(caller, hub, there)} if there else {}


def search_links(records: Sequence[Record], representation: Representation) -> Generator[Unknown, Found, Found]:
    """Yield what is to be looked for, level by level; be sent what was found of it; return all that was.

    Raises TooComplexQuery where more would be looked for than are shown.
    """
    join = representation.join
    assert join is not None, "asked only where there is a join"
    there = {record.id: record for record in records}
    absent = set(join.contained_by)
    found: Found = {}
    # How an entity is shown decides which of its relationships are followed, and it may be reached in several ways.
    visited = {Target(record.id, representation, ()) for record in records}
    reached = [(record, representation) for record in records]
    for _ in range(join.levels):
        wanted = dict.fromkeys(
            target for record, shown in reached for target in targets_of(record, shown) if target not in visited
        )
        visited |= wanted.keys()
        unknown = {one.id: one.types for one in wanted if one.id not in there and one.id not in absent}
        raise_if_too_many(len(found) + len(unknown))
        if unknown:
            there |= yield unknown
        absent |= unknown.keys() - there.keys()
        reached = [(there[one.id], one.shown) for one in wanted if one.id in there and one.id not in absent]
        found |= {record.id: record for record, _ in reached}
    return found
