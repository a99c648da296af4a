"""`make bench`: build the data, measure every floor of the project, print one table. Exits 1 when a floor is missed.

Everything runs in one go on one machine, in rounds that visit each figure and its yardstick in turn, so that a ratio
compares what happened at the same time.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import dataset, figures, forwarding, kinds, past, processes, shape, source, told
from bench.figures import READS, WRITES, YARDSTICKS, Line, Rounds
from bench.hub import BenchHub
from bench.processes import Load, LoadFailed, Measured, Server, put_load_on, serving

ENTITIES = 1_000_000
ENTITIES_QUICK = 100_000
ROUNDS = 3
SECONDS_PER_FIGURE = 8
SECONDS_PER_FIGURE_QUICK = 3
DATA = Path(__file__).with_name("data")

console = Console()


@click.command()
@click.option("--quick", is_flag=True, help="100,000 entities and short rounds.")
@click.option("--keep", is_flag=True, help="Keep the city that the run wrote to, to look at it.")
def main(*, quick: bool, keep: bool) -> None:
    """Measure the floors of the project against yardsticks of the same run."""
    if (os.cpu_count() or 1) < 2:
        raise click.ClickException("The benchmark needs two cores: one for the server, one for the load.")
    count = ENTITIES_QUICK if quick else ENTITIES
    seconds = SECONDS_PER_FIGURE_QUICK if quick else SECONDS_PER_FIGURE
    try:
        lines = measure(count, seconds, source.ROWS_QUICK if quick else source.ROWS, keep=keep)
    except LoadFailed as error:
        raise click.ClickException(str(error)) from error
    console.print(table(lines, count))
    missed = [line.name for line in lines if not line.holds]
    if missed:
        console.print(f"[red]{len(missed)} of {len(lines)} floors are missed:[/] {'; '.join(missed)}")
    sys.exit(1 if missed else 0)


def measure(count: int, seconds: int, source_rows: int, *, keep: bool) -> list[Line]:
    """Return every line of the table."""
    hub = dataset.copy_of(dataset.ready(DATA, count, console), DATA / "run")
    port = processes.free_port()
    yardstick = [sys.executable, "-m", "bench.yardstick", str(port)]
    yardstick_url = f"http://127.0.0.1:{port}"
    try:
        with serving(yardstick, yardstick_url, DATA / "yardstick.log", {}) as plain:
            start_seconds = seconds_to_first_answer(hub, count)
            with hub.serving() as server:
                past.build(hub)
                contest = Contest(hub, server, plain, yardstick_url)
                rounds = run_rounds(contest, count, seconds)
                whole_mb, own_mb = processes.memory_mb(server.pid)
                first_seconds = seconds_to_first_question(hub)
                others = measure_others(contest, count, seconds)
        rows, plain_rows = source.measure(DATA / "source", source_rows, console)
        of_kinds = kinds.measure(DATA / "source", source_rows, count, console)
    finally:
        if not keep:
            hub.remove()
    console.print(f"Resident with the mapped pages of the file: {whole_mb:,.0f} MB; yardsticks: {yardsticks(rounds)}")
    return [
        *(rounds.line(figure) for figure in (*READS, *WRITES)),
        *others,
        figures.source_line("sql source into the hub with history, rows/s", rows, plain_rows, figures.SOURCE_FLOOR),
        *of_kinds,
        figures.bound_line("start to first answer", start_seconds, figures.START_SECONDS_MAX, "s"),
        figures.bound_line(
            f"first question about an attribute of {count // len(shape.TYPES):,} entities",
            first_seconds,
            figures.FIRST_QUESTION_SECONDS_MAX,
            "s",
        ),
        figures.bound_line("memory of its own after the run", own_mb, figures.MEMORY_MB_MAX, "MB"),
    ]


def measure_others(contest: Contest, count: int, seconds: int) -> list[Line]:
    """Return the lines of what needs a receiver or another hub beside the server."""
    hub, server, side = contest.hub, contest.hub_server, shape.side_degrees(count)
    with console.status("Subscriptions, and another hub"):
        get, post = (contest.measure(Load(kind, count, side, seconds)) for kind in YARDSTICKS.values())
        patch = Load("patch", count, side, seconds, salt="told", token=hub.token)
        lines = told.measure(hub, server, patch, post, DATA)
        forwarded = Load("forwarded", count, side, seconds, connections=forwarding.CONNECTIONS)
        return [*lines, forwarding.measure(hub, server, forwarded, get, DATA / "elsewhere")]


def seconds_to_first_answer(hub: BenchHub, count: int) -> float:
    """Return how long it takes from the command to the first entity that is read."""
    begin = time.perf_counter()
    with hub.serving(first_path=f"/ngsi-ld/v1/entities/{shape.entity_id(count // 2)}"):
        return time.perf_counter() - begin


def seconds_to_first_question(hub: BenchHub) -> float:
    """Return how long a stranger waits who is the first to ask about an attribute of a type."""
    begin = time.perf_counter()
    hub.read(dataset.first_question(shape.TYPES[0], "temperature"))
    return time.perf_counter() - begin


@dataclass(frozen=True, slots=True)
class Contest:
    """The hub and the yardstick, both running."""

    hub: BenchHub
    hub_server: Server
    yardstick_server: Server
    yardstick_url: str

    def measure(self, load: Load) -> Measured:
        """Put the load on the one that it is for."""
        if load.kind in YARDSTICKS.values():
            return put_load_on(self.yardstick_server, self.yardstick_url, load)
        return put_load_on(self.hub_server, self.hub.url, load)


def run_rounds(contest: Contest, count: int, seconds: int) -> Rounds:
    """Measure everything that is HTTP, in turn, a few times over."""
    kinds = [YARDSTICKS["G"], *(figure.kind for figure in READS), YARDSTICKS["P"], *(figure.kind for figure in WRITES)]
    measured: dict[str, list[Measured]] = {kind: [] for kind in kinds}
    side = shape.side_degrees(count)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Measuring", total=ROUNDS * len(kinds))
        for round_number in range(ROUNDS):
            for kind in kinds:
                progress.update(task, description=f"Round {round_number + 1}: {kind}")
                token = contest.hub.token_for(kind)
                load = Load(kind, count, side, seconds, salt=f"{round_number}-{kind}", token=token)
                measured[kind].append(contest.measure(load))
                progress.advance(task)
    return Rounds(measured)


def yardsticks(rounds: Rounds) -> str:
    """Return what the yardsticks reached, for the reader who wants to know the machine."""
    return ", ".join(
        f"{name} {rounds.rate(kind):,.0f}/s ({rounds.cpu_us(kind):.0f} µs)" for name, kind in YARDSTICKS.items()
    )


def table(lines: list[Line], count: int) -> Table:
    """Return the one table of the run."""
    answer = Table(title=f"Simpul at {count:,} entities, access control on, c = {processes.CONNECTIONS}")
    answer.add_column("what")
    for heading in ("figure", "CPU", "ratio", "floor"):
        answer.add_column(heading, justify="right")
    answer.add_column("holds")
    for line in lines:
        answer.add_row(
            line.name, line.measured, line.cpu, line.ratio, line.floor, "[green]yes[/]" if line.holds else "[red]no[/]"
        )
    return answer


if __name__ == "__main__":
    main()
