"""The `simpul` command. Each subcommand is a module of this package with a click command of its own name."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from simpul import __version__
from simpul.domain.errors import HubError

COMMANDS = {
    "demo": "Build the demo city and serve it.",
    "serve": "Serve a city.",
    "check": "Check a city's folder, offline.",
    "plan": "Say what applying a city's folder would change.",
    "apply": "Make a city's folder the one in force.",
    "sync": "Read sources into the hub.",
    "agent": "Read an office's systems, and deliver their rows to the hub.",
    "source": "Look at sources: their runs and the rows kept aside.",
    "quality": "Tell how good a source is, and what breaks which rule.",
    "lineage": "Tell where an entity's attributes come from: source, run, row and mapping.",
    "codes": "Look up reference codes, and say what names mean.",
    "tenant": "List, make and remove the cities served here.",
    "token": "List, make and revoke access tokens.",
}


class Commands(click.Group):
    """Imports a subcommand when it is called, so that `simpul --help` is quick; tells the hub's errors plainly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature.
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature.
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"simpul.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature.
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except HubError as error:
            raise click.ClickException(error.detail) from error


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="simpul")
def main() -> None:
    """Connect the systems that a city's agencies already run into one governed hub."""


if __name__ == "__main__":
    sys.exit(main())
