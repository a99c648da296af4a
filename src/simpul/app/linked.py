"""Finds the entities that others link to, as far as the caller may see them (CIM 009 §4.5.23). No rendering here."""

from __future__ import annotations

from collections.abc import Sequence

from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.entity import Record
from simpul.domain.linked import raise_if_too_many, targets_of
from simpul.domain.render import Representation


def find_linked(
    caller: Caller, hub: Hub, records: Sequence[Record], representation: Representation
) -> dict[str, Record]:
    """Return the linked entities by id, as many relationships deep as the join goes. Raises TooComplexQuery.

    One that the caller may not read is not among them, exactly as if it were not there.
    """
    join = representation.join
    assert join is not None, "asked only where there is a join"
    there = {record.id: record for record in records}
    absent = set(join.contained_by)
    found: dict[str, Record] = {}
    # How an entity is shown decides which of its relationships are followed, and it may be reached in several ways.
    visited = {(record.id, representation) for record in records}
    reached = [(record, representation) for record in records]
    for _ in range(join.levels):
        wanted = dict.fromkeys(
            pair for record, shown in reached for pair in targets_of(record, shown) if pair not in visited
        )
        visited |= wanted.keys()
        unknown = {target for target, _ in wanted} - there.keys() - absent
        raise_if_too_many(len(found) + len(unknown))
        there |= _fetch(caller, hub, unknown)
        absent |= unknown - there.keys()
        reached = [(there[target], shown) for target, shown in wanted if target in there and target not in absent]
        found |= {record.id: record for record, _ in reached}
    return found


def _fetch(caller: Caller, hub: Hub, ids: set[str]) -> dict[str, Record]:
    documents = [entities.find_document(caller, hub, one) for one in sorted(ids)]
    there = [document for document in documents if document is not None]
    return {record.id: record for record in entities.read_records(caller, hub, there)} if there else {}
