"""Dishub's service that tells where its buses are: one address, JSON over HTTP, on the loopback interface."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Final, Self

from simpul import limits
from simpul.demo.live.buses import Fleet

PATH: Final = "/api/v1/armada/posisi"


class BusService:
    """The service, in a thread of its own, one request at a time. Used as `with BusService() as service`."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="bus service", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(HTTPServer):
    """The listening socket, and the buses."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.fleet = Fleet()


class _Handler(BaseHTTPRequestHandler):
    timeout = limits.DEMO_SERVICE_SECONDS

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, {"status": "gagal", "pesan": "alamat tidak dikenal"})
            return
        assert isinstance(self.server, _Server), "it is the one that made this"
        fleet = self.server.fleet.list_positions(datetime.now(UTC))
        self._answer(HTTPStatus.OK, {"status": "sukses", "jumlah": str(len(fleet)), "data": {"armada": fleet}})

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the demo's terminal is for what the hub says."""
