"""Entities with a hundred values in their history: put there once for each run, through the product's own API."""

from __future__ import annotations

from typing import Any

from bench.hub import BenchHub

ENTITIES = 200
VALUES = 100


def entity_id(number: int) -> str:
    return f"urn:ngsi-ld:RainGauge:past-{number:03d}"


def build(hub: BenchHub) -> None:
    """Write the histories. They mirror what wrk/requests.lua asks for."""
    for number in range(ENTITIES):
        hub.request("POST", "/ngsi-ld/v1/temporal/entities", _history(number))


def _history(number: int) -> dict[str, Any]:
    values = [
        {"type": "Property", "value": (number * place) % 97 / 2, "observedAt": _moment(place)}
        for place in range(VALUES)
    ]
    return {"id": entity_id(number), "type": "RainGauge", "rainfall": values}


def _moment(hour: int) -> str:
    return f"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"
