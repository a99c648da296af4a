"""What the standard has and this version does not: each answers 501 and says what is missing. Nothing else here."""

from __future__ import annotations

from simpul.app.hub import Hub
from simpul.domain.errors import NotImplementedYet
from simpul.http.admission import admit
from simpul.http.exchange import Answer, Exchange, Handler
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate, parse_content_type


def not_yet(what: str) -> Handler:
    """Return the handler of an operation that is not there yet."""

    async def answer(hub: Hub, exchange: Exchange) -> Answer:
        # What is wrong in any request is wrong here too, and is told first.
        negotiate(exchange.accept, ANY_JSON)
        admit(hub, exchange)
        if exchange.body:
            parse_content_type(exchange.content_type, PATCH_BODY_TYPES)
        raise NotImplementedYet(
            f"{what} is part of NGSI-LD (ETSI GS CIM 009 v1.9.1). This version of Simpul does not have it yet:"
            " nothing was read and nothing was changed."
        )

    return answer
