"""What a request's headers say, read once for each block of them: a client sends the same ones with every request."""

from __future__ import annotations

import msgspec

from simpul import limits

Pairs = list[tuple[bytes, bytes]] | tuple[tuple[bytes, bytes], ...]

# With one of these a request needs more than the fast lane does: framing, or an @context that may have to be fetched.
_COLD = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"link", b"origin", b"prefer", b"access-control-request-method"}
)
_PLAIN_BODIES = frozenset({b"application/json", b"application/merge-patch+json"})
_ANY_JSON = frozenset({"", "*/*", "application/json"})


# If-Match and If-None-Match, each None where it did not come.
Conditions = tuple[str | None, str | None]
_IF_MATCH, _IF_NONE_MATCH = b"if-match", b"if-none-match"


class HeaderBlock(msgspec.Struct, frozen=True, gc=False):
    """The headers that an operation looks at.

    One that did not come is the empty string, or None where absence and emptiness differ. `is_cold` says that the
    request is nothing for the fast lane; `is_plain`, that it brings no credential and no condition, names no city and
    takes JSON; `has_length`, that the length of its body is told.
    """

    accept: str
    content_type: str
    link: str
    prefer: str
    tenant: str | None
    authorization: str | None
    via: str
    conditions: Conditions | None
    is_cold: bool
    is_plain: bool
    has_length: bool


def read_headers(headers: Pairs) -> HeaderBlock:
    """Read headers whose names are in lower case."""
    wanted = {b"accept": "", b"content-type": "", b"link": "", b"prefer": "", b"via": ""}
    tenant: str | None = None
    authorization: str | None = None
    conditions: dict[bytes, str] = {}
    is_cold = has_length = False
    for name, value in headers:
        if name in wanted:
            # Several lines of one header are one list (RFC 9110 §5.3).
            wanted[name] = ", ".join(filter(None, (wanted[name], value.decode("latin-1"))))
        elif name in (_IF_MATCH, _IF_NONE_MATCH):
            conditions[name] = ", ".join(filter(None, (conditions.get(name), value.decode("latin-1"))))
        elif name == b"ngsild-tenant":
            tenant = value.decode("latin-1")
        elif name == b"authorization":
            authorization = value.decode("latin-1")
        has_length = has_length or name == b"content-length"
        is_cold = is_cold or name in _COLD or _is_cold(name, value)
    accept = wanted[b"accept"]
    return HeaderBlock(
        accept=accept,
        content_type=wanted[b"content-type"],
        link=wanted[b"link"],
        prefer=wanted[b"prefer"],
        tenant=tenant,
        authorization=authorization,
        via=wanted[b"via"],
        conditions=(conditions.get(_IF_MATCH), conditions.get(_IF_NONE_MATCH)) if conditions else None,
        is_cold=is_cold,
        is_plain=tenant is None and authorization is None and not conditions and accept in _ANY_JSON,
        has_length=has_length,
    )


def _is_cold(name: bytes, value: bytes) -> bool:
    if name == b"content-length":
        return not value.isdigit() or int(value) > limits.STRANGER_BODY_BYTES_MAX
    if name == b"content-type":
        return value not in _PLAIN_BODIES
    # Maps, snapshots and what else the standard has headers for.
    return name.startswith(b"ngsild-") and name != b"ngsild-tenant"


class HeaderBlocks:
    """The blocks that came last, each read once. Bounded."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[tuple[bytes, bytes], ...], HeaderBlock] = {}

    def read(self, headers: list[tuple[bytes, bytes]]) -> HeaderBlock:
        """Return what the headers say; their names are in lower case."""
        key = tuple(headers)
        block = self._blocks.get(key)
        if block is None:
            block = read_headers(headers)
            size_bytes = sum(len(name) + len(value) for name, value in headers)
            if size_bytes <= limits.HEADER_BLOCK_REMEMBERED_BYTES_MAX:
                if len(self._blocks) >= limits.HEADER_BLOCKS_REMEMBERED_MAX:
                    self._blocks.clear()
                self._blocks[key] = block
        return block
