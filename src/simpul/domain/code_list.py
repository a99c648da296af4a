"""A list of reference codes with their history, and a name's way to a code. No files and no store here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from simpul.domain.code_match import Near, drop_kind, fold_name, rank_names

# What is nearer to the second best than this is not sure, however alike it is.
_LEAD_LEAST: Final = 4.0
SCORE_DEFAULT: Final = 90.0
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Code:
    """One code: `parent` is the code above it; it holds from `since` (None: longer than is known) before `until`.

    `dates` are written as ISO 8601 days. `bridge` are the codes that other lists have for the same thing.
    """

    code: str
    name: str
    parent: str = ""
    since: str | None = None
    until: str | None = None
    old_names: tuple[str, ...] = ()
    bridge: Mapping[str, str] = field(default_factory=dict)

    def holds_on(self, day: str) -> bool:
        """Return whether it is a code on this day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class Match(NamedTuple):
    """What a name is taken for. `code` is None where nothing is sure; `near` are the best guesses then.

    `how` is `decided` (by a person), `name` (the same name), `old` (a former name), `like` (nearly the same) or
    `unsure`.
    """

    code: str | None
    score: float
    how: str
    near: tuple[Near, ...] = ()


class Decision(NamedTuple):
    """What a person said that a name means: a code, or None for `no code at all`."""

    list_id: str
    parent: str
    name: str
    code: str | None
    by: str
    at_us: int


class CodeList:
    """The codes of one list, or those below one of them."""

    def __init__(self, list_id: str, codes: Iterable[Code], decisions: Iterable[Decision] = ()) -> None:
        self.id = list_id
        self.by_code: dict[str, Code] = {code.code: code for code in codes}
        self._decided = {(one.parent, fold_name(one.name)): one.code for one in decisions}
        self._named: dict[tuple[str, str], dict[str, str]] = {}

    @cached_property
    def _children(self) -> dict[str, list[Code]]:
        children: dict[str, list[Code]] = {}
        for code in self.by_code.values():
            children.setdefault(code.parent, []).append(code)
        return children

    def find(self, code: str) -> Code | None:
        return self.by_code.get(code)

    def below(self, parent: str, depth: int = 1, day: str | None = None) -> list[Code]:
        """Return the codes so many steps below one, in order; with a day, those that hold then."""
        found = [code for code in self._children.get(parent, ()) if day is None or code.holds_on(day)]
        if depth > 1:
            found = [below for code in found for below in self.below(code.code, depth - 1, day)]
        return sorted(found, key=lambda code: code.code)

    def match(self, name: str, parent: str, day: str, score: float = SCORE_DEFAULT) -> Match:
        """Return the code just below `parent` that the name means on this day."""
        folded = fold_name(name)
        if (parent, folded) in self._decided:
            return Match(self._decided[parent, folded], 100.0, "decided")
        names = self._names_below(parent, day)
        bare = fold_name(drop_kind(name))
        for how, wanted in (("name", folded), ("name", bare)):
            same = [code for code, one in names.items() if wanted in {fold_name(one), fold_name(drop_kind(one))}]
            if len(same) == 1:
                return Match(same[0], 100.0, how)
            if same:
                return Match(None, 100.0, "unsure", tuple(Near(code, names[code], 100.0) for code in same[:_SHOWN]))
        return self._match_old(bare, parent, day) or self._match_like(name, names, score)

    def _names_below(self, parent: str, day: str) -> dict[str, str]:
        names = self._named.get((parent, day))
        if names is None:
            names = self._named[parent, day] = {one.code: one.name for one in self.below(parent, day=day)}
        return names

    def _match_old(self, bare: str, parent: str, day: str) -> Match | None:
        same = [
            code.code
            for code in self.below(parent, day=day)
            if any(fold_name(drop_kind(old)) == bare for old in code.old_names)
        ]
        return Match(same[0], 99.0, "old") if len(same) == 1 else None

    def _match_like(self, name: str, names: Mapping[str, str], score: float) -> Match:
        near = rank_names(name, names)
        if not near:
            return Match(None, 0.0, "unsure")
        lead = near[0].score - (near[1].score if len(near) > 1 else 0.0)
        if near[0].score >= score and lead >= _LEAD_LEAST:
            return Match(near[0].code, near[0].score, "like", tuple(near))
        return Match(None, near[0].score, "unsure", tuple(near))

    def bridged(self, scheme: str, code: str) -> Code | None:
        """Return the code of this list for which another list has `code`; of several the one that still holds."""
        return self._bridged.get((scheme, code))

    @cached_property
    def _bridged(self) -> dict[tuple[str, str], Code]:
        ordered = sorted(self.by_code.values(), key=lambda code: code.until is None)
        return {(scheme, other): code for code in ordered for scheme, other in code.bridge.items()}
