"""The words of the API's description: every parameter, what is sent, and what is answered. No operations here."""

from __future__ import annotations

from typing import Any, Final

from simpul import limits
from simpul.http.exchange import GEO_JSON, JSON, LD_JSON
from simpul.http.ngsild.temporal_plan import RELATIONS, TIME_PROPERTIES

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_URI: Final[Schema] = {"type": "string", "pattern": '^[A-Za-z][A-Za-z0-9+.-]*:[^\\s<>"{}|\\\\^`]+$'}
_NAMES: Final[Schema] = {"type": "string", "description": "names, with commas between them"}

# What each parameter means, and what it may be (CIM 009 §6).
PARAMETERS: Final[dict[str, tuple[str, Schema]]] = {
    "aggrMethods": ("Methods of aggregation, such as avg,max (§4.5.19)", _NAMES),
    "aggrPeriodDuration": ("The length of a period, as a duration of ISO 8601, such as PT1H (§4.5.19)", _TEXT),
    "attrs": ("Entities with at least one of these attributes, and of them only these", _NAMES),
    "collation": ("The alphabet by which text is put in order (§4.23)", _TEXT),
    "containedBy": ("Entities that are not to be shown again inside others (§4.5.23)", _TEXT),
    "coordinates": ("The coordinates of the reference geometry, as a JSON array (§4.10)", _TEXT),
    "count": ("Tell in the header NGSILD-Results-Count how many there are (§6.3.13)", _FLAG),
    "csf": ("A filter of the sources that are asked (§4.9)", _TEXT),
    "datasetId": ("Only these instances of attributes; @none is the one without (§4.5.5)", _TEXT),
    "deleteAll": ("All instances of the attribute", _FLAG),
    "details": ("Tell more of each", _FLAG),
    "drop": ("These attributes go, the rest stays", _NAMES),
    "endTimeAt": ("The end of timerel=between, a moment in UTC", _TEXT),
    "entityMap": ("Make an entity map of what is found (§5.5.14)", _FLAG),
    "entityMapLifetime": ("How long the map lives, such as PT10M", _TEXT),
    "expandValues": ("Attributes whose values in q are names of the @context (§4.9)", _NAMES),
    "format": ("How entities are shown: normalized, concise, keyValues, temporalValues or aggregatedValues", _TEXT),
    "geometry": ("The type of the reference geometry (§4.10)", _TEXT),
    "geometryProperty": ("The attribute that becomes the geometry of a GeoJSON feature", _TEXT),
    "geoproperty": ("The attribute that the geo-query is about; default location", _TEXT),
    "georel": ("The geo-relationship, such as near;maxDistance==500 (§4.10)", _TEXT),
    "id": ("Entities with one of these ids", _NAMES),
    "idPattern": ("Entities whose id matches this regular expression", _TEXT),
    "join": ("How linked entities are shown (§4.5.23)", {"enum": ["inline", "flat", "@none"]}),
    "joinLevel": ("How many links are followed", {"type": "integer", "minimum": 1, "maximum": limits.JOIN_LEVELS_MAX}),
    "jsonKeys": ("Attributes whose values in q are JSON, whose names are none of the @context (§4.9)", _NAMES),
    "keep": ("These attributes stay, the rest goes", _NAMES),
    "kind": ("Which @contexts: Hosted, Cached or ImplicitlyCreated", _TEXT),
    "lang": ("The language of LanguageProperties (§4.15)", _TEXT),
    "lastN": (
        "The last instances of each attribute",
        {"type": "integer", "minimum": 1, "maximum": limits.TEMPORAL_CHANGES_MAX},
    ),
    "limit": ("How many at most", {"type": "integer", "minimum": 0, "maximum": limits.PAGE_SIZE_MAX}),
    "lineage": ("Show where each attribute comes from, as its sub-attributes providedBy and lineage (§4.5.2)", _FLAG),
    "local": ("Ask no other hub (§5.5.13)", _FLAG),
    "observedAt": ("The time of observation of what has none of its own", _TEXT),
    "offset": ("How many to pass over", {"type": "integer", "minimum": 0, "maximum": limits.OFFSET_MAX}),
    "omit": ("Members that are not shown (§4.21)", _NAMES),
    "options": ("Words such as keyValues or sysAttrs, with commas between them (§6.3)", _TEXT),
    "orderBy": ("The order of entities, such as name;desc (§4.23)", _TEXT),
    "orderFrom": ("Where distances are measured from, as coordinates (§4.23)", _TEXT),
    "orderGeometry": ("The type of the geometry that distances are measured from (§4.23)", _TEXT),
    "pick": ("Members that are shown (§4.21)", _NAMES),
    "q": ("A question about attributes, such as depth>0.5 (§4.9)", _TEXT),
    "reload": ("Fetch the @context anew instead of forgetting it", _FLAG),
    "scopeQ": ("Entities within these scopes (§4.19)", _TEXT),
    "splitEntities": ("Whether entities may be spread over several hubs", _FLAG),
    "sysAttrs": ("Show createdAt and modifiedAt", _FLAG),
    "timeAt": ("The moment of timerel, in UTC", _TEXT),
    "timeproperty": ("Which time timerel is about", {"enum": list(TIME_PROPERTIES)}),
    "timerel": ("Which part of the history (§4.11)", {"enum": list(RELATIONS)}),
    "type": ("Entities of these types (§4.17)", _TEXT),
}

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
_BY_NAME = frozenset({"attrId", "type", "contextId"})


def path_parameter(name: str) -> Schema:
    """Return the parameter for a name in the path: a URI, but for names of types, attributes and @contexts."""
    schema = {"type": "string", "minLength": 1} if name in _BY_NAME else {"$ref": "#/components/schemas/Uri"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameter(name: str) -> Schema:
    """Return the parameter of the query string."""
    description, schema = PARAMETERS.get(name, (name, _TEXT))
    return {"name": name, "in": "query", "description": description, "schema": schema}


# Conditions about an entity, which go with every operation on it and on its attributes.
CONDITION_PARAMETERS: Final[list[Schema]] = [
    {"name": name, "in": "header", "description": description, "schema": _TEXT}
    for name, description in (
        ("If-Match", "Only if the entity is as one of these entity tags says, or with * as it is (RFC 9110 §13.1.1)"),
        ("If-None-Match", "Only if it is as none of these entity tags says; with * only if it is not there (§13.1.2)"),
    )
]
ENTITY_TAG_HEADERS: Final[Schema] = {
    "ETag": {
        "description": "The strong entity tag of what is answered; absent where other sources were asked.",
        "schema": _TEXT,
    }
}

_ENTITY_MEMBERS: Final[Schema] = {
    "id": {"$ref": "#/components/schemas/Uri"},
    "type": {
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    },
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Uri": _URI,
    "Entity": {
        "type": "object",
        "description": "An entity: its id, its type, and its attributes by name (§5.2.4).",
        "required": ["id", "type"],
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": True,
    },
    "Fragment": {"type": "object", "description": "Attributes by name (§5.4).", "additionalProperties": True},
    "Shown": {"type": "object", "description": "As much of it as was asked for.", "additionalProperties": True},
    "ShownList": {"type": "array", "items": {"$ref": "#/components/schemas/Shown"}},
    "FeatureCollection": {
        "type": "object",
        "required": ["type", "features"],
        "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array"}},
    },
    "Entities": {"type": "array", "items": {"$ref": "#/components/schemas/Entity"}, "minItems": 1},
    "Ids": {"type": "array", "items": {"$ref": "#/components/schemas/Uri"}, "minItems": 1},
    "BatchResult": {
        "type": "object",
        "description": "What succeeded and what did not (§5.2.16).",
        "required": ["success", "errors"],
        "properties": {"success": {"type": "array"}, "errors": {"type": "array"}},
    },
    "UpdateResult": {
        "type": "object",
        "description": "Which attributes were written (§5.2.18), or what succeeded at which source (§5.2.16).",
        "additionalProperties": True,
    },
    "Query": {
        "type": "object",
        "description": "A question, as an object (§5.2.23).",
        "properties": {"type": {"const": "Query"}},
        "required": ["type"],
        "additionalProperties": True,
    },
    "Subscription": {
        "type": "object",
        "description": "What to tell whom (§5.2.12).",
        "required": ["type", "notification"],
        "properties": {"type": {"const": "Subscription"}, "notification": {"type": "object"}},
        "additionalProperties": True,
    },
    "Registration": {
        "type": "object",
        "description": "What another source has (§5.2.9).",
        "required": ["type", "information", "endpoint"],
        "properties": {
            "type": {"const": "ContextSourceRegistration"},
            "information": {"type": "array", "minItems": 1},
            "endpoint": {"type": "string"},
        },
        "additionalProperties": True,
    },
    "Document": {
        "type": "object",
        "description": "An @context (§5.13.2).",
        "required": ["@context"],
        "additionalProperties": True,
    },
    "Snapshot": {
        "type": "object",
        "description": "Which entities to keep as they are now (§5.2.43).",
        "additionalProperties": True,
    },
    "ProblemDetails": {
        "type": "object",
        "description": "What was wrong, and what would be right (§5.5.3, RFC 9457).",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        "additionalProperties": True,
    },
}

BODY_TYPES: Final = (JSON, LD_JSON)


def content(schema: str, media_types: tuple[str, ...] = (JSON, LD_JSON)) -> Schema:
    """Return a body of one schema in any of the media types."""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}} for media_type in media_types}


ENTITIES_CONTENT: Final = {
    **content("ShownList"),
    **content("FeatureCollection", (GEO_JSON,)),
}
ENTITY_CONTENT: Final = content("Shown", (JSON, LD_JSON, GEO_JSON))
