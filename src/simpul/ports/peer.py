"""What the use-cases need of other hubs: a request and its answer. No HTTP library here."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class PeerRequest(NamedTuple):
    """A request to another hub. `headers` are written as they are given."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_ms: int


class PeerAnswer(NamedTuple):
    """What another hub answered. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Peer(Protocol):
    """Sends requests to other hubs, within limits of size and time, and only to where the operator allows."""

    async def send(self, request: PeerRequest) -> PeerAnswer:
        """Return the answer, whatever its status. Raises PeerUnreachable, PeerTimeout."""
