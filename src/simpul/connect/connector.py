"""What a connector is, and what it gives: rows with numbers. No connector's own code here.

A connector is a folder of `simpul.connectors` whose package has `CONNECTOR`. Its four files are the same in each:
`__init__` (what it is), `settings` (its keys under `read:`), `reader` (rows, in bounded memory) and `errors`
(the driver's complaints in our words).
"""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from simpul import limits
from simpul.connect.fields import Fields, Plain
from simpul.domain.errors import SourceMisconfigured, SourceUnreachable

_PACKAGE: Final = "simpul.connectors"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ENVIRONMENT_NAME = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*\Z")


class Row(NamedTuple):
    """One row: where it stands (line, row or feature number), and its cells in the order of the columns."""

    number: int
    cells: Sequence[Any]


class BrokenRow(NamedTuple):
    """A place where a row should be and none can be read."""

    number: int
    reason: str
    raw: dict[str, Any]


class Reading(Protocol):
    """An open source. Used from one thread only."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns, each once."""

    @property
    def row_word(self) -> str:
        """Return what a row's number counts: `line`, `row` or `feature`."""

    @property
    def rows_expected(self) -> int | None:
        """Return how many rows will come, where that is known."""

    def rows(self) -> Iterator[Row | BrokenRow]:
        """Yield the rows once. Raises SourceUnreachable, SourceMismatch."""

    def close(self) -> None:
        """Let go of files and connections."""


class Stream(Reading, Protocol):
    """An open source that tells only what is new, and keeps it until it is told that it was taken over.

    Each call of `rows` yields the next batch. What was not confirmed comes again when the source is opened anew.
    """

    def confirm(self) -> bool:
        """Say that all rows told so far are on disk; return whether to ask for more. Raises SourceUnreachable."""


@runtime_checkable
class Remembering(Protocol):
    """A stream whose system forgets nothing, so that what was taken over is noted beside the rows."""

    def list_notes(self) -> list[str]:
        """Return the names under which it may have noted something that matters now."""

    def recall(self, notes: Mapping[str, bytes]) -> None:
        """Take what is noted under those names. Called before any row is read."""

    def notes(self) -> Mapping[str, bytes]:
        """Return what is to be noted of the batch whose rows are on disk."""


@runtime_checkable
class Complete(Remembering, Protocol):
    """A remembering stream that notices when something that it told is gone, and can then tell all that there is."""

    def turn_to_all(self) -> bool:
        """Return whether something is gone or has changed; if so, the batches are all that there is, the newest first.

        Called after `recall` and before any row is read, where the source says what happens to rows that are gone.
        """

    @property
    def has_told_all(self) -> bool:
        """Return whether it turned to all, and has told all of it."""

    def notes_of_all(self) -> Mapping[str, bytes]:
        """Return what is to be noted once the rows that are gone are settled."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a source is read from: the city's folder and the environment with its secrets."""

    folder: Path
    # Kept out of what a log shows of a failed run.
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def path(self, text: str) -> Path:
        """Return a path of a declaration: relative ones start at the city's folder."""
        return self.folder / Path(text).expanduser()

    def resolve(self, text: str) -> str:
        """Return text with its `${env:…}` and `${file:…}` references filled in."""
        return _REFERENCE.sub(lambda found: self._secret(found[1]), text)

    def _secret(self, reference: str) -> str:
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            value = self.environment.get(name)
            if value is None:
                detail = f"The environment variable {name} is not set; a source needs it. Set it where simpul runs."
                raise SourceMisconfigured(detail)
            return value
        path = self.path(name)
        try:
            with path.open("rb") as file:
                return file.read(limits.SECRET_FILE_BYTES_MAX).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceMisconfigured(
                f"The secret file {path} cannot be read: {_why(error)}. Put the secret there, or write its right path."
            ) from error


def check_references(text: str) -> str | None:
    """Return what is wrong with the `${…}` references of a text, or None."""
    for found in _REFERENCE.finditer(text):
        if not _ENVIRONMENT_NAME.match(found[1]) and not re.match(r"file:.+", found[1]):
            return f"{found[0]!r} is no reference; write ${{env:NAME}} or ${{file:path}}"
    return None


class Sample(NamedTuple):
    """Rows that are in hand already, of what cannot be read twice: what a stream told while it was looked at."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    is_whole: bool


class Told(NamedTuple):
    """What a system, or the standard that it keeps, says itself of a thing that it offers.

    `names` are the attributes that columns are, `references` the types that they refer to, `units` their units
    (UN/CEFACT); `time` is the column that says when a row was measured, `by` who says all this. With `keeps_names` each
    column is called as its attribute is.
    """

    by: str = "the database"
    type_name: str = ""
    key: tuple[str, ...] = ()
    time: str = ""
    names: Mapping[str, str] = MappingProxyType({})
    references: Mapping[str, str] = MappingProxyType({})
    units: Mapping[str, str] = MappingProxyType({})
    keeps_names: bool = False


NOTHING_TOLD: Final = Told()


class Offer(NamedTuple):
    """One thing that a system has to read: a table, a sheet, a list.

    `read` is what stands under `read:` for it; `note` is what its reader should know.
    """

    name: str
    read: Plain
    rows: int | None = None
    told: Told = NOTHING_TOLD
    note: str = ""
    sample: Sample | None = None


class Connector(NamedTuple):
    """One kind of source."""

    kind: str
    settings: Fields
    open_reading: Callable[[Plain, Surroundings], Reading]
    check: Callable[[Plain], Iterator[tuple[str, str]]]
    """Yields (key, what is wrong) for what the keys alone do not say."""
    is_stream: bool = False
    """Whether its readings are `Stream`s: a run tells what is new, so nothing can be said of what it does not tell."""
    why_never_vanished: Callable[[Plain], str] | None = None
    """For streams that may be `Complete`: returns why rows of one with these settings are never gone, or nothing."""
    knows: Callable[[str, Surroundings], bool] | None = None
    """Whether a URL or the path of a file is one of this kind."""
    settings_of: Callable[[str, Surroundings], tuple[Plain, dict[str, str]]] | None = None
    """Returns the settings for a URL or a path, and its secrets by the names of the references that stand for them."""
    look_around: Callable[[Plain, Surroundings], list[Offer]] | None = None
    """Returns what there is to read, for proposals."""
    look_closer: Callable[[Offer, Surroundings], Offer] | None = None
    """Returns an offer that was chosen with what had to be fetched to be known, such as where a file's header is."""
    open_trial: Callable[[Plain, Surroundings], Reading] | None = None
    """Opens a reading that takes nothing from the runs, where a reading as `open_reading` opens it would."""

    def open(self, plain: Plain, surroundings: Surroundings, *, is_trial: bool) -> Reading:
        """Open a source for a run, or for a trial that writes nothing. Raises SourceError."""
        open_reading = self.open_trial if is_trial and self.open_trial is not None else self.open_reading
        return open_reading(plain, surroundings)


@cache
def connector_kinds() -> tuple[str, ...]:
    """Return the kinds there are."""
    package = import_module(_PACKAGE)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg))


@cache
def get_connector(kind: str) -> Connector:
    """Return the connector. Raises SourceMisconfigured for an unknown kind."""
    if kind not in connector_kinds():
        raise SourceMisconfigured(f"There is no connector {kind!r}; the kinds are {', '.join(connector_kinds())}.")
    connector: Connector = import_module(f"{_PACKAGE}.{kind}").CONNECTOR
    return connector


def told_kind(kind: str) -> str:
    """Return what a kind reads, in one sentence."""
    about = import_module(f"{_PACKAGE}.{kind}").__doc__ or ""
    return about.partition("\n")[0].partition(": ")[2]


def open_file(path: Path, bytes_max: int) -> Path:
    """Return the path of a readable file of acceptable size. Raises SourceUnreachable."""
    try:
        if path.is_dir():
            raise SourceUnreachable(f"{path} is a folder; `path` must name a file.")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise SourceUnreachable(f"There is no file {path}{told_neighbours(path)}.") from error
    except (OSError, ValueError) as error:
        raise SourceUnreachable(
            f"The file {path} cannot be read: {_why(error)}. Check its path, and that simpul may read it."
        ) from error
    if size > bytes_max:
        raise SourceUnreachable(f"The file {path} has {size:,} bytes; at most {bytes_max:,} are read. Divide it.")
    return path


def told_neighbours(path: Path) -> str:
    """Return what lies in the folder where a file is missing, as the end of a sentence."""
    folder = path.parent
    if not folder.is_dir():
        return f"; its folder {folder} does not exist either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())[:8]
    return f"; in its folder are {', '.join(names)}" if names else "; its folder is empty"


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
