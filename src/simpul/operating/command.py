"""What a command of the operator is: a function of the caller, the hub and what was given. No command of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.ports.engine import Progress

Given = dict[str, Any]
Tell = Callable[[Progress], None]
Command = Callable[[Caller, Hub, Given, Tell], Awaitable[Any]]
