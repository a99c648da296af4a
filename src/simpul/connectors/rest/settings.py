"""What stands under `read:` of a `rest` source. No fetching here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simpul import limits
from simpul.connect.connector import Surroundings
from simpul.connect.fields import Choice, Field, Fields, Integer, ListOf, OneOrMany, Plain, Text
from simpul.connect.service import ASKING, MANNERS, QUERY, check_service, parse_service, url_field
from simpul.fetching import Service

_PAGE_ROWS_MAX: Final = 1_000_000


def _check_path(text: str) -> str | None:
    return None if all(text.split(".")) else f"{text!r} is no path; write names with dots between, such as data.items"


_PATH: Final = Text("a path of names, such as data.items", check=_check_path)

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
    url_field("where the list is asked for, without secrets"),
    QUERY,
    *ASKING,
    Field("list", OneOrMany(_PATH), "where in the answer the list is (`data.items`), or several places, of which "
          "the first that is there counts; default: found out"),
    Field("columns", ListOf(_PATH, 1, limits.SOURCE_COLUMNS_MAX), "columns that the first page may lack"),
    Field("pages", _PAGES, "how a long list is asked for in pages; default: it comes whole"),
    *MANNERS,
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
    yield from check_service(plain)
    pages = plain.get("pages", {})
    if pages.get("style") == "cursor" and "next" not in pages:
        yield "pages", "pages with a cursor need 'next': where the answer holds the mark of the next page"
    if "size_parameter" in pages and "size" not in pages:
        yield "pages", "'size_parameter' needs 'size': how many rows to ask for"


def parse_settings(plain: Plain, surroundings: Surroundings) -> RestSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    return RestSettings(
        service=parse_service(plain, surroundings),
        query={name: surroundings.resolve(value) for name, value in plain.get("query", {}).items()},
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
