"""`simpul tenant`: the cities of a data folder. What may be done is decided by the use-cases."""

from __future__ import annotations

from pathlib import Path

import click

from simpul.cli.reaching import ask_once
from simpul.settings import load_settings


@click.group()
def tenant() -> None:
    """List, make and remove the cities served here."""


_folder = click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: SIMPUL_FOLDER.")


@tenant.command("list")
@_folder
def list_tenants(folder: Path | None) -> None:
    """List the cities, one a line."""
    for name in ask_once(load_settings(folder=folder), "list_tenants", list[str]):
        click.echo(name)


@tenant.command("create")
@click.argument("name")
@_folder
def create_tenant(name: str, folder: Path | None) -> None:
    """Make an empty city."""
    ask_once(load_settings(folder=folder), "create_tenant", type(None), name=name)
    click.echo(f"Made {name}. Name it with the header 'NGSILD-Tenant: {name}'.")


@tenant.command("delete")
@click.argument("name")
@click.option("--confirm", required=True, help="The city's name once more: everything it has is removed.")
@_folder
def delete_tenant(name: str, confirm: str, folder: Path | None) -> None:
    """Remove a city and all that it has; not while a hub serves it."""
    if confirm != name:
        raise click.ClickException(f"--confirm says '{confirm}'; to remove {name} it has to say {name}.")
    ask_once(load_settings(folder=folder), "delete_tenant", type(None), name=name)
    click.echo(f"Removed {name}.")
