"""Pages of entities: one more is fetched than asked for, so that `next` is told truly. No rendering here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from simpul import limits
from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.query import EntityQuery
from simpul.http.exchange import Exchange, Headers
from simpul.http.negotiate import ANY_JSON_OR_GEO, negotiate
from simpul.http.plan import EntityPlan
from simpul.ports.store import Document

PageOfDocuments = tuple[Sequence[Document], int | None, bool]


async def fetch_page(caller: Caller, hub: Hub, plan: EntityPlan) -> PageOfDocuments:
    """Return the documents, the count where it was asked for, and whether this is the last page."""
    if plan.order is None:
        page = await entities.query(caller, hub, plan.query)
    else:
        page = await entities.query_in_order(caller, hub, plan.query, plan.order)
    if len(page.documents) <= plan.limit:
        return page.documents, page.count, True
    return page.documents[: plan.limit], page.count, plan.limit == 0


async def fetch_union(caller: Caller, hub: Hub, plan: EntityPlan, queries: Sequence[EntityQuery]) -> PageOfDocuments:
    """Return one page of what any of the queries finds. Raises TooComplexQuery past `limits.UNION_ENTITIES_MAX`."""
    if plan.order is not None:
        raise BadRequestData(
            "Entities are ordered within one question: give one entity selector, or several that differ only in 'id'."
        )
    found: dict[int, Document] = {}
    for query in queries:
        whole = replace(query, limit=limits.UNION_ENTITIES_MAX + 1, offset=0, counts=False)
        page = await entities.query(caller, hub, whole)
        found.update((document.eid, document) for document in page.documents)
        if len(found) > limits.UNION_ENTITIES_MAX:
            raise TooComplexQuery(
                f"Several different selectors together match more than {limits.UNION_ENTITIES_MAX:,} entities;"
                " ask with fewer selectors, or one after the other."
            )
    ordered = [found[eid] for eid in sorted(found)]
    end = plan.query.offset + plan.limit
    return ordered[plan.query.offset : end], len(ordered) if plan.query.counts else None, len(ordered) <= end


def paging_headers(plan: EntityPlan, count: int | None, *, is_last: bool, exchange: Exchange) -> Headers:
    """Return the headers of a page: the count (§6.3.13) and the links to the pages beside it (§6.3.10)."""
    offset = plan.query.offset
    headers: list[tuple[bytes, bytes]] = []
    if count is not None:
        headers.append((b"ngsild-results-count", str(count).encode()))
    if plan.limit and offset:
        headers.append((b"link", _link(exchange, plan.limit, max(0, offset - plan.limit), b"prev")))
    if plan.limit and not is_last:
        headers.append((b"link", _link(exchange, plan.limit, offset + plan.limit, b"next")))
    return tuple(headers)


def _link(exchange: Exchange, limit: int, offset: int, relation: bytes) -> bytes:
    before, between, after = _frame(exchange.path, exchange.query)
    # The media type is that of the answer (§6.3.10).
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO).encode()
    return b'%slimit=%d%s&offset=%d%s>; rel="%s"; type="%s"' % (
        before, limit, between, offset, after, relation, media_type,
    )  # fmt: skip


@lru_cache(maxsize=limits.PLANS_REMEMBERED_MAX)
def _frame(path: bytes, query: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before `limit`, between it and `offset`, and after that: parameters sorted by name."""
    if b"%" in query:
        query = _NEEDLESS_ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), query)
    if b"<" in query or b">" in query:
        query = query.replace(b"<", b"%3C").replace(b">", b"%3E")
    before, between, after = [b"<" + path.rstrip(b"/") + b"?"], [b""], [b""]
    for pair in sorted(query.split(b"&")):
        if pair < b"limit":
            before.append(pair)
        elif pair > b"offset>":
            after.append(pair)
        elif pair > b"limit>" and pair < b"offset":
            between.append(pair)
    head = before[0] + b"".join([pair + b"&" for pair in before[1:] if pair])
    return head, b"&".join(between), b"&".join(after)


# Signs that stand for themselves in a query string, with or without their escape: * , - . / : _ ~
_NEEDLESS_ESCAPE = re.compile(rb"%(2[AaCcDdEeFf]|3[Aa]|5[Ff]|7[Ee])")
