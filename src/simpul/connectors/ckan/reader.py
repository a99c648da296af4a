"""Reads resources of a portal: records of its datastore page by page, or its file as other kinds read such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx2
import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.ckan import errors
from simpul.connectors.ckan.resources.several import SeveralReading
from simpul.connectors.ckan.settings import CkanSettings, parse_settings
from simpul.connectors.geo.reader import open_reading as open_geo
from simpul.connectors.rest.reader import decode_answer, find_rows, flat
from simpul.connectors.table.reader import open_reading as open_table
from simpul.domain.errors import SourceError, SourceMismatch
from simpul.fetching import Answer, Fetcher, shown_url

Resource = Mapping[str, Any]

_ACTIONS: Final = "/api/3/action/"
_TABLES: Final = frozenset({"csv", "tsv", "txt", "xlsx", "xls", "xlsm", "ods"})
_JSON: Final = "json"
_GEOJSON: Final = "geojson"
_READ: Final = _TABLES | {_JSON, _GEOJSON}
# The portal's own number of a record, and its index for searching.
_ID: Final = "_id"
_OWN: Final = frozenset({_ID, "_full_text"})


class Portal:
    """The Action API of a portal. Used from one thread only."""

    def __init__(self, settings: CkanSettings) -> None:
        self.url = settings.service.url
        self.where = shown_url(self.url)
        self._asked_for = ""
        self.fetcher = Fetcher(settings.service, self._refused)

    def _refused(self, _status: int, body: bytes) -> SourceError | None:
        return errors.refused(self.where, self._asked_for, body)

    def ask(self, action: str, parameters: Mapping[str, str], what: str) -> dict[str, Any]:
        """Return the result of an action. Raises SourceUnreachable, SourceMismatch."""
        self._asked_for = what
        answer = self.fetcher.get(str(httpx2.URL(self.url + _ACTIONS + action).copy_merge_params(parameters)))
        refused = errors.refused(self.where, what, answer.body)
        if refused is not None:
            raise refused
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = msgspec.json.decode(answer.body)
            if isinstance(found, dict) and isinstance(found.get("result"), dict):
                return cast("dict[str, Any]", found["result"])
        raise errors.no_answer(self.where, answer.body)

    def download(self, url: str, path: Path, what: str) -> None:
        """Fetch a file. Raises SourceUnreachable, SourceMismatch."""
        self._asked_for = what
        try:
            self.fetcher.raise_unless_same_host(url)
        except SourceMismatch as error:
            raise errors.elsewhere(self.where, what, shown_url(url)) from error
        with path.open("w+b") as file:
            self.fetcher.download(url, file, limits.DOWNLOAD_BYTES_MAX)

    def close(self) -> None:
        """Let go of connections."""
        self.fetcher.close()

    def find_resource(self, settings: CkanSettings) -> tuple[Resource, str]:
        """Return the resource that is meant, and how messages call it. Raises SourceUnreachable, SourceMismatch."""
        if settings.dataset is None:
            what = f"the resource {settings.resource!r}"
            resource: Resource = self.ask("resource_show", {"id": settings.resource or ""}, what)
        else:
            resource = self._pick(self._list_resources(settings.dataset), settings.dataset, settings.resource)
            what = f"the resource {_name_of(resource)!r}"
        if resource.get("state") == "deleted":
            raise errors.is_deleted(self.where, what)
        return resource, what

    def _list_resources(self, dataset: str) -> list[Resource]:
        what = f"the dataset {dataset!r}"
        found = self.ask("package_show", {"id": dataset}, what)
        if found.get("state") == "deleted":
            raise errors.is_deleted(self.where, what)
        return [one for one in found.get("resources") or () if isinstance(one, dict)]

    def choose_resources(self, settings: CkanSettings) -> list[Resource]:
        """Return the resources that are meant, by their names. Raises SourceUnreachable, SourceMismatch."""
        dataset, most = settings.dataset or "", limits.CKAN_RESOURCES_MAX
        there = [one for one in self._list_resources(dataset) if one.get("state") != "deleted"]
        chosen = sorted((one for one in there if _is_meant(one, settings)), key=_name_of)
        names = [_name_of(one) for one in chosen]
        if not chosen:
            known = [f"{_name_of(one)!r} ({_format_of(one, str(one.get('url') or '')) or '?'})" for one in there]
            raise errors.none_chosen(self.where, dataset, known)
        if len(chosen) > most:
            raise errors.too_many_chosen(self.where, dataset, len(chosen), most)
        for name, following in pairwise(names):
            if name == following:
                raise errors.several(self.where, dataset, name)
        return chosen

    def _pick(self, resources: list[Resource], name: str, wanted: str | None) -> Resource:
        names = [_name_of(one) for one in resources]
        meant = [one for one in resources if wanted is None or wanted in (one.get("id"), one.get("name"))]
        if len(meant) == 1:
            return meant[0]
        if meant and wanted is not None:
            raise errors.several(self.where, name, wanted)
        raise errors.which_resource(self.where, name, wanted, names)


class DatastoreReading:
    """The records of a resource in the portal's datastore."""

    def __init__(self, portal: Portal, settings: CkanSettings, resource: Resource, what: str) -> None:
        self.row_word = "record"
        self._portal = portal
        self._what = what
        self._parameters = {"resource_id": str(resource["id"]), "limit": str(settings.size), "sort": _ID}
        if settings.filters:
            self._parameters["filters"] = msgspec.json.encode(settings.filters).decode()
        page = self._ask(0)
        fields = [str(field["id"]) for field in page.get("fields") or () if isinstance(field, dict) and "id" in field]
        known = [name for name in fields if name not in _OWN]
        for name in settings.columns:
            if name not in fields:
                raise errors.unknown_column(portal.where, name, known)
        self.columns: tuple[str, ...] = (settings.columns or tuple(known))[: limits.SOURCE_COLUMNS_MAX]
        total = page.get("total")
        self.rows_expected = total if isinstance(total, int) and not page.get("total_was_estimated") else None
        self._page = self._records(page)

    def _ask(self, offset: int) -> dict[str, Any]:
        return self._portal.ask("datastore_search", {**self._parameters, "offset": str(offset)}, self._what)

    def _records(self, page: Mapping[str, Any]) -> list[Any]:
        records = page.get("records")
        if not isinstance(records, list):
            raise errors.no_answer(self._portal.where, b"")
        return records

    def rows(self) -> Iterator[Row | BrokenRow]:
        columns, number = self.columns, 0
        fresh, self._page = self._page, []
        for _ in range(limits.REST_PAGES_MAX):
            for record in fresh:
                number += 1
                if isinstance(record, dict):
                    yield Row(number, [record.get(name) for name in columns])
                else:
                    raw = msgspec.json.encode(record)[: limits.REJECT_RAW_BYTES_MAX].decode(errors="replace")
                    yield BrokenRow(number, "it is no record: a record has names and values", {"record": raw})
            if not fresh or number == self.rows_expected:
                break
            # A portal may give fewer than were asked for, so a short page is not the end: one without news is.
            page = self._records(self._ask(number - 1))
            if not page or page[0] != fresh[-1]:
                raise errors.shifted(self._portal.where, self._what)
            fresh = page[1:]
        else:
            raise errors.too_many_pages(self._portal.where, limits.REST_PAGES_MAX)
        if self.rows_expected is not None and number < self.rows_expected:
            raise errors.missing_records(self._portal.where, self.rows_expected, number)

    def close(self) -> None:
        self._page = []
        self._portal.fetcher.close()


class FileReading:
    """The file of a resource, fetched and read by the kind that reads such files."""

    def __init__(self, portal: Portal, settings: CkanSettings, resource: Resource, what: str) -> None:
        self._inner: Reading | None = None
        self.rows_expected: int | None = None
        self._where = f"{what} of {portal.where}"
        url = str(resource.get("url") or "")
        if not url:
            raise errors.no_file(portal.where, what)
        try:
            url = str(httpx2.URL(f"{portal.url}/").join(url))
        except (httpx2.InvalidURL, ValueError) as error:
            raise errors.no_file(portal.where, what) from error
        form = _format_of(resource, url)
        if form not in _READ:
            raise errors.unknown_format(portal.where, what, form)
        self._folder = TemporaryDirectory(prefix="simpul-")
        self.path = Path(self._folder.name) / f"file.{form}"
        self.is_table = form in _TABLES
        try:
            portal.download(url, self.path, what)
            with self._named():
                inner = self._inner = self._open(form, settings)
        except BaseException:
            self.close()
            raise
        finally:
            portal.fetcher.close()
        self.columns, self.row_word, self.rows_expected = inner.columns, inner.row_word, inner.rows_expected

    def _open(self, form: str, settings: CkanSettings) -> Reading:
        around = Surroundings(self.path.parent, {})
        if form == _GEOJSON:
            return open_geo({"path": self.path.name}, around)
        if form == _JSON:
            return JsonReading(self._where, self.path, settings.lists)
        return open_table({**settings.table, "path": self.path.name}, around)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Put the resource's name into errors: nobody knows the file that it was kept in."""
        try:
            yield
        except SourceError as error:
            raise type(error)(error.detail.replace(str(self.path), self._where)) from error

    def rows(self) -> Iterator[Row | BrokenRow]:
        assert self._inner is not None, "it is open"
        with self._named():
            yield from self._inner.rows()

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()
        self._folder.cleanup()


class JsonReading:
    """The list of records in a JSON file, held whole."""

    def __init__(self, where: str, path: Path, lists: tuple[str, ...]) -> None:
        self.row_word = "record"
        most = limits.REST_ANSWER_BYTES_MAX
        if path.stat().st_size > most:
            raise errors.too_large(where, most)
        document = decode_answer(where, Answer("", {}, path.read_bytes()))
        self._records = find_rows(document, lists, where)
        names = dict.fromkeys(name for one in self._records if isinstance(one, dict) for name in flat(one))
        self.columns: tuple[str, ...] = tuple(names)[: limits.SOURCE_COLUMNS_MAX]
        self.rows_expected: int | None = len(self._records)

    def rows(self) -> Iterator[Row | BrokenRow]:
        for number, record in enumerate(self._records, 1):
            if isinstance(record, dict):
                cells = flat(record)
                yield Row(number, [cells.get(name) for name in self.columns])
            else:
                raw = msgspec.json.encode(record)[: limits.REJECT_RAW_BYTES_MAX].decode(errors="replace")
                yield BrokenRow(number, "it is no record: a record has names and values", {"record": raw})

    def close(self) -> None:
        self._records = []


def _format_of(resource: Resource, url: str) -> str:
    """Return what kind of file it is: as its name ends, else as the portal says."""
    ending = urlsplit(url).path.rpartition("/")[2].rpartition(".")[2].casefold()
    if ending in _READ:
        told = str(resource.get("format") or "").strip().casefold()
        return _GEOJSON if (ending, told) == (_JSON, _GEOJSON) else ending
    return str(resource.get("format") or "").strip().casefold().lstrip(".")


def _name_of(resource: Resource) -> str:
    return str(resource.get("name") or resource.get("id"))


def _is_meant(resource: Resource, settings: CkanSettings) -> bool:
    name = _name_of(resource).casefold()
    if not any(fnmatchcase(name, pattern) for pattern in settings.resources):
        return False
    return settings.format in (None, _format_of(resource, str(resource.get("url") or "")))


def is_readable(resource: Resource) -> bool:
    """Return whether a resource is of a form that is read."""
    return bool(resource.get("datastore_active")) or _format_of(resource, str(resource.get("url") or "")) in _READ


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return what is to be read, open. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    settings = parse_settings(plain, surroundings)
    if settings.resources:
        return _open_several(settings)
    portal = Portal(settings)
    try:
        return _open_resource(portal, settings, *portal.find_resource(settings))
    except BaseException:
        portal.fetcher.close()
        raise


def _open_resource(portal: Portal, settings: CkanSettings, resource: Resource, what: str) -> Reading:
    is_there = bool(resource.get("datastore_active"))
    if settings.through == "datastore" and not is_there:
        raise errors.not_in_datastore(portal.where, what)
    if settings.through == "file" or not is_there:
        if settings.filters:
            raise errors.not_filtered(portal.where, what)
        return FileReading(portal, settings, resource, what)
    return DatastoreReading(portal, settings, resource, what)


def _open_several(settings: CkanSettings) -> Reading:
    with closing(Portal(settings)) as portal:
        chosen = portal.choose_resources(settings)
    # Numbers are numbers in the datastore and text in a file: all are read in one way.
    in_datastore = all(one.get("datastore_active") for one in chosen)
    of_each = replace(settings, columns=(), through=settings.through or ("datastore" if in_datastore else "file"))

    def open_one(place: int) -> Reading:
        one = Portal(of_each)
        try:
            return _open_resource(one, of_each, chosen[place], f"the resource {_name_of(chosen[place])!r}")
        except BaseException:
            one.close()
            raise

    return SeveralReading(portal.where, [_name_of(one) for one in chosen], open_one, settings.columns)
