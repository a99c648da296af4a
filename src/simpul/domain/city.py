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

    @property
    def is_delivered(self) -> bool:
        """Whether an agent reads it in its office and delivers its rows, so that the hub never asks for them."""
        return self.declaration.get("read_by") == "agent"


@dataclass(frozen=True, slots=True)
class LiveLayer:
    """One type that is shown as it is right now. Names are expanded; what is older than `within_us` is not shown.

    `label` is the attribute that stands on each mark; `shade` the one whose number shades it, at these steps.
    """

    type_name: str
    title: dict[str, str]
    label: str | None = None
    shade: str | None = None
    steps: tuple[float, ...] = ()
    within_us: int | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """What the home page shows as it is right now, beside what it has worked out."""

    title: dict[str, str]
    note: dict[str, str] | None
    layers: tuple[LiveLayer, ...]


@dataclass(frozen=True, slots=True)
class City:
    """What a tenant has declared and applied. `public_types` are expanded IRIs; `bounds` is W, S, E, N.

    `words` says by short name what people call types and attributes, in each language.

    `alerts` says after how many failures there is one, and to whom alerts are told.

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
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    agencies: tuple[Agency, ...] = ()
    sources: tuple[SourceDeclaration, ...] = ()
    answers: tuple[dict[str, Any], ...] = ()
    code_lists: tuple[dict[str, Any], ...] = ()
    retentions: tuple[Retention, ...] = ()
    live: Live | None = None
    alerts: dict[str, Any] = field(default_factory=dict)
    folder: str = ""
    declarations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def source(self, source_id: str) -> SourceDeclaration | None:
        return next((source for source in self.sources if source.id == source_id), None)

    def agency(self, agency_id: str) -> Agency | None:
        return next((agency for agency in self.agencies if agency.id == agency_id), None)
