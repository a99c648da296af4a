"""What a service has to read: the lists in its answer, and how their pages are asked for."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Offer, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.rest.reader import decode_answer, find, list_places, with_parameters
from simpul.connectors.rest.settings import parse_settings
from simpul.fetching import Fetcher, shown_url

_PAGE_PARAMETERS: Final = ("page", "halaman", "p")
_SIZE_PARAMETERS: Final = ("per_page", "limit", "page_size", "pagesize", "size")
_NEXT: Final = ("next_page_url", "next", "links.next", "pagination.next", "meta.next", "data.next_page_url")
_MORE: Final = ("pagination.has_next", "has_next", "meta.has_next", "has_more")
_TOTAL: Final = ("total", "count", "pagination.total", "meta.total", "total_data", "pagination.total_record")
_PAGES: Final = ("last_page", "total_pages", "meta.last_page", "pagination.total_page", "pagination.total_pages")


def knows(where: str, _surroundings: Surroundings) -> bool:
    """Return whether a place is the URL of a service."""
    return where.startswith(("http://", "https://"))


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the lists in the first answer, the longest first. Raises SourceUnreachable, SourceMismatch."""
    settings = parse_settings(plain, surroundings)
    where = shown_url(settings.service.url)
    with closing(Fetcher(settings.service)) as fetcher:
        url = with_parameters(settings.service.url, settings.query)
        document = decode_answer(where, fetcher.get(url))
    name = next((part for part in reversed(urlsplit(plain["url"]).path.split("/")) if part), "service")
    if isinstance(document, list):
        return [Offer(name, plain, len(document))]
    places = sorted(list_places(document), key=lambda place: -len(place[1]))[: limits.PROPOSAL_OFFERS_MAX]
    filled = [place for place in places if place[1]]
    pages = _pages(document, plain)
    offers: list[Offer] = []
    for path, rows in filled:
        read = plain if len(filled) == 1 else {**plain, "list": [path]}
        read = {**read, **pages} if "pages" not in plain else read
        called = name if len(filled) == 1 else f"{name} {path}"
        offers.append(Offer(called, read, None if pages else len(rows)))
    return offers


def _pages(document: Any, plain: Plain) -> Plain:
    """Return how the next page is asked for, where the answer tells of pages."""
    link = next((path for path in _NEXT if isinstance(find(document, path), str)), None)
    if link is not None and "/" in str(find(document, link)):
        return {"pages": {"style": "link", "next": link}}
    more = next((path for path in _MORE if isinstance(find(document, path), bool)), None)
    total = next((path for path in _TOTAL if isinstance(find(document, path), int)), None)
    many = next((path for path in _PAGES if isinstance(find(document, path), int)), None)
    if more is None and many is None:
        return {}
    query = plain.get("query", {})
    pages: Plain = {"style": "page", "parameter": next((name for name in _PAGE_PARAMETERS if name in query), "page")}
    size = next((name for name in _SIZE_PARAMETERS if name in query and query[name].isdigit()), None)
    pages |= {"size": int(query[size]), "size_parameter": size} if size else {}
    pages |= {"more": more} if more else {}
    pages |= {"total": total} if total else {}
    return {"pages": pages} if more or total else {}
