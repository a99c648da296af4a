"""The @contexts in use: found by URL, kept in bounded memory, numbered by their content. No fetching of its own."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any

import msgspec

from simpul import limits
from simpul.domain.context import CORE, CORE_CONTEXT_URLS, Context, build_context
from simpul.domain.errors import BadRequestData, ContextNotAvailable
from simpul.ports.outbound import Outbound

_CORE_ID = 0


class ContextLibrary:
    """Every @context that a request or a stored entity names.

    A context made of URLs has a number, by which a stored entity says whose short names it uses; the number is a
    digest of the content, so it means the same in every city and after every restart. Contexts sent inline have no
    number of their own: what is written with them is stored in the core context's names, so a stream of them fills
    nothing.
    """

    def __init__(self, outbound: Outbound, preloaded: dict[str, Any] | None = None) -> None:
        self._outbound = outbound
        self._preloaded: dict[str, Any] = dict(preloaded or {})
        self._documents: OrderedDict[str, Any] = OrderedDict()
        self._by_urls: OrderedDict[tuple[str, ...], Context] = OrderedDict()
        self._by_id: dict[int, Context] = {_CORE_ID: CORE}
        self._ids: dict[int, int] = {id(CORE): _CORE_ID}

    def preload(self, url: str, document: Any) -> None:
        """Answer this URL with this document from now on, without the network."""
        self._preloaded[url] = document

    async def resolve(self, link_url: str | None, body_context: Any | None = None) -> Context:
        """Return the context of a request. Raises BadRequestData, ContextNotAvailable."""
        value = link_url if body_context is None else body_context
        if value is None or (isinstance(value, str) and value in CORE_CONTEXT_URLS):
            return CORE
        urls = _urls_of(value)
        if urls is None:
            return await self._build([("", value)])
        if not urls:
            return CORE
        known = self._by_urls.get(urls)
        if known is None:
            known = await self._build([(url, None) for url in urls])
            self._keep(urls, known)
        return known

    def id_of(self, context: Context) -> int:
        """Return the number of the context, or 0 (the core's) for one that has none: an inline one."""
        return self._ids.get(id(context), _CORE_ID)

    def get(self, context_id: int) -> Context:
        return self._by_id[context_id]

    def register(self, context: Context) -> int:
        """Return the context's number, keeping it for good: stored entities may rest on it."""
        known = self._ids.get(id(context))
        if known is not None:
            return known
        digest = blake2b(_canonical(context), digest_size=7).digest()
        context_id = int.from_bytes(digest) or 1
        kept = self._by_id.setdefault(context_id, context)
        if kept is context:
            self._ids[id(context)] = context_id
        return context_id

    def dump(self, context_id: int) -> bytes:
        return _canonical(self._by_id[context_id])

    def restore(self, context_id: int, document: bytes) -> None:
        if context_id in self._by_id:
            return
        stored = msgspec.json.decode(document)
        parts: list[tuple[str, Any]] = [("", stored["terms"]), *((url, {}) for url in stored["urls"])]
        context = build_context(parts, _load_nothing, link=stored["link"])
        self._by_id[context_id] = context
        self._ids[id(context)] = context_id
        self._by_urls.setdefault(tuple(stored["urls"]), context)

    async def _build(self, parts: list[tuple[str, Any]]) -> Context:
        """Build the context, fetching one missing document after the other."""
        for _ in range(limits.CONTEXT_DOCUMENTS_MAX + 1):
            try:
                whole = [(url, self._load(url) if document is None else document) for url, document in parts]
                return build_context(whole, self._load)
            except _Missing as missing:
                self._remember(missing.url, await self._outbound.get_json(missing.url))
        raise BadRequestData(f"The @context names more than {limits.CONTEXT_DOCUMENTS_MAX} documents. Name fewer.")

    def _load(self, url: str) -> dict[str, Any]:
        document = self._preloaded.get(url, self._documents.get(url))
        if document is None:
            raise _Missing(url)
        found: dict[str, Any] = document
        return found

    def _remember(self, url: str, document: Any) -> None:
        self._documents[url] = document
        while len(self._documents) > limits.CONTEXT_CACHE_ENTRIES_MAX:
            self._documents.popitem(last=False)

    def _keep(self, urls: tuple[str, ...], context: Context) -> None:
        if len(self._by_id) > limits.CONTEXT_CACHE_ENTRIES_MAX:
            # So many contexts are a flood, not a city's vocabulary: serve it, and store in core names.
            return
        known = self._by_id[self.register(context)]
        self._by_urls[urls] = known


class _Missing(Exception):
    """A document that is not there yet."""

    def __init__(self, url: str) -> None:
        super().__init__(f"The @context {url} is not loaded.")
        self.url = url


def _urls_of(value: Any) -> tuple[str, ...] | None:
    """Return the URLs that a context consists of, without the core one, or None where it holds terms itself."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        return None
    return tuple(url for url in values if url not in CORE_CONTEXT_URLS)


def _canonical(context: Context) -> bytes:
    stored = {"urls": list(context.urls), "link": context.link, "terms": context.as_document()["@context"]}
    return msgspec.json.encode(stored, order="deterministic")


def _load_nothing(url: str) -> dict[str, Any]:
    raise ContextNotAvailable(f"The stored @context names {url}, which it should not.")
