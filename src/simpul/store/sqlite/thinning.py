"""Makes logs shorter, as a plan has it: reads the next entities' logs of a type, and says what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import merge
from itertools import islice
from json import dumps
from typing import Any, NamedTuple

import apsw
import msgspec

from simpul import limits
from simpul.domain.history import ChangeKind
from simpul.domain.retention import Stretch, Thinned
from simpul.ports.history import BEGINNING, Place, Step
from simpul.store.sqlite.names import Names
from simpul.store.sqlite.temporal import SQL, expand_keys, read_writes

Plan = Callable[[Stretch], Thinned]
Rows = list[tuple[Any, ...]]

_encode = msgspec.json.Encoder().encode


class Walk(NamedTuple):
    """What is to be written, and how far the walk came."""

    statements: list[tuple[str, tuple[Any, ...]]]
    step: Step


class ThinningWalk:
    """Looks at the next entries of the entities of a type. Made in the loop, run elsewhere."""

    def __init__(self, names: Names, type_name: str, after: Place, plan: Plan) -> None:
        sets = [one for one in names.type_sets.values() if type_name in one.names]
        self._terms = sorted({one.terms[one.names.index(type_name)] for one in sets})
        self._sets = [one.id for one in sets]
        self._after = after
        self._plan = plan
        self._looked_at = 0
        self._dropped = 0
        self._statements: list[tuple[str, tuple[Any, ...]]] = []

    def run(self, connection: apsw.Connection) -> Walk:
        newest_note: Any = connection.execute(SQL.newest_note).get
        last, is_over = BEGINNING, True
        for number, eid in enumerate(self._eids(connection), 1):
            last = self._look(connection, eid, newest_note)
            is_over = number < limits.HISTORY_CARE_ENTITIES_PER_STEP
            if last.sequence or self._looked_at >= limits.HISTORY_CARE_ENTRIES_PER_STEP:
                is_over = False
                break
        return Walk(self._statements, Step(BEGINNING if is_over else last, self._looked_at, self._dropped))

    def _look(self, connection: apsw.Connection, eid: int, newest_note: int) -> Place:
        """Look at an entity's log, or at a stretch of a long one; return where it came to."""
        start = self._after.sequence if eid == self._after.eid else 0
        for length in (limits.HISTORY_CARE_ENTRIES_PER_STEP, limits.HISTORY_CARE_STRETCH_ENTRIES_MAX):
            rows: Rows = connection.execute(SQL.writes_after, (eid, start, length)).fetchall()
            self._looked_at += len(rows)
            # Most entities of a city are what they were made as.
            if not rows or (len(rows) == 1 and rows[0][2] == ChangeKind.CREATED):
                return Place(eid, 0)
            is_last = len(rows) < length
            thinned = self._plan(Stretch(read_writes(rows), is_first=not start, is_last=is_last))
            # A period that is longer than the stretch is looked at again in a longer one.
            if thinned.open_from is None or thinned.open_from > rows[0][0]:
                break
        self._dropped += len(thinned.dropped)
        self._statements += _statements(eid, thinned, newest_note)
        if is_last:
            return Place(eid, 0)
        is_ahead = thinned.open_from is not None and thinned.open_from > rows[0][0]
        return Place(eid, thinned.open_from - 1 if is_ahead and thinned.open_from else rows[-1][0])

    def _eids(self, connection: apsw.Connection) -> Iterable[int]:
        count = limits.HISTORY_CARE_ENTITIES_PER_STEP
        # An entity whose log was looked at in part comes again.
        after = self._after.eid - 1 if self._after.sequence else self._after.eid
        lists = [connection.execute(SQL.eids_of_type_after, (term, after, count)) for term in self._terms]
        lists.append(connection.execute(SQL.eids_gone_after, (str(self._sets), after, count)))
        last = None
        for (eid,) in islice(merge(*lists), count):
            if eid != last:
                last = eid
                yield eid


def _statements(eid: int, thinned: Thinned, newest_note: int) -> list[tuple[str, tuple[Any, ...]]]:
    statements: list[tuple[str, tuple[Any, ...]]] = [
        (
            SQL.thin_write,
            (eid, one.sequence, int(one.kind), _encode(one.attributes), expand_keys(one.removed), newest_note),
        )
        for one in thinned.rewritten
    ]
    if thinned.dropped:
        statements.append((SQL.drop_writes, (eid, dumps(thinned.dropped), newest_note)))
    return statements
