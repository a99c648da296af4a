"""`simpul agent`: reads the systems of an office and delivers their rows to the hub. No reading of its own."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from simpul.agent.declaration import AgentDeclaration, load_agent
from simpul.agent.running import Agent
from simpul.cli.city_folder import counted


@click.command()
@click.argument("folder", default=Path(), type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--once", is_flag=True, help="Read each source once, deliver what waits, and end.")
@click.option("--check", "only_check", is_flag=True, help="Check the folder, and do nothing else.")
def agent(folder: Path, once: bool, only_check: bool) -> None:
    """Read the sources that FOLDER/agent.yaml names, and deliver their rows to the hub, until stopped."""
    declared = _load_or_exit(folder)
    if only_check:
        click.echo(f"{folder}: {counted(len(declared.tasks), 'source')} for {declared.hub}. Nothing is wrong.")
        return
    working = Agent(declared)
    try:
        if once:
            wrong = working.run_once()
            if wrong:
                raise click.ClickException(" ".join(wrong))
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop())
        click.echo(f"{counted(len(declared.tasks), 'source')} for {declared.hub}  (Ctrl-C stops it)")
        working.run()
    finally:
        working.close()


def _load_or_exit(folder: Path) -> AgentDeclaration:
    loaded = load_agent(folder)
    if loaded.agent is not None:
        return loaded.agent
    for problem in loaded.problems:
        click.echo(str(problem), err=True)
    raise click.ClickException(f"{counted(len(loaded.problems), 'problem')} in {folder}; nothing was read.")
