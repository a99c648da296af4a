"""What is sent to the API, as schemas of its description (CIM 009 §5.2, §5.4). No answers and no operations here."""

from __future__ import annotations

from typing import Any, Final

from simpul import limits
from simpul.domain.aggregate import METHODS
from simpul.domain.endpoint import ACCEPTED
from simpul.domain.operations import GROUPS, OPERATIONS
from simpul.domain.parse import NULL
from simpul.domain.subscription import FORMATS, TRIGGERS
from simpul.http import openapi_patterns as patterns
from simpul.http.ngsild.temporal_plan import RELATIONS, TIME_PROPERTIES
from simpul.http.openapi_entities import ANYTHING, or_some, ref
from simpul.http.openapi_parameters import FLAG, TEXT, Schema, text

_NAME_LENGTH: Final = limits.IDENTIFIER_CHARACTERS_MAX
_SOME_TEXT: Final = TEXT | {"minLength": 1}
_SOME_WORDS: Final = _SOME_TEXT | {"maxLength": limits.Q_CHARACTERS_MAX}
_URI: Final = ref("Uri")
_MOMENT: Final = ref("Moment")
_PATTERN: Final = TEXT | {"maxLength": limits.ID_PATTERN_CHARACTERS_MAX}
_POSITIVE: Final[Schema] = {"type": "number", "exclusiveMinimum": 0}


def _an_object(properties: Schema, *required: str, **more: Any) -> Schema:
    """Return the schema of an object that has no other members than these."""
    return {"type": "object", "properties": properties, "additionalProperties": False, "required": [*required]} | more


def _list_of(items: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": items, "minItems": 1} | ({"maxItems": most} if most else {})


def _removable(schema: Schema) -> Schema:
    """Return the schema of a member that an update may also take away (§5.5.8)."""
    return {"anyOf": [schema, {"type": "null"}, {"const": NULL}]}


def _fragment_of(members: Schema, fixed: Schema, description: str) -> Schema:
    """Return the schema of an update: any of the members, each of which can be taken away, but for those fixed."""
    changed = {name: _removable(schema) for name, schema in members.items() if name not in fixed}
    return _an_object(changed | fixed, description=description)


_NAMES: Final = text(patterns.NAME, _NAME_LENGTH)
_TYPES: Final = text(patterns.not_empty(patterns.TYPES))
_MEMBERS_NAMED: Final = text(patterns.not_empty(patterns.MEMBERS))

# §5.2.13.
_GEO_QUERY: Final = _an_object(
    {
        "georel": text(patterns.not_empty(patterns.GEOREL)),
        "geometry": {"enum": ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]},
        "coordinates": {"type": "array", "minItems": 1},
        "geoproperty": text(patterns.NAME_OR_NONE, _NAME_LENGTH),
    },
    "georel",
    "geometry",
    "coordinates",
    additionalProperties=True,
)
# §5.2.33.
_SELECTOR: Final = _an_object({"id": or_some(_URI), "idPattern": _PATTERN, "type": _TYPES}, "type")
_ATTRIBUTES: Final = _list_of(_NAMES)
_QUESTION: Final = _SOME_WORDS
_SCOPES: Final = text(patterns.not_empty(patterns.SCOPES))
_DATASET_IDS: Final = {"anyOf": [_URI, {"const": "@none"}]}
_DURATION: Final = text(patterns.DURATION)
_QUERY_MEMBERS: Final[Schema] = {
    "type": {"const": "Query"},
    "entities": _list_of(_SELECTOR),
    "attrs": _ATTRIBUTES,
    "pick": _list_of(_MEMBERS_NAMED),
    "omit": _list_of(_MEMBERS_NAMED),
    "datasetId": _list_of(_DATASET_IDS),
    "q": _QUESTION,
    "scopeQ": _SCOPES,
    "geoQ": _GEO_QUERY,
    "lang": TEXT,
    "csf": _QUESTION,
    "expandValues": _list_of(TEXT),
    "local": FLAG,
    "splitEntities": FLAG,
    "entityMap": FLAG,
    "entityMapLifetime": _DURATION,
}
_ORDERING: Final = _an_object(
    {
        "orderBy": _list_of(_SOME_TEXT),
        "collation": TEXT | {"maxLength": limits.COLLATION_CHARACTERS_MAX},
        "geometry": TEXT,
        "coordinates": {"type": "array"},
    },
    "orderBy",
)
_WHEN: Final = _an_object(
    {
        "type": {"const": "TemporalQuery"},
        "timerel": {"enum": list(RELATIONS)},
        "timeAt": text(patterns.INSTANT_OR_NONE),
        "endTimeAt": text(patterns.INSTANT_OR_NONE),
        "timeproperty": {"enum": list(TIME_PROPERTIES)},
        "lastN": {"type": "integer", "minimum": 1, "maximum": limits.TEMPORAL_CHANGES_MAX},
        "aggrMethods": _list_of({"enum": list(METHODS)}),
        "aggrPeriodDuration": _DURATION,
    }
)
_HEADER_NAME: Final = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
# To a host that is named; of a topic (MQTT) the path has no wildcard.
_HOST: Final = "[A-Za-z][A-Za-z0-9.-]*(?::[1-9][0-9]{0,3})?"
_ENDPOINT_URI: Final = f"^(?:https?://{_HOST}(?:[/?#][!-~]*)?|mqtts?://{_HOST}(?:/[A-Za-z0-9_.~-]+)+)$"
_ENDPOINT: Final = _an_object(
    {
        "uri": text(_ENDPOINT_URI),
        "accept": {"enum": list(ACCEPTED)},
        "timeout": _POSITIVE | {"maximum": limits.ENDPOINT_MILLISECONDS_MAX},
        "cooldown": _POSITIVE | {"maximum": limits.ENDPOINT_MILLISECONDS_MAX},
        "receiverInfo": {
            "type": "array",
            "maxItems": limits.ENDPOINT_PAIRS_MAX,
            "items": _an_object(
                {"key": text(_HEADER_NAME), "value": text("^[\\t\\x20-\\x7e\\x80-\\xff]{0,4096}$")},
                "key",
                "value",
            ),
        },
        "notifierInfo": {
            "type": "array",
            "maxItems": limits.ENDPOINT_PAIRS_MAX,
            "items": _an_object({"key": TEXT, "value": TEXT}, "key", "value"),
        },
    },
    "uri",
)

_NOTIFICATION: Final = _an_object(
    {
        "attributes": _ATTRIBUTES | {"maxItems": limits.SUBSCRIPTION_NAMES_MAX},
        "pick": or_some(_MEMBERS_NAMED),
        "omit": or_some(_MEMBERS_NAMED),
        "format": {"enum": list(FORMATS)},
        "endpoint": _ENDPOINT,
        "join": {"enum": ["inline", "flat", "@none"]},
        "joinLevel": {"type": "integer", "minimum": 1, "maximum": limits.JOIN_LEVELS_MAX},
        "sysAttrs": FLAG,
        "showChanges": FLAG,
        "onlyChangedAttributes": FLAG,
        # What only the hub says is taken from nobody, so that a document that was read can be sent back.
        **dict.fromkeys(
            ("status", "timesSent", "timesFailed", "lastNotification", "lastFailure", "lastSuccess"), ANYTHING
        ),
    },
    "endpoint",
    dependentSchemas={"joinLevel": {"required": ["join"], "properties": {"join": {"enum": ["inline", "flat"]}}}},
)
_SECONDS: Final = _POSITIVE | {"maximum": limits.SUBSCRIPTION_INTERVAL_SECONDS_MAX}
_SUBSCRIPTION_MEMBERS: Final[Schema] = {
    "subscriptionName": _SOME_WORDS,
    "description": _SOME_WORDS,
    "entities": _list_of(
        _an_object({"id": or_some(_URI), "idPattern": _PATTERN | {"minLength": 1}, "type": _TYPES}, "type"),
        limits.SUBSCRIPTION_SELECTORS_MAX,
    ),
    "watchedAttributes": _ATTRIBUTES | {"maxItems": limits.SUBSCRIPTION_NAMES_MAX},
    "notificationTrigger": _list_of({"enum": list(TRIGGERS)}, limits.SUBSCRIPTION_NAMES_MAX),
    "timeInterval": _SECONDS,
    "throttling": _SECONDS,
    "q": _SOME_WORDS,
    "csf": _SOME_WORDS,
    "scopeQ": _SCOPES,
    "geoQ": _GEO_QUERY,
    "lang": _SOME_WORDS,
    "datasetId": or_some(_DATASET_IDS),
    "isActive": FLAG,
    "localOnly": FLAG,
    "splitEntities": FLAG,
    "expiresAt": _MOMENT,
    "jsonldContext": _URI,
    "ngsildConformance": text("^[1-9][0-9]{0,2}\\.[0-9]{1,2}$"),
    "expandValues": text(patterns.NAMES),
    "jsonKeys": text(patterns.NAMES),
    "status": ANYTHING,
    "createdAt": ANYTHING,
    "modifiedAt": ANYTHING,
}
_SUBSCRIPTION_FIXED: Final[Schema] = {
    "id": _URI,
    "type": {"const": "Subscription"},
    "notification": _NOTIFICATION,
}
_INFORMATION: Final = _list_of(
    _an_object(
        {
            "entities": _list_of(
                _an_object({"id": _URI, "idPattern": _PATTERN, "type": or_some(_NAMES)}, "type"),
                limits.REGISTRATION_NAMES_MAX,
            ),
            "propertyNames": _ATTRIBUTES | {"maxItems": limits.REGISTRATION_NAMES_MAX},
            "relationshipNames": _ATTRIBUTES | {"maxItems": limits.REGISTRATION_NAMES_MAX},
        },
        minProperties=1,
    ),
    limits.REGISTRATION_NAMES_MAX,
)
_INTERVAL: Final = _an_object({"startAt": _MOMENT, "endAt": _MOMENT, "type": ANYTHING}, "startAt")
_REGISTRATION_MEMBERS: Final[Schema] = {
    "registrationName": text("[A-Za-z]"),
    "description": text("[A-Za-z]"),
    "contextSourceAlias": text(_HEADER_NAME),
    "contextSourceInfo": {
        "type": "array",
        "maxItems": limits.REGISTRATION_HEADERS_MAX,
        "items": _an_object(
            {"key": text(_HEADER_NAME), "value": text("^[\\x20-\\x7e]{1,4096}$")},
            "key",
            "value",
            additionalProperties=True,
        ),
    },
    "tenant": text("^[\\x20-\\x7e]{1,4096}$"),
    "mode": {"enum": ["inclusive", "exclusive", "redirect", "auxiliary"]},
    "operations": _list_of({"enum": sorted({*OPERATIONS, *GROUPS})}, limits.REGISTRATION_NAMES_MAX),
    "management": _an_object(
        {"localOnly": FLAG, "timeout": _POSITIVE, "cooldown": _POSITIVE, "cacheDuration": _DURATION}
    ),
    "observationInterval": _INTERVAL,
    "managementInterval": _INTERVAL,
    "location": ref("Geometry"),
    "observationSpace": ref("Geometry"),
    "operationSpace": ref("Geometry"),
    "expiresAt": _MOMENT,
    "refreshRate": _DURATION,
    "datasetId": or_some(_DATASET_IDS),
    "scope": or_some(_SOME_TEXT),
}
_REGISTRATION_FIXED: Final[Schema] = {
    "id": _URI,
    "type": {"const": "ContextSourceRegistration"},
    "information": _INFORMATION,
    "endpoint": text(r"^https?://[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:/[!$-.0-;=@-\[\]_a-z~]*)*$"),
}
_SNAPSHOT_MEMBERS: Final[Schema] = {
    "snapshotPriority": {"type": "integer", "minimum": 1, "maximum": 10},
    "snapshotLifetime": text(patterns.DURATION_OR_NONE),
}
_SNAPSHOT_IDENTITY: Final[Schema] = {"id": _URI, "type": {"const": "Snapshot"}}
_QUERY_HERE: Final[Schema] = {
    **_QUERY_MEMBERS,
    "geometryProperty": text(patterns.NAME_OR_NONE, _NAME_LENGTH),
    "join": {"enum": ["inline", "flat", "@none", ""]},
    "joinLevel": {"type": "integer", "minimum": 1, "maximum": limits.JOIN_LEVELS_MAX},
    "jsonKeys": _ATTRIBUTES,
    "containedBy": _list_of(_URI),
    "ordering": _ORDERING,
}
_QUERY_OF_HISTORIES: Final[Schema] = {
    **_QUERY_MEMBERS,
    "temporalQ": _WHEN,
    "aggrParams": _an_object({"aggrMethods": _list_of({"enum": list(METHODS)}), "aggrPeriodDuration": _DURATION}),
}


def _any_of(*members: str, **more: Any) -> list[Schema]:
    """Return that at least one of the members has to be there; or `local`, or `localOnly`, to be true."""
    return [{"required": [name]} for name in members] + [
        {"required": [name], "properties": {name: {"const": value}}} for name, value in more.items()
    ]


_BOUNDS: Final = ("entities", "attrs", "q", "geoQ", "scopeQ")
# §5.2.12: a subscription is to something, or to all that this hub alone has.
_WATCHING: Final[Schema] = {
    "anyOf": _any_of("entities", "watchedAttributes", localOnly=True),
    "not": {
        "required": ["timeInterval"],
        "anyOf": [{"required": ["throttling"]}, {"required": ["watchedAttributes"]}],
    },
}
BODY_SCHEMAS: Final[dict[str, Schema]] = {
    "Query": _an_object(
        _QUERY_HERE, "type", description="A question, as an object (§5.2.23).", anyOf=_any_of(*_BOUNDS, local=True)
    ),
    "TemporalQuery": _an_object(
        _QUERY_OF_HISTORIES,
        "type",
        description="A question about histories, as an object (§5.2.23).",
        anyOf=_any_of(*_BOUNDS, "pick", local=True),
    ),
    "TemporalQueryOfMap": _an_object(
        _QUERY_OF_HISTORIES,
        "type",
        "temporalQ",
        description="A question about histories that says of when (§5.14.5.4).",
        anyOf=_any_of(*_BOUNDS, "pick", local=True),
    ),
    "Subscription": _an_object(
        _SUBSCRIPTION_MEMBERS | _SUBSCRIPTION_FIXED,
        "type",
        "notification",
        description="What to tell whom (§5.2.12).",
        **_WATCHING,
    ),
    "SubscriptionFragment": _fragment_of(
        _SUBSCRIPTION_MEMBERS, _SUBSCRIPTION_FIXED, "What changes of a subscription (§5.8.2)."
    ),
    "Registration": _an_object(
        _REGISTRATION_MEMBERS | _REGISTRATION_FIXED,
        "type",
        "information",
        "endpoint",
        description="What another source has (§5.2.9), with properties of its own.",
        propertyNames={"pattern": patterns.MEMBER_NAME, "maxLength": _NAME_LENGTH},
        additionalProperties=ANYTHING,
    ),
    "RegistrationFragment": _fragment_of(
        _REGISTRATION_MEMBERS, _REGISTRATION_FIXED, "What changes of a registration (§5.9.3)."
    )
    | {"propertyNames": {"pattern": patterns.MEMBER_NAME, "maxLength": _NAME_LENGTH}, "additionalProperties": ANYTHING},
    "EntityMapFragment": {
        "type": "object",
        "description": "Until when a map lives; what else is said of it is passed over (§5.14.2.4).",
        "properties": {"expiresAt": _MOMENT},
        "additionalProperties": ANYTHING,
    },
    "Document": {
        "type": "object",
        "description": "An @context (§5.13.2).",
        "required": ["@context"],
        "properties": {"@context": ref("Context")},
        "additionalProperties": True,
    },
    "Snapshot": _an_object(
        {
            **_SNAPSHOT_IDENTITY,
            **_SNAPSHOT_MEMBERS,
            "snapshotQueries": _list_of(ref("Query"), limits.SNAPSHOT_QUERIES_MAX),
            "snapshotTemporalQueries": _list_of(ref("TemporalQueryOfMap"), limits.SNAPSHOT_QUERIES_MAX),
        },
        description="Which entities to keep as they are now (§5.2.41).",
        anyOf=[{"required": ["snapshotQueries"]}, {"required": ["snapshotTemporalQueries"]}],
    ),
    "SnapshotClone": _an_object(
        {**_SNAPSHOT_IDENTITY, **_SNAPSHOT_MEMBERS}, description="What the copy of a snapshot shall be (§5.16.2)."
    ),
    "SnapshotFragment": _an_object(
        _SNAPSHOT_MEMBERS, description="What changes of a snapshot (§5.16.4).", minProperties=1
    ),
}

# What is a body by itself, and so may have an @context.
WHOLE_BODIES: Final = (BODY_SCHEMAS.keys() - {"Document"}) | {
    "Entity", "EntityFragment", "AttributeBody", "History", "HistoryFragment",
}  # fmt: skip
