"""How one change makes a new entity of an old one (CIM 009 §5.5.8, §5.5.12, §5.6.2–5.6.5, §5.6.17, §5.6.19).

Pure: every function returns an Outcome and never changes what it was given; the new entity shares with the old one
what did not change. No clock here: `advance_times` is told what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from simpul.domain.context import PLAIN_MEMBERS
from simpul.domain.core_context import PREFIXES, shorten
from simpul.domain.entity import (
    ENTITY_MEMBERS,
    Entity,
    Instance,
    Times,
    attribute_key,
    attribute_names,
    instances,
)
from simpul.domain.errors import BadRequestData, NotFound
from simpul.domain.expiry import is_expired, left_of
from simpul.domain.parse import MAIN_MEMBERS, NULL

_SCOPE_NAMES = ("scope", f"{PREFIXES['ngsi-ld']}scope")
_DELETIONS: dict[str, Any] = {"languageMap": {"@none": NULL}, "valueList": [NULL], "objectList": [NULL]}
_SCALARS = frozenset({str, int, float, bool})
_MERGED_INSIDE = frozenset({"languageMap", "json", "value"})


class Overwrite(Enum):
    """Whether appending may replace what is there."""

    ALLOWED = "allowed"
    DENIED = "denied"


class Outcome(NamedTuple):
    """What a change came to.

    `changed` are the names of the attributes that are new or different; `removed` are the keys of the instances that
    went; `unchanged` says of what was asked and not done, why. `added` and `modified` are the keys of the instances
    behind `changed`; `members` is `type`, `scope` and `expiresAt`, where these are different.
    """

    entity: Entity
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[tuple[str, str], ...]
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Return whether the entity is as it was."""
        return not (self.changed or self.removed or self.members)


def append_attributes(entity: Entity, fragment: Entity, *, overwrite: Overwrite = Overwrite.ALLOWED) -> Outcome:
    """Add the fragment's attributes (§5.6.3); those that are there are replaced where that is allowed."""
    change = _Change(entity)
    for name, instance in _list_instances(fragment):
        if is_deletion(instance):
            raise BadRequestData(
                f"The attribute '{shorten(name)}' is \"{NULL}\", which deletes; this request only adds."
            )
        if overwrite is Overwrite.DENIED and change.find(name, instance.get("datasetId")) is not None:
            change.leave(name, "it is there already, and the request says not to overwrite")
        else:
            change.put(name, _whole(name, instance))
    change.add_types(fragment.get("type", []))
    change.set_expiry(fragment)
    if "scope" in fragment:
        kept = entity.get("scope", []) if overwrite is Overwrite.DENIED else []
        change.set_scope(list(dict.fromkeys([*kept, *fragment["scope"]])))
    return change.finish()


def update_attributes(entity: Entity, fragment: Entity) -> Outcome:
    """Replace, add or delete the fragment's attributes as wholes (§5.6.2)."""
    return _replace_single(entity, fragment) or _update_instances(entity, fragment)


def _replace_single(entity: Entity, fragment: Entity) -> Outcome | None:
    """Do the most frequent update, of attributes with one instance each, or return None where it is another one."""
    if not fragment.keys().isdisjoint(ENTITY_MEMBERS):
        return None
    changed: list[str] = []
    added: list[str] = []
    after = dict(entity)
    for name, instance in fragment.items():
        before = entity.get(name, {})
        if type(instance) is not dict or type(before) is not dict or is_deletion(instance):
            return None
        if "datasetId" in instance or "datasetId" in before:
            return None
        whole = _whole(name, instance)
        if before and _is_same(before, whole):
            continue
        after[name] = whole
        changed.append(name)
        if not before:
            added.append(name)
    return Outcome(after, tuple(changed), (), (), tuple(added), tuple(name for name in changed if name not in added))


def _update_instances(entity: Entity, fragment: Entity) -> Outcome:
    change = _Change(entity)
    for name, instance in _list_instances(fragment):
        if is_deletion(instance):
            change.drop(name, instance.get("datasetId"))
        else:
            change.put(name, _whole(name, instance))
    change.add_types(fragment.get("type", []))
    change.set_expiry(fragment)
    if "scope" in fragment:
        if "scope" in entity:
            change.set_scope(fragment["scope"])
        else:
            change.leave("scope", "the entity has no scope; append it with POST, or merge it")
    return change.finish()


def merge_entity(entity: Entity, fragment: Entity) -> Outcome:
    """Merge the fragment into the entity at any depth (§5.6.17, §5.5.12)."""
    change = _Change(entity)
    for name, instance in _list_instances(fragment):
        dataset_id = instance.get("datasetId")
        present = change.find(name, dataset_id)
        merged = None if is_deletion(instance) else _merge_instance(present or {}, instance)
        if merged is None or _is_emptied(merged):
            change.drop(name, dataset_id)
        else:
            change.put(name, _raise_unless_whole(name, merged))
    change.add_types(fragment.get("type", []))
    change.set_expiry(fragment)
    if "scope" in fragment:
        change.set_scope(fragment["scope"])
    return change.finish()


def patch_attribute(entity: Entity, name: str, fragment_instance: Instance | list[Instance]) -> Outcome:
    """Overwrite members of one attribute's instance (§5.6.4). Raises NotFound, BadRequestData."""
    change = _Change(entity)
    for fragment in instances(fragment_instance):
        dataset_id = fragment.get("datasetId")
        present = change.get(name, dataset_id)
        if is_deletion(fragment):
            change.drop(name, dataset_id)
            continue
        kind = fragment.get("type", present["type"])
        if kind != present["type"]:
            raise BadRequestData(
                f"The attribute '{shorten(name)}' is a {present['type']}, which a partial update cannot make a {kind}. "
                f"Send '{MAIN_MEMBERS[present['type']]}', or replace the attribute."
            )
        _raise_if_null_inside(name, fragment)
        patched = {**present, **fragment, "type": kind}
        change.put(name, {member: value for member, value in patched.items() if not _is_null_member(value)})
    return change.finish()


def replace_attribute(entity: Entity, name: str, instance: Instance | list[Instance]) -> Outcome:
    """Put an instance in the place of the one that is there (§5.6.19). Raises NotFound, BadRequestData."""
    change = _Change(entity)
    for replacement in instances(instance):
        if is_deletion(replacement):
            raise BadRequestData(
                f"The attribute '{shorten(name)}' cannot be replaced by \"{NULL}\". Delete it instead."
            )
        change.get(name, replacement.get("datasetId"))
        change.put(name, _whole(name, replacement))
    return change.finish()


def delete_attribute(entity: Entity, name: str, dataset_id: str | None, every_instance: bool) -> Outcome:
    """Delete one instance of an attribute, or every one (§5.6.5). Raises NotFound."""
    change = _Change(entity)
    if name in _SCOPE_NAMES:
        if "scope" not in entity:
            raise NotFound(f"The entity {entity['id']} has no scope.")
        change.set_scope([])
    elif every_instance:
        if name not in entity:
            raise NotFound(_describe_absence(entity, name, None))
        for instance in instances(entity[name]):
            change.drop(name, instance.get("datasetId"))
    else:
        change.get(name, dataset_id)
        change.drop(name, dataset_id)
    return change.finish()


def drop_attributes(entity: Entity, names: Iterable[str]) -> Outcome:
    """Delete every instance of these attributes, where they are there (§5.6.21); `scope` may be among them."""
    change = _Change(entity)
    for name in names:
        if name in _SCOPE_NAMES:
            change.set_scope([])
        else:
            for instance in instances(entity.get(name, [])):
                change.drop(name, instance.get("datasetId"))
    return change.finish()


def expire_attributes(entity: Entity, now_us: int) -> Outcome:
    """Delete the instances of attributes and sub-attributes that are past their time (§4.22)."""
    change = _Change(entity)
    for name, instance in _list_instances(entity):
        if is_expired(instance, now_us):
            change.drop(name, instance.get("datasetId"))
        elif (left := left_of(instance, now_us)) is not instance:
            change.put(name, left)
    return change.finish()


def advance_times(times: Times, outcome: Outcome, now_us: int) -> Times:
    """Return the times after the outcome. What did not change keeps its times."""
    if outcome.is_nothing:
        return times
    attributes = dict(times.attributes)
    for key in outcome.removed:
        attributes.pop(key, None)
    for key in outcome.added:
        attributes[key] = (now_us, now_us)
    for key in outcome.modified:
        attributes[key] = (times.of(key)[0], now_us)
    return Times(times.created_us, now_us, attributes)


def is_deletion(instance: Instance) -> bool:
    """Return whether the instance is the mark that deletes (§4.5.0)."""
    main = MAIN_MEMBERS.get(instance.get("type", ""))
    if main is None:
        return False
    value = instance.get(main)
    return value == NULL if isinstance(value, str) else main in _DELETIONS and value == _DELETIONS[main]


class _Change:
    """An entity in the making: the old one is read, the new one is built beside it."""

    def __init__(self, entity: Entity) -> None:
        self._before = entity
        self._instances_before: dict[str, dict[str | None, Instance]] = {}
        self._found: dict[str, dict[str | None, Instance]] = {}
        self._others: dict[str, list[str]] = {}
        self._expiry: str | None = entity.get("expiresAt")
        self._unchanged: list[tuple[str, str]] = []

    def find(self, name: str, dataset_id: str | None) -> Instance | None:
        return self._instances(name).get(dataset_id)

    def get(self, name: str, dataset_id: str | None) -> Instance:
        """Return the instance. Raises NotFound."""
        found = self.find(name, dataset_id)
        if found is None:
            raise NotFound(_describe_absence(self._before, name, dataset_id))
        return found

    def put(self, name: str, instance: Instance) -> None:
        self._instances(name)[instance.get("datasetId")] = instance

    def drop(self, name: str, dataset_id: str | None) -> None:
        self._instances(name).pop(dataset_id, None)

    def leave(self, name: str, reason: str) -> None:
        self._unchanged.append((name, reason))

    def add_types(self, types: list[str]) -> None:
        self._others["type"] = list(dict.fromkeys([*self._before["type"], *types]))

    def set_expiry(self, fragment: Entity) -> None:
        if "expiresAt" in fragment:
            self._expiry = None if fragment["expiresAt"] == NULL else fragment["expiresAt"]

    def set_scope(self, scopes: list[str]) -> None:
        self._others["scope"] = [scope for scope in scopes if scope != NULL]

    def finish(self) -> Outcome:
        entity = dict(self._before)
        members = [member for member, value in self._others.items() if value != self._before.get(member, [])]
        for member in members:
            entity[member] = self._others[member]
        if not entity.get("scope", True):
            del entity["scope"]
        if self._expiry != entity.get("expiresAt"):
            members.append("expiresAt")
            entity["expiresAt"] = self._expiry
            if self._expiry is None:
                del entity["expiresAt"]
        changed: list[str] = []
        added: list[str] = []
        modified: list[str] = []
        removed: list[str] = []
        for name, found in self._found.items():
            before = self._instances_before[name]
            new = [key for key in found if key not in before]
            other = [key for key, value in found.items() if key in before and not _is_same(before[key], value)]
            gone = [key for key in before if key not in found]
            added += [attribute_key(name, key) for key in new]
            modified += [attribute_key(name, key) for key in other]
            removed += [attribute_key(name, key) for key in gone]
            if new or other:
                changed.append(name)
            if not found:
                entity.pop(name, None)
            elif new or other or gone:
                entity[name] = _as_value(found)
        keys = (tuple(added), tuple(modified), tuple(members))
        return Outcome(entity, tuple(changed), tuple(removed), tuple(self._unchanged), *keys)

    def _instances(self, name: str) -> dict[str | None, Instance]:
        found = self._found.get(name)
        if found is None:
            before = _by_dataset(self._before.get(name, []))
            self._instances_before[name] = before
            found = self._found[name] = before.copy()
        return found


def _list_instances(fragment: Entity) -> Iterator[tuple[str, Instance]]:
    for name in attribute_names(fragment):
        for instance in instances(fragment[name]):
            yield name, instance


def _by_dataset(value: Instance | list[Instance]) -> dict[str | None, Instance]:
    if isinstance(value, dict):
        return {value.get("datasetId"): value}
    return {instance.get("datasetId"): instance for instance in value}


def _as_value(found: dict[str | None, Instance]) -> Instance | list[Instance]:
    return next(iter(found.values())) if len(found) == 1 else list(found.values())


def _whole(name: str, instance: Instance) -> Instance:
    """Return the instance without its deletion marks. Raises BadRequestData where it is only part of an attribute."""
    if _is_plainly_whole(instance):
        return instance
    _raise_if_null_inside(name, instance)
    return _raise_unless_whole(name, _merge_instance({}, instance))


def _is_plainly_whole(instance: Instance) -> bool:
    """Return whether it is one scalar with what describes it, and nothing in it deletes: most are, at 0.5 µs each."""
    return (
        instance.get("type") == "Property"
        and type(instance.get("value")) in _SCALARS
        and NULL not in instance.values()
        and PLAIN_MEMBERS.issuperset(instance)
    )


def _raise_unless_whole(name: str, instance: Instance) -> Instance:
    kind = instance.get("type")
    if kind is None or MAIN_MEMBERS[kind] not in instance:
        needed = "value" if kind is None else MAIN_MEMBERS[kind]
        raise BadRequestData(f"The attribute '{shorten(name)}' has no '{needed}'. Add '{needed}'.")
    return instance


def _raise_if_null_inside(name: str, instance: Instance) -> None:
    # CIM 009 §5.5.4: inside a value the null is for merges alone.
    value = instance.get(MAIN_MEMBERS.get(instance.get("type", ""), ""))
    if isinstance(value, dict | list) and _holds_null(value):
        raise BadRequestData(
            f"The value of '{shorten(name)}' holds \"{NULL}\", which only a merge of the entity may. "
            "Send the whole value."
        )


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(_holds_null(part) for part in (value.values() if isinstance(value, dict) else value))
    return bool(value == NULL)


def _merge_instance(target: Instance, patch: Instance) -> Instance:
    """Return the target with the patch merged in (RFC 7396, with the NGSI-LD null)."""
    kind = patch.get("type", target.get("type"))
    merged = dict(target)
    if kind is not None and target.get("type", kind) != kind:
        # Another kind holds its value in another member, and may have no unit; the rest of what describes it stays.
        merged.pop(MAIN_MEMBERS[target["type"]], None)
        merged.pop("unitCode", None)
    for member, value in patch.items():
        if _is_null_member(value):
            merged.pop(member, None)
        elif member in _MERGED_INSIDE:
            merged[member] = value if kind == "GeoProperty" else _merge_json(merged.get(member), value)
        elif ":" in member:
            _merge_sub_attribute(merged, member, value)
        else:
            merged[member] = value
    return merged


def _merge_sub_attribute(merged: Instance, member: str, patch: Any) -> None:
    found = _by_dataset(merged.get(member, []))
    for instance in instances(patch):
        dataset_id = instance.get("datasetId")
        part = {} if is_deletion(instance) else _merge_instance(found.get(dataset_id, {}), instance)
        if not part or _is_emptied(part):
            found.pop(dataset_id, None)
        else:
            found[dataset_id] = _raise_unless_whole(member, part)
    if found:
        merged[member] = _as_value(found)
    else:
        merged.pop(member, None)


def _merge_json(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for member, value in patch.items():
        if value == NULL:
            merged.pop(member, None)
        else:
            merged[member] = _merge_json(merged.get(member), value)
    return merged


def _is_same(one: Instance, other: Instance) -> bool:
    # In Python 1 == True == 1.0; as JSON these are different values.
    return one is other or (
        one == other and msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
    )


def _is_null_member(value: Any) -> bool:
    return value == NULL or (isinstance(value, dict) and is_deletion(value))


def _is_emptied(instance: Instance) -> bool:
    """Return whether a merge took the last language away: a language map without languages says nothing."""
    return instance.get("languageMap") == {}


def _describe_absence(entity: Entity, name: str, dataset_id: str | None) -> str:
    if name not in entity:
        return f"The entity {entity['id']} has no attribute '{shorten(name)}'."
    if dataset_id is None:
        return f"The attribute '{shorten(name)}' of {entity['id']} has only instances with a datasetId. Name one."
    return f"The attribute '{shorten(name)}' of {entity['id']} has no instance with the datasetId {dataset_id}."
