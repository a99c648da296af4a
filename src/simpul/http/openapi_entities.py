"""Entities as they are sent, as schemas of the API's description (CIM 009 §4.5, §5.2.4 to §5.2.6). No operations here.

A *fragment* is what a change sends: parts of attributes, and the mark of what is to be deleted.
"""

from __future__ import annotations

from typing import Any, Final

from simpul import limits
from simpul.domain.parse import MAIN_MEMBERS, NULL
from simpul.http import openapi_patterns as patterns
from simpul.http.openapi_parameters import TEXT, Schema, text

ANYTHING: Final[Schema] = {}
_NO_NULL: Final[Schema] = {"not": {"const": NULL}}
# What only the hub says is taken from nobody, so that what was read can be sent back.
_TOLD_BY_HUB: Final = ("createdAt", "modifiedAt", "deletedAt", "instanceId", "entity", "entityList", "lang")
_ELSEWHERE: Final = (
    "id", "@id", "@context", "scope", *(f"previous{main[0].upper()}{main[1:]}" for main in MAIN_MEMBERS.values()),
    "entityIdSealed", "entityTypeSealed",
)  # fmt: skip
_KINDS: Final = {kind: [kind, f"ngsi-ld:{kind}", f"https://uri.etsi.org/ngsi-ld/{kind}"] for kind in MAIN_MEMBERS}
_SCALAR: Final[Schema] = {"anyOf": [TEXT | _NO_NULL, {"type": "number"}, {"type": "boolean"}]}
_GEO_NAMES: Final = ("location", "observationSpace", "operationSpace")
_UNITLESS: Final = ("Relationship", "ListRelationship", "JsonProperty")


def ref(name: str) -> Schema:
    """Return a reference to one of the description's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_some(items: Schema) -> Schema:
    """Return the schema of one of these, or of an array of at least one."""
    return {"anyOf": [items, {"type": "array", "items": items, "minItems": 1}]}


_WORD: Final = text(patterns.WORD, limits.IDENTIFIER_CHARACTERS_MAX) | _NO_NULL
_LANGUAGES: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {patterns.LANGUAGE: or_some(TEXT | _NO_NULL)},
    "additionalProperties": False,
}
_TARGET: Final[Schema] = ref("Uri") | _NO_NULL
_HELD: Final[dict[str, Schema]] = {
    "Property": ref("Value"),
    "GeoProperty": ref("Geometry"),
    "Relationship": or_some(_TARGET),
    "LanguageProperty": _LANGUAGES,
    "VocabProperty": or_some(_WORD),
    "JsonProperty": {"type": ["object", "array"]},
    "ListProperty": {"type": "array", "items": ref("Value")},
    "ListRelationship": {
        "type": "array",
        "items": {
            "anyOf": [
                _TARGET,
                {
                    "type": "object",
                    "properties": {"object": _TARGET},
                    "required": ["object"],
                    "additionalProperties": False,
                },
            ]
        },
    },
}


def _instance(kind: str, attribute: str, *, is_fragment: bool) -> Schema:
    """Return the schema of an instance of this kind; in a fragment what it holds may stay as it is."""
    main = MAIN_MEMBERS[kind]
    held = {"anyOf": [_HELD[kind], {"const": NULL}]} if is_fragment else _HELD[kind]
    unit: Any = False if kind in _UNITLESS else TEXT | {"minLength": 1} | _NO_NULL
    members: dict[str, Any] = {
        "type": {"enum": _KINDS[kind]},
        "observedAt": ref("Moment"),
        "unitCode": unit,
        "datasetId": {"anyOf": [_TARGET, {"const": "@none"}]},
        "expiresAt": ref("Moment"),
        "objectType": or_some(_WORD),
        "valueType": {"enum": ["langString"]} if kind == "LanguageProperty" else or_some(_WORD),
        **dict.fromkeys(_TOLD_BY_HUB, ANYTHING),
        **dict.fromkeys((*_ELSEWHERE, *MAIN_MEMBERS.values()), False),
        main: held,
    }
    return {
        "type": "object",
        "required": ["type"] if is_fragment else ["type", main],
        "properties": members,
        "propertyNames": {"pattern": patterns.NAME, "maxLength": limits.IDENTIFIER_CHARACTERS_MAX},
        "additionalProperties": ref(attribute),
    }


def _attribute(name: str, *, is_fragment: bool, most: int | None = 1) -> Schema:
    """Return the schema of an attribute: its instances, or in the concise form its bare value (§4.5.2.3).

    Of several instances each has a datasetId of its own, which JSON Schema cannot say; in a history they are many.
    """
    inner = "AttributeFragment" if is_fragment else "Attribute"
    instances = [_instance(kind, inner, is_fragment=is_fragment) for kind in MAIN_MEMBERS]
    values: Schema = {"type": "array", "items": _SCALAR, "minItems": 1}
    deleted: list[Schema] = [{"const": NULL}] if is_fragment else []
    several: Schema = {"type": "array", "items": {"anyOf": instances}, "minItems": 1} | (
        {"maxItems": most} if most else {}
    )
    return {
        "description": name,
        "anyOf": [*instances, several, _SCALAR, values, ref("PlainObject"), ref("Geometry"), *deleted],
    }


def _body_of_attribute() -> Schema:
    """Return the schema of a part of one attribute, as the body of a request (§5.4): what it holds fits its kind."""
    kinds = []
    for kind, main in MAIN_MEMBERS.items():
        others = [other for other in MAIN_MEMBERS.values() if other != main]
        held = {"anyOf": [_HELD[kind], {"const": NULL}]}
        unit: Any = {"unitCode": False} if kind in _UNITLESS else {}
        kinds.append({
            "properties": {"type": {"enum": _KINDS[kind]}, main: held, **unit, **dict.fromkeys(others, False)},
        })  # fmt: skip
    members = _instance("Property", "AttributeFragment", is_fragment=True)
    kept = {name: schema for name, schema in members["properties"].items() if name != "valueType"}
    return members | {
        "description": "A part of an attribute (§5.4).",
        "properties": {**kept, "type": ANYTHING, **dict.fromkeys(MAIN_MEMBERS.values(), ANYTHING)},
        "propertyNames": {"pattern": patterns.MEMBER_NAME, "maxLength": limits.IDENTIFIER_CHARACTERS_MAX},
        "anyOf": kinds,
    }


def _members() -> Schema:
    """Return what the members of an entity may be, apart from its id and its type."""
    geometry: Schema = {
        "anyOf": [
            ref("Geometry"),
            {
                "type": "object",
                "required": ["type", "value"],
                "properties": {
                    "type": {"enum": _KINDS["GeoProperty"]},
                    "value": ref("Geometry"),
                    "observedAt": ref("Moment"),
                },
                "additionalProperties": False,
            },
        ]
    }
    return {
        "scope": ref("Scope"),
        "expiresAt": ref("Moment"),
        **dict.fromkeys(_GEO_NAMES, geometry),
        **dict.fromkeys(("createdAt", "modifiedAt", "deletedAt"), ANYTHING),
        **dict.fromkeys(
            (*(_TOLD_BY_HUB[3:]), *_ELSEWHERE[4:], *MAIN_MEMBERS.values(), "observedAt", "unitCode", "datasetId",
             "objectType", "valueType"), False,
        ),
        "@id": False,
        "@type": False,
        "@context": False,
        "ngsildproof": {
            "type": "object",
            "required": ["type", "value"],
            "properties": {"type": {"const": "Property"}, "value": ref("PlainObject")},
            "additionalProperties": False,
        },
    }  # fmt: skip


def _document(attribute: str, description: str, *required: str) -> Schema:
    """Return the schema of an object with an entity's members. No name begins with less than a letter (§4.6.2)."""
    return {
        "type": "object",
        "description": description,
        "required": [*required],
        "properties": {"id": _TARGET, "type": or_some(_WORD_OF_TYPE), **_members()},
        "propertyNames": {"pattern": patterns.MEMBER_NAME, "maxLength": limits.IDENTIFIER_CHARACTERS_MAX},
        "additionalProperties": ref(attribute),
    }


_WORD_OF_TYPE: Final = text(patterns.NAME, limits.IDENTIFIER_CHARACTERS_MAX) | _NO_NULL
_LONGITUDE: Final[Schema] = {"type": "number", "minimum": -180, "maximum": 180}
_LATITUDE: Final[Schema] = {"type": "number", "minimum": -90, "maximum": 90}
_HEIGHT: Final[Schema] = {"type": "number", "exclusiveMinimum": -1e9, "exclusiveMaximum": 1e9}


def _geometry(kind: str, coordinates: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
        "additionalProperties": False,
    }


def _some(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


# Terms are described as far as a request has them; the rules of JSON-LD for their definitions are no JSON Schema.
_CONTEXT: Final[Schema] = {
    "anyOf": [
        text("^https?://[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*(?:/[!-~]*)?$"),
        {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][A-Za-z0-9]*$"},
            "additionalProperties": {"type": "string", "pattern": "^https?://[a-z]+/[A-Za-z0-9]+$"},
        },
    ]
}
_PLACE: Final = ref("Position")
ENTITY_SCHEMAS: Final[dict[str, Schema]] = {
    "Moment": text(patterns.MOMENT) | {"description": "A date and time in UTC (§4.6.3)."},
    "Scope": or_some(text(patterns.SCOPE)) | {"description": "A path of names, or several (§4.18)."},
    "Value": {
        "description": "Any JSON but null (§4.5.2).",
        "anyOf": [
            _SCALAR,
            {"type": "array", "items": ref("Value")},
            {"type": "object", "properties": {"@type": False}, "additionalProperties": ref("Value")},
        ],
    },
    "PlainObject": {
        "description": "A JSON object that is a value by itself: nothing in it tells a kind of attribute (§4.5.2.3).",
        "type": "object",
        "properties": dict.fromkeys(
            (*MAIN_MEMBERS.values(), "type", "@type", "dataset", "observedAt", "unitCode", "datasetId", "objectType",
             "valueType", "expiresAt"), False,
        ),
        "additionalProperties": _SCALAR,
    },
    "Position": {
        "type": "array",
        "description": "Longitude, latitude and, if need be, height.",
        "prefixItems": [_LONGITUDE, _LATITUDE, _HEIGHT],
        "minItems": 2,
        "maxItems": 3,
    },
    "Geometry": {
        "description": "A GeoJSON geometry (§4.7); the rings of a polygon end where they begin.",
        "anyOf": [
            _geometry("Point", _PLACE),
            _geometry("MultiPoint", _some(_PLACE)),
            _geometry("LineString", _some(_PLACE, 2)),
            _geometry("MultiLineString", _some(_some(_PLACE, 2))),
            _geometry("Polygon", _some(_some(_PLACE, 4))),
            _geometry("MultiPolygon", _some(_some(_some(_PLACE, 4)))),
        ],
    },
    "Context": {
        "description": "An @context: the URL of one, its terms, or several of both (§5.5.7, JSON-LD 1.1).",
        "anyOf": [_CONTEXT, {"type": "array", "items": _CONTEXT, "minItems": 1}],
    },
    "Attribute": _attribute("An attribute (§4.5).", is_fragment=False),
    "AttributeBody": _body_of_attribute(),
    "HistoryOfAttribute": _attribute("The instances of an attribute (§5.2.20).", is_fragment=False, most=None),
    "AttributeFragment": _attribute("An attribute, a part of it, or that it goes (§5.4).", is_fragment=True),
    "Entity": _document("Attribute", "An entity: its id, its type, and its attributes by name (§5.2.4).", "id", "type"),
    "History": _document("HistoryOfAttribute", "An entity with the history of its attributes (§5.2.20).", "id", "type"),
    "HistoryFragment": _document("HistoryOfAttribute", "More of the history of attributes (§5.2.20).")
    | {"minProperties": 1},
    "Addition": _document("Attribute", "Attributes that an entity gets, by name (§5.6.3)."),
    "EntityFragment": _document("AttributeFragment", "Attributes of an entity by name (§5.4)."),
}  # fmt: skip
