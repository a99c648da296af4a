"""How an entity is shown: normalized, concise or simplified, whole or in part (CIM 009 §4.5). No JSON bytes here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from simpul.domain.context import INSTANCE_MEMBERS, Context
from simpul.domain.core_context import PREFIXES
from simpul.domain.entity import EXPIRING, Instance, Record, Times, attribute_key, attribute_names, instances
from simpul.domain.expiry import without_expiry
from simpul.domain.language import choose_language
from simpul.domain.moment import render_moment
from simpul.domain.parse import MAIN_MEMBERS, is_geometry, is_read_as_instance
from simpul.domain.projection import NOTHING, Join, Projection

LOCATION = f"{PREFIXES['ngsi-ld']}location"
DEFAULT_INSTANCE = "@none"

_BARE_KINDS = frozenset({"Property", "GeoProperty"})
_SIMPLY_LABELLED = frozenset({"languageMap", "vocab", "json"})


class Format(Enum):
    """The representations of CIM 009 §4.5; KEY_VALUES is the simplified one by its older name."""

    NORMALIZED = "normalized"
    CONCISE = "concise"
    KEY_VALUES = "keyValues"


@dataclass(frozen=True, slots=True)
class Representation:
    """What to show of an entity, and how. Names are expanded; an empty tuple asks nothing.

    `attributes` is `attrs`; `pick` and `omit` may also name `id`, `type` and `scope`. `dataset_id` keeps only these
    instances, where `@none` is the default one. `language` is a filter of §4.15, such as `id,en;q=0.8`. With `join`,
    linked entities are shown too (`linked.py`), as far as `linked_pick` and `linked_omit` let them through. `lineage`
    asks for sub-attributes that tell where each attribute comes from; whoever renders has put them in.
    """

    format: Format = Format.NORMALIZED
    system_attributes: bool = False
    pick: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    language: str | None = None
    dataset_id: tuple[str, ...] = ()
    geometry_property: str | None = None
    join: Join | None = None
    linked_pick: Projection = NOTHING
    linked_omit: Projection = NOTHING
    lineage: bool = False

    def shows(self, member: str) -> bool:
        """Return whether a member of the entity is shown: `id`, `type`, `scope` or an attribute."""
        if self.attributes and ":" in member and member not in self.attributes:
            return False
        return (not self.pick or member in self.pick) and member not in self.omit


_WHOLE = Representation()


def render_entity(record: Record, context: Context, representation: Representation) -> dict[str, Any]:
    """Return the entity as JSON with short names."""
    if representation == _WHOLE and record.context_id != EXPIRING:
        return context.compact_entity(record.entity)
    shown = {"id": record.id} if representation.shows("id") else {}
    return shown | _render_members(record, context, representation)


def render_feature(record: Record, context: Context, representation: Representation) -> dict[str, Any]:
    """Return the entity as a GeoJSON Feature (§4.5.16). Its geometry is null where it has none of that name."""
    return as_feature(record, _render_members(record, context, representation), representation)


def as_feature(record: Record, rendered: dict[str, Any], representation: Representation) -> dict[str, Any]:
    """Return an entity that is rendered already as a GeoJSON Feature."""
    return {
        "id": record.id,
        "type": "Feature",
        "geometry": _find_geometry(record, representation),
        "properties": {name: value for name, value in rendered.items() if name != "id"},
    }


def render_feature_collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """Return Features as one GeoJSON FeatureCollection."""
    return {"type": "FeatureCollection", "features": features}


def render_types(types: tuple[str, ...] | list[str], context: Context) -> str | list[str]:
    """Return the short name of the type, or an array of them where there are several."""
    names = [context.compact(iri) for iri in types]
    return names[0] if len(names) == 1 else names


def _render_members(record: Record, context: Context, representation: Representation) -> dict[str, Any]:
    entity = record.entity
    if record.context_id == EXPIRING and not (representation.system_attributes or "expiresAt" in representation.pick):
        entity = without_expiry(entity)
    members: dict[str, Any] = {}
    if representation.shows("type"):
        members["type"] = render_types(entity["type"], context)
    if "scope" in entity and representation.shows("scope"):
        scopes = entity["scope"]
        members["scope"] = scopes[0] if len(scopes) == 1 else scopes
    if "expiresAt" in entity and representation.shows("expiresAt"):
        members["expiresAt"] = entity["expiresAt"]
    if representation.system_attributes:
        times = _render_times(record.times.created_us, record.times.modified_us)
        members |= {name: moment for name, moment in times.items() if name not in representation.omit}
    for name in attribute_names(entity):
        if not representation.shows(name):
            continue
        found = [
            _render_instance(name, instance, record.times, representation)
            for instance in instances(entity[name])
            if not representation.dataset_id or instance.get("datasetId", DEFAULT_INSTANCE) in representation.dataset_id
        ]
        if found:
            members[context.compact(name)] = _RENDER_ATTRIBUTE[representation.format](found, context)
    return members


def _render_instance(name: str, instance: Instance, times: Times, representation: Representation) -> Instance:
    """Return the instance, still with expanded names, in the language asked for and with its times."""
    shown = instance
    if representation.language is not None and "languageMap" in instance:
        shown = translate(instance, representation.language)
    if representation.system_attributes and representation.format is not Format.KEY_VALUES:
        shown = shown | _render_times(*times.of(attribute_key(name, instance.get("datasetId"))))
    return shown


def translate(instance: Instance, wanted: str) -> Instance:
    """Return a LanguageProperty as a Property in one language (§4.15)."""
    texts = instance["languageMap"]
    language = choose_language(wanted, list(texts))
    rest = {member: value for member, value in instance.items() if member not in ("type", "languageMap")}
    return {"type": "Property", "value": texts[language], "lang": language, **rest}


def _render_times(created_us: int, modified_us: int) -> dict[str, str]:
    return {"createdAt": render_moment(created_us), "modifiedAt": render_moment(modified_us)}


def _render_normalized(found: list[Instance], context: Context) -> Any:
    shown = [context.compact_instance(instance) for instance in found]
    return shown[0] if len(shown) == 1 else shown


def _render_concise(found: list[Instance], context: Context) -> Any:
    shown = [context.compact_instance(instance) for instance in found]
    return _shorten(shown[0] if len(shown) == 1 else shown)


def _shorten(attribute: Any) -> Any:
    """Return the concise form (§4.5.2.3): a bare value where nothing stands beside it, else no type."""
    if isinstance(attribute, list):
        return [_leave_out_type(instance) for instance in attribute]
    kind = attribute.get("type")
    if len(attribute) == 2 and kind in _BARE_KINDS:
        value = attribute["value"]
        if kind == "GeoProperty" or not is_read_as_instance(value):
            return value
    return _leave_out_type(attribute)


def _leave_out_type(instance: dict[str, Any]) -> dict[str, Any]:
    kind = instance["type"]
    main = MAIN_MEMBERS[kind]
    # A Property that holds a geometry would be read as a GeoProperty if it did not say what it is.
    has_to_say = kind == "Property" and is_geometry(instance[main])
    short: dict[str, Any] = {}
    for member, value in instance.items():
        if member != "type" or has_to_say:
            is_sub_attribute = member not in INSTANCE_MEMBERS and isinstance(value, dict | list)
            short[member] = _shorten(value) if is_sub_attribute else value
    return short


def _render_simplified(found: list[Instance], context: Context) -> Any:
    if len(found) == 1:
        return _simplify(found[0], context)
    return {
        "dataset": {
            instance.get("datasetId", DEFAULT_INSTANCE): _simplify(instance, context) for instance in found
        }
    }  # fmt: skip


def _simplify(instance: Instance, context: Context) -> Any:
    """Return what the attribute says and nothing else (§4.5.4)."""
    main = MAIN_MEMBERS[instance["type"]]
    value = context.compact_vocabulary(instance[main]) if main == "vocab" else instance[main]
    if main == "objectList":
        return [item["object"] if isinstance(item, dict) else item for item in value]
    return {main: value} if main in _SIMPLY_LABELLED else value


_RENDER_ATTRIBUTE: dict[Format, Callable[[list[Instance], Context], Any]] = {
    Format.NORMALIZED: _render_normalized,
    Format.CONCISE: _render_concise,
    Format.KEY_VALUES: _render_simplified,
}


def _find_geometry(record: Record, representation: Representation) -> Any:
    """Return the geometry that a Feature has (§4.5.16.1): of the default instance unless a datasetId is asked for."""
    found = record.entity.get(representation.geometry_property or LOCATION)
    wanted = representation.dataset_id or (DEFAULT_INSTANCE,)
    for instance in instances(found) if found is not None else []:
        if instance.get("datasetId", DEFAULT_INSTANCE) in wanted and instance.get("type") == "GeoProperty":
            return instance["value"]
    return None
