"""Alerts are told to a webhook and by e-mail, once when they begin and once when they end, and shown on the pages."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app import sources
from simpul.app.alerts import list_alerts
from simpul.app.hub import Hub
from simpul.app.identity import anonymous, operator
from simpul.connect.alert_watch import look_at_all
from simpul.connect.city import load_city
from simpul.main import open_hub
from simpul.notifiers import SchemeNotifier
from simpul.ports.notifier import Message
from simpul.settings import Settings
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri
from tests.connect.office import ServedHub, simpul
from tests.connect.test_schedule import SetClock
from tests.outgoing.certificates import make_certificates
from tests.subscriptions.receiver import Receiver

GOOD: list[list[object]] = [["id", "nama"], *([number, f"Halte {number}"] for number in range(1, 31))]
HOUR_US = 3_600_000_000


def webhook(url: str, **more: Any) -> dict[str, Any]:
    return {"failures": 2, "to": [{"name": "operator", "webhook": url, **more}]}


class Hook(Receiver):
    """A webhook: keeps the documents that it was sent."""

    def told(self) -> list[tuple[str, Any]]:
        return [(got.body["kind"], got.body["phase"]) for got in self.accepted]


@pytest.fixture
def hook() -> Iterator[Hook]:
    one = Hook()
    yield one
    one.stop()


def with_clock(kota: Kota, work: Any) -> Any:
    """Do work(hub, clock) with a hub whose clock is set by hand, and which may call this machine."""

    async def run() -> Any:
        async with open_hub(Settings(folder=kota.folder, tenant=TENANT, allow_private_addresses=True)) as hub:
            clock = SetClock(hub.clock.now_us())
            return await work(replace(hub, clock=clock), clock)

    return asyncio.run(run())


def test_each_condition_is_told_once_when_it_begins_and_once_when_it_ends(kota: Kota, hook: Hook) -> None:
    kota.write_city(alerts=webhook(hook.uri))
    kota.write_csv("halte.csv", GOOD)
    kota.declare(csv_source(schedule={"every": "1h"}))

    async def work(hub: Hub, clock: SetClock) -> None:
        async def sync(times: int) -> None:
            for _ in range(times):
                clock.at_us += 60_000_000
                await sources.sync(operator(TENANT), hub, "halte")
                await look_at_all(hub)
                await look_at_all(hub)

        await sync(1)
        (kota.folder / "halte.csv").rename(kota.folder / "away.csv")
        await sync(4)
        for _ in range(3):
            clock.at_us += HOUR_US
            await look_at_all(hub)
        kota.write_csv("halte.csv", [["id", "nama_baru"], [1, "x"]])
        await sync(2)
        kota.write_csv("halte.csv", GOOD[:6])
        await sync(2)
        assert {one.alert.kind for one in list_alerts(operator(TENANT), hub)} == {
            "failing", "stale", "drifted", "collapsed"
        }  # fmt: skip
        (kota.folder / "away.csv").rename(kota.folder / "halte.csv")
        await sync(3)
        assert list_alerts(operator(TENANT), hub) == []

    with_clock(kota, work)
    begun = [("failing", "began"), ("stale", "began"), ("drifted", "began"), ("collapsed", "began")]
    ended = [("collapsed", "ended"), ("drifted", "ended"), ("failing", "ended"), ("stale", "ended")]
    assert hook.told() == begun + ended
    assert "There is no file" in hook.accepted[0].body["detail"]
    assert hook.accepted[0].body["page"].endswith("/sources/halte")


def test_a_letter_that_did_not_arrive_is_sent_again_and_what_follows_waits_for_it(kota: Kota) -> None:
    hook = Hook(lambda count: 500 if count < 2 else 200)
    try:
        kota.write_city(alerts=webhook(hook.uri))
        kota.declare(csv_source())

        async def work(hub: Hub, clock: SetClock) -> None:
            for _ in range(2):
                await sources.sync(operator(TENANT), hub, "halte")
            await look_at_all(hub)
            await look_at_all(hub)
            assert hook.attempts == 1
            kota.write_csv("halte.csv", GOOD)
            await sources.sync(operator(TENANT), hub, "halte")
            for _ in range(4):
                clock.at_us += int(limits.ALERT_PAUSES_SECONDS[-1] * 1_000_000)
                await look_at_all(hub)

        with_clock(kota, work)
        assert hook.told() == [("failing", "began"), ("failing", "ended")]
    finally:
        hook.stop()


def test_a_target_is_told_of_its_own_sources_and_never_at_an_address_of_this_machine(kota: Kota, hook: Hook) -> None:
    kota.write_city(alerts=webhook(hook.uri, sources=["lain"]))
    kota.declare(csv_source(), csv_source(source="lain"))
    for source_id in ("halte", "halte", "lain", "lain"):
        kota.sync(source_id)
    # This hub may not call its own machine.
    kota.with_hub(look_at_all)
    assert hook.attempts == 0
    waiting = kota.look(lambda hub: hub.alerts.list_letters(TENANT, 2**62))
    assert [(one.alert.source, one.tries) for one in waiting] == [("lain", 1)]


# --- E-mail


class Mailbox:
    """What a mail server took: it speaks TLS, and wants a user and a password."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd names it.
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mail_server(mailbox: Mailbox, tls: ssl.SSLContext, port: int, *, is_tls_first: bool) -> Iterator[None]:
    """Run a mail server of its own on this port."""
    controller = pytest.importorskip("aiosmtpd.controller", reason="the mail server of the tests is not installed")
    smtp = pytest.importorskip("aiosmtpd.smtp", reason="the mail server of the tests is not installed")

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> Any:
        is_known = (data.login, data.password) == (b"simpul", b"rahasia")
        return smtp.AuthResult(success=is_known, handled=False)

    options: dict[str, Any] = {"authenticator": authenticate}
    if is_tls_first:
        # The library knows of STARTTLS only; here all that is said is in TLS.
        options |= {"ssl_context": tls, "auth_require_tls": False}
    else:
        options |= {"tls_context": tls, "require_starttls": True, "auth_required": True}
    running = controller.Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    running.start()
    try:
        yield
    finally:
        running.stop()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    made = make_certificates(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


def mail(scheme: str, port: int, certificate: Path | None, password: str = "rahasia") -> Message:
    options = {"from": "simpul@kota.go.id", "to": "ops@kota.go.id, walidata@kota.go.id", "subject": "Halte: ç",
               "user": "simpul", "password": password}  # fmt: skip
    if certificate is not None:
        options["certificate"] = str(certificate)
    return Message(f"{scheme}://localhost:{port}", "Halte tidak terbaru – é\n".encode(), {}, options=options)


def send(message: Message, *, allow_private_addresses: bool = True) -> str | None:
    async def run() -> str | None:
        notifier = SchemeNotifier(allow_private_addresses=allow_private_addresses)
        try:
            return (await notifier.send(message)).failure
        finally:
            await notifier.close()

    return asyncio.run(run())


@pytest.mark.parametrize("is_tls_first", [True, False], ids=["smtps", "starttls"])
def test_an_e_mail_arrives_over_tls_and_only_where_the_certificate_and_the_password_fit(
    tls: ssl.SSLContext, tmp_path: Path, free_port: int, is_tls_first: bool
) -> None:
    mailbox, scheme, authority = Mailbox(), "smtps" if is_tls_first else "smtp", tmp_path / "authority.pem"
    port = free_port
    with mail_server(mailbox, tls, port, is_tls_first=is_tls_first):
        assert send(mail(scheme, port, authority)) is None
        assert "not trusted" in (send(mail(scheme, port, None)) or "")
        assert "does not know the user" in (send(mail(scheme, port, authority, "salah")) or "")
        assert "private network" in (send(mail(scheme, port, authority), allow_private_addresses=False) or "")
    assert len(mailbox.mails) == 1
    got = mailbox.mails[0]
    assert (got["Subject"], got["To"]) == ("Halte: ç", "ops@kota.go.id, walidata@kota.go.id")
    assert got.get_content().replace("\r\n", "\n") == "Halte tidak terbaru – é\n"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Message-ID"].endswith("@kota.go.id>")
    assert got["Date"] is not None


def test_an_alert_is_told_by_e_mail(
    kota: Kota, tls: ssl.SSLContext, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDI_SURAT", "rahasia")
    mailbox = Mailbox()
    port = free_port
    with mail_server(mailbox, tls, port, is_tls_first=True):
        target = {
            "name": "surat", "email": "ops@kota.go.id", "from": "simpul@kota.go.id",
            "server": f"smtps://localhost:{port}", "certificate": str(tmp_path / "authority.pem"),
            "auth": {"user": "simpul", "password": "${env:SANDI_SURAT}"},
        }  # fmt: skip
        kota.write_city(alerts={"failures": 1, "to": [target]})
        kota.declare(csv_source())

        async def work(hub: Hub, clock: SetClock) -> None:
            await sources.sync(operator(TENANT), hub, "halte")
            await look_at_all(hub)

        with_clock(kota, work)
    assert [mail["Subject"] for mail in mailbox.mails] == ["[kota] Halte: gagal dibaca berulang kali"]


@pytest.mark.parametrize(("target", "words"), [
    ({"name": "a"}, "either a webhook or has e-mail"),
    ({"name": "a", "webhook": "ftp://x"}, "no URL"),
    ({"name": "a", "webhook": "https://x/y", "from": "a@b.id"}, "is for e-mail"),
    ({"name": "a", "email": "a@b.id"}, "e-mail needs 'from'"),
    ({"name": "a", "email": "a", "from": "a@b.id", "server": "smtps://m"}, "no e-mail address"),
    ({"name": "a", "email": "a@b.id", "from": "a@b.id", "server": "https://m"}, "no mail server"),
    ({"name": "a", "webhook": "https://x/y", "sources": ["hlte"]}, "did you mean 'halte'?"),
    ({"name": "a", "email": "a@b.id", "from": "a@b.id", "server": "smtps://m",
      "auth": {"user": "u", "password": "rahasia"}}, "must not stand here"),
])  # fmt: skip
def test_a_target_that_cannot_be_told_is_refused_with_what_would_be_right(
    kota: Kota, target: dict[str, Any], words: str
) -> None:
    kota.write_city(alerts={"to": [target]})
    kota.write("sources/halte.yaml", csv_source())
    problems = load_city(kota.folder).problems
    assert len(problems) == 1
    assert words in str(problems[0])


# --- What people see


def visit(hub: ServedHub, paths: Sequence[str]) -> dict[str, str]:
    """Return the pages, each of which has to be one."""
    pages = {}
    for path in paths:
        answer = httpx2.get(f"{hub.url}{path}", headers={"accept-language": "id"}, trust_env=False)
        assert answer.status_code == 200, path
        pages[path] = answer.text
    return pages


def test_a_dead_system_is_shown_as_stale_with_its_last_good_data(kota: Kota, free_port: int) -> None:
    kota.write_city(alerts={"failures": 2})
    kota.write_csv("halte.csv", GOOD)
    kota.declare(csv_source())
    kota.sync()
    (kota.folder / "halte.csv").unlink()
    # Longer than runs are looked at.
    for _ in range(25):
        kota.sync()
    entity = f"/entities/{entity_uri('BusStop', '7')}"
    with ServedHub(kota, free_port) as hub:
        pages = visit(hub, ["/", "/sources", "/sources/halte", "/entities?type=BusStop", entity])
    for path in ("/", "/sources", "/sources/halte"):
        assert "Gagal terus-menerus" in pages[path]
        assert "halte.csv" not in pages[path]
    assert "Halte 7" in pages[entity]
    assert "tidak membawa data baru" in pages[entity]
    assert "data-relative" in pages[entity].partition("tidak membawa data baru")[2][:400]
    told = simpul("source", "alerts", "--folder", str(kota.folder))
    assert told.startswith("halte: failing since ")
    assert "There is no file" in told


def test_strangers_hear_of_an_alert_and_not_why(kota: Kota) -> None:
    kota.write_city(alerts={"failures": 1})
    kota.declare(csv_source())
    kota.sync()

    def look(hub: Hub) -> tuple[str, str]:
        return tuple(list_alerts(who, hub)[0].alert.detail for who in (anonymous(hub, TENANT), operator(TENANT)))  # type: ignore[return-value]  # There are two.

    stranger, keeper = kota.look(look)
    assert stranger == ""
    assert "There is no file" in keeper


def test_alerts_go_with_their_source(kota: Kota) -> None:
    kota.write_city(alerts={"failures": 1})
    kota.declare(csv_source())
    kota.sync()
    (kota.folder / "sources" / "halte.yaml").unlink()
    kota.declare()
    assert kota.look(lambda hub: hub.alerts.list_alerts(TENANT, only_open=False, limit=9)) == []
