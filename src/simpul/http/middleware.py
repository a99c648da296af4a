"""Pure ASGI layers around the API: headers of every answer, CORS, and no body over the limit. No handlers here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simpul import limits
from simpul.domain.errors import BodyTooLarge
from simpul.http.exchange import Answer, Headers
from simpul.http.problem import answer_problem

# The API serves data and no pages: a browser that is led to it must neither run nor frame nor sniff it.
SECURITY_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_READABLE = (
    b"NGSILD-Results-Count", b"NGSILD-Tenant", b"NGSILD-EntityMap", b"NGSILD-Snapshot", b"NGSILD-Warning", b"Link",
    b"Location", b"Allow", b"Retry-After", b"Content-Range", b"Preference-Applied", b"ETag",
)  # fmt: skip
_SENT = (
    b"Accept", b"Authorization", b"Content-Type", b"If-Match", b"If-None-Match", b"Link", b"NGSILD-Tenant",
    b"NGSILD-EntityMap", b"NGSILD-Snapshot", b"Prefer",
)  # fmt: skip
EXPOSED = (b"access-control-expose-headers", b", ".join(_READABLE))
# Credentials are bearer tokens, which a foreign page does not have; cookies count for nothing here: any page may ask.
ANY_ORIGIN: Headers = ((b"access-control-allow-origin", b"*"), EXPOSED)


def cross_origin_headers(allowed_origins: str, origin: bytes) -> Headers:
    """Return the headers that let the pages of the allowed origins, `*` for all, read an answer."""
    if allowed_origins == "*":
        return ANY_ORIGIN
    if origin.decode("latin-1") in {one.strip() for one in allowed_origins.split(",")}:
        return ((b"access-control-allow-origin", origin), EXPOSED, (b"vary", b"Origin"))
    return ((b"vary", b"Origin"),)


_PREFLIGHT = Answer(
    204,
    (
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD"),
        (
            b"access-control-allow-headers",
            b", ".join(_SENT),
        ),
        (b"access-control-max-age", b"86400"),
    ),
)


# These have no body, and so no length of one (RFC 9110 §8.6).
WITHOUT_BODY = frozenset({204, 304})


async def send_answer(send: Send, answer: Answer, *, more: bool = False, without_body: bool = False) -> None:
    """Send the answer; with `more`, its end is left to the caller."""
    headers = [(name, value) for name, value in answer.headers]
    if answer.status not in WITHOUT_BODY:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body, "more_body": more})


class CommonHeaders:
    """Gives every answer the headers against misuse in browsers, and lets pages of other origins read it."""

    def __init__(self, app: ASGIApp, allowed_origins: str) -> None:
        self._app = app
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        common = (*SECURITY_HEADERS, *cross_origin_headers(self._allowed_origins, origin))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *common]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Preflight:
    """Answers the question that a browser asks before a page's request to another origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            names = {name.lower() for name, _ in scope["headers"]}
            if {b"origin", b"access-control-request-method"} <= names:
                await send_answer(send, _PREFLIGHT)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses a body over the limit: before it is read where its length is told, else on the way.

    `bytes_max` says how much whoever sends the request may send. It is asked only past
    `limits.STRANGER_BODY_BYTES_MAX`, which everyone may send.
    """

    def __init__(self, app: ASGIApp, bytes_max: Callable[[Scope], int]) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in _WITH_LENGTH and is_length_untold(scope):
            await refuse_with(LENGTH_REQUIRED, receive, send)
            return
        try:
            self._raise_if_larger(told_length(scope), scope)
            body = await self._read(receive, scope)
        except ClientDisconnect:
            # Half a body may be a whole, other request; nobody is there to be answered.
            return
        except BodyTooLarge as error:
            await refuse(error, receive, send)
            return
        await self._app(scope, replay(body, receive), send)

    async def _read(self, receive: Receive, scope: Scope) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message: MutableMapping[str, Any] = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            part = message.get("body", b"")
            size += len(part)
            self._raise_if_larger(size, scope)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _raise_if_larger(self, size: int, scope: Scope) -> None:
        if size <= limits.STRANGER_BODY_BYTES_MAX:
            return
        bytes_max = self._bytes_max(scope)
        if size > bytes_max:
            known = bytes_max > limits.STRANGER_BODY_BYTES_MAX
            advice = "Send it in several parts." if known else "With a token, more is taken."
            raise BodyTooLarge(f"The body is over {bytes_max:,} bytes, the most that is taken from you. {advice}")


async def refuse(error: BodyTooLarge, receive: Receive, send: Send) -> None:
    """Tell of the error at once, and close the connection once the client is done sending or has sent enough."""
    await refuse_with(answer_problem(error), receive, send)


async def refuse_with(told: Answer, receive: Receive, send: Send) -> None:
    """Answer before the body is read, and close the connection as `refuse` does."""
    closing = Answer(told.status, (*told.headers, (b"connection", b"close")), told.body)
    await send_answer(send, closing, more=True)
    # A client that still sends would be reset before it reads the answer, so what it sends is thrown away a while.
    await drain(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


# CIM 009 §6.3.4: a body of which the length is not told is answered with just this status.
LENGTH_REQUIRED = Answer(411)
_WITH_LENGTH = frozenset({"POST", "PATCH", "PUT"})
_STANDARD_PATH = "/ngsi-ld/"


def is_length_untold(scope: Scope) -> bool:
    """Return whether the length of what the request brings is not told, as every request of the standard has to."""
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" in names:
        return True
    return b"content-length" not in names and scope["path"].startswith(_STANDARD_PATH)


def told_length(scope: Scope) -> int:
    """Return the length that the request's header tells, or 0."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body in one piece, and then what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def drain(receive: Receive) -> None:
    """Read and drop what the client still sends, up to `limits.DRAIN_BYTES_MAX` and for `limits.DRAIN_SECONDS`."""
    size = 0
    try:
        async with asyncio.timeout(limits.DRAIN_SECONDS):
            while size <= limits.DRAIN_BYTES_MAX:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                size += len(message.get("body", b""))
    except TimeoutError:
        return
