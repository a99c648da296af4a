"""What the use-cases need from a store of cities. No SQL and no implementation here.

A tenant is a city (CIM 009 §4.14); it comes first in every call. Reads see committed state only. A write is a
function that runs against a `Draft`: all of what it puts there becomes durable in one transaction, or nothing
does; the awaited result arrives after the data is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from simpul.domain.alike import Alike
from simpul.domain.entity import Entity, Record
from simpul.domain.history import ChangeKind as ChangeKind
from simpul.domain.order import Ordering
from simpul.domain.query import EntityQuery

Result = TypeVar("Result")


class Document(msgspec.Struct, frozen=True, order=True, gc=False):
    """One stored entity as it lies on disk.

    `body` is normalized JSON in the short names of the @context `context_id`, without system attributes.
    `types` are expanded IRIs.
    """

    eid: int
    id: str
    types: tuple[str, ...]
    context_id: int
    body: bytes


# A stored entity as it is sent: the number of its @context, and its body.
Body = tuple[int, bytes]


class NumberRange(Protocol):
    """One page of one question that compares one attribute with one number, whatever the number is."""

    def read(self, number: float) -> Sequence[Body] | None:
        """Return the page, or None where the question has to be asked in the ordinary way by now.

        Raises StorageUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """One page of documents; `count` is the number of all matches, where it was asked for."""

    documents: list[Document]
    count: int | None


class Change(NamedTuple):
    """One entry of an entity's history, oldest first.

    `attributes` holds the instances that the change set, under expanded names; `removed` the keys
    (`entity.attribute_key`) that it removed. `origin` says who or what did it: `source/halte#12`, `token/…`.
    """

    sequence: int
    at_us: int
    kind: ChangeKind
    origin: str
    attributes: Entity
    removed: tuple[str, ...]


class ExpiringDraft(Protocol):
    """What a write says of when things expire."""

    def note_expiry(self, entity_id: str, at_us: int | None) -> None:
        """Remember when the first thing of the entity expires, or that nothing does."""


class SourceDraft(Protocol):
    """What a write says of a source's rows."""

    def put_source_row(self, source: str, key: str, digest: bytes, entity_id: str) -> None:
        """Remember that the source's row `key` was taken over with this digest. Replaces what was known of it."""

    def drop_source_row(self, source: str, key: str) -> None:
        """Forget the source's row `key`."""

    def add_reject(self, reject: Reject) -> None:
        """Keep a row that broke a rule; replaces an earlier reject of the same source and key."""

    def drop_reject(self, source: str, key: str) -> None:
        """Forget the reject of the source's row `key`, if there is one."""


class Draft(ExpiringDraft, SourceDraft, Protocol):
    """The state as one write sees it: what is committed, plus what the writes before it in the group did.

    `via` is set to the hubs through which the write came: subscribers are told, so that a circle is noticed.
    """

    via: tuple[str, ...]

    def find(self, entity_id: str) -> Record | None:
        """Return the entity, or None."""

    def find_body(self, entity_id: str) -> bytes | None:
        """Return the entity as it is stored, as `Document.body` is; None where it is not there."""

    def expect(self, entity_ids: Sequence[str]) -> None:
        """Say which entities will be asked for, so that they are read together. Changes no answer."""

    def exists(self, entity_id: str) -> bool:
        """Return whether the entity is there, without reading it."""

    def create(self, record: Record) -> None:
        """Put a new entity. The caller has checked that it is not there."""

    def create_all(self, records: Sequence[Record]) -> None:
        """Put new entities, each with another id. The caller has checked that none is there."""

    def create_packed(self, alike: Alike, now_us: int, context_id: int) -> None:
        """Put new entities that were packed with this @context. The caller has checked that none is there."""

    def change(
        self,
        before: Record,
        after: Record,
        changed: Sequence[str],
        removed: Sequence[str] = (),
        *,
        past: Entity | None = None,
    ) -> None:
        """Put a changed entity. `changed` are names of attributes, `removed` keys of instances that went.

        `past` are instances by name that only the history is to have: they were observed before what is current.
        """

    def replace(self, before: Record, after: Record) -> None:
        """Put an entity in the place of another one with its id."""

    def delete(self, before: Record, at_us: int) -> None:
        """Remove the entity. Its history stays, and tells when it went."""


class ExpiryStore(Protocol):
    """What expires when, as `Draft.note_expiry` was told."""

    def next_expiry(self, tenant: str) -> int | None:
        """Return the earliest moment at which something expires, or None. Raises StorageUnavailable."""

    def list_expired(self, tenant: str, now_us: int, limit: int) -> list[str]:
        """Return ids of entities of which something has expired, the earliest first."""


class RangeStore(Protocol):
    """Questions that are read once and asked with many numbers."""

    def find_number_range(self, tenant: str, query: EntityQuery) -> NumberRange | None:
        """Return the range of one index that answers the query, whatever its number is, if there is one."""


class EntityStore(Protocol):
    """The current state and its history, for many cities."""

    def find_document(self, tenant: str, entity_id: str) -> Document | None:
        """Return the stored entity, or None. Raises NonexistentTenant, StorageUnavailable."""

    async def list_documents(self, tenant: str, query: EntityQuery) -> Page:
        """Return the page of entities that match. Raises TooComplexQuery, StorageUnavailable."""

    async def list_ordered(self, tenant: str, query: EntityQuery, ordering: Ordering) -> Page:
        """Return the page of entities that match, in this order (§4.23); equal ones in that of `list_documents`.

        Raises TooComplexQuery where more match than are ordered, StorageUnavailable.
        """

    def read_records(self, tenant: str, documents: Sequence[Document]) -> list[Record]:
        """Return the documents decoded, with their times, in the same order."""

    async def write(
        self, tenant: str, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()
    ) -> Result:
        """Run the operation in the next group commit; return its result once it is durable.

        `expected` are ids that it will ask for, so that those of a group can be looked up at once.
        What the operation raises is raised here, and nothing of it is kept. Raises HubBusy, StorageFull,
        StorageUnavailable.
        """

    def list_changes(self, tenant: str, entity_id: str) -> list[Change]:
        """Return the entity's history, oldest first; empty where nothing of that id ever was."""

    def count_types(self, tenant: str) -> dict[str, int]:
        """Return how many entities there are of each type (expanded)."""

    async def list_attributes(self, tenant: str, type_name: str | None = None) -> dict[str, dict[str, int]]:
        """Return type → attribute → number of entities that have it, for one type or for all."""

    async def count_by(self, tenant: str, type_name: str, attribute: str) -> dict[Any, int]:
        """Return how many entities of the type have each value (text or number) of the attribute."""

    async def search(
        self, tenant: str, text: str, attributes: Sequence[str], readable_types: frozenset[str] | None, limit: int
    ) -> list[Document]:
        """Return entities whose id begins with the text, then those with it inside one of these attributes."""


class Reject(NamedTuple):
    """A row that was kept aside. `raw` is the row as it came; `rule` and `reason` say why."""

    source: str
    key: str
    run: int
    at_us: int
    rule: str
    reason: str
    raw: dict[str, Any]


RUN_STOPPED: Final = "The run was stopped before its end. What it had taken over stays; run it again for the rest."


class Run(NamedTuple):
    """One run of a source. `finished_us` is None while it goes on; `error` is a message for a person.

    One that was cut off because the hub was stopped has the error `RUN_STOPPED`, and nothing is wrong with its source;
    one whose hub was killed never says that it finished.
    """

    id: int
    source: str
    started_us: int
    finished_us: int | None
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int
    rows_vanished: int
    error: str | None


class SourceStore(Protocol):
    """What the hub remembers of a city's sources: runs, digests of rows, rejects."""

    async def begin_run(self, tenant: str, source: str, started_us: int) -> int:
        """Record that a run began; return its id."""

    async def finish_run(self, tenant: str, run: Run) -> None:
        """Record how the run ended; drops runs beyond `limits.RUNS_KEPT_MAX`, but never the last complete one."""

    def find_complete_run(self, tenant: str, source: str) -> Run | None:
        """Return the source's last run that ended well, or None."""

    def list_runs(self, tenant: str, source: str | None = None, limit: int = 20) -> list[Run]:
        """Return runs, newest first."""

    def find_digests(self, tenant: str, source: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the digest of each row that is known, of those asked for."""

    def count_source_rows(self, tenant: str, source: str) -> int:
        """Return how many rows of the source were taken over."""

    def iter_source_rows(self, tenant: str, source: str) -> Iterator[tuple[str, str]]:
        """Yield (key, entity id) of every row taken over, in key order, in bounded memory."""

    def list_rejects(self, tenant: str, source: str, limit: int = 100, offset: int = 0) -> list[Reject]:
        """Return the rows kept aside, newest first."""

    def count_rejects(self, tenant: str) -> dict[str, int]:
        """Return how many rows are kept aside, by source."""


class Token(NamedTuple):
    """A credential as it is known to the hub: never the secret, only its digest.

    `kind` is `token` (API), `session` (console), `welcome` (the one-time link) or `agent`. `roles` is a subset of
    `access.ROLES`; of an agent's token it is the one source that it may deliver.
    """

    id: str
    kind: str
    name: str
    digest: bytes
    roles: tuple[str, ...]
    created_us: int
    expires_us: int | None
    revoked_us: int | None


class IdentityStore(Protocol):
    """Who may come in: the digests of tokens, sessions and the one-time link of each city."""

    def find_token(self, tenant: str, digest: bytes) -> Token | None:
        """Return the token with this digest, revoked or expired ones too, or None."""

    def list_tokens(self, tenant: str) -> list[Token]:
        """Return all tokens, newest first."""

    async def add_token(self, tenant: str, token: Token) -> None:
        """Keep a token."""

    async def revoke_token(self, tenant: str, token_id: str, at_us: int) -> bool:
        """Revoke it; return whether there was such a token that was not revoked before."""


class TenantStore(Protocol):
    """The cities served here."""

    def list_tenants(self) -> list[str]:
        """Return their names, sorted."""

    def has_tenant(self, tenant: str) -> bool:
        """Return whether the city is there."""

    async def create_tenant(self, tenant: str) -> None:
        """Make an empty city. Raises AlreadyExists, BadRequestData."""

    async def delete_tenant(self, tenant: str) -> None:
        """Remove the city and all that it has. Raises NonexistentTenant."""


class DeclarationStore(Protocol):
    """What a city has applied: the content of its YAML files, by path inside its folder."""

    def get_declarations(self, tenant: str) -> dict[str, dict[str, Any]]:
        """Return path → content of every applied file; empty for a city that has applied nothing."""

    async def put_declarations(self, tenant: str, declarations: dict[str, dict[str, Any]]) -> None:
        """Make these the applied ones, all at once."""
