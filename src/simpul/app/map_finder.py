"""Finds the entities that an entity map is to have, and looks at them again page by page (CIM 009 §5.14.4, §5.5.9.3).

Here and at the sources that the question concerns; with the caller's rights each time. No HTTP here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from msgspec.structs import replace

from simpul import limits
from simpul.app import assembly, entities
from simpul.app.assembly import Asked
from simpul.app.federation import Hop
from simpul.app.hub import Hub
from simpul.domain.distribution import Contribution, unite_records
from simpul.domain.entity import Record
from simpul.domain.entity_map import HERE, OWN, EntityMap, Sources
from simpul.domain.errors import HubError
from simpul.domain.query import EntityQuery

# One more than a map holds, so that too many are noticed.
_ALL = limits.ENTITY_MAP_ENTITIES_MAX + 1


@dataclass(slots=True)
class Finder:
    """Looks for the entities of a question: the union of `questions`, of which sources are `asked` where it is one.

    `filters` are the question's parameters in the words of the request. `warnings` says what could not be asked;
    `unsure` are entities that were not found because of that, and may be there all the same.
    """

    hub: Hub
    hop: Hop
    questions: Sequence[EntityQuery]
    asked: Sequence[Asked] = ()
    filters: tuple[tuple[str, str], ...] = ()
    warnings: list[HubError] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)

    async def list_sources(self) -> dict[str, Sources]:
        """Return which entities the question is about now, and which sources have something of each."""
        found: dict[str, Sources] = {}
        for question in self.questions:
            whole = replace(question, limit=_ALL, offset=0, counts=False)
            found |= await (self._gathered(whole) if self.asked else self._own(whole))
        return found

    async def _own(self, question: EntityQuery) -> dict[str, Sources]:
        page = await entities.query(self.hop.caller, self.hub, question)
        return {document.id: OWN for document in page.documents}

    async def _gathered(self, question: EntityQuery) -> dict[str, Sources]:
        gathered = await assembly.gather(self.hub, self.hop, question, self.asked, (self.filters, False))
        self.warnings += gathered.warnings
        return {
            entity_id: tuple(dict.fromkeys(map(_source_of, parts)))
            for entity_id, parts in gathered.parts.items()
            if assembly.fits(question, unite_records(parts))
        }

    async def list_records(self, most: int) -> list[Record]:
        """Return the entities that the question is about now; one more than `most` where there are more."""
        found: dict[str, Record] = {}
        for question in self.questions:
            whole = replace(question, limit=most + 1, offset=0, counts=False)
            found |= {record.id: record for record in await self._records(whole, self.asked)}
        return list(found.values())

    async def look(self, entity_map: EntityMap, entity_ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the map's entities that the question is about still."""
        if not self.asked:
            return await self._look(entity_map, entity_ids)
        found: dict[str, Record] = {}
        for chunk in chunks_for_sources(entity_ids):
            warned = len(self.warnings)
            fitting = await self._look(entity_map, chunk)
            found |= fitting
            if len(self.warnings) > warned:
                self.unsure |= {one for one in chunk if one not in fitting and entity_map.entities.get(one) != OWN}
        return found

    async def _look(self, entity_map: EntityMap, entity_ids: Sequence[str]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for question in self.questions:
            asked_for = [one for one in entity_ids if not question.ids or one in question.ids]
            if not asked_for:
                continue
            those = replace(question, ids=tuple(asked_for), limit=len(asked_for), offset=0, counts=False)
            having = {source for one in asked_for for source in entity_map.entities.get(one, ())}
            concerned = [one for one in self.asked if one.registration.id in having]
            found |= {record.id: record for record in await self._records(those, concerned)}
        return found

    async def _records(self, question: EntityQuery, concerned: Sequence[Asked]) -> Sequence[Record]:
        if not concerned:
            page = await entities.query(self.hop.caller, self.hub, question)
            return entities.read_records(self.hop.caller, self.hub, page.documents)
        assembled = await assembly.query(self.hub, self.hop, question, concerned, self.filters)
        self.warnings += assembled.warnings
        return assembled.records


def _source_of(part: Contribution) -> str:
    return HERE if part.registration is None else part.registration.id


def chunks_for_sources(entity_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in portions that can be named in a URL."""
    start = size = 0
    for place, entity_id in enumerate(entity_ids):
        length = len(quote(entity_id)) + 1
        if place > start and size + length > limits.PEER_IDS_BYTES_MAX:
            yield entity_ids[start:place]
            start, size = place, 0
        size += length
    yield entity_ids[start:]
