"""The API's description of itself, an OpenAPI 3.1 document: made from the routes and their own parameters.

What an operation may be asked is what it reads (`PARAMETERS_OF`); a test compares that with what the hub itself says.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec

import simpul
from simpul.app.hub import Hub
from simpul.http import openapi_patterns as patterns
from simpul.http.exchange import JSON, Answer, Handler, answer_bytes
from simpul.http.ngsild import (
    attributes,
    batch,
    contexts,
    entities,
    entity_maps,
    fragments,
    mapped,
    purge,
    question,
    registrations,
    snapshots,
    source_subscriptions,
    subscriptions,
    temporal,
    temporal_plan,
    temporal_writes,
    types,
)
from simpul.http.ngsild.routes import CHANGES_OF_ENTITIES, MAPPED, NAME, OPEN_TO_READERS, RESOURCES, ROOT, Resource
from simpul.http.openapi_parameters import (
    ATTRIBUTE_OR_SCOPE_PARAMETER,
    CONDITION_PARAMETERS,
    PATH_NAMES,
    Schema,
    one_of,
    path_parameter,
    query_parameter,
    text,
)
from simpul.http.openapi_parts import (
    ENTITIES_CONTENT,
    ENTITY_CONTENT,
    ENTITY_TAG_HEADERS,
    SCHEMAS,
    body_content,
    content,
)
from simpul.http.plan import FORMATS, QUERY_PARAMETERS, RETRIEVE_PARAMETERS

_CLAUSE: Final = re.compile(r"§[\d.]*\d")
_READS: Final = frozenset({"GET"})

# What each operation may be asked in its query string; an operation that is not here takes nothing but `local`.
PARAMETERS_OF: Final[dict[Handler, frozenset[str]]] = {
    entities.query: QUERY_PARAMETERS,
    entities.retrieve: RETRIEVE_PARAMETERS,
    entities.replace: entities.TYPE,
    entities.merge: fragments.MERGE_PARAMETERS,
    entities.delete: entities.TYPE,
    purge.purge: purge.PARAMETERS,
    attributes.append: attributes.APPEND_PARAMETERS,
    attributes.update: entities.TYPE,
    attributes.patch: entities.TYPE,
    attributes.replace: entities.TYPE,
    attributes.delete: attributes.DELETE_PARAMETERS,
    batch.upsert: batch.WRITE_PARAMETERS,
    batch.update: batch.WRITE_PARAMETERS,
    batch.merge: fragments.BATCH_MERGE_PARAMETERS,
    question.query: question.PARAMETERS,
    types.list_types: types.DETAILS,
    types.list_attributes: types.DETAILS,
    temporal.query: temporal_plan.QUERY_PARAMETERS,
    temporal.retrieve: temporal_plan.RETRIEVE_PARAMETERS,
    temporal.query_by_body: temporal_plan.POST_PARAMETERS,
    temporal_writes.append: entities.TYPE,
    temporal_writes.delete: entities.TYPE,
    temporal_writes.delete_attribute: attributes.DELETE_PARAMETERS,
    temporal_writes.patch_instance: entities.TYPE,
    temporal_writes.delete_instance: entities.TYPE,
    subscriptions.query: subscriptions.LIST_PARAMETERS,
    subscriptions.retrieve: subscriptions.READ_PARAMETERS,
    registrations.query: registrations.PARAMETERS,
    registrations.retrieve: registrations.SHOWN,
    source_subscriptions.query: source_subscriptions.LIST_PARAMETERS,
    source_subscriptions.retrieve: registrations.SHOWN,
    contexts.query: contexts.LIST_PARAMETERS,
    contexts.retrieve: contexts.DETAILS,
    contexts.delete: contexts.RELOAD,
    entity_maps.create: QUERY_PARAMETERS | mapped.MAP_PARAMETERS,
    entity_maps.create_by_post: question.PARAMETERS | mapped.MAP_PARAMETERS,
    entity_maps.create_of_histories: temporal_plan.QUERY_PARAMETERS | mapped.MAP_PARAMETERS,
    entity_maps.create_of_histories_by_post: temporal_plan.POST_PARAMETERS | mapped.MAP_PARAMETERS,
    snapshots.purge: frozenset({"q"}),
}

_SYSTEM: Final = {"options": text(patterns.words(("sysAttrs",)))}
_SHOWN_AS: Final[dict[str, Schema]] = {
    "format": one_of(*sorted(FORMATS)),
    # Each group has one representation, of which there can be no second one.
    "options": text(
        patterns.words(("keyValues", "simplified", "sysAttrs"), ("concise", "sysAttrs"), ("normalized", "sysAttrs"))
    ),
}
_HISTORY_SHOWN_AS: Final[dict[str, Schema]] = {
    "format": one_of(*sorted(temporal_plan.FORMATS)),
    "options": text(patterns.words(*(("sysAttrs", form) for form in sorted(temporal_plan.FORMATS)))),
    # No linked entities are shown with histories.
    "pick": text(patterns.MEMBERS),
    "omit": text(patterns.MEMBERS),
    "orderBy": text(patterns.or_empty(patterns.listed("id(?:;(?:asc|desc))?"))),
}
_READ_AS: Final[dict[str, Schema]] = {
    "format": _SHOWN_AS["format"],
    "options": text(patterns.words(("keyValues", "simplified"), ("concise",), ("normalized",))),
}
_DELETED: Final = {"datasetId": text(patterns.URI_OR_NONE)}
_NO_OVERWRITE: Final = {"options": text(patterns.words(("noOverwrite",)))}
# What a parameter may be at one operation where it may be something else at others.
_SPECIAL_OF: Final[dict[Handler, dict[str, Schema]]] = {
    entities.query: _SHOWN_AS,
    entities.retrieve: _SHOWN_AS,
    entities.merge: _READ_AS,
    attributes.append: _NO_OVERWRITE,
    attributes.delete: _DELETED,
    batch.upsert: {"options": text(patterns.words(("replace", "update")))},
    batch.update: _NO_OVERWRITE,
    batch.merge: _READ_AS,
    question.query: _SHOWN_AS,
    temporal.query: _HISTORY_SHOWN_AS,
    temporal.retrieve: _HISTORY_SHOWN_AS,
    temporal.query_by_body: _HISTORY_SHOWN_AS,
    temporal_writes.delete_attribute: _DELETED,
    subscriptions.query: _SYSTEM,
    subscriptions.retrieve: _SYSTEM,
    registrations.query: _SYSTEM | dict.fromkeys(("timeAt", "endTimeAt"), text(patterns.MOMENT_OR_NONE)),
    registrations.retrieve: _SYSTEM,
    source_subscriptions.query: _SYSTEM,
    source_subscriptions.retrieve: _SYSTEM,
    entity_maps.create: _SHOWN_AS,
    entity_maps.create_by_post: _SHOWN_AS,
    entity_maps.create_of_histories: _HISTORY_SHOWN_AS,
    entity_maps.create_of_histories_by_post: _HISTORY_SHOWN_AS,
}

# What is sent.
_BODY_OF: Final[dict[Handler, str]] = {
    entities.create: "Entity",
    entities.replace: "Entity",
    entities.merge: "EntityFragment",
    attributes.append: "Addition",
    attributes.update: "EntityFragment",
    attributes.patch: "AttributeBody",
    attributes.replace: "AttributeBody",
    temporal_writes.create: "History",
    temporal_writes.append: "HistoryFragment",
    temporal_writes.patch_instance: "AttributeBody",
    batch.create: "Entities",
    batch.upsert: "Entities",
    batch.update: "Entities",
    batch.merge: "Entities",
    batch.delete: "Ids",
    question.query: "Query",
    temporal.query_by_body: "TemporalQuery",
    entity_maps.create_by_post: "Query",
    entity_maps.create_of_histories_by_post: "TemporalQueryOfMap",
    entity_maps.update: "EntityMapFragment",
    subscriptions.create: "Subscription",
    subscriptions.update: "SubscriptionFragment",
    source_subscriptions.update: "SubscriptionFragment",
    registrations.update: "RegistrationFragment",
    source_subscriptions.create: "Subscription",
    registrations.create: "Registration",
    contexts.add: "Document",
    snapshots.create: "Snapshot",
    snapshots.clone: "SnapshotClone",
    snapshots.update: "SnapshotFragment",
}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

# What is answered where all went well: statuses with the schema of the body, or None where there is none.
_LISTED: Final = {"200": ENTITIES_CONTENT}
_SHOWN: Final = {"200": content("Shown")}
_CREATED: Final[dict[str, Any]] = {"201": None}
_DONE: Final[dict[str, Any]] = {"204": None}
_PARTLY: Final[dict[str, Any]] = {"204": None, "207": content("UpdateResult", (JSON,))}
_BATCH: Final[dict[str, Any]] = {
    "201": {JSON: {"schema": {"type": "array", "items": {"type": "string"}}}},
    "204": None,
    "207": content("BatchResult", (JSON,)),
}
_HISTORIES: Final = {"200": content("ShownList"), "206": content("ShownList")}
_ANSWERS: Final[dict[Handler, dict[str, Any]]] = {
    entities.query: _LISTED | {"201": ENTITIES_CONTENT},
    entities.retrieve: {"200": ENTITY_CONTENT, "201": ENTITY_CONTENT, "304": None},
    entities.create: _CREATED | {"207": content("UpdateResult", (JSON,))},
    question.query: _LISTED | {"201": ENTITIES_CONTENT},
    batch.create: _BATCH,
    batch.upsert: _BATCH,
    batch.update: _BATCH,
    batch.merge: _BATCH,
    batch.delete: _BATCH,
    types.list_types: {"200": {JSON: {"schema": {}}, "application/ld+json": {"schema": {}}}},
    types.list_attributes: {"200": {JSON: {"schema": {}}, "application/ld+json": {"schema": {}}}},
    temporal.query: _HISTORIES | {"201": content("ShownList")},
    temporal.query_by_body: _HISTORIES | {"201": content("ShownList")},
    temporal.retrieve: {"200": content("Shown"), "206": content("Shown"), "201": content("Shown")},
    temporal_writes.create: _CREATED | _DONE,
    subscriptions.query: {"200": content("ShownList")},
    registrations.query: {"200": content("ShownList")},
    source_subscriptions.query: {"200": content("ShownList")},
    contexts.query: {
        "200": {JSON: {"schema": {"type": "array"}}, "application/ld+json": {"schema": {"type": "array"}}}
    },
    contexts.add: _CREATED,
    subscriptions.create: _CREATED,
    source_subscriptions.create: _CREATED,
    registrations.create: _CREATED,
    snapshots.create: _CREATED,
    snapshots.clone: _CREATED,
    entity_maps.create: {"201": content("Shown")},
    entity_maps.create_by_post: {"201": content("Shown")},
    entity_maps.create_of_histories: {"201": content("Shown")},
    entity_maps.create_of_histories_by_post: {"201": content("Shown")},
}


@cache
def document() -> bytes:
    """Return the description as JSON."""
    return msgspec.json.encode(describe())


def answer(_hub: Hub) -> Answer:
    """GET /ngsi-ld/v1/openapi.json."""
    return answer_bytes(document(), (), media_type=JSON)


def describe() -> dict[str, Any]:
    """Return the whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Simpul",
            "version": simpul.__version__,
            "summary": "NGSI-LD (ETSI GS CIM 009 v1.9.1)",
            "description": (
                "Names are those of the @context that a Link header or the body gives, else the core one's. Which city"
                " is asked is said with NGSILD-Tenant. Whoever shows no token reads what the city has declared public."
            ),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": ROOT.decode()}],
        "paths": {_path_of(resource): _describe_resource(resource) for resource in RESOURCES},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {"description": "What was wrong, and what would be right.", "content": _problem_content()}
            },
        },
    }


def _problem_content() -> dict[str, Any]:
    return content("ProblemDetails", (JSON,))


def _path_of(resource: Resource) -> str:
    names = iter(_names_of(resource))
    return "/" + "/".join(f"{{{next(names)}}}" if word == NAME else word for word in resource.words)


def _names_of(resource: Resource) -> list[str]:
    """Return what the names in the path are called: each by the word before it."""
    names: list[str] = []
    before = ""
    for word in resource.words:
        if word == NAME:
            names.append(PATH_NAMES[before])
            before = names[-1]
        else:
            before = word
    return names


def _describe_resource(resource: Resource) -> dict[str, Any]:
    is_of_entity = "entities" in resource.words
    described: dict[str, Any] = {
        "parameters": [path_parameter(name, is_attribute_of_entity=is_of_entity) for name in _names_of(resource)]
    }
    if not CHANGES_OF_ENTITIES.isdisjoint(resource.operations.values()):
        described["parameters"] += CONDITION_PARAMETERS
    for method, handler in resource.operations.items():
        described[method.lower()] = _describe_operation(method, handler, resource)
    return described


def _describe_operation(method: str, handler: Handler, resource: Resource) -> dict[str, Any]:
    said = handler.__doc__ or ""
    clause = _CLAUSE.search(said)
    asked = PARAMETERS_OF.get(handler, frozenset()) | {"local"}
    if handler in MAPPED:
        asked |= mapped.MAP_PARAMETERS
    operation: dict[str, Any] = {
        "operationId": f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}",
        "tags": [resource.words[0]],
        "summary": f"{method} {_path_of(resource)}",
        "description": f"CIM 009 {clause[0]}" if clause else "",
        "parameters": [query_parameter(name, _SPECIAL_OF.get(handler, {}).get(name)) for name in sorted(asked)],
        "responses": _responses(method, handler),
        "security": [{}, {"token": []}] if method in _READS or handler in OPEN_TO_READERS else [{"token": []}],
    }
    if handler in (attributes.delete, temporal_writes.delete_attribute):
        # §5.6.5: the scope can be deleted like an attribute, and changed only with its entity.
        operation["parameters"].append(ATTRIBUTE_OR_SCOPE_PARAMETER)
    if method in _WITH_BODY:
        body = body_content(_BODY_OF[handler], is_patch=method == "PATCH")
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _responses(method: str, handler: Handler) -> dict[str, Any]:
    well = _ANSWERS.get(handler, _SHOWN if method in _READS else _PARTLY)
    answers: dict[str, Any] = {}
    for status, body in well.items():
        answers[status] = {"description": _MEANINGS[status], **({"content": body} if body else {})}
        if status == "201" and not body:
            answers[status]["headers"] = {
                "Location": {"required": True, "description": "Where it is.", "schema": {"type": "string"}}
            }
        if handler is entities.retrieve:
            answers[status]["headers"] = ENTITY_TAG_HEADERS
    return answers | {
        "4XX": {"$ref": "#/components/responses/Problem"},
        "5XX": {"$ref": "#/components/responses/Problem"},
    }


_MEANINGS: Final = {
    "200": "What was asked for.",
    "201": "It was made.",
    "204": "It was done.",
    "206": "A part of it; Content-Range says which.",
    "207": "Some of it was done.",
    "304": "It is as If-None-Match says (RFC 9110 §13.1.2).",
}
