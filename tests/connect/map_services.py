"""Services of maps on loopback, which answer as their documentation says: a Web Feature Service, an ArcGIS server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape

from tests.connect.service import Asked, Told

XML = {"content-type": "text/xml; charset=utf-8"}
Rows = Sequence[Mapping[str, Any]]


def point(longitude: float = 100.36, latitude: float = -0.95) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


@dataclass
class WebFeatureServer:
    """Answers GetCapabilities, DescribeFeatureType and GetFeature of WFS 2.0.0 or 1.1.0."""

    rows: Rows = ()
    columns: Sequence[str] = ("id", "nama")
    version: str = "2.0.0"
    layers: Sequence[str] = ("dishub:halte",)
    formats: Sequence[str] = ("application/gml+xml; version=3.2", "application/json", "text/javascript")
    systems: Sequence[str] = ("urn:ogc:def:crs:EPSG::32747", "urn:ogc:def:crs:EPSG::4326")
    members: Mapping[str, Any] = field(default_factory=dict)
    """What stands in each collection beside its features."""
    count_max: int = 5_000
    tells_count: bool = True
    has_hits: bool = True
    knows_pages: bool = True
    describes: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_second(self) -> bool:
        return self.version.startswith("2")

    def answer(self, asked: Asked) -> Told:
        query = {name.lower(): value for name, value in asked.query.items()}
        self.asked.append(query)
        if query.get("service") != "WFS":
            return self.refuse("MissingParameterValue", "service")
        if query.get("request") == "GetCapabilities":
            return self._capabilities()
        if query.get("version") != self.version:
            return self.refuse("VersionNegotiationFailed", f"No service at version {query.get('version')}")
        if query.get("typenames" if self.is_second else "typename") not in self.layers:
            return self.refuse("InvalidParameterValue", "no such type")
        if query.get("request") == "DescribeFeatureType":
            return self._description()
        return self._features(query)

    def refuse(self, code: str, text: str) -> Told:
        return Told(
            '<?xml version="1.0"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="2.0.0">'
            f'<ows:Exception exceptionCode="{code}"><ows:ExceptionText>{escape(text)}</ows:ExceptionText>'
            "</ows:Exception></ows:ExceptionReport>".encode(), headers=XML,
        )  # fmt: skip

    def _capabilities(self) -> Told:
        value = "".join(f"<ows:Value>{escape(one)}</ows:Value>" for one in self.formats)
        allowed = f"<ows:AllowedValues>{value}</ows:AllowedValues>" if self.is_second else value
        first, *others = self.systems
        word = "CRS" if self.is_second else "SRS"
        more = "".join(f"<Other{word}>{one}</Other{word}>" for one in others)
        layers = "".join(
            f"<FeatureType><Name>{layer}</Name><Title>Peta</Title><Default{word}>{first}</Default{word}>{more}</FeatureType>"
            for layer in self.layers
        )
        number = "/2.0" if self.is_second else ""
        return Told(
            f'<?xml version="1.0" encoding="UTF-8"?><wfs:WFS_Capabilities version="{self.version}" '
            f'xmlns="http://www.opengis.net/wfs{number}" xmlns:wfs="http://www.opengis.net/wfs{number}" '
            'xmlns:ows="http://www.opengis.net/ows/1.1"><ows:OperationsMetadata><ows:Operation name="GetFeature">'
            f'<ows:Parameter name="outputFormat">{allowed}</ows:Parameter></ows:Operation></ows:OperationsMetadata>'
            f"<FeatureTypeList>{layers}</FeatureTypeList></wfs:WFS_Capabilities>".encode(), headers=XML,
        )  # fmt: skip

    def _description(self) -> Told:
        if not self.describes:
            return self.refuse("OperationNotSupported", "DescribeFeatureType")
        elements = "".join(f'<xsd:element name="{name}" minOccurs="0" type="xsd:string"/>' for name in self.columns)
        return Told(
            '<?xml version="1.0"?><xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
            'xmlns:gml="http://www.opengis.net/gml/3.2"><xsd:complexType name="halteType"><xsd:complexContent>'
            '<xsd:extension base="gml:AbstractFeatureType"><xsd:sequence>'
            f'<xsd:element name="the_geom" type="gml:PointPropertyType"/>{elements}</xsd:sequence></xsd:extension>'
            '</xsd:complexContent></xsd:complexType><xsd:element name="halte" substitutionGroup="gml:AbstractFeature" '
            'type="dishub:halteType"/></xsd:schema>'.encode(), headers=XML,
        )  # fmt: skip

    def _features(self, query: Mapping[str, str]) -> Told:
        if query.get("resulttype") == "hits":
            if not self.has_hits:
                return self.refuse("OperationNotSupported", "hits")
            second = f'numberMatched="{len(self.rows)}" numberReturned="0"'
            hits = second if self.is_second else f'numberOfFeatures="{len(self.rows)}"'
            return Told(f'<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" {hits}/>'.encode(), headers=XML)
        if query.get("outputformat") not in self.formats:
            return self.refuse("InvalidParameterValue", "outputFormat")
        start = int(query.get("startindex", 0)) if self.knows_pages else 0
        size = min(self.count_max, int(query.get("count" if self.is_second else "maxfeatures", self.count_max)))
        features = [
            {"type": "Feature", "id": f"halte.{start + place}", "geometry": row.get("@", point()),
             "properties": {name: row.get(name) for name in self.columns}}
            for place, row in enumerate(islice(self.rows, start, start + size))
        ]  # fmt: skip
        told = {"numberMatched": len(self.rows)} if self.tells_count else {}
        return Told({"type": "FeatureCollection", "features": features, **told, **self.members})


@dataclass
class ArcGisServer:
    """Answers what a FeatureServer does for its layers and the queries of one, `/arcgis/rest/services/Halte`."""

    rows: Rows = ()
    fields: Sequence[tuple[str, str]] = (("id", "esriFieldTypeOID"), ("nama", "esriFieldTypeString"))
    id_field: str | None = "id"
    has_pages: bool = True
    count_max: int = 1_000
    system: Mapping[str, Any] = field(default_factory=lambda: {"wkid": 4326, "latestWkid": 4326})
    token: str | None = None
    meddle: Callable[[dict[str, str]], Told | None] = lambda _: None
    """May answer a query in place of the server."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Told:
        self.asked.append(asked.query)
        if self.token is not None and asked.query.get("token") != self.token:
            return self.refuse(499, "Token Required")
        if asked.query.get("f") != "json":
            return Told(b"<html>ArcGIS REST Services Directory</html>", headers={"content-type": "text/html"})
        below = asked.path.removeprefix("/arcgis/rest/services/Halte/FeatureServer")
        if below == "":
            return Told({"currentVersion": 11.1, "layers": [{"id": 0, "name": "Halte"}, {"id": 3, "name": "Koridor"}],
                         "tables": []})  # fmt: skip
        if below == "/3":
            return Told({"id": 3, "name": "Koridor", "type": "Group Layer"})
        if below == "/0":
            return self._layer()
        if below != "/0/query":
            return self.refuse(404, "Layer not found")
        return self.meddle(asked.query) or self._query(asked.query)

    def refuse(self, code: int, message: str, *details: str) -> Told:
        return Told({"error": {"code": code, "message": message, "details": list(details)}})

    def _layer(self) -> Told:
        fields = [{"name": name, "type": kind, "alias": name.title()} for name, kind in self.fields]
        layer = {"id": 0, "name": "Halte", "type": "Feature Layer", "fields": fields, "maxRecordCount": self.count_max,
                 "objectIdField": self.id_field, "geometryType": "esriGeometryPoint",
                 "advancedQueryCapabilities": {"supportsPagination": self.has_pages}}  # fmt: skip
        return Told(layer)

    def _query(self, query: Mapping[str, str]) -> Told:
        rows = list(self.rows)
        range_ = re.search(r"id >= (\d+) AND id <= (\d+)", query["where"])
        if range_ is not None:
            rows = [row for row in rows if int(range_[1]) <= row["id"] <= int(range_[2])]
        if query.get("returnCountOnly") == "true":
            return Told({"count": len(rows)})
        if query.get("returnIdsOnly") == "true":
            return Told({"objectIdFieldName": "id", "objectIds": [row["id"] for row in reversed(rows)] or None})
        if "resultOffset" in query and not self.has_pages:
            return self.refuse(400, "Pagination is not supported.")
        if query.get("orderByFields") == "id":
            rows.sort(key=lambda row: row["id"])
        start = int(query.get("resultOffset", 0))
        size = min(self.count_max, int(query.get("resultRecordCount", self.count_max)))
        page = rows[start : start + size]
        has_more = {"exceededTransferLimit": True} if start + size < len(rows) else {}
        features = [
            {"attributes": {name: row.get(name) for name, _ in self.fields},
             **({"geometry": row.get("@", {"x": 100.36, "y": -0.95})} if query.get("returnGeometry") == "true" else {})}
            for row in page
        ]  # fmt: skip
        return Told({"objectIdFieldName": "id", "geometryType": "esriGeometryPoint", "spatialReference": self.system,
                     "features": features, **has_more})  # fmt: skip
