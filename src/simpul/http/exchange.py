"""One request and one answer as values, the same in the fast lane and behind Starlette. No sockets here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from simpul.app.hub import Hub
from simpul.http.header_block import Conditions as Conditions
from simpul.http.header_block import HeaderBlock, Pairs, read_headers

JSON = "application/json"
LD_JSON = "application/ld+json"
GEO_JSON = "application/geo+json"
MERGE_PATCH_JSON = "application/merge-patch+json"
# Some clients look for this one as it is written in the standard, though case says nothing (RFC 9110 §5.1).
LOCATION = b"Location"

Headers = tuple[tuple[bytes, bytes], ...]


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """A request: what a handler may look at.

    `path` and `query` are as they came, percent-encoded; `names` are the variable parts of the path, decoded
    once. A header that did not come is the empty string, or None where absence and emptiness differ.
    `entity_map` is NGSILD-EntityMap, which is looked for off the fast lane only.
    """

    method: str
    path: bytes
    query: bytes = b""
    body: bytes = b""
    names: tuple[str, ...] = ()
    accept: str = ""
    content_type: str = ""
    link: str = ""
    prefer: str = ""
    tenant: str | None = None
    authorization: str | None = None
    headers: Headers | list[tuple[bytes, bytes]] = ()
    via: str = ""
    conditions: Conditions | None = None
    entity_map: str = ""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A response: header names are in lower case but for `LOCATION`, the length of the body is not among them.

    `is_lasting` says that the same request of the same caller has this answer until the city's next commit.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    is_lasting: bool = False


Handler = Callable[[Hub, Exchange], Awaitable[Answer]]

_encode = msgspec.json.Encoder().encode


def exchange_of(line: tuple[str, bytes, bytes], headers: Pairs, body: bytes) -> Exchange:
    """Make the exchange of a request line (method, path, query), its headers and its body."""
    lowered = tuple((name.lower(), value) for name, value in headers)
    return exchange_of_block(line, read_headers(lowered), lowered, body)


def exchange_of_block(line: tuple[str, bytes, bytes], block: HeaderBlock, headers: Pairs, body: bytes) -> Exchange:
    """Make the exchange of a request whose headers were read before."""
    method, path, query = line
    return Exchange(
        method,
        path,
        query,
        body,
        (),
        block.accept,
        block.content_type,
        block.link,
        block.prefer,
        block.tenant,
        block.authorization,
        headers,
        block.via,
        block.conditions,
    )


def answer_json(content: Any, headers: Headers = (), *, status: int = 200, media_type: str = JSON) -> Answer:
    """Return an answer whose body is the content as JSON."""
    return Answer(status, ((b"content-type", media_type.encode()), *headers), _encode(content))


def answer_bytes(body: bytes, headers: Headers = (), *, media_type: str = JSON, is_lasting: bool = False) -> Answer:
    """Return an answer whose body is JSON already."""
    return Answer(200, ((b"content-type", media_type.encode()), *headers), body, is_lasting)


NO_CONTENT = Answer(204)
