"""The entity as the hub knows it, and as it is stored. No parsing (`parse.py`) and no rendering (`render.py`).

In memory an entity is a plain dict with *expanded* names:

    {"id": uri, "type": [iri, …], "scope": [text, …]?, "expiresAt": moment?, attribute_iri: instance | [instance, …]}

An instance is a dict with the core members of CIM 009 §4.5 (`type`, `value`, `object`, `languageMap`, `vocab`,
`json`, `valueList`, `objectList`, `observedAt`, `unitCode`, `datasetId`, …) and sub-attributes under expanded
names. It is a list only where there is more than one instance or one with a `datasetId` (§4.5.5).
`createdAt` and `modifiedAt` are never in it: they are kept beside it, in `Times`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

Entity = dict[str, Any]
Instance = dict[str, Any]

ENTITY_MEMBERS = frozenset({"id", "type", "scope", "expiresAt"})

# In place of the number of an @context: an entity of which something expires. It is stored in the core context's names,
# and its bytes are nobody's answer, because they say when it expires (`domain/expiry.py`).
EXPIRING = -2


class Expiring(dict[str, Any]):
    """An entity, or an instance of an attribute, that was sent with an `expiresAt` somewhere in it."""


def is_expiring(written: Entity | Instance | list[Instance]) -> bool:
    """Return whether what was sent says, anywhere, when something expires, or that it does not any more."""
    if type(written) is list:
        return any(type(instance) is Expiring for instance in written)
    return type(written) is Expiring


class Times(msgspec.Struct, frozen=True):
    """When the entity and its attributes were made and last changed, in microseconds since 1970 UTC.

    `attributes` maps an attribute's key (`attribute_key`) to (created, modified); one that is absent has the
    entity's own `created_us` for both.
    """

    created_us: int
    modified_us: int
    attributes: dict[str, tuple[int, int]] = {}

    def of(self, key: str) -> tuple[int, int]:
        return self.attributes.get(key, (self.created_us, self.created_us))


class Record(msgspec.Struct, frozen=True):
    """One entity with its times: what a use-case reads, changes and gives back.

    `context_id` names the @context whose short names the stored bytes use (0 is the core context); `EXPIRING` says that
    the entity has an `expiresAt` in it.
    """

    entity: Entity
    times: Times
    context_id: int = 0

    @property
    def id(self) -> str:
        identifier: str = self.entity["id"]
        return identifier

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(self.entity["type"])


def attribute_names(entity: Entity) -> list[str]:
    """Return the expanded names of the entity's attributes, in their order."""
    return [name for name in entity if name not in ENTITY_MEMBERS]


def instances(value: Instance | list[Instance]) -> list[Instance]:
    """Return an attribute's instances as a list, however they are held."""
    return value if isinstance(value, list) else [value]


def attribute_key(name: str, dataset_id: str | None = None) -> str:
    """Return the key under which `Times` keeps one instance of an attribute."""
    return name if dataset_id is None else f"{name}\n{dataset_id}"


def attribute_keys(entity: Entity) -> Iterator[str]:
    """Yield the key of every instance of every attribute."""
    for name in attribute_names(entity):
        for instance in instances(entity[name]):
            yield attribute_key(name, instance.get("datasetId"))
