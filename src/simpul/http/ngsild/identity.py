"""/info/sourceIdentity: who this hub is to others (CIM 009 §5.15, §6.33). Nothing of any entity is told here."""

from __future__ import annotations

import time

import simpul
from simpul.app.hub import Hub
from simpul.domain.context import CORE
from simpul.domain.moment import render_moment
from simpul.http.admission import admit, context_headers
from simpul.http.exchange import LD_JSON, Answer, Exchange, answer_json
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.parameters import parse_parameters

_STARTED_SECONDS = time.monotonic()


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /info/sourceIdentity (§6.33.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parse_parameters(exchange.query, frozenset())
    caller = admit(hub, exchange)
    alias = await hub.registry.get_alias(caller.tenant)
    content = {
        "id": f"urn:ngsi-ld:ContextSourceIdentity:{alias}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": alias,
        "contextSourceUptime": f"PT{int(time.monotonic() - _STARTED_SECONDS)}S",
        "contextSourceTimeAt": render_moment(hub.clock.now_us()),
        "contextSourceExtras": {"name": "Simpul", "version": simpul.__version__},
    }
    if media_type == LD_JSON:
        content = {"@context": CORE.link, **content}
    return answer_json(content, context_headers(CORE, media_type), media_type=media_type)
