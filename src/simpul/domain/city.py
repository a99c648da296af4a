"""A city as it is declared: its names, agencies, sources and answers. No files and no YAML here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simpul.domain.retention import Retention


@dataclass(frozen=True, slots=True)
class Agency:
    """An office of the city that owns data (Perpres 39/2019: a *produsen data*)."""

    id: str
    name: dict[str, str]
    short_name: str = ""
    homepage: str = ""


@dataclass(frozen=True, slots=True)
class SourceDeclaration:
    """One agency system: where it is, how a row becomes an entity, what counts as wrong.

    `kind` names a connector; `settings` are that connector's own, already checked; `file` and `declaration`
    are the YAML file's path inside the city's folder and its content.
    """

    id: str
    kind: str
    agency: str
    title: dict[str, str]
    type_name: str
    file: str
    declaration: dict[str, Any]


@dataclass(frozen=True, slots=True)
class City:
    """What a tenant has declared and applied. `public_types` are expanded IRIs; `bounds` is W, S, E, N.

    `folder` is where its files lie (sources name theirs relative to it); `declarations` is the content of its
    YAML files by path inside that folder, as the declaration store keeps it.
    """

    tenant: str
    name: dict[str, str]
    code: str = ""
    time_zone: str = "Asia/Jakarta"
    accent: str = "#0f766e"
    bounds: tuple[float, float, float, float] | None = None
    public_types: frozenset[str] = frozenset()
    contexts: dict[str, str] = field(default_factory=dict)
    agencies: tuple[Agency, ...] = ()
    sources: tuple[SourceDeclaration, ...] = ()
    answers: tuple[dict[str, Any], ...] = ()
    code_lists: tuple[dict[str, Any], ...] = ()
    retentions: tuple[Retention, ...] = ()
    folder: str = ""
    declarations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def source(self, source_id: str) -> SourceDeclaration | None:
        return next((source for source in self.sources if source.id == source_id), None)

    def agency(self, agency_id: str) -> Agency | None:
        return next((agency for agency in self.agencies if agency.id == agency_id), None)
