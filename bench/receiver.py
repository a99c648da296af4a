"""A receiver of notifications: answers 200 at once and counts. Nothing of Simpul is in it.

GET / tells how many came; GET /N waits until so many did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bench.plain import run

_received = 0
_waiting: dict[int, asyncio.Event] = {}


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    global _received  # noqa: PLW0603  # One process, one count.
    if scope["type"] != "http":
        return
    if scope["method"] == "POST":
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        _received += 1
        if _received in _waiting:
            _waiting.pop(_received).set()
    elif (wanted := int(scope["path"][1:] or 0)) > _received:
        await _waiting.setdefault(wanted, asyncio.Event()).wait()
    body = str(_received).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    run(app)
