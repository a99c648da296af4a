"""Requests to other machines: which connections serve whom, and what an answer may be like. Real sockets, real TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.connections import Connections
from simpul.http_connection import Answer, HttpFailed, Request, render_head, target_of
from tests.outgoing.certificates import make_certificates

Result = TypeVar("Result")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nya"


class Server:
    """A real server that talks as a test says, and counts its connections."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.connections = 0
        self.port = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/a"


@asynccontextmanager
async def serving(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Server, Connections]]:
    """Serve on this machine; give connections that may lead here."""
    server = Server(talk)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    connections = Connections(Addresses(allow_private_addresses=True))
    try:
        yield server, connections
    finally:
        await connections.close()
        listening.close()
        await asyncio.sleep(0.01)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def answering(*answers: bytes) -> Talk:
    """Answer each request of a connection with the next of these, and close it after the last."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return talk


async def send(connections: Connections, url: str, method: str = "POST", *, is_repeatable: bool = True) -> Answer:
    return await connections.send(Request(method, url, (), b"{}", is_repeatable), 5, 1_000)


def test_requests_to_a_host_share_a_connection() -> None:
    async def work() -> None:
        async with serving(answering(*[OK] * 9)) as (server, connections):
            for _ in range(3):
                assert (await send(connections, server.url()))[:3] == (200, {"content-length": "2"}, b"ya")
            assert server.connections == 1

    asyncio.run(work())


def test_a_connection_serves_no_other_host_at_the_same_address() -> None:
    async def work() -> None:
        async with serving(answering(*[OK] * 9)) as (server, connections):
            await send(connections, server.url("127.0.0.1"))
            await send(connections, server.url("localhost"))
            assert server.connections == 2

    asyncio.run(work())


def test_tls_checks_the_name_of_each_host_though_their_address_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificates(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)

    async def work() -> None:
        async with serving(answering(*[OK] * 9), context) as (server, connections):
            assert (await send(connections, server.url("localhost", "https"))).status == 200
            with pytest.raises(ssl.SSLCertVerificationError):
                await send(connections, server.url("127.0.0.1", "https"))
            assert (await send(connections, server.url("localhost", "https"))).status == 200

    asyncio.run(work())


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)

    async def work() -> None:
        async with serving(answering(OK), context) as (server, connections):
            with pytest.raises(ssl.SSLCertVerificationError):
                await send(connections, server.url("localhost", "https"))

    asyncio.run(work())


def test_an_address_that_is_not_allowed_is_never_connected_to() -> None:
    async def work() -> None:
        async with serving(answering(OK)) as (server, _):
            strict = Connections(Addresses(allow_private_addresses=False))
            with pytest.raises(AddressRefused):
                await send(strict, server.url("localhost"))
            assert server.connections == 0

    asyncio.run(work())


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)

    async def work() -> None:
        async with serving(talk) as (server, connections):
            for _ in range(3):
                assert (await send(connections, server.url())).status == 200
            assert server.connections == 3
            with pytest.raises(HttpFailed):
                await send(connections, server.url(), is_repeatable=False)
            assert server.connections == 3

    asyncio.run(work())


def test_a_host_that_never_answers_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS_PER_HOST_MAX", 2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"localhost" in await read_request(reader):
            await reader.read()
        writer.write(OK)

    async def work() -> None:
        async with serving(talk) as (server, connections):
            slow = [asyncio.create_task(send(connections, server.url("localhost"))) for _ in range(9)]
            assert (await send(connections, server.url())).status == 200
            assert server.connections <= 3
            for one in slow:
                one.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    asyncio.run(work())


def test_the_time_for_an_answer_is_bounded_and_its_connection_is_let_go() -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with serving(talk) as (server, connections):
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await connections.send(Request("GET", server.url()), 0.05, 1_000)
            assert server.connections == 2

    asyncio.run(work())


def test_what_is_idle_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTION_IDLE_SECONDS", 0.02)
    is_closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        try:
            await reader.read()
        finally:
            is_closed.set()

    async def work() -> None:
        async with serving(talk) as (server, connections):
            await send(connections, server.url())
            await asyncio.wait_for(is_closed.wait(), 5)

    asyncio.run(work())


ANSWERS = {
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nya\r\n0\r\n\r\n", 200, b"ya"),
    "until-the-end": (b"HTTP/1.1 200 OK\r\n\r\nya", 200, b"ya"),
    "http-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nya", 200, b"ya"),
    "on-the-way": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + OK, 200, b"ya"),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "says-close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nya", 200, b"ya"),
    "two-answers": (OK + OK, 200, b"ya"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", 302, b""),
}


@pytest.mark.parametrize(("answer", "status", "body"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_taken_as_http_has_it(answer: bytes, status: int, body: bytes) -> None:
    async def work() -> None:
        async with serving(answering(answer)) as (server, connections):
            for _ in range(2):
                got = await send(connections, server.url())
                assert (got.status, got.body, got.is_cut) == (status, body, False)
                assert "link" not in got.headers

    asyncio.run(work())


NO_ANSWERS = {
    "nothing": b"",
    "no-http": b"SSH-2.0-OpenSSH\r\n",
    "cut-off": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nya",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "headers-without-end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_whole_answer_is_a_failure(answer: bytes) -> None:
    async def work() -> None:
        async with serving(answering(answer)) as (server, connections):
            with pytest.raises((HttpFailed, ConnectionError)):
                await send(connections, server.url())

    asyncio.run(work())


def test_a_long_answer_is_cut_and_its_connection_let_go() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5_000

    async def work() -> None:
        async with serving(answering(long, OK)) as (server, connections):
            for _ in range(2):
                got = await send(connections, server.url())
                assert (got.status, got.is_cut) == (200, True)
            assert server.connections == 2

    asyncio.run(work())


def test_what_is_sent_is_one_request_whatever_its_url_and_headers_hold() -> None:
    for name, value in [("a", "b\r\nc: d"), ("a", "b\nc"), ("a\r\nb", "c"), ("a: b", "c"), ("", "c"), ("a", "\0")]:
        with pytest.raises(ValueError, match="cannot be sent"):
            render_head(Request("GET", "", ((name, value),)), target_of("http://contoh.org/"))
    head = render_head(
        Request("POST", "", (("kunci", "caf\xe9"),), b"{}"),
        target_of("https://ani:sandi%401@Contoh.org:8443/a b/%20ü?q=x y\u00e9&z=%26"),
    )
    assert head.split(b"\r\n") == [
        b"POST /a%20b/%20%C3%BC?q=x%20y%C3%A9&z=%26 HTTP/1.1", b"host: contoh.org:8443", b"kunci: caf\xe9",
        b"user-agent: simpul", b"accept-encoding: identity", b"authorization: Basic YW5pOnNhbmRpQDE=",
        b"content-length: 2", b"", b"",
    ]  # fmt: skip


@pytest.mark.parametrize("url", ["ftp://contoh.org/", "http:///a", "http://[::1", "http://a:99999/", "contoh.org", ""])
def test_what_is_no_http_url_leads_nowhere(url: str) -> None:
    with pytest.raises(ValueError):
        target_of(url)


def test_hosts_are_named_as_http_has_them() -> None:
    assert target_of("http://[::1]:8080")[:3] == (("http", "::1", 8080), "/", "[::1]:8080")
    assert target_of("https://bücher.example/a").origin == ("https", "xn--bcher-kva.example", 443)
