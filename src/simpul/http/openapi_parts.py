"""The schemas of the API's description: what is sent, and what is answered. No operations here."""

from __future__ import annotations

from typing import Final

from simpul import limits
from simpul.http import openapi_patterns as patterns
from simpul.http.exchange import GEO_JSON, JSON, LD_JSON, MERGE_PATCH_JSON
from simpul.http.openapi_bodies import BODY_SCHEMAS, WHOLE_BODIES
from simpul.http.openapi_entities import ENTITY_SCHEMAS, ref
from simpul.http.openapi_parameters import Schema, text

_TEXT: Final[Schema] = {"type": "string"}

ENTITY_TAG_HEADERS: Final[Schema] = {
    "ETag": {
        "description": "The strong entity tag of what is answered; absent where other sources were asked.",
        "schema": _TEXT,
    }
}

_WITH_CONTEXT: Final = "WithContext"


def _with_members(schema: Schema, members: Schema, *required: str) -> Schema:
    """Return the schema of an object with more members."""
    return {
        **schema,
        "properties": {**schema.get("properties", {}), **members},
        "required": [*schema.get("required", ()), *required],
    }


def content(schema: str, media_types: tuple[str, ...] = (JSON, LD_JSON)) -> Schema:
    """Return a body of one schema in any of the media types."""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}} for media_type in media_types}


def _bodies() -> dict[str, Schema]:
    """Return the schemas of bodies, each without an @context in it and with one."""
    bodies: dict[str, Schema] = {}
    for name, schema in (ENTITY_SCHEMAS | BODY_SCHEMAS).items():
        if name in WHOLE_BODIES:
            bodies[name] = _with_members(schema, {"@context": False})
            bodies[f"{name}{_WITH_CONTEXT}"] = _with_members(schema, {"@context": ref("Context")}, "@context")
        else:
            bodies[name] = schema
    return bodies


SCHEMAS: Final[dict[str, Schema]] = {
    **_bodies(),
    "Uri": text(patterns.URI, limits.IDENTIFIER_CHARACTERS_MAX),
    "Shown": {"type": "object", "description": "As much of it as was asked for.", "additionalProperties": True},
    "ShownList": {"type": "array", "items": {"$ref": "#/components/schemas/Shown"}},
    "FeatureCollection": {
        "type": "object",
        "required": ["type", "features"],
        "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array"}},
    },
    "Entities": {
        "type": "array",
        "description": "Entities. Each is looked at by itself, and what is wrong with one is told in the answer.",
        "items": {"not": {"type": "null"}},
        "minItems": 1,
        "maxItems": limits.BATCH_ENTITIES_MAX,
    },
    "Ids": {
        "type": "array",
        "description": "Ids of entities. Each is looked at by itself.",
        "items": _TEXT,
        "minItems": 1,
        "maxItems": limits.BATCH_ENTITIES_MAX,
    },
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


def body_content(schema: str, *, is_patch: bool) -> Schema:
    """Return a body of one schema. As JSON-LD it has an @context in it, and as plain JSON none (§6.3.5)."""
    plain = (JSON, MERGE_PATCH_JSON) if is_patch else (JSON,)
    if f"{schema}{_WITH_CONTEXT}" not in SCHEMAS:
        return content(schema, (*plain, LD_JSON))
    return content(schema, plain) | content(f"{schema}{_WITH_CONTEXT}", (LD_JSON,))


ENTITIES_CONTENT: Final = {
    **content("ShownList"),
    **content("FeatureCollection", (GEO_JSON,)),
}
ENTITY_CONTENT: Final = content("Shown", (JSON, LD_JSON, GEO_JSON))
