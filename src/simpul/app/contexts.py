"""The @contexts in use: built once from their documents, numbered by their content, bounded in memory. No fetching."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from simpul import limits
from simpul.app.context_documents import ContextDocuments, Usage
from simpul.domain.context import CORE, CORE_CONTEXT_URLS, Context, build_context
from simpul.domain.context_references import list_references
from simpul.domain.entity import EXPIRING
from simpul.domain.errors import BadRequestData, ContextNotAvailable
from simpul.ports.outbound import Outbound

_CORE_ID = 0
_US_PER_SECOND = 1_000_000

Key = str | tuple[str, ...]


def _system_us() -> int:
    return time.time_ns() // 1000


class _Entry:
    """A context that requests name, which documents it is made of, and how often each that they name was used."""

    __slots__ = ("context", "sources", "usages", "used_us")

    def __init__(self, context: Context, sources: frozenset[str], usages: tuple[Usage, ...]) -> None:
        self.context = context
        self.sources = sources
        self.usages = usages
        self.used_us = 0


class ContextLibrary:
    """Every @context that a request or a stored entity names.

    A context made of URLs has a number, by which a stored entity says whose short names it uses; the number is a
    digest of the content, so it means the same in every city and after every restart. Contexts sent inline have no
    number of their own: what is written with them is stored in the core context's names, so a stream of them fills
    nothing. Nor does a stream of URLs: what nothing stored rests on makes room for what is asked for now.
    """

    def __init__(self, outbound: Outbound, now_us: Callable[[], int] = _system_us) -> None:
        self.documents = ContextDocuments(outbound, now_us)
        self._now_us = now_us
        # The core @context is here since then.
        self.started_us = now_us()
        self._entries: dict[Key, _Entry] = {}
        self._by_id: dict[int, Context] = {_CORE_ID: CORE, EXPIRING: CORE}
        self._ids: dict[int, int] = {id(CORE): _CORE_ID}
        # Numbers that stored things rest on, for good.
        self._pinned = {_CORE_ID, EXPIRING}
        self._terms = 0
        # What a restart has left of contexts whose documents may not be there any more.
        self._restored: dict[tuple[str, ...], Context] = {}

    def preload(self, url: str, document: Any) -> None:
        """Answer this URL with this document from now on, without the network."""
        if self.documents.keep_for_operator(url, document):
            self.forget(url)

    async def resolve(self, link_url: str | None, body_context: Any | None = None) -> Context:
        """Return the context of a request. Raises BadRequestData, ContextNotAvailable."""
        value = link_url if body_context is None else body_context
        if value is None:
            return CORE
        key = value if type(value) is str else _key_of(value)
        if key is None:
            return (await self._build([("", value)]))[0]
        entry = self._entries.get(key)
        if entry is None:
            if not key or key in CORE_CONTEXT_URLS:
                return CORE
            entry = await self._enter(key)
        # Inline: this is done in most requests.
        entry.used_us = now_us = self._now_us()
        for usage in entry.usages:
            usage.note(now_us)
        return entry.context

    async def prepare(self, url: str) -> Context:
        """Return the context of a URL that nobody asked for yet: it does not count as a use."""
        entry = self._entries.get(url) or await self._enter(url)
        entry.used_us = self._now_us()
        return entry.context

    def id_of(self, context: Context) -> int:
        """Return the number of the context, or 0 (the core's) for one that has none: an inline one."""
        return self._ids.get(id(context), _CORE_ID)

    def get(self, context_id: int) -> Context:
        return self._by_id[context_id]

    def register(self, context: Context) -> int:
        """Return the context's number, keeping it for good: stored entities may rest on it."""
        context_id = self._number(context)
        self._pinned.add(context_id)
        return context_id

    def _number(self, context: Context) -> int:
        known = self._ids.get(id(context))
        if known is not None:
            return known
        digest = blake2b(_canonical(context), digest_size=7).digest()
        context_id = int.from_bytes(digest) or 1
        if context_id not in self._by_id:
            self._take(context_id, context)
        return context_id

    def _take(self, context_id: int, context: Context) -> None:
        self._by_id[context_id] = context
        self._ids[id(context)] = context_id
        self._terms += context.terms_count

    def dump(self, context_id: int) -> bytes:
        self._pinned.add(context_id)
        return _canonical(self._by_id[context_id])

    def restore(self, context_id: int, document: bytes) -> None:
        self._pinned.add(context_id)
        if context_id in self._by_id:
            return
        stored = msgspec.json.decode(document)
        parts: list[tuple[str, Any]] = [("", stored["terms"]), *((url, {}) for url in stored["urls"])]
        context = build_context(parts, _load_nothing, link=stored["link"])
        self._take(context_id, context)
        self._restored.setdefault(tuple(stored["urls"]), context)

    def forget(self, url: str) -> None:
        """Build whatever rests on the document of this URL anew when it is next asked for."""
        for key, entry in list(self._entries.items()):
            if url in entry.sources:
                del self._entries[key]
        for urls in [urls for urls in self._restored if url in urls]:
            del self._restored[urls]

    async def _enter(self, key: Key) -> _Entry:
        urls = (key,) if isinstance(key, str) else key
        try:
            context, sources = await self._build([(url, None) for url in urls])
        except ContextNotAvailable:
            # The city has used it before, and goes on although its document is gone and its server, too.
            restored = self._restored.get(urls)
            if restored is None:
                raise
            context, sources = restored, frozenset(urls)
        known = self._entries.get(key)
        if known is not None:
            # Somebody else was faster.
            return known
        entry = _Entry(context, sources, tuple(self.documents.usage(url) for url in urls))
        if self._make_room(context):
            entry.context = self._by_id[self._number(context)]
            self._entries[key] = entry
        return entry

    def _make_room(self, context: Context) -> bool:
        """Drop what is idle until the context fits in; return whether it does.

        Where it does not, so many are in use that this is a flood, not a city's vocabulary: it is served, and what is
        written with it is stored in core names.
        """
        if self._fits(context):
            return True
        idle_us = self._now_us() - limits.CONTEXT_IDLE_SECONDS * _US_PER_SECOND
        for key, entry in sorted(self._entries.items(), key=lambda item: item[1].used_us):
            if entry.used_us > idle_us:
                break
            del self._entries[key]
        used = {id(entry.context) for entry in self._entries.values()}
        for context_id, known in list(self._by_id.items()):
            if context_id not in self._pinned and id(known) not in used:
                del self._by_id[context_id], self._ids[id(known)]
                self._terms -= known.terms_count
        return self._fits(context)

    def _fits(self, context: Context) -> bool:
        return (
            len(self._by_id) <= limits.CONTEXT_CACHE_ENTRIES_MAX
            and len(self._entries) < limits.CONTEXT_CACHE_ENTRIES_MAX
            and self._terms + context.terms_count <= limits.CONTEXT_CACHE_TERMS_MAX
        )

    async def _build(self, parts: list[tuple[str, Any]]) -> tuple[Context, frozenset[str]]:
        """Return the context and the URLs that it is made of, fetching first whatever is missing."""
        loaded: dict[str, dict[str, Any]] = {}
        waiting = [url for url, document in parts if document is None]
        for url, document in parts:
            if document is not None:
                waiting += list_references(document, url)
        while waiting:
            url = waiting.pop()
            if url in loaded or url in CORE_CONTEXT_URLS:
                continue
            if len(loaded) >= limits.CONTEXT_DOCUMENTS_MAX:
                raise BadRequestData(
                    f"The @context names more than {limits.CONTEXT_DOCUMENTS_MAX} documents. Name fewer."
                )
            loaded[url] = document = await self._load(url)
            waiting += list_references(document, url)

        def load(url: str) -> dict[str, Any]:
            if url not in loaded:
                raise ContextNotAvailable(f"The @context {url[:200]} is named in an unexpected place.")
            return loaded[url]

        whole = [(url, load(url) if document is None else document) for url, document in parts]
        return build_context(whole, load), frozenset(loaded)

    async def _load(self, url: str) -> dict[str, Any]:
        document = self.documents.find(url)
        if document is None:
            _raise_unless_whole(url)
            await self.documents.fetch(url)
            document = self.documents.find(url)
        if document is None:
            raise ContextNotAvailable(f"The @context {url[:200]} went while it was read. Send the request again.")
        if (named := self.documents.usage(url)).hits == 0:
            # Named by another context only, it counts as used when that one is read.
            named.last_us = self._now_us()
        return document


def _raise_unless_whole(url: str) -> None:
    if not url.partition(":")[0].isalpha() or ":" not in url:
        raise BadRequestData(
            f"The @context '{url[:200]}' is no URL; write it whole, such as https://example.org/context.jsonld."
        )


def _key_of(value: Any) -> Key | None:
    """Return the URLs that a context consists of, without the core one, or None where it holds terms itself."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        return None
    urls = tuple(url for url in values if url not in CORE_CONTEXT_URLS)
    return urls[0] if len(urls) == 1 else urls


def _canonical(context: Context) -> bytes:
    stored = {"urls": list(context.urls), "link": context.link, "terms": context.as_document()["@context"]}
    return msgspec.json.encode(stored, order="deterministic")


def _load_nothing(url: str) -> dict[str, Any]:
    raise ContextNotAvailable(f"The stored @context names {url}, which it should not.")
