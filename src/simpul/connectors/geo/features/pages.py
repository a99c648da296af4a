"""Features of a service, asked for page by page. Neither what is asked nor what comes is known here.

Each page begins with the last feature of the page before it, so features that went away or came in between are noticed,
and none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx2
import msgspec

from simpul import limits
from simpul.connectors.geo import errors
from simpul.fetching import Fetcher, Service, shown_url


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a service: which it is, what every question has, which layer, system, page, features, order."""

    service: Service
    query: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    crs: str | None = None
    size: int | None = None
    where: str | None = None
    sort_by: str | None = None


class Page(NamedTuple):
    """Some features, as they came; the last page says that it is."""

    features: Sequence[msgspec.Raw]
    is_last: bool


class Asking:
    """A service that is asked with parameters. Used from one thread only."""

    def __init__(self, service: Service, query: Mapping[str, str]) -> None:
        self._url = httpx2.URL(service.url)
        self._query = query
        self._fetcher = Fetcher(service)
        self.where = shown_url(service.url)
        """What messages call it."""

    def ask(self, parameters: Mapping[str, str], below: str = "") -> bytes:
        """Return the body of an answer. Raises SourceUnreachable, SourceMismatch."""
        url = self._url
        if below:
            url = url.copy_with(path=f"{url.path.rstrip('/')}/{below}")
        return self._fetcher.get(str(url.copy_merge_params({**self._query, **parameters}))).body

    def close(self) -> None:
        self._fetcher.close()


def in_pages(
    first: Page, fetch: Callable[[int], Page], is_same: Callable[[msgspec.Raw, msgspec.Raw], bool], where: str
) -> Iterator[msgspec.Raw]:
    """Yield the features of all pages; `fetch` asks for those from a place, counted from 0. Raises SourceMismatch."""
    page, fresh, start = first, first.features, 0
    for _ in range(limits.REST_PAGES_MAX):
        yield from fresh
        if page.is_last or not fresh:
            return
        last = page.features[-1]
        start += len(page.features) - 1
        page = fetch(start)
        if not page.features or not is_same(last, page.features[0]):
            raise errors.shifted(where)
        fresh = page.features[1:]
    raise errors.too_many_pages(where, limits.REST_PAGES_MAX)
