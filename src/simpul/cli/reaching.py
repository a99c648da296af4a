"""How commands reach a city: through the hub that serves it, else over the city's own file. No command of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from simpul.app.hub import Hub
from simpul.connect.city import tenant_of
from simpul.main import open_hub
from simpul.operating import perform
from simpul.operating.command import Given, Tell
from simpul.operator_socket import ask, is_listening
from simpul.settings import Settings

Result = TypeVar("Result")


def quietly(_progress: object) -> None:
    """Tell nobody how far a command is."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A city within reach. `hub` is None where another process serves it."""

    settings: Settings
    hub: Hub | None

    async def ask(self, name: str, kind: type[Result], tell: Tell = quietly, /, **given: Any) -> Result:
        """Carry a command out and return its result. Raises what its use-case raises."""
        asked: Given = {"tenant": self.settings.tenant, **given}
        if self.hub is None:
            return msgspec.convert(await ask(self.settings.data_directory, name, asked, tell), kind)
        result: Result = await perform(self.hub, name, asked, tell)
        return result


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Reached]:
    """Reach the settings' city. Raises StorageUnavailable where its file cannot be opened and nobody answers for it."""
    settings = replace(settings, tenant=settings.tenant or tenant_of(settings.folder))
    if await is_listening(settings.data_directory):
        yield Reached(settings, None)
        return
    async with open_hub(settings) as hub:
        yield Reached(settings, hub)


def ask_once(settings: Settings, name: str, kind: type[Result], /, **given: Any) -> Result:
    """Carry one command out and return its result. Raises what its use-case raises."""

    async def once() -> Result:
        async with reach(settings) as reached:
            return await reached.ask(name, kind, **given)

    return asyncio.run(once())
