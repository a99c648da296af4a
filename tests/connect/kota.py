"""A small city for tests: a folder that is written piece by piece, and the hub over it on the real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.
import yaml

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.app.sources import Step
from simpul.connect.city import load_city
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.main import open_hub
from simpul.ports.store import Change, Reject, Run
from simpul.settings import Settings

Result = TypeVar("Result")

TENANT = "kota"
CITY = {
    "city": TENANT,
    "name": {"id": "Kota Uji", "en": "Test City"},
    "bounds": [100.0, -1.5, 101.0, -0.5],
    "public_types": ["BusStop", "DataSource"],
}


def entity_uri(type_name: str, rest: str) -> str:
    return f"urn:ngsi-ld:{type_name}:{TENANT}:{rest}"


def csv_source(**changes: Any) -> dict[str, Any]:
    """Return a source of bus stops in `halte.csv`, with some keys different."""
    source: dict[str, Any] = {
        "source": "halte",
        "agency": "dishub",
        "title": {"id": "Halte", "en": "Bus stops"},
        "kind": "table",
        "read": {"path": "halte.csv"},
        "key": "id",
        "entity": {
            "type": "BusStop",
            "id": entity_uri("BusStop", "{id}"),
            "attributes": {"name": "nama"},
        },
    }
    return {**source, **changes}


@dataclass
class Kota:
    """A city's folder and its hub; each call opens the hub anew, as each command would."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write_city(self, **changes: Any) -> None:
        self.write("city.yaml", {**CITY, **changes})
        self.write("agencies.yaml", {"agencies": [{"id": "dishub", "name": {"id": "Dishub", "en": "Transport"}}]})

    def write(self, file: str, content: dict[str, Any]) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def write_csv(self, file: str, rows: Sequence[Sequence[object]], *, separator: str = ",") -> None:
        text = "".join(separator.join(str(cell) for cell in row) + "\n" for row in rows)
        (self.folder / file).write_text(text, encoding="utf-8")

    def write_workbook(self, file: str, sheets: dict[str, Sequence[Sequence[object]]]) -> None:
        with xlsxwriter.Workbook(str(self.folder / file)) as workbook:
            for name, rows in sheets.items():
                sheet = workbook.add_worksheet(name)
                for number, row in enumerate(rows):
                    for column, cell in enumerate(row):
                        if cell is not None:
                            sheet.write(number, column, cell)

    def load(self) -> City:
        loaded = load_city(self.folder)
        assert loaded.problems == []
        assert loaded.city is not None
        return loaded.city

    def declare(self, *declarations: dict[str, Any]) -> list[Step]:
        """Write these sources, and apply."""
        for declaration in declarations:
            self.write(f"sources/{declaration['source']}.yaml", declaration)
        city = self.load()
        return self.with_hub(lambda hub: sources.apply(operator(TENANT), hub, city))

    def sync(self, source_id: str = "halte", *, accept_shrink: bool = False) -> Run:
        return self.with_hub(lambda hub: sources.sync(operator(TENANT), hub, source_id, accept_shrink=accept_shrink))

    def with_hub(self, work: Callable[[Hub], Awaitable[Result]]) -> Result:
        async def run() -> Result:
            async with open_hub(Settings(folder=self.folder, tenant=TENANT)) as hub:
                return await work(hub)

        return asyncio.run(run())

    def look(self, work: Callable[[Hub], Result]) -> Result:
        async def run(hub: Hub) -> Result:
            return work(hub)

        return self.with_hub(run)

    def entity(self, entity_id: str) -> dict[str, Any] | None:
        """Return the stored body, or None."""
        document = self.look(lambda hub: hub.entities.find_document(TENANT, entity_id))
        return None if document is None else json.loads(document.body)

    def values(self, entity_id: str) -> dict[str, Any]:
        """Return the entity's attributes as name → value or object."""
        entity = self.entity(entity_id)
        assert entity is not None, f"there is no {entity_id}"
        return {
            name: instance.get("value", instance.get("object", instance.get("languageMap")))
            for name, instance in entity.items()
            if isinstance(instance, dict)
        }

    def changes(self, entity_id: str) -> list[Change]:
        return self.look(lambda hub: hub.entities.list_changes(TENANT, entity_id))

    def history(self, entity_id: str, name: str) -> list[Any]:
        """Return the values that an attribute had, in the order in which they became known."""
        iri = CORE.expand(name)
        return [one.attributes[iri]["value"] for one in self.changes(entity_id) if iri in one.attributes]

    def rejects(self, source_id: str = "halte") -> list[Reject]:
        return self.look(lambda hub: sources.list_rejects(operator(TENANT), hub, source_id))

    def count(self, type_name: str) -> int:
        return self.look(lambda hub: hub.entities.count_types(TENANT)).get(CORE.expand(type_name), 0)
