"""What stands under `read:` of a `gtfs` source. No reading here."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Boolean, Choice, Field, Fields, MappingOf, OneOrMany, Plain, Text
from simpul.connect.service import ASKING, MANNERS, QUERY, check_service, parse_service, url_field
from simpul.fetching import Service
from simpul.formats.gtfs_files import REQUIRED_COLUMNS
from simpul.formats.gtfs_realtime import COLUMNS

_OF_SERVICES: Final = frozenset(field.name for field in (QUERY, *ASKING, *MANNERS))


def _check_encoding(text: str) -> str | None:
    try:
        # A codec such as base64 is found, too, and is no encoding of text.
        is_text = codecs.lookup(text)._is_text_encoding  # noqa: SLF001 - There is no public way to ask.
    except LookupError:
        is_text = False
    return None if is_text else f"{text!r} is no encoding; GTFS is utf-8, and cp1252 is what Windows writes"


FIELDS: Final = Fields("read of a gtfs source", (
    Field("path", Text("a path", check=check_references), "the archive, or the feed as a file; relative to the "
          "city's folder"),
    url_field("where the archive or the feed is fetched", required=False),
    Field("file", Choice(tuple(REQUIRED_COLUMNS)), "which file of the dataset: `stops` is stops.txt"),
    Field("realtime", Choice(tuple(COLUMNS)), "which rows of a GTFS Realtime feed: one for each vehicle, trip, "
          "stop of a trip, or alert"),
    Field("columns", MappingOf(Text("a column of the file or feed"), "columns", least=1), "names of columns, and "
          "the one of the file or feed that each takes: `nama: stop_name`; default: all, under their own names"),
    Field("as_lines", Boolean(), "true, with `file: shapes`: a row for each line, with `shape_id` and `geometry`"),
    Field("languages", OneOrMany(Text("the code of a language", pattern=r"[A-Za-z]{2,8}(-[A-Za-z0-9]{2,8})*")),
          "with `realtime: alerts`: languages whose texts are columns of their own, such as `header_text.id`"),
    Field("encoding", Text("an encoding", check=_check_encoding), "of the file; default utf-8, as the format says"),
    QUERY,
    *ASKING,
    *MANNERS,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class GtfsSettings:
    """The settings, typed, with the secrets filled in. Either `path` or `service`, and either `file` or `realtime`."""

    path: str | None
    service: Service | None
    query: Mapping[str, str]
    file: str | None
    realtime: str | None
    columns: Mapping[str, str]
    as_lines: bool
    languages: tuple[str, ...]
    encoding: str


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    yield from check_service(plain)
    if ("path" in plain) == ("url" in plain):
        yield "url", "write either 'url' or 'path': where the dataset or the feed is"
    if ("file" in plain) == ("realtime" in plain):
        yield "file", "write either 'file', such as stops, or 'realtime', such as vehicle_positions"
    for key in sorted(_OF_SERVICES.intersection(plain)) if "path" in plain else ():
        yield key, f"{key!r} belongs to a 'url'; a file of the city's folder needs none"
    if plain.get("as_lines") and plain.get("file") != "shapes":
        yield "as_lines", "'as_lines' belongs to 'file: shapes'"
    if "languages" in plain and plain.get("realtime") != "alerts":
        yield "languages", "'languages' belongs to 'realtime: alerts'"
    if "encoding" in plain and "realtime" in plain:
        yield "encoding", "a GTFS Realtime feed has no encoding; leave it out"


def parse_settings(plain: Plain, surroundings: Surroundings) -> GtfsSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    return GtfsSettings(
        path=surroundings.resolve(plain["path"]) if "path" in plain else None,
        service=parse_service(plain, surroundings, {"accept": "*/*"}) if "url" in plain else None,
        query={name: surroundings.resolve(value) for name, value in plain.get("query", {}).items()},
        file=plain.get("file"),
        realtime=plain.get("realtime"),
        columns=plain.get("columns", {}),
        as_lines=plain.get("as_lines", False),
        languages=tuple(plain.get("languages", ())),
        encoding=plain.get("encoding", "utf-8"),
    )
