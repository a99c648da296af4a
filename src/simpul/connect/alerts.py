"""`alerts` in city.yaml: after how many failures, and who is told: a webhook, or people by e-mail. Nothing is sent."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import check_references
from simpul.connect.document import Node, Problem
from simpul.connect.fields import Field, Fields, Integer, ListOf, OneOrMany, Plain, Problems, Schema, Text

IDENTIFIER: Final = r"[a-z][a-z0-9_-]{0,63}"
_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,255}\Z")
_SERVERS: Final = ("smtp", "smtps")


def _check_webhook(text: str) -> str | None:
    if "${" in text:
        return check_references(text)
    return wrong_webhook(text)


def wrong_webhook(text: str) -> str | None:
    """Return what is wrong with the URL of a webhook, or None."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "the webhook is no URL; write https://…"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "the webhook is no URL; write https://…"
    return None


def _check_server(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in _SERVERS or not parts.hostname or parts.username or parts.path.strip("/"):
        return f"{text!r} is no mail server; write smtps://host (TLS), or smtp://host:587 (STARTTLS)"
    return None


def _check_address(text: str) -> str | None:
    return None if _ADDRESS.match(text) else f"{text!r} is no e-mail address"


def _check_secret(text: str) -> str | None:
    if "${" not in text:
        return "a password must not stand here; write ${env:NAME} or ${file:path} in its place"
    return check_references(text)


_MAIL_ADDRESS: Final = Text("an e-mail address", check=_check_address)
_AUTH: Final = Fields("auth", (
    Field("user", Text("text", check=check_references), "the user's name", required=True),
    Field("password", Text("a reference to a secret", check=_check_secret), "a reference to it", required=True),
))  # fmt: skip
_TARGET: Final = Fields("a target of alerts", (
    Field("name", Text("a name", pattern=IDENTIFIER), "its name", required=True),
    Field("sources", ListOf(Text("the id of a source"), least=1), "of which sources it is told; default: all"),
    Field("webhook", Text("a URL", check=_check_webhook), "a URL that gets a POST with JSON; one with a secret in it "
          "is a reference, `${env:NAME}`"),
    Field("email", OneOrMany(_MAIL_ADDRESS), "who gets an e-mail"),
    Field("from", _MAIL_ADDRESS, "who sends it"),
    Field("server", Text("a mail server", check=_check_server), "`smtps://host` (TLS, port 465) or `smtp://host` "
          "(STARTTLS, port 587); never without TLS"),
    Field("auth", _AUTH, "who sends: `user` and `password`"),
    Field("certificate", Text("a path"), "a file (PEM) with the certificate of who signed the mail server's"),
))  # fmt: skip
_FIELDS: Final = Fields("alerts", (
    Field("failures", Integer(1, limits.RUNS_KEPT_MAX), "how many runs in a row fail before it is an alert; default "
          f"{limits.ALERT_FAILURES_DEFAULT}"),
    Field("to", ListOf(_TARGET, most=limits.ALERT_TARGETS_MAX), "who is told when an alert begins and when it ends"),
))  # fmt: skip

_OF_MAIL: Final = ("from", "server")


class AlertRules:
    """What is alerted and to whom: each target has a name of its own, and is a webhook or e-mail."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        count = len(problems)
        plain = _FIELDS.read(node, problems)
        if plain is None or len(problems) > count:
            return None
        names: set[str] = set()
        for target in plain.get("to", ()):
            wrong = _wrong_target(target)
            if target["name"] in names:
                wrong = "two targets have this name"
            names.add(target["name"])
            if wrong is not None:
                problems.append(Problem(node.place_of("to"), f"{target['name']}: {wrong}"))
        return plain if len(problems) == count else None

    def schema(self) -> Schema:
        return _FIELDS.schema()


def _wrong_target(target: Plain) -> str | None:
    if ("webhook" in target) == ("email" in target):
        return "a target is either a webhook or has e-mail addresses"
    if "webhook" in target:
        others = [key for key in (*_OF_MAIL, "auth", "certificate") if key in target]
        return f"{others[0]!r} is for e-mail; leave it out" if others else None
    missing = [key for key in _OF_MAIL if key not in target]
    return f"e-mail needs {missing[0]!r}" if missing else None
