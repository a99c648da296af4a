"""Files that arrive as attachments in a mailbox of Debian's dovecot: whose, which, and what goes wrong."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Stream, Surroundings
from simpul.connectors.files.reader import open_reading
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.mail_server import run_dovecot
from tests.connect.parts.files import mail, mailbox_settings, message
from tests.connect.servers import PASSWORD, Server, free_port

GOOD = b"id,nama\n1,a\n"


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of this test alone."""
    return f"uji-{abs(hash(request.node.nodeid)) % 10**9}"


def settings_of(server: Server, user: str, **changes: Any) -> dict[str, Any]:
    box = {**mailbox_settings(server, server.port, user), **changes.pop("mailbox", {})}
    return {"folder": "INBOX", "mailbox": box, "columns": ["id", "nama"], **changes}


def send(server: Server, user: str, *messages: bytes) -> None:
    with mail(server, user) as client:
        for one in messages:
            client.append("INBOX", "", "", one)


def read(plain: dict[str, Any]) -> list[Row | BrokenRow]:
    rows: list[Row | BrokenRow] = []
    with closing(open_reading(plain, Surroundings(Path("/"), {"SALAH": "salah"}))) as reading:
        stream = cast(Stream, reading)
        while True:
            rows += stream.rows()
            if not stream.confirm():
                return rows


def cells(rows: list[Row | BrokenRow]) -> list[list[Any]]:
    assert not any(isinstance(row, BrokenRow) for row in rows)
    return [list(row.cells) for row in rows if isinstance(row, Row)]


def reasons(rows: list[Row | BrokenRow]) -> list[str]:
    return [row.reason for row in rows if isinstance(row, BrokenRow)]


def told(plain: dict[str, Any], kind: type[SourceError] = SourceUnreachable) -> str:
    with pytest.raises(kind) as caught:
        read(plain)
    assert PASSWORD not in caught.value.detail
    return caught.value.detail


def counts(server: Server, user: str) -> dict[str, int]:
    """Return how many messages there are, by mailbox."""
    with mail(server, user) as client:
        _, found = client.list()
        names = sorted(line.rpartition(b" ")[2].strip(b'"').decode() for line in found if isinstance(line, bytes))
        return {name: int(client.select(f'"{name}"')[1][0] or b"0") for name in names}


# --- Messages


@pytest.mark.servers
def test_attachments_are_read_in_the_order_of_their_messages_which_are_moved(dovecot: Server, user: str) -> None:
    send(
        dovecot,
        user,
        message({"b.csv": b"id,nama\n1,lama\n", "tanda-tangan.png": b"\x89PNG"}),
        message({"a.csv": b"id,nama\n1,baru\n", "c.csv": b"id,nama\n2,lain\n"}),
    )
    rows = read(settings_of(dovecot, user))
    assert cells(rows) == [["1", "lama", "b.csv"], ["1", "baru", "a.csv"], ["2", "lain", "c.csv"]]
    assert [row.number for row in rows] == sorted({row.number for row in rows})
    assert counts(dovecot, user) == {"INBOX": 0, "INBOX.done": 2}
    assert read(settings_of(dovecot, user)) == []


@pytest.mark.servers
@pytest.mark.parametrize("sender", [
    "jahat@lain.example", "budi@dishub.example.lain.example", "budi@dishub.example, jahat@lain.example",
    '"budi@dishub.example" <jahat@lain.example>', "",
])  # fmt: skip
def test_messages_of_others_are_left_alone(dovecot: Server, user: str, sender: str) -> None:
    send(dovecot, user, message({"a.csv": GOOD}, sender))
    assert read(settings_of(dovecot, user)) == []
    assert counts(dovecot, user) == {"INBOX": 1}


@pytest.mark.servers
def test_a_sender_is_an_address_or_a_domain_in_any_letters(dovecot: Server, user: str) -> None:
    send(dovecot, user, message({"a.csv": GOOD}, "BUDI@Dishub.Example"), message({"b.csv": GOOD}, "siti@lain.example"))
    wanted = {"senders": ["Siti@lain.example", "ani@x.example", "@dishub.example"]}
    assert [row[2] for row in cells(read(settings_of(dovecot, user, mailbox=wanted)))] == ["a.csv", "b.csv"]


@pytest.mark.servers
def test_a_message_that_cannot_be_read_is_moved_apart_and_the_others_go_on(
    dovecot: Server, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAIL_MESSAGE_BYTES_MAX", 20_000)
    send(
        dovecot,
        user,
        message({}),
        message({"a.csv": b"salah\n", "b.csv": GOOD}),
        message({"c.zip": b"PK\x03\x04"}),
        message({"d.csv": b"x" * 20_000}),
        b"From: budi@dishub.example\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\xff\x00",
        message({"e.xlsx": b"PK\x03\x04 rusak"}),
        message({"../../f.csv": GOOD}),
    )
    rows = read(settings_of(dovecot, user, pattern=["*"]))
    assert [list(row.cells) for row in rows if isinstance(row, Row)] == [["1", "a", "b.csv"], ["1", "a", "f.csv"]]
    found = reasons(rows)
    assert found[0] == "message 1 is not read: it has no attachment whose name matches the pattern."
    assert found[1] == "a.csv lacks the column 'id'. Its columns are: salah."
    assert found[2] == "message 3 is not read: its attachment c.zip is packed; let the table itself be attached."
    assert found[3].startswith("message 4 is not read: it has ")
    assert found[3].endswith("bytes; at most 20,000 are read.")
    assert found[4] == "message 5 is not read: its parts have no boundary."
    assert "e.xlsx cannot be read as a workbook" in found[5]
    assert counts(dovecot, user) == {"INBOX": 0, "INBOX.bad": 6, "INBOX.done": 1}


@pytest.mark.servers
def test_a_message_that_was_taken_away_is_no_loss(dovecot: Server, user: str) -> None:
    send(dovecot, user, message({"a.csv": GOOD}))
    with closing(open_reading(settings_of(dovecot, user), Surroundings(Path("/")))) as reading:
        with mail(dovecot, user) as client:
            client.store("1", "+FLAGS", r"\Deleted")
            client.expunge()
        assert list(reading.rows()) == []
        assert cast(Stream, reading).confirm() is False


@pytest.mark.servers
def test_only_messages_from_a_day_on_are_read(dovecot: Server, user: str) -> None:
    with mail(dovecot, user) as client:
        client.append("INBOX", "", '"30-Oct-2026 12:00:00 +0700"', message({"a.csv": GOOD}))
        client.append("INBOX", "", '"01-Nov-2026 12:00:00 +0700"', message({"b.csv": GOOD}))
    found = cells(read(settings_of(dovecot, user, mailbox={"since": "2026-11-01"}, after="keep")))
    assert [row[2] for row in found] == ["b.csv"]


@pytest.mark.servers
def test_only_so_many_messages_are_held_in_mind(dovecot: Server, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILES_WAITING_MAX", 2)
    send(dovecot, user, *(message({f"{number}.csv": GOOD}) for number in range(3)))
    assert "more than 2 messages" in told(settings_of(dovecot, user, after="keep"), SourceMismatch)
    assert len(read(settings_of(dovecot, user))) == 2
    assert len(read(settings_of(dovecot, user))) == 1


# --- Runs


@pytest.mark.servers
def test_messages_that_are_kept_are_remembered(dovecot: Server, user: str, kota: Kota) -> None:
    kota.declare(csv_source(kind="files", read=settings_of(dovecot, user, after="keep")))
    send(dovecot, user, message({"a.csv": b"id,nama\n1,lama\n"}))
    assert kota.sync().rows_written == 1
    send(dovecot, user, message({"a.csv": b"id,nama\n1,baru\n"}))
    run = kota.sync()
    assert (run.error, run.rows_read) == (None, 1)
    assert kota.sync().rows_read == 0
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "baru"]
    assert counts(dovecot, user) == {"INBOX": 2}


@pytest.mark.servers
def test_messages_that_are_numbered_anew_are_not_read_twice(dovecot: Server, user: str, kota: Kota) -> None:
    plain = settings_of(dovecot, user, after="keep")
    kota.declare(csv_source(kind="files", read=plain))
    send(dovecot, user, message({"a.csv": GOOD}))
    assert kota.sync().error is None
    # What a restored mailbox looks like: the same messages, and no memory of their numbers.
    box = Path(dovecot.url) / "mail" / user
    for path in box.glob("dovecot*"):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    (box / "dovecot-uidlist").write_text("3 V1234567 N2\n1 :tidak-ada\n")
    error = kota.sync().error
    assert error is not None
    assert "has numbered its messages anew (UIDVALIDITY)" in error
    changed = settings_of(dovecot, user, after="keep", mailbox={"since": "2026-01-01"})
    kota.declare(csv_source(kind="files", read=changed))
    assert kota.sync().error is None


# --- Which server, and as whom


@pytest.mark.servers
def test_what_does_not_fit_is_told(dovecot: Server, user: str) -> None:
    wrong = told(settings_of(dovecot, user, mailbox={"password": "${env:SALAH}"}))
    assert "refuses the user. Check 'user', and the secret behind 'password'" in wrong
    other = told(settings_of(dovecot, user, folder="Kantor"))
    assert "has no mailbox Kantor for this user. Its mailboxes: INBOX." in other
    plain = settings_of(dovecot, user)
    del plain["mailbox"]["certificate"]
    assert "a certificate that nobody vouches for" in told(plain)
    assert read({**plain, "mailbox": {**plain["mailbox"], "self_signed": True}}) == []
    assert "add private: true" in told(settings_of(dovecot, user, mailbox={"private": False}))


@pytest.mark.servers
def test_a_certificate_that_expired_is_told(user: str) -> None:
    with run_dovecot(days=-1) as server:
        assert "has expired. The agency has to renew it" in told(settings_of(server, user))


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_server_that_hangs_or_is_not_there_is_given_up(silent: int) -> None:
    box = {"host": "127.0.0.1", "private": True, "user": "a", "password": "${env:SALAH}", "senders": ["@a.b"],
           "timeout": 1}  # fmt: skip
    plain = {"folder": "INBOX", "columns": ["id"], "mailbox": {**box, "port": silent}}
    assert "did not answer within 1 s" in told(plain)
    assert "cannot be reached" in told({**plain, "mailbox": {**box, "port": free_port()}})


# --- Declarations


@pytest.mark.parametrize(("changes", "expected"), [
    ({"password": "rahasia"}, "a secret must not stand here"),
    ({"senders": None}, "needs 'senders'"),
    ({"senders": "budi"}, "is not an address"),
    ({"senders": 'a" OR ALL@b'}, "is not an address"),
    ({"since": "kemarin"}, "is no day"),
    ({"self_signed": True, "certificate": "a.pem"}, "leave 'self_signed' out"),
    ({"host": "imap://x"}, "is not a host"),
])  # fmt: skip
def test_a_wrong_declaration_says_what_would_be_right(kota: Kota, changes: dict[str, Any], expected: str) -> None:
    right = {"host": "mail.example", "user": "simpul", "password": "${env:A}", "senders": "@dishub.example"}
    box = {key: value for key, value in {**right, **changes}.items() if value is not None}
    plain = {"folder": "INBOX", "mailbox": box, "columns": ["id", "nama"]}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=plain))
    assert expected in "; ".join(problem.message for problem in load_city(kota.folder).problems)


@pytest.mark.parametrize(("changes", "expected"), [
    ({"folder": "Surat \u00e9"}, "letters without accents"),
    ({"folder": 'a" b'}, "letters without accents"),
    ({"quiet": 5}, "a message comes whole"),
    ({"sftp": {"host": "x", "user": "a", "password": "${env:A}", "known_hosts": "k"}}, "make two sources of it"),
])  # fmt: skip
def test_what_a_mailbox_has_not_is_refused(kota: Kota, changes: dict[str, Any], expected: str) -> None:
    box = {"host": "mail.example", "user": "simpul", "password": "${env:A}", "senders": "@dishub.example"}
    plain = {"folder": "INBOX", "mailbox": box, "columns": ["id", "nama"], **changes}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=plain))
    assert expected in "; ".join(problem.message for problem in load_city(kota.folder).problems)
