"""`simpul plan`: what applying a city's folder would change, and what its sources' first rows would become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from simpul.app.sources import Step
from simpul.cli.city_folder import counted, folder_argument, load_or_exit, reject_line, settings_of
from simpul.cli.reaching import ask_once
from simpul.operating.folder import Plan, PreviewLines

_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_REJECTS_SHOWN = 5


@click.command()
@folder_argument
@click.option("--rows", type=click.IntRange(1, 1000), help="Also read the first ROWS rows of what is new or changed.")
def plan(folder: Path | None, rows: int | None) -> None:
    """Say what applying a city's FOLDER would change. Changes nothing."""
    settings = settings_of(folder)
    city = load_or_exit(settings.folder)
    settings = replace(settings, tenant=city.tenant)
    found = ask_once(settings, "plan", Plan, folder=str(settings.folder.resolve()), rows=rows)
    show_steps(found.steps)
    if not found.steps:
        click.echo("Nothing would change.")
    for preview in found.previews:
        _show(preview)


def show_steps(steps: list[Step]) -> None:
    """Show differences, one a line: `+` is new, `~` changed, `-` removed."""
    for step in steps:
        details = f" ({', '.join(step.details)})" if step.details else ""
        click.echo(f"{_SIGNS[step.action]} {step.what} {step.name}{details}")


def _show(preview: PreviewLines) -> None:
    if preview.error is not None:
        click.echo(f"\n{preview.source}: {preview.error}")
        return
    click.echo(f"\n{preview.source}: columns {', '.join(preview.columns)}")
    read, rejects = counted(preview.rows_read, "row"), len(preview.rejects)
    click.echo(f"  of {read}, {preview.entities} would go in and {rejects} be kept aside")
    if preview.first_entity is not None:
        click.echo("\n".join(f"  {line}" for line in preview.first_entity.splitlines()))
    for key, reason, rule in preview.rejects[:_REJECTS_SHOWN]:
        click.echo(f"  {reject_line(key, reason, rule)}")
