"""`simpul source`: how sources do, their runs, and the rows kept aside. Reads nothing from a source."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from simpul.cli.city_folder import counted, folder_option, reject_line, settings_of
from simpul.cli.put_right import fix, fixes, replay, undo, write_rejects
from simpul.cli.reaching import ask_once, quietly, reach
from simpul.cli.source_kind import kind
from simpul.cli.source_new import new
from simpul.domain.alerts import Alert
from simpul.domain.delivery import Standing
from simpul.operating.sources import SourceLine
from simpul.ports.store import Reject, Run
from simpul.settings import Settings

_REJECTS_TOGETHER = 500


@click.group()
def source() -> None:
    """Look at sources: their runs and the rows kept aside, which can be put right and tried again."""


@source.command("list")
@folder_option
def list_sources(folder: Path | None) -> None:
    """List the sources and how they do."""
    told = ask_once(settings_of(folder), "tell_sources", list[SourceLine])
    table = Table(box=None, pad_edge=False)
    for title in ("source", "agency", "kind", "state", "as of", "rows", "kept aside"):
        table.add_column(title, justify="right" if title in ("rows", "kept aside") else "left")
    for one in told:
        rows = "" if one.rows is None else f"{one.rows:,}"
        table.add_row(one.id, one.agency, one.kind, one.state, moment_of(one.fresh_us), rows, f"{one.rejects:,}")
    _print(table)
    for one in told:
        if one.error is not None:
            click.echo(f"{one.id}: {one.error}")
        if one.is_delivered:
            click.echo(f"{one.id}: {_told_of_agent(one.agent)}")


def _told_of_agent(standing: Standing | None) -> str:
    if standing is None:
        return "its agent was never heard"
    told = standing.told
    words = [f"its agent was last heard {moment_of(standing.heard_us)}"]
    if told.behind_us is not None:
        waiting = f"{counted(told.waiting, 'reading')} ({told.waiting_bytes:,} bytes)"
        words.append(f"{waiting} waited there, the oldest since {moment_of(told.behind_us)}")
    if told.is_clock_wrong:
        words.append("its clock is wrong")
    return "; ".join(words) + (f". {told.trouble}" if told.trouble else "")


@source.command("alerts")
@click.option("--all", "with_ended", is_flag=True, help="Those that have ended, too.")
@folder_option
def list_alerts(with_ended: bool, folder: Path | None) -> None:
    """List what is wrong with sources: stale, failing, drifted or collapsed."""
    found = ask_once(settings_of(folder), "list_alerts", list[Alert], only_open=not with_ended)
    for one in found:
        ended = "" if one.ended_us is None else f" until {moment_of(one.ended_us)}"
        click.echo(f"{one.source}: {one.kind} since {moment_of(one.since_us)}{ended}")
        if one.detail:
            click.echo(f"    {one.detail}")
    if not found:
        click.echo("No source has an alert.")


@source.command("runs")
@click.argument("source_id", metavar="SOURCE")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@folder_option
def list_runs(source_id: str, limit: int, folder: Path | None) -> None:
    """List a SOURCE's runs, newest first."""
    runs = ask_once(settings_of(folder), "list_runs", list[Run], source=source_id, limit=limit)
    table = Table(box=None, pad_edge=False)
    for title in ("run", "began", "read", "changed", "as before", "kept aside", "vanished", "outcome"):
        table.add_column(title)
    for run in runs:
        outcome = run.error or ("ok" if run.finished_us is not None else "not finished")
        counts = (run.rows_read, run.rows_written, run.rows_unchanged, run.rows_rejected, run.rows_vanished)
        table.add_row(str(run.id), moment_of(run.started_us), *(f"{count:,}" for count in counts), outcome)
    _print(table)


@source.command("rejects")
@click.argument("source_id", metavar="SOURCE")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line, with the raw row.")
@click.option(
    "--csv",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write them to this file, to be put right in a spreadsheet and read with `simpul source fix --file`.",
)
@folder_option
def list_rejects(source_id: str, limit: int, as_json: bool, path: Path | None, folder: Path | None) -> None:
    """List the rows of a SOURCE that were kept aside, each with the rule, the reason and the row as it came."""
    rejects, count = asyncio.run(_rejects(settings_of(folder), source_id, limit))
    if path is not None:
        write_rejects(rejects, path)
        click.echo(f"{counted(len(rejects), 'row')} written to {path}")
        return
    for reject in rejects:
        if as_json:
            click.echo(json.dumps(reject._asdict(), ensure_ascii=False))
        else:
            click.echo(reject_line(reject.key, reject.reason, reject.rule))
            click.echo(f"    {json.dumps(reject.raw, ensure_ascii=False)}")
    if not as_json:
        click.echo(f"{counted(count, 'row')} kept aside" + (f"; the newest {limit} shown" if count > limit else ""))


async def _rejects(settings: Settings, source_id: str, limit: int) -> tuple[list[Reject], int]:
    """Return rows kept aside, newest first, and how many there are; fetched in parts, as raw rows may be long."""
    async with reach(settings) as reached:
        count = await reached.ask("count_rejects", int, source=source_id)
        rejects: list[Reject] = []
        while len(rejects) < min(limit, count):
            part = min(limit - len(rejects), _REJECTS_TOGETHER)
            given = {"source": source_id, "limit": part, "offset": len(rejects)}
            found = await reached.ask("list_rejects", list[Reject], quietly, **given)
            if not found:
                break
            rejects += found
        return rejects, count


for command in (new, fix, replay, fixes, undo, kind):
    source.add_command(command)


def moment_of(at_us: int | None) -> str:
    """Return a moment in the time of the machine, or `never`."""
    if at_us is None:
        return "never"
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(table: Table) -> None:
    Console(highlight=False, markup=False).print(table)
