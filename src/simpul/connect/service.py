"""A service that a source is fetched from over HTTP: the keys that say where it is and who asks. No fetching here.

Kinds that ask a service have these keys under `read:` beside their own. Secrets are references, never themselves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Boolean, Field, Fields, Integer, MappingOf, Number, Plain, Text
from simpul.domain.errors import SourceMisconfigured
from simpul.fetching import Service

SECRET_NAME: Final = re.compile(
    r"auth|token|secret|passw|pwd|sandi|cookie|session|(?:^|[_-])key|api-?key", re.IGNORECASE
)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_URL: Final = re.compile(r"https?://[^/\s]+")
_USE_REFERENCE: Final = "put it into the environment and write ${env:NAME} in its place, or ${file:path} for a file"
_RATE_MAX: Final = 1_000


def check_url(text: str) -> str | None:
    """Return what is wrong with a URL, or None; one that begins with a reference is looked at when it is filled in."""
    wrong = check_references(text)
    if wrong is not None:
        return wrong
    if re.fullmatch(r"\$\{[^{}]*\}.*", text):
        return None
    if not _URL.match(text):
        return f"{text!r} is no URL; write http://… or https://…"
    parts = urlsplit(text)
    if "@" in parts.netloc:
        return "the URL holds a user or a password; write them under 'auth'"
    for name, value in parse_qsl(parts.query):
        if SECRET_NAME.search(name) and not _REFERENCE.search(value):
            return f"the URL holds a secret ({name}), and YAML files are shared; {_USE_REFERENCE}"
    return None


def check_secret(text: str) -> str | None:
    """Return what is wrong with a reference to a secret, or None."""
    if not _REFERENCE.search(text):
        return f"a secret must not stand here, because YAML files are shared; {_USE_REFERENCE}"
    return check_references(text)


SECRET: Final = Text("a reference to a secret", check=check_secret)
REFERRING: Final = Text("text", check=check_references)

_AUTH: Final = Fields("auth", (
    Field("token", SECRET, "sent as `Authorization: Bearer …`; a reference, never the token itself"),
    Field("user", REFERRING, "with `password`: HTTP's basic authentication"),
    Field("password", SECRET, "a reference, never the password itself"),
    Field("header", Text("the name of a header", pattern=r"[A-Za-z0-9-]+"), "with `value`: a header of its own"),
    Field("value", SECRET, "a reference to what the header says"),
))  # fmt: skip

QUERY: Final = Field("query", MappingOf(REFERRING, "parameters"), "parameters of the URL; secrets as references")
# Who asks.
ASKING: Final = (
    Field("headers", MappingOf(REFERRING, "headers"), "headers that are sent along; secrets as references"),
    Field("auth", _AUTH, "who asks: `token`, `user` and `password`, or `header` and `value`"),
)
# At which pace, how long is waited, and whom to believe.
MANNERS: Final = (
    Field("requests_per_second", Number(), "how often the service may be asked; default: as fast as it answers"),
    Field("timeout", Integer(1, 600), "seconds that an answer may take; default 30"),
    Field("private", Boolean(), "true: the service is in a private network, or on this machine"),
    Field("certificate", Text("a path", check=check_references), "a file (PEM) with the certificate of "
          "the service, or of who signed it, where no public authority vouches for it"),
    Field("self_signed", Boolean(), "true: believe any certificate; a `certificate` is safer"),
)  # fmt: skip


def url_field(doc: str, *, required: bool = True) -> Field:
    """Return the key that says where the service is."""
    return Field("url", Text("a URL", check=check_url), doc, required=required)


def check_service(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a service beyond single keys."""
    for key in ("query", "headers"):
        for name, value in plain.get(key, {}).items():
            if SECRET_NAME.search(name) and not _REFERENCE.search(value):
                yield key, f"{name} looks like a secret, and YAML files are shared; {_USE_REFERENCE}"
    auth = plain.get("auth", {})
    if "auth" in plain and sorted(auth) not in (["token"], ["password", "user"], ["header", "value"]):
        yield "auth", "'auth' needs one of: 'token'; 'user' and 'password'; 'header' and 'value'"
    rate = plain.get("requests_per_second", 1)
    if not 0 < rate <= _RATE_MAX:
        yield (
            "requests_per_second",
            f"it must be more than 0 and at most {_RATE_MAX:,}; 0.5 is one request in two seconds",
        )
    if plain.get("self_signed") and "certificate" in plain:
        yield "self_signed", "with a 'certificate' nothing else is believed; leave 'self_signed' out"


def parse_service(plain: Plain, surroundings: Surroundings, added: Mapping[str, str] | None = None) -> Service:
    """Return the service, with its secrets filled in and headers of the kind's own. Raises SourceMisconfigured."""
    fill = surroundings.resolve
    url = fill(plain["url"])
    if not _URL.match(url):
        raise SourceMisconfigured("The URL of the source is none once its references are filled in; write https://….")
    headers = {**(added or {}), **{name: fill(value) for name, value in plain.get("headers", {}).items()}}
    auth = {name: fill(value) for name, value in plain.get("auth", {}).items()}
    if "token" in auth:
        headers["Authorization"] = f"Bearer {auth['token']}"
    if "header" in auth:
        headers[auth["header"]] = auth["value"]
    certificate = plain.get("certificate")
    return Service(
        url=url,
        headers=headers,
        auth=(auth["user"], auth["password"]) if "user" in auth else None,
        certificate=None if certificate is None else surroundings.path(fill(certificate)),
        is_self_signed=plain.get("self_signed", False),
        is_private=plain.get("private", False),
        requests_per_second=plain.get("requests_per_second"),
        timeout_seconds=plain.get("timeout", limits.SOURCE_TIMEOUT_SECONDS),
    )


def settings_of_url(where: str, _surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a URL: what is secret in it stands apart, as references."""
    parts = urlsplit(where)
    secrets: dict[str, str] = {}
    host = (parts.hostname or "service").split(".")[0]
    stem = re.sub(r"[^A-Z0-9]+", "_", host.upper()).strip("_")
    stem = stem if stem[:1].isalpha() else "SERVICE"
    plain: Plain = {}
    if parts.username is not None:
        password = parts.password or ""
        if not _REFERENCE.fullmatch(password):
            secrets[f"{stem}_PASSWORD"] = password
            password = f"${{env:{stem}_PASSWORD}}"
        plain["auth"] = {"user": parts.username, "password": password}
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        hidden = f"{stem}_{re.sub(r'[^A-Z0-9]+', '_', name.upper())}"
        if SECRET_NAME.search(name) and not _REFERENCE.search(value):
            secrets[hidden] = value
            value = f"${{env:{hidden}}}"
        query[name] = value
    netloc = parts.netloc.rpartition("@")[2]
    plain["url"] = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
    if query:
        plain["query"] = query
    if is_private_host(parts.hostname or ""):
        plain["private"] = True
    return plain, secrets


def is_private_host(host: str) -> bool:
    """Return whether a host is written as an address of a private network, or is this machine."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost"
