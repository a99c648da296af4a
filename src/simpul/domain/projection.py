"""Which members of an entity, and of those that it links to, are wanted (CIM 009 §4.21, §4.5.23). No rendering here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simpul import limits
from simpul.domain.errors import BadRequestData

INLINE = "inline"
FLAT = "flat"
JOINS = (INLINE, FLAT, "@none")

# Members of an entity that may be picked and are no attributes.
CORE_MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})

_PARTS = re.compile(r"[{},|]|[^{},|]+")


@dataclass(frozen=True, slots=True)
class Projection:
    """What `pick` or `omit` names: members with expanded names, and what is named of entities behind relationships.

    `names` holds every name in its order, those with braces behind them too. `linked` is keyed by relationship.
    """

    names: tuple[str, ...] = ()
    linked: tuple[tuple[str, Projection], ...] = ()

    @property
    def depth(self) -> int:
        """How many relationships deep it reaches."""
        return max((1 + below.depth for _, below in self.linked), default=0)

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names without braces behind them: what `omit` takes away itself."""
        reached = {name for name, _ in self.linked}
        return tuple(name for name in self.names if name not in reached)

    def texts(self, name_of: Callable[[str], str]) -> list[str]:
        """Return it as `pick` or `omit` is written, one text for each name; `name_of` says how an attribute is."""
        return [
            (name if name in CORE_MEMBERS else name_of(name))
            + (f"{{{','.join(below.texts(name_of))}}}" if (below := self.below(name)) != NOTHING else "")
            for name in self.names
        ]

    def below(self, relationship: str) -> Projection:
        """Return what is named of the entities behind a relationship; nothing if it is not named."""
        return next((below for name, below in self.linked if name == relationship), NOTHING)


NOTHING = Projection()


@dataclass(frozen=True, slots=True)
class Join:
    """How linked entities are shown: inside their relationships (`inline`) or behind the others (`flat`).

    `levels` is how many relationships are followed, one after the other; `contained_by` are ids that are not shown
    again, because whoever asks has them already.
    """

    kind: str
    levels: int = 1
    contained_by: frozenset[str] = frozenset()


def read_projection(texts: Sequence[str]) -> Projection:
    """Return what texts name whose names are expanded already, as `texts` wrote them."""
    return parse_projection(",".join(texts), "", str)


def parse_projection(text: str, what: str, expand: Callable[[str], str]) -> Projection:
    """Return what the text of `pick` or `omit` names. Raises BadRequestData."""
    if not text:
        return NOTHING
    parser = _Parser(text, what, expand)
    found = parser.terms(0)
    parser.raise_unless_at_end()
    return found


class _Parser:
    """Reads `name,name{name,name{name}}|name`."""

    def __init__(self, text: str, what: str, expand: Callable[[str], str]) -> None:
        self._text, self._what, self._expand = text, what, expand
        self._parts = _PARTS.findall(text)
        self._at = 0

    def terms(self, depth: int) -> Projection:
        if depth > limits.JOIN_LEVELS_MAX:
            raise BadRequestData(
                f"{self._what}={self._text[:100]!r} reaches more than {limits.JOIN_LEVELS_MAX} relationships deep."
            )
        names: list[str] = []
        linked: list[tuple[str, Projection]] = []
        while True:
            name = self._name()
            names.append(name)
            if self._take("{"):
                linked.append((name, self.terms(depth + 1)))
                if not self._take("}"):
                    self._fail()
            if not self._take(",") and not self._take("|"):
                return Projection(tuple(names), tuple(linked))

    def raise_unless_at_end(self) -> None:
        if self._at < len(self._parts):
            self._fail()

    def _take(self, sign: str) -> bool:
        if self._at < len(self._parts) and self._parts[self._at] == sign:
            self._at += 1
            return True
        return False

    def _name(self) -> str:
        part = self._parts[self._at] if self._at < len(self._parts) else ","
        name = part.strip()
        if name in {"", "{", "}", ",", "|"} or ";" in name:
            self._fail()
        self._at += 1
        if name.startswith("@"):
            raise BadRequestData(
                f"{self._what}: {name[:100]!r} is a JSON-LD keyword and no attribute; leave the @ away."
            )
        return name if name in CORE_MEMBERS else self._expand(name)

    def _fail(self) -> None:
        raise BadRequestData(
            f"{self._what}={self._text[:100]!r} is not well-formed: names are separated by commas, and a name may have"
            " names in braces behind it, as in id,locatedAt{name}."
        )
