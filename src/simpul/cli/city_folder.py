"""What the commands about a city's folder share: the folder's option, its problems told, a number in two languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from simpul.connect.city import load_city
from simpul.domain.city import City
from simpul.settings import Settings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))
_FOLDER_OPTION = click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: padang.")


def folder_argument(command: Command) -> Command:
    """Take the folder as an argument; SIMPUL_FOLDER, or padang, where it is missing."""
    return _FOLDER(command)


def folder_option(command: Command) -> Command:
    """Take the folder as `--folder`; SIMPUL_FOLDER, or padang, where it is missing."""
    return _FOLDER_OPTION(command)


def settings_of(folder: Path | None) -> Settings:
    """Return the settings for this folder."""
    return load_settings(folder=folder)


def load_or_exit(folder: Path) -> City:
    """Return the city that the folder declares; tell its problems and end the command where it has any."""
    loaded = load_city(folder)
    if loaded.city is not None:
        return loaded.city
    for problem in loaded.problems:
        click.echo(f"{folder / problem.place.file}{str(problem)[len(problem.place.file) :]}", err=True)
    count = len(loaded.problems)
    raise click.ClickException(f"{count} problem{'s' if count > 1 else ''} in {folder}; nothing was changed.")


def counted(count: int, word: str, plural: str = "") -> str:
    """Return a number with its word: `1 source`, `2 sources`."""
    return f"{count:,} {word if count == 1 else plural or word + 's'}"


def reject_line(key: str, reason: str, rule: str) -> str:
    """Return the line for a row that is kept aside. The reason of one that could not be read begins with its key."""
    told = reason if reason.startswith(f"{key}: ") else f"{key}: {reason}"
    return f"{told} [{rule}]"
