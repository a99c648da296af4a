"""Commands about a city's folder: what applying it would change, applying it, and its first rows tried out."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.sources import Step
from simpul.connect.city import load_city
from simpul.connect.connector import Sample
from simpul.connect.runner import Engine
from simpul.domain.access import Caller
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData, NotFound, SourceError
from simpul.operating.command import Command, Given, Tell


class PreviewLines(NamedTuple):
    """What a source's first rows would become: the first entity in JSON; of each reject key, reason, rule."""

    source: str
    error: str | None
    columns: tuple[str, ...]
    rows_read: int
    entities: int
    first_entity: str | None
    rejects: list[tuple[str, str, str]]


class Plan(NamedTuple):
    """What applying a folder would change."""

    steps: list[Step]
    previews: list[PreviewLines]


class Trial(NamedTuple):
    """How it would go with a source's first rows: how many go in, and how many break which rule, most first."""

    rows_read: int
    entities: int
    broken: list[tuple[str, int]]


async def _plan(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Say what applying the city's folder would change; return the steps, and what the first rows would become."""
    city = _read_city(given)
    steps = sources.plan(caller, hub, city)
    named = [city.source(step.name) for step in steps if step.what == "source"]
    rows = given["rows"]
    if rows is None:
        return Plan(steps, [])
    planned = _with_city(hub, city)
    return Plan(steps, [await _preview(caller, planned, source, rows) for source in named if source is not None])


def _with_city(hub: Hub, city: City) -> Hub:
    """Return the hub as it would be with the city; the hub that serves goes on with the one that is in force."""
    return replace(hub, cities={**hub.cities, city.tenant: city})


async def _preview(caller: Caller, hub: Hub, source: SourceDeclaration, rows: int) -> PreviewLines:
    try:
        found = await sources.preview(caller, hub, source, rows)
    except SourceError as error:
        return PreviewLines(source.id, error.detail, (), 0, 0, None, [])
    first = CORE.compact_entity(found.entities[0]) if found.entities else None
    shown = None if first is None else json.dumps(first, indent=2, ensure_ascii=False, default=str)
    rejects = [(one.key, one.reason, one.rule) for one in found.rejects]
    return PreviewLines(source.id, None, found.columns, found.rows_read, len(found.entities), shown, rejects)


async def _try_source(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Say how it would go with the first rows of one of the folder's sources, or with those in hand of it.

    `secrets` are those of a system that was looked at: they may be nowhere else yet. No value is told.
    """
    city = _read_city(given)
    source = city.source(given["source"])
    if source is None:
        raise NotFound(f"The city's folder has no source {given['source'][:100]!r}; was its file removed just now?")
    sample = None if given["sample"] is None else Sample(*given["sample"])
    engine = Engine({**os.environ, **given["secrets"]})
    found = await engine.preview(_with_city(hub, city), caller.tenant, source, given["rows"], sample=sample)
    broken = Counter(reject.rule for reject in found.rejects).most_common()
    return Trial(found.rows_read, len(found.entities), broken)


async def _apply(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Make the city's folder the one in force; return the steps. Raises BadRequestData where it has problems."""
    return await sources.apply(caller, hub, _read_city(given))


def _read_city(given: Given) -> City:
    loaded = load_city(Path(given["folder"]))
    if loaded.city is None:
        raise BadRequestData("; ".join(str(problem) for problem in loaded.problems))
    return loaded.city


COMMANDS: Final[dict[str, Command]] = {
    "plan": _plan,
    "apply": _apply,
    "try_source": _try_source,
}
