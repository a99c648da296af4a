"""The @context: short names to IRIs and back (CIM 009 §5.5.7). Flat names only, no graph processing, no fetching.

The core context is always applied last and is protected, so a core term means the same in every document. The
documents behind URLs come through the `load` function that the caller gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

from simpul import limits
from simpul.domain.context_references import join_url
from simpul.domain.core_context import (
    CORE_CONTEXT_URL,
    CORE_CONTEXT_URLS,
    DEFAULT_VOCABULARY,
    KEYWORD_ALIASES,
    PREFIXES,
    core_context_document,
    list_core_terms,
)
from simpul.domain.entity import ENTITY_MEMBERS, Entity, Instance
from simpul.domain.errors import BadRequestData

__all__ = ["CORE", "CORE_CONTEXT_URL", "CORE_CONTEXT_URLS", "Context", "build_context", "core_context_document"]

ContextDocument = dict[str, Any] | list[Any] | str
Load = Callable[[str], dict[str, Any]]

PLAIN_MEMBERS: Final = frozenset(
    {
        "type", "value", "object", "languageMap", "json", "valueList", "objectList",
        "observedAt", "unitCode", "datasetId", "instanceId", "lang", "createdAt", "modifiedAt", "deletedAt",
        "entityIdSealed", "expiresAt",
    }
)  # fmt: skip
VOCABULARY_MEMBERS: Final = frozenset({"vocab", "objectType", "valueType", "entityTypeSealed"})
INSTANCE_MEMBERS: Final = PLAIN_MEMBERS | VOCABULARY_MEMBERS

_IDENTITY = frozenset({"id", "type"})
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f<>\"'=;(){}|\\^`]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_PREFIX_ENDS = tuple(":/?#[]@")
_MEMO_NAME_CHARACTERS_MAX = 256


def _core_iri(compact: str) -> str:
    prefix, colon, rest = compact.partition(":")
    return PREFIXES[prefix] + rest if colon and prefix in PREFIXES else compact


_CORE_TERMS: Final[dict[str, str]] = {
    **PREFIXES,
    **KEYWORD_ALIASES,
    **{term.name: _core_iri(term.iri) for term in list_core_terms()},
}
_CORE_COERCIONS: Final[dict[str, str]] = {
    term.name: term.coercion for term in list_core_terms() if term.coercion is not None
}


class _Memo(dict[str, str]):
    """A bounded memo of a pure function: it starts afresh when full, so unknown names cannot make it grow."""

    def __init__(self, compute: Callable[[str], str]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, key: str) -> str:
        result = self._compute(key)
        if len(key) <= _MEMO_NAME_CHARACTERS_MAX:
            if len(self) >= limits.CONTEXT_MEMO_NAMES_MAX:
                self.clear()
            self[key] = result
        return result


class Context:
    """One @context, ready to use. Immutable but for its memo.

    `urls` are the user contexts, without the core one. `link` is the URL that a Link header of an answer names.
    `coercions` says what the context declares of a term's values: `@vocab`, `@id`, `DateTime`, ….
    """

    __slots__ = ("_iris", "_names", "_prefixes", "_terms", "_terms_of", "coercions", "link", "urls")

    def __init__(self, definitions: _Definitions, urls: tuple[str, ...], link: str) -> None:
        user = {name: iri for name, iri in definitions.terms.items() if name not in _CORE_TERMS}
        self.urls = urls
        self.link = link
        self.coercions: Mapping[str, str] = definitions.coercions | _CORE_COERCIONS
        self._terms = user | _CORE_TERMS
        self._prefixes = {name: user[name] for name in definitions.prefixes if name in user} | PREFIXES
        self._terms_of = _invert(user) | _invert(_CORE_TERMS)
        self._iris = _Memo(self._find_iri)
        self._names = _Memo(self._find_name)

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        # There is one core context, also for who is sent it from another process.
        return "CORE" if self is CORE else super().__reduce_ex__(protocol)

    @property
    def terms_count(self) -> int:
        """How many terms of its own and of the core it has: what it costs in memory."""
        return len(self._terms)

    def as_document(self) -> dict[str, Any]:
        """Return one flat JSON-LD document that means the same, so that the context can be made again offline."""
        terms: dict[str, Any] = {}
        for name, iri in self._terms.items():
            if name in _CORE_TERMS:
                continue
            terms[name] = {"@id": iri, "@prefix": name in self._prefixes}
            if name in self.coercions:
                terms[name]["@type"] = self.coercions[name]
        return {"@context": terms}

    def expand(self, name: str) -> str:
        """Return the IRI of a short name. Raises BadRequestData for what can be no name."""
        return self._iris[name]

    def compact(self, iri: str) -> str:
        """Return the shortest name that expands to the IRI, or the IRI itself."""
        return self._names[iri]

    def expand_entity(self, stored: dict[str, Any]) -> Entity:
        """Return a stored entity with expanded names. Trusts it; shares what needs no change with it."""
        iris = self._iris
        types = stored["type"]
        entity: Entity = {
            "id": stored["id"],
            "type": [iris[types]] if isinstance(types, str) else [iris[name] for name in types],
        }
        plain = PLAIN_MEMBERS.issuperset
        for name, value in stored.items():
            if name in _IDENTITY:
                continue
            if type(value) is dict and plain(value):
                entity[iris[name]] = value
            elif name == "scope":
                entity[name] = [value] if isinstance(value, str) else value
            elif name == "expiresAt":
                entity[name] = value
            else:
                entity[iris[name]] = self._map_attribute(value, iris)
        return entity

    def compact_entity(self, entity: Entity) -> dict[str, Any]:
        """Return the entity as normalized JSON with short names, without system attributes."""
        names = self._names
        types = entity["type"]
        compacted: dict[str, Any] = {
            "id": entity["id"],
            "type": names[types[0]] if len(types) == 1 else [names[iri] for iri in types],
        }
        plain = PLAIN_MEMBERS.issuperset
        for iri, value in entity.items():
            if iri in _IDENTITY:
                continue
            if type(value) is dict and plain(value):
                compacted[names[iri]] = value
            elif iri == "scope":
                compacted[iri] = value[0] if len(value) == 1 else value
            elif iri == "expiresAt":
                compacted[iri] = value
            else:
                compacted[names[iri]] = self._map_attribute(value, names)
        return compacted

    def compact_alike(self, entities: Sequence[Entity]) -> list[dict[str, Any]]:
        """Return what `compact_entity` does of each of some entities with the same types and members.

        Where all their attributes are plain, which is asked for all of them at once, it takes half the time.
        """
        first = entities[0]
        members = tuple(first)
        plain = PLAIN_MEMBERS.issuperset
        is_plain = members[:2] == ("id", "type") and ENTITY_MEMBERS.isdisjoint(members[2:])
        for iri in members[2:] if is_plain else ():
            values = list(map(itemgetter(iri), entities))
            is_plain = is_plain and set(map(type, values)) == {dict} and all(map(plain, values))
        if not is_plain:
            return [self.compact_entity(entity) for entity in entities]
        names = ("id", "type", *(self._names[iri] for iri in members[2:]))
        types = self.compact_entity({"id": "", "type": first["type"]})["type"]
        compacted = [dict(zip(names, entity.values(), strict=True)) for entity in entities]
        for one in compacted:
            one["type"] = types
        return compacted

    def compact_columns(
        self, types: Sequence[str], ids: Sequence[str], attributes: Mapping[str, Sequence[Any]]
    ) -> list[dict[str, Any]]:
        """Return what `compact_entity` does of each of some entities, with these ids, types and attributes by name."""
        kinds = self.compact_entity({"id": "", "type": types})["type"]
        columns = [self._compact_column(column) for column in attributes.values()]
        names = ("id", "type", *(self._names[iri] for iri in attributes))
        return [dict(zip(names, one, strict=True)) for one in zip(ids, repeat(kinds), *columns, strict=False)]

    def _compact_column(self, column: Sequence[Any]) -> Sequence[Any]:
        if set(map(type, column)) == {dict} and all(map(PLAIN_MEMBERS.issuperset, column)):
            return column
        return [self._map_attribute(one, self._names) for one in column]

    def expand_instance(self, instance: Instance) -> Instance:
        """Return one stored instance of an attribute with expanded names."""
        return _map_instance(instance, self._iris)

    def compact_instance(self, instance: Instance) -> Instance:
        """Return one instance of an attribute with short names."""
        return _map_instance(instance, self._names)

    def expand_vocabulary(self, value: Any) -> Any:
        """Return a vocabulary value (a word or an array of words) as IRIs."""
        return _map_vocabulary(value, self._iris)

    def compact_vocabulary(self, value: Any) -> Any:
        """Return a vocabulary value with its IRIs as short names."""
        return _map_vocabulary(value, self._names)

    def _map_attribute(self, value: Any, names: _Memo) -> Any:
        if isinstance(value, list):
            return [_map_instance(instance, names) for instance in value]
        return _map_instance(value, names)

    def _find_iri(self, name: str) -> str:
        iri = self._terms.get(name)
        if iri is not None:
            return iri
        _raise_if_no_name(name)
        if name[0] == "@":
            return name
        prefix, colon, rest = name.partition(":")
        if not colon:
            return DEFAULT_VOCABULARY + name
        if prefix in self._prefixes and not rest.startswith("//"):
            return self._prefixes[prefix] + rest
        # What has a colon and no known prefix is an absolute IRI when it starts with a scheme, else a word.
        return name if _SCHEME.match(prefix) or prefix == "_" else DEFAULT_VOCABULARY + name

    def _find_name(self, iri: str) -> str:
        term = self._terms_of.get(iri)
        if term is not None:
            return term
        if iri.startswith(DEFAULT_VOCABULARY):
            rest = iri[len(DEFAULT_VOCABULARY) :]
            if rest and rest not in self._terms and self._expands_to(rest, iri):
                return rest
            # A name that is taken is written with a prefix, as JSON-LD 1.1 does: `ngsi-ld:default-context/…`.
        candidates = [
            f"{prefix}:{iri[len(start) :]}"
            for prefix, start in self._prefixes.items()
            if len(iri) > len(start) and iri.startswith(start)
        ]
        usable = [name for name in candidates if name not in self._terms and self._expands_to(name, iri)]
        return min(usable, key=lambda name: (len(name), name)) if usable else iri

    def _expands_to(self, name: str, iri: str) -> bool:
        try:
            return self._find_iri(name) == iri
        except BadRequestData:
            return False


def _map_instance(instance: Instance, names: Mapping[str, str]) -> Instance:
    if PLAIN_MEMBERS.issuperset(instance):
        return instance
    mapped: Instance = {}
    for name, value in instance.items():
        if name in PLAIN_MEMBERS:
            mapped[name] = value
        elif name in VOCABULARY_MEMBERS:
            mapped[name] = _map_vocabulary(value, names)
        elif isinstance(value, list):
            mapped[names[name]] = [_map_instance(part, names) for part in value]
        else:
            mapped[names[name]] = _map_instance(value, names)
    return mapped


def _map_vocabulary(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names[value]
    if isinstance(value, list):
        return [_map_vocabulary(word, names) for word in value]
    return value


def _invert(terms: Mapping[str, str]) -> dict[str, str]:
    """Return IRI → term. Of several terms for one IRI the shortest counts, then the first in the alphabet."""
    inverted: dict[str, str] = {}
    for name, iri in terms.items():
        known = inverted.get(iri)
        if known is None or (len(name), name) < (len(known), known):
            inverted[iri] = name
    return inverted


def _raise_if_no_name(name: str) -> None:
    if not name:
        raise BadRequestData("A name is empty. Names of types and attributes have at least one letter, such as 'name'.")
    if len(name) > limits.IDENTIFIER_CHARACTERS_MAX:
        raise BadRequestData(
            f"The name '{name[:40]}…' has {len(name)} characters; "
            f"at most {limits.IDENTIFIER_CHARACTERS_MAX} are allowed."
        )
    forbidden = _FORBIDDEN.search(name)
    if forbidden:
        raise BadRequestData(
            f"The name {name[:80]!r} holds the character {forbidden.group()!r}. Names of types and attributes are made "
            "of letters, digits, '_', '-' and '.', or are full IRIs."
        )


class _Definitions:
    """What the user's contexts define, gathered in the order in which JSON-LD 1.1 processes them."""

    def __init__(self, load: Load) -> None:
        self.terms: dict[str, str] = {}
        self.prefixes: set[str] = set()
        self.coercions: dict[str, str] = {}
        self._vocabulary = DEFAULT_VOCABULARY
        self._load = load
        self._loaded: dict[str, Any] = {}

    def take(self, context: Any, base: str, path: tuple[str, ...]) -> None:
        """Apply one @context value: a URL, a map of terms, or an array of these. `path` is how we came here."""
        if isinstance(context, list):
            for part in context:
                self.take(part, base, path)
        elif isinstance(context, str):
            self._take_url(join_url(base, context), path)
        elif isinstance(context, dict):
            self._take_terms(context, base, path)
        elif context is None:
            self.terms.clear()
            self.prefixes.clear()
            self.coercions.clear()
            self._vocabulary = DEFAULT_VOCABULARY
        else:
            raise BadRequestData(
                f"An @context holds {_shown(context)}; it is made of URLs (text), maps of terms, or arrays of these."
            )

    def _take_url(self, url: str, path: tuple[str, ...]) -> None:
        if url in CORE_CONTEXT_URLS:
            return
        if url in path:
            raise BadRequestData(
                f"The @context goes in a circle: {' → '.join((*path, url))}. Break it at one of these."
            )
        if len(path) >= limits.CONTEXT_DEPTH_MAX:
            raise BadRequestData(
                f"The @context {path[0]} names others more than {limits.CONTEXT_DEPTH_MAX} deep, down to {url}. "
                "Name the inner ones directly."
            )
        self.take(self._get_document(url), url, (*path, url))

    def _get_document(self, url: str) -> Any:
        if url not in self._loaded:
            if not _SCHEME.match(url.partition(":")[0]) or ":" not in url:
                raise BadRequestData(
                    f"The @context '{url[:200]}' is no URL; write it whole, such as https://example.org/context.jsonld."
                )
            if len(self._loaded) >= limits.CONTEXT_DOCUMENTS_MAX:
                raise BadRequestData(
                    f"The @context names more than {limits.CONTEXT_DOCUMENTS_MAX} documents. Name fewer."
                )
            self._loaded[url] = _unwrap(self._load(url), url)
        return self._loaded[url]

    def _take_terms(self, context: dict[str, Any], base: str, path: tuple[str, ...]) -> None:
        if "@context" in context:
            self.take(context["@context"], base, path)
            return
        if "@import" in context:
            url = join_url(base, _text(context["@import"], "@import"))
            imported = self._get_document(url)
            if url in path or not isinstance(imported, dict) or "@import" in imported:
                raise BadRequestData(f"The @context imports {url}, which must be one map of terms without an @import.")
            context = {**imported, **context}
        if "@vocab" in context:
            vocabulary = context["@vocab"]
            self._vocabulary = (
                DEFAULT_VOCABULARY if vocabulary is None else self._resolve(_text(vocabulary, "@vocab"), {}, ())
            )
        local = {name: value for name, value in context.items() if not name.startswith("@")}
        if len(local) + len(self.terms) > limits.CONTEXT_TERMS_MAX:
            raise BadRequestData(
                f"The @context has more than {limits.CONTEXT_TERMS_MAX} terms. Name only those you use."
            )
        waiting = dict(local)
        for name in local:
            if name in waiting:
                self._define(name, waiting, ())

    def _define(self, name: str, waiting: dict[str, Any], path: tuple[str, ...]) -> None:
        if name in path:
            raise BadRequestData(f"The terms of the @context go in a circle: {' → '.join((*path, name))}.")
        if len(path) >= limits.NESTING_DEPTH_MAX:
            raise BadRequestData(f"The term '{path[0]}' of the @context rests on too many other terms.")
        _raise_if_no_name(name)
        value = waiting[name]
        definition = value if isinstance(value, dict) else {"@id": value}
        if "@context" in definition and name not in _CORE_TERMS:
            # CIM 009 §5.5.7: one inside a term could change what core terms mean.
            raise BadRequestData(
                f"The term '{name}' of the @context has an @context of its own. Move its terms to the top."
            )
        identifier = definition.get("@id", name)
        if identifier is None or "@reverse" in definition:
            waiting.pop(name)
            self._forget(name)
            return
        iri = self._resolve_definition(name, _text(identifier, name), waiting, (*path, name))
        waiting.pop(name, None)
        self._forget(name)
        self.terms[name] = iri
        if definition.get("@prefix", isinstance(value, str) and iri.endswith(_PREFIX_ENDS)):
            self.prefixes.add(name)
        if isinstance(definition.get("@type"), str):
            self.coercions[name] = definition["@type"]

    def _forget(self, name: str) -> None:
        self.terms.pop(name, None)
        self.prefixes.discard(name)
        self.coercions.pop(name, None)

    def _resolve_definition(self, name: str, identifier: str, waiting: dict[str, Any], path: tuple[str, ...]) -> str:
        if identifier != name:
            return self._resolve(identifier, waiting, path)
        if ":" in name:
            return self._resolve_compact(name, waiting, path)
        return self._vocabulary + name

    def _resolve(self, text: str, waiting: dict[str, Any], path: tuple[str, ...]) -> str:
        if text.startswith("@"):
            return text
        if text in waiting:
            self._define(text, waiting, path)
        if text in self.terms:
            return self.terms[text]
        return self._resolve_compact(text, waiting, path) if ":" in text else self._vocabulary + text

    def _resolve_compact(self, text: str, waiting: dict[str, Any], path: tuple[str, ...]) -> str:
        prefix, _, rest = text.partition(":")
        if rest.startswith("//") or prefix == "_":
            return text
        if prefix in waiting:
            self._define(prefix, waiting, path)
        if prefix in self.prefixes:
            return self.terms[prefix] + rest
        return PREFIXES.get(prefix, f"{prefix}:") + rest


def _unwrap(document: Any, url: str) -> Any:
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(f'What {url} holds is no JSON-LD context: it has no "@context" member.')
    return document["@context"]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadRequestData(f"The @context gives '{name}' the value {_shown(value)}; an IRI (text) is needed there.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def build_context(documents: Sequence[tuple[str, ContextDocument]], load: Load, *, link: str | None = None) -> Context:
    """Return the context made of these documents, in their order, with the core context after them.

    Each is (URL, content); the URL of one that was sent inline is empty. `load` gives the document behind a URL.
    `link` is the URL that serves all of them as one; without it, it is the URL of the first.
    Raises BadRequestData, and what `load` raises, which is ContextNotAvailable.
    """
    definitions = _Definitions(load)
    for url, document in documents:
        try:
            definitions.take(document, url, (url,) if url else ())
        except RecursionError as error:
            raise BadRequestData(
                f"The @context {url or 'of the body'} is nested too deep. Write its parts flat."
            ) from error
    urls = tuple(_list_user_urls(url for url, _ in documents))
    return Context(definitions, urls, link or (urls[0] if urls else CORE_CONTEXT_URL))


def _list_user_urls(urls: Iterable[str]) -> list[str]:
    return [url for url in dict.fromkeys(urls) if url and url not in CORE_CONTEXT_URLS]


def _load_nothing(url: str) -> dict[str, Any]:
    raise BadRequestData(f"The @context {url} cannot be loaded here.")


CORE: Final = build_context([], _load_nothing)
