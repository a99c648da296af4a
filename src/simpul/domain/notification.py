"""What a subscriber is told (CIM 009 §5.3.1, §5.8.6): captured with the change, rendered when it is sent.

No sending here, no store and no clock. The data of a notification is one member per changed entity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from simpul.domain import subscription as terms
from simpul.domain.context import Context
from simpul.domain.earlier import Version, conform
from simpul.domain.endpoint import pairs_of
from simpul.domain.entity import Entity, Instance, Record, Times, instances
from simpul.domain.linked import add_linked
from simpul.domain.moment import render_moment
from simpul.domain.parse import MAIN_MEMBERS, NULL
from simpul.domain.projection import Join, read_projection
from simpul.domain.render import Format, Representation, render_entity, render_feature
from simpul.domain.subscription import Document
from simpul.domain.watch import Effects, names_of

FindLinked = Callable[[str], Record | None]

_FORMATS: Final = {
    "normalized": Format.NORMALIZED,
    "concise": Format.CONCISE,
    "keyValues": Format.KEY_VALUES,
    "simplified": Format.KEY_VALUES,
}
_DELETED_VALUES: Final[dict[str, Any]] = {"languageMap": {"@none": NULL}, "valueList": [NULL], "objectList": [NULL]}


class Captured(msgspec.Struct, frozen=True, array_like=True):
    """One change of one entity, with all that any notification of it may show. This is what an outbox row holds.

    `body` is the entity after the change (before it, where the entity went), in the short names of `context_id`;
    `times` its times as the store keeps them. `previous` holds attributes as they were, under expanded names:
    those that went, and, where someone asked for them, those that changed. `removed_times` are those of what went.
    `via` are the pseudonyms of the hubs through which the change came, as its request told them.
    """

    entity_id: str
    at_us: int
    context_id: int
    created_us: int
    modified_us: int
    times: dict[str, tuple[int, int]]
    body: bytes
    effects: Effects
    previous: Entity
    removed_times: dict[str, tuple[int, int]]
    via: tuple[str, ...] = ()


encode_captured = msgspec.msgpack.Encoder().encode
decode_captured = msgspec.msgpack.Decoder(Captured).decode
_decode_json = msgspec.json.Decoder().decode
_encode_json = msgspec.json.Encoder().encode


def previous_of(before: Record | None, effects: Effects, *, keeps_modified: bool) -> Entity:
    """Return the attributes that a notification may have to show as they were."""
    if before is None or not (effects.removed or (effects.modified and keeps_modified)):
        return {}
    names = names_of(effects.removed + (effects.modified if keeps_modified else ()))
    return {name: before.entity[name] for name in names}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a subscription wants entities to be shown."""

    representation: Representation
    shows_changes: bool
    only_changed: bool
    shows_deleted: bool
    watched: frozenset[str]
    accept: str
    # Whether the @context of what is sent is told by a Link header, and not by the body (§6.3.8).
    has_link: bool = True
    # The version of the standard that entities are amended to, where one is asked for (`ngsildConformance`).
    version: Version | None = None

    @property
    def is_geo(self) -> bool:
        return self.accept == "application/geo+json"

    def conform(self, record: Record, context: Context) -> Record:
        """Return the entity as the version that is asked for has it (§4.3.6.8)."""
        return record if self.version is None else conform(record, self.version, context)


def shape_of(document: Document) -> Shape:
    """Return how the subscription wants entities to be shown. Trusts the document."""
    notification = document["notification"]
    triggers = document.get("notificationTrigger", terms.TRIGGERS_DEFAULT)
    join = notification.get("join", "@none")
    pick, omit = (read_projection(notification.get(name, ())) for name in ("pick", "omit"))
    representation = Representation(
        format=_FORMATS[notification.get("format", "normalized")],
        system_attributes=notification.get("sysAttrs", False),
        pick=pick.names,
        omit=omit.own_names,
        attributes=tuple(notification.get("attributes", ())),
        language=document.get("lang"),
        dataset_id=tuple(document.get("datasetId", ())),
        join=Join(join, notification.get("joinLevel", 1)) if join != "@none" else None,
        linked_pick=pick,
        linked_omit=omit,
    )
    endpoint = notification["endpoint"]
    accept = endpoint.get("accept", "application/json")
    return Shape(
        representation=representation,
        shows_changes=notification.get("showChanges", False),
        only_changed=notification.get("onlyChangedAttributes", False),
        shows_deleted=terms.ATTRIBUTE_DELETED in triggers or terms.ENTITY_UPDATED in triggers,
        watched=frozenset(document.get("watchedAttributes", ())),
        accept=accept,
        has_link=accept == "application/json" or (accept == "application/geo+json" and _prefers_json(endpoint)),
        version=_version_of(document),
    )


def _prefers_json(endpoint: Document) -> bool:
    """Return whether the receiver wants the collection without @context (§5.3.1, §6.3.8)."""
    return any(
        name.lower() == "prefer" and "body=json" in value.replace(" ", "").split(",")
        for name, value in pairs_of(endpoint, "receiverInfo").items()
    )


def _version_of(document: Document) -> Version | None:
    asked = document.get("ngsildConformance")
    if asked is None:
        return None
    major, _, minor = asked.partition(".")
    return int(major), int(minor)


def record_of(captured: Captured, stored_in: Context) -> Record:
    """Return the entity as it was captured. `stored_in` is the @context that its body uses."""
    times = Times(captured.created_us, captured.modified_us, captured.times)
    return Record(stored_in.expand_entity(_decode_json(captured.body)), times, captured.context_id)


def render_change(
    captured: Captured, record: Record, shape: Shape, context: Context, find_linked: FindLinked
) -> list[dict[str, Any]]:
    """Return the members of a notification's data that tell of one change: one, or several with `join` flat."""
    shown = shape.conform(_shown_record(captured, record, shape), context)
    representation = _narrowed(captured, shape)
    if shape.is_geo:
        feature = render_feature(shown, context, representation)
        _add_changes(feature["properties"], captured, shape, context)
        return [feature]
    content = render_entity(shown, context, representation)
    _add_changes(content, captured, shape, context)
    return _joined(content, shown, (shape, representation), context, find_linked)


def render_state(record: Record, shape: Shape, context: Context, find_linked: FindLinked) -> list[dict[str, Any]]:
    """Return the members of a notification's data that tell of an entity as it is, for a `timeInterval`."""
    record = shape.conform(record, context)
    if shape.is_geo:
        return [render_feature(record, context, shape.representation)]
    content = render_entity(record, context, shape.representation)
    return _joined(content, record, (shape, shape.representation), context, find_linked)


def _narrowed(captured: Captured, shape: Shape) -> Representation:
    if not shape.only_changed:
        return shape.representation
    effects = captured.effects
    changed = names_of(effects.added + effects.modified + effects.removed)
    asked = shape.representation.attributes
    # With nothing changed among those asked for, a name that no attribute has shows none.
    names = tuple(name for name in sorted(changed) if not asked or name in asked)
    return replace(shape.representation, attributes=names or ("urn:none",))


def _shown_record(captured: Captured, record: Record, shape: Shape) -> Record:
    """Return the entity with what went shown as the NGSI-LD null; of an entity that went, only that."""
    effects = captured.effects
    entity = dict(record.entity)
    times = dict(record.times.attributes)
    if effects.is_deletion:
        entity = {name: value for name, value in entity.items() if ":" not in name}
    for key in effects.removed if _shows_removed(effects, shape) else ():
        name, _, dataset_id = key.partition("\n")
        if effects.is_deletion and not shape.shows_changes and shape.watched and name not in shape.watched:
            continue
        gone = _find_instance(captured.previous, name, dataset_id)
        there = entity.get(name)
        if gone is None:
            continue
        if name not in record.entity and len(instances(captured.previous[name])) > 1 and not shape.shows_changes:
            # All of its instances went, and so the attribute as such.
            entity[name] = _deleted({"type": gone["type"]})
        else:
            entity[name] = _deleted(gone) if there is None else [*instances(there), _deleted(gone)]
        times[key] = captured.removed_times.get(key, (record.times.created_us, record.times.created_us))
    return Record(entity, Times(record.times.created_us, record.times.modified_us, times), record.context_id)


def _shows_removed(effects: Effects, shape: Shape) -> bool:
    return shape.shows_deleted or (effects.is_deletion and shape.shows_changes)


def _find_instance(previous: Entity, name: str, dataset_id: str) -> Instance | None:
    found = instances(previous.get(name) or [])
    return next((one for one in found if one.get("datasetId", "") == dataset_id), None)


def _deleted(gone: Instance) -> Instance:
    main = MAIN_MEMBERS[gone["type"]]
    shown: Instance = {"type": gone["type"], main: _DELETED_VALUES.get(main, NULL)}
    if "datasetId" in gone:
        shown["datasetId"] = gone["datasetId"]
    return shown


def _add_changes(content: dict[str, Any], captured: Captured, shape: Shape, context: Context) -> None:
    """Add when things were deleted, and what was there before, to what was rendered."""
    effects = captured.effects
    if effects.is_deletion and shape.representation.shows("deletedAt"):
        content["deletedAt"] = render_moment(captured.at_us)
    if shape.representation.format is Format.KEY_VALUES:
        return
    if shape.representation.system_attributes:
        for key in effects.removed:
            _add_to_instance(content, key, {"deletedAt": render_moment(captured.at_us)}, context)
    if shape.shows_changes:
        for key in effects.modified + effects.removed:
            name, _, dataset_id = key.partition("\n")
            was = _find_instance(captured.previous, name, dataset_id)
            if was is not None:
                _add_to_instance(content, key, _previous_member(was, context), context)


def _previous_member(was: Instance, context: Context) -> dict[str, Any]:
    main = MAIN_MEMBERS[was["type"]]
    value = context.compact_vocabulary(was[main]) if main == "vocab" else was[main]
    return {f"previous{main[0].upper()}{main[1:]}": value}


def _add_to_instance(content: dict[str, Any], key: str, members: dict[str, Any], context: Context) -> None:
    """Add members to one rendered instance of an attribute, where it is shown."""
    name, _, dataset_id = key.partition("\n")
    short = context.compact(name)
    shown = content.get(short)
    if shown is None:
        return
    if not _is_instance(shown):
        # The concise form of a Property that has nothing but a value.
        content[short] = {"value": shown, **members}
        return
    for one in shown if isinstance(shown, list) else [shown]:
        if one.get("datasetId", "") == dataset_id:
            one.update(members)


def _is_instance(shown: Any) -> bool:
    if isinstance(shown, list):
        return all(isinstance(one, dict) and _is_instance(one) for one in shown)
    return isinstance(shown, dict) and ("type" in shown or any(main in shown for main in MAIN_MEMBERS.values()))


def _joined(
    content: dict[str, Any],
    record: Record,
    wanted: tuple[Shape, Representation],
    context: Context,
    find_linked: FindLinked,
) -> list[dict[str, Any]]:
    """Return the entity with those that it is linked to (§4.5.23)."""
    shape, representation = wanted

    def find(target: str) -> Record | None:
        found = find_linked(target)
        return None if found is None else shape.conform(found, context)

    return [shown for _, shown in add_linked([(record, content)], context, representation, find)]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds the data of a notification."""

    notification_id: str
    subscription_id: str
    notified_us: int


def encode_data(members: list[dict[str, Any]], accept: str, context: Context) -> bytes:
    """Return members of a notification's data as JSON, with commas between; in JSON-LD each brings its @context."""
    if accept == "application/ld+json":
        members = [{**one, "@context": context.link} for one in members]
    return b",".join(map(_encode_json, members))


def render_notification(envelope: Envelope, data: Sequence[bytes], *, shape: Shape, context: Context) -> bytes:
    """Return the notification as JSON (§5.3.1). GeoJSON is one collection."""
    head = {
        "id": envelope.notification_id,
        "type": "Notification",
        "subscriptionId": envelope.subscription_id,
        "notifiedAt": render_moment(envelope.notified_us),
    }
    content = b"[" + b",".join(data) + b"]"
    if shape.is_geo:
        told = b"" if shape.has_link else b',"@context":' + _encode_json(context.link)
        content = b'{"type":"FeatureCollection","features":' + content + told + b"}"
    return _encode_json(head)[:-1] + b',"data":' + content + b"}"
