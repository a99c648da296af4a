"""The shape of the benchmark's data: which entity a number stands for. No IO here; the Lua scripts mirror it.

A million entities of about 600 bytes in 20 types, each with two numbers, a text, a relationship and a point. The
points are spread so that a circle of 225 m holds some 24 entities of a type at any size of the set.
"""

from __future__ import annotations

import hashlib
import math
import random
from typing import Any

TYPES = (
    "AirQualityObserved", "BikeRack", "Bridge", "Building", "BusStop", "Culvert", "DrainageGate", "Hydrant", "Market",
    "NoiseMeter", "ParkingSpot", "Pavement", "Pump", "RainGauge", "School", "Shelter", "Streetlight", "Tree", "Vehicle",
    "WasteContainer",
)  # fmt: skip
CENTRE = (100.36, -0.95)
NEAR_RADIUS_M = 225
NEAR_HITS = 24
LEVEL_MAX = 1000.0
METRES_PER_DEGREE = 111_320.0
VERSION = 3


def side_degrees(entity_count: int) -> float:
    """Return the side of the square that the points are spread over."""
    per_type = entity_count / len(TYPES)
    area_m2 = per_type * math.pi * NEAR_RADIUS_M**2 / NEAR_HITS
    return math.sqrt(area_m2) / METRES_PER_DEGREE


def entity_id(number: int) -> str:
    return f"urn:ngsi-ld:{TYPES[number % len(TYPES)]}:{number:07d}"


def entity(number: int, entity_count: int) -> dict[str, Any]:
    """Return entity `number` of a set of this size; the same one every time."""
    dice = random.Random(number)
    side = side_degrees(entity_count)
    kind = TYPES[number % len(TYPES)]
    return {
        "id": entity_id(number),
        "type": kind,
        "description": {
            "type": "Property",
            "value": f"{kind} number {number}, in Jalan {dice.randrange(900)}, kept by the city's own office since "
            f"{1980 + number % 45}; last seen in good order by the team of quarter {number % 104}.",
        },
        "level": _measured(round(dice.random() * LEVEL_MAX, 3), "GQ", number),
        "temperature": _measured(round(20 + dice.random() * 15, 2), "CEL", number),
        "ownedBy": {"type": "Relationship", "object": f"urn:ngsi-ld:Agency:{number % 50:03d}"},
        "location": {
            "type": "GeoProperty",
            "value": {
                "type": "Point",
                "coordinates": [
                    round(CENTRE[0] + (dice.random() - 0.5) * side, 6),
                    round(CENTRE[1] + (dice.random() - 0.5) * side, 6),
                ],
            },
        },
    }


def _measured(value: float, unit: str, number: int) -> dict[str, Any]:
    minute = number % 60
    return {"type": "Property", "value": value, "unitCode": unit, "observedAt": f"2026-01-01T08:{minute:02d}:00Z"}


def digest(entity_count: int) -> str:
    """Return a name for data of this shape; another one as soon as the shape changes."""
    sample = [entity(number, entity_count) for number in range(0, entity_count, max(1, entity_count // 50))]
    return hashlib.sha256(f"{VERSION} {entity_count} {sample}".encode()).hexdigest()[:12]
