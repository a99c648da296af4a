"""The process that plays the agencies' live systems: `python -m simpul.demo.live.process FOLDER`.

It writes into the city's folder where each system can be reached, says `ready`, and plays until its standard input
ends, which happens too when whoever started it was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from simpul.demo.live.broker import Broker
from simpul.demo.live.gauges import DAY_SECONDS, Replay, read_replay
from simpul.demo.live.service import BusService

BROKER_FILE: Final = Path("systems/bmkg/broker.txt")
SERVICE_FILE: Final = Path("systems/dishub/posisi-armada.txt")
READY: Final = "ready"


async def play(folder: Path, stop: asyncio.Event) -> None:
    """Play both systems until told to stop."""
    with BusService() as service:
        async with Broker() as broker:
            _write(folder / BROKER_FILE, f"mqtt://127.0.0.1:{broker.port}")
            _write(folder / SERVICE_FILE, service.url)
            sys.stdout.write(READY + "\n")
            sys.stdout.flush()
            rain = asyncio.create_task(_report_rain(broker, read_replay()))
            await stop.wait()
            rain.cancel()
            await asyncio.gather(rain, return_exceptions=True)


async def _report_rain(broker: Broker, replay: Replay) -> None:
    """Let the posts report, one after the other, each once in the time that a day of the series takes."""
    turn = replay.turn(datetime.now(UTC))
    for message in replay.list_messages(turn - 1, datetime.now(UTC)):
        broker.publish(message)
    while True:
        messages = replay.list_messages(turn, datetime.now(UTC))
        for place in range(len(messages)):
            now = datetime.now(UTC)
            broker.publish(replay.list_messages(turn, now)[place])
            await asyncio.sleep(DAY_SECONDS / len(messages))
        turn = max(turn + 1, replay.turn(datetime.now(UTC)))


def _write(file: Path, text: str) -> None:
    """Put the text in place at once: whoever reads sees the old or the new."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(file)


async def _main(folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:
        # Nothing is ever written to it: what can be read is its end.
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), look)
    await play(folder, stop)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
