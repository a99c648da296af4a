"""How the bench's own small servers are run: uvicorn at its fastest, on loopback."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


def run(app: Any) -> None:
    """Serve an ASGI app on the port that the command line names."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        log_level="error",
        access_log=False,
        lifespan="off",
    )
