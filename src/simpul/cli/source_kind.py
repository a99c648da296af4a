"""`simpul source kind`: the kinds of sources, and the making of a new one. Reads no source."""

from __future__ import annotations

from pathlib import Path

import click

from simpul.connect.connector import connector_kinds, told_kind
from simpul.connect.scaffold import make_kind


@click.group("kind")
def kind() -> None:
    """Look at the kinds of sources, and make new ones."""


@kind.command("list")
def list_kinds() -> None:
    """List the kinds that a declaration's `kind:` may name, with what each reads."""
    for name in connector_kinds():
        click.echo(f"{name}: {told_kind(name)}")


@kind.command("new")
@click.argument("name")
@click.option(
    "--checkout", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(), metavar="DIRECTORY",
    help="Simpul's source tree; default: the working directory.",
)  # fmt: skip
def new_kind(name: str, checkout: Path) -> None:
    """Make the folder of a new kind of source, NAME, and its part for the suite that every kind passes."""
    for path in make_kind(checkout, name):
        click.echo(str(path))
    click.echo("It reads one JSON record a line, and passes the suite. Change what it reads, and try it:")
    click.echo(f"    python -m pytest tests/connect/test_every_kind.py -k {name}")
    click.echo("    make docs")
