"""A receiver of notifications: a real HTTP server in a thread, which answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

WAIT_SECONDS = 20.0


class Received(NamedTuple):
    """One notification as it came."""

    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.body["data"]


class Receiver:
    """Keeps what it is sent. `answer` says with which status, given how many came before; None never answers."""

    def __init__(self, answer: Callable[[int], int | None] = lambda _count: 200, port: int = 0) -> None:
        self.answer = answer
        self.attempts = 0
        self.accepted: list[Received] = []
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # The standard library names it.
                receiver._take(self)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.uri = f"http://127.0.0.1:{self.port}/notify"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        with self._changed:
            status = self.answer(self.attempts)
            self.attempts += 1
            if status is not None and status < 300:
                headers = {name.lower(): value for name, value in handler.headers.items()}
                self.accepted.append(Received(headers, json.loads(body)))
            self._changed.notify_all()
        if status is None:
            self._stopped.wait(WAIT_SECONDS)
            return
        handler.send_response(status)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def wait_for(self, count: int) -> list[Received]:
        """Return what was accepted once it is this many."""
        self.wait_until(lambda: len(self.accepted) >= count)
        return self.accepted

    def wait_until(self, is_true: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Return when something is true; looked at whenever a notification came."""
        with self._changed:
            assert self._changed.wait_for(is_true, seconds), f"{self.attempts} attempts, {len(self.accepted)} accepted"

    def told(self) -> list[tuple[str, Any]]:
        """Return the id and the value of `nama` of every entity that was told of, in their order."""
        return [(one["id"], one["nama"]["value"]) for got in self.accepted for one in got.data]

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
