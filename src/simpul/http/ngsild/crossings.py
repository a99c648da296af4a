"""What is said of polygons that were taken although their borders cross themselves: a warning. Nothing is refused here.

GeoJSON and CIM 009 §4.7 forbid no such polygon, agencies have them, and clients ask with them; but what lies inside is
anybody's guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final
from urllib.parse import parse_qsl

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain.errors import HubError
from simpul.domain.geo import find_crossing, parse_geometry
from simpul.domain.json_text import decode_json
from simpul.http.exchange import Exchange, Headers

# In every body and every query string that holds one; others are not looked at.
MARK: Final = b"olygon"
_KINDS: Final = frozenset({"Polygon", "MultiPolygon"})


async def warn_of_crossings(hub: Hub, exchange: Exchange) -> Headers:
    """Return a header for the first polygon of a request that was carried out whose border crosses itself (§6.3.17)."""
    asked = dict(parse_qsl(exchange.query.decode("latin-1")))
    sent = None
    with suppress(HubError):
        # An operation that takes no body was carried out whatever came with it.
        sent = decode_json(exchange.body) if MARK in exchange.body else None
    for polygon in islice(chain(_polygons(asked), _polygons(sent)), limits.CROSSING_POLYGONS_LOOKED_AT_MAX):
        place = find_crossing(polygon)
        if place is not None:
            alias = await hub.registry.get_alias(exchange.tenant or hub.settings.tenant)
            # 199: what no other code of §6.3.17 stands for.
            told = (
                f"A {polygon['type']} crosses or touches itself at {list(place)}. It is taken as it came, and compared"
                " as all that its border encloses. Send its positions in their order along the border."
            )
            return ((b"ngsild-warning", f'199 {alias} "{told}"'.encode("ascii")),)
    return ()


def _polygons(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what is a polygon, as a geometry or as a question names it (§4.10), at any depth."""
    if isinstance(value, dict) and (kind := _kind_of(value)):
        with suppress(HubError):
            # Below a value that is no geometry anything may stand.
            yield parse_geometry(kind, value["coordinates"], "")
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _polygons(part)


def _kind_of(value: dict[str, Any]) -> str | None:
    """Return what kind of polygon an object is, or None: it is none."""
    named = (value.get("type"), value.get("geometry")) if "coordinates" in value else ()
    return next((kind for kind in named if isinstance(kind, str) and kind in _KINDS), None)
