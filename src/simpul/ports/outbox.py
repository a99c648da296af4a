"""What the use-cases need to keep subscriptions, and to lose no notification. No SQL and no sending here.

A notice is one change of one entity that concerns one subscription or more. The store writes it in the transaction of
the change; it goes when every subscription has been told, or has parked it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from simpul.domain.entity import Record
from simpul.domain.match import FindRecord
from simpul.domain.subscription import Kept
from simpul.domain.watch import Effects, Interest


class Notice(NamedTuple):
    """A change to tell. `id` grows with every change; `numbers` says whom it concerns (`watch.unpack_numbers`).

    `state` is what `notification.encode_captured` made of the change.
    """

    id: int
    numbers: bytes
    state: bytes


class Progress(NamedTuple):
    """How far a subscription's notifications are. `told` is the id of the last notice that was sent or parked.

    `tries` counts the failures since the last success, `failing_since_us` says when the first of them was, and
    `failure` what the last one was.
    """

    number: int
    told: int = 0
    times_sent: int = 0
    times_failed: int = 0
    last_notification_us: int | None = None
    last_success_us: int | None = None
    last_failure_us: int | None = None
    tries: int = 0
    failing_since_us: int | None = None
    failure: str | None = None


class StoredSubscription(NamedTuple):
    """A subscription as it is stored. `number` is its own in its city, and is never given again."""

    number: int
    id: str
    kept: Kept
    progress: Progress


class Parked(NamedTuple):
    """A notification that was given up: what it would have told, and why it could not be."""

    id: int
    number: int
    subscription_id: str
    at_us: int
    tries: int
    reason: str
    states: tuple[bytes, ...]


class Watch(Protocol):
    """Tells the store, within a write, whom a change concerns."""

    def find_interest(self, record: Record, effects: Effects, find_linked: FindRecord | None = None) -> Interest | None:
        """Return whom it concerns, or None where it is nobody. `record` is the entity after it, or before its end."""


Noticed = Callable[[str, Sequence[Notice]], None]


class SubscriptionStore(Protocol):
    """The subscriptions of each city."""

    def list_subscriptions(self, tenant: str) -> list[StoredSubscription]:
        """Return all of them, oldest first."""

    async def put_subscription(self, tenant: str, subscription_id: str, kept: Kept) -> int:
        """Keep it, in the place of one with the same id; return its number."""

    async def delete_subscription(self, tenant: str, number: int) -> None:
        """Remove it, with what was parked for it."""

    def set_watch(self, tenant: str, watch: Watch | None) -> None:
        """Ask this from the next write on; None where no subscription waits."""


class Outbox(Protocol):
    """The notices that are not told yet, and those that were given up."""

    def set_listener(self, listener: Noticed) -> None:
        """Call this in the event loop when a group's notices are durable: (tenant, notices)."""

    def is_writing(self, tenant: str) -> bool:
        """Return whether somebody waits for a write of the city at this moment."""

    async def list_notices(self, tenant: str, after: int, limit: int) -> list[Notice]:
        """Return notices with a larger id, in their order, when they are durable."""

    async def record(self, tenant: str, progress: Sequence[Progress], told_by_all: int) -> None:
        """Keep how far subscriptions are, and drop the notices up to `told_by_all`."""

    async def drop_notices(self, tenant: str, notice_ids: Sequence[int]) -> None:
        """Drop notices that everybody whom they concern was told."""

    async def park(self, tenant: str, parked: Parked, progress: Progress) -> None:
        """Put a notification aside; `parked.id` is not looked at."""

    def list_parked(self, tenant: str, number: int | None, limit: int, offset: int) -> list[Parked]:
        """Return what was given up, newest first; of one subscription where a number is given."""

    def count_parked(self, tenant: str) -> dict[int, int]:
        """Return how many notifications are parked, by subscription's number."""

    async def replay(self, tenant: str, parked_id: int) -> bool:
        """Make notices of a parked notification again, for its subscription; return whether it was there."""

    async def drop_parked(self, tenant: str, parked_id: int) -> bool:
        """Forget a parked notification; return whether it was there."""
