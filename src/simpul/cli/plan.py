"""`simpul plan`: what applying a city's folder would change, and what its sources' first rows would become."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import click

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.app.sources import Step
from simpul.cli.city_folder import counted, folder_argument, load_or_exit, settings_of
from simpul.domain.access import Caller
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.errors import SourceError
from simpul.main import open_hub
from simpul.settings import Settings

_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_REJECTS_SHOWN = 5


@click.command()
@folder_argument
@click.option("--rows", type=click.IntRange(1, 1000), help="Also read the first ROWS rows of what is new or changed.")
def plan(folder: Path | None, rows: int | None) -> None:
    """Say what applying a city's FOLDER would change. Changes nothing."""
    settings = settings_of(folder)
    city = load_or_exit(settings.folder)
    asyncio.run(_plan(replace(settings, tenant=city.tenant), city, rows))


async def _plan(settings: Settings, city: City, rows: int | None) -> None:
    async with open_hub(settings) as hub:
        caller = operator(city.tenant)
        steps = sources.plan(caller, hub, city)
        show_steps(steps)
        if not steps:
            click.echo("Nothing would change.")
        if rows is None:
            return
        hub.cities[city.tenant] = city
        for step in steps:
            source = city.source(step.name) if step.what == "source" else None
            if source is not None:
                await _preview(caller, hub, source, rows)


def show_steps(steps: list[Step]) -> None:
    """Show differences, one a line: `+` is new, `~` changed, `-` removed."""
    for step in steps:
        details = f" ({', '.join(step.details)})" if step.details else ""
        click.echo(f"{_SIGNS[step.action]} {step.what} {step.name}{details}")


async def _preview(caller: Caller, hub: Hub, source: SourceDeclaration, rows: int) -> None:
    try:
        preview = await sources.preview(caller, hub, source, rows)
    except SourceError as error:
        click.echo(f"\n{source.id}: {error.detail}")
        return
    click.echo(f"\n{source.id}: columns {', '.join(preview.columns)}")
    entities, rejects = len(preview.entities), len(preview.rejects)
    click.echo(f"  of {counted(preview.rows_read, 'row')}, {entities} would go in and {rejects} be kept aside")
    if preview.entities:
        text = json.dumps(CORE.compact_entity(preview.entities[0]), indent=2, ensure_ascii=False, default=str)
        click.echo("\n".join(f"  {line}" for line in text.splitlines()))
    for reject in preview.rejects[:_REJECTS_SHOWN]:
        click.echo(f"  {reject.key}: {reject.reason} [{reject.rule}]")
