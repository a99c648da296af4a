"""Another hub: a second Simpul as it is served, behind a line that can be cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import httpx2

from tests.connect.line import Line
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place
from tests.http.conftest import API, Served, serve

BATCH: Final = 1_000


def put_stops(client: httpx2.Client, names: Mapping[int, str]) -> None:
    """Make these the stops of a hub, and no others."""
    client.delete(f"{API}/entities", params={"type": "BusStop"}).raise_for_status()
    rest = iter(names.items())
    while some := list(islice(rest, BATCH)):
        body = [stop(number, name) for number, name in some]
        client.post(f"{API}/entityOperations/create", json=body).raise_for_status()


def stop(number: int, name: str, **attributes: Any) -> dict[str, Any]:
    """Return a stop as it is sent."""
    return {
        "id": f"urn:ngsi-ld:BusStop:tetangga:{number}",
        "type": "BusStop",
        "number": {"type": "Property", "value": number},
        "name": {"type": "Property", "value": name},
        **attributes,
    }


class HubPart(Part):
    """The stops of a neighbour's hub."""

    kind = "ngsild"
    # The neighbour's hub is in this process, and what it holds for itself counts too.
    rows_beyond_buffers = 15_000

    def __init__(self, hub: Served, line: Line) -> None:
        self._hub = hub
        self._line = line

    @property
    def read(self) -> dict[str, Any]:
        return {
            "url": f"http://127.0.0.1:{self._line.port}{API}",
            "private": True,
            "type": ["BusStop"],
            "columns": {"id": "number", "nama": "name"},
            "size": 1_000,
        }

    def fill(self, names: Mapping[int, str]) -> None:
        with self._hub.client() as client:
            put_stops(client, names)

    def take_away(self) -> None:
        self._line.cut()

    def bring_back(self) -> None:
        self._line.mend()


@contextmanager
def hub_part(place: Place) -> Iterator[Part]:
    folder = place.folder.parent / "tetangga"
    folder.mkdir()
    with (
        contextmanager(serve)(folder, open_access=True) as hub,
        Line(int(hub.url.rpartition(":")[2])) as line,
    ):
        yield HubPart(hub, line)


SERVER_PARTS = {"ngsild": hub_part}
