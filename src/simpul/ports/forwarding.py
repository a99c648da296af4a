"""What the use-cases need to keep of subscriptions that were handed on to other sources. No SQL and no sending here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class Forwarded(NamedTuple):
    """One subscription at one source (CIM 009 §5.8.1.4): whose it is, and what the source was told last.

    `remote_id` is its id there. It is made of 128 random bits and known to nobody else, so that whoever tells it in a
    notification is the source. `number` is that of the city's own subscription, `registration` the document of the
    source's registration when it was told. `sent` is None until the source has accepted it; `failure` says why the
    last try failed.
    """

    remote_id: str
    number: int
    registration: dict[str, Any]
    sent: dict[str, Any] | None = None
    failure: str | None = None

    @property
    def registration_id(self) -> str:
        identifier: str = self.registration["id"]
        return identifier


class ForwardingStore(Protocol):
    """The subscriptions that each city has handed on, and what their sources told."""

    def list_forwarded(self, tenant: str) -> list[Forwarded]:
        """Return all, in the order of their ids. Raises NonexistentTenant, StorageUnavailable."""

    async def put_forwarded(self, tenant: str, forwarded: Forwarded) -> None:
        """Keep it, in place of one with its id."""

    async def drop_forwarded(self, tenant: str, remote_id: str) -> None:
        """Forget it."""

    async def add_notices(self, tenant: str, number: int, states: Sequence[bytes]) -> None:
        """Let a subscription wait for changes that a source told of (`notification.encode_captured`)."""
