"""The parts of `simpul source` that put rows right: fix, replay, fixes, undo. Nothing is decided here."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import click

from simpul.app.corrections import text_of_raw
from simpul.cli.city_folder import counted, folder_option, settings_of
from simpul.cli.reaching import ask_once, quietly, reach
from simpul.domain.errors import BadRequestData, NotFound
from simpul.ports.engine import Replayed
from simpul.ports.quality import Correction
from simpul.ports.store import Reject, Run
from simpul.settings import Settings

_KEY, _RULE, _REASON = "(key)", "(rule)", "(reason)"
_OWN = (_KEY, _RULE, _REASON)
# A spreadsheet would run what begins like this.
_FORMULA = ("=", "+", "-", "@", "\t")


def write_rejects(rejects: list[Reject], path: Path) -> None:
    """Write rows that were kept aside as a CSV file, to be put right in a spreadsheet and read with `fix --file`."""
    columns = list(dict.fromkeys(name for reject in rejects for name in reject.raw))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([*_OWN, *columns])
        for reject in rejects:
            cells = [text_of_raw(reject.raw.get(name)) or "" for name in columns]
            writer.writerow([_guard(text) for text in (reject.key, reject.rule, reject.reason, *cells)])


def _guard(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unguard(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def _read_fixes(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if _KEY not in (reader.fieldnames or ()):
            raise click.ClickException(f"{path} has no column {_KEY}; make it with: simpul source rejects --csv {path}")
        return {
            _unguard(row[_KEY]): {name: _unguard(text or "") for name, text in row.items() if name not in _OWN and name}
            for row in reader
        }


@click.command()
@click.argument("source_id", metavar="SOURCE")
@click.argument("key", required=False)
@click.argument("cells", nargs=-1, metavar="[COLUMN=VALUE]...")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of `simpul source rejects --csv`, with its cells put right.",
)
@click.option("--reason", default="", help="Why, for those who look at the trail.")
@folder_option
def fix(
    source_id: str, key: str | None, cells: tuple[str, ...], path: Path | None, reason: str, folder: Path | None
) -> None:
    """Put right what is wrong in the row KEY of a SOURCE that was kept aside, and try it again."""
    if (key is None) == (path is None):
        raise click.UsageError("Name a row and its cells (KEY COLUMN=VALUE), or a --file.")
    if path is not None:
        wanted = _read_fixes(path)
    else:
        pairs = [cell.partition("=") for cell in cells]
        if not pairs or any(not separator for _, separator, _ in pairs):
            raise click.UsageError("Write each cell as COLUMN=VALUE; COLUMN= makes it empty.")
        wanted = {key or "": {name: text for name, _, text in pairs}}
    made, replayed = asyncio.run(_fix(settings_of(folder), source_id, wanted, reason))
    click.echo(f"{counted(made, 'cell')} put right. {_told(replayed)}")


async def _fix(
    settings: Settings, source_id: str, wanted: dict[str, dict[str, str]], reason: str
) -> tuple[int, Replayed]:
    async with reach(settings) as reached:
        made: dict[str, int] = {}
        for key, cells in wanted.items():
            given = {"source": source_id, "key": key, "cells": cells, "reason": reason}
            try:
                made[key] = await reached.ask("correct_row", int, quietly, **given)
            except (NotFound, BadRequestData) as refusal:
                click.echo(f"{key}: {refusal.detail}", err=True)
        changed = [key for key, count in made.items() if count]
        return sum(made.values()), await reached.ask("replay", Replayed, source=source_id, keys=changed)


def _told(replayed: Replayed) -> str:
    return f"{counted(replayed.taken_over, 'row')} taken over, {replayed.kept_aside} still kept aside."


@click.command()
@click.argument("source_id", metavar="SOURCE")
@click.option("--run", type=click.IntRange(1), help="All rows of this run instead, where the source has `keep_raw`.")
@folder_option
def replay(source_id: str, run: int | None, folder: Path | None) -> None:
    """Try the rows of a SOURCE that were kept aside again, as they came and as they were put right.

    The agency's system is not asked.
    """
    if run is not None:
        ended = ask_once(settings_of(folder), "replay_run", Run, source=source_id, run=run)
        if ended.error is not None:
            raise click.ClickException(ended.error)
        counts = (
            f"{ended.rows_written:,} changed, {ended.rows_unchanged:,} as before, {ended.rows_rejected:,} kept aside"
        )
        click.echo(f"{counted(ended.rows_read, 'row')} of run {run} taken over again: {counts}")
        return
    replayed = ask_once(settings_of(folder), "replay", Replayed, source=source_id, keys=None)
    click.echo(f"{counted(replayed.tried, 'row')} tried again: {_told(replayed)}")


@click.command()
@click.argument("source_id", metavar="SOURCE")
@folder_option
def fixes(source_id: str, folder: Path | None) -> None:
    """List what was put right in a SOURCE's rows: by whom, when and why, undone ones too."""
    for one in ask_once(settings_of(folder), "list_corrections", list[Correction], source=source_id):
        undone = f", undone by {one.undone_by}" if one.undone_us is not None else ""
        reason = f": {one.reason}" if one.reason else ""
        click.echo(f"{one.id}  {one.key}  {one.column}: {one.before!r} → {one.after!r}  ({one.by}{undone}){reason}")


@click.command()
@click.argument("source_id", metavar="SOURCE")
@click.argument("number", type=click.IntRange(1))
@folder_option
def undo(source_id: str, number: int, folder: Path | None) -> None:
    """Take back the fix NUMBER of a SOURCE: from the next run on what the source says counts again."""
    ask_once(settings_of(folder), "undo_correction", type(None), source=source_id, number=number)
    click.echo(f"Fix {number} is undone. Read the source again: simpul sync {source_id}")
