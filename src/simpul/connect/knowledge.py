"""What rules know beyond the row: code lists, areas of the hub, corrections. Gathered once per run; no rules here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simpul.domain.code_list import CodeList
from simpul.domain.code_match import drop_kind, fold_name, nearest_word
from simpul.domain.errors import SourceMisconfigured
from simpul.domain.geo import shape_of
from simpul.ports.quality import Correction

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


class Area(NamedTuple):
    """One area: its name for people, the texts by which a row may call it, and its shape."""

    name: str
    called: tuple[str, ...]
    geometry: dict[str, Any]


class Areas:
    """The areas of one type, to ask in which of them a place lies."""

    def __init__(self, type_name: str, areas: Sequence[Area]) -> None:
        self.type_name = type_name
        self._areas = areas
        self._by_name = {fold_name(drop_kind(text)): number for number, one in enumerate(areas) for text in one.called}

    @cached_property
    def fingerprint(self) -> str:
        """Return what changes when an area does."""
        return blake2b(repr(self._areas).encode(), digest_size=8).hexdigest()

    @cached_property
    def _shapes(self) -> list[BaseGeometry]:
        return [shape_of(one.geometry) for one in self._areas]

    @cached_property
    def _tree(self) -> Any:
        import shapely  # noqa: PLC0415 - It costs 0.2 s, which a source without such a rule has not.

        return shapely.STRtree(self._shapes)

    def find_wrong(self, geometry: dict[str, Any], claimed: str | None) -> str | None:
        """Return what is wrong with a place that is said to lie in `claimed`, or in any area; None where nothing is."""
        shape = shape_of(geometry)
        found = sorted(int(number) for number in self._tree.query(shape, predicate="intersects"))
        if claimed is None:
            return None if found else f"it lies in no {self.type_name}"
        wanted = self._by_name.get(fold_name(drop_kind(claimed)))
        if wanted is None:
            near = nearest_word(claimed, (one.name for one in self._areas))
            return f"there is no {self.type_name} {claimed!r}" + (f"; did you mean {near!r}?" if near else "")
        if wanted in found:
            return None
        if not found:
            return f"it lies in no {self.type_name}, and the row says {claimed!r}"
        return f"it lies in {self._areas[found[0]].name}, and the row says {claimed!r}"


def _no_list(list_id: str, within: str) -> CodeList:
    raise SourceMisconfigured(f"There is no code list {list_id!r} here ({within}).")


@dataclass(frozen=True)
class Knowledge:
    """What one run's rules know. `today` is an ISO 8601 day in the city's time; `corrections` are in force.

    `fingerprint` changes when what rules know from files does, so that rows are looked at anew.
    """

    today: str = "1970-01-01"
    now_us: int = 0
    open_list: Callable[[str, str], CodeList] = _no_list
    areas: Mapping[str, Areas] = field(default_factory=dict)
    corrections: Mapping[str, Mapping[str, Correction]] = field(default_factory=dict)
    fingerprint: str = ""


NOTHING: Final = Knowledge()


def by_row(corrections: Iterable[Correction]) -> dict[str, dict[str, Correction]]:
    """Return row key → column → correction."""
    found: dict[str, dict[str, Correction]] = {}
    for one in corrections:
        found.setdefault(one.key, {})[one.column] = one
    return found
