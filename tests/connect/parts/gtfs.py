"""Services that give a GTFS dataset and a GTFS Realtime feed, and a dataset that lies in the city's folder."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from google.transit import gtfs_realtime_pb2

from tests.connect.line import Line
from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place
from tests.connect.service import Asked, Told, run_service


def pack(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with these files."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def stops_text(names: Mapping[int, str]) -> str:
    """Return a `stops.txt` with these stops."""
    text = StringIO()
    rows = [(number, name, f"-0.9{number % 100:02}", f"100.3{number % 100:02}") for number, name in names.items()]
    csv.writer(text).writerows([("stop_id", "stop_name", "stop_lat", "stop_lon"), *rows])
    return text.getvalue()


def positions(names: Mapping[int, str]) -> gtfs_realtime_pb2.FeedMessage:
    """Return a feed with a vehicle for each of these."""
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = 1_448_344_800
    for number, name in names.items():
        entity = feed.entity.add(id=str(number))
        entity.vehicle.vehicle.label = name
        entity.vehicle.position.latitude = -0.95
        entity.vehicle.position.longitude = 100.35
    return feed


class ServicePart(Part):
    """A service behind a line that can be cut."""

    kind = "gtfs"
    line: Line

    def __init__(self) -> None:
        self._body = b""

    def answer(self, asked: Asked) -> Told:
        return Told(self._body, headers={"content-type": "application/octet-stream"})

    @property
    def url(self) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{self.line.port}/gtfs", "private": True}

    def take_away(self) -> None:
        self.line.cut()

    def bring_back(self) -> None:
        self.line.mend()


class DatasetPart(ServicePart):
    """A dataset at a URL."""

    @property
    def read(self) -> dict[str, Any]:
        return {**self.url, "file": "stops", "columns": {"id": "stop_id", "nama": "stop_name"}}

    def fill(self, names: Mapping[int, str]) -> None:
        files = {"agency.txt": "agency_name,agency_url,agency_timezone\n", "stops.txt": stops_text(names)}
        # Not packed, so that the line has as much to carry as there are stops.
        self._body = pack(files, zipfile.ZIP_STORED)


class FeedPart(ServicePart):
    """A feed at a URL."""

    holds_whole = "GTFS_REALTIME_BYTES_MAX"

    @property
    def read(self) -> dict[str, Any]:
        return {**self.url, "realtime": "vehicle_positions", "columns": {"id": "id", "nama": "vehicle.label"}}

    def fill(self, names: Mapping[int, str]) -> None:
        self._body = positions(names).SerializeToString()


class ArchivePart(FilePart):
    """A dataset in the city's folder."""

    kind = "gtfs"

    @property
    def read(self) -> dict[str, Any]:
        return {"path": self.path.name, "file": "stops", "columns": {"id": "stop_id", "nama": "stop_name"}}

    def fill(self, names: Mapping[int, str]) -> None:
        Path(self.path).write_bytes(pack({"stops.txt": stops_text(names)}))


@contextmanager
def dataset_part(place: Place) -> Iterator[Part]:
    part = DatasetPart()
    with run_service(part.answer) as service, Line(service.port) as part.line:
        yield part


@contextmanager
def feed_part(place: Place) -> Iterator[Part]:
    part = FeedPart()
    with run_service(part.answer) as service, Line(service.port) as part.line:
        yield part


@contextmanager
def archive_part(place: Place) -> Iterator[Part]:
    yield ArchivePart(place.folder / "gtfs.zip")


PARTS = {"gtfs": dataset_part, "gtfs-file": archive_part, "gtfs-realtime": feed_part}
