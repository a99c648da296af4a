"""A city's folder: its files read, checked against each other, and made into a `City`. No rows and no store here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from simpul import limits
from simpul.app.answer_plan import read_plan
from simpul.connect.alerts import AlertRules
from simpul.connect.code_lists import BUILT_IN, CODE_LIST, read_code_list
from simpul.connect.document import Node, Place, Problem, from_plain, read_document
from simpul.connect.fields import (
    Field,
    Fields,
    ListOf,
    Localized,
    MappingOf,
    Number,
    Plain,
    Problems,
    Schema,
    Shape,
    Text,
    suggest_or_list,
)
from simpul.connect.history import HistoryRules, retention_of
from simpul.connect.live import LiveShape, live_of
from simpul.connect.source import IDENTIFIER, check_time_zone, read_source, source_declaration, source_schema
from simpul.connect.vocabulary import checked_bounds
from simpul.domain.city import Agency, City
from simpul.domain.context import CORE, CORE_CONTEXT_URLS
from simpul.domain.errors import SourceMisconfigured

CITY_FILE: Final = "city.yaml"
AGENCIES_FILE: Final = "agencies.yaml"
FOLDER_KEY: Final = "."
_KINDS: Final = {"sources": "source", "answers": "answer", "codelists": "codelist"}


class LoadedCity(NamedTuple):
    """What a folder declares. `city` is None where there is a problem."""

    city: City | None
    problems: list[Problem]


def _check_file(text: str) -> str | None:
    if Path(text).is_absolute() or ".." in Path(text).parts:
        return f"{text!r} must be a file inside the city's folder"
    return None


class _Bounds:
    """West, south, east, north."""

    def read(self, node: Node, problems: Problems) -> list[float] | None:
        box = ListOf(Number(), least=4, most=4).read(node, problems)
        return None if box is None or None in box else checked_bounds(box, node, problems)

    def schema(self) -> Schema:
        return ListOf(Number(), least=4, most=4).schema()


CITY: Final = Fields("city.yaml", (
    Field(
        "city", Text("a name (lower-case letters, digits and _)", pattern=r"[a-z][a-z0-9_]{0,49}"),
        "the city's name in addresses and files", required=True,
    ),
    Field("name", Localized(), "its name for people", required=True),
    Field("code", Text(), "its code in the ministry's list, such as 13.71"),
    Field("time_zone", Text("a time zone", check=check_time_zone), "Asia/Jakarta, Asia/Makassar or Asia/Jayapura"),
    Field("accent", Text("a colour such as #0f766e", pattern=r"#[0-9A-Fa-f]{6}"), "the colour of its pages"),
    Field("bounds", _Bounds(), "west, south, east, north, in degrees"),
    Field("public_types", ListOf(Text("an entity type")), "the types that anybody may read; nothing else is public"),
    Field(
        "words", MappingOf(Localized(), "a mapping of names to what people call them"),
        "what people call types and attributes on pages: the name in the API to its words",
    ),
    Field("history", HistoryRules(), "how long and how finely the histories of types are kept; default: all, for ever"),
    Field("live", LiveShape(), "what the home page shows as it is right now; default: nothing"),
    Field("alerts", AlertRules(), "after how many failures a source is an alert, and who is told of alerts"),
    Field("contexts", MappingOf(Text("a file", check=_check_file)), "@context documents: URL to file"),
))  # fmt: skip

AGENCY: Final = Fields("an agency", (
    Field("id", Text("an id (lower-case letters, digits, _ and -)", pattern=IDENTIFIER), "its id", required=True),
    Field("name", Localized(), "its name for people", required=True),
    Field("short_name", Text(), "its short name"),
    Field("homepage", Text("a URL", pattern=r"https?://\S+"), "its page"),
))  # fmt: skip

AGENCIES: Final = Fields("agencies.yaml", (
    Field("agencies", ListOf(AGENCY), "the offices that own data", required=True),
))  # fmt: skip

_ANSWER_HEAD: Final = Fields("an answer", (
    Field("answer", Text("an id (lower-case letters, digits, _ and -)", pattern=IDENTIFIER), "its id", required=True),
    Field("title", Localized(), "the question, for people", required=True),
))  # fmt: skip


class _Answer:
    """An answer's id and title; the rest belongs to `app/answers.py` and is passed on."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        if not isinstance(node.value, dict):
            return _ANSWER_HEAD.read(node, problems)
        head = {name: below for name, below in node.value.items() if name in ("answer", "title")}
        plain = _ANSWER_HEAD.read(Node(node.place, head), problems)
        return None if plain is None else {**node.plain(), **plain}

    def schema(self) -> Schema:
        return {**_ANSWER_HEAD.schema(), "additionalProperties": True}


def load_city(folder: Path, answer: Shape | None = None) -> LoadedCity:
    """Read and check a city's folder. `answer` is the shape of an answer file, where the caller knows more of it."""
    problems: Problems = []
    nodes = {file: node for file, node in _read_files(folder, problems) if node is not None}
    if not folder.is_dir():
        return LoadedCity(None, [Problem(Place(str(folder)), "there is no such folder")])
    city = _read_city(nodes, folder, answer or _Answer(), problems)
    if city is not None:
        _check_answers(nodes, city, problems)
    return LoadedCity(None if problems else city, sorted(problems))


def parse_city(declarations: dict[str, dict[str, Any]]) -> City:
    """Return the city of applied declarations. Raises SourceMisconfigured."""
    problems: Problems = []
    folder = Path(declarations.get(FOLDER_KEY, {}).get("folder", ""))
    nodes = {file: from_plain(plain, file) for file, plain in declarations.items() if file != FOLDER_KEY}
    city = _read_city(nodes, folder, _Answer(), problems)
    if city is None or problems:
        listed = "; ".join(str(problem) for problem in problems[:5])
        raise SourceMisconfigured(f"What the city has applied cannot be used by this version: {listed}. Apply again.")
    return city


def _check_answers(nodes: dict[str, Node], city: City, problems: Problems) -> None:
    for file, plain in city.declarations.items():
        if not file.startswith("answers/"):
            continue
        try:
            read_plan(plain, city)
        except SourceMisconfigured as refusal:
            problems.append(Problem(nodes[file].place_of("answer"), refusal.detail))


def _read_files(folder: Path, problems: Problems) -> Iterator[tuple[str, Node | None]]:
    for path in _declaration_files(folder):
        file = path.relative_to(folder).as_posix()
        try:
            with path.open("rb") as opened:
                text = opened.read(limits.DECLARATION_BYTES_MAX + 1).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            problems.append(Problem(Place(file, line, 1), "the file is not UTF-8; save it as UTF-8"))
            continue
        except OSError as error:
            problems.append(Problem(Place(file), f"the file cannot be read: {error.strerror}"))
            continue
        node, found = read_document(text, file)
        problems.extend(found)
        yield file, node


def _declaration_files(folder: Path) -> list[Path]:
    files = [folder / name for name in (CITY_FILE, AGENCIES_FILE) if (folder / name).is_file()]
    for kind in _KINDS:
        files += sorted(path for path in (folder / kind).glob("*") if path.suffix in (".yaml", ".yml"))
    return files[: limits.DECLARATION_FILES_MAX]


def _read_city(nodes: dict[str, Node], folder: Path, answer: Shape, problems: Problems) -> City | None:
    plain = _read_one(nodes, CITY_FILE, CITY, problems)
    agencies = _read_one(nodes, AGENCIES_FILE, AGENCIES, problems) if AGENCIES_FILE in nodes else {"agencies": []}
    sources = {file: read_source(node, problems) for file, node in nodes.items() if file.startswith("sources/")}
    answers = {file: answer.read(node, problems) for file, node in nodes.items() if file.startswith("answers/")}
    lists = {file: read_code_list(node, problems) for file, node in nodes.items() if file.startswith("codelists/")}
    if plain is None or agencies is None or problems:
        _check_unique(nodes, problems)
        return None
    declarations: dict[str, dict[str, Any]] = {
        FOLDER_KEY: {"folder": str(folder.absolute())},
        CITY_FILE: plain,
        AGENCIES_FILE: agencies,
        **{file: source for file, source in sources.items() if source is not None},
        **answers,
        **{file: one for file, one in lists.items() if one is not None},
    }
    _check_unique(nodes, problems)
    _check_together(nodes, declarations, folder, problems)
    return None if problems else _build(declarations)


def _read_one(nodes: dict[str, Node], file: str, fields: Fields, problems: Problems) -> Plain | None:
    node = nodes.get(file)
    if node is not None:
        return fields.read(node, problems)
    if not any(problem.place.file == file for problem in problems):
        problems.append(Problem(Place(file), f"the file is missing; a city's folder needs a {file}"))
    return None


def _check_unique(nodes: dict[str, Node], problems: Problems) -> None:
    for folder, key in _KINDS.items():
        seen: dict[str, str] = {}
        for file, node in nodes.items():
            named = node.find(key) if file.startswith(f"{folder}/") else None
            if named is None:
                continue
            if named.text in seen:
                problems.append(Problem(named.place, f"{key} {named.text!r} is already in {seen[named.text]}"))
            seen.setdefault(named.text, file)


def _check_together(nodes: dict[str, Node], declarations: Plain, folder: Path, problems: Problems) -> None:
    agencies = [agency["id"] for agency in declarations[AGENCIES_FILE]["agencies"]]
    for agency in {name for name in agencies if agencies.count(name) > 1}:
        problems.append(Problem(Place(AGENCIES_FILE), f"the agency {agency!r} is there twice"))
    _check_alerts(nodes[CITY_FILE], declarations, problems)
    contexts = declarations[CITY_FILE].get("contexts", {})
    for url, file in contexts.items():
        if not (folder / file).is_file():
            place = nodes[CITY_FILE].place_of("contexts", url)
            problems.append(
                Problem(place, f"there is no file {file!r} in the city's folder; put it there, or correct its path")
            )
    for file, plain in declarations.items():
        if not file.startswith("sources/"):
            continue
        node = nodes[file]
        if plain["agency"] not in agencies:
            message = f"there is no agency {plain['agency']!r} in {AGENCIES_FILE}"
            problems.append(Problem(node.place_of("agency"), message + suggest_or_list(plain["agency"], agencies)))
        context = plain.get("context")
        if context is not None and context not in contexts and context not in CORE_CONTEXT_URLS:
            message = f"the context {context!r} is not in city.yaml's 'contexts'"
            problems.append(Problem(node.place_of("context"), message + suggest_or_list(context, contexts)))
        _check_lists(node, plain, declarations, problems)
        if "bounds" not in declarations[CITY_FILE] and _uses_city_area(plain):
            problems.append(Problem(node.place_of("rules"), "'area: city' needs 'bounds' in city.yaml"))


def _check_alerts(node: Node, declarations: Plain, problems: Problems) -> None:
    known = [one["source"] for file, one in declarations.items() if file.startswith("sources/")]
    for target in declarations[CITY_FILE].get("alerts", {}).get("to", ()):
        for wrong in sorted(set(target.get("sources", ())) - set(known)):
            message = f"{target['name']}: there is no source {wrong!r}{suggest_or_list(wrong, known)}"
            problems.append(Problem(node.place_of("alerts"), message))


def _check_lists(node: Node, plain: Plain, declarations: Plain, problems: Problems) -> None:
    own = [one["codelist"] for file, one in declarations.items() if file.startswith("codelists/")]
    known = [*BUILT_IN, *own]
    for key in ("codes", "rules"):
        for one in plain.get(key, ()):
            named = one.get("list")
            if named is not None and named not in known:
                message = f"there is no code list {named!r}{suggest_or_list(named, known)}"
                problems.append(Problem(node.place_of(key), message))


def _uses_city_area(plain: Plain) -> bool:
    return any(rule.get("area") == "city" for rule in plain.get("rules", ()))


def _build(declarations: dict[str, dict[str, Any]]) -> City:
    plain = declarations[CITY_FILE]
    bounds = plain.get("bounds")
    return City(
        tenant=plain["city"],
        name=plain["name"],
        code=plain.get("code", ""),
        time_zone=plain.get("time_zone", "Asia/Jakarta"),
        accent=plain.get("accent", "#0f766e"),
        bounds=None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]),
        public_types=frozenset(CORE.expand(name) for name in plain.get("public_types", ())),
        words=plain.get("words", {}),
        contexts=plain.get("contexts", {}),
        agencies=tuple(_agency(agency) for agency in declarations[AGENCIES_FILE]["agencies"]),
        sources=tuple(
            source_declaration(source, file) for file, source in declarations.items() if file.startswith("sources/")
        ),
        alerts=plain.get("alerts", {}),
        retentions=tuple(retention_of(rule) for rule in plain.get("history", ())),
        live=live_of(plain.get("live")),
        answers=tuple(answer for file, answer in declarations.items() if file.startswith("answers/")),
        code_lists=tuple(one for file, one in declarations.items() if file.startswith("codelists/")),
        folder=declarations[FOLDER_KEY]["folder"],
        declarations=declarations,
    )


def _agency(plain: Plain) -> Agency:
    return Agency(
        id=plain["id"],
        name=plain["name"],
        short_name=plain.get("short_name", ""),
        homepage=plain.get("homepage", ""),
    )


def json_schemas(answer: Shape | None = None) -> dict[str, Schema]:
    """Return the JSON Schemas of a city's files, by file name, for editors."""
    shapes: dict[str, Schema] = {
        "city.schema.json": CITY.schema(),
        "agencies.schema.json": AGENCIES.schema(),
        "source.schema.json": source_schema(),
        "answer.schema.json": (answer or _Answer()).schema(),
        "codelist.schema.json": CODE_LIST.schema(),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: {**head, "title": re.sub(r"\..*", "", name), **schema} for name, schema in shapes.items()}


def tenant_of(folder: Path) -> str:
    """Return the tenant that a folder's city.yaml names, or the folder's own name where it names none.

    It is no check: a folder with mistakes can still be served as it was last applied.
    """
    try:
        plain = yaml.safe_load((folder / CITY_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        plain = None
    named = plain.get("city") if isinstance(plain, dict) else None
    return named if isinstance(named, str) else folder.resolve().name
