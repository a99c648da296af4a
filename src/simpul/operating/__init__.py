"""What the machine's operator asks of a hub at the command line: the same use-cases as everywhere. No sockets here.

Each command takes the hub, the city and what was given, and returns what can be told as JSON. It is run by the hub that
serves the city, where one does (`operator_socket.py`), else by the command itself over the city's file.
"""

from __future__ import annotations

from typing import Any, Final

from simpul.app import identity
from simpul.app.hub import Hub
from simpul.domain.errors import BadRequestData
from simpul.operating import access, folder, rows, sources, trust
from simpul.operating.command import Command, Given, Tell

COMMANDS: Final[dict[str, Command]] = {
    **access.COMMANDS,
    **sources.COMMANDS,
    **rows.COMMANDS,
    **trust.COMMANDS,
    **folder.COMMANDS,
}


async def perform(hub: Hub, name: str, given: Given, tell: Tell) -> Any:
    """Carry a command out for the city `given["tenant"]`, or the hub's own. Raises what its use-case raises."""
    command = COMMANDS.get(name)
    if command is None:
        raise BadRequestData(f"This hub knows no command {name[:100]!r}; is it of the same version as `simpul`?")
    return await command(identity.operator(given.get("tenant") or hub.settings.tenant), hub, given, tell)
