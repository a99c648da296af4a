"""A service of an agency on loopback: answers what a test gives it, over HTTP or HTTPS, and notes what was asked."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.connect.servers import find_program


@dataclass(frozen=True)
class Asked:
    """A request: its path, its parameters, its headers (names in lower case)."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Told:
    """An answer; a body that is no bytes is sent as JSON. `drip` sends it byte by byte."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: Callable[[], bool] | None = None


class Service(ThreadingHTTPServer):
    """A server that asks `answer` for each answer."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, answer: Callable[[Asked], Told]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        self.scheme = "http"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may hang up at any moment."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: Service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(parts.path, dict(parse_qsl(parts.query)), headers)
        self.server.asked.append(asked)
        told = self.server.answer(asked)
        body = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
        self.send_response(told.status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **told.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if told.drip is None:
            self.wfile.write(body)
            return
        for byte in body:
            if not told.drip():
                break
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def run_service(answer: Callable[[Asked], Told], certificate: Path | None = None) -> Iterator[Service]:
    """Run a service until the end of the block."""
    service = Service(answer)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        service.socket = context.wrap_socket(service.socket, server_side=True, do_handshake_on_connect=False)
        service.scheme = "https"
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


def make_certificate(folder: Path, days: int, name: str = "127.0.0.1") -> Path:
    """Return a file with a fresh key and its self-signed certificate, valid for so many days from now."""
    program = find_program("openssl", ["/usr/bin"])
    request, path = folder / "request.pem", folder / f"service{days}.pem"
    names = folder / "names"
    names.write_text(f"subjectAltName=IP:{name}" if name[0].isdigit() else f"subjectAltName=DNS:{name}")
    key = folder / "key.pem"
    for command in (
        ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}"],
        ["x509", "-req", "-in", str(request), "-signkey", str(key), "-days", str(days), "-out", str(path),
         "-extfile", str(names)],
    ):  # fmt: skip
        subprocess.run([program, *command], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path
