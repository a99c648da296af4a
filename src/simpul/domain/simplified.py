"""Key-values as the input of a merge (CIM 009 §4.5.4, §5.6.17): completed by what the entity is. No merging here.

A value alone does not say whether it is a Property's value or a Relationship's object; the attribute that is there
does. Of an attribute that is not there yet, a geometry is a GeoProperty and anything else a Property.
"""

from __future__ import annotations

from typing import Any

from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance, instances
from simpul.domain.parse import MAIN_MEMBERS, NULL, is_geometry

_IDENTITY = frozenset({"id", "@id", "type", "@type", "scope", "@context"})
# Kinds whose simplified value is an object that names its member.
_LABELLED = {"LanguageProperty": "languageMap", "VocabProperty": "vocab", "JsonProperty": "json"}
_DEFAULT_INSTANCE = "@none"


def complete_key_values(
    body: dict[str, Any], present: Entity, context: Context, language: str | None = None
) -> dict[str, Any]:
    """Return the body with each value as a whole instance; `language` is that of texts for a LanguageProperty."""
    completed: dict[str, Any] = {}
    for name, value in body.items():
        if name in _IDENTITY or value == NULL:
            completed[name] = value
            continue
        known = _kinds_of(present, context.expand(name))
        if isinstance(value, dict) and set(value) == {"dataset"} and isinstance(value["dataset"], dict):
            completed[name] = [
                _complete(part, known.get(_dataset_of(dataset), known.get(None)), language) | _named(dataset)
                for dataset, part in value["dataset"].items()
            ]
        else:
            completed[name] = _complete(value, known.get(None) or next(iter(known.values()), None), language)
    return completed


def translate_texts(body: dict[str, Any], present: Entity, context: Context, language: str) -> dict[str, Any]:
    """Return the body with bare texts for a LanguageProperty as texts in that language."""
    translated = dict(body)
    for name, value in body.items():
        is_text = isinstance(value, str) and value != NULL and name not in _IDENTITY
        if is_text and _kinds_of(present, context.expand(name)).get(None) == "LanguageProperty":
            translated[name] = {"type": "LanguageProperty", "languageMap": {language: value}}
    return translated


def date_fragment(fragment: Entity, present: Entity, observed_at: str) -> Entity:
    """Return the fragment with this time of observation in each instance that has none and follows one that had."""
    dated: Entity = {}
    for name, value in fragment.items():
        if name in _IDENTITY or name not in present:
            dated[name] = value
            continue
        observed = {one.get("datasetId") for one in instances(present[name]) if "observedAt" in one}
        found = [
            {"observedAt": observed_at, **one} if one.get("datasetId") in observed else one for one in instances(value)
        ]
        dated[name] = found if isinstance(value, list) else found[0]
    return dated


def _kinds_of(present: Entity, iri: str) -> dict[str | None, str]:
    """Return the kind of each instance of an attribute, by its datasetId."""
    if iri not in present or iri in _IDENTITY:
        return {}
    return {one.get("datasetId"): one["type"] for one in instances(present[iri])}


def _dataset_of(dataset: str) -> str | None:
    return None if dataset == _DEFAULT_INSTANCE else dataset


def _named(dataset: str) -> dict[str, str]:
    return {} if dataset == _DEFAULT_INSTANCE else {"datasetId": dataset}


def _complete(value: Any, kind: str | None, language: str | None) -> Instance:
    if kind is None:
        kind = _guess_kind(value)
    if kind == "LanguageProperty" and isinstance(value, str) and language is not None:
        return {"type": kind, "languageMap": {language: value}}
    label = _LABELLED.get(kind)
    if label is not None and isinstance(value, dict) and set(value) == {label}:
        value = value[label]
    if kind == "ListRelationship" and isinstance(value, list):
        value = [part if isinstance(part, dict) else {"object": part} for part in value]
    return {"type": kind, MAIN_MEMBERS[kind]: value}


def _guess_kind(value: Any) -> str:
    if isinstance(value, dict):
        for kind, label in _LABELLED.items():
            if set(value) == {label}:
                return kind
    return "GeoProperty" if is_geometry(value) else "Property"
