"""`simpul serve`: serves a city until it is stopped. What to open is said here; nothing else."""

from __future__ import annotations

from pathlib import Path

import click
import uvloop

from simpul.app import identity
from simpul.app.hub import Hub
from simpul.main import open_hub
from simpul.main import serve as serve_hub
from simpul.settings import Settings, load_settings


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: SIMPUL_FOLDER, or padang.")
@click.option("--host", help="Address to listen on. Default: SIMPUL_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. Default: SIMPUL_PORT, or 1026.")
def serve(folder: Path | None, host: str | None, port: int | None) -> None:
    """Serve a city: its API, and its console at /."""
    settings = load_settings(folder=folder, host=host, port=port)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_hub(settings) as hub:
        for line in await greeting(hub, settings):
            click.echo(line)
        await serve_hub(hub, settings)


async def greeting(hub: Hub, settings: Settings) -> list[str]:
    """Return what a person needs to know when the hub starts; makes the one-time link while no one administers."""
    every_address = ("0.0.0.0", "::")  # noqa: S104  # Compared with, not bound to.
    url = f"http://{'127.0.0.1' if settings.host in every_address else settings.host}:{settings.port}"
    tenant = hub.settings.tenant
    lines = [f"{hub.city(tenant).name['en']} is served on {url}/  (Ctrl-C stops it)"]
    if settings.open_access:
        lines.append("Open access: everyone who can reach this address may read and write everything.")
    elif not identity.has_administrator(hub, tenant):
        code = await identity.create_welcome(hub, tenant)
        lines.append(f"Become its administrator, once: {url}/welcome/{code}")
    return lines
