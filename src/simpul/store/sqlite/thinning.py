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
from simpul.domain.history import ChangeKind, Write
from simpul.domain.retention import Thinned
from simpul.ports.history import Step
from simpul.store.sqlite.names import Names
from simpul.store.sqlite.temporal import SQL, expand_keys, read_writes

Plan = Callable[[list[Write]], Thinned | None]

_encode = msgspec.json.Encoder().encode


class Walk(NamedTuple):
    """What is to be written, and how far the walk came."""

    statements: list[tuple[str, tuple[Any, ...]]]
    step: Step


class ThinningWalk:
    """Looks at the next few entities of a type. Made in the loop, run elsewhere."""

    def __init__(self, names: Names, type_name: str, after: int, plan: Plan) -> None:
        sets = [one for one in names.type_sets.values() if type_name in one.names]
        self._terms = sorted({one.terms[one.names.index(type_name)] for one in sets})
        self._sets = [one.id for one in sets]
        self._after = after
        self._plan = plan

    def run(self, connection: apsw.Connection) -> Walk:
        step_max = limits.HISTORY_CARE_ENTITIES_PER_STEP
        eids = list(islice(self._eids(connection), step_max))
        newest_note: Any = connection.execute(SQL.newest_note).get
        statements: list[tuple[str, tuple[Any, ...]]] = []
        dropped = 0
        for eid in eids:
            rows = connection.execute(SQL.oldest_writes, (eid, limits.HISTORY_CARE_ENTRIES_MAX)).fetchall()
            # Most entities of a city are what they were made as.
            is_one = len(rows) == 1 and rows[0][2] == ChangeKind.CREATED
            thinned = None if is_one else self._plan(read_writes(rows))
            if thinned is not None:
                dropped += len(thinned.dropped)
                statements += _statements(eid, thinned, newest_note)
        return Walk(statements, Step(eids[-1] if len(eids) == step_max else 0, dropped))

    def _eids(self, connection: apsw.Connection) -> Iterable[int]:
        count = limits.HISTORY_CARE_ENTITIES_PER_STEP
        lists = [connection.execute(SQL.eids_of_type_after, (term, self._after, count)) for term in self._terms]
        lists.append(connection.execute(SQL.eids_gone_after, (str(self._sets), self._after, count)))
        last = None
        for (eid,) in merge(*lists):
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
