"""`simpul demo`: builds the demo city where it is missing, connects it, and serves it. No facts and no serving here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from simpul import limits
from simpul.app import identity, sources
from simpul.app.answer_plan import read_plan
from simpul.app.hub import Hub
from simpul.cli.serve import greeting
from simpul.connect.city import load_city
from simpul.connect.source import duration_seconds
from simpul.demo.build import ensure_city
from simpul.demo.live.playing import playing
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.errors import InvalidRequest, SourceMisconfigured
from simpul.limits import DEMO_RESIDENTS_DEFAULT, DEMO_RESIDENTS_MAX
from simpul.main import open_hub
from simpul.main import serve as serve_hub
from simpul.ports.engine import Progress as SourceProgress
from simpul.ports.store import Run
from simpul.settings import Settings, load_settings

_INTERRUPTED = 130

Show = Callable[[str, int, int], None]


@click.command()
@click.option(
    "--residents", type=click.IntRange(1, DEMO_RESIDENTS_MAX),
    help=f"How many residents to invent. Default: those that are there, or {DEMO_RESIDENTS_DEFAULT}.",
)  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path), help="Where the city is. Default: SIMPUL_FOLDER, or padang.")
@click.option("--host", help="Address to listen on. Default: SIMPUL_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. Default: SIMPUL_PORT, or 1026.")
def demo(residents: int | None, folder: Path | None, host: str | None, port: int | None) -> None:
    """Build the demo city if it is not there, connect its agencies, and serve it."""
    settings = load_settings(folder=folder, host=host, port=port)
    console = Console(stderr=True, highlight=False)
    try:
        _raise_if_taken(settings.host, settings.port)
        with _bars(console) as show:
            is_new = ensure_city(settings.folder, residents, show)
        with playing(settings.folder) as is_playing:
            uvloop.run(_demo(settings, console, is_playing, is_new=is_new))
    except KeyboardInterrupt:
        console.print("Stopped. The next start goes on from here.")
        raise SystemExit(_INTERRUPTED) from None


def _raise_if_taken(host: str, port: int) -> None:
    """Refuse a port before the work begins, not after it. Raises InvalidRequest."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidRequest(
                f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port or SIMPUL_PORT."
            ) from error


async def _demo(settings: Settings, console: Console, is_playing: Callable[[], bool], *, is_new: bool) -> None:
    city = _load(settings.folder)
    # The folder may have any name; the city in it has its own.
    settings = replace(settings, tenant=city.tenant)
    async with open_hub(settings) as hub:
        steps = await sources.apply(identity.operator(city.tenant), hub, city)
        if not is_playing():
            console.print(
                "The live systems of the demo did not start; buses and rain posts stand still.", style="yellow"
            )
        await _sync(hub, city, console, every=is_new or bool(steps))
        for line in [*await greeting(hub, settings), *_suggestions(settings)]:
            click.echo(line)
        await _serve_until_stopped(hub, settings)
    click.echo("Stopped.")


async def _serve_until_stopped(hub: Hub, settings: Settings) -> None:
    """Serve until Ctrl-C, and take that as the end of the work and no failure of it."""
    try:
        await serve_hub(hub, settings)
        # The interrupt that ended the server is raised at the next wait: here, so that the hub can still be closed.
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        task.uncancel()


def _load(folder: Path) -> City:
    """Read the folder's declarations, which may have been edited. Raises SourceMisconfigured."""
    loaded = load_city(folder)
    if loaded.city is None:
        listed = "\n  ".join(str(problem) for problem in loaded.problems)
        raise SourceMisconfigured(f"The city's folder {folder} has problems:\n  {listed}")
    for declaration in loaded.city.answers:
        read_plan(declaration, loaded.city)
    return loaded.city


async def _sync(hub: Hub, city: City, console: Console, *, every: bool) -> None:
    """Read the sources: every one, or those whose last run did not end well."""
    if hub.engine is not None:
        hub.engine.read_beside()
    wanted = [source for source in city.sources if every or _has_to_run(hub, city, source)]
    with _bars(console) as show:
        runs = [(source, await _run(hub, city, source, show)) for source in wanted]
    for source, run in runs:
        if run.error is not None:
            console.print(f"{source.title['id']}: {run.error}", style="yellow", markup=False, soft_wrap=True)
        elif run.rows_rejected:
            kept = "1 row was" if run.rows_rejected == 1 else f"{run.rows_rejected} rows were"
            console.print(f"{source.title['id']}: {kept} kept aside; Sources in the console says why.", soft_wrap=True)


def _has_to_run(hub: Hub, city: City, source: SourceDeclaration) -> bool:
    last = hub.sources.list_runs(city.tenant, source.id, 1)
    every = source.declaration.get("schedule", {}).get("every")
    if last and every is not None and duration_seconds(every) <= limits.SOURCE_RETRY_SECONDS:
        # It is read again within moments by itself; the stop before this start may have come in the midst of a run.
        return False
    return not last or last[0].finished_us is None or last[0].error is not None


async def _run(hub: Hub, city: City, source: SourceDeclaration, show: Show) -> Run:
    agency = city.agency(source.agency)
    title = f"{agency.short_name if agency else source.agency}: {source.title['id']}"

    def on_progress(progress: SourceProgress) -> None:
        show(title, progress.rows_read, max(progress.rows_expected or 0, progress.rows_read, 1))

    show(title, 0, 1)
    # A smaller registry is there because somebody asked for it with --residents.
    operator = identity.operator(city.tenant)
    run = await sources.sync(operator, hub, source.id, accept_shrink=True, on_progress=on_progress)
    show(title, run.rows_read, run.rows_read)
    return run


@contextmanager
def _bars(console: Console) -> Iterator[Show]:
    """Show a bar for each title that is told about; nothing where there is none."""
    bars = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def show(title: str, done: int, of_all: int) -> None:
        if title not in tasks:
            bars.start()
            tasks[title] = bars.add_task(title)
        bars.update(tasks[title], completed=done, total=of_all)

    try:
        yield show
    finally:
        if tasks:
            bars.stop()


def _suggestions(settings: Settings) -> list[str]:
    """Return three requests to try: a place, a condition, a history."""
    base = f"curl -s 'http://127.0.0.1:{settings.port}/ngsi-ld/v1"
    near = "georel=near;maxDistance==500&geometry=Point&coordinates=%5B100.3605,-0.9490%5D"
    return [
        "Try:",
        f"  {base}/entities?type=BusStop&{near}&options=keyValues'",
        f"  {base}/entities?type=InundationDepth&q=depth%3E5&count=true&options=keyValues'",
        f"  {base}/temporal/entities/urn:ngsi-ld:RainGauge:padang:13711001a?lastN=7&options=temporalValues'",
    ]
