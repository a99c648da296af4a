"""DELETE /entities: purge what a question finds, here and at other sources. Nothing is decided here."""

from __future__ import annotations

from typing import Any

from simpul.app import assembly
from simpul.app import purge as purging
from simpul.app.federation import Call, ask_all, hop_of
from simpul.app.hub import Hub
from simpul.app.purge import Pruning, Purged
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.errors import BadRequestData
from simpul.domain.q import linked_depth, names_attribute, parse_scope_selection
from simpul.domain.query import EntityQuery
from simpul.domain.source_matching import SourceQuestion
from simpul.http import parameters as given
from simpul.http.admission import admit_writer, context_of_reader
from simpul.http.exchange import NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.ngsild.distributed import is_local
from simpul.http.parameters import Parameters
from simpul.http.plan import parse_id_pattern, parse_place, parse_question, parse_types
from simpul.http.problem import render_problem

PARAMETERS = frozenset({
    "attrs", "coordinates", "drop", "expandValues", "geometry", "geoproperty", "georel", "id", "idPattern", "keep", "q",
    "scopeQ", "type",
})  # fmt: skip
_SYSTEM_ATTRIBUTES = frozenset(map(CORE.expand, ("createdAt", "modifiedAt", "deletedAt", "expiresAt")))
_OPERATION = "purgeEntity"
_NOTHING_FOUND = 404


async def purge(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities (§6.4.3.3)."""
    caller, parameters, context = await _enter(hub, exchange)
    question, pruning = parse_purge(parameters, context, caller)
    purged = await purging.purge(caller, hub, question, pruning)
    return _answer(purged.ids, _failures(purged))


async def purge_everywhere(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities where other sources are registered (§6.3.17)."""
    if is_local(exchange):
        return await purge(hub, exchange)
    caller, parameters, context = await _enter(hub, exchange)
    question, pruning = parse_purge(parameters, context, caller)
    hop = await hop_of(hub, caller, context, exchange.headers)
    about = SourceQuestion(types=question.types, ids=question.ids, id_pattern=question.id_pattern)
    sources = assembly.find_asked(hub, hop, about, (_OPERATION,))
    call = Call("DELETE", "/entities", tuple(parameters.items()))
    purged = await purging.purge(caller, hub, question, pruning)
    replies = await ask_all(hub, hop, [(one.registration, call) for one in sources])
    refusals = [
        {"registrationId": reply.registration.id, "error": render_problem(reply.error)}
        for reply in replies
        if reply.error is not None and not (reply.answer is not None and reply.answer.status == _NOTHING_FOUND)
    ]
    return _answer(purged.ids, [*_failures(purged), *refusals])


def _failures(purged: Purged) -> list[dict[str, Any]]:
    return [{"entityId": entity_id, "error": render_problem(error)} for entity_id, error in purged.errors]


def _answer(ids: list[str], errors: list[dict[str, Any]]) -> Answer:
    return answer_json({"success": ids, "errors": errors}, status=207) if errors else NO_CONTENT


async def _enter(hub: Hub, exchange: Exchange) -> tuple[Caller, Parameters, Context]:
    parameters = given.parse_parameters(exchange.query, PARAMETERS)
    caller = await admit_writer(hub, exchange)
    return caller, parameters, await context_of_reader(hub, exchange)


def parse_purge(parameters: Parameters, context: Context, caller: Caller) -> tuple[EntityQuery, Pruning]:
    """Return which entities are meant and what goes from them. Raises BadRequestData, also where it is too wide."""
    dropped = _parse_names(parameters, "drop", context)
    kept = _parse_names(parameters, "keep", context)
    if dropped and kept:
        raise BadRequestData("'keep' and 'drop' contradict each other; give one of them.")
    scope = parameters.get("scopeQ", "")
    question = EntityQuery(
        types=parse_types(parameters.get("type", ""), context),
        ids=given.parse_ids(parameters.get("id", "")),
        id_pattern=parse_id_pattern(parameters.get("idPattern", "")),
        attributes=given.parse_attributes(parameters.get("attrs", ""), context.expand),
        q=parse_question(parameters.get("q", ""), parameters.get("expandValues", ""), context),
        geo=parse_place(parameters, context),
        scope=parse_scope_selection(scope) if scope else None,
        readable_types=caller.readable_types,
    )
    if question.q is not None and linked_depth(question.q):
        raise BadRequestData("'q' follows a relationship to another entity, by which nothing can be purged (§5.6.21).")
    if not _is_bounded(question) and not given.parse_flag(parameters, "local"):
        raise BadRequestData(
            "The purge is too wide. Say what to purge with at least one of type, attrs, q, georel that names something"
            " of the entities themselves; to purge all that is here on purpose, add local=true."
        )
    return question, Pruning(dropped, kept)


def _is_bounded(question: EntityQuery) -> bool:
    return (
        question.types is not None
        or question.geo is not None
        or any(name not in _SYSTEM_ATTRIBUTES for name in question.attributes)
        or (question.q is not None and names_attribute(question.q))
    )


def _parse_names(parameters: Parameters, what: str, context: Context) -> frozenset[str]:
    names = given.parse_list(parameters.get(what, ""))
    for name in names:
        if name in ("id", "type", "@context"):
            raise BadRequestData(f"{what}: {name!r} is no attribute, and stays in any case.")
    return frozenset(name if name == "scope" else given.expand_name(name, what, context.expand) for name in names)
