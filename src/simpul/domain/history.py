"""The log of one entity: what its entries mean for the entity's state, now and as of any time. No reading, no showing.

An entry is kept in the core context's short names, as it is stored. The state is the fold of the entries:

- CREATED and REPLACED hold the whole entity, CHANGED the attributes that a change set, each with all its instances,
  and DELETED nothing;
- WRITTEN holds instances that were written into the history itself (CIM 009 §5.6.11, §5.6.12), several of one
  attribute if need be. An instance becomes the current one if it is no older than the one that is current, by the
  time of observation, else by when it came in. Where nothing ever was, it makes the entity; what is gone stays gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from simpul.domain.context import CORE
from simpul.domain.entity import ENTITY_MEMBERS, Entity, Instance, Record, Times, attribute_key, instances
from simpul.domain.merge import is_deletion
from simpul.domain.moment import render_moment

INSTANCE_PREFIX = "urn:ngsi-ld:Instance:"
# Only an instance in an entry that was edited keeps these itself; of the others they follow from the entry.
KEPT_MEMBERS = ("instanceId", "modifiedAt")


class ChangeKind(IntEnum):
    """What a change of an entity was. The value is what is stored."""

    CREATED = 0
    CHANGED = 1
    REPLACED = 2
    DELETED = 3
    WRITTEN = 4


# Plain numbers, because looking a member of an enumeration up costs ten times what comparing it does.
CREATED, CHANGED, REPLACED, DELETED, WRITTEN = (kind.value for kind in ChangeKind)


class Write(NamedTuple):
    """One entry of the log. `attributes` is a stored entity in core names; `removed` are keys in core names."""

    sequence: int
    at_us: int
    kind: int
    attributes: dict[str, Any]
    removed: tuple[str, ...] = ()


class History(NamedTuple):
    """An entity's log, oldest first. `types` are expanded: those that it has, or had last."""

    id: str
    types: tuple[str, ...]
    writes: Sequence[Write]


def moment_key(instance: Instance, at_us: int) -> str:
    """Return what sorts instances by when they were observed, or else came in."""
    observed: str | None = instance.get("observedAt")
    return sortable(observed if observed is not None else render_moment(at_us))


def sortable(moment: str) -> str:
    """Return a date-time of UTC as text that sorts like the time itself: "…:00Z" would sort after "…:00.5Z"."""
    return moment[:-1] if "," not in moment else moment[:-1].replace(",", ".")


def list_instances(attributes: dict[str, Any]) -> Iterator[tuple[str, Instance]]:
    """Yield every instance with the name of its attribute, in the order that gives each its place."""
    for name, value in attributes.items():
        if name in ENTITY_MEMBERS:
            continue
        for instance in instances(value):
            yield name, instance


def instance_id(sequence: int, place: int) -> str:
    """Return the id of an instance: the entry's own number, for ever, and its place inside the entry."""
    return f"{INSTANCE_PREFIX}{sequence}-{place}"


def bare(instance: Instance) -> Instance:
    """Return the instance without what only an edited entry keeps in it."""
    if "instanceId" not in instance:
        return instance
    return {name: value for name, value in instance.items() if name not in KEPT_MEMBERS}


def project(
    entity: Entity, times: Times, written: dict[str, Any], at_us: int, scope_since: str = ""
) -> tuple[Entity, tuple[str, ...]]:
    """Return the entity once instances were written into its history, and the names of what that changed.

    `scope_since` is when the scope that it has was set; an older one does not take its place.
    """
    after = dict(entity)
    changed: list[str] = []
    for name, value in written.items():
        if name in ENTITY_MEMBERS:
            continue
        known: dict[str | None, Instance] = {one.get("datasetId"): one for one in instances(entity.get(name) or [])}
        moments = {
            dataset: moment_key(one, times.of(attribute_key(name, dataset))[1]) for dataset, one in known.items()
        }
        before = dict(known)
        for instance in instances(value):
            dataset, moment = instance.get("datasetId"), moment_key(instance, at_us)
            if dataset not in moments or moment >= moments[dataset]:
                known[dataset], moments[dataset] = bare(instance), moment
        if known != before:
            # What was last told of an instance may be that it went (§4.5.7).
            found = [instance for instance in known.values() if not is_deletion(instance)]
            after[name] = found[0] if len(found) == 1 else found
            if not found:
                del after[name]
            changed.append(name)
    if "scope" in written:
        scope, since = last_scope(written["scope"], at_us)
        if since >= scope_since and scope != _listed(entity.get("scope")):
            after["scope"] = scope
            changed.append("scope")
    return after, tuple(changed)


def last_scope(value: Any, at_us: int) -> tuple[Any, str]:
    """Return the scopes that an entry sets, or the last of several in time, and since when they hold."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        last = max(value, key=lambda instance: moment_key(instance, at_us))
        return _listed(last["value"]), moment_key(last, at_us)
    return _listed(value), sortable(render_moment(at_us))


def _listed(scope: Any) -> Any:
    return [scope] if isinstance(scope, str) else scope


def find_scope_since(writes: Sequence[Write]) -> str:
    """Return since when the scope holds that the entity has, to be compared as text; empty where it has none."""
    since = ""
    for write in writes:
        if "scope" in write.attributes:
            _, moment = last_scope(write.attributes["scope"], write.at_us)
            since = moment if write.kind != WRITTEN else max(since, moment)
    return since


@dataclass(slots=True)
class _State:
    entity: dict[str, Any]
    created_us: int
    modified_us: int
    times: dict[str, tuple[int, int]] = field(default_factory=dict)
    scope_since: str = ""


def find_state(writes: Sequence[Write], at_us: int) -> Record | None:
    """Return the entity as it was at that time, or None where it was not there. The entries are all from its first."""
    state: _State | None = None
    ever = False
    for write in writes:
        if write.at_us > at_us:
            continue
        if write.kind != ChangeKind.WRITTEN or state is not None or not ever:
            state = _apply(state, write)
        ever = True
    if state is None:
        return None
    attributes = {_expand_key(key): pair for key, pair in state.times.items()}
    return Record(CORE.expand_entity(state.entity), Times(state.created_us, state.modified_us, attributes))


def _apply(state: _State | None, write: Write) -> _State | None:
    if write.kind == ChangeKind.DELETED:
        return None
    if state is None:
        state = _State({}, write.at_us, write.at_us)
    state.modified_us = write.at_us
    before = state.entity
    state.entity = _fold(state, write)
    _advance(state, before, write.at_us)
    return state


def _fold(state: _State, write: Write) -> dict[str, Any]:
    if write.kind == ChangeKind.WRITTEN:
        times = Times(state.created_us, state.modified_us, state.times)
        after, changed = project(state.entity, times, write.attributes, write.at_us, state.scope_since)
        if "scope" in changed:
            state.scope_since = last_scope(write.attributes["scope"], write.at_us)[1]
        return {"id": write.attributes["id"], "type": write.attributes["type"], **after}
    if "scope" in write.attributes:
        state.scope_since = sortable(render_moment(write.at_us))
    given = {
        name: _bare_value(value) if name not in ENTITY_MEMBERS else value for name, value in write.attributes.items()
    }
    if write.kind in (ChangeKind.CREATED, ChangeKind.REPLACED):
        return given
    after = {**state.entity, **given}
    for key in write.removed:
        _remove(after, key, given)
    return after


def _bare_value(value: Any) -> Any:
    return [bare(one) for one in value] if isinstance(value, list) else bare(value)


def _remove(entity: dict[str, Any], key: str, given: dict[str, Any]) -> None:
    name, _, dataset = key.partition("\n")
    # What the same change set anew has all its instances in it already.
    if name not in entity or name in given:
        return
    left = [] if name == "scope" else [one for one in instances(entity[name]) if one.get("datasetId", "") != dataset]
    if left:
        entity[name] = left[0] if len(left) == 1 else left
    else:
        del entity[name]


def _advance(state: _State, before: dict[str, Any], at_us: int) -> None:
    """Give every instance that is new or another its times."""
    known = {attribute_key(name, one.get("datasetId")): one for name, one in list_instances(before)}
    times: dict[str, tuple[int, int]] = {}
    for name, instance in list_instances(state.entity):
        key = attribute_key(name, instance.get("datasetId"))
        created_us, modified_us = state.times.get(key, (at_us, at_us))
        times[key] = (created_us, modified_us if known.get(key) == instance else at_us)
    state.times = times


def _expand_key(key: str) -> str:
    name, separator, dataset = key.partition("\n")
    return CORE.expand(name) + separator + dataset


def compact_key(key: str) -> str:
    """Return the key of an instance (`entity.attribute_key`) with its core name."""
    name, separator, dataset = key.partition("\n")
    return (name if name in ENTITY_MEMBERS else CORE.compact(name)) + separator + dataset


Edit = Callable[[str, Instance, str], Instance | None]


def edit(write: Write, change: Edit) -> Write | None:
    """Return the entry with each of its instances changed (name, instance, instance id), or without where it is None.

    Each instance that stays keeps its id. None where the entry stays as it is.
    """
    attributes: dict[str, Any] = {}
    place = 0
    is_other = False
    for name, value in write.attributes.items():
        if name in ENTITY_MEMBERS:
            attributes[name] = value
            if name == "scope":
                place += len(value) if isinstance(value, list) and value and isinstance(value[0], dict) else 1
            continue
        kept: list[Instance] = []
        for instance in instances(value):
            identifier = instance.get("instanceId") or instance_id(write.sequence, place)
            place += 1
            changed = change(name, instance, identifier)
            is_other = is_other or changed is not instance
            if changed is not None:
                kept.append({**changed, "instanceId": identifier})
        if kept:
            attributes[name] = kept[0] if len(kept) == 1 else kept
    return write._replace(attributes=attributes) if is_other else None


def without_attribute(write: Write, name: str, chosen: Callable[[str | None], bool]) -> Write | None:
    """Return the entry without what it says of the attribute's chosen datasets. None where it says nothing of them."""

    def change(of: str, instance: Instance, _: str) -> Instance | None:
        return None if of == name and chosen(instance.get("datasetId")) else instance

    edited = edit(write, change)
    removed = tuple(key for key in write.removed if not _is_chosen(key, name, chosen))
    if name == "scope" and "scope" in write.attributes:
        edited = edit(write, lambda _, instance, __: dict(instance)) or write
        edited = edited._replace(attributes={of: one for of, one in edited.attributes.items() if of != "scope"})
    if edited is None and removed == write.removed:
        return None
    return (edited or write)._replace(removed=removed)


def _is_chosen(key: str, name: str, chosen: Callable[[str | None], bool]) -> bool:
    of, separator, dataset = key.partition("\n")
    return of == name and chosen(dataset if separator else None)
