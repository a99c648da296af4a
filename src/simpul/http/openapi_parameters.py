"""Every parameter of the API's description: what it means, and what it may be (CIM 009 §6). No operations here."""

from __future__ import annotations

from typing import Any, Final

from simpul import limits
from simpul.domain.aggregate import METHODS
from simpul.domain.collation import ROOT as _ROOT_COLLATION
from simpul.http import openapi_patterns as patterns
from simpul.http.ngsild.temporal_plan import RELATIONS, TIME_PROPERTIES

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
_NAME_LENGTH: Final = limits.IDENTIFIER_CHARACTERS_MAX
_GEOMETRIES: Final = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


def text(pattern: str, characters_max: int | None = None) -> Schema:
    """Return the schema of a text of this pattern."""
    return {"type": "string", "pattern": pattern} | ({"maxLength": characters_max} if characters_max else {})


def one_of(*known: str) -> Schema:
    """Return the schema of a parameter that is one of these words, or empty."""
    return {"type": "string", "enum": [*known, ""]}


def _number(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


_URIS: Final = text(patterns.URIS)
_ATTRIBUTES: Final = text(patterns.ATTRIBUTES)
_QUESTION: Final = TEXT
_DURATION: Final = text(patterns.DURATION_OR_NONE)
_INSTANT: Final = text(patterns.INSTANT_OR_NONE)
_COORDINATES: Final = text(patterns.COORDINATES)
_GEOMETRY: Final = one_of(*_GEOMETRIES)
_METHODS: Final = text(patterns.or_empty(patterns.listed("|".join(METHODS))))

PARAMETERS: Final[dict[str, tuple[str, Schema]]] = {
    "aggrMethods": ("Methods of aggregation, such as avg,max (§4.5.19)", _METHODS),
    "aggrPeriodDuration": ("The length of a period, as a duration of ISO 8601, such as PT1H (§4.5.19)", _DURATION),
    "attrs": ("Entities with at least one of these attributes, and of them only these", _ATTRIBUTES),
    "collation": (
        f"The alphabet by which text is put in order, such as id; default {_ROOT_COLLATION} (§4.23)",
        TEXT | {"maxLength": limits.COLLATION_CHARACTERS_MAX},
    ),
    "containedBy": ("Entities that are not to be shown again inside others (§4.5.23)", _URIS),
    "coordinates": ("The coordinates of the reference geometry, as a JSON array (§4.10)", _COORDINATES),
    "count": ("Tell in the header NGSILD-Results-Count how many there are (§6.3.13)", FLAG),
    "csf": ("A filter of the sources that are asked (§4.9)", _QUESTION),
    "datasetId": (
        "Only these instances of attributes; @none is the one without (§4.5.5)", text(patterns.DATASET_IDS),
    ),
    "deleteAll": ("All instances of the attribute", FLAG),
    "details": ("Tell more of each", FLAG),
    "drop": ("These attributes go, the rest stays", text(patterns.ATTRIBUTES_OR_SCOPE)),
    "endTimeAt": ("The end of timerel=between, a moment in UTC", _INSTANT),
    "entityMap": ("Make an entity map of what is found (§5.5.14)", FLAG),
    "entityMapLifetime": ("How long the map lives, such as PT10M", _DURATION),
    "expandValues": ("Attributes whose values in q are names of the @context, with commas between (§4.9)", TEXT),
    "format": ("How entities are shown: normalized, concise or keyValues", TEXT),
    "geometry": ("The type of the reference geometry (§4.10)", _GEOMETRY),
    "geometryProperty": (
        "The attribute that becomes the geometry of a GeoJSON feature", text(patterns.NAME_OR_NONE, _NAME_LENGTH),
    ),
    "geoproperty": (
        "The attribute that the geo-query is about; default location", text(patterns.NAME_OR_NONE, _NAME_LENGTH),
    ),
    "georel": ("The geo-relationship, such as near;maxDistance==500 (§4.10)", text(patterns.GEOREL)),
    "id": ("Entities with one of these ids", _URIS),
    "idPattern": (
        "Entities whose id matches this regular expression", TEXT | {"maxLength": limits.ID_PATTERN_CHARACTERS_MAX},
    ),
    "join": ("How linked entities are shown (§4.5.23)", one_of("inline", "flat", "@none")),
    "joinLevel": ("How many links are followed", _number(1, limits.JOIN_LEVELS_MAX)),
    "jsonKeys": ("Attributes whose values in q are JSON, whose names are none of the @context (§4.9)", _ATTRIBUTES),
    "keep": ("These attributes stay, the rest goes", text(patterns.ATTRIBUTES_OR_SCOPE)),
    "kind": ("Which @contexts", one_of("Hosted", "Cached", "ImplicitlyCreated")),
    "lang": ("The language of LanguageProperties (§4.15)", TEXT),
    "lastN": ("The last instances of each attribute", _number(1, limits.TEMPORAL_CHANGES_MAX)),
    "limit": ("How many at most; 0 only with count=true", _number(0, limits.PAGE_SIZE_MAX)),
    "lineage": ("Show where each attribute comes from, as its sub-attributes providedBy and lineage (§4.5.2)", FLAG),
    "local": ("Ask no other hub (§5.5.13)", FLAG),
    "observedAt": ("The time of observation of what has none of its own", text(patterns.MOMENT_OR_NONE)),
    "offset": ("How many to pass over", _number(0, limits.OFFSET_MAX)),
    "omit": ("Members that are not shown (§4.21)", text(patterns.MEMBERS_IN_DEPTH)),
    "options": ("Words such as keyValues or sysAttrs, with commas between them (§6.3)", TEXT),
    "orderBy": ("The order of entities, such as name;desc (§4.23)", TEXT),
    "orderFrom": ("Where distances are measured from, as coordinates (§4.23)", _COORDINATES),
    "orderGeometry": ("The type of the geometry that distances are measured from (§4.23)", _GEOMETRY),
    "pick": ("Members that are shown (§4.21)", text(patterns.MEMBERS_IN_DEPTH)),
    "q": ("A question about attributes, such as depth>0.5 (§4.9)", _QUESTION),
    "reload": ("Fetch the @context anew instead of forgetting it", FLAG),
    "scopeQ": ("Entities within these scopes (§4.19)", text(patterns.SCOPES)),
    "splitEntities": ("Whether entities may be spread over several hubs", FLAG),
    "sysAttrs": ("Show createdAt and modifiedAt", FLAG),
    "timeAt": ("The moment of timerel, in UTC", _INSTANT),
    "timeproperty": ("Which time timerel is about", one_of(*TIME_PROPERTIES)),
    "timerel": ("Which part of the history (§4.11)", one_of(*RELATIONS)),
    "type": ("Entities of these types (§4.17)", text(patterns.TYPES)),
}  # fmt: skip

# The names in paths, by the resource that they stand behind.
PATH_NAMES: Final[dict[str, str]] = {
    "entities": "entityId",
    "attrs": "attrId",
    "attrId": "instanceId",
    "types": "type",
    "attributes": "attrId",
    "subscriptions": "subscriptionId",
    "csourceRegistrations": "registrationId",
    "csourceSubscriptions": "subscriptionId",
    "jsonldContexts": "contextId",
    "entityMaps": "entityMapId",
    "snapshots": "snapshotId",
}
_NAME: Final = text(patterns.NAME, _NAME_LENGTH)
_ATTRIBUTE: Final = text(patterns.ATTRIBUTE_IN_PATH, _NAME_LENGTH)
# An @context has its local id, or its URL.
_CONTEXT_ID: Final[Schema] = TEXT | {"minLength": 1}


def path_parameter(name: str, *, is_attribute_of_entity: bool) -> Schema:
    """Return the parameter for a name in the path: a URI, but for names of types, attributes and @contexts."""
    schema = {"attrId": _ATTRIBUTE if is_attribute_of_entity else _NAME, "type": _NAME, "contextId": _CONTEXT_ID}
    return {"name": name, "in": "path", "required": True, "schema": schema.get(name, _URI)}


ATTRIBUTE_OR_SCOPE_PARAMETER: Final[Schema] = {
    "name": "attrId",
    "in": "path",
    "required": True,
    "schema": text(patterns.ATTRIBUTE_OR_SCOPE_IN_PATH, _NAME_LENGTH),
}
_URI: Final[Schema] = {"$ref": "#/components/schemas/Uri"}


def query_parameter(name: str, schema: Schema | None = None) -> Schema:
    """Return the parameter of the query string, with the schema that it has at one operation alone, if any."""
    description, usual = PARAMETERS.get(name, (name, TEXT))
    parameter = {"name": name, "in": "query", "description": description, "schema": schema or usual}
    return parameter | ({"allowEmptyValue": True} if usual is FLAG else {})


# Conditions about an entity, which go with every operation on it and on its attributes.
CONDITION_PARAMETERS: Final[list[Schema]] = [
    {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"anyOf": [{"const": "*"}, text(patterns.ENTITY_TAGS)]},
    }
    for name, description in (
        ("If-Match", "Only if the entity is as one of these entity tags says, or with * as it is (RFC 9110 §13.1.1)"),
        ("If-None-Match", "Only if it is as none of these entity tags says; with * only if it is not there (§13.1.2)"),
    )
]
