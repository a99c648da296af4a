"""Rows of a sheet that are written alike, read together: one pattern finds the cells of whole rows.

How the cells of each column are written is learned from rows that were read one by one. Of a block in which any row is
written in another way, nothing is read here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

# With more ways to write a cell than that, the pattern would take longer than one row after the other.
_FORMS_MAX: Final = 512
_ESCAPE: Final = re.compile("_x[0-9A-Fa-f]{4}_")
_NUMBER: Final = "n"
_SHARED: Final = "s"
_INLINE: Final = "inlineStr"
_ANY_STYLE: Final = '(?: s="[0-9]{1,6}+")?+'
_WAYS: Final = {
    _NUMBER: '(?: t="n")?+><v>([^<]*+)</v></c>',
    _SHARED: ' t="s"><v>([^<]*+)</v></c>',
    _INLINE: ' t="inlineStr"><is><t(?: xml:space="preserve")?+>([^<]*+)</t></is></c>',
}

# How a cell is written: the letters of its column, its style and its kind.
Form = tuple[bytes, ...]


class NotPlain(ValueError):
    """A row that is written in another way than those of plain sheets."""


class AlikeRows:
    """Reads rows, given the letters of their columns, the texts that cells share, and the styles that may be dates."""

    def __init__(self, columns: Sequence[bytes], shared: Sequence[str], dates: Collection[bytes]) -> None:
        self._columns = columns
        self._shared = shared
        self._dates = dates
        self._forms: set[Form] = set()
        self._pattern: re.Pattern[str] | None = None
        # For each group of the pattern after the first: the place of its column, and what kind of value it finds.
        self._groups: list[tuple[int, str]] = []

    def learn(self, forms: Collection[Form]) -> None:
        """Take in all ways in which cells were written so far."""
        if len(forms) > len(self._forms):
            self._forms = set(forms)
            self._pattern = self._compile() if len(forms) <= _FORMS_MAX else None

    def _compile(self) -> re.Pattern[str] | None:
        styles: dict[bytes, dict[str, set[str]]] = {}
        for written_letters, written_style, written_kind in self._forms:
            kinds = styles.setdefault(written_letters, {})
            seen = kinds.setdefault(written_kind.decode() or _NUMBER, set())
            if written_style not in self._dates:
                seen.add(written_style.decode())
        self._groups = []
        cells: list[str] = []
        for place, letters in enumerate(self._columns):
            if letters not in styles:
                continue
            ways: list[str] = []
            for kind, seen in sorted(styles[letters].items()):
                if kind in _WAYS:
                    self._groups.append((place, kind))
                    # Of other styles it is not known that their numbers are no dates.
                    style = _one_of(seen) if kind == _NUMBER else _ANY_STYLE
                    ways.append(style + _WAYS[kind])
            ways.append(f"{_ANY_STYLE}(?: ?/>|></c>)")
            cells.append(f'(?:<c r="{letters.decode()}[0-9]{{1,7}}+"(?:{"|".join(ways)}))?+')
        if not self._groups:
            return None
        return re.compile(f'<row r="([0-9]{{1,7}}+)"[^<>]*+>{"".join(cells)}</row>')

    def read(self, block: bytes, before: int, last: int) -> Sequence[Sequence[Any]] | None:
        """Return the rows of a block, or None where they are not all alike.

        They follow each other, and the row with the number `before`, and none comes after the row `last`.
        """
        if self._pattern is None:
            return None
        try:
            text = block.decode()
            found = self._pattern.findall(text)
            count = len(found)
            if count != text.count("</row>") or before + count > last:
                return None
            numbers, *groups = zip(*found, strict=True)
            if list(map(int, numbers)) != list(range(before + 1, before + 1 + count)):
                return None
            return self._rows(groups, count, has_escapes="&" in text or "_x" in text or "\r" in text)
        except (LookupError, ValueError):
            return None

    def _rows(self, groups: Sequence[Sequence[str]], count: int, *, has_escapes: bool) -> list[Sequence[Any]]:
        columns: list[Sequence[Any]] = [[""] * count] * len(self._columns)
        filled: set[int] = set()
        for (place, kind), group in zip(self._groups, groups, strict=True):
            if not any(group):
                continue
            values = self._values(kind, group, has_escapes=has_escapes)
            if place in filled:
                values = [
                    after if before == "" else before for before, after in zip(columns[place], values, strict=True)
                ]
            columns[place] = values
            filled.add(place)
        return list(zip(*columns, strict=True))

    def _values(self, kind: str, group: Sequence[str], *, has_escapes: bool) -> Sequence[Any]:
        if kind == _INLINE:
            return list(map(text_of, group)) if has_escapes else group
        value_of: Callable[[str], Any] = float if kind == _NUMBER else self._find_shared
        return [value_of(one) if one else "" for one in group] if "" in group else list(map(value_of, group))

    def _find_shared(self, number: str) -> str:
        return self._shared[int(number)]


def text_of(written: str) -> str:
    """Return a text as it is shown. Raises NotPlain where programs differ about that."""
    if "\r" in written or ("_x" in written and _ESCAPE.search(written)):
        raise NotPlain
    return html.unescape(written) if "&" in written else written


def _one_of(styles: set[str]) -> str:
    named = "|".join(f' s="{style}"' for style in sorted(styles) if style)
    return "" if not named else f"(?:{named})?+" if "" in styles else f"(?:{named})"
