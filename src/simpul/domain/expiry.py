"""What of an entity expires, and when (CIM 009 §4.22). No clock: the caller says what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simpul.domain.entity import Entity, Instance, attribute_names, instances
from simpul.domain.moment import count_microseconds

_EXPIRES = "expiresAt"


def find_first_expiry(entity: Entity) -> int | None:
    """Return when the first thing of the entity expires, in microseconds, or None where nothing does."""
    return min(_moments(entity), default=None)


def _moments(entity: Entity) -> Iterator[int]:
    if _EXPIRES in entity:
        yield count_microseconds(entity[_EXPIRES])
    for name in attribute_names(entity):
        for instance in instances(entity[name]):
            yield from _moments_of(instance)


def _moments_of(instance: Instance) -> Iterator[int]:
    if _EXPIRES in instance:
        yield count_microseconds(instance[_EXPIRES])
    for _, part in _sub_attributes(instance):
        for one in instances(part):
            yield from _moments_of(one)


def _sub_attributes(instance: Instance) -> Iterator[tuple[str, Any]]:
    # Names of sub-attributes are IRIs; members of the standard's own are short.
    for member, value in instance.items():
        if ":" in member and isinstance(value, dict | list):
            yield member, value


def is_expired(part: Entity | Instance, now_us: int) -> bool:
    """Return whether the entity or the instance is past its own time, whatever of it may be past before."""
    return _EXPIRES in part and count_microseconds(part[_EXPIRES]) <= now_us


def left_of(instance: Instance, now_us: int) -> Instance:
    """Return the instance without those of its sub-attributes that are past their time; itself where none is."""
    changed = dict(instance)
    for name, value in _sub_attributes(instance):
        left = [left_of(one, now_us) for one in instances(value) if not is_expired(one, now_us)]
        if not left:
            del changed[name]
        else:
            changed[name] = left if len(left) > 1 else left[0]
    return instance if changed == instance else changed


def without_expiry(entity: Entity) -> Entity:
    """Return the entity as it is told to who did not ask for times (§6.3.11): nothing says when it expires."""
    told = {name: value for name, value in entity.items() if name != _EXPIRES}
    for name in attribute_names(told):
        told[name] = _without(told[name])
    return told


def _without(value: Instance | list[Instance]) -> Instance | list[Instance]:
    if isinstance(value, list):
        return [_without_in(instance) for instance in value]
    return _without_in(value)


def _without_in(instance: Instance) -> Instance:
    told = {member: value for member, value in instance.items() if member != _EXPIRES}
    for name, value in _sub_attributes(told):
        told[name] = _without(value)
    return told
