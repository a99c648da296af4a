"""`agent.yaml`: which hub, which sources, which tokens. Its sources are files as in a city's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.document import Node, Place, Problem, read_document
from simpul.connect.fields import Field, Fields, Integer, MappingOf, Plain, Problems, Text
from simpul.connect.source import duration_seconds, read_source, source_declaration
from simpul.domain.city import SourceDeclaration

AGENT_FILE: Final = "agent.yaml"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _check_hub(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        return f"{text!r} is no address of a hub; write https://data.padang.go.id"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "rows may be personal, so they are delivered over TLS; write https://…"
    return None


def _check_token(text: str) -> str | None:
    if "${" not in text:
        return "a token must not stand here; write ${file:path} or ${env:NAME} in its place"
    return check_references(text)


FIELDS: Final = Fields("agent.yaml", (
    Field("hub", Text("an address", check=_check_hub), "where the hub is, such as https://data.padang.go.id",
          required=True),
    Field("city", Text("a name", pattern=r"[a-z0-9][a-z0-9_-]{0,62}"), "the city, where the hub serves several"),
    Field("tokens", MappingOf(Text("a reference to a token", check=_check_token), least=1), "the sources that are "
          "delivered, each with a reference to its token: `${file:path}` or `${env:NAME}`", required=True),
    Field("certificate", Text("a path"), "a file (PEM) with the certificate of who signed the hub's, where no public "
          "authority did"),
    Field("queue", Text("a path"), "the file of what waits; default antrean.db"),
    Field("queue_megabytes", Integer(1, limits.AGENT_QUEUE_MEGABYTES_MAX), "how much may wait; when the queue is full, "
          f"nothing more is read; default {limits.AGENT_QUEUE_MEGABYTES_DEFAULT}"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Task:
    """A source that is read and delivered: how often, and the reference to its token."""

    source: SourceDeclaration
    every_seconds: int
    token: str


@dataclass(frozen=True, slots=True)
class AgentDeclaration:
    """What an agent does."""

    hub: str
    city: str
    certificate: Path | None
    queue: Path
    queue_bytes_max: int
    tasks: tuple[Task, ...]
    surroundings: Surroundings


class Loaded(NamedTuple):
    """An agent's folder. `agent` is None where there is a problem."""

    agent: AgentDeclaration | None
    problems: list[Problem]


def load_agent(folder: Path) -> Loaded:
    """Read and check an agent's folder: agent.yaml, and the files of its sources."""
    problems: Problems = []
    node = _read(folder / AGENT_FILE, AGENT_FILE, problems)
    plain = None if node is None else FIELDS.read(node, problems)
    if node is None or plain is None or problems:
        return Loaded(None, problems)
    sources = _read_sources(folder, problems)
    tasks = [_task(node, source_id, token, sources, problems) for source_id, token in plain["tokens"].items()]
    if len(tasks) > limits.AGENT_SOURCES_MAX:
        problems.append(Problem(node.place_of("tokens"), f"an agent has at most {limits.AGENT_SOURCES_MAX} sources"))
    if problems:
        return Loaded(None, sorted(problems))
    surroundings = Surroundings(folder)
    certificate = plain.get("certificate")
    agent = AgentDeclaration(
        hub=plain["hub"].rstrip("/"),
        city=plain.get("city", ""),
        certificate=None if certificate is None else surroundings.path(certificate),
        queue=surroundings.path(plain.get("queue", "antrean.db")),
        queue_bytes_max=plain.get("queue_megabytes", limits.AGENT_QUEUE_MEGABYTES_DEFAULT) * 1_000_000,
        tasks=tuple(task for task in tasks if task is not None),
        surroundings=surroundings,
    )
    return Loaded(agent, [])


def _read(path: Path, file: str, problems: Problems) -> Node | None:
    try:
        with path.open("rb") as opened:
            text = opened.read(limits.DECLARATION_BYTES_MAX + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.append(Problem(Place(file), "the file is not UTF-8; save it as UTF-8"))
        return None
    except OSError as error:
        problems.append(Problem(Place(file), f"the file cannot be read: {error.strerror}"))
        return None
    node, found = read_document(text, file)
    problems.extend(found)
    return node


def _read_sources(folder: Path, problems: Problems) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for path in sorted((folder / "sources").glob("*")):
        if path.suffix not in (".yaml", ".yml"):
            continue
        file = path.relative_to(folder).as_posix()
        node = _read(path, file, problems)
        plain: dict[str, Any] | None = None if node is None else read_source(node, problems)
        if plain is not None:
            found[plain["source"]] = {**plain, "file": file}
    return found


def _task(node: Node, source_id: str, token: str, sources: dict[str, Plain], problems: Problems) -> Task | None:
    place = node.place_of("tokens", source_id)
    plain = sources.get(source_id)
    if plain is None:
        known = ", ".join(sources) or "none"
        problems.append(Problem(place, f"no file in sources/ declares {source_id!r}; there are: {known}"))
        return None
    source = source_declaration(plain, plain["file"])
    if not source.is_delivered:
        problems.append(Problem(place, f"write read_by: agent into {source.file}, here and in the city's folder"))
    elif "schedule" not in plain:
        problems.append(Problem(place, f"{source.file} needs 'schedule', which says how often it is read"))
    else:
        return Task(source, duration_seconds(plain["schedule"]["every"]), token)
    return None
