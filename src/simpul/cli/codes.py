"""`simpul codes`: reference codes looked up by code and by name, and names that wait for a person. No lists here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from simpul.cli.city_folder import counted, folder_option, settings_of
from simpul.cli.reaching import ask_once
from simpul.domain.code_list import Code, Decision
from simpul.operating.trust import FoundCode
from simpul.ports.quality import Question

_within = click.option("--within", default="", metavar="CODE", help="Only the codes below this one, such as 13.71.")


@click.group()
def codes() -> None:
    """Look up reference codes, and say what names mean."""


@codes.command()
@click.argument("list_id", metavar="LIST")
@click.argument("what", metavar="CODE_OR_NAME")
@_within
@folder_option
def find(list_id: str, what: str, within: str, folder: Path | None) -> None:
    """Find a code of a LIST, by itself or by the name of something just below --within."""
    found = ask_once(settings_of(folder), "find_code", FoundCode, list=list_id, what=what, within=within)
    for line in _found_lines(found):
        click.echo(line)


def _found_lines(found: FoundCode) -> Iterator[str]:
    match = found.match
    if found.code is not None:
        yield _code_line(found.code) + ("" if match is None else f"  [{match.how}, {match.score:.0f}]")
        return
    near = () if match is None else match.near
    yield "No code is sure." + (" The nearest:" if near else "")
    for one in near:
        yield f"  {one.code}  {one.name}  [{one.score:.0f}]"


def _code_line(code: Code) -> str:
    parts = [code.code, code.name]
    parts += [f"{scheme} {other}" for scheme, other in code.bridge.items()]
    parts += [f"since {code.since}"] if code.since else []
    parts += [f"until {code.until}"] if code.until else []
    return "  ".join(parts) + (f"  (was: {', '.join(code.old_names)})" if code.old_names else "")


@codes.command()
@folder_option
def questions(folder: Path | None) -> None:
    """List the names whose codes are not sure, with the nearest ones."""
    found = ask_once(settings_of(folder), "list_questions", list[Question])
    for one in found:
        near = ", ".join(f"{code} {name} ({score:.0f})" for code, name, score in one.near)
        click.echo(f"{one.list_id} {one.parent or '-'} {one.name!r} ({one.source}, {counted(one.rows, 'row')}): {near}")
    click.echo(f"{counted(len(found), 'name')} to decide" if found else "No name waits for a decision.")


@codes.command()
@click.argument("list_id", metavar="LIST")
@click.argument("name")
@click.argument("code", required=False)
@_within
@click.option("--none", "no_code", is_flag=True, help="It is the name of no code at all.")
@folder_option
def decide(list_id: str, name: str, code: str | None, within: str, no_code: bool, folder: Path | None) -> None:
    """Say once and for all that NAME, just below --within, means CODE of the LIST."""
    if (code is None) != no_code:
        raise click.UsageError("Give the CODE that the name means, or --none.")
    given = {"list": list_id, "name": name, "code": code, "within": within}
    made = ask_once(settings_of(folder), "decide_name", Decision, **given)
    click.echo(f"{made.name!r} means {made.code or 'no code'} from the next run on.")


@codes.command()
@folder_option
def decisions(folder: Path | None) -> None:
    """List what was decided on names, and by whom."""
    for one in ask_once(settings_of(folder), "list_decisions", list[Decision]):
        click.echo(f"{one.list_id} {one.parent or '-'} {one.name!r} → {one.code or 'no code'} ({one.by})")
