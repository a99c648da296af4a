"""The product as a user runs it: a city's folder and the `simpul` command. Nothing is imported from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import shape
from bench.figures import WRITES
from bench.processes import SERVER_CORE, LoadFailed, Server, free_port, serving

CITY = f"""city: bench
name: {{id: Kota Uji, en: Bench City}}
code: 13.71
time_zone: Asia/Jakarta
bounds: [95.0, -6.0, 106.0, 6.0]
public_types: [{", ".join(shape.TYPES)}]
"""
AGENCIES = """agencies:
  - {id: dpka, name: {id: Dinas Keuangan dan Aset, en: Finance and Assets}}
"""


class BenchHub:
    """One city's folder, its token, and how to serve it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.city = folder / "bench"
        self.token = ""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "SIMPUL_FOLDER": str(self.city),
            "SIMPUL_PORT": str(port),
            "SIMPUL_SYNCS": "false",
            # The receivers and the other hub are on this machine.
            "SIMPUL_ALLOW_PRIVATE_ADDRESSES": "true",
        }

    def command(self, *words: str) -> list[str]:
        """Return a `simpul` command, as it is installed beside this Python."""
        return [str(Path(sys.executable).with_name("simpul")), *words]

    def create(self, sources: Mapping[str, str] | None = None) -> None:
        """Write the city's folder, apply it, and make a token."""
        (self.city / "sources").mkdir(parents=True)
        (self.city / "city.yaml").write_text(CITY)
        (self.city / "agencies.yaml").write_text(AGENCIES)
        for name, declaration in (sources or {}).items():
            (self.city / "sources" / f"{name}.yaml").write_text(declaration)
        self._run("apply")
        answer = self._run("token", "create", "bench", "--role", "integrator")
        found = re.search(r"simpul_\S+", answer)
        if found is None:
            raise LoadFailed(f"simpul token create gave no token: {answer}")
        self.token = found[0]
        (self.folder / "token").write_text(self.token)

    def read_token(self) -> None:
        """Take the token that was made with the data."""
        self.token = (self.folder / "token").read_text()

    def token_for(self, kind: str) -> str:
        """Return the token for requests that write; reading is anonymous."""
        return self.token if kind in {figure.kind for figure in WRITES} else ""

    @contextmanager
    def serving(self, first_path: str = "/health", *, core: int = SERVER_CORE) -> Iterator[Server]:
        """Serve the city on a core until the block ends; begin when `first_path` is answered."""
        log = self.folder / "server.log"
        with serving(self.command("serve"), self.url + first_path, log, self.environment, core=core) as server:
            yield server

    def request(self, method: str, path: str, content: Any = None) -> str:
        """Send one request with the token; return the Location of the answer. Raises LoadFailed."""
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        sent = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                return str(answer.headers.get("Location", ""))
        except urllib.error.HTTPError as error:
            said = error.read(400).decode(errors="replace")
            raise LoadFailed(f"{method} {path} answered {error.code}: {said}") from error

    def read(self, path: str) -> bytes:
        """Return the answer that a stranger gets. Raises LoadFailed."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=120) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise LoadFailed(f"GET {path} answered {error.code}") from error

    def remove(self) -> None:
        """Remove the folder with all that it holds."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *words: str) -> str:
        answer = subprocess.run(
            self.command(*words), env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise LoadFailed(f"simpul {' '.join(words)}: {answer.stdout}{answer.stderr}")
        return answer.stdout
