"""Every setting of the hub: type, default, help, and the environment variable that sets it. No behaviour."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from simpul import limits
from simpul.domain.errors import InvalidRequest

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process runs. Each field is also the environment variable `SIMPUL_<FIELD>`."""

    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on; loopback unless told otherwise."})
    port: int = field(default=1026, metadata={"help": "Port to listen on."})
    public_url: str = field(
        default="",
        metadata={"help": "Where others reach this hub, such as https://data.padang.go.id; host and port by default."},
    )
    folder: Path = field(default=Path("padang"), metadata={"help": "The city's folder of YAML."})
    data: Path | None = field(
        default=None, metadata={"help": "Where the cities' files are kept; `data` inside the city's folder by default."}
    )
    tenant: str = field(
        default="",
        metadata={"help": "The city that a request without NGSILD-Tenant is about; the folder's own by default."},
    )
    create_tenants: bool = field(
        default=False, metadata={"help": "Make a city when a write first names it in NGSILD-Tenant."}
    )
    open_access: bool = field(
        default=False,
        metadata={"help": "Let everyone read and write everything. For a trusted network or a conformance run only."},
    )
    allow_private_addresses: bool = field(
        default=False,
        metadata={
            "help": "Let the hub go to receivers, other hubs and @contexts on its own machine or private network."
        },
    )
    strict_registrations: bool = field(
        default=True,
        metadata={"help": "Refuse a registration that conflicts with entities held here, or is exclusive for a group."},
    )
    fast_lane: bool = field(
        default=True, metadata={"help": "Answer the most common requests without building an ASGI scope."}
    )
    temporal_page_instances: int = field(
        default=limits.TEMPORAL_PAGE_INSTANCES_DEFAULT,
        metadata={"help": "Attribute instances in one answer about histories; past them it is a page (206)."},
    )
    allowed_origins: str = field(
        default="*", metadata={"help": "Origins that browsers may call the API from, separated by commas."}
    )
    syncs: bool = field(default=True, metadata={"help": "Run the sources on their schedules while serving."})

    @property
    def address(self) -> str:
        """Where others reach this hub, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104  # Compared, not bound.
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def data_directory(self) -> Path:
        return self.data if self.data is not None else self.folder / "data"


def load_settings(environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """Return the settings from the environment, overridden by those given. Raises InvalidRequest."""
    values = {
        one.name: _parse(one.name, one.type, environment[f"SIMPUL_{one.name.upper()}"])
        for one in fields(Settings)
        if f"SIMPUL_{one.name.upper()}" in environment
    }
    values.update((name, value) for name, value in given.items() if value is not None)
    return Settings(**values)


def _parse(name: str, kind: Any, text: str) -> Any:
    match kind:
        case "int":
            if not text.isdecimal():
                raise InvalidRequest(f"SIMPUL_{name.upper()} is '{text}'; a whole number is needed, such as 1026.")
            return int(text)
        case "bool":
            if text.lower() not in _TRUE + _FALSE:
                raise InvalidRequest(f"SIMPUL_{name.upper()} is '{text}'; it is either true or false.")
            return text.lower() in _TRUE
        case "Path" | "Path | None":
            return Path(text)
        case _:
            return text
