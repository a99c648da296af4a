"""A start loads what its first answers need, and the rest a moment later. A process of its own says what it loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# What takes long to load, and none of it is needed to answer what an entity is.
HEAVY = frozenset({
    "aiomqtt", "babel", "httpx2", "icu", "jinja2", "numpy", "paho", "psycopg", "pymysql", "python_calamine",
    "rapidfuzz", "rich", "shapely", "sqlalchemy", "structlog", "xlsxwriter", "simpul.connect.proposal",
    "simpul.console.app", "simpul.console.pages", "simpul.console.render", "simpul.http.openapi",
    "simpul.notifiers.mqtt",
})  # fmt: skip

# Serves the folder's city as `simpul serve` does, and prints what is loaded after one entity was asked for; then again
# after a page of the console.
SERVES = """
import asyncio, json, sys
from pathlib import Path
from simpul.app import batch, identity
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.main import open_hub
from simpul.server import server_of
from simpul.settings import Settings

async def get(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.split(b" ", 2)[1].decode()

async def main(folder, port):
    settings = Settings(folder=Path(folder), tenant="kota", port=port)
    stop = {"id": "urn:ngsi-ld:BusStop:1", "type": "BusStop", "name": {"type": "Property", "value": "Pasar Raya"}}
    async with open_hub(settings) as hub:
        hub.cities["kota"] = City("kota", {"id": "Kota"}, public_types=frozenset({CORE.expand("BusStop")}))
        await batch.upsert(identity.operator("kota"), hub, [batch.BatchItem(stop, CORE)], batch.UpsertMode.REPLACE)
        server = server_of(hub, settings)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        entity = await get(port, "/ngsi-ld/v1/entities/urn:ngsi-ld:BusStop:1")
        loaded = list(sys.modules)
        page = await get(port, "/sign-in")
        server.should_exit = True
        await serving
    print(json.dumps({"entity": entity, "loaded": loaded, "page": page, "then": list(sys.modules)}))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_the_first_answer_waits_for_nothing_that_it_does_not_need(city_folder: Path, free_port: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVES, str(city_folder), str(free_port)], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    assert said["entity"] == "200"
    assert sorted(HEAVY.intersection(said["loaded"])) == []
    assert said["page"] == "200", "a page that is asked for before the console is loaded is answered none the less"
    assert "simpul.console.app" in said["then"]


@pytest.mark.parametrize("command", ["sync", "demo"])
def test_a_command_loads_what_it_needs_when_it_needs_it(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import simpul.cli.{command}, sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sorted(HEAVY.intersection(done.stdout.split()) - {"rich"}) == [], "all but the bars, which are rich's"
