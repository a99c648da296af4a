"""What the stores need of @contexts, and what is needed of a store of them. No fetching here."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from simpul.domain.context import Context


class ContextTable(Protocol):
    """The @contexts in use, each under a number made from its content; 0 is the core context."""

    def get(self, context_id: int) -> Context:
        """Return the context with this number. The caller has it from `register` or from a stored body."""

    def register(self, context: Context) -> int:
        """Return the context's number, keeping it."""

    def dump(self, context_id: int) -> bytes:
        """Return what `restore` needs to make the context again without the network."""

    def restore(self, context_id: int, document: bytes) -> None:
        """Take up a context that a store has kept."""


class HostedContext(NamedTuple):
    """An @context that a city serves (CIM 009 §5.13.1). `kind` is `Hosted` or `ImplicitlyCreated`."""

    id: str
    kind: str
    created_us: int


class CachedContext(NamedTuple):
    """A copy of the @context at a URL: an object whose only member is `@context`, as JSON; and when it was made."""

    url: str
    document: bytes
    created_us: int


class ContextStore(Protocol):
    """The @contexts that each city serves, and copies of others', in a city's file."""

    def list_hosted(self, tenant: str) -> list[HostedContext]:
        """Return all, oldest first. Raises NonexistentTenant, StorageUnavailable."""

    def measure_hosted(self, tenant: str) -> tuple[int, int]:
        """Return how many there are, and their bytes together."""

    def find_hosted(self, tenant: str, context_id: str) -> tuple[HostedContext, bytes] | None:
        """Return the @context and its document, as `CachedContext.document`; or None."""

    async def put_hosted(self, tenant: str, kept: HostedContext, document: bytes) -> None:
        """Keep it, in place of one with its id."""

    async def delete_hosted(self, tenant: str, context_id: str) -> None:
        """Forget it."""

    def list_cached(self, tenant: str) -> list[CachedContext]:
        """Return the copies in the city's file, oldest first."""

    async def put_cached(self, tenant: str, kept: CachedContext) -> None:
        """Keep the copy, in place of one with its URL."""

    async def delete_cached(self, tenant: str, url: str) -> None:
        """Forget the copy."""
