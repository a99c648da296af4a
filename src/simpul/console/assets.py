"""The console's own files (style, scripts, vendored libraries), read once and kept in memory. No pages here."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"

# Module scripts are refused by browsers under any other type than a JavaScript one.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

# A font of this kind is compressed by itself.
COMPRESSED_ALREADY = {".woff2"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed; `compressed` is None where that would save nothing."""

    plain: bytes
    compressed: bytes | None
    media_type: str


class Assets:
    """All files under `static`. Their common digest is part of each address, so that they may be cached for ever."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._assets: dict[str, Asset] = {}
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.suffix in MEDIA_TYPES:
                plain = path.read_bytes()
                name = path.relative_to(folder).as_posix()
                digest.update(name.encode() + plain)
                # Level 6 takes 60 ms for all files; level 9 takes four times that to save 1 %.
                compressed = None if path.suffix in COMPRESSED_ALREADY else gzip.compress(plain, 6, mtime=0)
                self._assets[name] = Asset(plain, compressed, MEDIA_TYPES[path.suffix])
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return the address of a file. Raises KeyError for one that is not shipped."""
        if name not in self._assets:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    async def answer(self, request: Request) -> Response:
        """Answer a request for `/static/{version}/{name}`."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return Response("Not found", status_code=404, media_type="text/plain")
        current = request.path_params["version"] == self.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.compressed, headers=headers, media_type=asset.media_type)
        return Response(asset.plain, headers=headers, media_type=asset.media_type)
