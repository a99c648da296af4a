"""From JSON to histories: entities with any number of instances of each attribute (CIM 009 §5.2.20). No storing."""

from __future__ import annotations

from typing import Any

from simpul import limits
from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance
from simpul.domain.errors import BadRequestData, NotImplementedYet
from simpul.domain.json_text import shown
from simpul.domain.parse import parse_entity, parse_fragment

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
    if "scope" in identity:
        identity["scope"] = _scope_of(identity["scope"])
    written = parse_fragment(identity, context)
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
    """Return the instances of one attribute, by its expanded name; nothing where the name is one of the hub's times."""
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
        for iri, instance in parse_entity({**_BEARER, name: part}, context).items():
            if iri not in _BEARER:
                read.setdefault(iri, []).append(instance)
    return read


def _scope_of(value: Any) -> Any:
    """Return the scopes of a scope that comes as a Property with one instance (§4.5.6)."""
    parts = value if isinstance(value, list) else [value]
    if not any(isinstance(part, dict) for part in parts):
        return value
    if len(parts) > 1 or "value" not in parts[0]:
        raise NotImplementedYet("A history of several scopes cannot be written in this version. Write the last one.")
    return parts[0]["value"]
