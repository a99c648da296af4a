"""One sync as a process of its own, for the test that kills it: `python killed_sync.py FOLDER TENANT SOURCE [beside]`.

With `beside` the source is read by a process of that process.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from simpul.app import sources
from simpul.app.identity import operator
from simpul.main import open_hub
from simpul.settings import Settings


async def main(folder: Path, tenant: str, source: str, *, beside: bool) -> None:
    async with open_hub(Settings(folder=folder, tenant=tenant)) as hub:
        # Smaller chunks have more places between them.
        assert hub.engine is not None
        hub.engine.give_way()
        if beside:
            hub.engine.read_beside()
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await sources.sync(operator(tenant), hub, source, accept_shrink=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], beside="beside" in sys.argv[4:]))
