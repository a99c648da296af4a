"""A subscription as a document (CIM 009 §5.2.12): checked, changed and shown. No matching (`watch.py`), no sending.

A document is kept with expanded names of types and attributes. The text of `q` stays as it came; the number of the
@context that its names are from is kept beside it (`Kept`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from simpul import limits
from simpul.domain.context import Context
from simpul.domain.endpoint import parse_endpoint
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.geo import parse_geo_query
from simpul.domain.json_text import as_whole, shown
from simpul.domain.moment import count_microseconds
from simpul.domain.parse import NULL, is_moment, raise_unless_uri
from simpul.domain.pattern import compile_pattern
from simpul.domain.projection import JOINS, parse_projection, read_projection
from simpul.domain.q import parse_q, parse_scope_selection, parse_type_selection

Document = dict[str, Any]

ENTITY_CREATED: Final = "entityCreated"
ENTITY_UPDATED: Final = "entityUpdated"
ENTITY_DELETED: Final = "entityDeleted"
ATTRIBUTE_CREATED: Final = "attributeCreated"
ATTRIBUTE_UPDATED: Final = "attributeUpdated"
ATTRIBUTE_DELETED: Final = "attributeDeleted"
TRIGGERS: Final = (
    ENTITY_CREATED, ENTITY_UPDATED, ENTITY_DELETED, ATTRIBUTE_CREATED, ATTRIBUTE_UPDATED, ATTRIBUTE_DELETED,
)  # fmt: skip
TRIGGERS_DEFAULT: Final = (ATTRIBUTE_CREATED, ATTRIBUTE_UPDATED)
FORMATS: Final = ("normalized", "concise", "keyValues", "simplified")

# What only the hub says: taken from nobody, so that a document that was read can be sent back.
_TOLD_BY_HUB = frozenset({"status", "createdAt", "modifiedAt"})
_STATISTICS = frozenset({"status", "timesSent", "timesFailed", "lastNotification", "lastFailure", "lastSuccess"})
_NAMES = ("expandValues", "jsonKeys")
_TEXTS = ("subscriptionName", "description", "q", "csf", "scopeQ", "lang")
_FLAGS = ("isActive", "localOnly", "splitEntities")
_SECONDS = ("timeInterval", "throttling")
_MEMBERS = frozenset({
    "id", "type", "entities", "watchedAttributes", "notificationTrigger", "geoQ", "notification", "expiresAt",
    "datasetId", "jsonldContext", "ngsildConformance", *_NAMES, *_TEXTS, *_FLAGS, *_SECONDS,
})  # fmt: skip
_NOTIFICATION_FLAGS = ("sysAttrs", "showChanges", "onlyChangedAttributes")
_NOTIFICATION_MEMBERS = frozenset({
    "attributes", "pick", "omit", "format", "endpoint", "join", "joinLevel", *_NOTIFICATION_FLAGS,
})  # fmt: skip
_SELECTOR_MEMBERS = frozenset({"id", "idPattern", "type"})
_VERSION = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{1,2}")
_TYPE_NAME = re.compile(r"[^()|,;\s]+")


class Kept(msgspec.Struct, frozen=True):
    """What is stored of a subscription beside its document.

    `context_id` is the @context of its notifications, `q_context_id` the one of the names in `q`; 0 is the core's.
    `readable_types` are those that its creator could read, None being all of them. `via` are the pseudonyms of the hubs
    that handed it on to this one.
    """

    document: Document
    context_id: int
    q_context_id: int
    created_us: int
    modified_us: int
    readable_types: list[str] | None = None
    creator: str = ""
    via: tuple[str, ...] = ()


def parse_subscription(body: Any, context: Context) -> Document:
    """Return the document of a new subscription; its `id` may be missing. Raises BadRequestData."""
    document = parse_fragment(body, context)
    if body.get("type") != "Subscription":
        raise BadRequestData(f"The type of a subscription is 'Subscription', not {shown(body.get('type'))}.")
    if document.get("notification") is None:
        raise BadRequestData("The subscription has no 'notification', which says where notifications go.")
    return raise_unless_whole({name: value for name, value in document.items() if value is not None}, context)


def parse_fragment(body: Any, context: Context) -> Document:
    """Return the members that a creation or an update gives, expanded. A None takes the member away (§5.8.2)."""
    if not isinstance(body, dict):
        raise BadRequestData(f"A subscription is a JSON object, not {shown(body)}.")
    document: Document = {}
    for name, value in body.items():
        # A copy from another broker has that broker's own notes beside the standard's members; no misspelt one begins
        # like that.
        if name in _TOLD_BY_HUB or name.startswith("__"):
            continue
        if name == "temporalQ":
            raise BadRequestData("'temporalQ' is for subscriptions to context sources; leave it away here (§5.2.12).")
        if name not in _MEMBERS:
            raise BadRequestData(_unknown(name, _MEMBERS, "a subscription"))
        document[name] = None if value in (None, NULL) else _PARSE[name](name, value, context)
    return document


def merge_fragment(document: Document, fragment: Document, context: Context) -> Document:
    """Return the document after an update. Raises BadRequestData."""
    if fragment.get("type", "Subscription") != "Subscription":
        raise BadRequestData(f"The type of a subscription is 'Subscription', not {shown(fragment['type'])}.")
    if fragment.get("id", document["id"]) != document["id"]:
        raise BadRequestData("The id of a subscription cannot be changed; make a new one.")
    merged = {name: value for name, value in {**document, **fragment}.items() if value is not None}
    if "notification" in document and "notification" not in merged:
        raise BadRequestData("'notification' cannot be removed: it says where notifications go.")
    return raise_unless_whole(merged, context)


def raise_unless_whole(document: Document, q_context: Context) -> Document:
    """Return the document where its members go together. Raises BadRequestData."""
    _raise_unless_bounded(document)
    if "timeInterval" in document:
        for other in ("throttling", "watchedAttributes"):
            if other in document:
                raise BadRequestData(f"'timeInterval' and '{other}' exclude each other; give one of them (§5.2.12).")
    for name in ("q", "csf"):
        if name in document:
            parse_question({**document, "q": document[name]}, q_context)
    _raise_unless_shape_fits(document["notification"], q_context)
    return document


def _raise_unless_bounded(document: Document) -> None:
    """Refuse a subscription to everything that any hub has; within this hub alone it may be to everything (§5.2.12)."""
    if "entities" not in document and document.get("localOnly") is not True:
        if "timeInterval" in document:
            raise BadRequestData("'timeInterval' needs 'entities', or 'localOnly': true: say what is to be told.")
        if "watchedAttributes" not in document:
            raise BadRequestData(
                "A subscription needs 'entities' or 'watchedAttributes', or 'localOnly': true: say what it is about."
            )
    if document.get("localOnly") is False and any(one.get("type") == "*" for one in document.get("entities", ())):
        raise BadRequestData("The type '*' is about this hub alone, and localOnly is false; leave localOnly out.")


def _levels_of(notification: Document) -> int:
    """Return how many relationships deep linked entities are shown."""
    return int(notification.get("joinLevel", 1)) if notification.get("join", "@none") != "@none" else 0


def _raise_unless_shape_fits(notification: Document, context: Context) -> None:
    if "attributes" in notification and ("pick" in notification or "omit" in notification):
        raise BadRequestData("'attributes' cannot be combined with 'pick' or 'omit' (§4.21).")
    pick, omit = (read_projection(notification.get(name, ())) for name in ("pick", "omit"))
    if max(pick.depth, omit.depth) > _levels_of(notification):
        raise BadRequestData("'pick' or 'omit' reaches further into linked entities than 'join' and 'joinLevel' go.")
    both = set(pick.names) & set(omit.own_names)
    if both:
        raise BadRequestData(f"{context.compact(min(both))!r} is in both 'pick' and 'omit'; name it in one of them.")
    if notification.get("showChanges") and notification.get("format") in ("keyValues", "simplified"):
        raise BadRequestData("'showChanges' needs the normalized or concise format: keyValues has no place for it.")


def parse_question(document: Document, context: Context) -> Any:
    """Return the expression of `q`. Raises BadRequestData, TooComplexQuery."""
    try:
        names = [name for name in document.get("expandValues", "").split(",") if name]
        return parse_q(_without_escapes(document["q"]), context.expand, expand_values=names)
    except InvalidRequest as error:
        raise BadRequestData(error.detail) from error


def _without_escapes(text: str) -> str:
    """Return the text of `q` as in a URL, where a query is written first and copied from: %20 is a space."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def is_paused(document: Document) -> bool:
    """Return whether its owner has switched it off."""
    return document.get("isActive") is False


def expires_us(document: Document) -> int | None:
    """Return when it ends, or None."""
    return count_microseconds(document["expiresAt"]) if "expiresAt" in document else None


def status_of(document: Document, now_us: int) -> str:
    """Return `active`, `paused` or `expired`."""
    end = expires_us(document)
    if end is not None and end <= now_us:
        return "expired"
    return "paused" if is_paused(document) else "active"


def render_subscription(document: Document, context: Context) -> Document:
    """Return the document with short names."""
    body = dict(document)
    compact = context.compact
    if "entities" in body:
        body["entities"] = [_compact_selector(selector, context) for selector in body["entities"]]
    if "watchedAttributes" in body:
        body["watchedAttributes"] = [compact(name) for name in body["watchedAttributes"]]
    if "geoproperty" in body.get("geoQ", ()):
        body["geoQ"] = {**body["geoQ"], "geoproperty": compact(body["geoQ"]["geoproperty"])}
    body.setdefault("notificationTrigger", list(TRIGGERS_DEFAULT))
    notification = dict(body["notification"])
    for name in ("attributes", "pick", "omit"):
        if name in notification:
            notification[name] = read_projection(notification[name]).texts(compact)
    body["notification"] = notification
    return body


def _compact_selector(selector: Document, context: Context) -> Document:
    if "type" not in selector:
        return selector
    return {**selector, "type": _map_types(selector["type"], context.compact)}


def _map_types(text: str, map_name: Callable[[str], str]) -> str:
    return _TYPE_NAME.sub(lambda found: map_name(found[0]) if found[0] != "*" else "*", text)


def _unknown(name: str, known: frozenset[str], what: str) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    hint = f" Did you mean '{near[0]}'?" if near else f" Known are {', '.join(sorted(known))}."
    return f"'{name[:100]}' is no member of {what}.{hint}"


# Each of these takes the member's name, its value and the @context, and returns what is kept.


def _parse_id(name: str, value: Any, _context: Context) -> str:
    raise_unless_uri(value, f"The subscription's {name}")
    return str(value)


def _parse_text(name: str, value: Any, _context: Context) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequestData(f"'{name}' is {shown(value)}; a text that is not empty is needed.")
    if len(value) > limits.Q_CHARACTERS_MAX:
        raise BadRequestData(f"'{name}' has {len(value)} characters; at most {limits.Q_CHARACTERS_MAX} are kept.")
    return value


def _parse_flag(name: str, value: Any, _context: Context) -> bool:
    if not isinstance(value, bool):
        raise BadRequestData(f"'{name}' is {shown(value)}; it is true or false.")
    return value


def _parse_seconds(name: str, value: Any, _context: Context) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= limits.SUBSCRIPTION_INTERVAL_SECONDS_MAX:
        raise BadRequestData(
            f"'{name}' is {shown(value)}; a number of seconds is needed, more than 0 and at most"
            f" {limits.SUBSCRIPTION_INTERVAL_SECONDS_MAX:,}."
        )
    number: float | int = value
    return number


def _parse_expiry(name: str, value: Any, _context: Context) -> str:
    if not is_moment(value):
        raise BadRequestData(f"'{name}' is {shown(value)}; a moment such as 2030-01-31T17:00:00Z is needed.")
    return str(value)


def _parse_scope_question(name: str, value: Any, context: Context) -> str:
    text = _parse_text(name, value, context)
    try:
        parse_scope_selection(text)
    except InvalidRequest as error:
        raise BadRequestData(error.detail) from error
    return text


def _list_of_texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise BadRequestData(f"'{name}' is {shown(value)}; an array of names that is not empty is needed.")
    if len(value) > limits.SUBSCRIPTION_NAMES_MAX:
        raise BadRequestData(f"'{name}' has {len(value)} names; at most {limits.SUBSCRIPTION_NAMES_MAX} are taken.")
    return list(dict.fromkeys(value))


def _parse_attributes(name: str, value: Any, context: Context) -> list[str]:
    return [context.expand(one) for one in _list_of_texts(name, value)]


def _parse_members(name: str, value: Any, context: Context) -> list[str]:
    names = _list_of_texts(name, [value] if isinstance(value, str) else value)
    return parse_projection(",".join(names), f"'{name}'", context.expand).texts(str)


def _parse_names(name: str, value: Any, context: Context) -> str:
    """Return names with commas between, as §5.2.12 has them; an array of them is taken too."""
    names = _list_of_texts(name, value.split(",") if isinstance(value, str) else value)
    for one in names:
        context.expand(one)
    return ",".join(names)


def _parse_conformance(name: str, value: Any, _context: Context) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise BadRequestData(f"'{name}' is {shown(value)}; it is a version of the standard, such as 1.6.")
    return value


def _parse_triggers(name: str, value: Any, _context: Context) -> list[str]:
    triggers = _list_of_texts(name, value)
    for trigger in triggers:
        if trigger not in TRIGGERS:
            raise BadRequestData(_unknown(trigger, frozenset(TRIGGERS), name))
    return triggers


def _parse_entities(name: str, value: Any, context: Context) -> list[Document]:
    if not isinstance(value, list) or not value:
        raise BadRequestData(f"'{name}' is {shown(value)}; an array of entity selectors is needed.")
    if len(value) > limits.SUBSCRIPTION_SELECTORS_MAX:
        raise BadRequestData(f"'{name}' has {len(value)} parts; at most {limits.SUBSCRIPTION_SELECTORS_MAX} are taken.")
    return [_parse_selector(selector, context) for selector in value]


def _parse_selector(selector: Any, context: Context) -> Document:
    if not isinstance(selector, dict) or not selector:
        raise BadRequestData(f"An entity selector is {shown(selector)}; it is an object with id, idPattern or type.")
    for name in selector:
        if name not in _SELECTOR_MEMBERS:
            raise BadRequestData(_unknown(str(name), _SELECTOR_MEMBERS, "an entity selector"))
    parsed: Document = {}
    if "id" in selector:
        ids = selector["id"] if isinstance(selector["id"], list) else [selector["id"]]
        for one in ids:
            raise_unless_uri(one, "The id of an entity selector")
        parsed["id"] = selector["id"]
    if "idPattern" in selector:
        parsed["idPattern"] = _parse_text("idPattern", selector["idPattern"], context)
        compile_pattern(parsed["idPattern"])
    if "type" in selector:
        parsed["type"] = _parse_types(selector["type"], context)
    elif "id" not in parsed and "idPattern" not in parsed:
        raise BadRequestData("An entity selector needs 'type', 'id' or 'idPattern'.")
    return parsed


def _parse_types(value: Any, context: Context) -> str:
    text = _parse_text("type", value, context)
    if text != "*":
        try:
            parse_type_selection(text, context.expand)
        except InvalidRequest as error:
            raise BadRequestData(error.detail) from error
    return _map_types(text, context.expand)


def _parse_geo_question(name: str, value: Any, context: Context) -> Document:
    if not isinstance(value, dict):
        raise BadRequestData(f"'{name}' is {shown(value)}; it is an object with georel, geometry and coordinates.")
    missing = [member for member in ("georel", "geometry", "coordinates") if not value.get(member)]
    if missing:
        raise BadRequestData(f"'{name}' lacks {' and '.join(missing)}; it needs georel, geometry and coordinates.")
    for member in ("georel", "geometry"):
        if not isinstance(value[member], str):
            raise BadRequestData(f"'{member}' in '{name}' is {shown(value[member])}; a text is needed.")
    if not isinstance(value["coordinates"], str | list):
        raise BadRequestData(f"'coordinates' in '{name}' is {shown(value['coordinates'])}; an array is needed.")
    geoproperty = context.expand(value.get("geoproperty") or "location")
    parse_geo_query(value["georel"], value["geometry"], value["coordinates"], geoproperty)
    kept = {member: value[member] for member in ("georel", "geometry", "coordinates")}
    return {**kept, "geoproperty": geoproperty} if "geoproperty" in value else kept


def _parse_dataset_ids(name: str, value: Any, _context: Context) -> list[str]:
    ids = _list_of_texts(name, [value] if isinstance(value, str) else value)
    for one in ids:
        if one != "@none":
            raise_unless_uri(one, f"A part of '{name}'")
    return ids


def _parse_notification(name: str, value: Any, context: Context) -> Document:
    if not isinstance(value, dict):
        raise BadRequestData(f"'{name}' is {shown(value)}; it is an object with an 'endpoint'.")
    notification: Document = {}
    for member, part in value.items():
        if member in _STATISTICS:
            continue
        if member not in _NOTIFICATION_MEMBERS:
            raise BadRequestData(_unknown(member, _NOTIFICATION_MEMBERS, "'notification'"))
        if part in (None, NULL):
            if member == "endpoint":
                raise BadRequestData("'endpoint' cannot be removed: it says where notifications go.")
            continue
        notification[member] = _PARSE_NOTIFICATION[member](member, part, context)
    if "endpoint" not in notification:
        raise BadRequestData("'notification' has no 'endpoint', which says where notifications go.")
    if "joinLevel" in notification and notification.get("join", "@none") == "@none":
        raise BadRequestData("'joinLevel' says how deep a 'join' goes; give 'join' too: 'inline' or 'flat'.")
    return notification


def _one_of(choices: tuple[str, ...]) -> Callable[[str, Any, Context], str]:
    def parse(name: str, value: Any, _context: Context) -> str:
        if value not in choices:
            raise BadRequestData(f"'{name}' is {shown(value)}; it can be {', '.join(choices)}.")
        return str(value)

    return parse


def _parse_level(name: str, value: Any, _context: Context) -> int:
    level = as_whole(value)
    if level is None or not 1 <= level <= limits.JOIN_LEVELS_MAX:
        raise BadRequestData(f"'{name}' is {shown(value)}; a number from 1 to {limits.JOIN_LEVELS_MAX} is needed.")
    return level


def _parse_endpoint(_name: str, value: Any, _context: Context) -> Document:
    return parse_endpoint(value)


_Parser = Callable[[str, Any, Context], Any]
_PARSE: Mapping[str, _Parser] = {
    "id": _parse_id,
    "type": _parse_text,
    "entities": _parse_entities,
    "watchedAttributes": _parse_attributes,
    "notificationTrigger": _parse_triggers,
    "geoQ": _parse_geo_question,
    "notification": _parse_notification,
    "expiresAt": _parse_expiry,
    "datasetId": _parse_dataset_ids,
    "jsonldContext": _parse_id,
    "ngsildConformance": _parse_conformance,
    **dict.fromkeys(_NAMES, _parse_names),
    **dict.fromkeys(_TEXTS, _parse_text),
    **dict.fromkeys(_FLAGS, _parse_flag),
    **dict.fromkeys(_SECONDS, _parse_seconds),
    "scopeQ": _parse_scope_question,
}
_PARSE_NOTIFICATION: Mapping[str, _Parser] = {
    "attributes": _parse_attributes,
    "pick": _parse_members,
    "omit": _parse_members,
    "format": _one_of(FORMATS),
    "endpoint": _parse_endpoint,
    "join": _one_of(JOINS),
    "joinLevel": _parse_level,
    **dict.fromkeys(_NOTIFICATION_FLAGS, _parse_flag),
}
