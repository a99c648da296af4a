"""Answers whose entities are rendered: in another form, in part, with linked entities, as GeoJSON. Decides nothing.

Entities that can be sent as they are stored never come here (`entities.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul.app.hub import Hub
from simpul.app.linked import Found, find_linked
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.earlier import conform
from simpul.domain.entity import Record
from simpul.domain.errors import BadRequestData
from simpul.domain.linked import render_linked
from simpul.domain.projection import FLAT
from simpul.domain.render import Representation, as_feature, render_feature_collection
from simpul.http.admission import context_headers
from simpul.http.exchange import GEO_JSON, LD_JSON, Answer, Headers, answer_json
from simpul.http.preference import applied_headers, preferred_version

Asker = tuple[Caller, Hub]
# The @context, the media type and `Prefer`.
Shown = tuple[Context, str, str]
Rendered = list[tuple[Record, dict[str, Any]]]
_OK = 200
_AMENDED = 203


def raise_unless_geo(representation: Representation, media_type: str) -> None:
    """Refuse a geometryProperty where the answer is no GeoJSON (§5.7.1.4, §5.7.2.4)."""
    if representation.geometry_property is not None and media_type != GEO_JSON:
        raise BadRequestData(
            "geometryProperty chooses the geometry of a GeoJSON answer; send Accept: application/geo+json with it, or"
            " leave it out."
        )


def answer_one(
    asker: Asker, record: Record, representation: Representation, shown: Shown, *, linked: Found | None = None
) -> Answer:
    """Return one entity as it was asked for; an array where linked entities stand behind it (§4.5.23.3).

    `linked` are linked entities that were found already; without them, those that are here are looked for.
    """
    context, media_type, prefer = shown
    raise_unless_geo(representation, media_type)
    if representation.join is not None and representation.join.kind == FLAT:
        return answer_many(asker, [record], representation, shown, (), linked=linked)
    (((record, content),), headers, status) = _render(asker, [record], representation, shown, linked=linked)
    if media_type == GEO_JSON:
        return answer_geo(as_feature(record, content, representation), context, prefer, headers)
    if media_type == LD_JSON:
        content = {"@context": context.link, **content}
    return answer_json(content, (*context_headers(context, media_type), *headers), status=status, media_type=media_type)


def answer_many(
    asker: Asker,
    records: Sequence[Record],
    representation: Representation,
    shown: Shown,
    headers: Headers,
    *,
    linked: Found | None = None,
) -> Answer:
    """Return a page of entities as it was asked for. `linked` is as for `answer_one`."""
    context, media_type, prefer = shown
    raise_unless_geo(representation, media_type)
    rendered, applied, status = _render(asker, records, representation, shown, linked=linked)
    headers = (*headers, *applied)
    if media_type == GEO_JSON:
        features = [as_feature(record, content, representation) for record, content in rendered]
        return answer_geo(render_feature_collection(features), context, prefer, headers)
    # One of which nothing is shown would be an empty object (§4.21).
    entities = [content for _, content in rendered if content]
    if media_type == LD_JSON:
        entities = [{"@context": context.link, **content} for content in entities]
    all_headers = (*context_headers(context, media_type), *headers)
    return answer_json(entities, all_headers, status=status, media_type=media_type)


def _render(
    asker: Asker, records: Sequence[Record], representation: Representation, shown: Shown, *, linked: Found | None
) -> tuple[Rendered, Headers, int]:
    """Return the entities with their JSON, in the version of the standard that is preferred, and how to say so.

    The status is 203 where something had to be amended for that (§6.3.6).
    """
    context, media_type, prefer = shown
    is_missing = linked is None and representation.join is not None
    found = find_linked(*asker, records, representation) if is_missing else linked or {}
    rendered = render_linked(records, context, representation, found.get)
    # GeoJSON has a preference of its own, and no earlier versions.
    version = preferred_version(prefer) if prefer and media_type != GEO_JSON else None
    if version is None:
        return rendered, (), _OK
    older = {one: conform(record, version, context) for one, record in found.items()}
    conformed = [conform(record, version, context) for record in records]
    amended = render_linked(conformed, context, representation, older.get)
    is_other = [content for _, content in amended] != [content for _, content in rendered]
    return amended, applied_headers(version), _AMENDED if is_other else _OK


def answer_geo(content: dict[str, Any], context: Context, prefer: str, headers: Headers) -> Answer:
    """Return GeoJSON with its @context in the body, or in the Link header where `Prefer: body=json` (§6.3.6)."""
    if "body=json" in prefer.replace(" ", "").split(","):
        return answer_json(content, (*context_headers(context, GEO_JSON), *headers), media_type=GEO_JSON)
    return answer_json({**content, "@context": context.link}, headers, media_type=GEO_JSON)
