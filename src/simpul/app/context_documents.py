"""The documents behind @context URLs: served by a city, kept by an operator, copied from elsewhere (CIM 009 §5.13.1).

Copies are bounded in number and bytes, and outlive a restart in the file of the city that is served by default. A
copy is public and the same for every city; what a city hosts is its own. No terms are looked at here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.domain.errors import BadRequestData, HubBusy, HubError
from simpul.operator_log import log
from simpul.ports.contexts import CachedContext, ContextStore
from simpul.ports.outbound import Fetched, Outbound

_US_PER_SECOND = 1_000_000
HOSTED_PATH = "/ngsi-ld/v1/jsonldContexts/"
_HOSTED_URL = re.compile(r"https?://[^/?#]+" + re.escape(HOSTED_PATH) + r"([0-9a-f]{32})\Z")

_encode = msgspec.json.Encoder().encode


class Usage:
    """How often an @context was asked for since the hub started, and when last."""

    __slots__ = ("hits", "last_us")

    def __init__(self) -> None:
        self.hits = 0
        self.last_us = 0

    def note(self, at_us: int) -> None:
        self.hits += 1
        self.last_us = at_us


class _Home(NamedTuple):
    """Where copies are kept."""

    store: ContextStore
    tenant: str


class ContextDocuments:
    """Finds the document of a URL, or fetches it. What is fetched is kept."""

    def __init__(self, outbound: Outbound, now_us: Callable[[], int]) -> None:
        self._outbound = outbound
        self._now_us = now_us
        self._operators: dict[str, Any] = {}
        self._cached: dict[str, CachedContext] = {}
        self._cached_bytes = 0
        self._urls: dict[str, str] = {}
        self._hosted: dict[str, str] = {}
        self._usages: dict[str, Usage] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}
        # Until when a copy is fresh. One that a restart has found is in none: nothing is known of it any more.
        self._fresh_until_us: dict[str, int] = {}
        self._home: _Home | None = None

    def attach(self, store: ContextStore, tenant: str) -> None:
        """Take up the copies in the city's file, and keep new ones there."""
        self._home = _Home(store, tenant)
        for kept in store.list_cached(tenant):
            self._put(kept)

    def take_up(self, tenant: str) -> None:
        """Let the @contexts that the city hosts be found."""
        if self._home is not None:
            for hosted in self._home.store.list_hosted(tenant):
                self._hosted[hosted.id] = tenant

    def add_hosted(self, tenant: str, context_id: str) -> None:
        self._hosted[context_id] = tenant

    def drop_hosted(self, context_id: str) -> None:
        self._hosted.pop(context_id, None)
        self._usages.pop(context_id, None)

    def keep_for_operator(self, url: str, document: Any) -> bool:
        """Answer this URL with this document from now on, without the network; return whether that is news."""
        if self._operators.get(url) == document:
            return False
        self._operators[url] = document
        self._forget(url)
        return True

    def usage(self, name: str) -> Usage:
        """Return the usage of a URL; one that a city hosts is counted by its id, whichever host name it is under."""
        key = self._own_id(name) or name
        usage = self._usages.get(key)
        if usage is None:
            usage = Usage()
            if key in self._hosted or key in self._cached:
                self._usages[key] = usage
        return usage

    def _own_id(self, url: str) -> str | None:
        match = _HOSTED_URL.match(url)
        return match[1] if match is not None and match[1] in self._hosted else None

    def find(self, url: str) -> dict[str, Any] | None:
        """Return the document, an object with an @context, or None where it would have to be fetched."""
        own_id = self._own_id(url)
        if own_id is not None and self._home is not None:
            hosted = self._home.store.find_hosted(self._hosted[own_id], own_id)
            return None if hosted is None else _decode(hosted[1])
        cached = self._cached.get(url)
        if cached is None:
            if url not in self._operators:
                return None
            cached = self._copy(url, self._operators[url])
            self._put(cached)
        return _decode(cached.document)

    async def fetch(self, url: str) -> None:
        """Get a copy of the document. Many who want it wait for one request. Raises ContextNotAvailable, HubBusy."""
        task = self._fetching.get(url)
        if task is None:
            if len(self._fetching) >= limits.CONTEXT_FETCHES_MAX:
                raise HubBusy(
                    f"{limits.CONTEXT_FETCHES_MAX} @contexts are being fetched. Send the request again shortly."
                )
            task = self._fetching[url] = asyncio.ensure_future(self._fetch(url))
            task.add_done_callback(lambda done: self._fetched(url, done))
        # Whoever gives up waiting does not take it away from the others.
        await asyncio.shield(task)

    def _fetched(self, url: str, done: asyncio.Task[None]) -> None:
        del self._fetching[url]
        if not done.cancelled():
            # It is raised where it is waited for; nobody may wait any more.
            done.exception()

    async def _fetch(self, url: str) -> None:
        fetched = await self._outbound.get_json(url)
        await self._keep(self._copy(url, fetched.content))
        self._keep_fresh(url, fetched)

    async def renew(self, url: str) -> bool:
        """Fetch a copy that is not fresh any more; return whether it is another one now. Its uses stay counted.

        Raises what `fetch` raises, and then the copy stays and is looked at again later.
        """
        self._fresh_until_us[url] = self._now_us() + limits.CONTEXT_RENEWAL_RETRY_SECONDS * _US_PER_SECOND
        fetched = await self._outbound.get_json(url)
        copy, before, usage = self._copy(url, fetched.content), self._cached.get(url), self._usages.get(url)
        is_changed = before is not None and before.document != copy.document
        if is_changed:
            await self._keep(copy)
            if usage is not None:
                self._usages[url] = usage
        self._keep_fresh(url, fetched)
        return is_changed

    def _keep_fresh(self, url: str, fetched: Fetched) -> None:
        told = limits.CONTEXT_FRESH_SECONDS if fetched.fresh_seconds is None else fetched.fresh_seconds
        seconds = min(max(told, limits.CONTEXT_FRESH_SECONDS_MIN), limits.CONTEXT_FRESH_SECONDS_MAX)
        if url in self._cached:
            self._fresh_until_us[url] = self._now_us() + seconds * _US_PER_SECOND

    def list_stale(self) -> list[str]:
        """Return the URLs of the copies that are not fresh any more (§6.3.16); an operator's are always fresh."""
        now_us = self._now_us()
        return [
            url for url in self._cached if url not in self._operators and self._fresh_until_us.get(url, 0) <= now_us
        ]

    async def reload(self, url: str) -> None:
        """Put a fresh copy in the place of the one that is there; where it cannot be had, that one stays."""
        if url in self._operators:
            self._put(self._copy(url, self._operators[url]))
        else:
            await self._fetch(url)

    async def drop(self, url: str) -> None:
        """Forget the copy of a URL; the next who asks for it fetches it."""
        self._forget(url)
        if self._home is not None and url not in self._operators:
            await self._home.store.delete_cached(self._home.tenant, url)

    def find_cached(self, name: str) -> CachedContext | None:
        """Return the copy with this URL or local identifier."""
        return self._cached.get(name) or self._cached.get(self._urls.get(name, ""))

    def list_cached(self) -> list[CachedContext]:
        return list(self._cached.values())

    def _copy(self, url: str, document: Any) -> CachedContext:
        if not isinstance(document, dict) or "@context" not in document:
            raise BadRequestData(f'What {url[:200]} holds is no JSON-LD context: it has no "@context" member.')
        return CachedContext(url, _encode({"@context": document["@context"]}), self._now_us())

    async def _keep(self, cached: CachedContext) -> None:
        dropped = self._put(cached)
        if self._home is None:
            return
        store, tenant = self._home
        try:
            for url in dropped:
                await store.delete_cached(tenant, url)
            await store.put_cached(tenant, cached)
        except HubError as error:
            # It is in memory all the same, and can be fetched again.
            log.warning("a copy of an @context could not be kept", url=cached.url, reason=error.detail)

    def _put(self, cached: CachedContext) -> list[str]:
        """Keep a copy in memory; return the URLs of those that had to make room."""
        self._forget(cached.url)
        dropped: list[str] = []
        while self._cached and not self._has_room(cached):
            # Rarely, and among few: looked for when it is needed, so that a use costs nothing.
            oldest = min(self._cached.values(), key=self._age)
            self._forget(oldest.url)
            dropped.append(oldest.url)
        self._cached[cached.url] = cached
        self._cached_bytes += len(cached.document)
        self._urls[local_id_of(cached.url)] = cached.url
        return dropped

    def _has_room(self, cached: CachedContext) -> bool:
        return (
            len(self._cached) < limits.CONTEXT_CACHE_ENTRIES_MAX
            and self._cached_bytes + len(cached.document) <= limits.CONTEXT_CACHE_BYTES_MAX
        )

    def _age(self, cached: CachedContext) -> int:
        usage = self._usages.get(cached.url)
        return max(cached.created_us, usage.last_us if usage is not None else 0)

    def _forget(self, url: str) -> None:
        cached = self._cached.pop(url, None)
        if cached is not None:
            self._cached_bytes -= len(cached.document)
            self._urls.pop(local_id_of(url), None)
            self._usages.pop(url, None)
            self._fresh_until_us.pop(url, None)


def local_id_of(url: str) -> str:
    """Return the short name under which the copy of a URL can be asked for, too."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _decode(document: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(document)
    return decoded
