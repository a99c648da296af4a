"""What the use-cases need of the world outside: documents by URL. No implementation here."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Fetched(NamedTuple):
    """A document, and for how many seconds its server says that it is fresh; None where it does not say."""

    content: Any
    fresh_seconds: int | None


class Outbound(Protocol):
    """Fetches documents, within limits of size and time, and only from where the operator allows."""

    async def get_json(self, url: str) -> Fetched:
        """Return the decoded document. Raises ContextNotAvailable, and BadRequestData for what is no JSON."""
