"""`simpul source new`: looks at a system, and writes a source for what is in it. Takes nothing over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from simpul import limits
from simpul.cli.city_folder import counted, load_or_exit, settings_of
from simpul.cli.reaching import ask_once
from simpul.connect.connector import Offer, Sample, Surroundings
from simpul.connect.proposal.proposing import Looking, Proposed, look_around, propose
from simpul.domain.city import City
from simpul.domain.errors import BadRequestData, HubError, SourceError
from simpul.operating.folder import Trial
from simpul.settings import Settings


@click.command("new")
@click.argument("where", metavar="SYSTEM")
@click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: padang.")
@click.option("--agency", help="Whose system it is: an id of agencies.yaml. Default: the only one there is.")
@click.option("--only", "wanted", multiple=True, metavar="TABLE", help="The tables, sheets or lists that are meant.")
@click.option("--all", "everything", is_flag=True, help="A source for each thing that the system has.")
@click.option("--source", "source_id", default="", help="The source's id. Default: made of the table's name.")
@click.option("--kind", default="", help="The kind of source, where the place does not show it.")
@click.option("--read", "written", metavar="YAML", help="Settings of the kind's own, such as '{sheet: LRA}'.")
@click.option("--show", is_flag=True, help="Show the YAML, and write no file.")
def new(
    where: str,
    folder: Path | None,
    agency: str | None,
    wanted: tuple[str, ...],
    everything: bool,
    source_id: str,
    kind: str,
    written: str | None,
    show: bool,
) -> None:
    """Look at a SYSTEM (a database's or service's URL, or a file) and write a source for what is in it.

    Types, ids, mappings, codes, personal data and rules are proposed, each with its evidence as a comment. Change what
    you know better; then `simpul plan --rows 100` and `simpul apply`.
    """
    settings = settings_of(folder)
    city = load_or_exit(settings.folder)
    looking = look_around(_inside(where, settings.folder), _settings(written), Surroundings(settings.folder), kind)
    chosen = _choose(looking, wanted, everything=everything)
    if source_id and len(chosen) > 1:
        raise click.ClickException("--source names one source; choose one table with --only.")
    for offer in chosen:
        try:
            proposed = propose(city, looking, offer, agency or _only_agency(city), source_id)
        except SourceError as error:
            click.echo(f"✗ {offer.name}: {error.detail}", err=True)
            continue
        if show:
            click.echo(proposed.text)
            continue
        _write(settings.folder, proposed)
        city = load_or_exit(settings.folder)
        _try(replace(settings, tenant=city.tenant), looking, proposed.source, offer)


def _inside(where: str, folder: Path) -> str:
    """Return a file's path relative to the city's folder where it lies in it, and whole where it does not."""
    here = Path(where).expanduser()
    if "://" in where or (folder / where).exists() or not here.exists():
        return where
    whole = here.resolve()
    root = folder.resolve()
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)


def _settings(written: str | None) -> dict[str, Any]:
    try:
        found = yaml.safe_load(written) if written else {}
    except yaml.YAMLError as error:
        raise click.ClickException(f"--read is no YAML, such as '{{sheet: LRA}}': {error}") from error
    if not isinstance(found, dict):
        raise click.ClickException("--read takes a mapping, such as '{sheet: LRA, skip_rows: 4}'.")
    return found


def _only_agency(city: City) -> str:
    if len(city.agencies) == 1:
        return city.agencies[0].id
    known = ", ".join(one.id for one in city.agencies) or "none yet; write agencies.yaml first"
    raise click.ClickException(f"Whose system is it? Say --agency with one of: {known}.")


def _choose(looking: Looking, wanted: tuple[str, ...], *, everything: bool) -> list[Offer]:
    names = [offer.name for offer in looking.offers]
    for one in wanted:
        if one not in names:
            raise BadRequestData(f"The system has no {one!r}. It has: {', '.join(names[:40])}.")
    if wanted:
        return [offer for offer in looking.offers if offer.name in wanted]
    if everything or len(looking.offers) == 1:
        return looking.offers
    if not looking.offers:
        raise click.ClickException(
            "The system answers and has nothing to read: no table, sheet or list has rows. "
            "Try it again when it has some."
        )
    click.echo(f"The system has {counted(len(names), 'thing')} to read:")
    for offer in looking.offers:
        click.echo(f"  {offer.name}" + (f" ({offer.rows:,} rows)" if offer.rows is not None else ""))
    raise click.ClickException("Say which with --only, or take --all.")


def _write(folder: Path, proposed: Proposed) -> None:
    path = folder / "sources" / f"{proposed.source}.yaml"
    if path.exists():
        raise click.ClickException(f"{path} is there already; say --source with another id.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(proposed.text, encoding="utf-8")
    people = "; its rows are about people, so the type stays closed" if proposed.is_about_people else ""
    click.echo(f"{path}: {proposed.type_name}, from {counted(proposed.rows, 'row')}{people}")


def _try(settings: Settings, looking: Looking, source_id: str, offer: Offer) -> None:
    """Map the first rows and tell how many would go in. Values are not shown."""
    given: dict[str, Any] = {
        "folder": str(settings.folder.resolve()),
        "source": source_id,
        "rows": limits.PREVIEW_ROWS_MAX,
        "secrets": dict(looking.secrets),
        "sample": _first_rows(offer),
    }
    try:
        found = ask_once(settings, "try_source", Trial, **given)
    except HubError as error:
        click.echo(f"  not tried: {error.detail}")
    else:
        kept = sum(count for _, count in found.broken)
        click.echo(f"  of {counted(found.rows_read, 'row')}, {found.entities:,} would go in and {kept:,} be kept aside")
        for rule, count in found.broken:
            click.echo(f"    {rule}: {counted(count, 'row')}")
    for name in looking.secrets:
        click.echo(f"  put the secret into the environment variable {name} where simpul runs")


def _first_rows(offer: Offer) -> Sample | None:
    """Return those rows in hand that are tried, where the system cannot be read twice."""
    sample = offer.sample
    return None if sample is None else sample._replace(rows=sample.rows[: limits.PREVIEW_ROWS_MAX])
