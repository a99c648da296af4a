"""The yardsticks G and P: the least that an ASGI app under uvicorn can do. Nothing of Simpul is in it.

GET answers a constant of 312 bytes; POST parses the body with msgspec first.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from bench.plain import run

ANSWER_BYTES = 312
_FRAME = json.dumps({"id": "urn:ngsi-ld:BusStop:0000001", "note": ""})
ANSWER = json.dumps({"id": "urn:ngsi-ld:BusStop:0000001", "note": "x" * (ANSWER_BYTES - len(_FRAME))}).encode()
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())],
}
BODY = {"type": "http.response.body", "body": ANSWER}

decode = msgspec.json.Decoder().decode


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        return
    if scope["method"] == "POST":
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        decode(body)
    await send(START)
    await send(BODY)


if __name__ == "__main__":
    run(app)
