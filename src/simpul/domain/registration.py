"""A registration of another context source (CIM 009 §5.2.9): checked, changed and shown. No matching, no sending.

It is kept as a document with expanded names of types, attributes and the source's own properties. `Registration` is
the same in the form that requests are matched against (`source_matching.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final

from simpul import limits
from simpul.domain.context import CORE, Context
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.geo import raise_unless_geometry
from simpul.domain.json_text import shown
from simpul.domain.moment import count_microseconds
from simpul.domain.operations import AUXILIARY_OPERATIONS, DEFAULT_GROUP, GROUPS, OPERATIONS, READING, expand_operations
from simpul.domain.parse import NULL, is_moment, raise_unless_uri
from simpul.domain.pattern import compile_pattern

Document = dict[str, Any]
TYPE: Final = "ContextSourceRegistration"
# The value of a header that is to be taken from the request that is forwarded (§4.3.6.5).
FROM_REQUEST: Final = "urn:ngsi-ld:request"

_READ_ONLY: Final = frozenset({
    "status", "timesSent", "timesFailed", "lastSuccess", "lastFailure", "createdAt", "modifiedAt", "deletedAt",
})  # fmt: skip
_KEYWORDS: Final[dict[str, str]] = {"@id": "id", "@type": "type"}
_MANDATORY: Final = ("endpoint", "information")
_JSON_TYPES: Final = ("application/json", "application/ld+json")
_LOCAL_ONLY: Final = CORE.expand("localOnly")
# Whoever registers a source must not be handed other people's credentials.
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_is_header_name = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch
_is_header_value = re.compile(r"[\x20-\x7e]{1,4096}").fullmatch
_is_endpoint = re.compile(r"https?://[^\s/?#@<>\"\\]+(?:/[^\s<>\"\\?#]*)?").fullmatch
_is_duration = re.compile(
    r"P(?=.)(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+W)?(?:[0-9]+D)?(?:T(?=.)(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?"
).fullmatch
_is_version = re.compile(r"[1-9]\.[0-9]{1,2}").fullmatch


class Mode(Enum):
    """How a source and the hub share what both could hold (§4.3.6.2, §4.3.6.3)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    REDIRECT = "redirect"
    AUXILIARY = "auxiliary"

    @property
    def is_proxied(self) -> bool:
        """Return whether the hub holds none of what is registered so."""
        return self in (Mode.EXCLUSIVE, Mode.REDIRECT)


@dataclass(frozen=True, slots=True)
class EntityInfo:
    """Which entities: of one of these types, with this id or one like the pattern; all of them without either."""

    types: tuple[str, ...]
    id: str | None = None
    id_pattern: re.Pattern[str] | None = None
    id_pattern_text: str | None = None


@dataclass(frozen=True, slots=True)
class Information:
    """What a source has: these attributes (all, where it is empty) of these entities (any, where it is empty)."""

    entities: tuple[EntityInfo, ...]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration as requests are matched against it. `document` is what is kept and shown."""

    id: str
    document: Document
    created_us: int
    modified_us: int
    mode: Mode
    operations: frozenset[str]
    information: tuple[Information, ...]
    endpoint: str
    tenant: str | None
    alias: str | None
    headers: tuple[tuple[str, str], ...]
    timeout_ms: int
    cooldown_ms: int | None
    is_local_only: bool
    expires_us: int | None
    dataset_ids: frozenset[str]

    def is_expired(self, now_us: int) -> bool:
        return self.expires_us is not None and self.expires_us <= now_us

    @property
    def version(self) -> tuple[int, int] | None:
        """Return the version of the standard that what is sent to the source conforms to (§4.3.6.6), if one is told."""
        told = next((value for key, value in self.headers if key.lower() == "ngsildconformance"), None)
        if told is None:
            return None
        major, _, minor = told.partition(".")
        return int(major), int(minor)

    def supports(self, operation: str) -> bool:
        return operation in self.operations


def compile_registration(document: Document, created_us: int, modified_us: int) -> Registration:
    """Return a kept document in the form that requests are matched against."""
    mode = Mode(document.get("mode", Mode.INCLUSIVE.value))
    operations = expand_operations(document.get("operations", (DEFAULT_GROUP,)))
    management = document.get("management", {})
    expires = document.get("expiresAt")
    return Registration(
        id=document["id"],
        document=document,
        created_us=created_us,
        modified_us=modified_us,
        mode=mode,
        operations=operations & READING if mode is Mode.AUXILIARY else operations,
        information=tuple(_compile_information(info) for info in document["information"]),
        endpoint=document["endpoint"].rstrip("/"),
        tenant=document.get("tenant"),
        alias=document.get("contextSourceAlias"),
        headers=tuple((pair["key"], pair["value"]) for pair in document.get("contextSourceInfo", ())),
        timeout_ms=min(int(management.get("timeout", limits.PEER_TIMEOUT_MS)), limits.PEER_TIMEOUT_MS_MAX),
        cooldown_ms=int(management["cooldown"]) if "cooldown" in management else None,
        # Its place is `management` (§5.2.34); whoever wrote it beside that meant the same.
        is_local_only=management.get("localOnly", False) or document.get(_LOCAL_ONLY) is True,
        expires_us=count_microseconds(expires) if expires else None,
        dataset_ids=frozenset(document.get("datasetId", ())),
    )


def _compile_information(info: dict[str, Any]) -> Information:
    entities = tuple(
        EntityInfo(
            types=tuple(one["type"]),
            id=one.get("id"),
            id_pattern=compile_pattern(one["idPattern"]) if "idPattern" in one else None,
            id_pattern_text=one.get("idPattern"),
        )
        for one in info.get("entities", ())
    )
    return Information(entities, frozenset((*info.get("propertyNames", ()), *info.get("relationshipNames", ()))))


def parse_registration(body: Any, context: Context, now_us: int) -> Document:
    """Return a whole registration; `id` may be missing. Raises BadRequestData."""
    document = parse_registration_fragment(body, context)
    if "type" not in document:
        raise BadRequestData(f"The registration has no 'type'; it is \"{TYPE}\".")
    raise_unless_whole(document, now_us)
    return document


def parse_registration_fragment(body: Any, context: Context) -> Document:
    """Return the members of a fragment; one that is to be removed is `NULL`. Raises BadRequestData."""
    if not isinstance(body, dict):
        raise BadRequestData(f"A registration is a JSON object; this is {shown(body)}.")
    document: Document = {}
    for given_name, value in body.items():
        if given_name in _READ_ONLY or given_name == "@context":
            continue
        name = _KEYWORDS.get(given_name) or given_name
        if value is None or value == NULL:
            document[context.expand(name) if name not in _MEMBERS else name] = NULL
        elif name in _MEMBERS:
            document[name] = _MEMBERS[name](value, name, context)
        else:
            document[context.expand(name)] = value
    return document


def merge_registration(before: Document, fragment: Document, now_us: int) -> Document:
    """Return the registration with the fragment's members in place of its own (§5.5.8). Raises BadRequestData."""
    if fragment.get("id", before["id"]) != before["id"]:
        raise BadRequestData(f"The id {before['id']} of a registration cannot be changed; leave 'id' out.")
    if fragment.get("type", TYPE) != TYPE:
        raise BadRequestData(f'The type of a registration is "{TYPE}" and cannot be removed.')
    merged = {name: value for name, value in {**before, **fragment}.items() if value != NULL}
    raise_unless_whole(merged, now_us if "expiresAt" in fragment else None)
    return merged


def raise_unless_whole(document: Document, now_us: int | None) -> None:
    """Refuse a document without what is mandatory, that has expired, or whose members contradict each other."""
    for name in _MANDATORY:
        if document.get(name, NULL) == NULL:
            raise BadRequestData(f"The registration has no '{name}'; every registration needs it.")
    expires = document.get("expiresAt", NULL)
    if now_us is not None and expires != NULL and count_microseconds(expires) <= now_us:
        raise BadRequestData(f"expiresAt is {shown(expires)}, which has passed; give a moment to come.")
    operations = set(document.get("operations", ()))
    if document.get("mode") == Mode.AUXILIARY.value and not operations <= AUXILIARY_OPERATIONS:
        raise BadRequestData(
            f"An auxiliary source is only read: its operations can be {', '.join(sorted(AUXILIARY_OPERATIONS))}."
        )


def raise_unless_exclusive_is_specific(registration: Registration) -> None:
    """Refuse an exclusive registration that is not of named attributes of single entities (§4.3.6.3)."""
    for info in registration.information:
        if not info.attributes or not info.entities or any(entity.id is None for entity in info.entities):
            raise BadRequestData(
                "An exclusive registration names the id of each entity and its attributes in propertyNames or"
                " relationshipNames. For patterns, types or whole entities use the mode 'redirect'."
            )


def render_registration(document: Document, context: Context) -> dict[str, Any]:
    """Return the registration with short names."""
    rendered: dict[str, Any] = {}
    for name, value in document.items():
        if name == "information":
            rendered[name] = [_render_information(info, context) for info in value]
        else:
            rendered[name if name in _MEMBERS else context.compact(name)] = value
    return rendered


def _render_information(info: dict[str, Any], context: Context) -> dict[str, Any]:
    rendered: dict[str, Any] = {}
    if "entities" in info:
        rendered["entities"] = [{**one, "type": _render_types(one["type"], context)} for one in info["entities"]]
    for name in ("propertyNames", "relationshipNames"):
        if name in info:
            rendered[name] = [context.compact(iri) for iri in info[name]]
    return rendered


def _render_types(types: list[str], context: Context) -> str | list[str]:
    names = [context.compact(iri) for iri in types]
    return names[0] if len(names) == 1 else names


# One function per member: (value, name, context) -> value as it is kept.


def _parse_id(value: Any, name: str, _: Context) -> str:
    raise_unless_uri(value, "The registration's id" if name == "id" else name)
    identifier: str = value
    return identifier


def _parse_type(value: Any, _name: str, _: Context) -> str:
    if value != TYPE:
        raise BadRequestData(f'The type is {shown(value)}; that of a registration is "{TYPE}".')
    return TYPE


def _parse_endpoint(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or not _is_endpoint(value) or len(value) > limits.IDENTIFIER_CHARACTERS_MAX:
        raise BadRequestData(
            f"{name} is {shown(value)}; it is the URL where the source has its API, such as https://hub.example.org."
        )
    return value


def _parse_text(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequestData(f"{name} is {shown(value)}; it is a text that is not empty.")
    return value


def _parse_alias(value: Any, name: str, _: Context) -> str:
    # RFC 9110 §7.6.3: a pseudonym is a token, so that it can stand in a Via header.
    if not isinstance(value, str) or not _is_header_name(value):
        raise BadRequestData(f"{name} is {shown(value)}; it is the pseudonym that the source has in Via headers.")
    return value


def _parse_tenant(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or not _is_header_value(value):
        raise BadRequestData(f"{name} is {shown(value)}; it is the name of a tenant of the source.")
    return value


def _parse_moment(value: Any, name: str, _: Context) -> str:
    if not is_moment(value):
        raise BadRequestData(f"{name} is {shown(value)}; it is a moment such as 2030-05-01T10:00:00Z.")
    moment: str = value
    return moment


def _parse_geometry(value: Any, name: str, _: Context) -> dict[str, Any]:
    geometry = value["value"] if isinstance(value, dict) and value.get("type") == "GeoProperty" else value
    raise_unless_geometry(geometry, name)
    found: dict[str, Any] = geometry
    return found


def _parse_interval(value: Any, name: str, _: Context) -> dict[str, str]:
    ends = {end: moment for end, moment in value.items() if end != "type"} if isinstance(value, dict) else {}
    if not set(ends) <= {"startAt", "endAt"} or "startAt" not in ends or not all(map(is_moment, ends.values())):
        raise BadRequestData(
            f"{name} is {shown(value)}; it is an object with the moments startAt and, if it ends, endAt."
        )
    if "endAt" in ends and count_microseconds(ends["endAt"]) < count_microseconds(ends["startAt"]):
        raise BadRequestData(f"{name} ends before it starts: {shown(value)}.")
    return ends


def _parse_mode(value: Any, name: str, _: Context) -> str:
    modes = [mode.value for mode in Mode]
    if value not in modes:
        raise BadRequestData(f"{name} is {shown(value)}; it can be {', '.join(modes)}.")
    mode: str = value
    return mode


def _parse_operations(value: Any, name: str, _: Context) -> list[str]:
    names = _texts(value, name)
    for one in names:
        if one not in OPERATIONS and one not in GROUPS:
            near = get_close_matches(one, [*OPERATIONS, *GROUPS], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Groups of operations are {', '.join(GROUPS)}."
            raise BadRequestData(f"operations has {shown(one)}, which is no operation of CIM 009 §4.20.{hint}")
    return names


def _parse_scopes(value: Any, name: str, _: Context) -> str | list[str]:
    if isinstance(value, str):
        return _texts([value], name)[0]
    return _texts(value, name)


def _parse_dataset_ids(value: Any, name: str, _: Context) -> list[str]:
    ids = _texts([value] if isinstance(value, str) else value, name)
    for one in ids:
        if one != "@none":
            raise_unless_uri(one, name)
    return ids


def _parse_duration(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or not _is_duration(value):
        raise BadRequestData(f"{name} is {shown(value)}; it is an ISO 8601 duration such as PT30S.")
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise BadRequestData(f"{name} is {shown(value)}; it is an array of texts with at least one.")
    if len(value) > limits.REGISTRATION_NAMES_MAX:
        raise BadRequestData(f"{name} has {len(value)} entries; at most {limits.REGISTRATION_NAMES_MAX} are allowed.")
    return value


def _parse_management(value: Any, name: str, context: Context) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequestData(
            f"{name} is {shown(value)}; it is an object with localOnly, timeout, cooldown, cacheDuration."
        )
    for member, given in value.items():
        if member in ("timeout", "cooldown"):
            is_right = isinstance(given, int | float) and not isinstance(given, bool) and given > 0
        elif member == "localOnly":
            is_right = isinstance(given, bool)
        elif member == "cacheDuration":
            _parse_duration(given, member, context)
            is_right = True
        else:
            raise BadRequestData(
                f"management has no {shown(member)}; it has localOnly, timeout, cooldown, cacheDuration."
            )
        if not is_right:
            expected = "true or false" if member == "localOnly" else "a number of milliseconds above 0"
            raise BadRequestData(f"{member} of management is {shown(given)}; it is {expected}.")
    return value


def _parse_source_info(value: Any, name: str, _: Context) -> list[dict[str, str]]:
    if not isinstance(value, list) or len(value) > limits.REGISTRATION_HEADERS_MAX:
        raise BadRequestData(
            f"{name} is {shown(value)}; it is an array of at most {limits.REGISTRATION_HEADERS_MAX} pairs"
            ' {"key": …, "value": …}.'
        )
    return [_parse_pair(pair, name) for pair in value]


def _parse_pair(pair: Any, name: str) -> dict[str, str]:
    key, value = (pair.get("key"), pair.get("value")) if isinstance(pair, dict) else (None, None)
    if (
        not isinstance(key, str)
        or not isinstance(value, str)
        or not _is_header_name(key)
        or not _is_header_value(value)
    ):
        raise BadRequestData(
            f'{name} has {shown(pair)}; each part is {{"key": the name of a header, "value": its value}}.'
        )
    low = key.lower()
    if low in _CREDENTIALS and value == FROM_REQUEST:
        raise BadRequestData(
            f"{name} asks to hand on the {key} of whoever sends a request. The hub gives nobody's credentials to"
            " another server; give the source a credential of its own."
        )
    if (low in ("accept", "contenttype", "content-type") and value not in (*_JSON_TYPES, FROM_REQUEST)) or (
        low == "ngsildconformance" and not _is_version(value)
    ):
        raise BadRequestData(f"{name}: {key} is {shown(value)}; see CIM 009 §4.3.6.6 for what it can be.")
    if low == "jsonldcontext" and not _is_endpoint(value):
        raise BadRequestData(f"{name}: {key} is {shown(value)}; it is the URL of an @context.")
    return {"key": key, "value": value}


def _parse_information(value: Any, name: str, context: Context) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(info, dict) for info in value):
        raise BadRequestData(
            f"{name} is {shown(value)}; it is an array of objects, at least one, that say what there is."
        )
    if len(value) > limits.REGISTRATION_NAMES_MAX:
        raise BadRequestData(f"{name} has {len(value)} parts; at most {limits.REGISTRATION_NAMES_MAX} are allowed.")
    return [_parse_info(info, context) for info in value]


_INFO_MEMBERS: Final = frozenset({"entities", "propertyNames", "relationshipNames"})


def _parse_info(info: dict[str, Any], context: Context) -> dict[str, Any]:
    strange = sorted(set(info) - _INFO_MEMBERS)
    if strange or not info:
        found = f"has {shown(strange[0])}" if strange else "is empty"
        raise BadRequestData(f"A part of information {found}; it has {', '.join(sorted(_INFO_MEMBERS))}.")
    parsed: dict[str, Any] = {}
    if "entities" in info:
        entities = info["entities"]
        if not isinstance(entities, list) or not entities or len(entities) > limits.REGISTRATION_NAMES_MAX:
            raise BadRequestData(f"entities is {shown(entities)}; it is an array of objects with a type, at least one.")
        parsed["entities"] = [_parse_entity_info(one, context) for one in entities]
    for name in ("propertyNames", "relationshipNames"):
        if name in info:
            parsed[name] = [context.expand(one) for one in _texts(info[name], name)]
    return parsed


def _parse_entity_info(value: Any, context: Context) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(value) <= {"id", "idPattern", "type"} or "type" not in value:
        raise BadRequestData(f"entities has {shown(value)}; each part is an object with a type, and id or idPattern.")
    given = value["type"]
    types = [context.expand(name) for name in _texts([given] if isinstance(given, str) else given, "type")]
    parsed: dict[str, Any] = {}
    if "id" in value:
        raise_unless_uri(value["id"], "The id in entities")
        parsed["id"] = value["id"]
    # CIM 009 §5.2.8: where both are given the id goes before.
    if "idPattern" in value:
        parsed["idPattern"] = _parse_pattern(value["idPattern"])
    return {**parsed, "type": types}


def _parse_pattern(value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequestData(f"idPattern is {shown(value)}; it is a regular expression.")
    try:
        compile_pattern(value)
    except InvalidRequest as error:
        raise BadRequestData(f"idPattern: {error.detail}") from error
    return value


_MEMBERS: Final[dict[str, Callable[[Any, str, Context], Any]]] = {
    "id": _parse_id,
    "type": _parse_type,
    "registrationName": _parse_text,
    "description": _parse_text,
    "information": _parse_information,
    "endpoint": _parse_endpoint,
    "contextSourceInfo": _parse_source_info,
    "contextSourceAlias": _parse_alias,
    "tenant": _parse_tenant,
    "mode": _parse_mode,
    "operations": _parse_operations,
    "management": _parse_management,
    "observationInterval": _parse_interval,
    "managementInterval": _parse_interval,
    "location": _parse_geometry,
    "observationSpace": _parse_geometry,
    "operationSpace": _parse_geometry,
    "expiresAt": _parse_moment,
    "refreshRate": _parse_duration,
    "datasetId": _parse_dataset_ids,
    "scope": _parse_scopes,
}
