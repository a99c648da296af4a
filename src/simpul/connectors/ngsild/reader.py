"""Reads entities of another hub page by page; the next page is asked for when the rows of this one are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx2
import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.ngsild import errors
from simpul.connectors.ngsild.settings import NgsildSettings, parse_settings
from simpul.fetching import Fetcher, shown_url

Entity = dict[str, Any]

_OWN: Final = {"@id": "id", "@type": "type", "@scope": "scope", "@createdAt": "createdAt", "@modifiedAt": "modifiedAt"}
_NO_ATTRIBUTES: Final = frozenset({
    "id", "type", "scope", "@context", "createdAt", "modifiedAt", "deletedAt", "expiresAt",
})  # fmt: skip
# Where each type of attribute has its value.
_VALUES: Final = ("value", "object", "languageMap", "vocab", "json", "valueList", "objectList")
# What goes with a value, and is a column of its own where it is there.
_MEMBERS: Final = ("observedAt", "unitCode")


class NgsildReading:
    """The entities of some types."""

    def __init__(self, settings: NgsildSettings) -> None:
        self.row_word = "entity"
        self.rows_expected: int | None = None
        self._settings = settings
        self._url = settings.service.url.rstrip("/") + "/entities"
        self._where = shown_url(self._url)
        self._fetcher = Fetcher(settings.service)
        try:
            self._entities = self._fetch(0, counted=True)
        except BaseException:
            self._fetcher.close()
            raise
        self._paths = dict(settings.columns) or {name: name for name in _names(self._entities)}
        self.columns: tuple[str, ...] = tuple(self._paths)

    def _fetch(self, offset: int, *, counted: bool = False) -> list[Any]:
        parameters = {**self._settings.query, "limit": str(self._settings.size), "offset": str(offset)}
        if counted:
            parameters["count"] = "true"
        answer = self._fetcher.get(str(httpx2.URL(self._url).copy_merge_params(parameters)))
        if counted:
            told = answer.headers.get("ngsild-results-count", "")
            self.rows_expected = int(told) if told.isdigit() else None
        try:
            found = msgspec.json.decode(answer.body or b"[]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise errors.not_entities(self._where, answer.body, str(error)) from error
        if not isinstance(found, list):
            raise errors.not_entities(self._where, answer.body, "it is one object")
        return found

    def rows(self) -> Iterator[Row | BrokenRow]:
        number, start = 0, 0
        paths = list(self._paths.values())
        page, self._entities = self._entities, []
        fresh = page
        for _ in range(limits.REST_PAGES_MAX):
            for entity in fresh:
                number += 1
                if isinstance(entity, dict) and isinstance(entity.get("id"), str):
                    yield Row(number, [find(entity, path) for path in paths])
                else:
                    raw = msgspec.json.encode(entity)[: limits.REJECT_RAW_BYTES_MAX].decode(errors="replace")
                    yield BrokenRow(number, "it is no entity: an entity has an id", {"entity": raw})
            if not fresh:
                return
            # A hub may give fewer than were asked for, so a short page is not the end: one without news is.
            start, page, fresh = self._turn(start, page)
        raise errors.too_many_pages(self._where, limits.REST_PAGES_MAX)

    def _turn(self, before: int, page: list[Any]) -> tuple[int, list[Any], list[Any]]:
        """Return the next page: where it begins, all of it, and what of it is new.

        It begins with the last entity of the page in hand. Where that one has moved forward, because others went away,
        it is looked for a page before; where it has gone itself, nothing can be said.
        """
        last = _id(page[-1])
        expected = before + len(page) - 1
        for start in dict.fromkeys((expected, before)):
            found = self._fetch(start)
            place = max((place for place, one in enumerate(found) if _id(one) == last), default=None)
            if place is not None and (start == expected or place < len(found) - 1):
                return start, found, found[place + 1 :]
        raise errors.shifted(self._where)

    def close(self) -> None:
        self._entities = []
        self._fetcher.close()


def _id(entity: Any) -> Any:
    return entity.get("id") if isinstance(entity, dict) else entity


def _names(entities: list[Any]) -> list[str]:
    names: dict[str, None] = dict.fromkeys(("@id", "@type"))
    for entity in entities:
        for name, attribute in entity.items() if isinstance(entity, dict) else ():
            if name in _NO_ATTRIBUTES:
                continue
            names[name] = None
            instance = _instance(attribute)
            for member in _MEMBERS:
                if isinstance(instance, dict) and member in instance:
                    names[f"{name}.{member}"] = None
    return list(names)[: limits.SOURCE_COLUMNS_MAX]


def find(entity: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path of an entity in its normalized form, or None.

    Of several instances of an attribute the default one counts, else the first.
    """
    if path in _OWN:
        return entity.get(_OWN[path])
    if path in entity:
        return _value(_instance(entity[path]))
    name, _, rest = path.partition(".")
    found: Any = _instance(entity.get(name))
    for part in rest.split("."):
        if not isinstance(found, dict):
            return None
        inner = found.get("value")
        found = _instance(found[part]) if part in found else inner.get(part) if isinstance(inner, dict) else None
    return _value(found)


def _instance(attribute: Any) -> Any:
    if isinstance(attribute, list) and attribute and all(isinstance(one, dict) for one in attribute):
        return next((one for one in attribute if "datasetId" not in one), attribute[0])
    return attribute


def _value(found: Any) -> Any:
    if not isinstance(found, dict) or not isinstance(found.get("type"), str) or "coordinates" in found:
        return found
    return next((found[member] for member in _VALUES if member in found), found)


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the first page in hand. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    return NgsildReading(parse_settings(plain, surroundings))
