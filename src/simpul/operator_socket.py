"""The socket in a hub's data folder on which the machine's operator asks the hub that serves. Nothing is decided here.

Only the user who runs the hub may open it (mode 0600): whoever can could read the cities' files themselves. One request
is one line of JSON, its answer some lines of progress and one with the result or the error.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain import errors
from simpul.domain.errors import HubError
from simpul.operating import perform
from simpul.operating.command import Given, Tell
from simpul.operator_log import log
from simpul.ports.engine import Progress

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_OWNER_ONLY = 0o177


def socket_path(data_directory: Path) -> Path:
    return data_directory / "operator.sock"


@asynccontextmanager
async def listening(hub: Hub) -> AsyncIterator[None]:
    """Answer the operator while the hub serves; without that where the system has no room for such a path."""
    path = socket_path(hub.settings.data_directory)
    try:
        opened = _bind(path)
    except OSError as error:
        log.warning("commands cannot reach this hub", reason=str(error))
        yield
        return
    server = await asyncio.start_unix_server(
        lambda reader, writer: _answer(hub, reader, writer), sock=opened, limit=limits.OPERATOR_LINE_BYTES_MAX
    )
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _bind(path: Path) -> socket.socket:
    # Whoever holds the city's lock is alone here: what lies there is left from a hub that was killed.
    path.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_OWNER_ONLY)
    try:
        opened.bind(str(path))
    except OSError:
        opened.close()
        raise
    finally:
        os.umask(before)
    return opened


async def _answer(hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def tell(progress: Progress) -> None:
        writer.write(_encode({"progress": progress}) + b"\n")

    # The command may be stopped before its answer; what it asked for goes on.
    with suppress(OSError):
        try:
            line = await reader.readline()
        except ValueError:  # The line is longer than the stream's limit; `ask` sends none that is.
            line = b""
        if line:
            writer.write(_answer_line(await _carry_out(hub, line, tell)))
            await writer.drain()
    writer.close()


def _answer_line(told: dict[str, Any]) -> bytes:
    line = _encode(told) + b"\n"
    if len(line) <= limits.OPERATOR_LINE_BYTES_MAX:
        return line
    return _encode({"error": ["TooManyResults", f"The answer has {_too_long(line)}"]}) + b"\n"


def _too_long(line: bytes) -> str:
    most = f"{limits.OPERATOR_LINE_BYTES_MAX:,}"
    return (
        f"{len(line):,} bytes; at most {most} go to and from a hub that serves. Ask for less at once, or stop the hub."
    )


async def _carry_out(hub: Hub, line: bytes, tell: Tell) -> dict[str, Any]:
    try:
        asked = _decode(line)
        return {"result": await perform(hub, asked["command"], {**asked["given"], "is_served": True}, tell)}
    except HubError as error:
        return {"error": [type(error).__name__, error.detail]}
    except Exception as error:  # A defect, or another version's request: whoever asks is told, and the hub goes on.
        log.exception("a command failed")
        return {"error": ["InternalError", f"The hub could not do this ({type(error).__name__}); its log has more."]}


async def is_listening(data_directory: Path) -> bool:
    """Return whether a hub serves the folder's cities and can be asked."""
    try:
        _, writer = await asyncio.open_unix_connection(str(socket_path(data_directory)))
    except OSError:
        return False
    writer.close()
    return True


async def ask(data_directory: Path, command: str, given: Given, tell: Tell) -> Any:
    """Return what the hub that serves answers. Raises what the use-case raises there, HubBusy where none is left."""
    gone = errors.HubBusy("The hub stopped before it had answered. Look whether it still runs, and ask again.")
    try:
        reader, writer = await asyncio.open_unix_connection(
            str(socket_path(data_directory)), limit=limits.OPERATOR_LINE_BYTES_MAX
        )
    except OSError as error:
        raise gone from error
    try:
        line = _encode({"command": command, "given": given}) + b"\n"
        if len(line) > limits.OPERATOR_LINE_BYTES_MAX:
            raise errors.BadRequestData(f"What is asked of the hub has {_too_long(line)}")
        writer.write(line)
        while line := await reader.readline():
            told = _decode(line)
            if "progress" not in told:
                return _result_of(told)
            tell(Progress(*told["progress"]))
    finally:
        writer.close()
    raise gone


def _result_of(told: dict[str, Any]) -> Any:
    if "error" not in told:
        return told["result"]
    name, detail = told["error"]
    kind = getattr(errors, name, HubError)
    raise kind(detail)
