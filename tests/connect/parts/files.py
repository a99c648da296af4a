"""Where files arrive: a folder, one of Debian's OpenSSH server, and a mailbox of its dovecot."""

from __future__ import annotations

import csv
import imaplib
import io
import os
import pwd
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

from tests.connect.line import Line
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place
from tests.connect.servers import PASSWORD, Server

_numbers = count(1)


def write_csv(path: Path, names: Mapping[int, str]) -> None:
    """Write a file with these rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "nama"), *names.items()])


class FolderPart(Part):
    """A folder below the city's."""

    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    @property
    def read(self) -> dict[str, Any]:
        return {"folder": self._folder.name, "columns": ["id", "nama"], "quiet": 0}

    def fill(self, names: Mapping[int, str]) -> None:
        for path in self._folder.glob("*.csv"):
            path.unlink()
        write_csv(self._folder / f"halte-{next(_numbers)}.csv", names)

    def take_away(self) -> None:
        self._folder.rename(self._folder.with_name("elsewhere"))

    def bring_back(self) -> None:
        self._folder.with_name("elsewhere").rename(self._folder)


def sftp_settings(server: Server, port: int) -> dict[str, Any]:
    """Return how the server is reached over a port that leads to it."""
    folder = Path(server.url)
    kind, key, *_ = (folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    return {
        "host": "127.0.0.1",
        "port": port,
        "private": True,
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "key": f"${{file:{folder}/key}}",
        "known_hosts": str(folder / "known_hosts"),
    }


class SftpPart(FolderPart):
    """A folder of an SFTP server."""

    def __init__(self, folder: Path, server: Server, line: Line) -> None:
        super().__init__(folder)
        self._line = line
        self._server = server

    @property
    def read(self) -> dict[str, Any]:
        return {**super().read, "folder": str(self._folder), "sftp": sftp_settings(self._server, self._line.port)}

    def take_away(self) -> None:
        self._line.cut()

    def bring_back(self) -> None:
        self._line.mend()


@contextmanager
def sftp_part(place: Place) -> Iterator[Part]:
    server = place.server("sshd")
    with Line(server.port) as line:
        yield SftpPart(place.folder / "masuk", server, line)


def mailbox_settings(server: Server, port: int, user: str) -> dict[str, Any]:
    """Return how a user's mailbox is reached over a port that leads to the server."""
    (Path(server.url) / "secret").write_text(PASSWORD, encoding="utf-8")
    return {
        "host": "127.0.0.1",
        "port": port,
        "private": True,
        "user": user,
        "password": f"${{file:{server.url}/secret}}",
        "certificate": f"{server.url}/server.pem",
        "senders": ["@dishub.example"],
    }


@contextmanager
def mail(server: Server, user: str) -> Iterator[imaplib.IMAP4_SSL]:
    """A user's INBOX, open to be changed."""
    context = ssl.create_default_context(cafile=f"{server.url}/server.pem")
    with imaplib.IMAP4_SSL("127.0.0.1", server.port, ssl_context=context, timeout=30) as client:
        client.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        client.select("INBOX")
        yield client


def message(files: Mapping[str, bytes], sender: str = "Budi <budi@dishub.example>") -> bytes:
    """Return a message with these files attached."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "simpul@kota.example", "Data halte"
    made.set_content("Terlampir.")
    for name, content in files.items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


class MailboxPart(Part):
    """The mailbox of a user of its own."""

    kind = "files"
    rows_beyond_buffers = 15_000

    def __init__(self, server: Server, line: Line) -> None:
        self._server = server
        self._line = line
        self._user = f"bagian-{next(_numbers)}"

    @property
    def read(self) -> dict[str, Any]:
        settings = mailbox_settings(self._server, self._line.port, self._user)
        return {"folder": "INBOX", "mailbox": settings, "columns": ["id", "nama"]}

    def fill(self, names: Mapping[int, str]) -> None:
        out = io.StringIO(newline="")
        csv.writer(out).writerows([("id", "nama"), *names.items()])
        with mail(self._server, self._user) as client:
            if client.search(None, "ALL")[1][0]:
                client.store("1:*", "+FLAGS", r"\Deleted")
                client.expunge()
            client.append("INBOX", "", "", message({"halte.csv": out.getvalue().encode()}))

    def take_away(self) -> None:
        self._line.cut()

    def bring_back(self) -> None:
        self._line.mend()


@contextmanager
def mailbox_part(place: Place) -> Iterator[Part]:
    server = place.server("dovecot")
    with Line(server.port) as line:
        yield MailboxPart(server, line)


@contextmanager
def folder_part(place: Place) -> Iterator[Part]:
    yield FolderPart(place.folder / "masuk")


PARTS = {"files": folder_part}
SERVER_PARTS = {"files-sftp": sftp_part, "files-mailbox": mailbox_part}
