"""Files that somebody brings through the console: put into the city's folder, to be looked at there. None is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

from simpul import limits
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.errors import BadRequestData, BodyTooLarge, StorageUnavailable

SYSTEMS: Final = "systems"
_UNWANTED: Final = re.compile(r"[^\w.()+, -]")
_SAME_NAME_MAX: Final = 1_000


class Brought(NamedTuple):
    """A file: what it is called where it comes from, whose it is, and its bytes as they come."""

    name: str
    agency: str
    parts: AsyncIterator[bytes]


async def put_file(caller: Caller, hub: Hub, brought: Brought) -> str:
    """Keep the file among its agency's systems, written over nothing; return where, from the city's folder.

    What is over `limits.CONSOLE_UPLOAD_BYTES_MAX` or breaks off leaves nothing behind. Raises BadRequestData,
    BodyTooLarge, StorageUnavailable, Unauthenticated, Forbidden.
    """
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    city = hub.city(caller.tenant)
    if not city.folder or city.agency(brought.agency) is None:
        raise BadRequestData("Say which of the city's agencies the file belongs to.")
    folder = Path(city.folder)
    try:
        path, file = await asyncio.to_thread(_begin, folder / SYSTEMS / brought.agency, _plain_name(brought.name))
        try:
            await _fill(file, brought.parts)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise
        finally:
            await asyncio.to_thread(file.close)
    except OSError as error:
        raise StorageUnavailable(f"The file cannot be kept: {error.strerror}.") from error
    return path.relative_to(folder).as_posix()


async def _fill(file: IO[bytes], parts: AsyncIterator[bytes]) -> None:
    size = 0
    async for part in parts:
        size += len(part)
        if size > limits.CONSOLE_UPLOAD_BYTES_MAX:
            most = limits.CONSOLE_UPLOAD_BYTES_MAX
            raise BodyTooLarge(f"The file is over {most:,} bytes. Put it into the city's folder, and name it there.")
        await asyncio.to_thread(file.write, part)
    if not size:
        raise BadRequestData("The file is empty.")


def _plain_name(name: str) -> str:
    """Return the name without folders and signs that mean something elsewhere; its ending says what is in it."""
    last = re.split(r"[/\\]", name)[-1]
    plain = _UNWANTED.sub("_", last).strip(" .")[-limits.CONSOLE_FILE_NAME_CHARACTERS_MAX :].lstrip(" .")
    if not plain:
        raise BadRequestData("The file has no name.")
    return plain


def _begin(folder: Path, name: str) -> tuple[Path, IO[bytes]]:
    folder.mkdir(parents=True, exist_ok=True)
    stem, ending = Path(name).stem, Path(name).suffix
    for number in range(1, _SAME_NAME_MAX):
        path = folder / (name if number == 1 else f"{stem} ({number}){ending}")
        with suppress(FileExistsError):
            return path, path.open("xb")
    raise StorageUnavailable(f"There are very many files {name} already; give this one another name.")
