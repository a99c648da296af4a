"""From JSON to entities with expanded names (CIM 009 §4.5, §5.5.4), normalized or concise. No storing, no merging.

Everything that a client can get wrong is refused here, with the attribute's name and what would be right; what
comes out is trusted inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

import msgspec

from simpul import limits
from simpul.domain.context import INSTANCE_MEMBERS, Context
from simpul.domain.entity import ENTITY_MEMBERS, Entity, Expiring, Instance
from simpul.domain.errors import BadRequestData
from simpul.domain.geo import raise_unless_geometry
from simpul.domain.json_text import decode_json, shown
from simpul.domain.lexical import is_language, is_moment, is_scope, is_uri, raise_unless_uri

__all__ = [
    "MAIN_MEMBERS", "NULL", "decode_json", "is_geometry", "is_moment", "is_read_as_instance", "parse_attribute",
    "parse_entity", "parse_fragment", "raise_unless_uri",
]  # fmt: skip

NULL: Final = "urn:ngsi-ld:null"

# CIM 009 §4.5: each kind of attribute, and the member that holds what it says.
MAIN_MEMBERS: Final = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
_GEOMETRY_TYPES: Final = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
_KIND_OF_MEMBER: Final = {
    "value": "Property",
    "object": "Relationship",
    "languageMap": "LanguageProperty",
    "vocab": "VocabProperty",
    "json": "JsonProperty",
    "valueList": "ListProperty",
    "objectList": "ListRelationship",
}
_KINDS: Final = (
    {kind: kind for kind in MAIN_MEMBERS}
    | {f"ngsi-ld:{kind}": kind for kind in MAIN_MEMBERS}
    | {f"https://uri.etsi.org/ngsi-ld/{kind}": kind for kind in MAIN_MEMBERS}
)
_SYSTEM_MEMBERS: Final = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId"})
_OUTPUT_MEMBERS: Final = frozenset({"entity", "entityList", "lang"})
_IGNORED: Final = _SYSTEM_MEMBERS | _OUTPUT_MEMBERS
_PASSED_OVER: Final = _IGNORED | {"type", "@type"}
_TIMES: Final = _SYSTEM_MEMBERS - {"instanceId"}
_PREVIOUS: Final = frozenset(f"previous{main[0].upper()}{main[1:]}" for main in MAIN_MEMBERS.values())
# CIM 009 §4.7.1: what these names hold is a geometry everywhere.
GEO_NAMES: Final = frozenset({"location", "observationSpace", "operationSpace"})
# CIM 009 §4.5.2.2: what a proof says was sealed. They are plain text, and belong to this Property alone.
PROOF: Final = "ngsildproof"
_SEALED: Final = frozenset({"entityIdSealed", "entityTypeSealed"})
_DESCRIBING: Final = frozenset({"observedAt", "unitCode", "datasetId", "objectType", "valueType", "expiresAt"})
_IDENTITY: Final = frozenset({"id", "@id", "type", "@type", "@context"})
_NO_ATTRIBUTE: Final = _IDENTITY | _IGNORED | _PREVIOUS | INSTANCE_MEMBERS | ENTITY_MEMBERS
_LOOKED_AT: Final = _NO_ATTRIBUTE | GEO_NAMES | {PROOF}
_LANGUAGE_STRINGS: Final = ("langString", "rdf:langString", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString")
_UNITLESS: Final = frozenset({"Relationship", "ListRelationship", "JsonProperty"})

_SIMPLE_PROPERTY: Final = frozenset({"type", "value", "unitCode", "observedAt"})
_SIMPLE_RELATIONSHIP: Final = frozenset({"type", "object", "observedAt"})
_is_simple_property = _SIMPLE_PROPERTY.issuperset
_is_simple_relationship = _SIMPLE_RELATIONSHIP.issuperset


def parse_entity(body: Any, context: Context) -> Entity:
    """Return a whole entity: with an id, a type, and no deletion marks. Raises BadRequestData."""
    _raise_unless_object(body)
    if "id" not in body and "@id" not in body:
        raise BadRequestData("The entity has no 'id'; give it a URI, such as urn:ngsi-ld:BusStop:0001.")
    if "type" not in body and "@type" not in body:
        raise BadRequestData('The entity has no \'type\'; give it one, such as "type": "BusStop".')
    entity: Entity = {"id": _parse_id(body), "type": _parse_types(body, context)}
    return _Reader(context, is_fragment=False).read_members(body, entity)


def parse_fragment(body: Any, context: Context) -> Entity:
    """Return attributes, and `id`, `type` and `scope` where given. A value may be the deletion mark `NULL`."""
    _raise_unless_object(body)
    entity: Entity = {}
    if "id" in body or "@id" in body:
        entity["id"] = _parse_id(body)
    if "type" in body or "@type" in body:
        entity["type"] = _parse_types(body, context)
    return _Reader(context, is_fragment=True).read_members(body, entity)


def parse_attribute(body: Any, context: Context, name: str) -> Instance | list[Instance]:
    """Return the instance, or instances, of one attribute. In a partial update `type` and value may be absent."""
    reader = _Reader(context, is_fragment=True)
    if isinstance(body, dict) and NULL in body.values() and reader.find_kind(name, body) is None:
        # What is deleted from an attribute's own body is a part of the attribute, not of a value.
        return reader.marked(reader.read_parts(name, None, body, 1))
    found = reader.read_attribute(name, body)
    return [reader.marked(one) for one in found] if isinstance(found, list) else reader.marked(found)


def _parse_id(body: dict[str, Any]) -> str:
    identifier: str = body["id"] if "id" in body else body["@id"]
    raise_unless_uri(identifier, "The entity's id")
    if identifier == NULL:
        raise BadRequestData(f"The entity's id is {NULL}, which stands for what is deleted. Give it one of its own.")
    return identifier


def _parse_types(body: dict[str, Any], context: Context) -> list[str]:
    given = body["type"] if "type" in body else body["@type"]
    if type(given) is str and given >= ":" and given != NULL and (iri := context.expand(given))[0] != "@":
        # One name, as most entities have.
        return [iri]
    names = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) and name and name != NULL for name in names):
        raise BadRequestData(
            f'The entity\'s type is {shown(given)}; it is a name, such as "BusStop", or an array of names.'
        )
    if any(name < ":" for name in names):
        raise BadRequestData(f"The entity's type is {shown(given)}; the name of a type begins with a letter (§4.6.2).")
    types = list(dict.fromkeys(context.expand(name) for name in names))
    if any(iri[0] == "@" for iri in types):
        raise BadRequestData(f"The entity's type is {shown(given)}, which is a word of JSON-LD and names no type.")
    return types


def _parse_scopes(given: Any, *, is_fragment: bool) -> list[str]:
    scopes = given if isinstance(given, list) else [given]
    if is_fragment and scopes == [NULL]:
        return [NULL]
    if not scopes or not all(isinstance(scope, str) and scope != NULL and is_scope(scope) for scope in scopes):
        raise BadRequestData(
            f'The entity\'s scope is {shown(given)}; it is a path of names made of letters, digits and "_", such as'
            ' "/Padang/Transport", or an array of paths.'
        )
    return list(dict.fromkeys(scopes))


def _raise_unless_object(body: Any) -> None:
    if not isinstance(body, dict):
        raise BadRequestData(f'An entity is a JSON object, such as {{"id": …, "type": …}}; this is {shown(body)}.')


class _Reader:
    """Reads attributes with one @context; in a fragment, deletion marks and partial attributes are allowed."""

    __slots__ = ("_context", "_expires", "_is_fragment")

    def __init__(self, context: Context, *, is_fragment: bool) -> None:
        self._context = context
        self._is_fragment = is_fragment
        self._expires = False

    def marked(self, written: dict[str, Any]) -> dict[str, Any]:
        """Return what was read, as `Expiring` where it says when something expires."""
        return Expiring(written) if self._expires else written

    def read_members(self, body: dict[str, Any], entity: Entity) -> Entity:
        """Add the scope and the attributes of the body to the entity; return it."""
        expand = self._context.expand
        if body and min(body) < ":":
            raise BadRequestData(f"{shown(min(body))} names no attribute: a name begins with a letter (§4.6.2).")
        for name, value in body.items():
            if name in _LOOKED_AT:
                if name not in _IDENTITY:
                    self._read_special(name, value, entity)
                continue
            iri = expand(name)
            if iri in entity or iri[0] == "@":
                raise BadRequestData(
                    f"The entity has '{name}' twice, under names that mean the same. Keep one of them."
                )
            entity[iri] = value if _is_plainly_right(value) else self.read_attribute(name, value)
        if len(entity) > limits.ATTRIBUTES_PER_ENTITY_MAX:
            raise BadRequestData(
                f"The entity has {len(entity)} attributes; at most {limits.ATTRIBUTES_PER_ENTITY_MAX} are allowed."
            )
        return self.marked(entity)

    def _read_special(self, name: str, value: Any, entity: Entity) -> None:
        if name == "scope":
            entity["scope"] = _parse_scopes(value, is_fragment=self._is_fragment)
        elif name == "expiresAt":
            entity["expiresAt"] = self._read_expiry("The entity", value)
        elif name in GEO_NAMES:
            self._read_geo_named(name, value, entity)
        elif name == PROOF:
            self._read_proof(value, entity)
        elif name not in _TIMES:
            raise BadRequestData(
                f"'{name}' cannot be the name of an attribute: NGSI-LD uses it itself. Choose another."
            )

    def _read_expiry(self, what: str, value: Any) -> str:
        """Read when an entity or an instance expires (§4.22); a fragment may take that away."""
        if not is_moment(value) and not (self._is_fragment and value == NULL):
            raise BadRequestData(
                f"{what} has the 'expiresAt' {shown(value)}; it is a date and time in UTC, such as"
                " 2024-05-01T10:00:00Z."
            )
        self._expires = True
        moment: str = value
        return moment

    def _read_geo_named(self, name: str, value: Any, entity: Entity) -> None:
        """Read an attribute that the core @context makes a GeoProperty (§4.7.1)."""
        if _is_plainly_right(value) and value["type"] == "GeoProperty":
            entity[self._context.expand(name)] = value
            return
        attribute = self.read_attribute(name, value)
        for instance in attribute if isinstance(attribute, list) else [attribute]:
            is_deletion = self._is_fragment and instance.get("value") == NULL
            if instance.get("type", "GeoProperty") != "GeoProperty" and not is_deletion:
                raise BadRequestData(
                    f"'{name}' is a {instance['type']}; it has to be a GeoProperty, which holds a GeoJSON geometry."
                )
        entity[self._context.expand(name)] = attribute

    def _read_proof(self, value: Any, entity: Entity) -> None:
        """Read the proof that the entity is what its owner signed (§4.5.2.2)."""
        attribute = self.read_attribute(PROOF, value)
        for instance in attribute if isinstance(attribute, list) else [attribute]:
            proof = instance.get("value", {})
            if instance.get("type", "Property") != "Property" or not (isinstance(proof, dict) or proof == NULL):
                raise BadRequestData(f"'{PROOF}' is a Property whose value is the proof, a JSON object.")
        entity[self._context.expand(PROOF)] = attribute

    def read_attribute(self, name: str, value: Any, depth: int = 1) -> Instance | list[Instance]:
        """Return the instance, or the instances where there are several."""
        if isinstance(value, dict):
            if len(value) == 1 and isinstance(value.get("dataset"), dict):
                return self._read_dataset(name, value["dataset"], depth)
            return self._read_object(name, value, depth)
        if isinstance(value, list) and any(_is_instance(part) for part in value):
            return self._read_instances(name, value, depth)
        return {"type": "Property", "value": self.read_value(name, value)}

    def _read_instances(self, name: str, parts: list[Any], depth: int) -> Instance | list[Instance]:
        found: dict[str | None, Instance] = {}
        for part in parts:
            if not _is_instance(part):
                raise BadRequestData(
                    f"The attribute '{name}' mixes instances and plain values. To store an array, write "
                    f'{{"type": "Property", "value": […]}}.'
                )
            instance = self._read_object(name, part, depth)
            key = instance.get("datasetId")
            if key in found:
                which = f"two instances with the datasetId {key}" if key else "two instances without a datasetId"
                raise BadRequestData(f"The attribute '{name}' has {which}. Give each its own 'datasetId'.")
            found[key] = instance
        instances = list(found.values())
        return instances[0] if len(instances) == 1 else instances

    def _read_dataset(self, name: str, dataset: dict[str, Any], depth: int) -> Instance | list[Instance]:
        """Read the simplified form of several instances (§4.5.4): datasetId → value."""
        instances: list[Instance] = []
        for dataset_id, value in dataset.items():
            instance = self.read_attribute(name, value, depth)
            if isinstance(instance, list) or "datasetId" in instance:
                raise BadRequestData(f"In the attribute '{name}' each member of 'dataset' is one plain value.")
            if dataset_id != "@none":
                raise_unless_uri(dataset_id, f"A datasetId of the attribute '{name}'")
                instance = {**instance, "datasetId": dataset_id}
            instances.append(instance)
        if not instances:
            raise BadRequestData(f"The attribute '{name}' has an empty 'dataset'. Give it at least one value.")
        return instances[0] if len(instances) == 1 else instances

    def _read_object(self, name: str, body: dict[str, Any], depth: int) -> Instance:
        if depth > limits.NESTING_DEPTH_MAX:
            raise BadRequestData(f"The attribute '{name}' is nested more than {limits.NESTING_DEPTH_MAX} deep.")
        if is_geometry(body):
            return {"type": "GeoProperty", "value": self.read_geometry(name, body)}
        kind = self.find_kind(name, body)
        if kind is None and not self._is_partial(body):
            return {"type": "Property", "value": self.read_value(name, body)}
        return self.read_parts(name, kind, body, depth)

    def read_parts(self, name: str, kind: str | None, body: dict[str, Any], depth: int) -> Instance:
        """Return an instance of this kind, or a part of one whose kind is not said."""
        instance: Instance = {} if kind is None else {"type": kind}
        if kind is not None:
            self._read_main(name, kind, body, instance)
        for member, value in body.items():
            if member in _NO_ATTRIBUTE:
                self._read_member(name, kind, (member, value), instance)
                continue
            iri = self._context.expand(member)
            if iri in instance or iri[0] == "@":
                raise BadRequestData(f"The attribute '{name}' has '{member}' twice, under names that mean the same.")
            instance[iri] = self.read_attribute(f"{name}.{member}", value, depth + 1)
        return instance

    def find_kind(self, name: str, body: dict[str, Any]) -> str | None:
        """Return the attribute's kind as it says or as its members tell (§4.5.2.3), or None if neither does."""
        given = body["type"] if "type" in body else body.get("@type")
        if given is not None or "type" in body:
            kind = _KINDS.get(given) if isinstance(given, str) else None
            if kind is None:
                raise BadRequestData(
                    f"The attribute '{name}' has the type {shown(given)}; "
                    f"it must be one of {', '.join(MAIN_MEMBERS)}. "
                    'To store a JSON object that has a "type" of its own, write {"type": "Property", "value": {…}}.'
                )
            return kind
        for member, kind in _KIND_OF_MEMBER.items():
            if member in body:
                return "GeoProperty" if member == "value" and is_geometry(body["value"]) else kind
        return None

    def _is_partial(self, body: dict[str, Any]) -> bool:
        """Return whether an object without type and value is part of an attribute, and not a JSON value."""
        return self._is_fragment and any(member in _DESCRIBING or _is_instance(part) for member, part in body.items())

    def _read_main(self, name: str, kind: str, body: dict[str, Any], instance: Instance) -> None:
        main = MAIN_MEMBERS[kind]
        if main in body:
            instance[main] = _READ_MAIN[kind](self, name, body[main])
        elif not self._is_fragment:
            raise BadRequestData(f"The attribute '{name}' is a {kind} without '{main}'. Add '{main}'.")

    def _read_member(self, name: str, kind: str | None, item: tuple[str, Any], instance: Instance) -> None:
        """Read a member that is no sub-attribute."""
        member, value = item
        if member in _DESCRIBING:
            # CIM 009 §4.5.5.1: "@none" is the default instance, which is never said in answers.
            if member != "datasetId" or value != "@none":
                instance[member] = self._read_describing(name, kind, member, value)
        elif member in _KIND_OF_MEMBER:
            if kind is not None and member != MAIN_MEMBERS[kind]:
                raise BadRequestData(
                    f"The attribute '{name}' is a {kind} and has '{member}', which belongs to a "
                    f"{_KIND_OF_MEMBER[member]}. A {kind} has '{MAIN_MEMBERS[kind]}'."
                )
        elif member in _SEALED and name == PROOF:
            if not isinstance(value, str) or not value:
                raise BadRequestData(f"'{PROOF}.{member}' is {shown(value)}; it is the text that was sealed.")
            instance[member] = self._context.expand(value) if member == "entityTypeSealed" else value
        elif member not in _PASSED_OVER:
            _refuse_member(name, member)

    def _read_describing(self, name: str, kind: str | None, member: str, value: Any) -> Any:
        if member == "expiresAt":
            return self._read_expiry(f"The attribute '{name}'", value)
        if self._is_fragment and value == NULL and member != "datasetId":
            return NULL
        if member == "observedAt":
            _raise_unless_moment(name, value)
        elif member == "unitCode" and kind in _UNITLESS:
            raise BadRequestData(f"The attribute '{name}' is a {kind} and has a 'unitCode'. Remove it.")
        elif member == "datasetId":
            _raise_unless_dataset_id(name, value)
        elif member in ("objectType", "valueType"):
            return self._read_type_of_value(name, kind, member, value)
        elif not isinstance(value, str) or not value:
            raise BadRequestData(f"'{name}.{member}' is {shown(value)}; it is text, such as \"CEL\".")
        return value

    def _read_type_of_value(self, name: str, kind: str | None, member: str, value: Any) -> Any:
        if member == "valueType" and kind == "LanguageProperty" and value not in _LANGUAGE_STRINGS:
            raise BadRequestData(
                f"'{name}.valueType' is {shown(value)}; a LanguageProperty's can only be \"langString\" (§5.2.32)."
            )
        return self.read_words(f"{name}.{member}", value)

    def read_value(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        if isinstance(value, dict | list):
            self._raise_if_null_inside(name, value, 1)
        return value

    def _raise_if_null(self, name: str, value: Any) -> None:
        if value is None:
            raise BadRequestData(
                f"The attribute '{name}' is null. Leave out what is unknown; to delete an attribute of an entity, "
                f'patch it with "{NULL}".'
            )
        if value == NULL and not self._is_fragment:
            raise BadRequestData(
                f"The attribute '{name}' is \"{NULL}\", which deletes; a new entity has nothing to delete."
            )

    def _raise_if_null_inside(self, name: str, value: dict[str, Any] | list[Any], depth: int) -> None:
        if depth > limits.NESTING_DEPTH_MAX:
            raise BadRequestData(f"The value of '{name}' is nested more than {limits.NESTING_DEPTH_MAX} deep.")
        if isinstance(value, dict) and value.get("@type") == "@json":
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            if isinstance(part, dict | list):
                self._raise_if_null_inside(name, part, depth + 1)
            elif part is None:
                raise BadRequestData(
                    f"The value of '{name}' holds null at '{key}'. Leave that out, or use a JsonProperty, "
                    "which may hold null."
                )
            elif part == NULL and not self._is_fragment:
                raise BadRequestData(f"The value of '{name}' holds \"{NULL}\" at '{key}', which only a patch may.")

    def read_geometry(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        if value == NULL:
            return value
        if isinstance(value, str):
            # CIM 009 §4.7.1: a geometry may come as text that holds JSON.
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                raise BadRequestData(
                    f"The attribute '{name}' is a GeoProperty and holds text; it holds a GeoJSON geometry, such as "
                    '{"type": "Point", "coordinates": [100.36, -0.95]}.'
                ) from error
        raise_unless_geometry(value, f"The attribute '{name}'")
        return value

    def read_object_uri(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        uris = value if isinstance(value, list) else [value]
        if not uris or not all(is_uri(uri) for uri in uris) or (NULL in uris and value != NULL):
            raise BadRequestData(
                f"The attribute '{name}' is a Relationship to {shown(value)}; its 'object' is the URI of an entity, "
                "such as urn:ngsi-ld:BusStop:0001, or an array of URIs."
            )
        return value

    def read_language_map(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        if value == NULL:
            return {"@none": NULL}
        if not isinstance(value, dict) or not value:
            raise BadRequestData(
                f'\'{name}.languageMap\' is {shown(value)}; it is an object such as {{"id": "Pasar", "en": "Market"}}.'
            )
        for language, words in value.items():
            texts = words if isinstance(words, list) else [words]
            if not is_language(language) or not texts or not all(isinstance(text, str) for text in texts):
                raise BadRequestData(
                    f"'{name}.languageMap' has {shown(language)}: {shown(words)}; each member is a language's code "
                    'with text, such as "id": "Pasar".'
                )
            if NULL in texts and not self._is_fragment:
                self._raise_if_null(name, NULL)
        return value

    def read_words(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        words = value if isinstance(value, list) else [value]
        if not words or not all(isinstance(word, str) and word for word in words):
            raise BadRequestData(
                f"The vocabulary value of '{name}' is {shown(value)}; it is a word, or an array of words."
            )
        return self._context.expand_vocabulary(value)

    def read_json(self, name: str, value: Any) -> Any:
        self._raise_if_null(name, value)
        if not isinstance(value, dict | list) and value != NULL:
            raise BadRequestData(
                f"'{name}.json' is {shown(value)}; a JsonProperty holds a JSON object or array (§4.5.24). What is plain"
                " is a Property."
            )
        return value

    def read_value_list(self, name: str, value: Any) -> Any:
        if self._is_fragment and value in (NULL, [NULL]):
            return [NULL]
        if not isinstance(value, list):
            raise BadRequestData(f"'{name}.valueList' is {shown(value)}; it is an array, such as [1, 2, 3].")
        self._raise_if_null_inside(name, value, 1)
        return value

    def read_object_list(self, name: str, value: Any) -> Any:
        if self._is_fragment and value in (NULL, [NULL]):
            return [NULL]
        items = value if isinstance(value, list) else [None]
        uris = [item.get("object") if isinstance(item, dict) and len(item) == 1 else item for item in items]
        if not all(is_uri(uri) and uri != NULL for uri in uris):
            raise BadRequestData(
                f"'{name}.objectList' is {shown(value)}; "
                'it is an array such as [{"object": "urn:ngsi-ld:BusStop:0001"}].'
            )
        return [{"object": uri} for uri in uris]


def _raise_unless_moment(name: str, value: Any) -> None:
    if not is_moment(value):
        raise BadRequestData(
            f"'{name}.observedAt' is {shown(value)}; it is a date and time in UTC, such as 2024-05-01T10:00:00Z."
        )


def _raise_unless_dataset_id(name: str, value: Any) -> None:
    if value == NULL or not is_uri(value):
        raise BadRequestData(f"'{name}.datasetId' is {shown(value)}; it is a URI, such as urn:ngsi-ld:Dataset:1.")


def _refuse_member(name: str, member: str) -> NoReturn:
    if member == "@context":
        raise BadRequestData(f"The attribute '{name}' has an @context of its own. Only the entity may have one.")
    if member in ("id", "@id"):
        raise BadRequestData(f"The attribute '{name}' has an 'id'. Only entities have one; use 'datasetId' instead.")
    if member in _PREVIOUS:
        raise BadRequestData(
            f"The attribute '{name}' has '{member}', which only notifications tell (§4.5.2.2). Leave it out."
        )
    raise BadRequestData(f"The attribute '{name}' has '{member}', which NGSI-LD uses otherwise. Choose another name.")


_READ_MAIN: Final[dict[str, Callable[[_Reader, str, Any], Any]]] = {
    "Property": _Reader.read_value,
    "GeoProperty": _Reader.read_geometry,
    "Relationship": _Reader.read_object_uri,
    "LanguageProperty": _Reader.read_language_map,
    "VocabProperty": _Reader.read_words,
    "JsonProperty": _Reader.read_json,
    "ListProperty": _Reader.read_value_list,
    "ListRelationship": _Reader.read_object_list,
}


def _is_plainly_right(value: Any) -> bool:
    """Return whether it is a normalized attribute without anything special: nine in ten are, at half a µs each."""
    if type(value) is not dict:
        return False
    kind = value.get("type")
    if kind == "Property":
        plain = value.get("value")
        is_right = _is_simple_property(value) and (type(plain) in _PLAIN_TYPES) and plain != NULL
    elif kind == "Relationship":
        target = value.get("object")
        is_right = _is_simple_relationship(value) and target != NULL and is_uri(target)
    elif kind == "GeoProperty":
        return len(value) == 2 and _is_plain_point(value.get("value"))
    else:
        return False
    return is_right and (len(value) == 2 or _has_right_description(value))


def _is_plain_point(value: Any) -> bool:
    if type(value) is not dict or len(value) != 2 or value.get("type") != "Point":
        return False
    place = value.get("coordinates")
    if type(place) is not list or len(place) != 2 or type(place[0]) not in _NUMBERS or type(place[1]) not in _NUMBERS:
        return False
    longitude, latitude = place
    return bool(-180 <= longitude <= 180 and -90 <= latitude <= 90)


_NUMBERS: Final = frozenset({int, float})
_PLAIN_TYPES: Final = frozenset({str, int, float, bool})


def _has_right_description(value: dict[str, Any]) -> bool:
    unit = value.get("unitCode", "1")
    return (
        type(unit) is str
        and unit != ""
        and unit != NULL
        and ("observedAt" not in value or is_moment(value["observedAt"]))
    )


def _is_instance(value: Any) -> bool:
    """Return whether it looks like an attribute's instance: it names its kind, or has a member that tells it."""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    return (isinstance(kind, str) and kind in _KINDS) or not _KIND_OF_MEMBER.keys().isdisjoint(value)


def is_read_as_instance(value: Any) -> bool:
    """Return whether concise input would take the value for more than a plain value."""
    if isinstance(value, list):
        return any(_is_instance(part) for part in value)
    return isinstance(value, dict) and (
        "type" in value or "@type" in value or (len(value) == 1 and "dataset" in value) or _is_instance(value)
    )


def is_geometry(value: Any) -> bool:
    """Return whether it looks like a GeoJSON geometry, valid or not."""
    return (
        isinstance(value, dict)
        and value.get("type") in _GEOMETRY_TYPES
        and ("coordinates" in value or "geometries" in value)
    )
