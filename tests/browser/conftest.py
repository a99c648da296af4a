"""A hub with the small city, served on a loopback port, and Chromium to look at it."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from simpul.app import identity, sources
from simpul.app.hub import Hub
from simpul.connect.city import load_city
from simpul.main import open_hub
from simpul.server import server_of
from simpul.settings import Settings
from tests.browser.city import build_city

Result = TypeVar("Result")

# What is expected comes sooner, but on a machine that does much else.
expect.set_options(timeout=20_000)

TENANT = "kota"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Maps are drawn with WebGL, by software where there is no graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@dataclass(frozen=True)
class Served:
    """A hub that answers on `url`. `run` runs a coroutine in its loop."""

    hub: Hub
    url: str
    loop: asyncio.AbstractEventLoop

    def run(self, make: Callable[[], Awaitable[Result]]) -> Result:
        async def work() -> Result:
            return await make()

        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(60)

    def token(self, *roles: str) -> str:
        """Return the secret of a new token."""
        operator = identity.operator(TENANT)
        return self.run(lambda: identity.create_token(operator, self.hub, "test", roles, 1))[1]

    def welcome(self) -> str:
        """Return the code of a new one-time link."""
        return self.run(lambda: identity.create_welcome(self.hub, TENANT))

    def sync(self, source_id: str) -> None:
        self.run(lambda: sources.sync(identity.operator(TENANT), self.hub, source_id))

    def client(self, **headers: str) -> httpx2.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Client(base_url=self.url, headers=named, timeout=30)


class Host:
    """Runs a served hub in a thread of its own, until it is told to stop."""

    def __init__(self, folder: Path, port: int, *, allow_private_addresses: bool = False) -> None:
        self._settings = Settings(
            folder=folder,
            port=port,
            tenant=TENANT,
            syncs=False,
            allow_private_addresses=allow_private_addresses,
        )
        self._ready = threading.Event()
        self._served: Served | None = None
        self._failure: BaseException | None = None
        self._server: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Served:
        self._thread.start()
        self._ready.wait(60)
        if self._served is None:
            raise RuntimeError("the hub did not start") from self._failure
        return self._served

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  # Told to the thread that waits.
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        async with open_hub(self._settings) as hub:
            operator = identity.operator(TENANT)
            loaded = load_city(self._settings.folder)
            assert loaded.city is not None, "\n".join(str(problem) for problem in loaded.problems)
            await sources.apply(operator, hub, loaded.city)
            for source in loaded.city.sources:
                run = await sources.sync(operator, hub, source.id)
                assert run.error is None, run.error
            self._server = server_of(hub, self._settings)
            url = f"http://127.0.0.1:{self._settings.port}"
            self._served = Served(hub, url, asyncio.get_running_loop())
            start = self._server.startup

            async def start_and_tell(*arguments: Any, **named: Any) -> None:
                await start(*arguments, **named)
                self._ready.set()

            self._server.startup = start_and_tell
            await self._server.serve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    host = Host(folder, free_port_now())
    yield host.start()
    host.stop()


def free_port_now() -> int:
    import socket  # noqa: PLC0415  # Only this needs it.

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Look:
    """How a visitor's browser is set up."""

    language: str = "id-ID"
    scheme: str = "light"
    width: int = 1440
    height: int = 900
    has_touch: bool = False


DESKTOP = Look()
PHONE = Look(width=390, height=844, has_touch=True)


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page in a fresh browser profile; what it complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(path: str = "/", look: Look = DESKTOP, init_script: Path | None = None) -> Page:
        context = browser.new_context(
            base_url=served.url,
            locale=look.language,
            color_scheme="dark" if look.scheme == "dark" else "light",
            viewport={"width": look.width, "height": look.height},
            has_touch=look.has_touch,
        )
        contexts.append(context)
        if init_script is not None:
            context.add_init_script(path=init_script)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("request", lambda request: complaints.append(request.url) if leaves(request.url, served) else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(message: Any) -> bool:
    """Return whether the console says that something is wrong: a refused script, a missing file, a failed draw."""
    if message.type not in {"error", "warning"}:
        return False
    # Refused pages and a cut line are asked for on purpose, and a software renderer warns of being slow.
    expected = ("the server responded with a status of 4", "net::ERR_FAILED", "GL Driver Message")
    return not any(text in message.text for text in expected)


def leaves(url: str, served: Served) -> bool:
    return not url.startswith((served.url, "data:", "blob:"))


def sign_in(page: Page, secret: str) -> None:
    """Sign the page's browser in."""
    page.goto("/sign-in")
    page.fill("#token", secret)
    page.click("main form[action='/sign-in'] button")
    page.wait_for_url("**/")


def wait_for_maps(page: Page) -> None:
    """Wait until each map of the page is drawn."""
    for number in range(page.locator("[data-map]").count()):
        page.locator("[data-map]").nth(number).and_(page.locator("[data-ready]")).wait_for(state="attached")


ADMINISTRATOR = ("administrator",)
PHONE_DARK = replace(PHONE, scheme="dark")


@pytest.fixture
def browser_without_script(browser: Browser, served: Served) -> Iterator[Callable[[str], Page]]:
    context = browser.new_context(base_url=served.url, locale="id-ID", java_script_enabled=False)

    def open_page(path: str) -> Page:
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    context.close()
