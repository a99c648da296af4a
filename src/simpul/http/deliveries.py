"""Where agents in offices deliver the rows of their sources: no part of the NGSI-LD API. Nothing is decided here.

`POST /deliveries/<source>` with JSON is a hello: what the agent tells of itself. With `application/octet-stream` it is
a piece of a reading, which the query describes. Both are answered with how far the hub is. Every answer has the header
`Simpul-Deliveries`, by which an agent tells a hub that takes deliveries from whatever else may answer.
"""

from __future__ import annotations

from typing import Final

import msgspec

from simpul import limits
from simpul.app import deliveries, tenants
from simpul.app.hub import Hub
from simpul.domain.delivery import PROTOCOL, Delivery, Hello
from simpul.domain.errors import BadRequestData, BodyTooLarge, HubError, InvalidRequest, OperationNotSupported
from simpul.http.dispatch import answer_error, with_headers
from simpul.http.exchange import Answer, Exchange, answer_json
from simpul.http.parameters import decode_path

PATH: Final = "/deliveries/{source}"
_PREFIX: Final = b"/deliveries/"
_PIECE: Final = "application/octet-stream"
_OURS: Final = ((b"simpul-deliveries", str(PROTOCOL).encode()),)


class _Piece(msgspec.Struct):
    """Which piece of which reading a body is."""

    kind: str
    queue: str
    number: int
    offset: int
    size: int
    digest: str
    base: str = ""
    rows_digest: str = ""


_HELLO: Final = msgspec.json.Decoder(Hello)


async def receive(hub: Hub, exchange: Exchange) -> Answer:
    """Hear an agent, or take a piece; answer how far the hub is."""
    try:
        given = await _receive(hub, exchange)
    except HubError as error:
        given = answer_error(error)
    return with_headers(given, _OURS)


async def _receive(hub: Hub, exchange: Exchange) -> Answer:
    source_id = decode_path(exchange.path.removeprefix(_PREFIX))
    tenant = tenants.resolve(hub, exchange.tenant)
    source = deliveries.admit_agent(hub, tenant, exchange.authorization, source_id)
    if exchange.content_type == _PIECE:
        piece = _piece_of(exchange)
        delivery = Delivery(
            piece.kind, piece.queue, piece.number, piece.size, piece.digest, piece.base, piece.rows_digest
        )
        position = await deliveries.take(hub, tenant, source, delivery, (piece.offset, exchange.body))
    else:
        position = await deliveries.greet(hub, tenant, source, _hello_of(exchange))
    return answer_json(position)


def _hello_of(exchange: Exchange) -> Hello:
    if len(exchange.body) > limits.DELIVERY_HELLO_BYTES_MAX:
        raise BodyTooLarge(f"A hello has at most {limits.DELIVERY_HELLO_BYTES_MAX:,} bytes.")
    try:
        hello = _HELLO.decode(exchange.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("This is no hello of an agent; is it of the same version as the hub?") from error
    if hello.protocol > PROTOCOL:
        raise OperationNotSupported("This hub is older than its agent. Update the hub first.")
    return hello


def _piece_of(exchange: Exchange) -> _Piece:
    if len(exchange.body) > limits.DELIVERY_PIECE_BYTES:
        raise BodyTooLarge(f"A piece has at most {limits.DELIVERY_PIECE_BYTES:,} bytes.")
    try:
        pairs = dict(pair.split("=", 1) for pair in exchange.query.decode("ascii").split("&"))
        piece = msgspec.convert(pairs, _Piece, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRequest("The query of a piece says kind, queue, number, offset, size and digest.") from error
    if piece.offset < 0:
        raise BadRequestData("A piece begins at 0 or after it.")
    return piece
