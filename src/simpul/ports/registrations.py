"""What the use-cases need of a store of registrations. No SQL here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class KeptRegistration(NamedTuple):
    """A registration as it is kept: its document with expanded names, and when it was made and last changed."""

    id: str
    document: dict[str, Any]
    created_us: int
    modified_us: int


class SourceSubscription(NamedTuple):
    """A subscription to registrations as it is kept: its document with expanded names, and how telling it went."""

    id: str
    document: dict[str, Any]
    created_us: int
    modified_us: int
    times_sent: int = 0
    times_failed: int = 0
    last_success_us: int | None = None
    last_failure_us: int | None = None


class SourceNotice(NamedTuple):
    """What a subscriber is to be told of registrations: why (§5.3.2), and the documents of those that it is about.

    `id` grows with every notice. One that was given up says when (`parked_us`), and what the last failure was.
    """

    subscription_id: str
    reason: str
    documents: list[dict[str, Any]]
    at_us: int
    id: int = 0
    parked_us: int | None = None
    failure: str | None = None


class SourceSubscriptionStore(Protocol):
    """Who is told of registrations, and what they are still to be told, city by city."""

    def list_source_subscriptions(self, tenant: str) -> list[SourceSubscription]:
        """Return all, oldest first."""

    async def put_source_subscription(
        self, tenant: str, kept: SourceSubscription, notices: Sequence[SourceNotice] = ()
    ) -> None:
        """Keep it, in place of one with its id, and what it is to be told: all of it, or nothing."""

    async def delete_source_subscription(self, tenant: str, subscription_id: str) -> None:
        """Forget it, and what it was to be told."""

    async def list_source_notices(self, tenant: str, subscription_id: str, limit: int) -> list[SourceNotice]:
        """Return what waits for a subscriber, oldest first, when it is durable."""

    async def finish_source_notice(self, tenant: str, notice_id: int, kept: SourceSubscription) -> None:
        """Forget what was told, and keep how telling went: both, or neither."""

    async def park_source_notices(
        self, tenant: str, subscription_id: str, parked: tuple[int, int, str], kept: SourceSubscription
    ) -> None:
        """Put the oldest of what waits aside, `parked` being how many, when and why; keep how telling went."""

    def count_source_notices(self, tenant: str, subscription_id: str) -> int:
        """Return how many wait for a subscriber."""

    def list_parked_source_notices(self, tenant: str) -> list[SourceNotice]:
        """Return what was given up, oldest first."""

    async def replay_source_notice(self, tenant: str, notice_id: int) -> str | None:
        """Let one that was given up wait again, behind the others; return its subscription's id, or None."""

    async def drop_source_notice(self, tenant: str, notice_id: int) -> bool:
        """Forget one that was given up; return whether it was there."""


class RegistrationStore(Protocol):
    """The registrations of other sources, city by city, and the name by which other hubs know the city."""

    def list_registrations(self, tenant: str) -> list[KeptRegistration]:
        """Return all, oldest first. Raises NonexistentTenant, StorageUnavailable."""

    async def put_registration(self, tenant: str, kept: KeptRegistration, notices: Sequence[SourceNotice] = ()) -> None:
        """Keep it, in place of one with its id, and what subscribers are to be told of it: all of it, or nothing."""

    async def delete_registration(
        self, tenant: str, registration_id: str, notices: Sequence[SourceNotice] = ()
    ) -> None:
        """Forget it, and keep what subscribers are to be told of that."""

    def find_alias(self, tenant: str) -> str | None:
        """Return the city's pseudonym in Via headers, or None where it has none yet."""

    async def put_alias(self, tenant: str, alias: str) -> None:
        """Keep the city's pseudonym."""
