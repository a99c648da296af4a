"""Entities as earlier versions of the standard know them, for readers that say so (CIM 009 §4.3.6.8). No HTTP here."""

from __future__ import annotations

from typing import Any

from simpul.domain.context import INSTANCE_MEMBERS, Context
from simpul.domain.entity import Entity, Instance, Record, attribute_names, instances
from simpul.domain.parse import MAIN_MEMBERS

Version = tuple[int, int]

NATIVE: Version = (1, 9)
FIRST: Version = (1, 0)
# Tables 4.3.6.8-1 to -3: what came with which version.
_SEVERAL_TYPES_AND_INSTANCES: Version = (1, 3)
_SCOPES: Version = (1, 4)
_KINDS: dict[str, Version] = {
    "LanguageProperty": (1, 4), "VocabProperty": (1, 8), "JsonProperty": (1, 8), "ListProperty": (1, 8),
    "ListRelationship": (1, 8),
}  # fmt: skip
_MEMBERS: dict[str, Version] = {
    "datasetId": (1, 3), "observedAt": (1, 3), "unitCode": (1, 3), "objectType": (1, 8), "valueType": (1, 9),
    "expiresAt": (1, 9),
}  # fmt: skip


def conform(record: Record, version: Version, context: Context) -> Record:
    """Return the entity as that version of the standard has it; the same record where nothing of it is newer."""
    if version >= NATIVE:
        return record
    entity = conform_fragment(record.entity, version, context)
    return record if entity == record.entity else Record(entity, record.times, record.context_id)


def conform_fragment(entity: Entity, version: Version, context: Context) -> Entity:
    """Return an entity, or a fragment of one, as that version of the standard has it."""
    if version >= NATIVE:
        return entity
    conformed: Entity = {name: entity[name] for name in ("id", "type") if name in entity}
    if version < _SEVERAL_TYPES_AND_INSTANCES and "type" in conformed:
        conformed["type"] = conformed["type"][:1]
    if "scope" in entity and version >= _SCOPES:
        conformed["scope"] = entity["scope"]
    for name in attribute_names(entity):
        conformed[name] = _conform_attribute(entity[name], version, context)
    return conformed


def _conform_attribute(attribute: Any, version: Version, context: Context) -> Any:
    if isinstance(attribute, list) and version < _SEVERAL_TYPES_AND_INSTANCES:
        found = instances(attribute)
        attribute = next((one for one in found if "datasetId" not in one), found[0])
    if isinstance(attribute, list):
        return [_conform_instance(one, version, context) for one in attribute]
    return _conform_instance(attribute, version, context)


def _conform_instance(instance: Instance, version: Version, context: Context) -> Instance:
    # A part of an attribute, as a partial update has it, may leave its kind out.
    kind = instance.get("type", "")
    main = MAIN_MEMBERS.get(kind)
    is_newer = main in instance and version < _KINDS.get(kind, FIRST)
    conformed: Instance = {}
    for member, value in instance.items():
        if version < _MEMBERS.get(member, FIRST):
            continue
        if is_newer and member in ("type", main):
            continue
        is_sub_attribute = member not in INSTANCE_MEMBERS and isinstance(value, dict | list)
        conformed[member] = _conform_attribute(value, version, context) if is_sub_attribute else value
    return {**_older_kind(instance, context), **conformed} if is_newer else conformed


def _older_kind(instance: Instance, context: Context) -> Instance:
    """Return what a kind of attribute is without its name: a Property of the same value, or a Relationship."""
    value = instance[MAIN_MEMBERS[instance["type"]]]
    if instance["type"] == "ListRelationship":
        objects = [one["object"] if isinstance(one, dict) else one for one in value]
        return {"type": "Relationship", "object": objects}
    if instance["type"] == "VocabProperty":
        value = context.compact_vocabulary(value)
    return {"type": "Property", "value": value}
