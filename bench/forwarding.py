"""An entity that another hub has: asked for here, fetched there. Two hubs on one machine, each with its own core."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import shape
from bench.figures import Line, share_line
from bench.hub import BenchHub
from bench.processes import LOAD_CORE, Load, Measured, Server, put_load_on

ENTITIES = 1_000
ROUNDS = 3
# The source shares its core with the load, so few requests are under way at once.
CONNECTIONS = 8


def measure(hub: BenchHub, server: Server, load: Load, plain: Measured, folder: Path) -> Line:
    """Return the line of the retrieval of an entity that only a registered source has."""
    source = BenchHub(folder)
    source.remove()
    source.create()
    try:
        with source.serving(core=LOAD_CORE):
            batch = [
                {**shape.entity(number, ENTITIES), "id": _id(number), "type": "Pump"} for number in range(ENTITIES)
            ]
            source.request("POST", "/ngsi-ld/v1/entityOperations/create", batch)
            registration = {
                "type": "ContextSourceRegistration",
                "information": [{"entities": [{"type": "Pump", "idPattern": "urn:ngsi-ld:Pump:elsewhere-.*"}]}],
                "endpoint": source.url,
            }
            location = hub.request("POST", "/ngsi-ld/v1/csourceRegistrations", registration)
            rate = median(put_load_on(server, hub.url, load).rate for _ in range(ROUNDS))
            hub.request("DELETE", location)
    finally:
        source.remove()
    return share_line("retrieve that is forwarded to a source", rate, rate / plain.rate, "G", None)


def _id(number: int) -> str:
    return f"urn:ngsi-ld:Pump:elsewhere-{number:04d}"
