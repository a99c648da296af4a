"""A certificate authority of a test's own, made with openssl, and certificates for names of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificates(NamedTuple):
    """Files: the authority's certificate, and a server's with its key."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, name: str) -> Certificates:
    """Make an authority, and let it certify a server of this name."""
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    authority_key, asked = folder / "authority.key", folder / "server.csr"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        "req", "-x509", *new_key, "-keyout", authority_key, "-out", made.authority, "-days", "2", "-subj", "/CN=uji",
        "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    _openssl("req", *new_key, "-keyout", made.key, "-out", asked, "-subj", f"/CN={name}")
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{name}\n")
    _openssl(
        "x509", "-req", "-in", asked, "-CA", made.authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "2",
        "-extfile", extensions, "-out", made.certificate,
    )  # fmt: skip
    return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
