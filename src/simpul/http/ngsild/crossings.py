"""What is said of polygons that were taken although their borders cross themselves: a warning. Nothing is refused here.

GeoJSON and CIM 009 §4.7 forbid no such polygon, and agencies have them; but what lies inside is anybody's guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain.errors import HubError
from simpul.domain.geo import find_crossing, raise_unless_geometry
from simpul.domain.json_text import decode_json
from simpul.http.exchange import Exchange, Headers

# In every body that holds one; other bodies are not looked at.
MARK: Final = b"olygon"
_KINDS: Final = frozenset({"Polygon", "MultiPolygon"})


async def warn_of_crossings(hub: Hub, exchange: Exchange) -> Headers:
    """Return a header for the first polygon of a body that was taken whose border crosses itself (§6.3.17)."""
    for polygon in islice(_polygons(decode_json(exchange.body)), limits.CROSSING_POLYGONS_LOOKED_AT_MAX):
        place = find_crossing(polygon)
        if place is not None:
            alias = await hub.registry.get_alias(exchange.tenant or hub.settings.tenant)
            # 199: what no other code of §6.3.17 stands for.
            told = (
                f"A {polygon['type']} crosses or touches itself at {list(place)}. It is kept as it came, and compared"
                " as all that its border encloses. Send its positions in their order along the border."
            )
            return ((b"ngsild-warning", f'199 {alias} "{told}"'.encode("ascii")),)
    return ()


def _polygons(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what is the geometry of a polygon, at any depth."""
    if isinstance(value, dict) and value.get("type") in _KINDS:
        with suppress(HubError):
            # Below a value that is no geometry anything may stand.
            raise_unless_geometry(value, "")
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _polygons(part)
