"""What the use-cases need of a store of registrations. No SQL here."""

from __future__ import annotations

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


class SourceSubscriptionStore(Protocol):
    """Who is told of registrations, city by city."""

    def list_source_subscriptions(self, tenant: str) -> list[SourceSubscription]:
        """Return all, oldest first."""

    async def put_source_subscription(self, tenant: str, kept: SourceSubscription) -> None:
        """Keep it, in place of one with its id."""

    async def delete_source_subscription(self, tenant: str, subscription_id: str) -> None:
        """Forget it."""


class RegistrationStore(Protocol):
    """The registrations of other sources, city by city, and the name by which other hubs know the city."""

    def list_registrations(self, tenant: str) -> list[KeptRegistration]:
        """Return all, oldest first. Raises NonexistentTenant, StorageUnavailable."""

    async def put_registration(self, tenant: str, kept: KeptRegistration) -> None:
        """Keep it, in place of one with its id."""

    async def delete_registration(self, tenant: str, registration_id: str) -> None:
        """Forget it."""

    def find_alias(self, tenant: str) -> str | None:
        """Return the city's pseudonym in Via headers, or None where it has none yet."""

    async def put_alias(self, tenant: str, alias: str) -> None:
        """Keep the city's pseudonym."""
