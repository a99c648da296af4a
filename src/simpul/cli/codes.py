"""`simpul codes`: reference codes looked up by code and by name, and names that wait for a person. No lists here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from simpul.app import codes as use
from simpul.app.identity import operator
from simpul.cli.city_folder import counted, folder_option, settings_of
from simpul.connect.code_lists import BUILT_IN
from simpul.connect.gathering import list_opener, today_of
from simpul.domain.code_list import Code, CodeList, Decision, Match
from simpul.main import open_hub
from simpul.ports.quality import Question
from simpul.settings import Settings

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
    for line in asyncio.run(_find(settings_of(folder), list_id, what, within)):
        click.echo(line)


async def _find(settings: Settings, list_id: str, what: str, within: str) -> list[str]:
    async with open_hub(settings) as hub:
        city = hub.city(hub.settings.tenant)
        listed = list_opener(hub, city)(list_id, within)
        code = listed.find(what)
        if code is None:
            code = next((one for scheme in BUILT_IN if (one := listed.bridged(scheme, what))), None)
        if code is not None:
            return [_code_line(code)]
        return list(_match_lines(listed, listed.match(what, within, today_of(hub, city))))


def _match_lines(listed: CodeList, match: Match) -> Iterator[str]:
    if match.code is not None:
        yield f"{_code_line(listed.by_code[match.code])}  [{match.how}, {match.score:.0f}]"
        return
    yield "No code is sure." + (" The nearest:" if match.near else "")
    for near in match.near:
        yield f"  {near.code}  {near.name}  [{near.score:.0f}]"


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
    found = asyncio.run(_questions(settings_of(folder)))
    for one in found:
        near = ", ".join(f"{code} {name} ({score:.0f})" for code, name, score in one.near)
        click.echo(f"{one.list_id} {one.parent or '-'} {one.name!r} ({one.source}, {counted(one.rows, 'row')}): {near}")
    click.echo(f"{counted(len(found), 'name')} to decide" if found else "No name waits for a decision.")


async def _questions(settings: Settings) -> list[Question]:
    async with open_hub(settings) as hub:
        return use.list_questions(operator(hub.settings.tenant), hub)


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
    made = asyncio.run(_decide(settings_of(folder), list_id, name, code, within))
    click.echo(f"{made.name!r} means {made.code or 'no code'} from the next run on.")


async def _decide(settings: Settings, list_id: str, name: str, code: str | None, within: str) -> Decision:
    async with open_hub(settings) as hub:
        open_list = partial(list_opener(hub, hub.city(hub.settings.tenant)), list_id, within)
        caller = operator(hub.settings.tenant)
        return await use.decide_name(caller, hub, open_list, name=name, parent=within, code=code)


@codes.command()
@folder_option
def decisions(folder: Path | None) -> None:
    """List what was decided on names, and by whom."""
    for one in asyncio.run(_decisions(settings_of(folder))):
        click.echo(f"{one.list_id} {one.parent or '-'} {one.name!r} → {one.code or 'no code'} ({one.by})")


async def _decisions(settings: Settings) -> list[Decision]:
    async with open_hub(settings) as hub:
        return use.list_decisions(operator(hub.settings.tenant), hub)
