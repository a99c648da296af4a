"""A line between the hub and a server, which a test can cut and mend: bytes are passed on over loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 64 * 1024


class Line:
    """A port that leads to a server's port for as long as it is not cut."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening: socket.socket | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()

    def mend(self) -> None:
        """Let connections through, on the port that it had."""
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._listening = listening
        self._start(self._accept, listening)

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()
        self._ends, self._threads = [], []
        if listening is not None:
            listening.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                # The server is away; so is whoever leads to it.
                near.close()
                continue
            self._ends += [near, far]
            if self._listening is None:
                near.shutdown(socket.SHUT_RDWR)
            self._start(_pass_on, near, far)
            self._start(_pass_on, far, near)

    def _start(self, work: object, *ends: socket.socket) -> None:
        thread = threading.Thread(target=work, args=ends, daemon=True)  # type: ignore[arg-type]  # Both take sockets.
        self._threads.append(thread)
        thread.start()


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while block := near.recv(_BLOCK_BYTES):
            far.sendall(block)
    with suppress(OSError):
        far.shutdown(socket.SHUT_WR)
