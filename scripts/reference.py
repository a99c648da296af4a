"""Writes the pages of docs/reference that can be read off the code. `make docs` runs it; a test compares.

Usage: python -m scripts.reference
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from importlib import import_module
from pathlib import Path

import click

from simpul import connectors, limits
from simpul.cli import main as simpul
from simpul.connect.connector import connector_kinds, get_connector
from simpul.connect.fields import Choice, Fields, ListOf, MappingOf, OneOrMany, Shape
from simpul.http.ngsild.routes import RESOURCES
from simpul.http.problem import STATUS
from simpul.settings import Settings

ROOT = Path(__file__).parents[1]
GENERATED = "*This page is generated from the code by `make docs`.*\n"


def limits_page() -> str:
    """Return the page of every bound."""
    source = Path(limits.__file__).read_text(encoding="utf-8")
    lines = ["# Limits", "", GENERATED, "Whatever goes over one of these gets a message that names it.", ""]
    for line in source.splitlines():
        heading = re.match(r"# (?P<title>[A-Z@].*[^.])$", line)
        if heading:
            lines += [f"## {heading['title']}", "", "| name | value |", "|---|---:|"]
        elif bound := re.match(r"([A-Z][A-Z0-9_]+): Final", line):
            lines.append(f"| `{bound[1]}` | {_amount(bound[1])} |")
            continue
        elif not line and lines[-1].startswith("|"):
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _amount(name: str) -> str:
    value = getattr(limits, name)
    if name.endswith(("BYTES", "BYTES_MAX")) and value >= 1024 and value % 1024 == 0:
        for size, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
            if value % size == 0:
                return f"{value // size:,} {unit}"
    return ", ".join(f"{one:,}" for one in (value if isinstance(value, tuple) else (value,)))


def settings_page() -> str:
    """Return the page of every setting."""
    lines = [
        "# Settings", "", GENERATED,
        "Each is an environment variable; the options of `simpul serve` win over it.",
        "", "| variable | default | what it sets |", "|---|---|---|",
    ]  # fmt: skip
    for one in fields(Settings):
        default = "" if one.default in (None, "") else f"`{str(one.default).lower()}`"
        lines.append(f"| `SIMPUL_{one.name.upper()}` | {default} | {one.metadata['help']} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Return the page of every error: what it means, its status and its type."""
    lines = [
        "# Errors", "", GENERATED,
        "Every error is answered as `application/json` (ETSI GS CIM 009 §5.5.3, a problem of RFC 9457) with `type`,",
        "`title`, `status` and `detail`. The detail names the wrong value and says what would be right.",
        "", "| status | type | what it means |", "|---:|---|---|",
    ]  # fmt: skip
    for kind, (status, name) in sorted(STATUS.items(), key=lambda entry: (entry[1][0], entry[0].__name__)):
        meaning = " ".join((kind.__doc__ or "").split())
        lines.append(f"| {status} | `{name}` | {kind.title}. {meaning} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return the page of every command and its options."""
    lines = ["# Commands", "", GENERATED]
    for path, command in _commands(simpul, "simpul"):
        lines += ["", f"## {path}", "", _paragraphs(command.help or ""), ""]
        with click.Context(command, info_name=path) as context:
            lines += ["```text", command.get_usage(context).removeprefix("Usage: "), "```"]
            rows = [row for parameter in command.params if (row := parameter.get_help_record(context))]
        if rows:
            lines += ["", "| option | meaning |", "|---|---|"]
            lines += [f"| `{name}` | {' '.join(text.split())} |".replace(" |  |", " | |") for name, text in rows]
    return "\n".join(lines).rstrip() + "\n"


def _commands(command: click.Command | None, path: str) -> Iterator[tuple[str, click.Command]]:
    assert command is not None, f"'{path}' is listed and does not exist"
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), f"{path} {name}")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))


API = """Simpul speaks [ETSI GS CIM 009 v1.9.1](https://www.etsi.org/deliver/etsi_gs/CIM/001_099/009/), NGSI-LD, under
`/ngsi-ld/v1/`. What the standard says of an operation is not repeated here.

- **Who asks** is said with `Authorization: Bearer <token>`. Without a token a caller reads the types that the city has
  declared public, and nothing else; writing always needs a token.
- **Which city** is said with `NGSILD-Tenant`; without it the one that the hub was started for.
- **What names mean** is said with a `Link` header, or `@context` in an `application/ld+json` body. The core contexts
  are built in; a city's own come from its folder. Other ones are fetched, within the bounds of [limits](limits.md),
  and never from private addresses unless a setting allows it.
- **Formats**: `application/json`, `application/ld+json`, `application/geo+json` for entities; normalized, concise and
  keyValues.
- **Where it comes from**: with `lineage=true` the attributes of entities that are retrieved or queried, at most 100 at
  once, have two sub-attributes more. `providedBy` is a relationship to the source's entity; `lineage`, a JsonProperty,
  says which source and run set the attribute and when. For those who keep the sources it has the key of the row, its
  columns, the words of the mapping with their file and line, what was put right in the row, and where the run's quality
  is. None of it is stored with the entity, so `q` and subscriptions know nothing of it.
- **Conditions**: an entity's answer has an `ETag`; `If-Match` and `If-None-Match` go with
  [everything that is done with an entity](../how-to/change-what-is-unchanged.md).
- Every error is a [problem](errors.md) that says what would be right.

`GET /health` answers 200 when the hub is ready; `GET /version` says which one it is. `GET /ngsi-ld/v1/openapi.json` is
a description of all of it in OpenAPI 3.1, made from the routes and their own parameters: what each parameter and each
body may be, as patterns and JSON Schemas.
"""


LEFT_OUT = """What the standard leaves optional and Simpul leaves out answers 501 and says so;
[Conformance](../conformance.md) lists it."""


def api_page() -> str:
    """Return the page of every operation, those that are not there yet as well."""
    lines = ["# The API", "", GENERATED, API, "## What is there", "", "| operation | clause |", "|---|---|"]
    later: list[str] = []
    for resource in RESOURCES:
        path = "/" + "/".join(resource.words)
        there = {method: handler for method, handler in resource.operations.items() if handler.__doc__}
        for method, handler in there.items():
            clause = re.search(r"§[\d.]*\d", handler.__doc__ or "")
            lines.append(f"| `{method} {path}` | {clause[0] if clause else ''} |")
        missing = [method for method in resource.operations if method not in there]
        if missing:
            later.append(f"- `{', '.join(missing)} {path}`")
    missing_part = ["", "## What is not there yet", "", "These answer 501 and say so.", "", *later] if later else []
    left_out = ["", "## What is left out", "", LEFT_OUT]
    return "\n".join([*lines, *missing_part, *left_out]) + "\n"


def kind_page(kind: str) -> str:
    """Return the page of one kind of source: what it reads, and its keys."""
    package = import_module(f"{connectors.__name__}.{kind}")
    title, _, about = inspect.cleandoc(package.__doc__ or "").partition("\n")
    lines = [f"# Sources of kind `{kind}`", "", GENERATED, title, *(["", about.strip()] if about.strip() else [])]
    lines += ["", "## Under `read:`", "", "| key | what it is | must be there |", "|---|---|---|"]
    lines += [f"| `{name}` | {doc} | {'yes' if required else ''} |" for name, doc, required in _keys(kind)]
    lines += [
        "",
        "A path, a URL or a secret may be written as `${env:NAME}` or `${file:path}`, filled in when it is read.",
        "[Every other key of a source](../city-folder.md) is the same for all kinds.",
    ]
    return "\n".join(lines) + "\n"


def _keys(kind: str) -> Iterator[tuple[str, str, bool]]:
    yield from _keys_of(get_connector(kind).settings, "")


def _keys_of(shape: Shape, above: str) -> Iterator[tuple[str, str, bool]]:
    if isinstance(shape, ListOf | OneOrMany | MappingOf):
        yield from _keys_of(shape.item, above)
    if not isinstance(shape, Fields):
        return
    for field in shape.fields:
        words = f" ({', '.join(f'`{word}`' for word in field.shape.words)})" if isinstance(field.shape, Choice) else ""
        yield above + field.name, (field.doc + words).replace("|", "\\|"), field.required
        yield from _keys_of(field.shape, f"{above}{field.name}.")


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/settings.md": settings_page,
    "docs/reference/limits.md": limits_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/commands.md": commands_page,
    "docs/reference/api.md": api_page,
    **{f"docs/reference/kinds/{kind}.md": partial(kind_page, kind) for kind in connector_kinds()},
}

if __name__ == "__main__":
    for page, render in PAGES.items():
        (ROOT / page).parent.mkdir(exist_ok=True)
        (ROOT / page).write_text(render(), encoding="utf-8")
