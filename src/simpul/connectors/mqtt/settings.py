"""What stands under `read:` of an `mqtt` source, and what a topic says. No connecting here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Boolean, Choice, Field, Fields, Integer, ListOf, OneOrMany, Plain, Text
from simpul.domain.errors import SourceMisconfigured

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_COLUMN_LEVEL: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_NAME: Final = r"[^\s{}+#/]+"
_TOPICS_DECLARED_MAX: Final = 100


def _check_broker(text: str) -> str | None:
    wrong = check_references(text)
    if wrong is not None or _REFERENCE.search(text):
        # With its references filled in it is looked at again.
        return wrong
    return _wrong_broker(text)


def _wrong_broker(text: str) -> str | None:
    if "@" in text:
        return "the address holds a user or a password; write them under 'auth'"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return f"{text!r} has no port that is one; write mqtt://host:1883"
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return f"{text!r} is no broker; write mqtts://host or mqtt://host:1883"
    if parts.path.strip("/") or parts.query or parts.fragment:
        return "the address ends with the host and its port; write what to read under 'topics'"
    return None


def _check_secret(text: str) -> str | None:
    if not _REFERENCE.search(text):
        return (
            "a secret must not stand here, because YAML files are shared; put it into the environment and write "
            "${env:NAME} in its place, or ${file:path} for a file"
        )
    return check_references(text)


def _check_topic(text: str) -> str | None:
    if not text:
        return "a topic has at least one character; # stands for all of them"
    if text.startswith("$share/"):
        return "a shared subscription divides the messages among readers; write the topic itself"
    levels = text.split("/")
    for position, level in enumerate(levels):
        if level == "#" and position < len(levels) - 1:
            return f"{text!r}: # stands for all that follows, so it must be the last level"
        if level in ("+", "#") or _COLUMN_LEVEL.fullmatch(level):
            continue
        if re.search(r"[+#{}\x00]", level):
            return f"{text!r}: a level is a name, +, or {{column}} as a whole, not {level!r}"
    return None


_SECRET: Final = Text("a reference to a secret", check=_check_secret)
_TEXT: Final = Text("text", check=check_references)
_COLUMN: Final = Text("the name of a column", pattern=_NAME)

_AUTH: Final = Fields("auth", (
    Field("user", _TEXT, "the user's name", required=True),
    Field("password", _SECRET, "a reference, never the password itself", required=True),
))  # fmt: skip

FIELDS: Final = Fields("read of an mqtt source", (
    Field("broker", Text("a broker", check=_check_broker), "where the broker is: `mqtts://host` (TLS, port 8883) or "
          "`mqtt://host` (port 1883), with another port behind a colon", required=True),
    Field("client", Text("a name of letters, digits, _ and -", pattern=r"[A-Za-z0-9_-]{1,64}"), "the name under which "
          "the broker keeps what waits for this source; no other source, hub or program may use it", required=True),
    Field("topics", OneOrMany(Text("a topic", check=_check_topic)), "which messages are read: `hujan/{pos}/curah` "
          "makes the level a column, `+` is any level, `#` all that follow; after a change give another `client`",
          required=True),
    Field("payload", Choice(("json", "text")), "what a message is: a record in JSON (or a list of them), or one plain "
          "value; default json"),
    Field("columns", ListOf(_COLUMN, 1, limits.SOURCE_COLUMNS_MAX), "json: the members of a record that are columns, "
          "`sensor.suhu` for one inside another; text: the one name of the column with the value", required=True),
    Field("topic", _COLUMN, "the name of a column with the whole topic"),
    Field("arrived", _COLUMN, "the name of a column with the moment at which a message came to us, for devices "
          "without a clock; a message that comes twice then counts twice"),
    Field("auth", _AUTH, "who reads: `user` and `password`"),
    Field("messages", Integer(1, limits.MQTT_MESSAGES_MAX), "how many messages are taken at once at most, and "
          "acknowledged together; default 1000"),
    Field("seconds", Integer(1, 60), "how long a batch is gathered at most; default 5"),
    Field("version", Choice(("5", "3.1.1")), "the version of MQTT; default 5"),
    Field("timeout", Integer(1, 600), "seconds that an answer may take; default 30"),
    Field("private", Boolean(), "true: the broker is in a private network, or on this machine"),
    Field("certificate", Text("a path", check=check_references), "a file (PEM) with the certificate of the broker, or "
          "of who signed it, where no public authority vouches for it"),
    Field("self_signed", Boolean(), "true: believe any certificate; a `certificate` is safer"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """One declared topic: what the broker is asked for, and which levels are columns."""

    wanted: str
    names: tuple[str, ...]
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The settings, typed, with the secrets filled in."""

    host: str
    port: int
    is_tls: bool
    client: str
    topics: tuple[Topic, ...]
    is_json: bool
    members: tuple[str, ...]
    topic_column: str | None
    arrived_column: str | None
    auth: tuple[str, str] | None
    messages: int
    seconds: float
    is_version_5: bool
    timeout_seconds: float
    is_private: bool
    certificate: Path | None
    is_self_signed: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns: levels of topics, members, and what is added."""
        levels = (name for topic in self.topics for name in topic.names)
        added = (name for name in (self.topic_column, self.arrived_column) if name is not None)
        return tuple(dict.fromkeys([*levels, *self.members, *added]))

    @property
    def where(self) -> str:
        """Return the broker for a message: without user and password."""
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{self.host}:{self.port}"


def compile_topic(text: str) -> Topic:
    """Return a checked topic, compiled."""
    wanted, names, pattern = [], [], ""
    for position, level in enumerate(text.split("/")):
        slash = "/" if position else ""
        column = _COLUMN_LEVEL.fullmatch(level)
        if column is not None:
            names.append(column[1])
        if level == "#":
            # `hujan/#` means `hujan` as well.
            pattern += f"(?:{slash}.*)?"
        elif level == "+" or column is not None:
            pattern += f"{slash}([^/]*)" if column is not None else f"{slash}[^/]*"
        else:
            pattern += slash + re.escape(level)
        wanted.append("+" if column is not None else level)
    return Topic("/".join(wanted), tuple(names), re.compile(pattern, re.DOTALL))


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    topics = plain["topics"]
    if len(topics) > _TOPICS_DECLARED_MAX:
        yield "topics", f"there are {len(topics)} topics; write at most {_TOPICS_DECLARED_MAX}, with + and #"
    levels: set[str] = set()
    for text in topics:
        names = _COLUMN_LEVEL.findall(text)
        if len(names) != len(set(names)):
            yield "topics", f"{text!r} names a column twice"
        levels.update(names)
    others = [*plain["columns"], *(plain[key] for key in ("topic", "arrived") if key in plain)]
    twice = sorted({name for name in others if name in levels or others.count(name) > 1})
    if twice:
        yield "columns", f"two columns would have the name {twice[0]!r}"
    if plain.get("payload") == "text" and len(plain["columns"]) != 1:
        yield "columns", "a plain value is one column; write its one name, such as columns: [nilai]"
    is_tls = not plain["broker"].startswith("mqtt:")
    if not is_tls and ("certificate" in plain or "self_signed" in plain):
        yield "broker", "a certificate needs TLS; write mqtts://…"
    if plain.get("self_signed") and "certificate" in plain:
        yield "self_signed", "with a 'certificate' nothing else is believed; leave 'self_signed' out"


def parse_settings(plain: Plain, surroundings: Surroundings) -> MqttSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    fill = surroundings.resolve
    broker = fill(plain["broker"])
    if _wrong_broker(broker) is not None:
        raise SourceMisconfigured(
            "The broker of the source is none once its references are filled in; write mqtts://host, without a user."
        )
    parts = urlsplit(broker)
    auth, certificate = plain.get("auth"), plain.get("certificate")
    return MqttSettings(
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "mqtts",
        client=plain["client"],
        topics=tuple(compile_topic(text) for text in plain["topics"]),
        is_json=plain.get("payload", "json") == "json",
        members=tuple(plain["columns"]),
        topic_column=plain.get("topic"),
        arrived_column=plain.get("arrived"),
        auth=None if auth is None else (fill(auth["user"]), fill(auth["password"])),
        messages=plain.get("messages", 1_000),
        seconds=plain.get("seconds", 5),
        is_version_5=plain.get("version", "5") == "5",
        timeout_seconds=plain.get("timeout", limits.SOURCE_TIMEOUT_SECONDS),
        is_private=plain.get("private", False),
        certificate=None if certificate is None else surroundings.path(fill(certificate)),
        is_self_signed=plain.get("self_signed", False),
    )
