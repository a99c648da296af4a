"""An entity map: which entities a query was about, and which sources have something of each (CIM 009 §5.2.39, §5.5.14).

Pure: no keeping (`app/entity_maps.py`), no asking, no clock. A map fixes the set of entities that its pages are cut
from. It is its maker's own: it says which entities there are, and that is for nobody who may not read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from simpul.domain.aggregate import parse_period
from simpul.domain.errors import BadRequestData
from simpul.domain.json_text import shown
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import is_moment

TYPE: Final = "EntityMap"
# What the hub itself holds.
HERE: Final = "@none"
OWN: Final = (HERE,)
_MONTH_US: Final = 30 * 86_400_000_000

Sources = tuple[str, ...]


@dataclass(slots=True)
class EntityMap:
    """One map. `maker` and `readable_types` are those of the caller that it was made for.

    `entities` are ids in the order in which they are told, each with the registrations that have something of it;
    those found not to fit any more are taken out.
    """

    id: str
    maker: str
    readable_types: frozenset[str] | None
    expires_us: int
    entities: dict[str, Sources] = field(default_factory=dict)


def parse_lifetime(text: str, default_us: int, max_us: int) -> int:
    """Return how long a map shall last, which is never more than the hub allows (§6.4.3.2). Raises BadRequestData."""
    if not text:
        return default_us
    try:
        period = parse_period(text)
    except BadRequestData as error:
        raise BadRequestData(
            f"entityMapLifetime={text[:100]!r} is no duration of ISO 8601, such as PT10M or P1D."
        ) from error
    return min(period.months * _MONTH_US + period.microseconds, max_us)


def parse_update(body: dict[str, Any]) -> int | None:
    """Return the `expiresAt` of an update; what only the hub says of a map is ignored (§5.14.2.4)."""
    if "expiresAt" not in body:
        return None
    if not is_moment(body["expiresAt"]):
        raise BadRequestData(f"expiresAt is {shown(body['expiresAt'])}; it is a moment such as 2030-05-01T10:00:00Z.")
    return count_microseconds(body["expiresAt"])


def render_entity_map(entity_map: EntityMap) -> dict[str, Any]:
    """Return the map as it is shown (§5.2.39)."""
    return {
        "id": entity_map.id,
        "type": TYPE,
        "expiresAt": render_moment(entity_map.expires_us),
        "entityMap": {entity_id: list(sources) for entity_id, sources in entity_map.entities.items()},
        "linkedMaps": {},
    }
