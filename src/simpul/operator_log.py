"""What is told to whoever runs the hub: an event and its facts, a line each. How a line looks is structlog's matter.

structlog (and rich with it, for its tracebacks) is loaded with the first line: it takes 0.1 s, which a start that has
nothing to tell does not have.
"""

from __future__ import annotations

from functools import cache
from typing import Any


class OperatorLog:
    """Lines of the hub, each of a level. `exception` tells of the error that is being handled, with its traceback."""

    def info(self, event: str, **facts: object) -> None:
        _lines().info(event, **facts)

    def warning(self, event: str, **facts: object) -> None:
        _lines().warning(event, **facts)

    def error(self, event: str, **facts: object) -> None:
        _lines().error(event, **facts)

    def exception(self, event: str, **facts: object) -> None:
        _lines().exception(event, **facts)


@cache
def _lines() -> Any:
    import structlog  # noqa: PLC0415 - See the module's first lines.

    # By default a traceback shows what each function had in hand: tokens, passwords of sources, rows about people.
    told = structlog.dev.RichTracebackFormatter(show_locals=False)
    before = structlog.get_config()["processors"][:-1]
    shown = structlog.dev.ConsoleRenderer(exception_formatter=told)
    structlog.configure(processors=[*before, shown])
    return structlog.get_logger()


log = OperatorLog()
