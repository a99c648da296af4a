"""Files that arrive on an SFTP server: Debian's OpenSSH, and one in this process where passwords are asked for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Stream, Surroundings
from simpul.connectors.files.reader import open_reading
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.line import Line
from tests.connect.parts.files import sftp_settings, write_csv
from tests.connect.servers import Server, free_port
from tests.connect.service import Told, run_service

PASSWORD = "rahasia/@:é"
SECRETS = {"SANDI": PASSWORD, "SALAH": "salah", "KUNCI": "bukan kunci"}
MINUTE = 60
NOON = 1_790_000_000


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "keluar"
    folder.mkdir()
    return folder


def settings_of(folder: Path | str, sftp: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"folder": str(folder), "sftp": sftp, "columns": ["id", "nama"], "quiet": 0, **changes}


def read(plain: dict[str, Any]) -> list[Row | BrokenRow]:
    rows: list[Row | BrokenRow] = []
    with closing(open_reading(plain, Surroundings(Path("/"), SECRETS))) as reading:
        stream = cast(Stream, reading)
        while True:
            rows += stream.rows()
            if not stream.confirm():
                return rows


def told(plain: dict[str, Any], kind: type[SourceError] = SourceUnreachable) -> str:
    with pytest.raises(kind) as caught:
        read(plain)
    assert PASSWORD not in caught.value.detail
    return caught.value.detail


def arrive(folder: Path, name: str, names: dict[int, str], minute: int = 0) -> Path:
    path = folder / name
    write_csv(path, names)
    os.utime(path, (NOON + MINUTE * minute,) * 2)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# --- Files


@pytest.mark.servers
def test_files_are_read_in_their_order_and_put_away(sshd: Server, inbox: Path) -> None:
    arrive(inbox, "b.csv", {1: "lama"}, 1)
    arrive(inbox, "a.csv", {1: "baru"}, 2)
    (inbox / "c.csv").write_text("salah\n")
    (inbox / "lain").mkdir()
    arrive(inbox, "d.csv.filepart", {9: "belum"})
    rows = read(settings_of(inbox, sftp_settings(sshd, sshd.port)))
    assert [list(row.cells)[1:] for row in rows if isinstance(row, Row)] == [["lama", "b.csv"], ["baru", "a.csv"]]
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == [
        "c.csv lacks the column 'id'. Its columns are: salah."
    ]
    assert names_in(inbox) == ["bad", "d.csv.filepart", "done", "lain"]
    assert names_in(inbox / "done") == ["a.csv", "b.csv"]
    assert names_in(inbox / "bad") == ["c.csv", "c.csv.txt"]
    arrive(inbox, "a.csv", {1: "lagi"})
    read(settings_of(inbox, sftp_settings(sshd, sshd.port)))
    assert len(names_in(inbox / "done")) == 3


@pytest.mark.servers
def test_a_file_that_grows_between_two_looks_waits(sshd: Server, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "a"})
    slow = arrive(inbox, "b.csv", {2: "b"})
    plain = settings_of(inbox, sftp_settings(sshd, sshd.port), quiet=1)
    with closing(open_reading(plain, Surroundings(Path("/"), SECRETS))) as reading:
        with slow.open("a") as file:
            file.write("3,c\n")
        assert [row.cells[0] for row in reading.rows() if isinstance(row, Row)] == ["1"]
        assert cast(Stream, reading).confirm() is True
        assert list(reading.rows()) == []
        assert cast(Stream, reading).confirm() is False
    assert len(read(settings_of(inbox, sftp_settings(sshd, sshd.port)))) == 2


@pytest.mark.servers
def test_what_took_the_place_of_a_file_that_was_read_stays(sshd: Server, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "lama"}, 1)
    plain = settings_of(inbox, sftp_settings(sshd, sshd.port))
    with closing(open_reading(plain, Surroundings(Path("/"), SECRETS))) as reading:
        assert len(list(reading.rows())) == 1
        arrive(inbox, "a.csv", {1: "baru"}, 2)
        cast(Stream, reading).confirm()
    assert len(read(plain)) == 1


@pytest.mark.servers
def test_links_and_what_is_too_large_are_put_apart(
    sshd: Server, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").symlink_to(arrive(tmp_path, "rahasia.csv", {1: "rahasia"}))
    (inbox / "b.csv").write_bytes(b"x" * 2_000)
    os.mkfifo(inbox / "c.csv")
    monkeypatch.setattr(limits, "SOURCE_FILE_BYTES_MAX", 1_000)
    rows = read(settings_of(inbox, sftp_settings(sshd, sshd.port)))
    assert sorted(row.reason for row in rows if isinstance(row, BrokenRow)) == [
        "a.csv is not read: it is a link, and links are not followed.",
        "b.csv is not read: it has 2,000 bytes; at most 1,000 are read.",
        "c.csv is not read: it is no file that can be read to an end.",
    ]
    assert len(names_in(inbox / "bad")) == 6


@pytest.mark.servers
def test_files_that_are_kept_are_remembered(sshd: Server, inbox: Path, kota: Kota) -> None:
    read_settings = settings_of(inbox, sftp_settings(sshd, sshd.port), after="keep")
    kota.declare(csv_source(kind="files", read=read_settings))
    arrive(inbox, "a.csv", {1: "lama"}, 1)
    assert kota.sync().rows_written == 1
    assert kota.sync().rows_read == 0
    arrive(inbox, "a.csv", {1: "baru"}, 2)
    assert kota.sync().rows_written == 1
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "baru"]
    assert names_in(inbox) == ["a.csv"]


@pytest.mark.servers
def test_a_line_that_breaks_while_a_file_comes_is_no_end_of_the_file(sshd: Server, inbox: Path) -> None:
    arrive(inbox, "a.csv", dict.fromkeys(range(30000), "x" * 100))
    with Line(sshd.port) as line:
        plain = settings_of(inbox, sftp_settings(sshd, line.port))
        with closing(open_reading(plain, Surroundings(Path("/"), SECRETS))) as reading:
            threading.Timer(0.02, line.cut).start()
            with suppress(SourceError):
                assert sum(1 for _ in reading.rows()) == 30_000
                assert cast(Stream, reading).confirm()
    assert len(read(settings_of(inbox, sftp_settings(sshd, sshd.port)))) == 30_000


@pytest.mark.servers
def test_a_folder_or_a_name_that_cannot_be_used_is_told(sshd: Server, inbox: Path) -> None:
    assert "has no folder" in told(settings_of(inbox / "lain", sftp_settings(sshd, sshd.port)))
    Path(os.fsdecode(os.fsencode(inbox) + b"/h\xe4lte.csv")).write_text("id,nama\n")
    assert "no text in UTF-8" in told(settings_of(inbox, sftp_settings(sshd, sshd.port)), SourceMismatch)


# --- Which server, and as whom


@pytest.mark.servers
def test_only_a_server_whose_key_is_known_is_talked_to(sshd: Server, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "a"})
    sftp = sftp_settings(sshd, sshd.port)
    known = Path(sftp.pop("known_hosts"))
    other = f"SHA256:{'A' * 43}"
    reason = told(settings_of(inbox, {**sftp, "host_key": [other]}))
    assert "which is not the one that was declared" in reason
    right = next(word for word in reason.split() if word.startswith("SHA256:")).rstrip(",")
    known.write_text("[127.0.0.1]:1 ssh-ed25519 AAAA\n# lain\n")
    assert "not the one that was declared" in told(settings_of(inbox, {**sftp, "known_hosts": str(known)}))
    with pytest.raises(SourceMisconfigured, match=r"known_hosts .* cannot be read"):
        read(settings_of(inbox, {**sftp, "known_hosts": str(known.with_name("tidak-ada"))}))
    assert len(read(settings_of(inbox, {**sftp, "host_key": [other, right]}))) == 1


@pytest.mark.servers
def test_a_user_that_is_refused_is_told(sshd: Server, inbox: Path) -> None:
    sftp = sftp_settings(sshd, sshd.port)
    del sftp["key"]
    assert "lets users in by other means only" in told(settings_of(inbox, {**sftp, "password": "${env:SANDI}"}))
    assert "no private key that can be read" in told(
        settings_of(inbox, {**sftp, "key": "${env:KUNCI}"}), SourceMisconfigured
    )
    assert "refuses the user" in told(settings_of(inbox, {**sftp_settings(sshd, sshd.port), "user": "siapa"}))


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return int(AUTH_SUCCESSFUL if (username, password) == ("simpul", PASSWORD) else AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(OPEN_SUCCEEDED)


class _EmptyFolder(paramiko.SFTPServerInterface):
    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        return []


@contextmanager
def password_server() -> Iterator[dict[str, Any]]:
    """A server of the library's other half, which asks for a password; one that has nothing."""
    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transports: list[paramiko.Transport] = []

        def serve() -> None:
            with suppress(OSError, EOFError, paramiko.SSHException):
                while True:
                    line, _ = listening.accept()
                    transport = paramiko.Transport(line)
                    transports.append(transport)
                    transport.add_server_key(key)
                    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _EmptyFolder)
                    transport.start_server(server=_Door())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield {
                "host": "127.0.0.1", "port": listening.getsockname()[1], "private": True, "user": "simpul",
                "password": "${env:SANDI}", "host_key": [key.fingerprint],
            }  # fmt: skip
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for transport in transports:
                transport.close()


def test_the_password_is_a_reference_and_is_used() -> None:
    with password_server() as sftp:
        assert read(settings_of("/keluar", sftp)) == []
        assert "refuses the user. Check 'user', and the secret behind" in told(
            settings_of("/keluar", {**sftp, "password": "${env:SALAH}"})
        )


def test_a_server_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        sftp = {"host": "127.0.0.1", "port": port, "private": True, "user": "a", "password": "${env:SANDI}",
                "host_key": [f"SHA256:{'A' * 43}"], "timeout": 1}  # fmt: skip
        reason = told(settings_of("/", sftp))
        assert "did not answer within 1 s" in reason or "does not answer as an SFTP server" in reason


def test_what_is_no_sftp_server_is_told() -> None:
    sftp = {"host": "127.0.0.1", "private": True, "user": "a", "password": "${env:SANDI}",
            "host_key": [f"SHA256:{'A' * 43}"], "timeout": 2}  # fmt: skip
    with run_service(lambda _: Told([])) as service:
        assert told(settings_of("/", {**sftp, "port": service.port})).endswith((".", "?"))
    assert "cannot be reached" in told(settings_of("/", {**sftp, "port": free_port()}))
    assert "add private: true" in told(settings_of("/", {**sftp, "port": free_port(), "private": False}))


# --- Declarations


@pytest.mark.parametrize(("changes", "expected"), [
    ({"password": "rahasia"}, "a secret must not stand here"),
    ({"key": "${env:A}"}, "needs one of 'password' and 'key'"),
    ({"host_key": None}, "talked to only where its key is known"),
    ({"host_key": "SHA256:abc"}, "is not a fingerprint"),
    ({"host": "sftp://x"}, "is not a host"),
    ({"user": None}, "needs 'user'"),
])  # fmt: skip
def test_a_wrong_declaration_says_what_would_be_right(kota: Kota, changes: dict[str, Any], expected: str) -> None:
    right = {"host": "sftp.example", "user": "simpul", "password": "${env:A}", "host_key": f"SHA256:{'A' * 43}"}
    sftp = {key: value for key, value in {**right, **changes}.items() if value is not None}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=settings_of("/keluar", sftp)))
    assert expected in "; ".join(problem.message for problem in load_city(kota.folder).problems)


def test_a_run_does_not_wait_for_longer_than_a_minute(kota: Kota) -> None:
    sftp = {"host": "sftp.example", "user": "simpul", "password": "${env:A}", "host_key": f"SHA256:{'A' * 43}"}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=settings_of("/keluar", sftp, quiet=61)))
    (problem,) = load_city(kota.folder).problems
    assert "write at most 60" in problem.message
