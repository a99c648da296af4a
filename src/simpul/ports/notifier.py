"""What the use-cases need to send a notification. No implementation here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One notification, ready to go. `headers` are the standard's, `receiver_info` is for the receiver's own use.

    `options` is the endpoint's `notifierInfo`: how the notifier itself is to behave.
    """

    uri: str
    body: bytes
    headers: dict[str, str]
    receiver_info: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float = 10.0


class Delivery(NamedTuple):
    """What became of a message. `failure` is None where it arrived.

    `is_refused`: another try would be the same. `is_denied`: it is unless somebody mends a right or a path there.
    """

    failure: str | None = None
    is_refused: bool = False
    is_denied: bool = False


class Notifier(Protocol):
    """Takes messages to where they belong. Never raises for what the receiver or the network does."""

    async def send(self, message: Message) -> Delivery:
        """Send it, and return what became of it."""

    async def close(self) -> None:
        """Let go of what is open."""
