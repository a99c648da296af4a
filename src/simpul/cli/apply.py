"""`simpul apply`: makes a city's folder the one in force. Reads no source: that is `simpul sync`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from simpul.app import sources
from simpul.app.identity import operator
from simpul.cli.city_folder import folder_argument, load_or_exit, settings_of
from simpul.cli.plan import show_steps
from simpul.domain.city import City
from simpul.main import open_hub
from simpul.settings import Settings


@click.command()
@folder_argument
def apply(folder: Path | None) -> None:
    """Make a city's FOLDER the one in force."""
    settings = settings_of(folder)
    city = load_or_exit(settings.folder)
    asyncio.run(_apply(replace(settings, tenant=city.tenant), city))


async def _apply(settings: Settings, city: City) -> None:
    async with open_hub(settings) as hub:
        steps = await sources.apply(operator(city.tenant), hub, city)
    show_steps(steps)
    click.echo(f"Applied to {city.tenant}. Read its sources with: simpul sync" if steps else "Nothing to change.")
