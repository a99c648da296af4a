"""Commands about what can be trusted: quality reports, lineage, and what names mean. Nothing is decided here."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.app import codes
from simpul.app.hub import Hub
from simpul.app.lineage import get_lineage
from simpul.app.quality import get_quality
from simpul.connect.code_lists import BUILT_IN
from simpul.connect.gathering import ListOpener, list_opener, today_of
from simpul.domain.access import Caller
from simpul.domain.code_list import Code, CodeList, Match
from simpul.domain.quality import Report
from simpul.operating.command import Command, Given, Tell


class ScoreLine(NamedTuple):
    """One report in a source's history: its run, when, how many rows, and the score of each dimension."""

    run: int
    at_us: int
    rows: int
    scores: dict[str, float | None]


class QualityLines(NamedTuple):
    """How good one source is: the report that was asked for, and the newest ones in short, newest first."""

    report: Report | None
    history: list[ScoreLine]


class FoundCode(NamedTuple):
    """What was found of a code or a name: the code that it is or means, and the way there where it is a name."""

    code: Code | None
    match: Match | None


async def _tell_quality(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    found = get_quality(caller, hub, given["source"], given["run"])
    newest = found.reports[: limits.CONSOLE_RUNS_SHOWN]
    return QualityLines(found.report, [ScoreLine(one.run, one.at_us, one.rows, one.scores) for one in newest])


async def _tell_lineage(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Return the lineages of an entity, without the declarations of their sources."""
    _, found = await get_lineage(caller, hub, given["entity"])
    return {key: replace(one, source=None) for key, one in found.items()}


async def _find_code(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    within, what = given["within"], given["what"]
    listed = await _open_list(list_opener(hub, hub.city(caller.tenant)), given["list"], within)
    code = listed.find(what) or next((one for scheme in BUILT_IN if (one := listed.bridged(scheme, what))), None)
    if code is not None:
        return FoundCode(code, None)
    match = listed.match(what, within, today_of(hub, hub.city(caller.tenant)))
    return FoundCode(None if match.code is None else listed.by_code[match.code], match)


async def _open_list(opener: ListOpener, list_id: str, within: str) -> CodeList:
    # A list may have a hundred thousand codes, which are read from its file; others go on meanwhile.
    return await asyncio.to_thread(opener, list_id, within)


async def _list_questions(caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return codes.list_questions(caller, hub)


async def _list_decisions(caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return codes.list_decisions(caller, hub)


async def _decide_name(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    opener, list_id, within = list_opener(hub, hub.city(caller.tenant)), given["list"], given["within"]
    await _open_list(opener, list_id, within)
    open_list = partial(opener, list_id, within)
    return await codes.decide_name(caller, hub, open_list, name=given["name"], parent=within, code=given["code"])


COMMANDS: Final[dict[str, Command]] = {
    "tell_quality": _tell_quality,
    "tell_lineage": _tell_lineage,
    "find_code": _find_code,
    "list_questions": _list_questions,
    "list_decisions": _list_decisions,
    "decide_name": _decide_name,
}
