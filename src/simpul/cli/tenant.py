"""`simpul tenant`: the cities of a data folder. Talks to the files, so no hub may be serving them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from simpul.main import open_hub
from simpul.settings import Settings, load_settings


@click.group()
def tenant() -> None:
    """List, make and remove the cities served here."""


_folder = click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: SIMPUL_FOLDER.")


@tenant.command("list")
@_folder
def list_tenants(folder: Path | None) -> None:
    """List the cities, one a line."""
    for name in asyncio.run(_list(load_settings(folder=folder))):
        click.echo(name)


async def _list(settings: Settings) -> list[str]:
    async with open_hub(settings) as hub:
        return hub.tenants.list_tenants()


@tenant.command("create")
@click.argument("name")
@_folder
def create_tenant(name: str, folder: Path | None) -> None:
    """Make an empty city."""
    asyncio.run(_create(load_settings(folder=folder), name))
    click.echo(f"Made {name}. Name it with the header 'NGSILD-Tenant: {name}'.")


async def _create(settings: Settings, name: str) -> None:
    async with open_hub(settings) as hub:
        await hub.tenants.create_tenant(name)


@tenant.command("delete")
@click.argument("name")
@click.option("--confirm", required=True, help="The city's name once more: everything it has is removed.")
@_folder
def delete_tenant(name: str, confirm: str, folder: Path | None) -> None:
    """Remove a city and all that it has."""
    if confirm != name:
        raise click.ClickException(f"--confirm says '{confirm}'; to remove {name} it has to say {name}.")
    asyncio.run(_delete(load_settings(folder=folder), name))
    click.echo(f"Removed {name}.")


async def _delete(settings: Settings, name: str) -> None:
    async with open_hub(settings) as hub:
        await hub.tenants.delete_tenant(name)
