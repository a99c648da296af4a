"""What subscriptions cost the one who writes, and how fast notifications reach a receiver on the same machine."""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import shape
from bench.figures import Line, share_line
from bench.hub import BenchHub
from bench.processes import LOAD_CORE, Load, Measured, Server, free_port, put_load_on, serving

SUBSCRIPTIONS = 100
ROUNDS = 3
SETTLED_SECONDS = 1.0


def measure(hub: BenchHub, server: Server, load: Load, plain_post: Measured, folder: Path) -> list[Line]:
    """Return the lines of patches that a hundred subscriptions match, and of notifications that arrive."""
    alone, heard, delivered = [], [], []
    with _receiving(folder) as receiver:
        for _ in range(ROUNDS):
            alone.append(put_load_on(server, hub.url, load).rate)
            with _subscribed(hub, receiver, SUBSCRIPTIONS):
                heard.append(put_load_on(server, hub.url, load).rate)
            with _subscribed(hub, receiver, SUBSCRIPTIONS):
                delivered.append(_deliver(hub, receiver, load.seconds))
    ratio = median(one / other for one, other in zip(heard, alone, strict=True))
    return [
        share_line(f"patch, {SUBSCRIPTIONS} matching subscriptions", median(heard), ratio, "of it alone", 0.6),
        share_line("notifications delivered", median(delivered), median(delivered) / plain_post.rate, "P", 0.08),
    ]


@contextmanager
def _receiving(folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.receiver", str(port)]
    with serving(command, url, folder / "receiver.log", {}, core=LOAD_CORE):
        yield url


def _deliver(hub: BenchHub, receiver: str, seconds: float) -> float:
    """Return how many notifications a second arrive, where every change is one for each subscription.

    The next change is made when the last one has arrived everywhere: otherwise changes that wait would be told
    together, and what is counted would be fewer notifications of more entities each.
    """
    path = f"/ngsi-ld/v1/entities/{shape.entity_id(0)}/attrs"
    before, begin, changes = _settled(receiver), time.perf_counter(), 0
    while time.perf_counter() < begin + seconds:
        changes += 1
        hub.request("PATCH", path, {"level": {"type": "Property", "value": changes + time.time() % 1}})
        _count(receiver, before + changes * SUBSCRIPTIONS)
    return changes * SUBSCRIPTIONS / (time.perf_counter() - begin)


def _settled(receiver: str) -> int:
    """Return how many notifications came, once no more come of what was there before."""
    last = -1
    while (count := _count(receiver)) != last:
        last = count
        time.sleep(SETTLED_SECONDS)
    return count


def _count(receiver: str, wanted: int = 0) -> int:
    """Return how many notifications came; wait until it is so many."""
    with urllib.request.urlopen(f"{receiver}/{wanted}", timeout=30) as answer:
        return int(answer.read())


@contextmanager
def _subscribed(hub: BenchHub, receiver: str, count: int) -> Iterator[None]:
    kinds = [{"type": kind} for kind in shape.TYPES]
    ids = []
    for number in range(count):
        subscription = {
            "type": "Subscription",
            "entities": kinds,
            "watchedAttributes": ["level"],
            "q": f"level>={-number}",
            "notification": {"attributes": ["level"], "endpoint": {"uri": f"{receiver}/{number}"}},
        }
        ids.append(hub.request("POST", "/ngsi-ld/v1/subscriptions", subscription))
    try:
        yield
    finally:
        for location in ids:
            hub.request("DELETE", location)
