"""Which types and attributes there are here and at registered sources (CIM 009 §5.7.11). No counting here.

Each source is asked the same question; what it tells beyond what it is registered for is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from simpul.app.federation import Call, Hop, ask_all, hop_of, list_sources, wire_context
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.errors import HubError, NotFound
from simpul.domain.registration import Registration
from simpul.http.admission import admit, context_headers, context_of_reader
from simpul.http.exchange import JSON, LD_JSON, Answer, Exchange, Handler, answer_json
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.ngsild import types
from simpul.http.ngsild.distributed import is_local, warning_headers


class Discovery(NamedTuple):
    """One kind of question: its operation of §4.20, its path, what answers it here, and how answers are united."""

    operation: str
    path: str
    ordinary: Handler
    unite: Callable[[list[Any]], Any]


async def list_types(hub: Hub, exchange: Exchange) -> Answer:
    """GET /types (§6.25.3.1)."""
    has_details = b"details=true" in exchange.query.split(b"&")
    operation = "retrieveEntityTypeDetails" if has_details else "retrieveEntityTypes"
    unite = _unite_described if has_details else _unite_lists
    return await _discover(hub, exchange, Discovery(operation, "/types", types.list_types, unite))


async def get_type(hub: Hub, exchange: Exchange) -> Answer:
    """GET /types/{type} (§6.26.3.1)."""
    return await _discover(hub, exchange, Discovery("retrieveEntityTypeInfo", "/types", types.get_type, _unite_infos))


async def list_attributes(hub: Hub, exchange: Exchange) -> Answer:
    """GET /attributes (§6.27.3.1)."""
    has_details = b"details=true" in exchange.query.split(b"&")
    operation = "retrieveAttrTypeDetails" if has_details else "retrieveAttrTypes"
    unite = _unite_described if has_details else _unite_lists
    return await _discover(hub, exchange, Discovery(operation, "/attributes", types.list_attributes, unite))


async def get_attribute(hub: Hub, exchange: Exchange) -> Answer:
    """GET /attributes/{attrId} (§6.28.3.1)."""
    kind = Discovery("retrieveAttrTypeInfo", "/attributes", types.get_attribute, _unite_infos)
    return await _discover(hub, exchange, kind)


async def _discover(hub: Hub, exchange: Exchange, kind: Discovery) -> Answer:
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    # What others have is told to those who may read everything: which types are public is known of this city alone.
    if is_local(exchange) or caller.readable_types is not None:
        return await kind.ordinary(hub, exchange)
    context = await context_of_reader(hub, exchange)
    hop = await hop_of(hub, caller, context, exchange.headers)
    sources = [one for one in list_sources(hub, hop, (kind.operation,)) if one.supports(kind.operation)]
    if not sources or hop.is_back:
        return await kind.ordinary(hub, exchange)
    own, absence = await _ask_here(hub, exchange, kind)
    told, warnings = await _ask_there(hub, hop, exchange, kind, sources)
    answers = [*own, *told]
    if not answers:
        raise absence or NotFound("No source knows of it.")
    content = kind.unite(answers)
    if media_type == LD_JSON:
        content = _with_context(content, context)
    headers = (*context_headers(context, media_type), *warning_headers(hop, warnings))
    return answer_json(content, headers, media_type=media_type)


async def _ask_here(hub: Hub, exchange: Exchange, kind: Discovery) -> tuple[list[Any], HubError | None]:
    plain = msgspec.structs.replace(exchange, accept=JSON)
    try:
        given = await kind.ordinary(hub, plain)
    except NotFound as error:
        return [], error
    return [msgspec.json.decode(given.body)], None


async def _ask_there(
    hub: Hub, hop: Hop, exchange: Exchange, kind: Discovery, sources: Iterable[Registration]
) -> tuple[list[Any], list[HubError]]:
    parameters = (("details", "true"),) if b"details=true" in exchange.query.split(b"&") else ()
    calls = []
    for one in sources:
        context = await wire_context(hub, hop, one)
        name = context.compact(hop.context.expand(exchange.names[0])) if exchange.names else ""
        calls.append((one, Call("GET", f"{kind.path}/{name}" if name else kind.path, parameters)))
    replies = await ask_all(hub, hop, calls)
    told: list[Any] = []
    warnings: list[HubError] = []
    for reply in replies:
        if reply.answer is None or reply.error is not None:
            is_abnormal = reply.answer is None and reply.error is not None
            warnings += [reply.error] if is_abnormal and reply.error is not None else []
            continue
        context = await wire_context(hub, hop, reply.registration)
        try:
            content = msgspec.json.decode(reply.answer.body)
        except msgspec.DecodeError:
            continue
        told.append(_narrowed(_translated(content, context, hop.context), reply.registration, hop.context))
    return told, warnings


def _translated(content: Any, spoken: Context, wanted: Context) -> Any:
    """Return an answer with the short names of another @context."""
    if spoken is wanted:
        return content
    if isinstance(content, list):
        return [_translated(one, spoken, wanted) for one in content]
    if not isinstance(content, dict):
        return content
    translated = {name: value for name, value in content.items() if name != "@context"}
    for name in ("typeList", "attributeList", "attributeNames", "typeNames"):
        if isinstance(content.get(name), list):
            translated[name] = [wanted.compact(spoken.expand(str(one))) for one in content[name]]
    for name in ("typeName", "attributeName"):
        if isinstance(content.get(name), str):
            translated[name] = wanted.compact(spoken.expand(content[name]))
    if isinstance(content.get("attributeDetails"), list):
        translated["attributeDetails"] = _translated(content["attributeDetails"], spoken, wanted)
    return translated


def _narrowed(content: Any, registration: Registration, context: Context) -> Any:
    """Return a list of types with those alone that the source is registered for."""
    known = {name for info in registration.information for entity in info.entities for name in entity.types}
    if not known or any(not info.entities for info in registration.information):
        return content
    if isinstance(content, list):
        return [one for one in content if not _names_type(one) or context.expand(one["typeName"]) in known]
    if isinstance(content, dict) and isinstance(content.get("typeList"), list):
        return {**content, "typeList": [one for one in content["typeList"] if context.expand(str(one)) in known]}
    return content


def _names_type(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("typeName"), str)


def _unite_lists(answers: list[Any]) -> Any:
    whole = [one for one in answers if isinstance(one, dict)]
    member = "typeList" if any("typeList" in one for one in whole) else "attributeList"
    names = {str(name) for one in whole for name in one.get(member, ())}
    return types.list_of("EntityTypeList" if member == "typeList" else "AttributeList", member, sorted(names))


def _unite_described(answers: list[Any]) -> Any:
    """Return described types or attributes, each once, with all the names that anyone tells of it."""
    united: dict[str, dict[str, Any]] = {}
    for one in (one for answer in answers if isinstance(answer, list) for one in answer if isinstance(one, dict)):
        known = united.setdefault(str(one.get("id")), {**one})
        for member in ("attributeNames", "typeNames"):
            if member in one:
                known[member] = sorted({*known.get(member, ()), *one[member]})
    return [united[key] for key in sorted(united)]


def _unite_infos(answers: list[Any]) -> Any:
    """Return one description of a type or an attribute: counts added up, details each once."""
    first, *others = [one for one in answers if isinstance(one, dict)]
    united = {name: value for name, value in first.items() if name != "@context"}
    for one in others:
        for member in ("entityCount", "attributeCount"):
            if isinstance(one.get(member), int):
                united[member] = united.get(member, 0) + one[member]
        for member in ("attributeTypes", "typeNames"):
            if member in one:
                united[member] = sorted({*united.get(member, ()), *one[member]})
        if "attributeDetails" in one:
            united["attributeDetails"] = _unite_details(united.get("attributeDetails", []), one["attributeDetails"])
    return united


def _unite_details(own: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    united = {str(one.get("id")): {**one} for one in own}
    for one in told:
        known = united.setdefault(str(one.get("id")), {**one})
        known["attributeTypes"] = sorted({*known.get("attributeTypes", ()), *one.get("attributeTypes", ())})
    return [united[key] for key in sorted(united)]


def _with_context(content: Any, context: Context) -> Any:
    if isinstance(content, list):
        return [{"@context": context.link, **one} for one in content]
    return {"@context": context.link, **content}
