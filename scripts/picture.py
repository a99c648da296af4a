"""Takes the picture of Home that README.md shows, of a demo city that is served: `make demo`, and then this.

Usage: python -m scripts.picture [URL]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click
from playwright.sync_api import sync_playwright

FILE = Path(__file__).parents[1] / "docs" / "images" / "console-home.png"
URL = "http://127.0.0.1:1026"
# Both maps and what is told beside them, as a notebook shows them; drawn finer than that, for screens that can.
WIDTH, HEIGHT = 1440, 1240
SCALE = 1.5
# Maps are drawn by software where there is no graphics card.
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# The last tiles fade in after a map says that it is ready.
SETTLED_MS = 2_000


def take(url: str, file: Path) -> None:
    """Write the picture of the page at `url`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE, locale="id-ID", color_scheme="light"
        )
        page.goto(url)
        page.locator(".line-state[data-line=on]").wait_for()
        for each in page.locator("[data-map]").all():
            each.and_(page.locator("[data-ready]")).wait_for(state="attached")
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=file)
        browser.close()


def make_small(file: Path) -> None:
    """Draw the picture with 256 colours, which it hardly needs more of; without pngquant it stays as it is."""
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--skip-if-larger", "--output", file, "256", file], check=True)


if __name__ == "__main__":
    take(sys.argv[1] if len(sys.argv) > 1 else URL, FILE)
    make_small(FILE)
    click.echo(f"{FILE.name}: {FILE.stat().st_size:,} bytes")
