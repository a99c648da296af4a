"""Backwards through a source's declaration: from an entity to its row, from an attribute to its words. Reads no source.

The key of a row mostly follows from the entity's id, because an id has to contain the key. Where it does not, the rows
that were taken over are looked through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.attributes import Setting, columns_of_attribute, compile_moment
from simpul.connect.contexts import read_contexts
from simpul.connect.document import Node, Problem, read_document
from simpul.connect.fields import Plain
from simpul.connect.source import read_source
from simpul.connect.template import URI, Placeholder, parse_template
from simpul.connect.values import RowRejected
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import Context
from simpul.ports.lineage import MappingLine, RowWanted, SourceRow, Traced

# As `mapping.Mapper` joins the parts of a key.
_SEPARATOR: Final = " | "

# A column's text → the moment that it says, in UTC, or None.
ReadMoment = Callable[[str], str | None]


async def trace_source(hub: Hub, city: City, source: SourceDeclaration, wanted: Sequence[RowWanted]) -> Traced:
    """Return how the source makes its attributes, and the keys of the wanted rows. Raises StorageUnavailable."""
    if "context" in source.declaration:
        for url, document in read_contexts(city).items():
            hub.contexts.preload(url, document)
    context = await hub.contexts.resolve(source.declaration.get("context"))
    mappings = explain(city, source, context)
    return Traced(mappings, await _find_rows(hub, city, source, context, wanted))


def explain(city: City, source: SourceDeclaration, context: Context) -> dict[str, MappingLine]:
    """Return by expanded name how each attribute is made."""
    plain = source.declaration
    code_lists = {code["column"]: code for code in plain.get("codes", ())}
    lines = _lines_of(Path(city.folder) / source.file) if city.folder else {}
    found = {}
    for name, words in plain["entity"]["attributes"].items():
        columns, lists = _columns(words, code_lists)
        line, written = lines.get(name, (0, ""))
        is_same = written == _canonical(words)
        found[context.expand(name)] = MappingLine(source.file, line if is_same else 0, columns, lists, words)
    return found


def _columns(words: Plain, code_lists: dict[str, Plain]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that an attribute reads, and the code lists by which those were made that the source lacks."""
    columns: list[str] = []
    lists: list[str] = []
    for column in columns_of_attribute(words):
        code = code_lists.get(column)
        columns += [column] if code is None else code["names"]
        lists += [] if code is None else [code["list"]]
    return tuple(dict.fromkeys(columns)), tuple(dict.fromkeys(lists))


def _canonical(words: Any) -> str:
    return json.dumps(words, sort_keys=True, default=str)


def _lines_of(path: Path) -> dict[str, tuple[int, str]]:
    """Return for each attribute of a source's file the line where it stands, and its words in one form."""
    try:
        state = path.stat()
    except OSError:
        return {}
    return _read_lines(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=limits.LINEAGE_FILES_REMEMBERED_MAX)
def _read_lines(path: Path, _changed_ns: int, size_bytes: int) -> dict[str, tuple[int, str]]:
    if size_bytes > limits.DECLARATION_BYTES_MAX:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    node, problems = read_document(text, path.name)
    found: list[Problem] = list(problems)
    plain = read_source(node, found) if node is not None else None
    attributes = node.find("entity", "attributes") if node is not None else None
    if plain is None or attributes is None:
        return {}
    specs = plain["entity"]["attributes"]
    return {name: (_line(attributes, name), _canonical(words)) for name, words in specs.items()}


def _line(attributes: Node, name: str) -> int:
    place = attributes.key_places.get(name)
    return 0 if place is None else place.line


async def _find_rows(
    hub: Hub, city: City, source: SourceDeclaration, context: Context, wanted: Sequence[RowWanted]
) -> dict[RowWanted, str]:
    plain = source.declaration
    found: dict[RowWanted, str] = {}
    choose = _chooser(plain, city, context)
    for one in wanted:
        rows = _rows_by_id(hub, city.tenant, source, one)
        key = choose(one, rows)
        if key is not None:
            found[one] = key
    missing = [one for one in wanted if one not in found]
    if not missing:
        return found
    entity_ids = sorted({one.entity_id for one in missing})
    rows = await hub.lineage.find_rows_of(city.tenant, source.id, entity_ids, limits.LINEAGE_ROWS_READ_MAX)
    for one in missing:
        key = choose(one, rows)
        if key is not None:
            found[one] = key
    return found


def _rows_by_id(hub: Hub, tenant: str, source: SourceDeclaration, wanted: RowWanted) -> list[SourceRow]:
    """Return the rows of the entity that its own id leads to."""
    names: list[str] = source.declaration["key"]
    cells = read_id(source.declaration["entity"]["id"], wanted.entity_id)
    if all(name in cells for name in names):
        row = hub.lineage.find_row(tenant, source.id, _SEPARATOR.join(_key_text(cells[name]) for name in names))
        return [] if row is None else [row]
    beginning = ""
    for name in names:
        if name not in cells:
            break
        beginning += _key_text(cells[name]) + _SEPARATOR
    if not beginning:
        return []
    return hub.lineage.list_rows_under(tenant, source.id, beginning, limits.LINEAGE_ROWS_READ_MAX)


def read_id(template: str, entity_id: str) -> dict[str, str]:
    """Return what an id says of the columns that it was made from: those whose text went in as it was."""
    pattern = ""
    columns: list[str | None] = []
    for part in parse_template(template):
        if isinstance(part, Placeholder):
            pattern += "(.+?)"
            columns.append(part.column if part.filter in (None, URI) else None)
        else:
            pattern += re.escape(part)
    match = re.fullmatch(pattern, entity_id, re.DOTALL)
    if match is None:
        return {}
    if template.endswith(f"|{URI}}}"):
        return {column: entity_id for column in columns if column is not None}
    return {column: unquote(text) for column, text in zip(columns, match.groups(), strict=True) if column is not None}


def _key_text(text: str) -> str:
    return text.replace("|", "||")


def _chooser(plain: Plain, city: City, context: Context) -> Callable[[RowWanted, Sequence[SourceRow]], str | None]:
    """Return what picks the key of a wanted row from rows of several entities."""
    entity = plain["entity"]
    if "observed_at" not in entity:
        return _only_one
    position = _position(plain, entity["observed_at"]["column"])
    if position is None:
        return _only_one
    read = _moment_reader(plain, city, context)

    def choose(wanted: RowWanted, rows: Sequence[SourceRow]) -> str | None:
        own = [row.key for row in rows if row.entity_id == wanted.entity_id]
        if wanted.observed is None:
            return own[0] if len(own) == 1 else None
        return next((key for key in own if _says(key, position, read, wanted.observed)), None)

    return choose


def _only_one(wanted: RowWanted, rows: Sequence[SourceRow]) -> str | None:
    """Return the key of the entity's row, if it has only one."""
    own = [row.key for row in rows if row.entity_id == wanted.entity_id]
    return own[0] if len(own) == 1 else None


def _position(plain: Plain, column: str) -> int | None:
    names: list[str] = plain["key"]
    return names.index(column) if column in names else None


def _says(key: str, position: int, read: ReadMoment, moment: str) -> bool:
    parts = key.split(_SEPARATOR)
    return position < len(parts) and read(parts[position].replace("||", "|")) == moment


def _moment_reader(plain: Plain, city: City, context: Context) -> ReadMoment:
    """Return what reads the moment in a part of a key: as the source writes it, or a database's own date as text."""
    spec = plain["entity"]["observed_at"]
    setting = Setting({spec["column"]: 0}, context, ZoneInfo(plain.get("time_zone", city.time_zone)))
    readers = [compile_moment(spec, setting), compile_moment({**spec, "date": ["iso"]}, setting)]

    def read(text: str) -> str | None:
        return next(_moments(text), None)

    def _moments(text: str) -> Iterator[str]:
        for reader in readers:
            try:
                moment = reader([text])
            except RowRejected:
                continue
            if moment is not None:
                yield moment

    return read
