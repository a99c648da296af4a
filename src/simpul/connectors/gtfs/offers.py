"""What a GTFS dataset or a feed has to read: its files, and the kinds of rows that a feed tells now."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Offer, Surroundings, Told
from simpul.connect.fields import Plain
from simpul.connect.service import settings_of_url
from simpul.connectors.gtfs import errors
from simpul.connectors.gtfs.reader import open_whole
from simpul.connectors.gtfs.settings import parse_settings
from simpul.formats.gtfs_files import REQUIRED_COLUMNS
from simpul.formats.gtfs_realtime import COLUMNS, Feed, FeedBroken, iter_rows, parse_feed
from simpul.formats.zip_member import ArchiveBroken, open_archive

_FEEDS: Final = (".pb", ".pbf")
_ARCHIVE: Final = b"PK"
_NAMED: Final = re.compile(r"gtfs|vehicle_?positions?|trip_?updates?", re.IGNORECASE)
_BY: Final = "the GTFS format"

# The types of Smart Data Models (UrbanMobility), and the ids that the format says are different in each row.
_TYPES: Final = {
    "agency": "GtfsAgency", "stops": "GtfsStop", "routes": "GtfsRoute", "trips": "GtfsTrip",
    "stop_times": "GtfsStopTime", "shapes": "GtfsShape", "calendar": "GtfsCalendarRule",
    "calendar_dates": "GtfsCalendarDateRule", "frequencies": "GtfsFrequency", "transfers": "GtfsTransferRule",
}  # fmt: skip
_KEYS: Final = {
    "agency": ("agency_id",), "stops": ("stop_id",), "routes": ("route_id",), "trips": ("trip_id",),
    "stop_times": ("trip_id", "stop_sequence"), "shapes": ("shape_id",), "calendar": ("service_id",),
    "calendar_dates": ("service_id", "date"), "frequencies": ("trip_id", "start_time"), "levels": ("level_id",),
    "pathways": ("pathway_id",), "fare_attributes": ("fare_id",), "areas": ("area_id",), "networks": ("network_id",),
}  # fmt: skip
_REFERENCES: Final = {
    "agency_id": "GtfsAgency", "route_id": "GtfsRoute", "trip_id": "GtfsTrip", "stop_id": "GtfsStop",
    "shape_id": "GtfsShape", "parent_station": "GtfsStop", "from_stop_id": "GtfsStop", "to_stop_id": "GtfsStop",
}  # fmt: skip
_TOLD_NOW: Final = {
    "vehicle_positions": ("Vehicle", ("vehicle.id",)),
    "trip_updates": ("GtfsTripUpdate", ("trip.trip_id",)),
    "stop_time_updates": ("ArrivalEstimation", ("trip.trip_id", "stop_id")),
    "alerts": ("Alert", ("id",)),
}
_NAMES_NOW: Final = {
    "trip.trip_id": "hasTrip", "trip.route_id": "hasRoute", "stop_id": "hasStop", "position.speed": "speed",
    "position.bearing": "bearing", "position.odometer": "mileageFromOdometer", "vehicle.label": "name",
    "vehicle.license_plate": "vehiclePlateIdentifier", "header_text": "name", "description_text": "description",
    "active_period.start": "validFrom", "active_period.end": "validTo", "severity_level": "severity",
}  # fmt: skip
_REFERENCES_NOW: Final = {"trip.trip_id": "GtfsTrip", "trip.route_id": "GtfsRoute", "stop_id": "GtfsStop"}
_UNITS_NOW: Final = {
    "position.speed": "MTS", "position.odometer": "MTR", "position.bearing": "DD", "delay": "SEC",
    "arrival.delay": "SEC", "departure.delay": "SEC", "occupancy_percentage": "P1",
}  # fmt: skip


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a place is a dataset or a feed: a file by what it holds, a URL by its look."""
    if "://" in where:
        parts = urlsplit(where)
        is_named = _NAMED.search(f"{parts.path}?{parts.query}") is not None
        return parts.scheme in ("http", "https") and (is_named or parts.path.lower().endswith((".zip", *_FEEDS)))
    path = surroundings.path(where)
    if not path.is_file():
        return False
    return path.suffix.lower() in _FEEDS or (path.suffix.lower() == ".zip" and bool(_list_files(path.open("rb"))))


def _list_files(file: BinaryIO) -> list[str]:
    """Return the files of a dataset that an archive has at its top, and close it."""
    try:
        with file, open_archive(file) as archive:
            names = set(archive.namelist())
            return [name for name in REQUIRED_COLUMNS if f"{name}.txt" in names]
    except (ArchiveBroken, OSError, ValueError):
        return []


def settings_of(where: str, surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a path, or for a URL: what is secret in it stands apart, as references."""
    return settings_of_url(where, surroundings) if "://" in where else ({"path": where}, {})


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the files of a dataset, or what a feed tells now. Raises SourceUnreachable, SourceMismatch."""
    if "file" in plain:
        return [_offer_file(plain, plain["file"])]
    if "realtime" in plain:
        return [_offer_now(plain, plain["realtime"])]
    with ExitStack() as stack:
        where, file = open_whole(parse_settings(plain, surroundings), surroundings, stack)
        file.seek(0)
        head = file.read(limits.GTFS_REALTIME_BYTES_MAX)
        if head.startswith(_ARCHIVE):
            files = _list_files(file)
            if not files:
                raise errors.no_archive(where, "no file of such a dataset lies at its top", head)
            return [_offer_file(plain, name) for name in files]
    try:
        feed = parse_feed(head)
    except FeedBroken as error:
        raise errors.no_archive(where, f"it is no archive, and no feed either: {error}", head) from error
    return [_offer_now(plain, kind, rows) for kind in COLUMNS if (rows := _count(feed, kind))]


def _count(feed: Feed, kind: str) -> int:
    return sum(1 for _ in iter_rows(feed, kind, COLUMNS[kind][:1]))


def _offer_file(plain: Plain, name: str) -> Offer:
    read = {**plain, "file": name}
    if name == "shapes":
        read["as_lines"] = True
    type_name = _TYPES.get(name, "")
    references = {column: target for column, target in _REFERENCES.items() if (column,) != _KEYS.get(name)}
    return Offer(name, read, told=Told(_BY, type_name, _KEYS.get(name, ()), references=references))


def _offer_now(plain: Plain, kind: str, rows: int | None = None) -> Offer:
    type_name, key = _TOLD_NOW[kind]
    told = Told(_BY, type_name, key, "timestamp", _NAMES_NOW, _REFERENCES_NOW, _UNITS_NOW)
    return Offer(kind, {**plain, "realtime": kind}, rows, told)
