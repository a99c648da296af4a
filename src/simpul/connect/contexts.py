"""The @context documents that a city keeps in its folder, so that it needs no network for them. Reads files only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from simpul import limits
from simpul.domain.city import City
from simpul.domain.errors import SourceMisconfigured


def read_contexts(city: City) -> dict[str, Any]:
    """Return URL → document of the city's `contexts`. Raises SourceMisconfigured."""
    return {url: _read(Path(city.folder) / file, url) for url, file in city.contexts.items()}


def _read(path: Path, url: str) -> Any:
    try:
        if path.stat().st_size > limits.CONTEXT_BYTES_MAX:
            raise SourceMisconfigured(f"{path}: an @context has at most {limits.CONTEXT_BYTES_MAX} bytes.")
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise SourceMisconfigured(
            f"{path}: city.yaml keeps the @context {url} there, but it cannot be read ({error.strerror})."
        ) from error
    except msgspec.DecodeError as error:
        raise SourceMisconfigured(f"{path}: the @context of {url} is not JSON: {error}.") from error
