"""How a request is shared out among sources, and their answers made one (CIM 009 §4.3.6, §4.5.5). No sending here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simpul.domain.entity import (
    ENTITY_MEMBERS,
    Entity,
    Instance,
    Record,
    Times,
    attribute_key,
    attribute_names,
    instances,
)
from simpul.domain.moment import count_microseconds
from simpul.domain.parse import is_moment
from simpul.domain.registration import Mode, Registration
from simpul.domain.source_matching import covered_attributes, covers_whole_entities


class Share(NamedTuple):
    """The part of a fragment that one source is to have."""

    registration: Registration
    fragment: Entity

    @property
    def names(self) -> list[str]:
        return attribute_names(self.fragment)


@dataclass(frozen=True, slots=True)
class Division:
    """Who gets what of a fragment: sources that take it, those that should and cannot, and the hub itself.

    `rest` is None where nothing is left for the hub.
    """

    forwarded: list[Share] = field(default_factory=list)
    refused: list[Share] = field(default_factory=list)
    rest: Entity | None = None

    @property
    def is_local(self) -> bool:
        return not self.forwarded and not self.refused


def divide(
    fragment: Entity, entity_id: str, types: Sequence[str], registrations: Iterable[Registration], operation: str
) -> Division:
    """Share out a fragment: exclusive sources first, then redirects, then inclusive ones and the hub (§5.6.1.4)."""
    by_mode: dict[Mode, list[Registration]] = {mode: [] for mode in Mode}
    for registration in registrations:
        by_mode[registration.mode].append(registration)
    division = Division()
    rest: Entity | None = fragment
    for mode in (Mode.EXCLUSIVE, Mode.REDIRECT):
        if rest is None:
            break
        taken = [share for one in by_mode[mode] if (share := take(one, rest, entity_id, types)) is not None]
        for share in taken:
            (division.forwarded if share.registration.supports(operation) else division.refused).append(share)
        rest = without(rest, taken)
    if rest is not None:
        for registration in by_mode[Mode.INCLUSIVE]:
            share = take(registration, rest, entity_id, types)
            if share is not None and registration.supports(operation):
                division.forwarded.append(share)
    return Division(division.forwarded, division.refused, rest)


def take(registration: Registration, fragment: Entity, entity_id: str, types: Sequence[str]) -> Share | None:
    """Return what of the fragment the source is registered for, or None."""
    names = attribute_names(fragment)
    if not names:
        return Share(registration, fragment) if covers_whole_entities(registration, entity_id, types) else None
    covered = covered_attributes(registration, entity_id, types, names)
    if not covered:
        return None
    kept = set(covered)
    return Share(registration, {name: value for name, value in fragment.items() if _is_kept(name, kept)})


def _is_kept(name: str, kept: set[str]) -> bool:
    return name in ENTITY_MEMBERS or name in kept


def without(fragment: Entity, shares: Sequence[Share]) -> Entity | None:
    """Return what is left of the fragment once the shares are taken out, or None where that is nothing."""
    names = attribute_names(fragment)
    if not names:
        return None if shares else fragment
    taken = {name for share in shares for name in share.names}
    kept = set(names) - taken
    return {name: value for name, value in fragment.items() if _is_kept(name, kept)} if kept else None


class Contribution(NamedTuple):
    """What one source, or the hub itself (`registration` is None), knows of an entity."""

    record: Record
    registration: Registration | None = None

    @property
    def rank(self) -> int:
        return rank_of(self.registration)


def rank_of(registration: Registration | None) -> int:
    """Return when what a source tells is heard: the hub (None) and its equals first, auxiliary sources last."""
    return 1 if registration is not None and registration.mode is Mode.AUXILIARY else 0


def restrict(record: Record, registration: Registration) -> Record | None:
    """Return what the source may tell of the entity: what it is registered for; None where it is not at all."""
    names = attribute_names(record.entity)
    covered = covered_attributes(registration, record.id, record.types, names)
    if covered is None:
        return None
    if len(covered) == len(names):
        return record
    kept = set(covered)
    entity = {name: value for name, value in record.entity.items() if _is_kept(name, kept)}
    return Record(entity, record.times, record.context_id)


def without_proxied(record: Record, registrations: Iterable[Registration]) -> Record:
    """Return the hub's own record without what it may not hold, because a source alone does (§4.3.6.3)."""
    proxied = proxied_names(record.id, record.types, attribute_names(record.entity), registrations)
    if not proxied:
        return record
    entity = {name: value for name, value in record.entity.items() if name not in proxied}
    return Record(entity, record.times, record.context_id)


def proxied_names(
    entity_id: str, types: Sequence[str], names: Sequence[str], registrations: Iterable[Registration]
) -> set[str]:
    """Return which attributes of an entity the hub may not hold, because a source alone does (§4.3.6.3)."""
    return {
        name
        for one in registrations
        if one.mode.is_proxied
        for name in covered_attributes(one, entity_id, types, names) or ()
    }


def unite_records(contributions: Sequence[Contribution]) -> Record:
    """Return one record of all that is known of an entity (§4.5.5): of each instance the latest, auxiliaries last."""
    assert contributions, "there is something to unite"
    ordered = sorted(contributions, key=lambda one: one.rank)
    first = ordered[0].record
    if len(ordered) == 1 and ordered[0].registration is None:
        return first
    entity: Entity = {"id": first.id, "type": list(dict.fromkeys(t for one in ordered for t in one.record.types))}
    scopes = list(dict.fromkeys(s for one in ordered for s in one.record.entity.get("scope", ())))
    if scopes:
        entity["scope"] = scopes
    chosen: dict[str, dict[str | None, tuple[Instance, tuple[int, int]]]] = {}
    for contribution in ordered:
        _add(chosen, contribution)
    for name, found in chosen.items():
        values = [instance for instance, _ in found.values()]
        entity[name] = values[0] if len(values) == 1 and "datasetId" not in values[0] else values
    created_us = min(one.record.times.created_us for one in ordered)
    modified_us = max(one.record.times.modified_us for one in ordered)
    times = {
        attribute_key(name, dataset_id): moments if moments[1] else (created_us, modified_us)
        for name, found in chosen.items()
        for dataset_id, (_, moments) in found.items()
    }
    return Record(entity, Times(created_us, modified_us, times), first.context_id)


def _add(chosen: dict[str, dict[str | None, tuple[Instance, tuple[int, int]]]], contribution: Contribution) -> None:
    record, is_auxiliary = contribution.record, contribution.rank == 1
    known = set(chosen) if is_auxiliary else set()
    for name in attribute_names(record.entity):
        # An auxiliary source only supplements: it never overrides what is known without it (§4.3.6.2).
        if name in known:
            continue
        found = chosen.setdefault(name, {})
        for instance in instances(record.entity[name]):
            dataset_id = instance.get("datasetId")
            candidate = (instance, record.times.of(attribute_key(name, dataset_id)))
            if dataset_id not in found or _is_later(candidate, found[dataset_id]):
                found[dataset_id] = candidate


def _is_later(one: tuple[Instance, tuple[int, int]], other: tuple[Instance, tuple[int, int]]) -> bool:
    """Return whether one instance is more recent: observed later, or where that is not told, modified later."""
    observed, other_observed = one[0].get("observedAt"), other[0].get("observedAt")
    if observed and other_observed and observed != other_observed:
        return count_microseconds(observed) > count_microseconds(other_observed)
    return one[1][1] > other[1][1]


def read_times(body: dict[str, object], expand: dict[str, str], now_us: int) -> Times:
    """Return when an entity of a source's answer and its attributes were made and changed, as far as it tells.

    `expand` maps the short names of its attributes. What is not told counts as the oldest, so that it overrides
    nothing that is.
    """
    created_us, modified_us = _moments(body, (0, 0))
    attributes: dict[str, tuple[int, int]] = {}
    for name, iri in expand.items():
        value = body[name]
        for instance in value if isinstance(value, list) else [value]:
            if isinstance(instance, dict):
                key = attribute_key(iri, instance.get("datasetId"))
                attributes[key] = _moments(instance, (created_us, modified_us))
    return Times(created_us or now_us, modified_us or now_us, attributes)


def _moments(told: dict[str, object], otherwise: tuple[int, int]) -> tuple[int, int]:
    created, modified = told.get("createdAt"), told.get("modifiedAt")
    created_us = count_microseconds(str(created)) if is_moment(created) else otherwise[0]
    return created_us, count_microseconds(str(modified)) if is_moment(modified) else max(otherwise[1], created_us)
