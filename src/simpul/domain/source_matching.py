"""Which registrations a request concerns (CIM 009 §5.12, §5.10.2). No sending and no splitting (`distribution.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Record, Times
from simpul.domain.geo import GeoQuery, find_test
from simpul.domain.match import matches, matches_scope
from simpul.domain.moment import count_microseconds
from simpul.domain.operations import HISTORICAL
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.q import Expression
from simpul.domain.query import ScopeSelection, TypeSelection
from simpul.domain.registration import EntityInfo, Information, Registration

_GEOMETRIES = ("location", "observationSpace", "operationSpace")
_NO_PROPERTIES = frozenset({"id", "type", "information", "contextSourceInfo", "location", *_GEOMETRIES})
_TIMELESS = Times(0, 0)


class TimeSpan(NamedTuple):
    """A span of time that a question about histories is about: of observation, or of management by the source."""

    is_observed: bool
    first_us: int | None
    last_us: int | None


@dataclass(frozen=True, slots=True)
class SourceQuestion:
    """What a request is about. An empty member asks nothing; `q`, `geo` and `scope` are about the sources' own."""

    types: TypeSelection | None = None
    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    attributes: tuple[str, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    q: Expression | None = None
    geo: GeoQuery | None = None
    scope: ScopeSelection | None = None
    span: TimeSpan | None = None


def matching_information(question: SourceQuestion, registration: Registration) -> list[Information]:
    """Return the parts of the registration's information that the question concerns, each with the entities it does."""
    found: list[Information] = []
    offered = registration.dataset_ids
    if question.dataset_ids and offered and offered.isdisjoint(question.dataset_ids):
        return found
    for info in registration.information:
        if question.attributes and info.attributes and info.attributes.isdisjoint(question.attributes):
            continue
        entities = tuple(entity for entity in info.entities if _matches_entity(question, entity))
        if entities or not info.entities:
            found.append(Information(entities, info.attributes))
    return found


def _matches_entity(question: SourceQuestion, entity: EntityInfo) -> bool:
    if question.types is not None and not any(
        not set(every).isdisjoint(entity.types) for every in question.types.any_of
    ):
        return False
    if not question.ids and question.id_pattern is None:
        return True
    if entity.id is None and entity.id_pattern is None:
        return True
    return _matches_id(question, entity)


def _matches_id(question: SourceQuestion, entity: EntityInfo) -> bool:
    if question.ids:
        return any(has_id(entity, identifier) for identifier in question.ids)
    assert question.id_pattern is not None, "the caller has looked"
    # Two patterns may always have an id in common (§5.12).
    return entity.id is None or matches_pattern(compile_pattern(question.id_pattern), entity.id)


def has_id(entity: EntityInfo, identifier: str) -> bool:
    """Return whether an entity with this id can be one of those meant."""
    if entity.id is not None:
        return entity.id == identifier
    return entity.id_pattern is None or matches_pattern(entity.id_pattern, identifier)


def is_discovered(question: SourceQuestion, registration: Registration) -> bool:
    """Return whether the registration is an answer to the question (§5.10.2)."""
    document = registration.document
    if not matching_information(question, registration):
        return False
    if not _matches_time(question.span, document):
        return False
    if question.geo is not None and not _matches_place(question.geo, document):
        return False
    if question.scope is not None and not matches_scope(question.scope, _scopes_of(document)):
        return False
    return passes_filter(question, registration)


def passes_filter(question: SourceQuestion, registration: Registration) -> bool:
    """Return whether what the registration says of the source is what `q` or `csf` asks for (§4.9)."""
    return question.q is None or matches(question.q, Record(properties_of(registration.document), _TIMELESS))


def provides_current_state(registration: Registration) -> bool:
    """Return whether the source has the latest values rather than histories (§5.9.1)."""
    return not {"observationInterval", "managementInterval"} & registration.document.keys()


def provides_histories(registration: Registration) -> bool:
    """Return whether the source has histories: it says of which time (§5.9.1), or offers an operation about them."""
    return not provides_current_state(registration) or not HISTORICAL.isdisjoint(registration.operations)


def may_have(span: TimeSpan | None, registration: Registration) -> bool:
    """Return whether the source may have something of that time. One that does not say of which time it is may."""
    if span is None:
        return True
    interval = registration.document.get("observationInterval" if span.is_observed else "managementInterval")
    return interval is None or _overlaps(span, interval)


def _matches_time(span: TimeSpan | None, document: dict[str, Any]) -> bool:
    observed, managed = document.get("observationInterval"), document.get("managementInterval")
    if span is None:
        return observed is None and managed is None
    interval = observed if span.is_observed else managed
    return interval is not None and _overlaps(span, interval)


def _overlaps(span: TimeSpan, interval: dict[str, Any]) -> bool:
    start_us = count_microseconds(interval["startAt"])
    end_us = count_microseconds(interval["endAt"]) if "endAt" in interval else None
    begins_in_time = span.last_us is None or start_us < span.last_us
    return begins_in_time and (span.first_us is None or end_us is None or end_us > span.first_us)


def _matches_place(geo: GeoQuery, document: dict[str, Any]) -> bool:
    name = next((name for name in _GEOMETRIES if geo.geoproperty.endswith(name)), None)
    geometry = document.get(name or geo.geoproperty)
    return isinstance(geometry, dict) and find_test(geo)(geometry.get("value", geometry))


def _scopes_of(document: dict[str, Any]) -> Entity:
    scope = document.get("scope", [])
    return {"scope": [scope] if isinstance(scope, str) else scope}


def properties_of(document: dict[str, Any]) -> Entity:
    """Return the source's properties (§5.2.9), its own and those of any registration, as an entity's, for `csf`."""
    entity: Entity = {"id": document["id"], "type": [document["type"]]}
    for name, value in document.items():
        if ":" in name:
            is_instance = isinstance(value, dict) and "type" in value and ("value" in value or "object" in value)
            entity[name] = value if is_instance else {"type": "Property", "value": value}
        elif name not in _NO_PROPERTIES:
            entity[CORE.expand(name)] = {"type": "Property", "value": value}
    return entity


def covered_attributes(
    registration: Registration, entity_id: str, types: Sequence[str], names: Iterable[str]
) -> list[str] | None:
    """Return which of the attributes of an entity the source is registered for; None where not for the entity.

    `types` is empty where they are not known.
    """
    limited: set[str] = set()
    is_matched = False
    for info in registration.information:
        if info.entities and not any(_is_meant(entity, entity_id, types) for entity in info.entities):
            continue
        is_matched = True
        if not info.attributes:
            return list(names)
        limited |= info.attributes
    return [name for name in names if name in limited] if is_matched else None


def _is_meant(entity: EntityInfo, entity_id: str, types: Sequence[str]) -> bool:
    return has_id(entity, entity_id) and (not types or not set(types).isdisjoint(entity.types))


def covers_whole_entities(registration: Registration, entity_id: str, types: Sequence[str]) -> bool:
    """Return whether the source is registered for everything of the entity."""
    return any(
        not info.attributes
        and (not info.entities or any(_is_meant(entity, entity_id, types) for entity in info.entities))
        for info in registration.information
    )
