"""/csourceRegistrations: other sources, registered and found (CIM 009 §6.8, §6.9). Nothing is decided here."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from simpul.app import registrations
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import is_moment, raise_unless_uri
from simpul.domain.q import parse_scope_selection
from simpul.domain.registration import Registration
from simpul.domain.source_matching import SourceQuestion, TimeSpan
from simpul.http import parameters as given
from simpul.http.admission import admit, admit_writer, context_headers, context_of_reader, read_body
from simpul.http.exchange import LD_JSON, LOCATION, NO_CONTENT, Answer, Exchange, Headers, answer_json
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate
from simpul.http.parameters import Parameters, parse_options, parse_parameters
from simpul.http.plan import parse_id_pattern, parse_place, parse_question, parse_types

SHOWN = frozenset({"options", "sysAttrs"})
PAGE = frozenset({"count", "limit", "offset"})
PARAMETERS = SHOWN | PAGE | {
    "attrs", "coordinates", "csf", "datasetId", "endTimeAt", "geometry", "geoproperty", "georel", "id", "idPattern",
    "lang", "q", "scopeQ", "timeAt", "timeproperty", "timerel", "type",
}  # fmt: skip
# One of these has to bound the question (§5.10.2.4).
SELECTORS = ("type", "attrs", "id", "idPattern", "q", "csf", "georel", "scopeQ")
SYSTEM_ATTRIBUTES = frozenset({"sysAttrs"})


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /csourceRegistrations (§6.8.3.1)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    registration_id = await registrations.create(caller, hub, body, context)
    location = "/ngsi-ld/v1/csourceRegistrations/" + quote(registration_id, safe="!$&'()*+,;=:@-._~")
    return Answer(201, ((LOCATION, location.encode()),))


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /csourceRegistrations (§6.8.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, PARAMETERS)
    has_times = _wants_times(parameters)
    caller = admit(hub, exchange)
    registrations.raise_unless_may_read(caller)
    context = await context_of_reader(hub, exchange)
    question = parse_source_question(parameters, context)
    limit, offset, counts = given.parse_page(parameters)
    found = registrations.query(caller, hub, question)
    page = [_show(caller, hub, one, context, has_times=has_times) for one in found[offset : offset + limit]]
    if media_type == LD_JSON:
        page = [{"@context": context.link, **one} for one in page]
    headers = page_headers(exchange, (limit, offset), len(found), counts=counts)
    return answer_json(page, (*context_headers(context, media_type), *headers), media_type=media_type)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /csourceRegistrations/{id} (§6.9.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    has_times = _wants_times(parse_parameters(exchange.query, SHOWN))
    caller = admit(hub, exchange)
    registrations.raise_unless_may_read(caller)
    context = await context_of_reader(hub, exchange)
    registration_id = _registration_id(exchange)
    found = registrations.retrieve(caller, hub, registration_id)
    content = _show(caller, hub, found, context, has_times=has_times)
    if media_type == LD_JSON:
        content = {"@context": context.link, **content}
    return answer_json(content, context_headers(context, media_type), media_type=media_type)


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /csourceRegistrations/{id} (§6.9.3.2)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    registration_id = _registration_id(exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    await registrations.update(caller, hub, registration_id, body, context)
    return NO_CONTENT


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /csourceRegistrations/{id} (§6.9.3.3)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    await registrations.delete(caller, hub, _registration_id(exchange))
    return NO_CONTENT


def _registration_id(exchange: Exchange) -> str:
    (registration_id,) = exchange.names
    raise_unless_uri(registration_id, "The registration id in the path")
    return registration_id


def _wants_times(parameters: Parameters) -> bool:
    return given.wants_times(parameters, parse_options(parameters, SYSTEM_ATTRIBUTES))


def _show(caller: Caller, hub: Hub, registration: Registration, context: Context, *, has_times: bool) -> dict[str, Any]:
    rendered = registrations.render(caller, hub, registration, context)
    if has_times:
        rendered["createdAt"] = render_moment(registration.created_us)
        rendered["modifiedAt"] = render_moment(registration.modified_us)
    return rendered


def parse_source_question(parameters: Parameters, context: Context) -> SourceQuestion:
    """Return which registrations are asked for. Raises BadRequestData."""
    ids = given.parse_ids(parameters.get("id", ""))
    text = parameters.get("csf") or parameters.get("q", "")
    scope = parameters.get("scopeQ", "")
    question = SourceQuestion(
        types=parse_types(parameters.get("type", ""), context),
        ids=ids,
        id_pattern=parse_id_pattern(parameters.get("idPattern", "")),
        attributes=given.parse_attributes(parameters.get("attrs", ""), context.expand),
        dataset_ids=given.parse_dataset_ids(parameters.get("datasetId", "")),
        q=parse_question(text, "", context),
        geo=parse_place(parameters, context),
        scope=parse_scope_selection(scope) if scope else None,
        span=parse_span(parameters),
    )
    if not any(parameters.get(name) for name in SELECTORS):
        raise BadRequestData(
            f"The query would match every registration. Say which ones with at least one of {', '.join(SELECTORS)}."
        )
    return question


def parse_span(parameters: Parameters) -> TimeSpan | None:
    """Return the span of time of a temporal query (§4.11), which sources of histories are asked for by."""
    relation = parameters.get("timerel") or None
    if relation not in (None, "before", "after", "between"):
        raise BadRequestData(f"timerel={str(relation)[:100]!r}: it can be before, after, between.")
    time_property = parameters.get("timeproperty") or "observedAt"
    if time_property not in ("observedAt", "createdAt", "modifiedAt", "deletedAt"):
        raise BadRequestData(
            f"timeproperty={time_property[:100]!r}: it can be observedAt, createdAt, modifiedAt, deletedAt."
        )
    # A moment is looked at even where none is needed, so that what is wrong is told.
    at_us = _parse_moment(parameters, "timeAt", is_needed=relation is not None)
    end_us = _parse_moment(parameters, "endTimeAt", is_needed=relation == "between")
    if relation is None:
        return None
    return TimeSpan(
        is_observed=time_property == "observedAt",
        first_us=None if relation == "before" else at_us,
        last_us={"before": at_us, "between": end_us}.get(relation),
    )


def _parse_moment(parameters: Parameters, name: str, *, is_needed: bool) -> int | None:
    text = parameters.get(name, "")
    if not text and not is_needed:
        return None
    if not is_moment(text):
        raise BadRequestData(f"{name}={text[:100]!r}: with timerel it is a moment such as 2024-05-01T10:00:00Z.")
    return count_microseconds(text)


_PAGE = re.compile(rb"(?:^|&)(?:limit|offset)=[^&]*")


def page_headers(exchange: Exchange, window: tuple[int, int], count: int, *, counts: bool) -> Headers:
    """Return the headers of a page (limit, offset) of a list of which the whole is known (§6.3.10, §6.3.13)."""
    limit, offset = window
    headers: list[tuple[bytes, bytes]] = []
    if counts:
        headers.append((b"ngsild-results-count", str(count).encode()))
    if limit and offset:
        headers.append((b"link", _link(exchange, limit, max(0, offset - limit), b"prev")))
    if limit and offset + limit < count:
        headers.append((b"link", _link(exchange, limit, offset + limit, b"next")))
    return tuple(headers)


def _link(exchange: Exchange, limit: int, offset: int, relation: bytes) -> bytes:
    rest = _PAGE.sub(b"", exchange.query).lstrip(b"&").replace(b"<", b"%3C").replace(b">", b"%3E")
    page = f"limit={limit}&offset={offset}".encode()
    target = exchange.path + b"?" + (rest + b"&" + page if rest else page)
    return b"<" + target + b'>; rel="' + relation + b'"; type="application/ld+json"'
