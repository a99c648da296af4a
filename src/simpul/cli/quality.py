"""`simpul quality`: how good a source is, as its last run found it, and how that went before. Reads nothing itself."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from simpul.cli.city_folder import folder_option, settings_of
from simpul.cli.reaching import ask_once
from simpul.cli.source import moment_of
from simpul.domain.quality import DIMENSIONS, Report
from simpul.operating.trust import QualityLines, ScoreLine


@click.command()
@click.argument("source_id", metavar="SOURCE")
@click.option("--run", type=click.IntRange(1), help="The report of this run; default: the newest.")
@click.option("--history", is_flag=True, help="The scores of the last runs, newest first.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON document.")
@folder_option
def quality(source_id: str, run: int | None, history: bool, as_json: bool, folder: Path | None) -> None:
    """Tell how good a SOURCE is: its scores, and what breaks which rule."""
    found = ask_once(settings_of(folder), "tell_quality", QualityLines, source=source_id, run=run)
    if found.report is None:
        click.echo(f"{source_id} has no report yet; a run that reads all rows makes one: simpul sync {source_id}")
        return
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(found.report), "scores": found.report.scores}).decode())
    elif history:
        _print_history(found.history)
    else:
        _print_report(found.report)


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


def _print_history(history: list[ScoreLine]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("run", "of", "rows", *DIMENSIONS):
        table.add_column(title, justify="right")
    for one in history:
        scores = [_percent(one.scores[name]) for name in DIMENSIONS]
        table.add_row(str(one.run), moment_of(one.at_us), f"{one.rows:,}", *scores)
    Console(highlight=False, markup=False).print(table)


def _percent(score: float | None) -> str:
    if score is None:
        return "no rule"
    # What is not wholly right never shows as 100 %.
    return "100 %" if score == 1.0 else f"{min(score * 100, 99.9):.1f} %"
