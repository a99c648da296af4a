"""Writes small ODS files, as LibreOffice does: with cells and rows that are repeated, and merged ones."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

TYPE = "application/vnd.oasis.opendocument.spreadsheet"
NAMES = "".join(
    f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in (("office", "office"), ("table", "table"), ("text", "text"))
)
REST = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
REST += "</table:table-row>"


def cell(value: object, attributes: str = "") -> str:
    if value is None:
        return f"<table:table-cell {attributes}/>"
    kind = "float" if isinstance(value, int | float) else "string"
    said = f' office:value="{value}"' if kind == "float" else ""
    text = f"<text:p>{escape(str(value))}</text:p>"
    return f'<table:table-cell office:value-type="{kind}"{said} {attributes}>{text}</table:table-cell>'


def row(cells: Sequence[object], attributes: str = "") -> str:
    written = "".join(one if isinstance(one, str) and one.startswith("<table:") else cell(one) for one in cells)
    return f"<table:table-row {attributes}>{written}</table:table-row>"


def write_ods(path: Path, sheets: Mapping[str, Sequence[str]]) -> None:
    """Write sheets of rows made by `row`."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{"".join(rows)}{REST}</table:table>' for name, rows in sheets.items()
    )
    content = f"<office:document-content{NAMES}><office:body><office:spreadsheet>{tables}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", TYPE, zipfile.ZIP_STORED)
        archive.writestr("content.xml", content + "</office:spreadsheet></office:body></office:document-content>")
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{TYPE}"/></manifest:manifest>',
        )
