"""Why a request that fits the API's description may still be refused with 400: rules that JSON Schema cannot express.

A check for schemathesis (`schemathesis.toml`): every other refusal of such a request is a defect of the description or
of the hub. Each reason is a pattern of the problem's detail.
"""

from __future__ import annotations

import re
from typing import Any

import schemathesis

REASONS = [
    # Which parameters of a query string go together is nothing that OpenAPI 3.1 can say.
    r"The query would (match|look at) (too much|every)",
    r"The purge is too wide",
    r"The query of an entity map (of histories )?needs ",
    r"A geo-query needs georel, geometry and coordinates",
    r"geoproperty alone asks nothing",
    r"timerel=\w+ needs timeAt",
    r"(timeAt|endTimeAt) is given and timerel is ",
    r"(timeAt|endTimeAt)='': with timerel it is a moment",
    r"limit=0 asks for nothing unless count=true",
    r"aggregatedValues needs aggrMethods",
    r"attrs cannot be combined with pick or omit",
    r"'.*' is in both '?pick'? and '?omit'?",
    r"(pick|omit|q) reaches into entities that are linked",
    r"'keep' and 'drop' contradict each other",
    r"datasetId names one instance, deleteAll=true asks for all",
    r"An entity map keeps its entities in an order of its own",
    r"type=\* asks this hub alone",
    r"A distance is ordered from somewhere",
    r"Entities of several sources are not ordered",
    # q, csf, idPattern, orderBy and selections are languages that nest, which no regular expression describes.
    r"`(q|type|scopeQ)` ",
    r"q (asks about|follows|may)",
    r"(q|csf): ",
    r"Say with q which snapshots are to go",
    r"idPattern: ",
    r"The regular expression ",
    r"orderBy=",
    r"collation=",
    r"The name '.*' has [0-9]+ characters; at most 2048",
    r"The name .* holds the character ",
    # Where a geometry is, and that a ring ends where it begins.
    r".*(coordinates|position|ring|`georel`|`geometry`)",
    # What a path or another parameter says has to fit what a body says.
    r"The body's id is .*, the path's is ",
    r"Only copies of documents at URLs can be reloaded",
    r"The @context .* only a copy can be reloaded",
    r"The body has no attribute to add to the history",
    # Names that differ and mean the same under the @context, and what has to differ.
    # Whether the entity has the rest of an attribute of which a part is sent.
    r"The attribute '.*' has no '",
    r".*twice, under names that mean the same",
    r"The attribute '.*' has two instances ",
    r"The entity's type is .*, which is a word of JSON-LD",
    # The rules of JSON-LD 1.1 for what an @context defines.
    r".*@context",
    # Members of a document that contradict each other, and moments that have passed.
    r"'attributes' cannot be combined with 'pick' or 'omit'",
    r"'pick' or 'omit' reaches further",
    r"'showChanges' needs the normalized or concise format",
    r"'timeInterval' needs 'entities'",
    r"The type '\*' (is about|asks) this hub alone",
    r"An (auxiliary source|exclusive registration) ",
    r".*expiresAt.*(passed|future)",
    r".* ends before it starts",
    r"contextSourceInfo",
    r"MQTT-",
    r"'receiverInfo' cannot set the header",
    # Where the hub may connect to is the operator's to say.
    r"The host of ",
]
_EXPECTED = re.compile("|".join(f"(?:{reason})" for reason in REASONS), re.DOTALL)
_REFUSED = 400


@schemathesis.check
def refusal_has_a_known_reason(_ctx: object, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
    """Refuse a 400 to a request that fits the description, unless its reason is listed."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != _REFUSED:
        return
    detail = response.json()["detail"]
    assert _EXPECTED.match(detail), f"it fits the description and is refused: {detail[:300]}"
