"""Pages of entities: one more is fetched than asked for, so that `next` is told truly. No rendering here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from simpul import limits
from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.errors import TooComplexQuery
from simpul.domain.query import EntityQuery
from simpul.http.exchange import Exchange, Headers
from simpul.ports.store import Document

PageOfDocuments = tuple[Sequence[Document], int | None, bool]


async def fetch_page(caller: Caller, hub: Hub, query: EntityQuery) -> PageOfDocuments:
    """Return the documents, the count where it was asked for, and whether this is the last page."""
    if query.limit == 0:
        page = await entities.query(caller, hub, query)
        return [], page.count, True
    page = await entities.query(caller, hub, replace(query, limit=query.limit + 1))
    return page.documents[: query.limit], page.count, len(page.documents) <= query.limit


async def fetch_union(caller: Caller, hub: Hub, queries: Sequence[EntityQuery]) -> PageOfDocuments:
    """Return one page of what any of the queries finds. Raises TooComplexQuery past `limits.UNION_ENTITIES_MAX`."""
    if len(queries) == 1:
        return await fetch_page(caller, hub, queries[0])
    found: dict[int, Document] = {}
    for query in queries:
        page = await entities.query(
            caller, hub, replace(query, limit=limits.UNION_ENTITIES_MAX + 1, offset=0, counts=False)
        )
        found.update((document.eid, document) for document in page.documents)
        if len(found) > limits.UNION_ENTITIES_MAX:
            raise TooComplexQuery(
                f"Several different selectors together match more than {limits.UNION_ENTITIES_MAX:,} entities;"
                " ask with fewer selectors, or one after the other."
            )
    ordered = [found[eid] for eid in sorted(found)]
    asked = queries[0]
    end = asked.offset + asked.limit
    return ordered[asked.offset : end], len(ordered) if asked.counts else None, len(ordered) <= end


_PAGE = re.compile(rb"(?:^|&)(?:limit|offset)=[^&]*")


def paging_headers(query: EntityQuery, count: int | None, *, is_last: bool, exchange: Exchange) -> Headers:
    """Return the headers of a page: the count (§6.3.13) and the links to the pages beside it (§6.3.10)."""
    headers: list[tuple[bytes, bytes]] = []
    if count is not None:
        headers.append((b"ngsild-results-count", str(count).encode()))
    if query.limit and query.offset:
        headers.append((b"link", _link(exchange, query.limit, max(0, query.offset - query.limit), b"prev")))
    if query.limit and not is_last:
        headers.append((b"link", _link(exchange, query.limit, query.offset + query.limit, b"next")))
    return tuple(headers)


def _link(exchange: Exchange, limit: int, offset: int, relation: bytes) -> bytes:
    rest = _PAGE.sub(b"", exchange.query).lstrip(b"&").replace(b"<", b"%3C").replace(b">", b"%3E")
    page = f"limit={limit}&offset={offset}".encode()
    target = exchange.path + b"?" + (rest + b"&" + page if rest else page)
    return b"<" + target + b'>; rel="' + relation + b'"; type="application/ld+json"'
