"""Where each attribute of an entity comes from: source, run, row, and the words that made it. Nothing is kept for it.

It is found when it is asked for. The history says which change set an instance and who made that change; a source's
declaration leads back to the row. Whoever may read an entity is told which source or writer it was and when; rows,
mappings and what was put right are for those who keep the sources, and which token wrote for administrators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simpul import limits
from simpul.app import entities
from simpul.app.hub import Hub
from simpul.app.sources import EXPIRED_AT
from simpul.domain.access import Action, Caller, decide
from simpul.domain.city import SourceDeclaration
from simpul.domain.entity import Record
from simpul.domain.errors import TooManyResults
from simpul.ports.lineage import MappingLine, RowWanted, RunOutline, Setter, Traced
from simpul.ports.quality import Correction

SOURCE: Final = "source"
API: Final = "api"
OPERATOR: Final = "operator"
HUB: Final = "hub"

_OF_SOURCE = re.compile(r"source/([^#]+)(?:#(\d+))?")
_OF_TOKEN = re.compile(r"token/(.+)")
# What nobody wrote: the hub itself did.
_OWN: Final = frozenset({"expiry", "snapshot"})
# Whoever asks a hub that is open to all.
_ANYBODY: Final = "open"


@dataclass(frozen=True, slots=True)
class RowTrail:
    """The way back into a source, for those who keep the sources.

    `key` is empty where the row is not known any more; `mapping` is None for what no mapping made.
    """

    key: str
    run: RunOutline | None
    mapping: MappingLine | None
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where one instance of an attribute comes from.

    `kind` is `source`, `api`, `operator` or `hub`. `source` is None where the city has no such source any more.
    `token_id` is only there for administrators, `trail` only for those who keep the sources.
    """

    kind: str
    at_us: int
    source_id: str = ""
    source: SourceDeclaration | None = None
    run: int | None = None
    token_id: str = ""
    trail: RowTrail | None = None


# By `attribute_key`.
Lineages = dict[str, Lineage]


async def get_lineage(caller: Caller, hub: Hub, entity_id: str) -> tuple[Record, Lineages]:
    """Return the entity, and where its attributes come from. Raises NotFound, Unauthenticated, Forbidden."""
    record = await entities.retrieve(caller, hub, entity_id)
    (found,) = await trace(caller, hub, [record])
    return record, found


async def trace(caller: Caller, hub: Hub, records: Sequence[Record]) -> list[Lineages]:
    """Return where the attributes of entities come from that the caller was given.

    What is not there was set by nothing that the history tells of. Raises TooManyResults, StorageUnavailable.
    """
    if len(records) > limits.LINEAGE_ENTITIES_MAX:
        raise TooManyResults(
            f"The lineage of at most {limits.LINEAGE_ENTITIES_MAX} entities is told at once; ask with"
            f" limit={limits.LINEAGE_ENTITIES_MAX} or less."
        )
    setters = [
        each if caller.may_read(record.types) else {}
        for record, each in zip(records, await hub.lineage.find_setters(caller.tenant, records), strict=True)
    ]
    found = [
        {key: lineage_of(caller, hub, setter.origin, setter.at_us) for key, setter in each.items()} for each in setters
    ]
    if decide(caller, Action.MANAGE_SOURCES).allowed:
        await _add_trails(caller, hub, records, setters, found)
    return found


def lineage_of(caller: Caller, hub: Hub, origin: str, at_us: int) -> Lineage:
    """Return what a change's origin says, without the way back into a source."""
    match = _OF_SOURCE.fullmatch(origin)
    if match is not None:
        run = int(match[2]) if match[2] else None
        return Lineage(SOURCE, at_us, match[1], hub.city(caller.tenant).source(match[1]), run or None)
    token = _OF_TOKEN.fullmatch(origin)
    if token is not None:
        is_told = decide(caller, Action.MANAGE_ACCESS).allowed
        return Lineage(API, at_us, token_id=token[1] if is_told else "")
    if origin == _ANYBODY:
        return Lineage(API, at_us)
    return Lineage(HUB if origin in _OWN else OPERATOR, at_us)


async def _add_trails(
    caller: Caller,
    hub: Hub,
    records: Sequence[Record],
    setters: Sequence[dict[str, Setter]],
    found: list[Lineages],
) -> None:
    """Put into each lineage that leads to a source the way back to its row."""
    known = {one.source.id: one.source for each in found for one in each.values() if one.source is not None}
    for source in known.values():
        places = [
            (number, key, RowWanted(record.id, setters[number][key].observed))
            for number, record in enumerate(records)
            for key, one in found[number].items()
            if one.source is source
        ]
        await _add_trails_of(caller, hub, source, places, found)


async def _add_trails_of(
    caller: Caller,
    hub: Hub,
    source: SourceDeclaration,
    places: Sequence[tuple[int, str, RowWanted]],
    found: list[Lineages],
) -> None:
    traced = await _trace_source(caller, hub, source, (wanted for _, _, wanted in places))
    corrections = hub.corrections.list_corrections(caller.tenant, source.id, in_force=True)
    runs: dict[int, RunOutline | None] = {}
    for number, key, wanted in places:
        lineage = found[number][key]
        run = lineage.run
        if run is not None and run not in runs:
            runs[run] = hub.lineage.find_run(caller.tenant, run)
        mapping = traced.mappings.get(key.partition("\n")[0])
        is_ours = mapping is not None or key == EXPIRED_AT
        row_key = traced.row_keys.get(wanted, "") if is_ours else ""
        trail = RowTrail(
            key=row_key,
            run=runs[run] if run is not None else None,
            mapping=mapping,
            corrections=_corrections_of(source, row_key, mapping, corrections),
        )
        found[number][key] = replace(lineage, trail=trail)


async def _trace_source(caller: Caller, hub: Hub, source: SourceDeclaration, wanted: Iterable[RowWanted]) -> Traced:
    if hub.engine is None:
        return Traced({}, {})
    return await hub.engine.trace(hub, caller.tenant, source, list(dict.fromkeys(wanted)))


def _corrections_of(
    source: SourceDeclaration, row_key: str, mapping: MappingLine | None, corrections: Sequence[Correction]
) -> tuple[Correction, ...]:
    """Return what people put right in the cells that made the attribute; a row whose key was put right had another."""
    if mapping is None or not row_key or not corrections:
        return ()
    key_columns = source.declaration["key"]
    keys = {row_key} | {one.key for one in corrections if [one.column] == key_columns and one.after == row_key}
    return tuple(one for one in corrections if one.key in keys and one.column in mapping.columns)
