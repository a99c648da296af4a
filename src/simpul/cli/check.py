"""`simpul check`: whether a city's folder is right, without a hub and without reaching any source."""

from __future__ import annotations

import json
from pathlib import Path

import click

from simpul.cli.city_folder import counted, folder_argument, load_or_exit, settings_of
from simpul.connect.city import json_schemas


@click.command()
@folder_argument
@click.option(
    "--schema", type=click.Path(path_type=Path, file_okay=False), metavar="DIRECTORY",
    help="Write the JSON Schemas of the files there, for completion in an editor, and check nothing.",
)  # fmt: skip
def check(folder: Path | None, schema: Path | None) -> None:
    """Check a city's FOLDER, offline: each problem with its file, line, column, and what would be right."""
    if schema is not None:
        _write_schemas(schema)
        return
    where = settings_of(folder).folder
    city = load_or_exit(where)
    parts = [
        counted(len(city.agencies), "agency", "agencies"),
        counted(len(city.sources), "source"),
        counted(len(city.answers), "answer"),
    ]
    click.echo(f"{where}: {city.name['en']} with {', '.join(parts)}. Nothing is wrong.")


def _write_schemas(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in json_schemas().items():
        path = directory / name
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        click.echo(str(path))
