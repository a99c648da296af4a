"""Fetches copies of @contexts anew when they are not fresh any more (CIM 009 §5.13.1, §6.3.16). Nobody waits for it.

A copy that cannot be had anew stays: what a city wrote with it has to be readable without the network.
"""

from __future__ import annotations

import asyncio

from simpul import limits
from simpul.app.contexts import ContextLibrary
from simpul.domain.errors import HubError
from simpul.operator_log import log


class ContextRenewal:
    """Looks every `limits.CONTEXT_RENEWAL_SECONDS` for copies that are not fresh, and fetches them one by one."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, contexts: ContextLibrary) -> None:
        self._task = asyncio.create_task(self._run(contexts))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, contexts: ContextLibrary) -> None:
        while True:
            await asyncio.sleep(limits.CONTEXT_RENEWAL_SECONDS)
            await renew(contexts)


async def renew(contexts: ContextLibrary) -> None:
    """Fetch every copy anew that is not fresh; what rests on one that changed is built anew when it is asked for."""
    for url in contexts.documents.list_stale():
        try:
            if await contexts.documents.renew(url):
                contexts.forget(url)
        except HubError as error:
            log.warning("a copy of an @context could not be fetched anew", url=url, reason=error.detail)
