"""Rows kept aside, tried again as they came, with what people put right in them. The agency's system is not asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.sources import note_run
from simpul.connect.contexts import read_contexts
from simpul.connect.corrected import Corrections
from simpul.connect.gathering import gather
from simpul.connect.mapping import Mapper, read_columns
from simpul.connect.takeover import Past, Takeover
from simpul.connect.taking import Taken
from simpul.connect.values import RowRejected
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.entity import Entity
from simpul.domain.errors import SourceMismatch
from simpul.ports.engine import Replayed
from simpul.ports.store import Draft, Reject

# What says something about a row's place among the others, which only a whole reading knows.
_NEEDS_ALL_ROWS: Final = frozenset({"unique", "same_id", "broken"})
_CUT: Final = "…"


class Tried(NamedTuple):
    """A reject tried again: the row and its entity, or the reason why there is none still."""

    reject: Reject
    taken: Taken | None
    entity: Entity | None
    wrong: RowRejected | None


async def replay_rejects(hub: Hub, city: City, source: SourceDeclaration, keys: Collection[str] | None) -> Replayed:
    """Try the source's rejects again, or those with these keys. Raises SourceError, StorageFull, StorageUnavailable."""
    rejects = [one for one in _list_rejects(hub, city.tenant, source.id) if keys is None or one.key in keys]
    if not rejects:
        return Replayed(0, 0, 0)
    if "context" in source.declaration:
        for url, document in read_contexts(city).items():
            hub.contexts.preload(url, document)
    context = await hub.contexts.resolve(source.declaration.get("context"))
    knowledge = await gather(hub, city, source, context)
    columns = list(dict.fromkeys(name for one in rejects for name in one.raw))
    missing = [name for name in read_columns(source.declaration) if name not in columns]
    if missing:
        raise SourceMismatch(
            f"{source.file}: the rows kept aside have no column {missing[0]!r}. Read the source itself again."
        )
    mapper = Mapper(source, city, context, columns, replace(knowledge, corrections={}))
    corrections = Corrections(knowledge.corrections, columns)
    takeover = Takeover(
        mapper.shape,
        context,
        0 if context is CORE else hub.contexts.register(context),
        Past(partial(hub.entities.list_changes, city.tenant)),
    )
    tried = [_try(one, columns, mapper, corrections) for one in rejects]
    taken_keys = [one.taken.key for one in tried if one.taken is not None and one.taken.key != one.reject.key]
    known = hub.sources.find_digests(city.tenant, source.id, taken_keys) if taken_keys else {}
    tried = [_unless_known(one, known) for one in tried]
    await _write(hub, city, source, tried, takeover)
    await _tell(hub, city, source)
    taken_over = sum(1 for one in tried if one.entity is not None)
    return Replayed(len(tried), taken_over, len(tried) - taken_over)


def _list_rejects(hub: Hub, tenant: str, source_id: str) -> list[Reject]:
    rejects: list[Reject] = []
    while len(rejects) < limits.REJECTS_PER_RUN_MAX:
        page = hub.sources.list_rejects(tenant, source_id, limits.PAGE_SIZE_MAX, len(rejects))
        rejects += page
        if len(page) < limits.PAGE_SIZE_MAX:
            break
    # They are listed newest first; what came first counts.
    return rejects[::-1]


def _try(reject: Reject, columns: Sequence[str], mapper: Mapper, corrections: Corrections) -> Tried:
    if reject.rule in _NEEDS_ALL_ROWS or _is_cut(reject.raw):
        return Tried(reject, None, None, None)
    cells = corrections.apply(reject.key, tuple(reject.raw.get(name) for name in columns))
    number = reject.key.removeprefix("row ")
    taken = mapper.take(int(number) if number.isdigit() else 0, cells)
    if taken is None:
        return Tried(reject, None, None, None)
    try:
        return Tried(reject, taken, mapper.map(taken), None)
    except RowRejected as rejected:
        return Tried(reject, taken, None, rejected)


def _is_cut(raw: Mapping[str, Any]) -> bool:
    """Return whether the row was too large to be kept whole."""
    return any(isinstance(cell, str) and len(cell) == limits.REJECT_CELL_CHARACTERS + 1 and cell.endswith(_CUT)
               for cell in raw.values())  # fmt: skip


def _unless_known(tried: Tried, known: Mapping[str, bytes]) -> Tried:
    """A row that would take the place of another one stays aside."""
    if tried.taken is None or tried.taken.key == tried.reject.key or tried.taken.key not in known:
        return tried
    wrong = RowRejected("key", f"the key {tried.taken.key!r} was there before in this run; the first row counts")
    return tried._replace(entity=None, wrong=wrong)


async def _write(hub: Hub, city: City, source: SourceDeclaration, tried: Sequence[Tried], takeover: Takeover) -> None:
    now_us = hub.clock.now_us()
    runs = hub.sources.list_runs(city.tenant, source.id, 1)

    def operation(draft: Draft) -> None:
        for one in tried:
            reject, taken = one.reject, one.taken
            if taken is None:
                continue
            if one.entity is None:
                if one.wrong is not None and (one.wrong.rule, one.wrong.reason) != (reject.rule, reject.reason):
                    draft.add_reject(reject._replace(at_us=now_us, rule=one.wrong.rule, reason=one.wrong.reason))
                continue
            takeover.put(draft, one.entity, now_us)
            draft.drop_reject(source.id, reject.key)
            if taken.key != reject.key:
                draft.drop_source_row(source.id, reject.key)
            draft.put_source_row(source.id, taken.key, taken.digest, one.entity["id"])

    await hub.entities.write(city.tenant, f"source/{source.id}#{runs[0].id if runs else 0}", operation)


async def _tell(hub: Hub, city: City, source: SourceDeclaration) -> None:
    """Let the source's entity tell how many rows are kept aside now."""
    runs = hub.sources.list_runs(city.tenant, source.id, 1)
    if runs and runs[0].finished_us is not None:
        kept = hub.sources.count_rejects(city.tenant).get(source.id, 0)
        await note_run(hub, city, source, runs[0]._replace(rows_rejected=kept))
