"""What a broker has to read: kinds of messages that came while it was listened to. Disturbs no other reader."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from simpul import limits
from simpul.connect.connector import Offer, Sample, Surroundings, Told
from simpul.connect.fields import Plain
from simpul.connect.proposal.columns import DATE, look_at
from simpul.connect.proposal.words import words_of
from simpul.connect.service import is_private_host
from simpul.connect.template import slug
from simpul.connectors.mqtt import errors
from simpul.connectors.mqtt.reader import Session
from simpul.connectors.mqtt.settings import MqttSettings, compile_topic, parse_settings
from simpul.connectors.rest.reader import flat

_PORT: Final = re.compile(r":\d+\Z")
_LETTERS: Final = re.compile(r"[A-Za-z]+")
_NAMED: Final = re.compile(r"\{([^{}]+)\}\Z")
_NAME_SIGNS: Final = re.compile(r"[\s{}+#/]+")
_STATION_WORDS: Final = frozenset({"id", "kode", "code", "imei", "serial", "device", "sensor", "pos", "stasiun"})
_ARRIVED: Final = "arrived_at"
# A level with more different names than this says which thing it is about, not what of it.
_NAMES_MAX: Final = 8


class Heard(NamedTuple):
    """One message: its topic, its records (none where it is a plain value), its text, and when it came."""

    topic: str
    records: list[dict[str, Any]]
    text: str
    moment: str

    @property
    def is_json(self) -> bool:
        """Return whether it is a record, or a list of them."""
        return bool(self.records)


@dataclass(frozen=True)
class _Kind:
    """Messages whose topics differ in the same levels only: the levels' names, or None where a column stands."""

    levels: tuple[str | None, ...]
    is_json: bool


def knows(where: str, _surroundings: Surroundings) -> bool:
    """Return whether a place is a broker's URL, with or without a topic."""
    return where.startswith(("mqtt://", "mqtts://"))


def settings_of(where: str, _surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for `mqtts://user:password@host/topic`; a `#` in it belongs to the topic."""
    scheme, _, rest = where.partition("://")
    netloc, _, topic = rest.partition("/")
    account, _, host = netloc.rpartition("@")
    user, _, password = account.partition(":")
    name = urlsplit(f"{scheme}://{host}").hostname or ""
    word = slug(topic)[:40].strip("-") or slug(_PORT.sub("", host))[:40].strip("-") or "broker"
    plain: Plain = {
        "broker": f"{scheme}://{host}",
        # Two readers with one name throw each other out, so another hub's proposal must not have the same.
        "client": f"simpul-{word}-{secrets.token_hex(3)}",
        "topics": [topic or "#"],
        "columns": ["?"],
    }
    if is_private_host(name):
        plain["private"] = True
    if not user:
        return plain, {}
    variable = f"{re.sub(r'[^A-Z0-9]+', '_', name.split('.')[0].upper()).strip('_')}_MQTT"
    variable = variable if variable[0].isalpha() else f"BROKER_{variable}"
    plain["auth"] = {"user": unquote(user), "password": f"${{env:{variable}}}"}
    return plain, {variable: unquote(password)}


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Listen for a while; return the kinds of messages that came. Raises SourceUnreachable, SourceMismatch."""
    settings = parse_settings(plain, surroundings)
    passing = replace(settings, client=f"simpul-look-{secrets.token_hex(6)}")
    with closing(listen(passing)) as heard:
        messages = list(heard)
    if not messages:
        raise errors.nothing_heard(settings.where, limits.MQTT_LOOK_SECONDS)
    kinds = _sort(messages, [_names(text) for text in plain["topics"]])
    offers: list[Offer] = []
    for number, (kind, own) in enumerate(kinds.items(), 1):
        client = plain["client"] if len(kinds) == 1 else f"{plain['client']}-{number}"
        offers.append(_offer({**plain, "client": client}, kind, own))
    return offers[: limits.PROPOSAL_OFFERS_MAX]


def listen(settings: MqttSettings) -> Generator[Heard]:
    """Yield what comes until it is enough, or the time is over. Raises SourceUnreachable."""
    session = Session(settings, is_passing=True)
    try:
        ends = time.monotonic() + limits.MQTT_LOOK_SECONDS
        count = size = 0
        while count < limits.MQTT_LOOK_MESSAGES_MAX and size < limits.MQTT_BATCH_BYTES_MAX:
            message = session.take(max(0.0, ends - time.monotonic()))
            if message is None:
                return
            if message.qos:
                session.acknowledge([message.mid])
            count += 1
            size += len(message.payload)
            heard = _read(message)
            if heard is not None:
                yield heard
    finally:
        session.close()


def _read(message: Any) -> Heard | None:
    """Return a message as it can be mapped; None where it is no text."""
    moment = datetime.now(UTC).isoformat()
    try:
        topic, text = message.topic, bytes(message.payload).removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        return None
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        document = None
    found = document if isinstance(document, list) else [document]
    return Heard(topic, [flat(record) for record in found if isinstance(record, dict)], text.strip(), moment)


def _names(topic: str) -> tuple[re.Pattern[str], dict[int, str]]:
    """Return what topics a declared one means, and the names that it gives to levels."""
    named = {place: found[1] for place, level in enumerate(topic.split("/")) if (found := _NAMED.match(level))}
    return compile_topic(topic).pattern, named


def _sort(
    messages: Sequence[Heard], declared: Sequence[tuple[re.Pattern[str], dict[int, str]]]
) -> dict[_Kind, list[Heard]]:
    """Return the messages by their kinds, those that came most first."""
    lengths: dict[int, list[Heard]] = {}
    for one in messages:
        lengths.setdefault(one.topic.count("/"), []).append(one)
    kinds: dict[_Kind, list[Heard]] = {}
    for own in lengths.values():
        topics = [one.topic.split("/") for one in own]
        named = {place for pattern, names in declared if pattern.fullmatch(own[0].topic) for place in names}
        columns = {place for place in range(len(topics[0])) if place in named or _differs(topics, place)}
        for one, levels in zip(own, topics, strict=True):
            kept = tuple(None if place in columns else level for place, level in enumerate(levels))
            kinds.setdefault(_Kind(kept, one.is_json), []).append(one)
    return dict(sorted(kinds.items(), key=lambda item: -len(item[1])))


def _differs(topics: Sequence[Sequence[str]], place: int) -> bool:
    """Return whether a level says which thing a message is about: it has numbers in it, or many names."""
    names = {levels[place] for levels in topics}
    return len(names) > _NAMES_MAX or any(character.isdigit() for name in names for character in name)


def _offer(plain: Plain, kind: _Kind, messages: Sequence[Heard]) -> Offer:
    levels = dict(_name_levels(plain["topics"], kind, messages))
    topic = "/".join(f"{{{levels[place]}}}" if level is None else level for place, level in enumerate(kind.levels))
    words = [level for level in kind.levels if level is not None]
    members = _members(kind, messages, set(levels.values()), words)
    rows = [
        [*(one.topic.split("/")[place] for place in levels), *(record.get(name) for name in members), one.moment]
        for one in messages
        for record in (one.records if kind.is_json else [{members[0]: one.text}])
    ]
    columns = (*levels.values(), *members, _ARRIVED)
    facts = [look_at(name, at, [row[at] for row in rows]) for at, name in enumerate(columns)]
    clock = next((one.name for one in facts[:-1] if one.kind == DATE and one.filled == one.rows), None)
    read = {**plain, "topics": [topic], "columns": members, **({} if kind.is_json else {"payload": "text"})}
    if clock is None:
        read["arrived"] = clock = _ARRIVED
    else:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    named = list(levels.values()) or [name for name in members if set(words_of(name)) & _STATION_WORDS][:1]
    told = Told("the topic", key=(*named, clock) if named else (), time=clock)
    note = f"{len(messages):,} messages came within {limits.MQTT_LOOK_SECONDS:g} s at most; others may look otherwise."
    return Offer(" ".join(words) or "messages", read, len(rows), told, note, Sample(columns, rows, is_whole=False))


def _name_levels(topics: Sequence[str], kind: _Kind, messages: Sequence[Heard]) -> Iterator[tuple[int, str]]:
    """Yield the place and the name of each level that is a column: as declared, else by what stands there."""
    declared: dict[int, str] = {}
    for text in topics:
        pattern, names = _names(text)
        declared |= names if pattern.fullmatch(messages[0].topic) else {}
    taken: set[str] = set()
    for place, level in enumerate(kind.levels):
        if level is not None:
            continue
        beginnings = {_beginning(one.topic.split("/")[place]) for one in messages}
        before = kind.levels[place - 1] if place else None
        name = declared.get(place) or (beginnings.pop() if len(beginnings) == 1 else "") or before or "device"
        name = _NAME_SIGNS.sub("_", name)
        while name in taken:
            name += "2"
        taken.add(name)
        yield place, name


def _beginning(text: str) -> str:
    found = _LETTERS.match(text)
    return found[0].lower() if found is not None and len(found[0]) > 1 else ""


def _members(kind: _Kind, messages: Sequence[Heard], taken: set[str], words: Sequence[str]) -> list[str]:
    """Return the names of members that a mapping can use; of plain values the one name that they get."""
    if not kind.is_json:
        name = _NAME_SIGNS.sub("_", words[-1]) if words else "value"
        return [name if name not in taken else "value"]
    names = dict.fromkeys(name for one in messages for record in one.records for name in record)
    kept = [name for name in names if not _NAME_SIGNS.search(name) and name not in {*taken, _ARRIVED, ""}]
    return kept[: limits.SOURCE_COLUMNS_MAX] or ["value"]
