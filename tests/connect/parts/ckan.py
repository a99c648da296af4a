"""A small portal that speaks CKAN's Action API as its guide describes it: datasets, resources, the datastore, files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

import msgspec

from tests.connect.line import Line
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place
from tests.connect.service import Asked, Told, run_service

ACTIONS: Final = "/api/3/action/"


def succeeded(result: Any) -> Told:
    return Told({"help": "…", "success": True, "result": result})


def failed(status: int, kind: str, **told: Any) -> Told:
    return Told({"help": "…", "success": False, "error": {"__type": kind, **told}}, status=status)


@dataclass
class Portal:
    """What a portal has: datasets, records by the id of their resource, files by their path, and who may see all."""

    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    token: str | None = None
    rows_max: int = 32_000

    def put_dataset(self, name: str, *resources: dict[str, Any], **more: Any) -> None:
        self.datasets[name] = {
            "id": f"{name}-id",
            "name": name,
            "state": "active",
            "resources": list(resources),
            **more,
        }

    def put_records(self, resource_id: str, columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
        """Return the resource that has these records in the datastore."""
        self.fields[resource_id] = columns
        self.records[resource_id] = [
            {"_id": number, **dict(zip(columns, row, strict=True))} for number, row in enumerate(rows, 1)
        ]
        return {
            "id": resource_id,
            "name": f"Data {resource_id}",
            "state": "active",
            "datastore_active": True,
            "url": "",
        }

    def answer(self, asked: Asked) -> Told:
        if not asked.path.startswith(ACTIONS):
            body = self.files.get(asked.path)
            return Told(b"<html>", status=404) if body is None else Told(body)
        if self.token is not None and asked.headers.get("authorization") != self.token:
            return failed(403, "Authorization Error", message="Access denied: User  not authorized to read it")
        action = getattr(self, f"_{asked.path.removeprefix(ACTIONS)}", None)
        if action is None:
            return Told(f"Bad request - Action name not known: {asked.path}", status=400)
        told: Told = action(asked.query)
        return told

    def _package_show(self, query: Mapping[str, str]) -> Told:
        found = self.datasets.get(query["id"])
        return failed(404, "Not Found Error", message="Not found") if found is None else succeeded(found)

    def _package_search(self, query: Mapping[str, str]) -> Told:
        found = list(self.datasets.values())[: int(query.get("rows", 10))]
        return succeeded({"count": len(self.datasets), "results": found})

    def _resource_show(self, query: Mapping[str, str]) -> Told:
        every = (resource for dataset in self.datasets.values() for resource in dataset["resources"])
        found = next((resource for resource in every if resource["id"] == query["id"]), None)
        return failed(404, "Not Found Error", message="Not found") if found is None else succeeded(found)

    def _datastore_search(self, query: Mapping[str, str]) -> Told:
        resource_id = query["resource_id"]
        if resource_id not in self.records:
            message = f'Not found: Resource "{resource_id}" was not found.'
            return failed(404, "Not Found Error", message=message)
        filters = msgspec.json.decode(query.get("filters", "{}"))
        wrong = [name for name in filters if name not in self.fields[resource_id]]
        if wrong:
            return failed(409, "Validation Error", filters=[f'field "{wrong[0]}" not in table'])
        chosen = [
            record
            for record in self.records[resource_id]
            if all(str(record[name]) == value for name, value in filters.items())
        ]
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 100)), self.rows_max)
        return succeeded({
            "resource_id": resource_id, "include_total": True, "records_format": "objects", "limit": limit,
            "fields": [{"id": name, "type": "text"} for name in ("_id", *self.fields[resource_id])],
            "records": chosen[offset : offset + limit], "total": len(chosen), "total_was_estimated": False,
            "_links": {"start": "/api/3/action/datastore_search", "next": "/api/3/action/datastore_search"},
        })  # fmt: skip


class PortalPart(Part):
    """A portal behind a line that can be cut."""

    kind = "ckan"
    line: Line

    def __init__(self) -> None:
        self.portal = Portal()

    @property
    def read(self) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{self.line.port}", "private": True, "dataset": "halte", "size": 1_000}

    def fill(self, names: Mapping[int, str]) -> None:
        rows: list[list[Any]] = [[number, name] for number, name in names.items()]
        self.portal.put_dataset("halte", self.portal.put_records("r", ["id", "nama"], rows))

    def take_away(self) -> None:
        self.line.cut()

    def bring_back(self) -> None:
        self.line.mend()


class FilePart(PortalPart):
    """A portal whose resource is a CSV file."""

    @property
    def read(self) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{self.line.port}", "private": True, "resource": "r"}

    def fill(self, names: Mapping[int, str]) -> None:
        text = StringIO()
        csv.writer(text).writerows([("id", "nama"), *names.items()])
        self.portal.files["/dataset/halte/resource/r/download/halte.csv"] = text.getvalue().encode()
        resource = {
            "id": "r", "name": "Halte", "format": "CSV", "url_type": "upload", "datastore_active": False,
            "url": f"http://127.0.0.1:{self.line.port}/dataset/halte/resource/r/download/halte.csv",
        }  # fmt: skip
        self.portal.put_dataset("halte", resource)


@contextmanager
def _served(part: PortalPart) -> Iterator[Part]:
    with run_service(part.portal.answer) as service, Line(service.port) as part.line:
        yield part


def datastore_part(place: Place) -> Any:
    return _served(PortalPart())


def file_part(place: Place) -> Any:
    return _served(FilePart())


PARTS = {"ckan": datastore_part, "ckan-file": file_part}
