"""What a simplified fragment means for an entity that is there (CIM 009 §5.6.17). No merging (`merge.py`).

A simplified fragment says only values; the entity says of which kind each attribute is, and that stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpul.domain.core_context import shorten
from simpul.domain.entity import Entity, Instance, attribute_names, instances
from simpul.domain.errors import BadRequestData
from simpul.domain.merge import is_deletion
from simpul.domain.parse import MAIN_MEMBERS, is_moment, raise_unless_uri

_BARE_KINDS = frozenset({"Property", "GeoProperty"})


def fit_kinds(entity: Entity, fragment: Entity, language: str | None = None) -> Entity:
    """Return the fragment with bare values made into the kinds that the entity's attributes are of.

    `language` is that of text for a LanguageProperty. Raises BadRequestData where a value does not fit.
    """
    return _change_instances(entity, fragment, lambda name, present, given: _fit(name, present, given, language))


def spread_observation(entity: Entity, fragment: Entity, observed_at: str) -> Entity:
    """Return the fragment with this `observedAt` wherever the entity has one and the fragment does not say another."""
    if not is_moment(observed_at):
        raise BadRequestData(f"observedAt is {observed_at[:80]!r}; it is a date and time such as 2024-05-01T10:00:00Z.")

    def spread(_name: str, present: Instance, given: Instance) -> Instance:
        is_meant = "observedAt" in present and "observedAt" not in given and not is_deletion(given)
        return {**given, "observedAt": observed_at} if is_meant else given

    return _change_instances(entity, fragment, spread)


def _change_instances(
    entity: Entity, fragment: Entity, change: Callable[[str, Instance, Instance], Instance]
) -> Entity:
    changed = dict(fragment)
    for name in attribute_names(fragment):
        present = {instance.get("datasetId"): instance for instance in instances(entity.get(name, []))}
        fitted = [
            change(name, present[given.get("datasetId")], given) if given.get("datasetId") in present else given
            for given in instances(fragment[name])
        ]
        changed[name] = fitted[0] if len(fitted) == 1 else fitted
    return changed


def _fit(name: str, present: Instance, given: Instance, language: str | None) -> Instance:
    kind = present["type"]
    if given.get("type") not in _BARE_KINDS or given["type"] == kind or "value" not in given or is_deletion(given):
        return given
    rest = {member: value for member, value in given.items() if member not in ("type", "value")}
    return {"type": kind, MAIN_MEMBERS[kind]: _fit_value(shorten(name), kind, given["value"], language), **rest}


def _fit_value(name: str, kind: str, value: Any, language: str | None) -> Any:
    parts = value if isinstance(value, list) else [value]
    if kind == "Relationship":
        for part in parts:
            raise_unless_uri(part, f"The object of the relationship '{name}'")
    elif kind == "ListRelationship":
        for part in parts:
            raise_unless_uri(part, f"An object of the relationship '{name}'")
        return [{"object": part} for part in parts]
    elif kind == "ListProperty":
        return parts
    elif kind == "LanguageProperty":
        if not isinstance(value, str) or language is None:
            raise BadRequestData(
                f"The attribute '{name}' is a LanguageProperty. Say the language of the text with the parameter "
                'lang, or send a map, such as {"languageMap": {"id": "Pasar"}}.'
            )
        return {language: value}
    elif kind in ("VocabProperty", "GeoProperty"):
        right = '{"vocab": "…"}' if kind == "VocabProperty" else "a GeoJSON geometry"
        raise BadRequestData(f"The attribute '{name}' is a {kind}. Send {right}.")
    return value
