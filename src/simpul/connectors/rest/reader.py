"""Reads lists of records, page by page: the next page is asked for when the rows of this one are taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

import httpx2
import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.rest import errors
from simpul.connectors.rest.settings import Pages, RestSettings, parse_settings
from simpul.domain.errors import SourceMismatch
from simpul.fetching import Answer, Fetcher, shown_url

_LINK_NEXT: Final = re.compile(r'<([^>]*)>[^,]*?;\s*rel="?next"?', re.IGNORECASE)
_MESSAGES: Final = ("error", "message", "pesan", "detail")
_KEY: Final = "@key"
_NOTHING: Final = (None, "", False)


class RestReading:
    """The records of one list."""

    def __init__(self, settings: RestSettings) -> None:
        self.row_word = "record"
        self.rows_expected: int | None = None
        self._settings = settings
        self._where = shown_url(settings.service.url)
        self._fetcher = Fetcher(settings.service)
        self._digest = b""
        try:
            self._answer = self._fetch(self._first_url())
            self._document = decode_answer(self._where, self._answer)
            self._rows = find_rows(self._document, settings.lists, self._where)
        except BaseException:
            self._fetcher.close()
            raise
        names = dict.fromkeys(name for row in self._rows if isinstance(row, dict) for name in flat(row))
        self.columns: tuple[str, ...] = tuple(dict.fromkeys([*names, *settings.columns]))[: limits.SOURCE_COLUMNS_MAX]
        if settings.pages is None:
            self.rows_expected = len(self._rows)
        else:
            self.rows_expected = self._total(settings.pages)

    def _first_url(self) -> str:
        settings, pages = self._settings, self._settings.pages
        parameters = dict(settings.query)
        if pages is not None and pages.size_parameter is not None:
            parameters[pages.size_parameter] = str(pages.size)
        if pages is not None and pages.style == "page":
            parameters[pages.parameter] = str(pages.first)
        if pages is not None and pages.style == "offset":
            parameters[pages.parameter] = "0"
        return with_parameters(settings.service.url, parameters)

    def _fetch(self, url: str) -> Answer:
        return self._fetcher.get(url)

    def _total(self, pages: Pages) -> int | None:
        if pages.total_path is None:
            return None
        total = find(self._document, pages.total_path)
        try:
            return int(total)
        except (TypeError, ValueError):
            return None

    def rows(self) -> Iterator[Row | BrokenRow]:
        number, page = 0, 1
        columns = self.columns
        while True:
            for row in self._rows:
                number += 1
                if isinstance(row, dict):
                    cells = flat(row)
                    yield Row(number, [cells.get(name) for name in columns])
                else:
                    raw = msgspec.json.encode(row)[: limits.REJECT_RAW_BYTES_MAX].decode(errors="replace")
                    yield BrokenRow(number, "it is no record: a record has names and values", {"record": raw})
            url = self._next_url(number, page)
            if url is None:
                break
            page += 1
            if page > limits.REST_PAGES_MAX:
                raise errors.too_many_pages(self._where, limits.REST_PAGES_MAX)
            self._turn(url, page)
        if self.rows_expected is not None and number < self.rows_expected:
            raise errors.missing_rows(self._where, self.rows_expected, number)

    def _turn(self, url: str, page: int) -> None:
        """Put the page of this URL into hand."""
        self._answer = self._fetch(url)
        self._document = decode_answer(self._where, self._answer)
        rows = find_rows(self._document, self._settings.lists, self._where, may_be_empty=True)
        pages = self._settings.pages
        # The wrapper may tell the number of the page, so the rows alone are compared.
        digest = blake2b(msgspec.json.encode(rows), digest_size=16).digest()
        if rows and pages is not None and digest == self._digest:
            raise errors.same_page(self._where, pages.parameter, page)
        self._digest, self._rows = digest, rows

    def _next_url(self, count: int, page: int) -> str | None:
        """Return the URL of the next page, or None where this is the last one."""
        pages = self._settings.pages
        if pages is None or not self._rows:
            return None
        if page == 1:
            self._digest = blake2b(msgspec.json.encode(self._rows), digest_size=16).digest()
        if pages.more_path is not None and find(self._document, pages.more_path) in (*_NOTHING, 0, "false"):
            return None
        if pages.style in ("page", "offset"):
            if self._is_last(pages, count):
                return None
            value = pages.first + page if pages.style == "page" else count
            return with_parameters(self._first_url(), {pages.parameter: str(value)})
        found = self._link(pages) if pages.style == "link" else find(self._document, pages.next_path or "")
        if found in _NOTHING:
            return None
        if pages.style == "cursor":
            return with_parameters(self._first_url(), {pages.parameter: str(found)})
        url = str(httpx2.URL(self._answer.url).join(str(found)))
        self._fetcher.raise_unless_same_host(url)
        return url

    def _is_last(self, pages: Pages, count: int) -> bool:
        if self.rows_expected is not None:
            return count >= self.rows_expected
        return pages.more_path is None and pages.size is not None and len(self._rows) < pages.size

    def _link(self, pages: Pages) -> Any:
        if pages.next_path is not None:
            return find(self._document, pages.next_path)
        found = _LINK_NEXT.search(self._answer.headers.get("link", ""))
        return None if found is None else found[1]

    def close(self) -> None:
        self._rows = []
        self._document = None
        self._fetcher.close()


def decode_answer(where: str, answer: Answer) -> Any:
    """Return the document of an answer. Raises SourceMismatch."""
    if not answer.body:
        return []
    try:
        return msgspec.json.decode(answer.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.not_json(where, answer.body, str(error)) from error


def find(document: Any, path: str) -> Any:
    """Return what stands at a path of names (`data.items`; numbers count in lists), or None."""
    for name in path.split("."):
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def find_rows(document: Any, lists: tuple[str, ...], where: str, *, may_be_empty: bool = False) -> list[Any]:
    """Return the list of records in an answer. Raises SourceMismatch."""
    if lists:
        named = (_as_rows(find(document, path)) for path in lists)
        rows = next((found for found in named if found is not None), None)
        if rows is not None:
            return rows
        raise _told(document, where) or errors.no_list(where, lists, [path for path, _ in list_places(document)])
    if isinstance(document, list):
        return document
    places = list(list_places(document))
    filled = [rows for _, rows in places if rows] or [rows for _, rows in places]
    if len(filled) == 1 or (may_be_empty and not any(filled)):
        return filled[0] if filled else []
    raise _told(document, where) or errors.no_list(where, (), [path for path, _ in places])


def _as_rows(found: Any) -> list[Any] | None:
    if isinstance(found, list):
        return found
    if isinstance(found, dict) and all(isinstance(value, dict) for value in found.values()):
        # Records under their keys: {"13.71": {…}, …}.
        return [{_KEY: key, **value} for key, value in found.items()]
    return None


def list_places(document: Any, above: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of records in an answer, with their paths; those inside records are not meant."""
    if not isinstance(document, dict) or depth > limits.REST_DEPTH_MAX:
        return
    for name, value in document.items():
        path = f"{above}{name}"
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            yield path, value
        else:
            yield from list_places(value, f"{path}.", depth + 1)


def _told(document: Any, where: str) -> SourceMismatch | None:
    if not isinstance(document, dict):
        return None
    message = next((document[name] for name in _MESSAGES if isinstance(document.get(name), str)), None)
    return None if message is None else errors.refused(where, message)


def flat(record: Mapping[str, Any], above: str = "", depth: int = 0) -> dict[str, Any]:
    """Return a record with its members' members beside them: `{"a": {"b": 1}}` is `{"a.b": 1}`; GeoJSON stays whole."""
    cells: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and depth < limits.REST_DEPTH_MAX and not _is_geometry(value):
            cells |= flat(value, f"{above}{name}.", depth + 1)
        else:
            cells[f"{above}{name}"] = value
    return cells


def _is_geometry(value: Mapping[str, Any]) -> bool:
    return "type" in value and ("coordinates" in value or "geometries" in value)


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with these parameters set."""
    return str(httpx2.URL(url).copy_merge_params(parameters)) if parameters else url


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the first page in hand. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    return RestReading(parse_settings(plain, surroundings))
