"""Finds the entities that an entity map of histories is to have, and looks at them again (CIM 009 §5.14.5, §5.5.9.3).

Here and at the sources of histories that the question concerns; with the caller's rights each time. No HTTP here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as replace_in

from simpul import limits
from simpul.app import histories_elsewhere, temporal
from simpul.app.federation import Hop
from simpul.app.histories_elsewhere import Search
from simpul.app.hub import Hub
from simpul.app.map_finder import chunks_for_sources
from simpul.app.temporal import Page
from simpul.domain.entity_map import HERE, OWN, EntityMap, Sources
from simpul.domain.errors import HubError, TooComplexQuery
from simpul.domain.query import EntityQuery
from simpul.domain.temporal import Series


@dataclass(slots=True)
class HistoryFinder:
    """Looks for the histories of a question, of which sources are asked where `search` has any.

    `warnings` says what could not be asked. `unsure` are entities that were not found and may be there all the same.
    """

    hub: Hub
    hop: Hop
    search: Search
    warnings: list[HubError] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    _ends: dict[str, list[str]] = field(default_factory=dict)

    async def list_sources(self) -> dict[str, Sources]:
        """Return which entities' histories the question is about now, and which sources have something of each.

        Raises TooComplexQuery where a source tells too little at once to say which entities fit.
        """
        # One more than a map holds, so that too many are noticed; others are asked for one more than is wanted anyhow.
        most = limits.ENTITY_MAP_ENTITIES_MAX + (0 if self.search.everyone else 1)
        selectors = [_about_all(one, most) for one in self.search.question.selectors]
        # One instance of each attribute shows whether there is any; orders and filters see all that lies in the time.
        window = self.search.question.window
        sparing = window if self.search.question.order else replace(window, last_n=1)
        question = replace(self.search.question, selectors=tuple(selectors), window=sparing, whole=True)
        if not self.search.everyone:
            page = await temporal.query(self.hop.caller, self.hub, question)
            return {one.history.id: OWN for one in page.series}
        found = await histories_elsewhere.find(self.hub, self.hop, replace(self.search, question=question))
        self.warnings += found.warnings
        if found.is_judged_in_part:
            raise TooComplexQuery(
                "A source tells more of this time than it tells at once, and which entities fit has to be seen from all"
                " of it. Ask for a shorter time, by timerel, or without a filter."
            )
        return {
            entity_id: tuple(dict.fromkeys(HERE if one is None else one.id for one in told_by))
            for entity_id, told_by in found.told_by.items()
        }

    async def look(self, entity_map: EntityMap, entity_ids: Sequence[str]) -> dict[str, Series]:
        """Return the histories of those of the map's entities that the question is about still."""
        if not self.search.everyone:
            return await self._look_here(entity_ids)
        found: dict[str, Series] = {}
        for chunk in chunks_for_sources(entity_ids):
            found |= await self._look_everywhere(entity_map, chunk)
        return found

    async def _look_here(self, entity_ids: Sequence[str]) -> dict[str, Series]:
        selectors = [narrowed for one in self.search.question.selectors if (narrowed := _about(one, entity_ids))]
        if not selectors:
            return {}
        question = replace(self.search.question, selectors=tuple(selectors), whole=True)
        page = await temporal.query(self.hop.caller, self.hub, question)
        return {one.history.id: one for one in page.series}

    async def _look_everywhere(self, entity_map: EntityMap, entity_ids: Sequence[str]) -> dict[str, Series]:
        """Ask the sources that the map says have something of these entities, and the hub itself."""
        having = {source for one in entity_ids for source in entity_map.entities.get(one, ())}
        narrowed = [
            (about, [one for one in asked if one.registration.id in having])
            for selector, asked in zip(self.search.question.selectors, self.search.asked, strict=True)
            if (about := _about(selector, entity_ids))
        ]
        if not any(asked for _, asked in narrowed):
            return await self._look_here(entity_ids)
        selectors, several = zip(*narrowed, strict=True)
        question = replace(self.search.question, selectors=selectors)
        found = await histories_elsewhere.find(
            self.hub, self.hop, replace(self.search, question=question, asked=several)
        )
        self.warnings += found.warnings
        self._ends |= dict.fromkeys(entity_ids, found.ends)
        fitting = {one.history.id: one for one in found.series}
        if found.warnings or found.is_judged_in_part:
            self.unsure |= {one for one in entity_ids if one not in fitting and entity_map.entities.get(one) != OWN}
        return fitting

    def page_of(self, series: list[Series]) -> Page:
        """Return as much of these histories as fits on one page, no more than their sources told whole (§6.3.10)."""
        ends = [end for one in series for end in self._ends.get(one.history.id, ())]
        return histories_elsewhere.page_of(self.hub, self.search.question, series, ends)


def _about_all(selector: EntityQuery, most: int) -> EntityQuery:
    """Return the selector for up to so many entities and one more, which is what a page of histories looks for."""
    return replace_in(selector, limit=most + 1, offset=0, counts=False)


def _about(selector: EntityQuery, entity_ids: Sequence[str]) -> EntityQuery | None:
    """Return the selector for these entities alone, or None where it is about none of them."""
    asked_for = tuple(one for one in entity_ids if not selector.ids or one in selector.ids)
    return replace_in(_about_all(selector, len(asked_for)), ids=asked_for) if asked_for else None
