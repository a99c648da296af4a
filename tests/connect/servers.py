"""Real database servers for a test session: on loopback, each with a data folder of its own, ended by its own pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
PASSWORD = "rahasia/@:é"


@dataclass(frozen=True)
class Server:
    """A running server. `url` is for its administrator, with SQLAlchemy's driver names."""

    kind: str
    port: int
    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        # PostgreSQL waits for its clients at SIGTERM; at SIGINT it does not.
        self.process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_program(name: str, folders: Sequence[str]) -> str:
    for pattern in folders:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / name).exists():
                return str(folder / name)
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here; `make test` installs it from Debian")
    return found


def wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def run_mariadb() -> Iterator[Server]:
    """Run MariaDB with an administrator `root` without a password, reachable from this machine only."""
    server_program = find_program("mariadbd", ["/usr/sbin"])
    install_program = find_program("mariadb-install-db", ["/usr/bin"])
    folder = Path(tempfile.mkdtemp(prefix="simpul-mariadb-"))
    user = pwd.getpwuid(os.getuid()).pw_name
    port = free_port()
    log = folder / "log"
    try:
        with log.open("wb") as output:
            subprocess.run(
                [install_program, "--no-defaults", f"--user={user}", f"--datadir={folder}/data", "--skip-test-db",
                 "--auth-root-authentication-method=normal"],
                check=True, stdout=output, stderr=output, timeout=START_SECONDS_MAX,
            )  # fmt: skip
            process = subprocess.Popen(
                [server_program, "--no-defaults", f"--user={user}", f"--datadir={folder}/data", f"--port={port}",
                 "--bind-address=127.0.0.1", f"--socket={folder}/socket", "--skip-name-resolve",
                 "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"],
                stdout=output, stderr=output,
            )  # fmt: skip
        wait_until_open(process, port, log)
        server = Server("mariadb", port, f"mysql+pymysql://root@127.0.0.1:{port}/", process)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_postgresql() -> Iterator[Server]:
    """Run PostgreSQL with an administrator `simpul`; as the user `postgres` where the tests run as root."""
    folders = ["/usr/lib/postgresql/*/bin"]
    initdb, server_program = find_program("initdb", folders), find_program("postgres", folders)
    folder = Path(tempfile.mkdtemp(prefix="simpul-postgresql-"))
    port = free_port()
    log = folder / "log"
    prefix: list[str] = []
    if os.getuid() == 0:
        # PostgreSQL refuses to run as root.
        shutil.chown(folder, "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    try:
        with log.open("wb") as output:
            subprocess.run(
                [*prefix, initdb, "-D", f"{folder}/data", "-U", "simpul", "--auth=scram-sha-256", f"--pwfile={secret}",
                 "--encoding=UTF8", "--no-sync", "--locale=C"],
                check=True, stdout=output, stderr=output, timeout=START_SECONDS_MAX, cwd="/",
            )  # fmt: skip
            process = subprocess.Popen(
                [*prefix, server_program, "-D", f"{folder}/data", "-p", str(port), "-k", str(folder),
                 "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
                stdout=output, stderr=output, cwd="/",
            )  # fmt: skip
        wait_until_open(process, port, log)
        server = Server("postgresql", port, f"postgresql+psycopg://simpul@127.0.0.1:{port}/postgres", process)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_mosquitto(lines: Sequence[str] = (), *, listens: Sequence[str] = ()) -> Iterator[Server]:
    """Run a mosquitto that keeps whatever waits, with more lines of settings, and of settings of its port."""
    program = find_program("mosquitto", ["/usr/sbin"])
    folder = Path(tempfile.mkdtemp(prefix="simpul-mosquitto-"))
    port = free_port()
    log = folder / "log"
    bounds = ["max_queued_messages 0", "max_inflight_messages 0"] if not lines else []
    own = [f"user {pwd.getpwuid(os.getuid()).pw_name}", *bounds, *lines, f"listener {port} 127.0.0.1", *listens]
    if not any(line.startswith("allow_anonymous") for line in own):
        own.append("allow_anonymous true")
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join(own) + "\n", encoding="utf-8")
    try:
        with log.open("wb") as output:
            process = subprocess.Popen([program, "-c", str(settings)], stdout=output, stderr=output)
        wait_until_open(process, port, log)
        server = Server("mosquitto", port, f"mqtt://127.0.0.1:{port}", process)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_sshd() -> Iterator[Server]:
    """Run OpenSSH's server for files alone; who runs the tests may log in with the key `key` in its folder.

    Its folder is the `url`: with `key` and `host_key.pub`.
    """
    program = find_program("sshd", ["/usr/sbin"])
    keygen = find_program("ssh-keygen", ["/usr/bin"])
    if os.getuid() == 0:
        # Where root runs it, it wants an empty folder of this name; Debian's service makes it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="simpul-sshd-"))
    port = free_port()
    for name in ("key", "host_key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    settings = folder / "sshd_config"
    settings.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/key.pub\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\nLogLevel ERROR\n"
        "MaxStartups 100\n",
        encoding="utf-8",
    )
    log = folder / "log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen([program, "-D", "-e", "-f", str(settings)], stdout=output, stderr=output)
        wait_until_open(process, port, log)
        server = Server("sshd", port, str(folder), process)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
