"""Histories of which parts lie at other sources: retrieved and queried as one (CIM 009 §5.7.3, §5.7.4). No HTTP here.

A source that tells only a part of a time says how far that goes. No answer goes further than the source that told
least: whoever asks on from there gets the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from simpul import limits
from simpul.app import temporal
from simpul.app.assembly import Asked, limiting, narrow_names, select
from simpul.app.federation import Call, Hop, Paging, Reply, ask_all, ask_pages, count_told, wire_context
from simpul.app.history_parts import AskForRest, Part, ends_of, read_on, read_reply
from simpul.app.hub import Hub
from simpul.app.temporal import Page, TemporalQuestion
from simpul.domain.context import Context
from simpul.domain.errors import HubError, NotFound, TooComplexQuery
from simpul.domain.match import matches_scope
from simpul.domain.moment import render_moment
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.query import EntityQuery
from simpul.domain.registration import Registration
from simpul.domain.source_matching import SourceQuestion, TimeSpan
from simpul.domain.temporal import Series, TemporalQuery, cut, cut_at, narrow
from simpul.domain.united_history import Told, unite_series, without_proxied_series

RETRIEVING = ("retrieveTemporal", "queryTemporal")
QUERYING = ("queryTemporal",)
_PATH = "/temporal/entities"
_SYSTEM_ATTRIBUTES = ("options", "sysAttrs")

Filters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Assembled:
    """A page of what all sources and the hub itself tell, and what went wrong at some of them."""

    page: Page
    warnings: list[HubError]


def source_question(selector: EntityQuery, window: TemporalQuery) -> SourceQuestion:
    """Return what a question about histories asks of registrations (§5.12); `q` is left to who knows `csf`."""
    return SourceQuestion(
        types=selector.types,
        ids=selector.ids,
        id_pattern=selector.id_pattern,
        attributes=_wanted(window),
        dataset_ids=window.dataset_ids,
        span=_span_of(window),
    )


def _span_of(window: TemporalQuery) -> TimeSpan | None:
    if window.timerel is None:
        return None
    return TimeSpan(window.time_property == "observedAt", window.low_us, window.high_us)


def _wanted(window: TemporalQuery) -> tuple[str, ...]:
    """Return the attributes of which a history has to have one, or nothing of it would be shown (§4.21)."""
    picks_attributes_alone = all(":" in name for name in window.pick)
    return window.attributes or (window.pick if picks_attributes_alone else ())


async def retrieve(hub: Hub, hop: Hop, entity_id: str, asked: Sequence[Asked], question: TemporalQuestion) -> Assembled:
    """Return what all sources and the hub itself know of an entity's history (§5.7.3); nothing where nobody does.

    Raises NotFound where it never had any of the attributes asked for, TooComplexQuery.
    """
    window = question.window
    calls = []
    for one in asked:
        context = await wire_context(hub, hop, one.registration)
        calls.append((one.registration, _retrieval(context, entity_id, one, window)))
    replies, own = await asyncio.gather(
        ask_all(hub, hop, calls), temporal.find_series(hop.caller, hub, entity_id, window)
    )
    registrations = [one.registration for one in asked]
    told = [Told(without_proxied_series(own, registrations))] if own is not None else []
    parts = [await read_reply(hub, hop, reply, window) for reply in replies]
    if question.whole:
        # What is aggregated has to be there whole.
        rest = [_rest_of_one(hub, hop, one, entity_id) for one in asked]
        parts = list(await asyncio.gather(*(read_on(hub, hop, *of, window) for of in zip(rest, parts, strict=True))))
    told += [one for part in parts for one in part.told if one.series.history.id == entity_id]
    warnings = [part.warning for part in parts if part.warning is not None]
    if not told:
        return Assembled(Page([], None), warnings)
    series = narrow(unite_series(told), window)
    if series.lacks and warnings:
        return Assembled(Page([], None), warnings)
    if series.lacks:
        raise NotFound(f"The entity {entity_id[:200]} never had any of the attributes asked for.")
    return Assembled(page_of(hub, question, [series], ends_of(parts)), warnings)


def _retrieval(context: Context, entity_id: str, one: Asked, window: TemporalQuery) -> Call:
    if not one.registration.supports("retrieveTemporal"):
        return _question_call(context, one, EntityQuery(ids=(entity_id,)), window, ())
    path = f"{_PATH}/{quote(entity_id, safe=':')}"
    return Call("GET", path, (*_attributes(context, one, window), *_times(window), _SYSTEM_ATTRIBUTES))


def _rest_of_one(hub: Hub, hop: Hop, one: Asked, entity_id: str) -> AskForRest:
    async def ask(rest: TemporalQuery, _: tuple[str, ...]) -> Reply:
        context = await wire_context(hub, hop, one.registration)
        (reply,) = await ask_all(hub, hop, [(one.registration, _retrieval(context, entity_id, one, rest))])
        return reply

    return ask


def _rest_of_several(hub: Hub, hop: Hop, one: Asked, search: Search) -> AskForRest:
    filters = () if search.is_split else tuple(pair for pair in search.filters if pair[0] == "scopeQ")

    async def ask(rest: TemporalQuery, entity_ids: tuple[str, ...]) -> Reply:
        context = await wire_context(hub, hop, one.registration)
        # Whoever has nothing in the rest of the time is left out, so pages are not those of before: each is named.
        told = (*filters, ("limit", str(len(entity_ids))))
        call = _question_call(context, one, EntityQuery(ids=entity_ids), rest, told)
        (reply,) = await ask_all(hub, hop, [(one.registration, call)])
        return reply

    return ask


def _attributes(context: Context, one: Asked, window: TemporalQuery) -> Filters:
    names = narrow_names(one.information, _wanted(window))
    return (("attrs", ",".join(map(context.compact, names))),) if names else ()


def _times(window: TemporalQuery) -> Filters:
    """Return the parameters that say which time is asked for, and which instances of it."""
    moments = (("timeAt", window.time_at_us), ("endTimeAt", window.end_time_at_us))
    told = [(name, _exact(at_us)) for name, at_us in moments if at_us is not None]
    told += [("timerel", window.timerel)] if window.timerel is not None else []
    told += [("timeproperty", window.time_property)] if window.time_property != "observedAt" else []
    told += [("datasetId", ",".join(window.dataset_ids))] if window.dataset_ids else []
    told += [("lastN", str(window.last_n))] if window.last_n is not None else []
    return tuple(told)


def _exact(at_us: int) -> str:
    whole, fraction = divmod(at_us, 1_000_000)
    text = render_moment(whole * 1_000_000)
    return f"{text[:-1]}.{fraction:06}Z" if fraction else text


def _question_call(
    context: Context, one: Asked, selector: EntityQuery, window: TemporalQuery, filters: Filters
) -> Call:
    """Return the query of one source: of what is asked for, what it is registered for (§4.3.6.1)."""
    selection = select(one.information, selector, context)
    told = (*selection.items(), *_attributes(context, one, window), *filters, *_times(window))
    return Call("GET", _PATH, (*told, _SYSTEM_ATTRIBUTES))


def page_of(hub: Hub, question: TemporalQuestion, series: list[Series], ends: Sequence[str]) -> Page:
    """Return as much of the histories as fits on one page, and no more than every source told whole (§6.3.10).

    `ends` are the moments at which sources stopped. Raises TooComplexQuery where there are any and all is wanted.
    """
    if not ends:
        return temporal.page_of(hub, question, series)
    if question.whole:
        raise TooComplexQuery(
            "A source tells more of this time than it tells at once, and what is aggregated has to be there whole. Ask"
            " for a shorter time, by timerel, or for fewer attributes."
        )
    window = question.window
    covered = max(ends) if window.last_n is not None else min(ends)
    whole, content_range = cut_at(series, window, covered)
    page, shorter = cut(whole, window, hub.settings.temporal_page_instances)
    return Page(page, shorter or content_range)


@dataclass(frozen=True, slots=True)
class Search:
    """A question and whom it concerns: for each of its selectors the sources.

    `filters` are its conditions in the words of the request. Where entities are split among sources no part has to
    fulfil them by itself: they are asked of what all tell together (§5.7.4.4).
    """

    question: TemporalQuestion
    asked: Sequence[Sequence[Asked]]
    filters: Filters
    is_split: bool = False

    @property
    def first(self) -> EntityQuery:
        """Return the first selector: in all but types and ids it is like the others."""
        return self.question.selectors[0]

    @property
    def everyone(self) -> list[Asked]:
        return [one for several in self.asked for one in several]

    @property
    def end(self) -> int:
        """Return where the page of entities that is asked for ends."""
        return self.first.offset + max(0, self.first.limit - 1)


class _Manner(NamedTuple):
    """What is asked of each source: which part of its histories, and whether filters are left to the hub."""

    window: TemporalQuery
    is_filtered_here: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What fits of the histories that all tell of, before a page is cut from it.

    `told_by` says who tells of each: registrations, and None for the hub itself. `ends` are the moments at which
    sources stopped, and `is_judged_in_part` says that the filters were then asked of less than there is. `count` is of
    all that fit, as far as that is known.
    """

    series: list[Series]
    told_by: dict[str, list[Registration | None]]
    ends: list[str]
    is_judged_in_part: bool
    count: int
    warnings: list[HubError]


async def find(hub: Hub, hop: Hop, search: Search) -> Found:
    """Return the histories that fit, up to the end of the page of entities and one more. Raises TooComplexQuery."""
    if search.end > limits.DISTRIBUTED_ENTITIES_MAX:
        raise TooComplexQuery(
            f"Past the first {limits.DISTRIBUTED_ENTITIES_MAX:,} entities other sources are not asked page by page."
            " Narrow the question down."
        )
    manner = await _manner_of(hub, hop, search)
    own, replies = await asyncio.gather(
        temporal.query(hop.caller, hub, _own_question(search, manner)), _ask_all(hub, hop, search, manner)
    )
    parts = await _read_all(hub, hop, search, manner, replies)
    gathered = await _gather(hub, hop, search, manner, (own, parts))
    united = map(unite_series, gathered.values())
    fitting = [one for one in united if not manner.is_filtered_here or _fits(search, one)]
    kept = [one for one in (narrow(one, search.question.window) for one in fitting) if _is_shown(search, one)]
    count = len(kept)
    # What a source counts may be what the caller may not know of.
    if search.first.counts and not manner.is_filtered_here and hop.caller.readable_types is None:
        doubles = sum(map(len, gathered.values())) - len(gathered)
        count = max((own.count or 0) - doubles + count_told([several[0] for several in replies]), count)
    told_by = {one.history.id: [told.registration for told in gathered[one.history.id]] for one in kept}
    ends = ends_of(parts)
    warnings = [part.warning for part in parts if part.warning is not None]
    return Found(kept, told_by, ends, manner.is_filtered_here and bool(ends), count, warnings)


async def _read_all(
    hub: Hub, hop: Hop, search: Search, manner: _Manner, replies: Sequence[Sequence[Reply]]
) -> list[Part]:
    """Read what every source told; where it is judged or aggregated here, the rest of the time too."""
    window = manner.window
    parts: list[Part] = []
    for one, several in zip(search.everyone, replies, strict=True):
        mine = [await read_reply(hub, hop, reply, window) for reply in several]
        if manner.is_filtered_here or search.question.whole:
            rest = _rest_of_several(hub, hop, one, search)
            mine = [await read_on(hub, hop, rest, part, window) for part in mine]
        parts += mine
    return parts


async def query(hub: Hub, hop: Hop, search: Search) -> Assembled:
    """Return a page of the histories that all sources and the hub itself have (§5.7.4). Raises TooComplexQuery."""
    first, end = search.first, search.end
    found = await find(hub, hop, search)
    page = page_of(hub, search.question, found.series[first.offset : end], found.ends)
    is_last = len(found.series) <= end or first.limit == 0
    page = replace(page, is_last=is_last, count=found.count if first.counts else None)
    return Assembled(page, found.warnings)


async def _manner_of(hub: Hub, hop: Hop, search: Search) -> _Manner:
    has_filters = search.first.q is not None or search.first.geo is not None
    able = [await _can_filter(hub, hop, one) for one in search.everyone] if has_filters else []
    is_filtered_here = search.is_split or not all(able)
    window = search.question.window
    return _Manner(temporal.unprojected(window) if is_filtered_here else window, is_filtered_here)


async def _can_filter(hub: Hub, hop: Hop, one: Asked) -> bool:
    """Return whether a source understands the filters as they came, and has what they are about."""
    return await wire_context(hub, hop, one.registration) is hop.context and not limiting(one.information)


async def _ask_all(hub: Hub, hop: Hop, search: Search, manner: _Manner) -> list[list[Reply]]:
    inquiries = [
        _ask(hub, hop, one, selector, (search, manner))
        for selector, several in zip(search.question.selectors, search.asked, strict=True)
        for one in several
    ]
    return list(await asyncio.gather(*inquiries))


async def _ask(hub: Hub, hop: Hop, one: Asked, selector: EntityQuery, how: tuple[Search, _Manner]) -> list[Reply]:
    """Ask one source, up to the end of the page of entities and one more."""
    search, manner = how
    context = await wire_context(hub, hop, one.registration)
    filters: Filters = ()
    if not search.is_split:
        can_filter = await _can_filter(hub, hop, one)
        filters = tuple(pair for pair in search.filters if can_filter or pair[0] == "scopeQ")

    async def ask(paging: Paging) -> Reply:
        call = _question_call(context, one, selector, manner.window, (*filters, *paging))
        (reply,) = await ask_all(hub, hop, [(one.registration, call)])
        return reply

    return await ask_pages(search.end + 1, ask, counts=selector.counts)


def _own_question(search: Search, manner: _Manner) -> TemporalQuestion:
    """Return the question that the hub itself answers: all up to the end of the page of entities, and one more."""
    selectors = [msgspec.structs.replace(one, limit=search.end + 2, offset=0) for one in search.question.selectors]
    if search.is_split:
        selectors = [msgspec.structs.replace(one, q=None, geo=None, scope=None) for one in selectors]
    return replace(search.question, selectors=tuple(selectors), window=manner.window, whole=True)


async def _gather(
    hub: Hub, hop: Hop, search: Search, manner: _Manner, found: tuple[Page, Sequence[Part]]
) -> dict[str, list[Told]]:
    """Return what everyone tells of each entity, the hub itself first."""
    own, parts = found
    elsewhere = [one for part in parts for one in part.told if _is_asked_for(search, one.series)]
    here = {one.history.id: one for one in own.series}
    missing = tuple(dict.fromkeys(entity_id for one in elsewhere if (entity_id := one.series.history.id) not in here))
    here |= await _find_own(hub, hop, search, manner, missing) if missing else {}
    registrations = [one.registration for one in search.everyone]
    gathered = {entity_id: [Told(without_proxied_series(series, registrations))] for entity_id, series in here.items()}
    for one in elsewhere:
        known = gathered.setdefault(one.series.history.id, [])
        # Several selectors may find the same.
        if all(other.registration is not one.registration for other in known):
            known.append(one)
    return gathered


async def _find_own(
    hub: Hub, hop: Hop, search: Search, manner: _Manner, entity_ids: tuple[str, ...]
) -> dict[str, Series]:
    """Return what is held here of entities that others told of, where it is part of the answer."""
    asked_for = msgspec.structs.replace(
        search.first, ids=entity_ids, id_pattern=None, limit=len(entity_ids) + 1, offset=0, counts=False
    )
    if len(search.question.selectors) > 1:
        asked_for = msgspec.structs.replace(asked_for, types=None)
    if manner.is_filtered_here:
        asked_for = msgspec.structs.replace(asked_for, q=None, geo=None, scope=None)
    question = TemporalQuestion((asked_for,), manner.window, whole=True)
    page = await temporal.query(hop.caller, hub, question)
    return {one.history.id: one for one in page.series}


def _is_asked_for(search: Search, series: Series) -> bool:
    """Return whether the history is of one of the entities that are meant: a source may tell of others."""
    return any(_is_meant(selector, series) for selector in search.question.selectors)


def _is_meant(selector: EntityQuery, series: Series) -> bool:
    entity_id, types, _ = series.history
    if selector.types is not None and not selector.types.matches(types):
        return False
    if selector.ids:
        return entity_id in selector.ids
    return selector.id_pattern is None or matches_pattern(compile_pattern(selector.id_pattern), entity_id)


def _fits(search: Search, series: Series) -> bool:
    """Return whether the filters hold of what all sources tell together."""
    scopes = search.first.scope if search.is_split else None
    if scopes is not None:
        points = [point for point in series.attributes.get("scope", ()) if point.deleted_us is None]
        if not any(matches_scope(scopes, {"scope": point.instance["value"]}) for point in points):
            return False
    return temporal.fits(search.first, series)


def _is_shown(search: Search, series: Series) -> bool:
    has_attribute = any(name != "scope" for name in series.attributes)
    return has_attribute or ("scope" in search.question.window.pick and bool(series.attributes))
