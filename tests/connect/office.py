"""An office with an agent, and a hub that serves: each a process of its own, which a test can kill and start again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from simpul.app.identity import create_agent_token, operator
from tests.connect.kota import TENANT, Kota, csv_source
from tests.connect.line import Line

WAIT_SECONDS = 90.0
SIMPUL = [str(Path(sys.executable).with_name("simpul"))]


def agent_source(**changes: Any) -> dict[str, Any]:
    """Return a source of bus stops that an agent reads in its office."""
    return csv_source(read_by="agent", schedule={"every": "10s"}, **changes)


def simpul(*words: str) -> str:
    """Return what a command tells."""
    went = subprocess.run([*SIMPUL, *words], capture_output=True, text=True, timeout=WAIT_SECONDS, check=True)
    return went.stdout


def agent_token(kota: Kota, source_id: str = "halte") -> str:
    _, secret = kota.with_hub(lambda hub: create_agent_token(operator(TENANT), hub, "Kantor", source_id))
    return secret


class Process:
    """A program that runs until it is stopped or killed."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(WAIT_SECONDS)

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self.kill()


class ServedHub(Process):
    """`simpul serve` over the city, on this port."""

    def __init__(self, kota: Kota, port: int) -> None:
        super().__init__([*SIMPUL, "serve", "--folder", str(kota.folder), "--port", str(port)], kota.folder / "hub.log")
        self.url = f"http://127.0.0.1:{port}"
        wait_until(self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=5):
            return True
        return False


@dataclass
class Office:
    """An agent's folder, away from the city's."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, hub: str, tokens: dict[str, str], *sources: dict[str, Any], **more: Any) -> None:
        """Write agent.yaml, its tokens' files, and its sources."""
        (self.folder / "sources").mkdir(parents=True, exist_ok=True)
        for source_id, secret in tokens.items():
            (self.folder / f"{source_id}.token").write_text(secret + "\n")
        references = {source_id: f"${{file:{source_id}.token}}" for source_id in tokens}
        agent = {"hub": hub, "tokens": references, **more}
        (self.folder / "agent.yaml").write_text(yaml.safe_dump(agent))
        for source in sources:
            (self.folder / "sources" / f"{source['source']}.yaml").write_text(yaml.safe_dump(source))

    def write_csv(self, rows: Sequence[Sequence[object]], file: str = "halte.csv") -> None:
        text = "".join(",".join(str(cell) for cell in row) + "\n" for row in rows)
        part = self.folder / "part"
        part.write_text(text)
        part.replace(self.folder / file)

    def once(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Read and deliver once; return how that went."""
        return subprocess.run(
            [*SIMPUL, "agent", str(self.folder), *(words or ("--once",))],
            capture_output=True, text=True, timeout=WAIT_SECONDS, check=False, env={**os.environ, **self.environment},
        )  # fmt: skip

    def start(self) -> Process:
        return Process([*SIMPUL, "agent", str(self.folder)], self.folder / "agent.log")


def wait_until(is_true: Any, seconds: float = WAIT_SECONDS) -> None:
    """Return when something is true."""
    ends = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < ends, f"not true within {seconds:g} s"
        time.sleep(0.02)


def cut_off_until(
    is_done: Callable[[], bool], kota: Kota, office: Office, chance: random.Random, *, token: str, port: int
) -> None:
    """Run an agent and its hub, and cut off agent, hub and line now and then, until it is done; end both."""
    hub = ServedHub(kota, port)
    with Line(port) as line:
        office.write(f"http://127.0.0.1:{line.port}", {"halte": token}, agent_source())
        agent = office.start()
        try:
            for _ in range(6):
                time.sleep(chance.uniform(0.1, 1.2))
                what = chance.choice(["agent", "hub", "line"])
                if what == "agent":
                    agent.kill()
                    agent = office.start()
                elif what == "hub":
                    hub.kill()
                    hub = ServedHub(kota, port)
                else:
                    line.cut()
                    time.sleep(chance.uniform(0, 0.3))
                    line.mend()
            wait_until(is_done, 120)
        finally:
            agent.kill()
            hub.kill()
