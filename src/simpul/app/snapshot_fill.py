"""Fills a snapshot with what its queries find, with the rights of its maker (CIM 009 §5.16.1.4). No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace

import msgspec

from simpul import limits
from simpul.app import temporal
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.app.map_finder import Finder
from simpul.domain.access import Caller
from simpul.domain.distribution import Contribution, unite_records
from simpul.domain.entity import Record, attribute_names
from simpul.domain.errors import HubError, TooManyResults
from simpul.domain.render import Representation
from simpul.domain.snapshot import EMPTY, FAILURE, SUCCESS, Detail, Kept, status_of
from simpul.domain.temporal import moments_of
from simpul.ports.snapshots import SnapshotState
from simpul.ports.store import Draft

_MAX = limits.SNAPSHOT_ENTITIES_PER_QUERY_MAX
_ORIGIN = "snapshot"


@dataclass(frozen=True, slots=True)
class Filling:
    """What a snapshot is to be filled with: queries about entities, each with what it shows, and about histories."""

    caller: Caller
    finders: Sequence[tuple[Finder, Representation]]
    histories: Sequence[temporal.TemporalQuestion]


async def fill(hub: Hub, tenant: str, kept: Kept, filling: Filling) -> None:
    """Ask every query and put what it finds into the snapshot; keep what became of each."""
    async with hub.snapshots.use(tenant, kept) as use:
        details: dict[str, list[Detail]] = {}
        for finder, representation in filling.finders:
            detail = await _detail_of(_put_entities(use.state, tenant, finder, representation))
            details.setdefault("snapshotQueries", []).append(detail)
        for question in filling.histories:
            detail = await _detail_of(_put_histories(hub, use.state, filling.caller, question))
            details.setdefault("snapshotTemporalQueries", []).append(detail)
    current = hub.snapshots.find(tenant, kept.id)
    if current is not None:
        finished = msgspec.structs.replace(
            current, status=status_of(details), details=details, modified_us=hub.clock.now_us()
        )
        await hub.snapshots.put(tenant, finished)


async def _detail_of(work: Awaitable[int]) -> Detail:
    try:
        return Detail(SUCCESS if await work else EMPTY)
    except HubError as error:
        return Detail(FAILURE, error.detail)


async def _put_entities(state: SnapshotState, tenant: str, finder: Finder, representation: Representation) -> int:
    records = await finder.list_records(_MAX)
    if len(records) > _MAX:
        raise TooManyResults(f"The query finds more than {_MAX:,} entities, as many as one query of a snapshot may.")
    shown = [one for record in records if (one := _projected(record, representation)) is not None]
    step = limits.SNAPSHOT_CHUNK_ENTITIES
    for start in range(0, len(shown), step):
        chunk = shown[start : start + step]

        def put(draft: Draft, chunk: Sequence[Record] = chunk) -> None:
            for record in chunk:
                before = draft.find(record.id)
                if before is None:
                    draft.create(record)
                else:
                    draft.replace(before, unite_records([Contribution(before), Contribution(record)]))

        await state.write(tenant, _ORIGIN, put)
    if finder.warnings:
        raise finder.warnings[0]
    return len(shown)


def _projected(record: Record, representation: Representation) -> Record | None:
    """Return what the query shows of an entity, which is all that the snapshot is to hold; None where it is nothing."""
    names = [name for name in attribute_names(record.entity) if representation.shows(name)]
    if len(names) == len(attribute_names(record.entity)):
        return record
    if not names and not representation.shows("id"):
        return None
    kept = {"id", "type", "scope", *names}
    return Record(
        {name: value for name, value in record.entity.items() if name in kept}, record.times, record.context_id
    )


async def _put_histories(hub: Hub, state: SnapshotState, caller: Caller, question: temporal.TemporalQuestion) -> int:
    selectors = tuple(
        msgspec.structs.replace(one, limit=_MAX + 2, offset=0, counts=False) for one in question.selectors
    )
    page = await temporal.query(caller, hub, replace(question, selectors=selectors, whole=True))
    if len(page.series) > _MAX:
        raise TooManyResults(f"The query finds more than {_MAX:,} histories, as many as one query of a snapshot may.")
    within = replace(hub, histories=state, entities=state)
    for series in page.series:
        await temporal.restore(operator(caller.tenant), within, moments_of(series))
    return len(page.series)
