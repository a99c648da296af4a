"""From JSON to histories: entities with any number of instances of each attribute (CIM 009 §5.2.20). No storing."""

from __future__ import annotations

from typing import Any

from simpul import limits
from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance
from simpul.domain.errors import BadRequestData
from simpul.domain.expiry import without_expiry
from simpul.domain.json_text import shown
from simpul.domain.merge import is_deletion
from simpul.domain.parse import is_moment, parse_entity, parse_fragment

_IDENTITY = ("id", "@id", "type", "@type", "scope")
# What an entity needs to be read by itself; what is read of it is one instance.
_BEARER = {"id": "urn:ngsi-ld:Bearer:1", "type": "Bearer"}


def parse_history(body: Any, context: Context) -> Entity:
    """Return a whole entity with its history. Raises BadRequestData."""
    written = parse_instances(body, context)
    for member, hint in (("id", "a URI, such as urn:ngsi-ld:BusStop:0001"), ("type", "a name, such as BusStop")):
        if member not in written:
            raise BadRequestData(f"The entity has no '{member}'; give it {hint}.")
    return written


def parse_instances(body: Any, context: Context) -> Entity:
    """Return attributes with their instances, and `id`, `type` and `scope` where given. Raises BadRequestData."""
    if not isinstance(body, dict):
        raise BadRequestData(f'An entity is a JSON object, such as {{"id": …, "type": …}}; this is {shown(body)}.')
    identity = {name: body[name] for name in _IDENTITY if name in body}
    scopes = read_scopes(identity.get("scope"), context)
    if scopes:
        del identity["scope"]
    written = parse_fragment(identity, context)
    if scopes:
        written["scope"] = scopes
    for name, value in body.items():
        if name in _IDENTITY or name == "@context":
            continue
        for iri, found in _read_parts(name, value, context).items():
            if iri in written:
                raise BadRequestData(
                    f"The entity has '{name}' twice, under names that mean the same. Keep one of them."
                )
            written[iri] = found[0] if len(found) == 1 else found
    if len(written) > limits.ATTRIBUTES_PER_ENTITY_MAX:
        raise BadRequestData(
            f"The entity has {len(written)} attributes; at most {limits.ATTRIBUTES_PER_ENTITY_MAX} are allowed."
        )
    return written


def _read_parts(name: str, value: Any, context: Context) -> dict[str, list[Instance]]:
    """Return the instances of one attribute, by its expanded name; nothing where the name is that of a time.

    When something expires is nothing that a history keeps (§4.22).
    """
    parts = value if isinstance(value, list) and (not value or isinstance(value[0], dict)) else [value]
    if not parts or len(parts) > limits.INSTANCES_PER_WRITE_MAX:
        raise BadRequestData(
            f"The attribute '{name}' has {len(parts)} instances; in a history it has 1 to"
            f" {limits.INSTANCES_PER_WRITE_MAX:,} at once."
        )
    read: dict[str, list[Instance]] = {}
    if parts is value and not all(isinstance(part, dict) for part in parts):
        raise BadRequestData(f"The attribute '{name}' mixes instances and plain values; write each as an instance.")
    for part in parts:
        for iri, instance in read_instance(name, part, context).items():
            read.setdefault(iri, []).append(instance)
    return read


def read_instance(name: str, part: Any, context: Context) -> dict[str, Instance]:
    """Return one instance by its attribute's expanded name; nothing where the name is that of a time."""
    read = without_expiry(_read_part(name, part, context))
    return {iri: instance for iri, instance in read.items() if iri not in _BEARER}


def _read_part(name: str, part: Any, context: Context) -> Entity:
    """Return an entity with one instance: a whole one, or one that tells when the attribute went (§4.5.7)."""
    if isinstance(part, dict) and is_deletion(part):
        return parse_fragment({name: part}, context)
    return parse_entity({**_BEARER, name: part}, context)


def read_scopes(value: Any, context: Context) -> list[Instance]:
    """Return the scopes of a scope that comes as a Property (§4.5.6, §4.18), each with when it was set, if it says so.

    Empty where the scope comes as it is in an entity. `observedAt` says when it was set, as in what is read.
    """
    parts = value if isinstance(value, list) else [value]
    if not any(isinstance(part, dict) for part in parts):
        return []
    if len(parts) > limits.INSTANCES_PER_WRITE_MAX:
        raise BadRequestData(f"'scope' has {len(parts)} instances; at most {limits.INSTANCES_PER_WRITE_MAX:,} at once.")
    return [_read_scope(part, context) for part in parts]


def _read_scope(part: Any, context: Context) -> Instance:
    if not isinstance(part, dict) or part.get("type", "Property") != "Property" or "value" not in part:
        raise BadRequestData(
            f"An instance of 'scope' is {shown(part)}; in a history it is a Property, such as"
            ' {"type": "Property", "value": "/Padang", "observedAt": "2024-05-01T10:00:00Z"}.'
        )
    scope = parse_fragment({"scope": part["value"]}, context)["scope"]
    instance: Instance = {"type": "Property", "value": scope[0] if len(scope) == 1 else scope}
    if "observedAt" in part:
        if not is_moment(part["observedAt"]):
            raise BadRequestData(
                f"'scope.observedAt' is {shown(part['observedAt'])}; it is a date and time in UTC, such as"
                " 2024-05-01T10:00:00Z."
            )
        instance["observedAt"] = part["observedAt"]
    return instance
