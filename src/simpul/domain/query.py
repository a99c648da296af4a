"""A question about entities, fully parsed: what the stores answer. No text and no HTTP here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from simpul.domain.geo import GeoQuery
    from simpul.domain.q import Expression


@dataclass(frozen=True, slots=True)
class TypeSelection:
    """CIM 009 §4.17: a disjunction of conjunctions of expanded type IRIs. `((A,), (B, C))` is `A,(B;C)`."""

    any_of: tuple[tuple[str, ...], ...]

    def matches(self, types: tuple[str, ...] | list[str]) -> bool:
        return any(all(name in types for name in every) for every in self.any_of)


@dataclass(frozen=True, slots=True)
class ScopeSelection:
    """CIM 009 §4.19: a disjunction of conjunctions of scope patterns, which may end in `/#` or hold `+`."""

    any_of: tuple[tuple[str, ...], ...]


class EntityQuery(msgspec.Struct, frozen=True):
    """Which entities, and which page of them.

    `types`, `ids`, `id_pattern`, `attributes` (at least one of them present), `q`, `geo` and `scope` must all
    hold; an empty one asks nothing. `readable_types` is what the caller may see: None is everything, and an
    entity is seen when every one of its types is readable. Pages are in a stable order.
    """

    types: TypeSelection | None = None
    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    attributes: tuple[str, ...] = ()
    q: Expression | None = None
    geo: GeoQuery | None = None
    scope: ScopeSelection | None = None
    readable_types: frozenset[str] | None = None
    limit: int = 20
    offset: int = 0
    counts: bool = False
