"""A server of @context documents on this machine, which counts what it is asked for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgspec


class Document(NamedTuple):
    """What is answered for one path."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}


class Documents:
    """The documents by path, and how often each was asked for."""

    def __init__(self) -> None:
        self.by_path: dict[str, Document] = {}
        self.asked: Counter[str] = Counter()
        self.url = ""

    def put(self, path: str, content: Any) -> str:
        """Answer this path with the content as JSON; return its URL."""
        self.by_path[path] = Document(msgspec.json.encode(content))
        return self.url + path


@contextmanager
def serve_documents() -> Iterator[Documents]:
    """Serve documents on a free port."""
    documents = Documents()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            documents.asked[self.path] += 1
            body, status, headers = documents.by_path.get(self.path, Document(b"", 404))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    documents.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield documents
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
