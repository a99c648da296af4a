"""A store of cities in plain dicts, evaluated naively: what any backend must do, and the oracle of its tests.

It answers by looking at every entity with `domain/match.py` and `domain/geo.py`. No index, no file, no groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeVar

import msgspec

from simpul import limits
from simpul.domain.alike import Alike, unpack
from simpul.domain.entity import EXPIRING, Entity, Instance, Record, Times, attribute_names, instances
from simpul.domain.errors import AlreadyExists, BadRequestData, NonexistentTenant
from simpul.domain.expiry import without_expiry
from simpul.domain.geo import matches_geo
from simpul.domain.match import matches, matches_scope
from simpul.domain.order import Ordering, keys_of, sort_keys
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.query import EntityQuery
from simpul.ports.contexts import ContextTable
from simpul.ports.store import Change, ChangeKind, Document, Draft, Page, Reject, Run, Token

Result = TypeVar("Result")

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_TEXT_MAX = limits.INDEXED_TEXT_CHARACTERS_MAX


class Kept(NamedTuple):
    """One entity with its number."""

    eid: int
    record: Record


@dataclass(slots=True)
class City:
    """All that one city has. A write changes a copy, which takes the place of the city when it succeeds."""

    entities: dict[str, Kept] = field(default_factory=dict)
    eids: dict[str, int] = field(default_factory=dict)
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    source_rows: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    rejects: dict[tuple[str, str], Reject] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    declarations: dict[str, dict[str, Any]] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    sequence: int = 0
    last_run: int = 0

    def copy(self) -> City:
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        copied: dict[str, Any] = {name: dict(one) if isinstance(one, dict) else one for name, one in values.items()}
        return City(**copied)


class ModelDraft:
    """One write's view: a copy of the city that the write may change."""

    def __init__(self, city: City, contexts: ContextTable, origin: str) -> None:
        self.city = city
        self._contexts = contexts
        self._origin = origin
        self.via: tuple[str, ...] = ()

    def find(self, entity_id: str) -> Record | None:
        kept = self.city.entities.get(entity_id)
        return kept.record if kept else None

    def find_body(self, entity_id: str) -> bytes | None:
        record = self.find(entity_id)
        if record is None:
            return None
        return msgspec.json.encode(self._contexts.get(record.context_id).compact_entity(record.entity))

    def expect(self, entity_ids: Sequence[str]) -> None:
        """All of it is in memory."""

    def exists(self, entity_id: str) -> bool:
        return entity_id in self.city.entities

    def create(self, record: Record) -> None:
        self._keep(record)
        self._log(record, ChangeKind.CREATED)

    def create_all(self, records: Sequence[Record]) -> None:
        for record in records:
            self.create(record)

    def create_packed(self, alike: Alike, now_us: int, context_id: int) -> None:
        for entity in unpack(self._contexts.get(context_id), alike):
            self.create(Record(entity, Times(now_us, now_us), context_id))

    def change(
        self,
        before: Record,
        after: Record,
        changed: Sequence[str],
        removed: Sequence[str] = (),
        *,
        past: Entity | None = None,
    ) -> None:
        self._keep(after)
        attributes = {"id": after.id, "type": list(after.types), **(past or {})}
        told = _told(after)
        attributes.update((name, told[name]) for name in changed if name in told)
        kind = ChangeKind.WRITTEN if past and not (changed or removed) else ChangeKind.CHANGED
        self._add(after.id, after.times.modified_us, kind, attributes, tuple(removed))

    def replace(self, before: Record, after: Record) -> None:
        self._keep(after)
        self._log(after, ChangeKind.REPLACED)

    def delete(self, before: Record, at_us: int) -> None:
        del self.city.entities[before.id]
        self._add(before.id, at_us, ChangeKind.DELETED, {"id": before.id, "type": before.entity["type"]}, ())

    def note_expiry(self, entity_id: str, at_us: int | None) -> None:
        self.city.expiries.pop(entity_id, None)
        if at_us is not None:
            self.city.expiries[entity_id] = at_us

    def put_source_row(self, source: str, key: str, digest: bytes, entity_id: str) -> None:
        self.city.source_rows[source, key] = (digest, entity_id)

    def drop_source_row(self, source: str, key: str) -> None:
        self.city.source_rows.pop((source, key), None)

    def add_reject(self, reject: Reject) -> None:
        self.city.rejects[reject.source, reject.key] = reject

    def drop_reject(self, source: str, key: str) -> None:
        self.city.rejects.pop((source, key), None)

    def _keep(self, record: Record) -> None:
        size = len(msgspec.json.encode(self._contexts.get(record.context_id).compact_entity(record.entity)))
        if size > limits.ENTITY_BYTES_MAX:
            raise BadRequestData(f"The entity {record.id} has {size} bytes; at most {limits.ENTITY_BYTES_MAX} fit.")
        eid = self.city.eids.setdefault(record.id, len(self.city.eids) + 1)
        self.city.entities[record.id] = Kept(eid, record)

    def _log(self, record: Record, kind: ChangeKind) -> None:
        self._add(record.id, record.times.modified_us, kind, dict(_told(record)), ())

    def _add(
        self, entity_id: str, at_us: int, kind: ChangeKind, attributes: dict[str, Any], removed: tuple[str, ...]
    ) -> None:
        self.city.sequence += 1
        change = Change(self.city.sequence, at_us, kind, self._origin, attributes, removed)
        self.city.changes[entity_id] = (*self.city.changes.get(entity_id, ()), change)


def _told(record: Record) -> Entity:
    return without_expiry(record.entity) if record.context_id == EXPIRING else record.entity


class ModelStore:
    """All ports of `ports/store.py` over dicts."""

    def __init__(self, contexts: ContextTable) -> None:
        self._contexts = contexts
        self._cities: dict[str, City] = {}

    def _city(self, tenant: str) -> City:
        if tenant not in self._cities:
            raise NonexistentTenant(f"No city named '{tenant[:64]}' is served here.")
        return self._cities[tenant]

    # TenantStore

    def list_tenants(self) -> list[str]:
        return sorted(self._cities)

    def has_tenant(self, tenant: str) -> bool:
        return tenant in self._cities

    async def create_tenant(self, tenant: str) -> None:
        if not _TENANT.match(tenant):
            raise BadRequestData(f"'{tenant[:64]}' cannot name a city.")
        if tenant in self._cities:
            raise AlreadyExists(f"There is a city named '{tenant}' already.")
        self._cities[tenant] = City()

    async def delete_tenant(self, tenant: str) -> None:
        self._city(tenant)
        del self._cities[tenant]

    # EntityStore

    def find_document(self, tenant: str, entity_id: str) -> Document | None:
        kept = self._city(tenant).entities.get(entity_id)
        return self._document(kept) if kept else None

    def _document(self, kept: Kept) -> Document:
        record = kept.record
        body = msgspec.json.encode(self._contexts.get(record.context_id).compact_entity(record.entity))
        return Document(kept.eid, record.id, record.types, record.context_id, body)

    async def list_documents(self, tenant: str, query: EntityQuery) -> Page:
        city = self._city(tenant)
        found = [
            kept for kept in sorted(city.entities.values(), key=lambda kept: kept.eid) if _holds(city, kept, query)
        ]
        page = found[query.offset : query.offset + query.limit]
        return Page([self._document(kept) for kept in page], len(found) if query.counts else None)

    async def list_ordered(self, tenant: str, query: EntityQuery, ordering: Ordering) -> Page:
        city = self._city(tenant)
        found = [
            kept for kept in sorted(city.entities.values(), key=lambda kept: kept.eid) if _holds(city, kept, query)
        ]
        places = sort_keys([keys_of(kept.record, ordering) for kept in found], ordering)
        page = [found[place] for place in places[query.offset : query.offset + query.limit]]
        return Page([self._document(kept) for kept in page], len(found) if query.counts else None)

    def read_records(self, tenant: str, documents: Sequence[Document]) -> list[Record]:
        city = self._city(tenant)
        return [city.entities[document.id].record for document in documents]

    async def write(
        self, tenant: str, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()
    ) -> Result:
        draft = ModelDraft(self._city(tenant).copy(), self._contexts, origin)
        result = operation(draft)
        self._cities[tenant] = draft.city
        return result

    def next_expiry(self, tenant: str) -> int | None:
        return min(self._city(tenant).expiries.values(), default=None)

    def list_expired(self, tenant: str, now_us: int, limit: int) -> list[str]:
        found = sorted((at_us, entity_id) for entity_id, at_us in self._city(tenant).expiries.items())
        return [entity_id for at_us, entity_id in found if at_us <= now_us][:limit]

    def list_changes(self, tenant: str, entity_id: str) -> list[Change]:
        return list(self._city(tenant).changes.get(entity_id, ()))[-limits.TEMPORAL_CHANGES_MAX :]

    def count_types(self, tenant: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for kept in self._city(tenant).entities.values():
            for name in kept.record.types:
                counts[name] = counts.get(name, 0) + 1
        return counts

    async def list_attributes(self, tenant: str, type_name: str | None = None) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for kept in self._city(tenant).entities.values():
            for name in kept.record.types:
                if type_name is None or name == type_name:
                    for attribute in attribute_names(kept.record.entity):
                        of_type = counts.setdefault(name, {})
                        of_type[attribute] = of_type.get(attribute, 0) + 1
        return counts

    async def count_by(self, tenant: str, type_name: str, attribute: str) -> dict[Any, int]:
        counts: dict[Any, int] = {}
        for kept in self._city(tenant).entities.values():
            if type_name in kept.record.types:
                for value in set(_scalars(kept.record, attribute)):
                    counts[value] = counts.get(value, 0) + 1
        return counts

    async def search(
        self, tenant: str, text: str, attributes: Sequence[str], readable_types: frozenset[str] | None, limit: int
    ) -> list[Document]:
        city = self._city(tenant)
        shown = [one for one in city.entities.values() if _is_readable(one.record, readable_types)]
        found = sorted((one for one in shown if one.record.id.startswith(text)), key=lambda one: one.record.id)
        wanted = _lower(text)
        for one in sorted(shown):
            texts = (value for name in attributes for value in _scalars(one.record, name) if isinstance(value, str))
            if one not in found and any(wanted in _lower(value) for value in texts):
                found.append(one)
        return [self._document(one) for one in found[:limit]]

    # SourceStore

    async def begin_run(self, tenant: str, source: str, started_us: int) -> int:
        city = self._city(tenant)
        city.last_run += 1
        city.runs[city.last_run] = Run(city.last_run, source, started_us, None, 0, 0, 0, 0, 0, None)
        return city.last_run

    async def finish_run(self, tenant: str, run: Run) -> None:
        runs = self._city(tenant).runs
        runs[run.id] = run
        complete = self.find_complete_run(tenant, run.source)
        for old in [one.id for one in self.list_runs(tenant, run.source, len(runs))][limits.RUNS_KEPT_MAX :]:
            if complete is None or old != complete.id:
                del runs[old]

    def find_complete_run(self, tenant: str, source: str) -> Run | None:
        runs = self.list_runs(tenant, source, len(self._city(tenant).runs))
        return next((run for run in runs if run.finished_us is not None and run.error is None), None)

    def list_runs(self, tenant: str, source: str | None = None, limit: int = 20) -> list[Run]:
        runs = sorted(self._city(tenant).runs.values(), reverse=True)
        return [run for run in runs if source is None or run.source == source][:limit]

    def find_digests(self, tenant: str, source: str, keys: Sequence[str]) -> dict[str, bytes]:
        rows = self._city(tenant).source_rows
        return {key: rows[source, key][0] for key in keys if (source, key) in rows}

    def count_source_rows(self, tenant: str, source: str) -> int:
        return len(list(self.iter_source_rows(tenant, source)))

    def iter_source_rows(self, tenant: str, source: str) -> Iterator[tuple[str, str]]:
        rows = sorted(self._city(tenant).source_rows.items())
        return ((key, entity_id) for (of, key), (_, entity_id) in rows if of == source)

    def list_rejects(self, tenant: str, source: str, limit: int = 100, offset: int = 0) -> list[Reject]:
        rejects = (one for one in self._city(tenant).rejects.values() if one.source == source)
        return sorted(rejects, key=lambda one: (-one.at_us, one.key))[offset : offset + limit]

    def count_rejects(self, tenant: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for source, _ in self._city(tenant).rejects:
            counts[source] = counts.get(source, 0) + 1
        return counts

    # IdentityStore

    def find_token(self, tenant: str, digest: bytes) -> Token | None:
        return next((one for one in self._city(tenant).tokens.values() if one.digest == digest), None)

    def list_tokens(self, tenant: str) -> list[Token]:
        return sorted(self._city(tenant).tokens.values(), key=lambda one: (-one.created_us, one.id))

    async def add_token(self, tenant: str, token: Token) -> None:
        self._city(tenant).tokens[token.id] = token

    async def revoke_token(self, tenant: str, token_id: str, at_us: int) -> bool:
        token = self._city(tenant).tokens.get(token_id)
        if token is None or token.revoked_us is not None:
            return False
        self._city(tenant).tokens[token_id] = token._replace(revoked_us=at_us)
        return True

    # DeclarationStore

    def get_declarations(self, tenant: str) -> dict[str, dict[str, Any]]:
        return dict(self._city(tenant).declarations)

    async def put_declarations(self, tenant: str, declarations: dict[str, dict[str, Any]]) -> None:
        self._city(tenant).declarations = dict(declarations)

    async def close(self) -> None:
        """Keep everything: this store lives as long as its object."""


def _holds(city: City, kept: Kept, query: EntityQuery) -> bool:
    record = kept.record
    return all((
        query.types is None or query.types.matches(record.types),
        not query.ids or record.id in query.ids,
        not query.id_pattern or matches_pattern(compile_pattern(query.id_pattern), record.id),
        not query.attributes or any(name in record.entity for name in query.attributes),
        query.scope is None or matches_scope(query.scope, record.entity),
        _is_readable(record, query.readable_types),
        query.geo is None or matches_geo(query.geo, record.entity),
    )) and (query.q is None or matches(query.q, record, lambda uri: _find_linked(city, uri, query)))  # fmt: skip


def _find_linked(city: City, entity_id: str, query: EntityQuery) -> Record | None:
    kept = city.entities.get(entity_id)
    return kept.record if kept is not None and _is_readable(kept.record, query.readable_types) else None


def _is_readable(record: Record, readable_types: frozenset[str] | None) -> bool:
    return readable_types is None or readable_types.issuperset(record.types)


def _scalars(record: Record, attribute: str) -> Iterator[str | float]:
    """Yield the texts (of the length that is indexed) and numbers that the attribute or its elements are."""
    for instance in instances(record.entity.get(attribute, [])):
        value = _plain(_indexed(instance))
        for one in value if isinstance(value, list) else [value]:
            element = _plain(one)
            if isinstance(element, str):
                yield element[:_TEXT_MAX]
            elif isinstance(element, int | float) and not isinstance(element, bool):
                yield element


def _indexed(instance: Instance) -> Any:
    members = {"Property": "value", "Relationship": "object", "VocabProperty": "vocab"}
    return instance.get(members.get(instance["type"], ""))


def _plain(value: Any) -> Any:
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _lower(text: str) -> str:
    """Return the text with the letters A to Z made small, which is all that a search looks past."""
    return "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in text)
