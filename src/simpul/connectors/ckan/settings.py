"""What stands under `read:` of a `ckan` source. No fetching here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Choice, Field, Fields, Integer, ListOf, MappingOf, OneOrMany, Plain, Text
from simpul.connect.service import ASKING, MANNERS, REFERRING, SECRET, check_service, parse_service, url_field
from simpul.connectors.table.settings import FIELDS as TABLE
from simpul.connectors.table.settings import check as check_table
from simpul.fetching import Service

_SIZE_DEFAULT: Final = 5_000
_SIZE_MAX: Final = 32_000

FIELDS: Final = Fields("read of a ckan source", (
    url_field("where the portal is, such as https://data.padang.example"),
    Field("resource", Text("an id or a name", check=check_references), "the resource's id; with "
          "`dataset` also its name"),
    Field("dataset", Text("an id or a name", check=check_references), "the dataset that the resource "
          "belongs to, as its URL has it; alone where that has one resource"),
    Field("resources", OneOrMany(Text("a pattern")), "or several resources of the `dataset` with the same columns, "
          "such as one for each year, by their names: `halte-*`, or `*` for all. They are read as one, each row with "
          "its resource's name in `@resource`"),
    Field("format", Text("a format", pattern=r"[A-Za-z]+"), "of those only the ones in this format, such as CSV"),
    Field("through", Choice(("datastore", "file")), "how the resource is read; default: the datastore, where "
          "it is there"),
    Field("columns", ListOf(Text("the name of a column"), 1, limits.SOURCE_COLUMNS_MAX), "datastore, and several "
          "resources: the fields that are taken; default: all but the portal's own number `_id`"),
    Field("filters", MappingOf(REFERRING, "filters", least=1), "datastore: fields, and the value that each must have"),
    Field("size", Integer(2, _SIZE_MAX), f"datastore: how many records a page has; default {_SIZE_DEFAULT}"),
    Field("table", Fields("table", tuple(field for field in TABLE.fields if field.name != "path")), "file: how a "
          "CSV file or a workbook is read, with the keys of a `table` source"),
    Field("list", OneOrMany(Text("a path of names")), "file: where in a JSON file the list is; default: found out"),
    Field("api_token", SECRET, "who asks, where the dataset is private: a reference to a token of the portal"),
    *ASKING,
    *MANNERS,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class CkanSettings:
    """The settings, typed, with the secrets filled in. `service.url` is the portal's, without a slash at its end."""

    service: Service
    resource: str | None
    dataset: str | None
    resources: tuple[str, ...]
    """Patterns of names, in lower case; empty where one resource is read."""
    format: str | None
    through: str | None
    columns: tuple[str, ...]
    filters: Mapping[str, str]
    size: int
    table: Plain
    lists: tuple[str, ...]


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    yield from check_service(plain)
    parts = urlsplit(plain["url"])
    if parts.query or {"api", "dataset"}.intersection(parts.path.split("/")):
        yield "url", "the URL is that of the portal alone; write what is read under 'dataset' or 'resource'"
    if not {"resource", "resources", "dataset"}.intersection(plain):
        yield "resource", "write 'resource': its id; or 'dataset', and the resource's name"
    yield from _check_several(plain)
    if "api_token" in plain and {"token", "user"}.intersection(plain.get("auth", {})):
        yield "auth", "'api_token' and this 'auth' would both be the header Authorization; leave one out"
    of_file, of_datastore = {"table", "list"}.intersection(plain), {"columns", "filters", "size"}.intersection(plain)
    if "resources" in plain:
        of_datastore.discard("columns")
    through = plain.get("through")
    for key in sorted(of_datastore if through == "file" else of_file if through == "datastore" else ()):
        yield key, f"{key!r} does not belong to 'through: {through}'"
    if len(set(plain.get("columns", ()))) < len(plain.get("columns", ())):
        yield "columns", "a column's name is there twice"
    for key, message in check_table(plain.get("table", {})):
        yield "table", f"{key}: {message}"


def _check_several(plain: Plain) -> Iterator[tuple[str, str]]:
    if "resources" in plain and "resource" in plain:
        yield "resources", "one 'resource' is read, or several 'resources'; leave one out"
    elif "resources" in plain and "dataset" not in plain:
        yield "resources", "several resources are those of one dataset; write 'dataset'"
    elif "format" in plain and "resources" not in plain:
        yield "format", "'format' chooses among several resources; write 'resources', too: a pattern, or '*' for all"


def parse_settings(plain: Plain, surroundings: Surroundings) -> CkanSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    fill = surroundings.resolve
    added = {"accept": "*/*"} | ({"Authorization": fill(plain["api_token"])} if "api_token" in plain else {})
    return CkanSettings(
        service=parse_service({**plain, "url": plain["url"].rstrip("/")}, surroundings, added),
        resource=fill(plain["resource"]) if "resource" in plain else None,
        dataset=fill(plain["dataset"]) if "dataset" in plain else None,
        resources=tuple(pattern.casefold() for pattern in plain.get("resources", ())),
        format=plain["format"].casefold() if "format" in plain else None,
        through=plain.get("through"),
        columns=tuple(plain.get("columns", ())),
        filters={name: fill(value) for name, value in plain.get("filters", {}).items()},
        size=plain.get("size", _SIZE_DEFAULT),
        table=plain.get("table", {}),
        lists=tuple(plain.get("list", ())),
    )
