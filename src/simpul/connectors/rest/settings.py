"""What stands under `read:` of a `rest` source. No fetching here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import (
    Boolean,
    Choice,
    Field,
    Fields,
    Integer,
    ListOf,
    MappingOf,
    Number,
    OneOrMany,
    Plain,
    Text,
)
from simpul.domain.errors import SourceMisconfigured
from simpul.fetching import Service

SECRET_NAME: Final = re.compile(
    r"auth|token|secret|passw|pwd|sandi|cookie|session|(?:^|[_-])key|api-?key", re.IGNORECASE
)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_USE_REFERENCE: Final = "put it into the environment and write ${env:NAME} in its place, or ${file:path} for a file"
_PAGE_ROWS_MAX: Final = 1_000_000
_RATE_MAX: Final = 1_000


def _check_url(text: str) -> str | None:
    wrong = check_references(text)
    if wrong is not None:
        return wrong
    if re.fullmatch(r"\$\{[^{}]*\}.*", text):
        return None
    if not re.match(r"https?://[^/\s]+", text):
        return f"{text!r} is no URL; write http://… or https://…"
    parts = urlsplit(text)
    if "@" in parts.netloc:
        return "the URL holds a user or a password; write them under 'auth'"
    for name, value in parse_qsl(parts.query):
        if SECRET_NAME.search(name) and not _REFERENCE.search(value):
            return f"the URL holds a secret ({name}), and YAML files are shared; {_USE_REFERENCE}"
    return None


def _check_secret(text: str) -> str | None:
    if not _REFERENCE.search(text):
        return f"a secret must not stand here, because YAML files are shared; {_USE_REFERENCE}"
    return check_references(text)


def _check_path(text: str) -> str | None:
    return None if all(text.split(".")) else f"{text!r} is no path; write names with dots between, such as data.items"


_SECRET: Final = Text("a reference to a secret", check=_check_secret)
_PATH: Final = Text("a path of names, such as data.items", check=_check_path)
_TEXT: Final = Text("text", check=check_references)

_AUTH: Final = Fields("auth", (
    Field("token", _SECRET, "sent as `Authorization: Bearer …`; a reference, never the token itself"),
    Field("user", _TEXT, "with `password`: HTTP's basic authentication"),
    Field("password", _SECRET, "a reference, never the password itself"),
    Field("header", Text("the name of a header", pattern=r"[A-Za-z0-9-]+"), "with `value`: a header of its own"),
    Field("value", _SECRET, "a reference to what the header says"),
))  # fmt: skip

_PAGES: Final = Fields("pages", (
    Field("style", Choice(("page", "offset", "cursor", "link")), "how the next page is asked for: by its number, by "
          "the number of rows before it, by a mark or by a URL that the answer holds", required=True),
    Field("parameter", Text(), "page, offset, cursor: the parameter; default: the style's name"),
    Field("first", Integer(0, 1), "page: the number of the first one; default 1"),
    Field("size", Integer(1, _PAGE_ROWS_MAX), "how many rows a page has; a page with fewer is the last one"),
    Field("size_parameter", Text(), "the parameter that asks for `size` rows, such as per_page or limit"),
    Field("next", _PATH, "cursor, link: where the answer holds the next mark or URL; default of link: the Link header"),
    Field("more", _PATH, "where the answer says whether there is another page, such as pagination.has_next"),
    Field("total", _PATH, "where the answer says how many rows there are in all"),
))  # fmt: skip

FIELDS: Final = Fields("read of a rest source", (
    Field("url", Text("a URL", check=_check_url), "where the list is asked for, without secrets", required=True),
    Field("query", MappingOf(_TEXT, "parameters"), "parameters of the URL; secrets as references"),
    Field("headers", MappingOf(_TEXT, "headers"), "headers that are sent along; secrets as references"),
    Field("auth", _AUTH, "who asks: `token`, `user` and `password`, or `header` and `value`"),
    Field("list", OneOrMany(_PATH), "where in the answer the list is (`data.items`), or several places, of which "
          "the first that is there counts; default: found out"),
    Field("columns", ListOf(_PATH, 1, limits.SOURCE_COLUMNS_MAX), "columns that the first page may lack"),
    Field("pages", _PAGES, "how a long list is asked for in pages; default: it comes whole"),
    Field("requests_per_second", Number(), "how often the service may be asked; default: as fast as it answers"),
    Field("timeout", Integer(1, 600), "seconds that an answer may take; default 30"),
    Field("private", Boolean(), "true: the service is in a private network, or on this machine"),
    Field("certificate", Text("a path", check=check_references), "a file (PEM) with the certificate of "
          "the service, or of who signed it, where no public authority vouches for it"),
    Field("self_signed", Boolean(), "true: believe any certificate; a `certificate` is safer"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pages:
    """How pages are asked for."""

    style: str
    parameter: str
    first: int = 1
    size: int | None = None
    size_parameter: str | None = None
    next_path: str | None = None
    more_path: str | None = None
    total_path: str | None = None


@dataclass(frozen=True, slots=True)
class RestSettings:
    """The settings, typed, with the secrets filled in."""

    service: Service
    query: Mapping[str, str]
    lists: tuple[str, ...]
    columns: tuple[str, ...]
    pages: Pages | None


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    yield from _check_secrets(plain)
    auth = plain.get("auth", {})
    if "auth" in plain and sorted(auth) not in (["token"], ["password", "user"], ["header", "value"]):
        yield "auth", "'auth' needs one of: 'token'; 'user' and 'password'; 'header' and 'value'"
    pages = plain.get("pages", {})
    if pages.get("style") == "cursor" and "next" not in pages:
        yield "pages", "pages with a cursor need 'next': where the answer holds the mark of the next page"
    if "size_parameter" in pages and "size" not in pages:
        yield "pages", "'size_parameter' needs 'size': how many rows to ask for"
    rate = plain.get("requests_per_second", 1)
    if not 0 < rate <= _RATE_MAX:
        yield (
            "requests_per_second",
            f"it must be more than 0 and at most {_RATE_MAX:,}; 0.5 is one request in two seconds",
        )
    if plain.get("self_signed") and "certificate" in plain:
        yield "self_signed", "with a 'certificate' nothing else is believed; leave 'self_signed' out"


def _check_secrets(plain: Plain) -> Iterator[tuple[str, str]]:
    for key in ("query", "headers"):
        for name, value in plain.get(key, {}).items():
            if SECRET_NAME.search(name) and not _REFERENCE.search(value):
                yield key, f"{name} looks like a secret, and YAML files are shared; {_USE_REFERENCE}"


def parse_settings(plain: Plain, surroundings: Surroundings) -> RestSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    fill = surroundings.resolve
    url = fill(plain["url"])
    if not re.match(r"https?://[^/\s]+", url):
        raise SourceMisconfigured("The URL of the source is none once its references are filled in; write https://….")
    headers = {name: fill(value) for name, value in plain.get("headers", {}).items()}
    auth = {name: fill(value) for name, value in plain.get("auth", {}).items()}
    if "token" in auth:
        headers["Authorization"] = f"Bearer {auth['token']}"
    if "header" in auth:
        headers[auth["header"]] = auth["value"]
    certificate = plain.get("certificate")
    service = Service(
        url=url,
        headers=headers,
        auth=(auth["user"], auth["password"]) if "user" in auth else None,
        certificate=None if certificate is None else surroundings.path(fill(certificate)),
        is_self_signed=plain.get("self_signed", False),
        is_private=plain.get("private", False),
        requests_per_second=plain.get("requests_per_second"),
        timeout_seconds=plain.get("timeout", limits.SOURCE_TIMEOUT_SECONDS),
    )
    return RestSettings(
        service=service,
        query={name: fill(value) for name, value in plain.get("query", {}).items()},
        lists=tuple(plain.get("list", ())),
        columns=tuple(plain.get("columns", ())),
        pages=_pages(plain["pages"]) if "pages" in plain else None,
    )


def _pages(plain: dict[str, Any]) -> Pages:
    return Pages(
        style=plain["style"],
        parameter=plain.get("parameter", plain["style"]),
        first=plain.get("first", 1),
        size=plain.get("size"),
        size_parameter=plain.get("size_parameter"),
        next_path=plain.get("next"),
        more_path=plain.get("more"),
        total_path=plain.get("total"),
    )
