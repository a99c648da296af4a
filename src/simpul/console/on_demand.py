"""The console as an app that loads its pages when they are needed, or a moment after the start. No page here.

Pages, templates and their files take 0.3 s, which whoever asks the API first should not have to wait for.
"""

from __future__ import annotations

import asyncio
import gc

from starlette.types import ASGIApp, Receive, Scope, Send

from simpul import limits
from simpul.app.hub import Hub


class Console:
    """The console over one hub, as an ASGI app."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pages: ASGIApp | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pages = self._pages or await self._load()
        await pages(scope, receive, send)

    async def load_soon(self) -> None:
        """Load the pages before the first visitor asks, but after those who were waiting for the hub to start."""
        await asyncio.sleep(limits.CONSOLE_LOADED_AFTER_SECONDS)
        await self._load()
        # As at the start of serving: the collector need not look at all of this again and again.
        gc.freeze()

    async def _load(self) -> ASGIApp:
        async with self._loading:
            if self._pages is None:
                self._pages = await asyncio.to_thread(self._build)
        return self._pages

    def _build(self) -> ASGIApp:
        from simpul.console.app import build_console  # noqa: PLC0415 - See the module's first lines.

        return build_console(self._hub)
