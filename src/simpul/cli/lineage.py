"""`simpul lineage`: where the attributes of an entity come from, down to the row and the line of the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from simpul.app.lineage import SOURCE, Lineage, RowTrail
from simpul.app.lineage_told import describe_lineage
from simpul.cli.city_folder import folder_option, settings_of
from simpul.cli.reaching import ask_once
from simpul.cli.source import moment_of
from simpul.domain.context import CORE
from simpul.domain.errors import NotFound

_WRITERS = {"api": "written over the API", "operator": "written by the operator", "hub": "written by the hub itself"}


@click.command()
@click.argument("entity_id", metavar="ENTITY")
@click.argument("attribute", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
@folder_option
def lineage(entity_id: str, attribute: str | None, as_json: bool, folder: Path | None) -> None:
    """Tell where the attributes of an ENTITY come from, or one ATTRIBUTE: source, run, row and mapping."""
    found = ask_once(settings_of(folder), "tell_lineage", dict[str, Lineage], entity=entity_id)
    wanted = None if attribute is None else CORE.expand(attribute)
    chosen = {key: one for key, one in found.items() if wanted in (None, key.partition("\n")[0])}
    if not chosen and attribute is not None:
        listed = ", ".join(dict.fromkeys(_name(key) for key in found)) or "none"
        raise NotFound(
            f"The entity {entity_id[:200]} has no attribute {attribute[:100]!r} whose history is known. Those it has: "
            f"{listed}."
        )
    for key, one in chosen.items():
        for line in [_json_line(key, one)] if as_json else _lines(key, one):
            click.echo(line)


def _name(key: str) -> str:
    name, _, dataset_id = key.partition("\n")
    return CORE.compact(name) + (f" ({dataset_id})" if dataset_id else "")


def _lines(key: str, one: Lineage) -> Iterator[str]:
    if one.kind != SOURCE:
        yield f"{_name(key)}: {_WRITERS[one.kind]}, {moment_of(one.at_us)}"
        return
    run = f", run {one.run}" if one.run is not None else ""
    yield f"{_name(key)}: {one.source_id}{run}, {moment_of(one.at_us)}"
    if one.trail is not None:
        yield from _trail_lines(one.trail)


def _trail_lines(trail: RowTrail) -> Iterator[str]:
    mapping = trail.mapping
    if trail.key:
        yield f"    row {trail.key}"
    elif mapping is not None:
        yield "    its row is not known any more"
    if mapping is None:
        return
    place = f"{mapping.file}:{mapping.line}" if mapping.line else mapping.file
    yield f"    {place}: {msgspec.json.encode(mapping.words).decode()}"
    for one in trail.corrections:
        yield f"    {one.column} was put right: {one.before or '-'} → {one.after or '-'} ({one.by})"


def _json_line(key: str, one: Lineage) -> str:
    told: dict[str, Any] = {"attribute": _name(key), **describe_lineage(one)}
    return msgspec.json.encode(told).decode()
