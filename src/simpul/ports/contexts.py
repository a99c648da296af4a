"""What the stores need of @contexts: the short names behind a number. No fetching here."""

from __future__ import annotations

from typing import Protocol

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
