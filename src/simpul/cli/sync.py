"""`simpul sync`: reads sources into the hub, with a bar for each. No reading of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from simpul.cli.city_folder import folder_option, settings_of
from simpul.cli.reaching import Reached, reach
from simpul.connect.city import CITY_FILE
from simpul.ports.engine import Progress as SourceProgress
from simpul.ports.store import Run
from simpul.settings import Settings


@click.command()
@click.argument("source", nargs=-1)
@folder_option
@click.option(
    "--accept-shrink",
    "--accept-change",
    "accept_shrink",
    is_flag=True,
    help="Believe a source that has changed: most rows are gone, or its columns hold other things.",
)
def sync(source: tuple[str, ...], folder: Path | None, accept_shrink: bool) -> None:
    """Read each SOURCE into the hub; all of them where none is named."""
    for name in source:
        if (Path(name) / CITY_FILE).is_file():
            raise click.ClickException(f"{name} is a city's folder, and no source. Write: simpul sync --folder {name}")
    failed = asyncio.run(_sync(settings_of(folder), source, accept_shrink=accept_shrink))
    if failed:
        raise click.ClickException(f"These sources could not be read: {', '.join(failed)}. All others are up to date.")


async def _sync(settings: Settings, wanted: Sequence[str], *, accept_shrink: bool) -> list[str]:
    console = Console(stderr=True, highlight=False)
    failed: list[str] = []
    async with reach(settings) as city:
        if city.hub is not None and city.hub.engine is not None:
            city.hub.engine.read_beside()
        chosen = await city.ask("list_sources", list[str], wanted=list(wanted))
        if not chosen:
            tenant = city.settings.tenant
            raise click.ClickException(f"{tenant} has no sources in force. Put them there with: simpul apply")
        with _bars(console) as bars:
            for source_id in chosen:
                run = await _run(city, source_id, bars, accept_shrink=accept_shrink)
                bars.console.print(_told(run), markup=False, soft_wrap=True)
                if run.error is not None:
                    failed.append(run.source)
    return failed


def _bars(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=console,
    )


async def _run(city: Reached, source_id: str, bars: Progress, *, accept_shrink: bool) -> Run:
    task: TaskID = bars.add_task(source_id, total=None)

    def on_progress(progress: SourceProgress) -> None:
        bars.update(task, completed=progress.rows_read, total=progress.rows_expected)

    run = await city.ask("sync", Run, on_progress, source=source_id, accept_shrink=accept_shrink)
    bars.update(task, completed=run.rows_read, total=max(run.rows_read, 1))
    bars.remove_task(task)
    return run


def _told(run: Run) -> str:
    if run.error is not None:
        return f"✗ {run.source}: {run.error}"
    seconds = ((run.finished_us or run.started_us) - run.started_us) / 1_000_000
    parts = [f"{run.rows_written:,} changed", f"{run.rows_unchanged:,} as before", f"{run.rows_rejected:,} kept aside"]
    if run.rows_vanished:
        parts.append(f"{run.rows_vanished:,} vanished")
    hint = f"  (see: simpul source rejects {run.source})" if run.rows_rejected else ""
    return f"✓ {run.source}: {run.rows_read:,} rows in {seconds:.1f} s: {', '.join(parts)}{hint}"
