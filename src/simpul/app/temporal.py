"""The history of entities: read it, ask for it, write into it, correct it (CIM 009 §5.6.11–16, §5.7.3–4).

No HTTP here, no SQL here. One log holds what the hub did and what clients wrote into the history; the current state
is its newest end, so an instance that is written with the newest time of observation becomes the current one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, NoReturn

import msgspec

from simpul import limits
from simpul.app.entities import raise_unless_allowed, raise_unless_readable, raise_unless_readable_id
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.context import CORE, Context
from simpul.domain.entity import (
    ENTITY_MEMBERS,
    EXPIRING,
    Entity,
    Instance,
    Record,
    Times,
    attribute_key,
    attribute_keys,
    instances,
)
from simpul.domain.errors import BadRequestData, NotFound, TooComplexQuery
from simpul.domain.geo import matches_geo
from simpul.domain.history import (
    ChangeKind,
    History,
    Write,
    bare,
    edit,
    find_scope_since,
    find_state,
    moment_key,
    project,
    sortable,
    without_attribute,
)
from simpul.domain.match import matches
from simpul.domain.moment import render_moment
from simpul.domain.order import OrderTerm, sort_records
from simpul.domain.parse import MAIN_MEMBERS, NULL
from simpul.domain.plain_history import render_plain
from simpul.domain.query import EntityQuery
from simpul.domain.temporal import ContentRange, Series, TemporalQuery, cut, record_of, select
from simpul.domain.temporal_scope import last_of_each, within_scope
from simpul.ports.history import Fresh, HistoryDraft, Note
from simpul.ports.store import Change


class ChangeList(NamedTuple):
    """All that happened to one entity, oldest first, and the types that it has or last had."""

    types: tuple[str, ...]
    changes: list[Change]


async def retrieve(caller: Caller, hub: Hub, entity_id: str) -> ChangeList:
    """Return the log of an entity, one that is gone too. Raises NotFound."""
    raise_unless_readable_id(caller, entity_id)
    changes = hub.entities.list_changes(caller.tenant, entity_id)
    types = tuple(changes[-1].attributes["type"]) if changes else ()
    if not changes or not caller.may_read(types):
        _raise_not_found(entity_id)
    return ChangeList(types, changes)


def _raise_not_found(entity_id: str) -> NoReturn:
    raise NotFound(f"There is no entity {entity_id[:200]}, and there was none.")


async def _get_history(caller: Caller, hub: Hub, entity_id: str, window: TemporalQuery) -> History:
    raise_unless_readable_id(caller, entity_id)
    history = await hub.histories.find_history(caller.tenant, entity_id, window)
    if history is None or not history.writes or not caller.may_read(history.types):
        raise NotFound(f"There is no entity {entity_id[:200]}, and there was none.")
    return history


async def find_series(caller: Caller, hub: Hub, entity_id: str, query: TemporalQuery) -> Series | None:
    """Return what was asked for of the history that is held here; None where the caller may read none."""
    raise_unless_readable_id(caller, entity_id)
    history = await hub.histories.find_history(caller.tenant, entity_id, query)
    if history is None or not history.writes or not caller.may_read(history.types):
        return None
    return select(history, query)


def find_plain(caller: Caller, hub: Hub, entity_id: str, query: TemporalQuery, context: Context) -> bytes | None:
    """Return a history as it is shown most, as JSON, or None where `retrieve_series` has to say what there is."""
    raise_unless_readable_id(caller, entity_id)
    log = hub.histories.find_log(caller.tenant, entity_id)
    if log is None or not caller.may_read(log.types):
        return None
    return render_plain(log, query, context, hub.settings.temporal_page_instances)


def find_expiring(caller: Caller, hub: Hub, entity_id: str) -> Entity | None:
    """Return the entity as it is now, with expanded names, where something of it expires (§4.22)."""
    document = hub.entities.find_document(caller.tenant, entity_id)
    if document is None or document.context_id != EXPIRING or not caller.may_read(document.types):
        return None
    return hub.entities.read_records(caller.tenant, [document])[0].entity


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, as much as fits on one page, and which time that covers where it is not all."""

    series: list[Series]
    content_range: ContentRange | None
    is_last: bool = True
    count: int | None = None


async def retrieve_series(caller: Caller, hub: Hub, entity_id: str, query: TemporalQuery, *, whole: bool) -> Page:
    """Return what was asked for of one entity's history (§5.7.3), cut to one page unless it is wanted whole."""
    found = select(await _get_history(caller, hub, entity_id, query), query)
    if found.lacks:
        raise NotFound(f"The entity {entity_id[:200]} never had any of the attributes asked for.")
    if whole:
        return Page([found], None)
    return Page(*cut([found], query, hub.settings.temporal_page_instances))


@dataclass(frozen=True, slots=True)
class TemporalQuestion:
    """Which entities' histories are asked for: any of the selectors, and what then. Each is for one page and one more.

    `q`, `geo` and `scope` of the entities are asked of all instances in the time asked for: any of them may match.
    """

    selectors: tuple[EntityQuery, ...]
    window: TemporalQuery
    order: tuple[OrderTerm, ...] = ()
    whole: bool = False


async def query(caller: Caller, hub: Hub, question: TemporalQuestion) -> Page:
    """Return the histories that match, one page of entities and of it one page of instances (§5.7.4)."""
    for selector in question.selectors:
        raise_unless_readable(caller, selector)
    first = question.selectors[0]
    if len(question.selectors) == 1 and not question.order:
        found = await hub.histories.list_histories(
            caller.tenant, first, question.window, _keeper(first, question.window)
        )
        series, count = found.kept, found.count
    else:
        everything = await _list_all(caller, hub, question)
        series, count = everything[first.offset : first.offset + first.limit], len(everything)
    limit = max(0, first.limit - 1)
    is_last = len(series) <= limit or first.limit == 0
    page = page_of(hub, question, series[:limit])
    return replace(page, is_last=is_last, count=count if first.counts else None)


def page_of(hub: Hub, question: TemporalQuestion, series: list[Series]) -> Page:
    """Return as much of these histories as fits on one page of instances; all of it where they are wanted whole."""
    if question.whole:
        return Page(series, None)
    return Page(*cut(series, question.window, hub.settings.temporal_page_instances))


async def _list_all(caller: Caller, hub: Hub, question: TemporalQuestion) -> list[Series]:
    """Return what any of the selectors finds, in the order asked for."""
    found: dict[str, Series] = {}
    for selector in question.selectors:
        whole = msgspec.structs.replace(selector, limit=limits.ORDERED_ENTITIES_MAX + 1, offset=0, counts=False)
        kept = await hub.histories.list_histories(
            caller.tenant, whole, question.window, _keeper(whole, question.window)
        )
        found.update((one.history.id, one) for one in kept.kept)
        if len(found) > limits.ORDERED_ENTITIES_MAX:
            raise TooComplexQuery(
                f"More than {limits.ORDERED_ENTITIES_MAX:,} entities would have to be put in order or together; ask"
                " with fewer selectors, or without orderBy."
            )
    series = list(found.values())
    if not question.order:
        return series
    records = [find_state(one.history.writes, 2**62) or record_of(one) for one in series]
    return [series[place] for place in sort_records(records, question.order)]


def _keeper(selector: EntityQuery, window: TemporalQuery) -> Callable[[History], Series | None]:
    """Return what makes of a history the series that is asked for, or None where it does not match."""
    everything = unprojected(window)
    is_asked = selector.q is not None or selector.geo is not None
    scopes = selector.scope

    def keep(history: History) -> Series | None:
        if scopes is None:
            series = select(history, window)
        else:
            within = within_scope(history, select(history, replace(window, last_n=None)), window, scopes)
            if within is None:
                return None
            series = last_of_each(within, window.last_n)
        if series.is_empty and not ("scope" in window.pick and series.attributes):
            return None
        if is_asked and not fits(selector, select(history, everything)):
            return None
        return series

    return keep


def unprojected(window: TemporalQuery) -> TemporalQuery:
    """Return the question for all that lies in its time, whatever of it is shown: what filters are asked of."""
    return replace(window, attributes=(), dataset_ids=(), pick=(), omit=(), last_n=None)


def fits(selector: EntityQuery, series: Series) -> bool:
    """Return whether `q` and the place of a selector hold of all instances together."""
    record = record_of(series)
    if selector.q is not None and not matches(selector.q, record):
        return False
    return selector.geo is None or matches_geo(selector.geo, record.entity)


# Writing


async def create(caller: Caller, hub: Hub, written: Entity, context: Context) -> bool:
    """Write an entity's history, also of one that is there; return whether it was not (§5.6.11)."""
    raise_unless_allowed(caller, Action.WRITE)
    context_id = hub.contexts.id_of(context)

    def operation(draft: HistoryDraft) -> bool:
        had_history = draft.has_history(written["id"])
        _write(draft, written, context_id, hub.clock.now_us())
        return not had_history

    return await hub.histories.write_history(caller.tenant, caller.principal, operation)


async def restore(caller: Caller, hub: Hub, moments: Sequence[tuple[int, Entity]]) -> None:
    """Write instances of one entity as they came in before: each moment's as if it were now that moment."""
    raise_unless_allowed(caller, Action.WRITE)

    def operation(draft: HistoryDraft) -> None:
        for at_us, written in moments:
            _write(draft, written, 0, at_us)

    await hub.histories.write_history(caller.tenant, caller.principal, operation)


async def append(caller: Caller, hub: Hub, entity_id: str, fragment: Entity, context: Context) -> None:
    """Add instances to an entity's history (§5.6.12). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    context_id = hub.contexts.id_of(context)

    def operation(draft: HistoryDraft) -> None:
        before = draft.find(entity_id)
        types = list(before.types) if before is not None else _list_last_types(draft, entity_id)
        written = {**fragment, "id": entity_id, "type": fragment.get("type", types)}
        _write(draft, written, context_id, hub.clock.now_us())

    await hub.histories.write_history(caller.tenant, caller.principal, operation)


def _list_last_types(draft: HistoryDraft, entity_id: str) -> list[str]:
    last = _get_writes(draft, entity_id)[-1].attributes["type"]
    return [CORE.expand(name) for name in ([last] if isinstance(last, str) else last)]


def _get_writes(draft: HistoryDraft, entity_id: str) -> list[Write]:
    writes = draft.list_writes(entity_id)
    if not writes:
        _raise_not_found(entity_id)
    return writes


def _write(draft: HistoryDraft, written: Entity, context_id: int, now_us: int) -> None:
    """Put instances into the log, and what they make current into the state."""
    entity_id = written["id"]
    before = draft.find(entity_id)
    if before is None and draft.has_history(entity_id):
        # What is gone stays gone; only its past is told.
        draft.write_instances(None, None, (), Fresh(written, now_us))
        return
    known = before or Record({"id": entity_id, "type": []}, Times(now_us, now_us))
    fresh = written if before is None else _replace_equals(draft, known, written, now_us)
    is_dated = any(isinstance(one, dict) for one in written.get("scope", ()))
    since = find_scope_since(draft.list_writes(entity_id)) if is_dated and "scope" in known.entity else ""
    entity, changed = project(known.entity, known.times, written, now_us, since)
    types = list(dict.fromkeys((*known.types, *written["type"])))
    if before is not None and types != list(known.types):
        changed = (*changed, "type")
    entity = {"id": entity_id, "type": types, **{k: v for k, v in entity.items() if k not in ("id", "type")}}
    touched = set(changed)
    times = {
        key: (known.times.of(key)[0] if before is not None else now_us, now_us)
        if key.partition("\n")[0] in touched
        else known.times.of(key)
        for key in attribute_keys(entity)
    }
    kept_id = EXPIRING if known.context_id == EXPIRING else context_id
    after = Record(entity, Times(known.times.created_us, max(now_us, known.times.modified_us), times), kept_id)
    if changed or fresh.keys() - {"id", "type"}:
        draft.write_instances(before, after, changed, Fresh({**fresh, "type": types}, now_us))


_InstanceKey = tuple[str, str | None, str]


def _replace_equals(draft: HistoryDraft, known: Record, written: Entity, now_us: int) -> Entity:
    """Put instances in the place of those with their attribute, dataset and time; return the others, which are new.

    What is newer than the current state is new: only for what is not the log is read.
    """
    late = _find_late(known, written)
    if not late:
        return written
    replaced: set[_InstanceKey] = set()

    def change(name: str, instance: Instance, _: str) -> Instance | None:
        key = _instance_key(name, instance) if "observedAt" in instance else None
        if key is None or key not in late or key in replaced:
            return instance
        replaced.add(key)
        return instance if bare(instance) == late[key] else late[key] | {"modifiedAt": render_moment(now_us)}

    edited = [one for one in (edit(write, change) for write in draft.list_writes(known.id)) if one is not None]
    if edited:
        draft.rewrite(known.id, edited, Note(now_us, "written again"))
    return _without(written, replaced)


def _find_late(known: Record, written: Entity) -> dict[_InstanceKey, Instance]:
    """Return the instances that are no newer than the current one, in core names."""
    late: dict[_InstanceKey, Instance] = {}
    for name, value in written.items():
        if name in ENTITY_MEMBERS:
            continue
        current = {one.get("datasetId"): one for one in instances(known.entity.get(name) or [])}
        for instance in instances(value):
            dataset = instance.get("datasetId")
            if dataset not in current or "observedAt" not in instance:
                continue
            since_us = known.times.of(attribute_key(name, dataset))[1]
            if sortable(instance["observedAt"]) <= moment_key(current[dataset], since_us):
                late[_instance_key(CORE.compact(name), instance)] = CORE.compact_instance(instance)
    return late


def _instance_key(name: str, instance: Instance) -> _InstanceKey:
    return name, instance.get("datasetId"), sortable(instance["observedAt"])


def _without(written: Entity, replaced: set[_InstanceKey]) -> Entity:
    """Return what is left of the instances without those."""
    left: Entity = {}
    for name, value in written.items():
        if name in ENTITY_MEMBERS:
            left[name] = value
            continue
        core_name = CORE.compact(name)
        found = [
            one for one in instances(value) if "observedAt" not in one or _instance_key(core_name, one) not in replaced
        ]
        if found:
            left[name] = found[0] if len(found) == 1 else found
    return left


# Correcting


async def patch_instance(
    caller: Caller, hub: Hub, entity_id: str, name: str, instance_id: str, *, fragment: Instance, is_whole: bool = False
) -> None:
    """Replace one instance in the history, or parts of it (§5.6.14). The current state stays. Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    core_name, part = CORE.compact(name), CORE.compact_instance(fragment)

    def operation(draft: HistoryDraft) -> None:
        now_us = hub.clock.now_us()

        def change(of: str, instance: Instance, identifier: str) -> Instance | None:
            if of != core_name or identifier != instance_id:
                return instance
            kept = {"type": instance["type"]} if is_whole else instance
            return _patched(kept, part, name) | {"modifiedAt": render_moment(now_us)}

        _rewrite_one(draft, entity_id, core_name, change, Note(now_us, f"patched {instance_id}"))

    await hub.histories.write_history(caller.tenant, caller.principal, operation)


def _patched(instance: Instance, part: Instance, name: str) -> Instance:
    kind = part.get("type", instance["type"])
    if kind != instance["type"]:
        raise BadRequestData(
            f"The instance of '{CORE.compact(name)}' is a {instance['type']}, which a patch cannot make a {kind}."
        )
    patched = {**instance, **part}
    gone = [member for member, value in patched.items() if value == NULL]
    if MAIN_MEMBERS[kind] in gone:
        raise BadRequestData("An instance without its value is none; remove it with DELETE.")
    return {member: value for member, value in patched.items() if member not in gone}


async def delete_instance(caller: Caller, hub: Hub, entity_id: str, name: str, instance_id: str) -> None:
    """Remove one instance from the history (§5.6.15). The current state stays. Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    core_name = CORE.compact(name)

    def operation(draft: HistoryDraft) -> None:
        def change(of: str, instance: Instance, identifier: str) -> Instance | None:
            return None if of == core_name and identifier == instance_id else instance

        _rewrite_one(draft, entity_id, core_name, change, Note(hub.clock.now_us(), f"removed {instance_id}"))

    await hub.histories.write_history(caller.tenant, caller.principal, operation)


def _rewrite_one(
    draft: HistoryDraft,
    entity_id: str,
    core_name: str,
    change: Callable[[str, Instance, str], Instance | None],
    note: Note,
) -> None:
    writes = _get_writes(draft, entity_id)
    if not any(core_name in write.attributes for write in writes):
        raise NotFound(f"The entity {entity_id[:200]} never had an attribute '{core_name[:100]}'.")
    for write in writes:
        edited = edit(write, change)
        if edited is not None:
            draft.rewrite(entity_id, [edited], note)
            return
    raise NotFound(f"The attribute '{core_name[:100]}' of {entity_id[:200]} has no instance of that id in its history.")


async def delete_attribute(
    caller: Caller, hub: Hub, entity_id: str, name: str, *, dataset_id: str | None = None, every_instance: bool = False
) -> None:
    """Remove an attribute from the history (§5.6.13). The current state stays. Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    core_name = name if name in ENTITY_MEMBERS else CORE.compact(name)

    def operation(draft: HistoryDraft) -> None:
        edited = [
            write
            for write in (
                without_attribute(one, core_name, lambda dataset: every_instance or dataset == dataset_id)
                for one in _get_writes(draft, entity_id)
            )
            if write is not None
        ]
        if not edited:
            what = f" with the datasetId {dataset_id}" if dataset_id else ""
            raise NotFound(f"The history of {entity_id[:200]} has no '{core_name[:100]}'{what}.")
        draft.rewrite(entity_id, edited, Note(hub.clock.now_us(), f"removed {attribute_key(core_name, dataset_id)}"))

    await hub.histories.write_history(caller.tenant, caller.principal, operation)


async def delete(caller: Caller, hub: Hub, entity_id: str) -> None:
    """Remove an entity's history (§5.6.16). Raises NotFound.

    The entity itself stays, unless it came to be by its history alone: then nothing of it is left.
    """
    raise_unless_allowed(caller, Action.WRITE)

    def operation(draft: HistoryDraft) -> None:
        writes = _get_writes(draft, entity_id)
        before = draft.find(entity_id)
        now_us = hub.clock.now_us()
        if before is not None and all(write.kind == ChangeKind.WRITTEN for write in writes):
            draft.delete(before, now_us)
        draft.drop_history(entity_id, Note(now_us, "removed"))

    await hub.histories.write_history(caller.tenant, caller.principal, operation)
