"""What was worked out for a city's questions and still holds. Bounded; used in the event loop only. No SQL here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simpul import limits
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.ports.store import Token

TypePage = tuple[int, int, int]
_ScopeKey = tuple[TypeSelection | None, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the city's names say about a question: its types, and the sets of types that may be shown."""

    type_terms: tuple[int, ...] | None
    shown_sets: frozenset[int]
    every_set_is_shown: bool


class Memory:
    """The scopes of questions, the pages of types and the tokens that were asked for last."""

    __slots__ = ("_revision", "_scopes", "pages", "tokens")

    def __init__(self) -> None:
        self._scopes: dict[_ScopeKey, Scope] = {}
        self._revision = 0
        self.pages: dict[TypePage, list[int]] = {}
        self.tokens: dict[bytes, Token] = {}

    def scope(self, revision: int, query: EntityQuery, make: Callable[[], Scope]) -> Scope:
        """Return the scope of the question, worked out anew when the city's names have grown."""
        if revision != self._revision or len(self._scopes) >= limits.SCOPES_REMEMBERED_MAX:
            self._scopes.clear()
            self._revision = revision
        key = (query.types, query.readable_types)
        known = self._scopes.get(key)
        if known is None:
            known = self._scopes[key] = make()
        return known

    def keep_page(self, page: TypePage, eids: list[int]) -> None:
        """Remember the eids of a page (type, limit, offset) until an entity comes, goes or changes its types."""
        if len(self.pages) >= limits.PAGES_REMEMBERED_MAX:
            self.pages.clear()
        self.pages[page] = eids
