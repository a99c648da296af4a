"""The features of a Web Feature Service (OGC 09-025r2, WFS 2.0.0; 04-094, WFS 1.1.0), page by page, as GeoJSON.

The service's own description says which layers there are and whether it gives GeoJSON; one that gives GML alone is
refused. Coordinates are asked for in longitude and latitude where the layer is offered so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simpul import limits
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature
from simpul.connectors.geo.features.geojson import (
    Collection,
    feature_of,
    is_same_feature,
    projection_of,
    property_names,
    read_collection,
)
from simpul.connectors.geo.features.pages import Asking, Page, Wanted, in_pages
from simpul.domain.errors import SourceMismatch
from simpul.formats.ows import Capabilities, Layer, NotOws, Refusal, described_names, read_capabilities, read_count

_VERSIONS: Final = ("2.0.0", "1.1.0")
_JSON: Final = re.compile(r"geo\+?json|application/json|json\Z", re.IGNORECASE)
_NOT_JSON: Final = re.compile(r"jsonp|javascript", re.IGNORECASE)
_DEGREES: Final = re.compile(r"(?:[:/#]4326|CRS84)\Z", re.IGNORECASE)
_OWN: Final = frozenset({
    "service", "version", "acceptversions", "request", "typename", "typenames", "outputformat", "count", "maxfeatures",
    "startindex", "resulttype", "srsname", "sortby",
})  # fmt: skip
_EMPTY: Final = Collection()


class WebFeatures:
    """The features of one layer."""

    def __init__(self, wanted: Wanted) -> None:
        self._asking = _asking(wanted)
        self._crs = wanted.crs
        self._size = wanted.size or limits.GEO_PAGE_FEATURES
        try:
            self._open(wanted.layer, wanted.sort_by)
        except BaseException:
            self._asking.close()
            raise

    def _open(self, layer: str | None, sort_by: str | None) -> None:
        capabilities = capabilities_of(self._asking)
        offered = _layer_of(capabilities, layer, self._asking.where)
        formats = [*offered.formats, *capabilities.formats]
        json = next((one for one in formats if _JSON.search(one) and not _NOT_JSON.search(one)), None)
        if json is None:
            raise errors.no_json(self._asking.where, formats)
        self._is_second = capabilities.version.startswith("2.")
        named = {"typeNames" if self._is_second else "typeName": offered.name}
        self._base = {"service": "WFS", "version": capabilities.version}
        self._query = {**self._base, "request": "GetFeature", **named}
        self._wanted = {"outputFormat": json}
        if any(_DEGREES.search(one) for one in offered.systems):
            self._wanted["srsName"] = "EPSG:4326"
        if sort_by is not None:
            self._wanted["sortBy"] = sort_by
        described = self._described(named)
        first = self._fetch(None)
        self._projection = projection_of(first, self._crs, self._asking.where)
        self.expected = self._count(first)
        self._first = self._page(first, 0)
        self.names = tuple(dict.fromkeys([*described, *property_names(first.features)]))

    def _described(self, named: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names that the service says that features have; none where it does not say it."""
        try:
            body = self._asking.ask({**self._base, "request": "DescribeFeatureType", **named})
            return described_names(body)
        except (SourceMismatch, NotOws, Refusal):
            return ()

    def _count(self, first: Collection) -> int | None:
        """Return how many features there are, where the service can say it."""
        for told in (first.matched, first.total):
            if isinstance(told, int):
                return told
        try:
            return read_count(self._asking.ask({**self._query, "resultType": "hits"}))
        except (SourceMismatch, NotOws, Refusal):
            return None

    def _fetch(self, start: int | None) -> Collection:
        # Some layers have no order of their own, and are refused where a place is named: the first page needs none.
        place = {} if start is None else {"startIndex": str(start)}
        most = {"count" if self._is_second else "maxFeatures": str(self._size)}
        body = self._asking.ask({**self._query, **self._wanted, **most, **place})
        if body.lstrip()[:1] == b"<":
            raise _refused(body, self._asking.where)
        return read_collection(body, self._asking.where)

    def _page(self, collection: Collection, start: int) -> Page:
        # A service may give fewer than were asked for, so a short page is not the end.
        end = start + len(collection.features)
        return Page(collection.features, self.expected is not None and end >= self.expected)

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        number = 0
        first, self._first = self._first, Page((), is_last=True)
        turned = in_pages(
            first, lambda start: self._page(self._fetch(start), start), is_same_feature, self._asking.where
        )
        for raw in turned:
            number += 1
            yield feature_of(raw, number, self.names, self._projection)
        if self.expected is not None and number < self.expected:
            raise errors.missing_features(self._asking.where, self.expected, number)

    def close(self) -> None:
        self._first = Page((), is_last=True)
        self._asking.close()


def list_layers(wanted: Wanted) -> list[str]:
    """Return the names of the layers. Raises SourceUnreachable, SourceMismatch."""
    with closing(_asking(wanted)) as asking:
        return [layer.name for layer in capabilities_of(asking).layers]


def _asking(wanted: Wanted) -> Asking:
    # Whoever copies a URL copies what it asks for, too: that is said anew with each question.
    parts = urlsplit(wanted.service.url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() not in _OWN]
    url = urlunsplit(parts._replace(query=urlencode(kept), fragment=""))
    return Asking(replace(wanted.service, url=url), wanted.query)


def capabilities_of(asking: Asking) -> Capabilities:
    """Return what the service says of itself. Raises SourceUnreachable, SourceMismatch."""
    body = asking.ask({"service": "WFS", "request": "GetCapabilities", "acceptVersions": ",".join(_VERSIONS)})
    try:
        capabilities = read_capabilities(body)
    except NotOws as error:
        raise errors.no_web_features(asking.where, str(error)) from error
    except Refusal as error:
        raise errors.refused(asking.where, str(error)) from error
    if not capabilities.version.startswith(("2.0", "1.1")):
        raise errors.other_version(asking.where, capabilities.version, _VERSIONS)
    return capabilities


def _layer_of(capabilities: Capabilities, wanted: str | None, where: str) -> Layer:
    layers = {layer.name: layer for layer in capabilities.layers}
    if wanted is None and len(layers) == 1:
        return capabilities.layers[0]
    if wanted in layers:
        return layers[wanted]
    # `pupr:halte` may be called `halte`, where no other one is.
    near = [name for name in layers if name.rpartition(":")[2] == wanted]
    if len(near) != 1:
        raise errors.no_layer(where, wanted, layers)
    return layers[near[0]]


def _refused(body: bytes, where: str) -> SourceMismatch:
    try:
        read_capabilities(body)
    except Refusal as error:
        return errors.refused(where, str(error))
    except NotOws:
        pass
    return errors.no_web_features(where, "its features come as XML, and GeoJSON was asked for")
