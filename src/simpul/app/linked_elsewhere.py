"""Finds linked entities at other sources too, where the relationship tells their type (CIM 009 §4.5.23.1).

One question for each type and source and level, however many entities are linked to. No rendering here.
"""

from __future__ import annotations

from collections.abc import Sequence

from simpul.app import assembly
from simpul.app.assembly import QUERYING
from simpul.app.federation import Hop
from simpul.app.hub import Hub
from simpul.app.linked import Found, Unknown, fetch, search_links
from simpul.domain.entity import Record
from simpul.domain.errors import HubError
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.domain.render import Representation
from simpul.domain.source_matching import SourceQuestion


async def find_linked_everywhere(
    hub: Hub, hop: Hop, records: Sequence[Record], representation: Representation
) -> tuple[Found, list[HubError]]:
    """Return the linked entities by id, and what went wrong at some of the sources. Raises TooComplexQuery."""
    search = search_links(records, representation)
    warnings: list[HubError] = []
    try:
        unknown = next(search)
        while True:
            found, troubles = await _fetch_everywhere(hub, hop, unknown)
            warnings += troubles
            unknown = search.send(found)
    except StopIteration as done:
        return done.value, warnings


async def _fetch_everywhere(hub: Hub, hop: Hop, unknown: Unknown) -> tuple[Found, list[HubError]]:
    found: Found = {}
    warnings: list[HubError] = []
    for types in sorted(set(unknown.values())):
        if not any(hop.caller.may_read((name,)) for name in types):
            # Also where no type is told.
            continue
        ids = tuple(one for one, told in unknown.items() if told == types)
        selection = TypeSelection(tuple((name,) for name in types))
        asked = assembly.find_asked(hub, hop, SourceQuestion(types=selection, ids=ids), QUERYING)
        if asked:
            question = EntityQuery(types=selection, ids=ids, limit=len(ids), readable_types=hop.caller.readable_types)
            page = await assembly.query(hub, hop, question, asked, ())
            found |= {record.id: record for record in page.records}
            warnings += page.warnings
    here = {one: types for one, types in unknown.items() if one not in found}
    return fetch(hop.caller, hub, here) | found, warnings
