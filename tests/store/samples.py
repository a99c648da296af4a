"""Entities, attributes and the driver that a contract test works with. Nothing of a backend here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from simpul.app.contexts import ContextLibrary
from simpul.domain.context import CORE, Context
from simpul.domain.entity import Entity, Instance, Record, Times
from simpul.domain.errors import ContextNotAvailable
from simpul.domain.geo import GeoQuery, Relation
from simpul.domain.q import Expression, parse_q
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.ports.store import (
    DeclarationStore,
    Document,
    Draft,
    EntityStore,
    ExpiryStore,
    IdentityStore,
    Page,
    SourceStore,
    TenantStore,
)

Result = TypeVar("Result")

TENANT = "padang"
PLACE = CORE.expand("location")
NOON_US = 1_764_000_000_000_000


class Store(EntityStore, ExpiryStore, SourceStore, IdentityStore, TenantStore, DeclarationStore, Protocol):
    """A whole backend."""

    async def close(self) -> None: ...


class NoNetwork:
    """An outbound port that reaches nothing."""

    async def get_json(self, url: str) -> Any:
        raise ContextNotAvailable(f"{url} cannot be reached: these tests have no network.")


def iri(name: str) -> str:
    return CORE.expand(name)


def number(value: float, **members: Any) -> Instance:
    return {"type": "Property", "value": value, **members}


def prop(value: Any, **members: Any) -> Instance:
    return {"type": "Property", "value": value, **members}


def link(target: Any, **members: Any) -> Instance:
    return {"type": "Relationship", "object": target, **members}


def words(**languages: str) -> Instance:
    return {"type": "LanguageProperty", "languageMap": languages}


def geometry(kind: str, coordinates: Any, **members: Any) -> Instance:
    return {"type": "GeoProperty", "value": {"type": kind, "coordinates": coordinates}, **members}


def point(longitude: float, latitude: float, **members: Any) -> Instance:
    return geometry("Point", [longitude, latitude], **members)


def entity_of(entity_id: str, types: str | Sequence[str], **attributes: Any) -> Entity:
    names = [types] if isinstance(types, str) else types
    entity: Entity = {"id": entity_id, "type": [iri(name) for name in names]}
    if "scope" in attributes:
        entity["scope"] = attributes.pop("scope")
    entity.update((iri(name), value) for name, value in attributes.items())
    return entity


def record_of(
    entity_id: str, types: str | Sequence[str] = "Stop", *, at_us: int = NOON_US, context_id: int = 0, **attributes: Any
) -> Record:
    return Record(entity_of(entity_id, types, **attributes), Times(at_us, at_us), context_id)


def changed_record(before: Record, at_us: int, **attributes: Any) -> Record:
    """Return the record with these attributes set at that time."""
    entity = before.entity | {iri(name): value for name, value in attributes.items()}
    times = before.times.attributes | {
        iri(name): (before.times.of(iri(name))[0] if iri(name) in before.entity else at_us, at_us)
        for name in attributes
    }
    return Record(entity, Times(before.times.created_us, at_us, times), before.context_id)


def without(before: Record, at_us: int, name: str) -> Record:
    """Return the record without the attribute."""
    entity = {key: value for key, value in before.entity.items() if key != iri(name)}
    times = {key: value for key, value in before.times.attributes.items() if key != iri(name)}
    return Record(entity, Times(before.times.created_us, at_us, times), before.context_id)


def types_of(*any_of: str | tuple[str, ...]) -> TypeSelection:
    every = [(one,) if isinstance(one, str) else one for one in any_of]
    return TypeSelection(tuple(tuple(iri(name) for name in names) for names in every))


def q(text: str) -> Expression:
    return parse_q(text, CORE.expand)


def near(longitude: float, latitude: float, **metres: float) -> GeoQuery:
    shape = {"type": "Point", "coordinates": [longitude, latitude]}
    return GeoQuery(Relation.NEAR, shape, PLACE, metres.get("at_least"), metres.get("at_most"))


def asking(types: str | TypeSelection | None = "Stop", **members: Any) -> EntityQuery:
    """Return a question about all entities of a type, on one page."""
    selection = types_of(types) if isinstance(types, str) else types
    return EntityQuery(**{"types": selection, "limit": 1_000, **members})


class Driver:
    """A store with the loop that it runs in, and what a test does most often with it."""

    def __init__(self, open_store: Callable[[ContextLibrary], Store], runner: asyncio.Runner) -> None:
        self._open_store = open_store
        self._runner = runner
        self._open()
        self.run(self.store.create_tenant(TENANT))

    def _open(self) -> None:
        self.contexts = ContextLibrary(NoNetwork())
        self.store = self._open_store(self.contexts)

    def reopen(self) -> None:
        """Close the store and open it again, as after a restart."""
        self.run(self.store.close())
        self._open()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(coroutine)

    def register(self, url: str, terms: dict[str, Any]) -> tuple[Context, int]:
        """Make a context known under a URL, and return it with its number."""
        self.contexts.preload(url, {"@context": terms})
        context = self.run(self.contexts.resolve(url))
        return context, self.contexts.register(context)

    def write(self, operation: Callable[[Draft], Result], *, tenant: str = TENANT, origin: str = "token/a") -> Result:
        return self.run(self.store.write(tenant, origin, operation))

    def write_together(self, *operations: Callable[[Draft], Any]) -> list[Any]:
        """Run the operations as concurrent writes, which a store may put into one group."""

        async def run() -> list[Any]:
            writes = (self.store.write(TENANT, "token/a", operation) for operation in operations)
            return await asyncio.gather(*writes, return_exceptions=True)

        return self.run(run())

    def put(self, *records: Record, tenant: str = TENANT, origin: str = "token/a") -> None:
        def create(draft: Draft) -> None:
            for record in records:
                draft.create(record)

        self.write(create, tenant=tenant, origin=origin)

    def change(self, entity_id: str, at_us: int, *, origin: str = "token/a", **attributes: Any) -> None:
        def change(draft: Draft) -> None:
            before = self.existing(draft, entity_id)
            draft.change(before, changed_record(before, at_us, **attributes), [iri(name) for name in attributes])

        self.write(change, origin=origin)

    def remove(self, entity_id: str, at_us: int = NOON_US, *, origin: str = "token/a") -> None:
        self.write(lambda draft: draft.delete(self.existing(draft, entity_id), at_us), origin=origin)

    @staticmethod
    def existing(draft: Draft, entity_id: str) -> Record:
        before = draft.find(entity_id)
        assert before is not None
        return before

    def find(self, entity_id: str, tenant: str = TENANT) -> Document | None:
        return self.store.find_document(tenant, entity_id)

    def record(self, entity_id: str) -> Record:
        document = self.find(entity_id)
        assert document is not None
        return self.store.read_records(TENANT, [document])[0]

    def page(self, query: EntityQuery, tenant: str = TENANT) -> Page:
        return self.run(self.store.list_documents(tenant, query))

    def ids(self, query: EntityQuery, tenant: str = TENANT) -> list[str]:
        return [document.id for document in self.page(query, tenant).documents]

    def ids_page_by_page(self, query: EntityQuery, size: int) -> list[str]:
        """Return the ids of all pages of that size, one after the other."""
        found: list[str] = []
        while page := self.ids(replace(query, limit=size, offset=len(found))):
            found += page
            if len(page) < size:
                break
        return found
