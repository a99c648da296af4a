"""Proposals for those who sit before the console: look, propose, try out, keep. Rights are checked here; no pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from simpul.app import sources
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.connect.city import load_city
from simpul.connect.connector import Surroundings
from simpul.connect.document import Node, read_document
from simpul.connect.fields import Plain, Problems
from simpul.connect.proposal.proposing import Looking, Proposed, look_around, propose
from simpul.connect.source import read_source, source_declaration
from simpul.domain.access import Action, Caller
from simpul.domain.city import City
from simpul.domain.errors import AlreadyExists, BadRequestData, Forbidden, StorageUnavailable
from simpul.ports.engine import Preview

_PROBLEMS_TOLD: Final = 5
TRIED_ROWS: Final = 200


class Found(NamedTuple):
    """What there is to read at a place, and the source for it where one thing is meant."""

    names: tuple[str, ...]
    proposed: Proposed | None
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to look, at which of the things there, and whose they are."""

    where: str
    name: str
    agency: str


async def look(caller: Caller, hub: Hub, asked: Asked) -> Found:
    """Look at a place. Raises SourceError, BadRequestData, Unauthenticated, Forbidden.

    For administrators: whoever may look can make the hub reach whatever it can reach. Files lie in the city's folder.
    """
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    city = hub.city(caller.tenant)
    _raise_unless_inside(city, asked.where)
    return await asyncio.to_thread(partial(_look, city, asked))


def _raise_unless_inside(city: City, where: str) -> None:
    scheme, _, rest = where.partition("://")
    path = rest.lstrip("/") if scheme == "sqlite" else where
    if rest and scheme != "sqlite":
        return
    folder = Path(city.folder).resolve()
    if not city.folder or not (folder / path).resolve().is_relative_to(folder) or rest.startswith("//"):
        raise Forbidden("Files are looked at in the city's own folder; put it there, and name it without a way out.")


def _look(city: City, asked: Asked) -> Found:
    looking: Looking = look_around(asked.where, {}, Surroundings(Path(city.folder)))
    names = tuple(offer.name for offer in looking.offers)
    chosen = [offer for offer in looking.offers if offer.name == asked.name or len(looking.offers) == 1]
    made = propose(city, looking, chosen[0], asked.agency) if chosen else None
    return Found(names, made, tuple(looking.secrets))


def _read(text: str) -> Plain:
    """Return the declaration that a text is. Raises BadRequestData with what is wrong, line by line."""
    problems: Problems = []
    node: Node | None
    node, problems = read_document(text, "sources")
    plain = read_source(node, problems) if node is not None else None
    if plain is None or problems:
        told = "; ".join(f"{one.place.line}:{one.place.column} {one.message}" for one in problems[:_PROBLEMS_TOLD])
        raise BadRequestData(told or "The text says nothing.")
    return plain


async def try_out(caller: Caller, hub: Hub, text: str) -> Preview:
    """Map the first rows by this text, and write nothing. Raises BadRequestData, SourceError, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    plain = _read(text)
    return await sources.preview(caller, hub, source_declaration(plain, _file_of(plain)), TRIED_ROWS)


async def keep(caller: Caller, hub: Hub, text: str) -> str:
    """Write the text into the city's folder and apply the folder; return the source's id.

    Raises AlreadyExists, BadRequestData, StorageUnavailable, Unauthenticated, Forbidden.
    """
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    plain = _read(text)
    folder = Path(hub.city(caller.tenant).folder)
    path = folder / _file_of(plain)
    await asyncio.to_thread(_write, path, text)
    loaded = await asyncio.to_thread(load_city, folder)
    if loaded.city is None:
        await asyncio.to_thread(path.unlink)
        raise BadRequestData("; ".join(str(problem) for problem in loaded.problems[:_PROBLEMS_TOLD]))
    await sources.apply(caller, hub, loaded.city)
    return str(plain["source"])


def _file_of(plain: Plain) -> str:
    return f"sources/{plain['source']}.yaml"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise AlreadyExists(f"There is a file {path.name} already; give the source another id.") from error
    except OSError as error:
        raise StorageUnavailable(f"The file {path} cannot be written: {error.strerror}.") from error
