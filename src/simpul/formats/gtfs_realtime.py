"""Rows of a GTFS Realtime message: vehicle positions, trip updates, alerts. No fetching here.

Columns are the names of the format with dots between, as in `trip.route_id`. Moments are UTC in ISO 8601.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from google.transit.gtfs_realtime_pb2 import Alert, FeedHeader, FeedMessage, TranslatedString

Feed = FeedMessage

_TRIP: Final = (
    "trip.trip_id", "trip.route_id", "trip.direction_id", "trip.start_time", "trip.start_date",
    "trip.schedule_relationship",
)  # fmt: skip
_VEHICLE: Final = ("vehicle.id", "vehicle.label", "vehicle.license_plate")
_TRIP_UPDATE: Final = ("id", *_TRIP, *_VEHICLE, "timestamp", "delay")
_INFORMED: Final = ("agency_id", "route_id", "route_type", "stop_id", "trip.trip_id")
_TEXTS: Final = ("header_text", "description_text", "url")

# What a feed may be asked for: its columns, without those of languages.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "vehicle_positions": (
        "id", *_TRIP, *_VEHICLE, "position.latitude", "position.longitude", "position.bearing", "position.odometer",
        "position.speed", "current_stop_sequence", "stop_id", "current_status", "timestamp", "congestion_level",
        "occupancy_status", "occupancy_percentage", "feed.timestamp",
    ),
    "trip_updates": (*_TRIP_UPDATE, "feed.timestamp"),
    "stop_time_updates": (
        *_TRIP_UPDATE, "stop_sequence", "stop_id", "arrival.delay", "arrival.time", "arrival.uncertainty",
        "departure.delay", "departure.time", "departure.uncertainty", "schedule_relationship", "feed.timestamp",
    ),
    "alerts": (
        "id", "active_period.start", "active_period.end", "cause", "effect", "severity_level",
        *(f"informed_entity.{name}" for name in _INFORMED), *_TEXTS, "feed.timestamp",
    ),
}  # fmt: skip
_MEMBERS: Final = {
    "vehicle_positions": "vehicle", "trip_updates": "trip_update", "stop_time_updates": "trip_update",
    "alerts": "alert",
}  # fmt: skip
_MOMENTS: Final = frozenset({"timestamp", "time", "start", "end"})
_OF_STOPS: Final = frozenset(COLUMNS["stop_time_updates"]) - set(COLUMNS["trip_updates"])
# Between the ids of an alert: no id has a line's end in it.
SEPARATOR: Final = "\n"


class FeedBroken(Exception):
    """Why a message cannot be taken for a feed."""


def columns_of(kind: str, languages: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns of a kind of row; alerts have one more for each text and language."""
    texts = [f"{text}.{language}" for text in _TEXTS for language in languages] if kind == "alerts" else []
    return (*COLUMNS[kind], *texts)


def parse_feed(body: bytes) -> Feed:
    """Return the message. Raises FeedBroken."""
    try:
        feed = Feed.FromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FeedBroken("it is no GTFS Realtime message, or was cut off") from error
    # The library takes nothing at all for a message without a header, and then every vehicle would be gone.
    if not feed.IsInitialized():
        raise FeedBroken("it lacks what the format requires, or was cut off")
    if feed.header.incrementality == FeedHeader.DIFFERENTIAL:
        raise FeedBroken("it tells only what changed (DIFFERENTIAL), which the format leaves undefined")
    return feed


def iter_rows(feed: Feed, kind: str, columns: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the cells of each row of a kind; entities of other kinds, and those that are deleted, are none."""
    told_at = _moment(feed.header.timestamp) if feed.header.HasField("timestamp") else None
    member = _MEMBERS[kind]
    for entity in feed.entity:
        if entity.is_deleted or not entity.HasField(member):
            continue
        own = getattr(entity, member)
        known = {"id": entity.id, "feed.timestamp": told_at}
        if kind == "alerts":
            yield [known[name] if name in known else _of_alert(own, name) for name in columns]
        elif kind == "stop_time_updates":
            for stop in own.stop_time_update:
                yield [
                    known[name] if name in known else find(stop if name in _OF_STOPS else own, name) for name in columns
                ]
        else:
            yield [known[name] if name in known else find(own, name) for name in columns]


def find(message: Message, path: str) -> Any:
    """Return what stands at a path of a message, or what the format says where it is not there, or None."""
    *above, name = path.split(".")
    for part in above:
        if not message.HasField(part):
            return None
        message = getattr(message, part)
    field = message.DESCRIPTOR.fields_by_name[name]
    if not message.HasField(name) and not field.has_default_value:
        return None
    value = getattr(message, name)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if name in _MOMENTS:
        return _moment(value)
    return shortest(value) if isinstance(value, float) else value


def _of_alert(alert: Alert, column: str) -> Any:
    head, _, rest = column.partition(".")
    if head == "active_period":
        return _outermost(alert, rest)
    if head == "informed_entity":
        found = (find(selector, rest) for selector in alert.informed_entity)
        return SEPARATOR.join(dict.fromkeys(str(one) for one in found if one is not None)) or None
    if head in _TEXTS:
        return _text(getattr(alert, head), rest)
    return find(alert, column)


def _outermost(alert: Alert, end: str) -> str | None:
    """Return when the first period begins, or the last one ends; None where one of them is open."""
    if not all(period.HasField(end) for period in alert.active_period):
        return None
    moments = [getattr(period, end) for period in alert.active_period]
    return None if not moments else _moment(min(moments) if end == "start" else max(moments))


def _text(translated: TranslatedString, language: str) -> str | None:
    """Return a text in a language (`id` means `id-ID` as well); without one, the text that has none, else the first."""
    texts = list(translated.translation)
    if language:
        wanted = language.casefold()
        exact = [one for one in texts if one.language.casefold() == wanted]
        near = [one for one in texts if one.language.casefold().partition("-")[0] == wanted]
        return next((one.text for one in (*exact, *near)), None)
    return next((one.text for one in texts if not one.language), texts[0].text if texts else None)


def _moment(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def shortest(value: float) -> float | None:
    """Return a number of 32 bits as it was written: 100.35 and not 100.3499985; None for what is no number."""
    if not math.isfinite(value):
        return None
    packed = struct.pack("f", value)
    return next(short for digits in range(6, 18) if struct.pack("f", short := float(f"{value:.{digits}g}")) == packed)
