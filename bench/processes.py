"""The processes of a run: servers pinned to one core, the load to the other. No figures here."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0
SCRIPT = Path(__file__).with_name("wrk") / "requests.lua"


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk is told: which requests, against which set of entities, for how long."""

    kind: str
    entity_count: int
    side_degrees: float
    seconds: int
    salt: str = "0"
    token: str = ""
    connections: int = CONNECTIONS


Server = subprocess.Popen[bytes]


class LoadFailed(Exception):
    """The load met an answer that no measurement should have."""


def free_port() -> int:
    """Return a loopback port that nobody listens on, so that no other run's server is measured."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: list[str], url: str, log: Path, environment: dict[str, str], *, core: int = SERVER_CORE
) -> Iterator[Server]:
    """Run a server on its core until it answers; end it afterwards."""
    with log.open("ab") as output:
        server = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    try:
        wait_for(url, server, log)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(url: str, server: Server, log: Path) -> None:
    """Return as soon as the address answers with 200."""
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end:
        if server.poll() is not None:
            raise LoadFailed(f"the server ended with status {server.returncode}; its last words are in {log}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            raise LoadFailed(f"{url} answered {error.code}: {error.read(400).decode(errors='replace')}") from error
        except OSError:
            time.sleep(0.005)
    raise LoadFailed(f"{url} did not answer within {START_SECONDS_MAX:.0f} s; see {log}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one load reached: requests a second, and the server's processor time for each of them."""

    rate: float
    cpu_us: float


def put_load_on(server: Server, base_url: str, load: Load) -> Measured:
    """Run wrk against the server and return what it counted. Raises LoadFailed for any answer but a success."""
    busy_before = _busy_us(server.pid)
    arguments = [load.kind, str(load.entity_count), f"{load.side_degrees:.6f}", load.salt, load.token]
    wrk = [
        "wrk",
        "-t1",
        f"-c{load.connections}",
        f"-d{load.seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(SCRIPT),
        base_url,
        "--",
    ]
    answer = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *wrk, *filter(None, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=load.seconds + 60,
    )
    busy_us = _busy_us(server.pid) - busy_before
    rate = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", answer.stdout, re.DOTALL)
    wrong = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", answer.stdout)
    if rate is None or wrong:
        what = wrong[0] if wrong else answer.stdout + answer.stderr
        raise LoadFailed(f"{load.kind}: {what}")
    return Measured(rate=float(rate[2]), cpu_us=busy_us / max(1, int(rate[1])))


def _busy_us(process_id: int) -> float:
    """Return how long the process and its children have been on a processor, in microseconds."""
    threads = (thread for each in _family(process_id) for thread in Path(f"/proc/{each}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1000


def memory_mb(process_id: int) -> tuple[float, float]:
    """Return what the process and its children hold: all of it, and what is theirs alone."""
    whole = private = 0
    for each in _family(process_id):
        status = Path(f"/proc/{each}/status").read_text()
        whole += int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]  # A live process has it.
        private += int(re.search(r"RssAnon:\s+(\d+)", status)[1])  # type: ignore[index]  # A live process has it.
    return whole / 1024, private / 1024


def _family(process_id: int) -> list[int]:
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [process_id, *(member for child in children for member in _family(int(child)))]


def own_memory_mb(process_id: int) -> float:
    """Return what the process and its children have for themselves; 0 where one of them ends just now."""
    try:
        return memory_mb(process_id)[1]
    except (OSError, TypeError):
        return 0.0
