"""Services that answer in JSON: a list that comes whole, and one that comes in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from tests.connect.line import Line
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place
from tests.connect.service import Asked, Told, run_service


class RestPart(Part):
    """A service behind a line that can be cut."""

    kind = "rest"

    line: Line

    def __init__(self, **read: Any) -> None:
        self._read = read
        self._names: Mapping[int, str] = {}

    def answer(self, asked: Asked) -> Told:
        start, size = int(asked.query.get("offset", 0)), int(asked.query.get("limit", len(self._names)))
        rows = [{"id": number, "nama": name} for number, name in islice(self._names.items(), start, start + size)]
        return Told({"status": "ok", "data": {"items": rows}})

    @property
    def read(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.line.port}/api/halte"
        return {"url": url, "private": True, "columns": ["id", "nama"], **self._read}

    def fill(self, names: Mapping[int, str]) -> None:
        self._names = dict(names)

    def take_away(self) -> None:
        self.line.cut()

    def bring_back(self) -> None:
        self.line.mend()


class WholePart(RestPart):
    """A service whose list comes in one answer."""

    holds_whole = "REST_ANSWER_BYTES_MAX"


@contextmanager
def whole_part(place: Place) -> Iterator[Part]:
    part = WholePart(list=["data.items"])
    with run_service(part.answer) as service, Line(service.port) as part.line:
        yield part


@contextmanager
def pages_part(place: Place) -> Iterator[Part]:
    pages = {"style": "offset", "size": 1_000, "size_parameter": "limit"}
    part = RestPart(pages=pages)
    with run_service(part.answer) as service, Line(service.port) as part.line:
        yield part


PARTS = {"rest": whole_part, "rest-pages": pages_part}
