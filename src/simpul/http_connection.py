"""One HTTP/1.1 connection to another machine: requests out, answers in, one at a time. No pool here (`connections.py`).

httptools parses what comes, as it does for the server. No redirects, no proxies, nothing compressed.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import quote, unquote, urlsplit

import httptools

from simpul import limits

_PORTS = {"http": 80, "https": 443}
# Statuses that name another place in Location (RFC 9110 §15.4).
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may stand in the path and query of a request as it is (RFC 3986), and what is escaped already.
_PATH_CHARACTERS = "/:@!$&'()*+,;=-._~%?[]"
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")


class HttpFailed(Exception):
    """The other machine did not answer in HTTP/1.1, or stopped in the middle. The text says which, to a person."""


class Target(NamedTuple):
    """Where a URL leads: whom to connect to, and what to ask for there. `origin` is what connections are kept by."""

    origin: tuple[str, str, int]
    path: str
    authority: str
    authorization: str | None


class Request(NamedTuple):
    """A request. `is_repeatable`: it may be sent again where a kept connection turns out to be closed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_repeatable: bool = True


class Answer(NamedTuple):
    """What came. Names of headers are in lower case; `is_cut` where the body was longer than it may be."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool


@lru_cache(maxsize=limits.TARGETS_REMEMBERED_MAX)
def target_of(url: str) -> Target:
    """Return where an http or https URL leads. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is no http or https URL")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", _PATH_CHARACTERS)
    account = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return Target(
        origin=(parts.scheme, host, port),
        path=f"{path}?{quote(parts.query, _PATH_CHARACTERS)}" if parts.query else path,
        authority=shown if port == _PORTS[parts.scheme] else f"{shown}:{port}",
        authorization="Basic " + b64encode(account.encode()).decode() if parts.username is not None else None,
    )


def render_head(request: Request, target: Target) -> bytes:
    """Return the request without its body. Raises ValueError for a header that would be more than one."""
    lines = [f"{request.method} {target.path} HTTP/1.1", f"host: {target.authority}"]
    named = set()
    for name, value in request.headers:
        if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value):
            raise ValueError(f"the header {name[:100]!r} cannot be sent")
        named.add(name.lower())
        lines.append(f"{name}: {value}")
    if "user-agent" not in named:
        lines.append("user-agent: simpul")
    if "accept-encoding" not in named:
        # A compressed answer could grow a thousandfold before anyone counts its bytes.
        lines.append("accept-encoding: identity")
    if target.authorization is not None and "authorization" not in named:
        lines.append(f"authorization: {target.authorization}")
    if request.body or request.method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
        lines.append(f"content-length: {len(request.body)}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")


class HttpConnection(asyncio.Protocol):
    """A connection, from when it is made until either side closes it."""

    def __init__(self) -> None:
        self.is_open = False
        # Whether anything came in answer to the last request.
        self.is_answered = False
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._bytes_max = 0
        self._parser = httptools.HttpResponseParser(self)
        self._clear()

    def _clear(self) -> None:
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._has_headers = False
        self._head_bytes = 0

    async def exchange(self, head: bytes, body: bytes, answer_bytes_max: int) -> Answer:
        """Send a request and return its answer. Raises HttpFailed, OSError; the connection is closed then."""
        assert self._transport is not None, "the connection was made"
        assert self._waiting is None, "one request at a time"
        self._waiting = asyncio.get_running_loop().create_future()
        self._bytes_max = answer_bytes_max
        self.is_answered = False
        self._clear()
        try:
            self._transport.write(head + body if len(body) < limits.CONNECTION_JOINED_BYTES_MAX else head)
            if len(body) >= limits.CONNECTION_JOINED_BYTES_MAX:
                self._transport.write(body)
            return await self._waiting
        except BaseException:
            # What comes now would be taken for the answer to the next request.
            self.close()
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Let go of it at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiting is None or self._waiting.done():
            return
        is_framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        if self._has_headers and not is_framed and error is None:
            # The end of the connection is the end of the answer.
            self._finish(is_cut=False)
        else:
            self._fail(error if isinstance(error, OSError) else HttpFailed("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            # Nothing was asked for: it says good-bye, or is out of step.
            self.close()
            return
        self.is_answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()
            self._fail(HttpFailed("what it answers is not HTTP/1.1"))
        if not self._has_headers:
            self._head_bytes += len(data)
            if self._head_bytes > limits.ANSWER_HEAD_BYTES_MAX:
                self.close()
                self._fail(HttpFailed("its answer has no end of headers"))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def _finish(self, *, is_cut: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            status = self._parser.get_status_code()
            self._waiting.set_result(Answer(status, self._headers, bytes(self._body), is_cut))

    # What httptools calls

    def on_message_begin(self) -> None:
        """Begin an answer, or another one after one that was only on the way (100, 103)."""
        self._clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one that comes several times is one list (RFC 9110 §5.3)."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Know that the status and all headers are there."""
        # What is below 200 is on the way only.
        self._has_headers = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, as long as there is room for it."""
        self._body += body
        if len(self._body) > self._bytes_max:
            self._finish(is_cut=True)
            self.close()

    def on_message_complete(self) -> None:
        """Hand over the answer."""
        if not self._has_headers:
            return
        if not self._parser.should_keep_alive():
            self.close()
        self._finish(is_cut=False)
