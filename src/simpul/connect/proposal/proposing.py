"""Looks at a system and writes a source for one of the things in it. Reads a sample, and writes nothing anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.connect.connector import Offer, Row, Sample, Surroundings, connector_kinds, get_connector
from simpul.connect.document import from_plain, read_document
from simpul.connect.fields import Plain
from simpul.connect.proposal.checks import add_rules
from simpul.connect.proposal.columns import TEXT, ColumnFacts, look_at
from simpul.connect.proposal.draft import Draft, Seen
from simpul.connect.proposal.identity import find_identity
from simpul.connect.proposal.mappings import add_attributes
from simpul.connect.proposal.models import Guess, guess_type, models
from simpul.connect.proposal.personal import Personal, find_personal
from simpul.connect.proposal.places import add_codes, add_location
from simpul.connect.proposal.words import own_type, title_words, words_of
from simpul.connect.proposal.writing import write
from simpul.connect.source import read_source
from simpul.connect.template import slug
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData, InternalError, SourceMisconfigured, SourceMismatch

_IDENTIFIER_CHARACTERS: Final = 60
_UNKNOWN_SHOWN: Final = 8


class Proposed(NamedTuple):
    """A source that is proposed: its id, its YAML, and what it is about in short."""

    source: str
    text: str
    type_name: str
    rows: int
    is_about_people: bool


@dataclass
class Looking:
    """A system that is looked at: its kind, its settings, and the secrets that the settings refer to."""

    kind: str
    read: Plain
    surroundings: Surroundings
    secrets: Mapping[str, str] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)


def find_kind(where: str, surroundings: Surroundings, told: str = "") -> str:
    """Return the kind of source that reads what is there, or the one that is told. Raises SourceMisconfigured."""
    if told:
        if get_connector(told).look_around is None:
            raise SourceMisconfigured(f"Sources of kind {told!r} are not proposed; these are: {_kinds_proposed()}.")
        return told
    for kind in connector_kinds():
        knows = get_connector(kind).knows
        if knows is not None and knows(where, surroundings):
            return kind
    raise SourceMisconfigured(
        "What stands there is no database's URL, no service's URL and no file that is known here. "
        f"Name a file that exists, or a URL; these kinds can be looked at: {_kinds_proposed()}."
    )


def _kinds_proposed() -> str:
    return ", ".join(kind for kind in connector_kinds() if get_connector(kind).look_around is not None)


def look_around(where: str, settings: Plain, surroundings: Surroundings, told: str = "") -> Looking:
    """Return what there is to read at a place, as a kind that is told or found out. Raises SourceError.

    Secrets in it become references.
    """
    kind = find_kind(where, surroundings, told)
    connector = get_connector(kind)
    assert connector.look_around is not None, "whoever knows a place can look at it"
    read, secrets = connector.settings_of(where, surroundings) if connector.settings_of else ({"path": where}, {})
    # What is written of a place (`sftp: {key: …}`) is added to what its URL says.
    deeper = {name: {**read[name], **own} for name, own in settings.items() if isinstance(own, dict) and name in read}
    read = {**read, **settings, **deeper}
    _raise_unless_settings(kind, read)
    inside = Surroundings(surroundings.folder, {**surroundings.environment, **secrets})
    return Looking(kind, read, inside, secrets, connector.look_around(read, inside))


def _raise_unless_settings(kind: str, read: Plain) -> None:
    problems: list[Any] = []
    get_connector(kind).settings.read(from_plain(read, "read"), problems)
    if problems:
        raise SourceMisconfigured("; ".join(problem.message for problem in problems[:5]) + ".")


def propose(city: City, looking: Looking, offer: Offer, agency: str, source_id: str = "") -> Proposed:
    """Return the source that is proposed for one of the things there are. Raises SourceError, BadRequestData."""
    if city.agency(agency) is None:
        known = ", ".join(one.id for one in city.agencies) or "none; write agencies.yaml first"
        raise BadRequestData(f"The city has no agency {agency[:100]!r}. Its agencies: {known}.")
    look_closer = get_connector(looking.kind).look_closer
    if look_closer is not None:
        offer = look_closer(offer, looking.surroundings)
    seen = _look(looking, offer)
    draft = _draft(city, seen)
    if any(source.type_name == draft.type_name for source in city.sources):
        draft.id_word = slug(" ".join(title_words(offer.name)))
    source = source_id or _free_id(city, " ".join(title_words(offer.name)))
    title = " ".join(title_words(offer.name)).capitalize() or offer.name
    head = {"source": source, "agency": agency, "title": {"id": title, "en": title}}
    text = write(draft, head, looking.kind, offer.read, _notes(seen, offer, looking))
    _raise_unless_right(text)
    return Proposed(source, text, draft.type_name, len(seen.rows), draft.personal.is_about_people)


def _look(looking: Looking, offer: Offer) -> Seen:
    names, rows, is_whole = offer.sample or _take_sample(looking, offer)
    if not rows:
        raise SourceMismatch(f"{offer.name} has no rows, so nothing can be proposed for it.")
    columns = tuple(look_at(name, at, [row[at] for row in rows]) for at, name in enumerate(names))
    references = {**_named_references(names, offer, looking.offers), **offer.told.references}
    path = offer.read.get("path")
    folder = PurePath(path).parent.name if isinstance(path, str) else ""
    return Seen(offer.name, columns, rows, is_whole, offer.told, references, offer.rows, folder)


def _take_sample(looking: Looking, offer: Offer) -> Sample:
    reading = get_connector(looking.kind).open_reading(offer.read, looking.surroundings)
    with closing(reading):
        rows: list[Sequence[Any]] = []
        size = broken = 0
        for row in islice(reading.rows(), limits.PROPOSAL_ROWS_MAX):
            if not isinstance(row, Row):
                broken += 1
                continue
            cells = list(row.cells)
            size += sum(len(cell) for cell in cells if isinstance(cell, str | bytes))
            rows.append(cells)
            if size > limits.PROPOSAL_BYTES_MAX:
                break
        names = reading.columns
    is_whole = len(rows) + broken < limits.PROPOSAL_ROWS_MAX and size <= limits.PROPOSAL_BYTES_MAX
    return Sample(names, rows, is_whole)


def _named_references(columns: Sequence[str], offer: Offer, offers: Sequence[Offer]) -> dict[str, str]:
    """Return the types that columns refer to by their names: `koridor_id` where there is a table `koridor`."""
    types: dict[tuple[str, ...], str] = {}
    for other in offers:
        guess = guess_type(other.name, ())
        types[title_words(other.name)] = own_type(other.name) if guess is None else guess.type_name
    types.pop(title_words(offer.name), None)
    found: dict[str, str] = {}
    for name in columns:
        words = words_of(name)
        if "id" in (words[-1:] + words[:1]) and len(words) > 1:
            rest = tuple(word for word in words if word != "id")
            found |= {name: types[rest]} if rest in types else {}
    return found


def _draft(city: City, seen: Seen) -> Draft:
    personal = find_personal(seen.name, seen.columns)
    guess = _guess(seen, personal)
    type_name = seen.told.type_name or (guess.type_name if guess is not None else own_type(seen.name))
    if personal.is_about_people and CORE.expand(type_name) in city.public_types:
        type_name = f"Personal{type_name}"
    identity = find_identity(seen.columns, seen.rows, seen.told, personal.classes)
    draft = Draft(city, seen, type_name, guess, personal, identity)
    draft.unknown = _unknown(seen.columns)
    add_location(draft)
    add_attributes(draft)
    add_codes(draft)
    add_rules(draft)
    return draft


def _guess(seen: Seen, personal: Personal) -> Guess | None:
    """Return the type of Smart Data Models that the rows have, by what is told or by the names there are."""
    told = seen.told.type_name
    if told:
        model = models().get(told)
        return None if model is None else Guess(told, model.subject, 0, f"{seen.told.by} says so")
    names = [facts.name for facts in seen.columns]
    guess = guess_type(seen.name, names)
    if guess is None and seen.folder:
        guess = guess_type(seen.folder, names)
        guess = None if guess is None else guess._replace(because=f"{guess.because} (the name of its folder)")
    if personal.is_about_people and (guess is None or guess.type_name != "Person"):
        person = guess_type("penduduk", names)
        return None if person is None else person._replace(because="its columns are about people")
    return guess


def _unknown(columns: Sequence[ColumnFacts]) -> list[str]:
    found: dict[str, None] = {}
    for facts in columns:
        if facts.kind == TEXT or facts.unknown:
            found |= dict.fromkeys(facts.unknown)
    return list(found)[:_UNKNOWN_SHOWN]


def _free_id(city: City, name: str) -> str:
    found = slug(name)[:_IDENTIFIER_CHARACTERS].strip("-")
    found = found if re.match("[a-z]", found) else f"source-{found}"
    taken = {source.id for source in city.sources}
    number = 2
    free = found
    while free in taken:
        free, number = f"{found}-{number}", number + 1
    return free


def _notes(seen: Seen, offer: Offer, looking: Looking) -> list[str]:
    extent = "all" if seen.is_whole else "the first"
    notes = [
        f"Proposed by looking at {extent} {len(seen.rows):,} rows. The comments say why; change what you know better.",
        "Then: simpul check, simpul plan --rows 100, simpul apply, simpul sync.",
    ]
    notes += [f"Put the secret into the environment variable {name} where simpul runs." for name in looking.secrets]
    notes += [note for note in (offer.note,) if note]
    return notes


def _raise_unless_right(text: str) -> None:
    node, problems = read_document(text, "proposal")
    if node is not None:
        read_source(node, problems)
    if problems:
        raise InternalError(f"The proposal would not pass the check: {problems[0]}.")
