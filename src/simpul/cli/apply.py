"""`simpul apply`: makes a city's folder the one in force. Reads no source: that is `simpul sync`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from simpul.app.sources import Step
from simpul.cli.city_folder import folder_argument, load_or_exit, settings_of
from simpul.cli.plan import show_steps
from simpul.cli.reaching import ask_once


@click.command()
@folder_argument
def apply(folder: Path | None) -> None:
    """Make a city's FOLDER the one in force."""
    settings = settings_of(folder)
    city = load_or_exit(settings.folder)
    settings = replace(settings, tenant=city.tenant)
    steps = ask_once(settings, "apply", list[Step], folder=str(settings.folder.resolve()))
    show_steps(steps)
    click.echo(f"Applied to {city.tenant}. Read its sources with: simpul sync" if steps else "Nothing to change.")
