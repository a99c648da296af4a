"""`simpul quality`: how good a source is, as its last run found it, and how that went before. Reads nothing itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from simpul import limits
from simpul.app import quality as use
from simpul.app.identity import operator
from simpul.app.quality import Quality
from simpul.cli.city_folder import folder_option, settings_of
from simpul.cli.source import moment_of
from simpul.domain.quality import DIMENSIONS, Report
from simpul.main import open_hub
from simpul.settings import Settings


@click.command()
@click.argument("source_id", metavar="SOURCE")
@click.option("--run", type=click.IntRange(1), help="The report of this run; default: the newest.")
@click.option("--history", is_flag=True, help="The scores of the last runs, newest first.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON document.")
@folder_option
def quality(source_id: str, run: int | None, history: bool, as_json: bool, folder: Path | None) -> None:
    """Tell how good a SOURCE is: its scores, and what breaks which rule."""
    found = asyncio.run(_find(settings_of(folder), source_id, run))
    if found.report is None:
        click.echo(f"{source_id} has no report yet; a run that reads all rows makes one: simpul sync {source_id}")
        return
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(found.report), "scores": found.report.scores}).decode())
    elif history:
        _print_history(found)
    else:
        _print_report(found.report)


async def _find(settings: Settings, source_id: str, run: int | None) -> Quality:
    async with open_hub(settings) as hub:
        return use.get_quality(operator(hub.settings.tenant), hub, source_id, run)


def _print_report(report: Report) -> None:
    click.echo(f"{report.source}, run {report.run} of {moment_of(report.at_us)}: {report.rows:,} rows")
    for name in DIMENSIONS:
        click.echo(f"  {name:<13} {_percent(report.scores[name])}")
    for one in report.problems:
        kept = "kept aside" if one.severity == "reject" else "told only"
        click.echo(f"{one.rule} ({one.where or 'every row'}): {one.broken:,} of {one.checked:,}, {kept}")
        for sample in one.samples:
            click.echo(f"    {sample.key}: {sample.reason}" if sample.key else f"    {sample.reason}")
    if not report.problems:
        click.echo("Nothing breaks a rule.")


def _print_history(found: Quality) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("run", "of", "rows", *DIMENSIONS):
        table.add_column(title, justify="right")
    for report in found.reports[: limits.CONSOLE_RUNS_SHOWN]:
        scores = [_percent(report.scores[name]) for name in DIMENSIONS]
        table.add_row(str(report.run), moment_of(report.at_us), f"{report.rows:,}", *scores)
    Console(highlight=False, markup=False).print(table)


def _percent(score: float | None) -> str:
    if score is None:
        return "no rule"
    # What is not wholly right never shows as 100 %.
    return "100 %" if score == 1.0 else f"{min(score * 100, 99.9):.1f} %"
