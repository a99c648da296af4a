"""Services that answer in JSON, on a real server: lists, pages, who asks, pace, and all that goes wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from simpul import addresses, limits
from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Surroundings, get_connector
from simpul.connectors.rest.reader import find, find_rows, flat, open_reading
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source
from tests.connect.service import Asked, Service, Told, make_certificate, run_service

ROWS = [{"id": number, "nama": f"Halte {number}"} for number in range(1, 8)]
Serve = Callable[..., Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves a body, or what a function answers."""
    with ExitStack() as stack:

        def start(answer: Any, certificate: Path | None = None) -> Service:
            give = answer if callable(answer) else lambda _: answer if isinstance(answer, Told) else Told(answer)
            return stack.enter_context(run_service(give, certificate))

        yield start


def read(service: Service, folder: Path = Path("/"), **settings: Any) -> tuple[tuple[str, ...], list[Row | BrokenRow]]:
    plain = {"url": f"{service.url}/api/halte", "private": True, **settings}
    with closing(open_reading(plain, Surroundings(folder, {"SANDI": "r:ahasia"}))) as reading:
        return reading.columns, list(reading.rows())


def cells(service: Service, **settings: Any) -> list[list[Any]]:
    _, rows = read(service, **settings)
    assert not any(isinstance(row, BrokenRow) for row in rows)
    return [list(row.cells) for row in rows if isinstance(row, Row)]


def detail(service: Service, kind: type[SourceError] = SourceMismatch, **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        read(service, **settings)
    return caught.value.detail


# --- Lists


@pytest.mark.parametrize("wrapper", [
    lambda rows: rows, lambda rows: {"data": rows},
    lambda rows: {"status": 1, "result": {"records": rows, "fields": []}},
    lambda rows: {"errors": [], "payload": {"a": {"b": rows}}}, lambda rows: {"tags": ["x", "y"], "data": rows},
], ids=["bare", "data", "deep", "deeper", "beside-texts"])  # fmt: skip
def test_the_list_is_found_in_whatever_it_is_wrapped(wrapper: Callable[[Any], Any]) -> None:
    assert find_rows(wrapper(ROWS), (), "x") == ROWS


def test_a_list_that_is_named_is_taken_and_the_first_place_that_is_there_counts() -> None:
    document = {"data": {"items": ROWS}, "users": [{"id": 1}]}
    assert find_rows(document, ("hasil", "data.items"), "x") == ROWS
    with pytest.raises(SourceMismatch, match=r"no list at hasil\. Lists are at: data\.items, users"):
        find_rows(document, ("hasil",), "x")
    with pytest.raises(SourceMismatch, match="which list is meant"):
        find_rows(document, (), "x")


def test_records_under_their_keys_are_a_list() -> None:
    document = {"kelurahan": {"13.71.01": {"nama": "A"}, "13.71.02": {"nama": "B"}}}
    assert find_rows(document, ("kelurahan",), "x") == [
        {"@key": "13.71.01", "nama": "A"},
        {"@key": "13.71.02", "nama": "B"},
    ]


def test_members_of_members_are_columns_and_geometries_stay_whole() -> None:
    point = {"type": "Point", "coordinates": [100.3, -0.9]}
    record = {"a": {"b": 1, "c": {"d": 2}}, "e": [1], "f": {}, "lokasi": point}
    assert flat(record) == {"a.b": 1, "a.c.d": 2, "e": [1], "f": {}, "lokasi": point}
    assert find({"a": [{"b": 5}]}, "a.0.b") == 5


def test_records_are_rows_with_the_columns_of_all_of_them(serve: Serve) -> None:
    service = serve([{"id": 1, "alamat": {"jalan": "X"}}, {"id": 2, "nama": "B"}, "bukan", None])
    columns, rows = read(service, columns=["kode"])
    assert columns == ("id", "alamat.jalan", "nama", "kode")
    assert rows[:2] == [Row(1, [1, "X", None, None]), Row(2, [2, None, "B", None])]
    assert [(row.number, row.raw) for row in rows[2:] if isinstance(row, BrokenRow)] == [
        (3, {"record": '"bukan"'}),
        (4, {"record": "null"}),
    ]


def test_numbers_that_come_as_text_are_numbers_in_the_hub(kota: Kota, serve: Serve) -> None:
    service = serve({"data": [{"id": "1", "serapan": "77,14 %", "pagu": "Rp 1.234.567", "nilai": "77.14 %"}]})
    attributes = {
        "absorbed": {"column": "serapan", "number": "indonesian", "unit": "P1"},
        "budget": {"column": "pagu", "number": "indonesian"},
        "score": {"column": "nilai", "number": "plain"},
    }
    entity = {"type": "Budget", "id": "urn:ngsi-ld:Budget:kota:{id}", "attributes": attributes}
    kota.declare(csv_source(kind="rest", read={"url": service.url, "private": True}, entity=entity))
    assert kota.sync().error is None
    assert kota.values("urn:ngsi-ld:Budget:kota:1") == {"absorbed": 77.14, "budget": 1_234_567, "score": 77.14}


# --- Pages


def paged(asked: Asked) -> Told:
    """Answer by page and per_page."""
    page, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 3))
    rows = ROWS[(page - 1) * size : page * size]
    return Told({"data": rows, "page": page, "total": len(ROWS), "pagination": {"has_next": page * size < len(ROWS)}})


@pytest.mark.parametrize("pages", [
    {"style": "page", "size": 3, "size_parameter": "per_page"},
    {"style": "page", "size": 7, "size_parameter": "per_page"},
    {"style": "page"},
    {"style": "page", "more": "pagination.has_next"},
    {"style": "page", "total": "total"},
], ids=["size", "one-page", "until-empty", "more", "total"])  # fmt: skip
def test_pages_are_asked_for_by_their_number(serve: Serve, pages: dict[str, Any]) -> None:
    service = serve(paged)
    assert cells(service, pages=pages, query={"tahun": "2015"}) == [[row["id"], row["nama"]] for row in ROWS]
    assert {asked.query["tahun"] for asked in service.asked} == {"2015"}
    assert [asked.query["page"] for asked in service.asked][:1] == ["1"]


def test_pages_are_asked_for_by_the_rows_before_them(serve: Serve) -> None:
    service = serve(lambda asked: Told(ROWS[int(asked.query["skip"]) : int(asked.query["skip"]) + 2]))
    assert len(cells(service, pages={"style": "offset", "parameter": "skip", "size": 2})) == 7
    assert [asked.query["skip"] for asked in service.asked] == ["0", "2", "4", "6"]


def test_pages_are_asked_for_by_the_mark_that_the_answer_holds(serve: Serve) -> None:
    def answer(asked: Asked) -> Told:
        start = int(asked.query.get("after", "m0")[1:])
        return Told({"items": ROWS[start : start + 3], "meta": {"next": f"m{start + 3}" if start + 3 < 7 else None}})

    service = serve(answer)
    assert len(cells(service, pages={"style": "cursor", "parameter": "after", "next": "meta.next"})) == 7
    assert len(service.asked) == 3


@pytest.mark.parametrize("place", ["header", "body"])
def test_pages_are_asked_for_by_the_link_to_the_next(serve: Serve, place: str) -> None:
    def answer(asked: Asked) -> Told:
        start = int(asked.query.get("dari", 0))
        link = f"/api/halte?dari={start + 3}" if start + 3 < len(ROWS) else None
        headers = {"link": f'<http://x/y>; rel="prev", <{link}>; rel="next"'} if link and place == "header" else {}
        return Told({"results": ROWS[start : start + 3], "next": link}, headers=headers)

    pages = {"style": "link"} if place == "header" else {"style": "link", "next": "next"}
    assert len(cells(serve(answer), pages=pages)) == 7


def test_a_link_to_another_host_is_not_followed(serve: Serve) -> None:
    service = serve({"results": ROWS, "next": "http://169.254.169.254/latest/meta-data"})
    assert "another host, which is not followed" in detail(service, pages={"style": "link", "next": "next"})
    redirecting = serve(Told(status=302, headers={"location": f"http://127.0.0.1:{service.port}/x"}))
    assert "another host" in detail(redirecting)
    assert len(service.asked) == 1


def test_a_redirect_on_the_same_host_is_followed(serve: Serve) -> None:
    def answer(asked: Asked) -> Told:
        return Told(ROWS) if asked.path == "/v2" else Told(status=301, headers={"location": "/v2"})

    assert len(cells(serve(answer))) == 7
    assert "redirects more than 3 times" in detail(serve(Told(status=301, headers={"location": "/"})))


def test_the_same_page_again_and_again_is_told(serve: Serve) -> None:
    told = detail(serve(ROWS), pages={"style": "page", "parameter": "hal", "size": 7})
    assert "seems not to know the parameter 'hal'" in told


def test_a_list_that_ends_before_its_told_end_is_not_taken_for_whole(serve: Serve) -> None:
    service = serve(lambda asked: Told({"total": 9, "data": ROWS if asked.query["page"] == "1" else []}))
    assert "says that it has 9 rows, and gave 7" in detail(service, pages={"style": "page", "total": "total"})


def test_pages_without_an_end_are_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REST_PAGES_MAX", 3)
    service = serve(lambda asked: Told([{"id": int(asked.query["page"])}]))
    assert "has more than 3 pages" in detail(service, pages={"style": "page"})


# --- Who asks


@pytest.mark.parametrize(("auth", "header", "value"), [
    ({"token": "${env:SANDI}"}, "authorization", "Bearer r:ahasia"),
    ({"user": "dishub", "password": "${env:SANDI}"}, "authorization", "Basic ZGlzaHViOnI6YWhhc2lh"),
    ({"header": "X-Api-Key", "value": "${env:SANDI}"}, "x-api-key", "r:ahasia"),
], ids=["token", "basic", "header"])  # fmt: skip
def test_who_asks_is_said_with_secrets_from_elsewhere(
    serve: Serve, auth: dict[str, str], header: str, value: str
) -> None:
    service = serve(ROWS)
    read(service, auth=auth)
    assert service.asked[0].headers[header] == value


def test_a_secret_comes_from_a_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "kunci").write_text("rahasia\n")
    service = serve(ROWS)
    read(service, tmp_path, auth={"token": "${file:kunci}"}, query={"key": "${file:kunci}"})
    assert service.asked[0].headers["authorization"] == "Bearer rahasia"
    assert service.asked[0].query["key"] == "rahasia"


def test_a_refusal_is_told_without_the_secret(serve: Serve) -> None:
    told = detail(
        serve(Told(status=401)), SourceUnreachable, auth={"token": "${env:SANDI}"}, query={"key": "${env:SANDI}"}
    )
    assert "refuses us (status 401). Check 'auth'" in told
    assert "ahasia" not in told


@pytest.mark.parametrize(("read_keys", "told"), [
    ({"auth": {"token": "abc"}}, "a secret must not stand here"),
    ({"auth": {"user": "a", "password": "b"}}, "a secret must not stand here"),
    ({"auth": {"user": "a"}}, "'auth' needs one of"),
    ({"headers": {"Authorization": "Bearer abc"}}, "Authorization looks like a secret"),
    ({"query": {"api_key": "abc"}}, "api_key looks like a secret"),
    ({"url": "https://a:b@x/y"}, "write them under 'auth'"),
    ({"url": "https://x/y?token=abc"}, "the URL holds a secret (token)"),
    ({"url": "ftp://x/y"}, "write http://… or https://…"),
    ({"pages": {"style": "cursor"}}, "need 'next'"),
    ({"pages": {"style": "seite"}}, "expected one of page, offset, cursor, link"),
    ({"pages": {"style": "page", "size_parameter": "n"}}, "needs 'size'"),
    ({"requests_per_second": 0}, "more than 0"),
    ({"self_signed": True, "certificate": "a.pem"}, "leave 'self_signed' out"),
    ({"list": "data..items"}, "write names with dots between"),
], ids=lambda value: value if isinstance(value, str) else None)  # fmt: skip
def test_what_a_declaration_must_not_say_is_told(kota: Kota, read_keys: dict[str, Any], told: str) -> None:
    kota.write("sources/halte.yaml", csv_source(kind="rest", read={"url": "https://x/y", **read_keys}))
    assert any(told in problem.message for problem in load_city(kota.folder).problems)


def test_a_declaration_without_secrets_is_right(kota: Kota) -> None:
    keys = {"url": "https://x/y?tahun=2015", "query": {"kunci": "a"}, "headers": {"Accept-Language": "id"},
            "auth": {"header": "X-Key", "value": "${env:A}"}, "requests_per_second": 0.5}  # fmt: skip
    kota.write("sources/halte.yaml", csv_source(kind="rest", read=keys))
    assert load_city(kota.folder).problems == []
    assert get_connector("rest").settings.schema()["required"] == ["url"]


# --- Pace


@pytest.mark.parametrize("when", ["0", "date", "nonsense"])
def test_a_service_that_asks_to_wait_is_waited_for(serve: Serve, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REST_RETRY_SECONDS", (0.0, 0.1))
    header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 1)) if when == "date" else when
    answers = [Told(status=429, headers={"retry-after": header}), Told(status=503, headers={"retry-after": "0"}),
               Told(status=429), Told(ROWS)]  # fmt: skip
    service = serve(lambda _: answers.pop(0))
    assert len(cells(service)) == 7
    assert len(service.asked) == 4


def test_a_service_that_asks_to_wait_too_long_is_told(serve: Serve) -> None:
    service = serve(Told(status=429, headers={"retry-after": "86400"}))
    assert "asks to be left alone for 86400 s" in detail(service, SourceUnreachable)
    service = serve(Told(status=429, headers={"retry-after": "0"}))
    assert "asks to be left alone" in detail(service, SourceUnreachable)
    assert len(service.asked) == limits.REST_WAITS_MAX + 1


def test_the_pace_that_was_declared_is_kept(serve: Serve) -> None:
    service = serve(paged)
    begin = time.monotonic()
    cells(service, pages={"style": "page", "more": "pagination.has_next"}, requests_per_second=20)
    assert time.monotonic() - begin >= 2 / 20
    assert len(service.asked) == 3


# --- What goes wrong


@pytest.mark.parametrize(("answer", "kind", "told"), [
    (Told(b"<!doctype html><title>Masuk</title>"), SourceMismatch, "answers with a page, not with JSON"),
    (Told(b"{'a': 1}"), SourceMismatch, "is no JSON"),
    (Told(b"[" * 100_000), SourceMismatch, "is no JSON"),
    (Told({"status": False, "message": "Tahun tidak ada"}), SourceMismatch, "a message instead of a list: 'Tahun"),
    (Told({"a": 1}), SourceMismatch, "no list of records"),
    (Told(status=404), SourceMismatch, "answers with status 404. Check the URL"),
    (Told(status=500), SourceUnreachable, "fails with status 500"),
    (Told(b"\x1f\x8b", headers={"content-encoding": "gzip"}), SourceMismatch, "answers compressed"),
], ids=["page", "no-json", "deep", "message", "no-list", "404", "500", "packed"])  # fmt: skip
def test_an_answer_that_is_no_list_is_told(serve: Serve, answer: Told, kind: type[SourceError], told: str) -> None:
    assert told in detail(serve(answer), kind)


def test_an_answer_without_a_body_is_an_empty_list(serve: Serve) -> None:
    assert read(serve(Told(status=204)), columns=["id"]) == (("id",), [])


def test_an_answer_that_is_too_large_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REST_ANSWER_BYTES_MAX", 10_000)
    assert "answers with more than 10,000 bytes. Ask for it in pages" in detail(serve(Told(b" " * 200_000)))


def test_a_service_that_hangs_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        plain = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}/x", "private": True, "timeout": 1}
        with pytest.raises(SourceUnreachable, match="did not answer within 1 s"):
            open_reading(plain, Surroundings(tmp_path))


def test_a_service_that_answers_drop_by_drop_is_given_up(serve: Serve) -> None:
    hung_up = threading.Event()
    service = serve(Told(b" " * 100_000, drip=lambda: not hung_up.wait(0.05)))
    try:
        assert "did not answer within 1 s" in detail(service, SourceUnreachable, timeout=1)
    finally:
        hung_up.set()


def test_a_service_that_is_away_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        plain = {"url": f"http://127.0.0.1:{taken.getsockname()[1]}/x", "private": True}
        with pytest.raises(SourceUnreachable, match=r"cannot be reached .*Check host and port"):
            open_reading(plain, Surroundings(tmp_path))
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        open_reading({"url": "http://tidak-ada.invalid/x"}, Surroundings(tmp_path))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]"])
def test_a_private_address_needs_to_be_meant(tmp_path: Path, host: str) -> None:
    with pytest.raises(SourceUnreachable, match=r"its private network.*Where it is meant, add private: true"):
        open_reading({"url": f"http://{host}:1/x"}, Surroundings(tmp_path))


def test_a_line_that_breaks_between_pages_is_tried_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REST_RETRY_SECONDS", (0.0, 0.0))
    failures = iter([False, True, True, False, True, False])
    service = serve(lambda asked: Told(status=502) if next(failures, False) else paged(asked))
    assert len(cells(service, pages={"style": "page", "more": "pagination.has_next"})) == 7


def test_a_reference_that_is_no_url_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMisconfigured, match="is none once its references are filled in"):
        open_reading({"url": "${env:ALAMAT}"}, Surroundings(tmp_path, {"ALAMAT": "rahasia"}))


# --- TLS


def test_a_self_signed_service_is_believed_only_when_said(serve: Serve, tmp_path: Path) -> None:
    service = serve(ROWS, make_certificate(tmp_path, 2))
    told = detail(service, SourceUnreachable)
    assert "a certificate that nobody vouches for" in told
    assert "self_signed: true" in told
    assert len(cells(service, self_signed=True)) == 7
    _, rows = read(service, tmp_path, certificate="service2.pem")
    assert len(rows) == 7


def test_a_certificate_that_has_expired_is_told(serve: Serve, tmp_path: Path) -> None:
    service = serve(ROWS, make_certificate(tmp_path, -1))
    assert "has expired. The agency has to renew it" in detail(
        service, SourceUnreachable, certificate=str(tmp_path / "service-1.pem")
    )


def test_a_certificate_of_another_host_is_told(serve: Serve, tmp_path: Path) -> None:
    service = serve(ROWS, make_certificate(tmp_path, 2, "dishub.example"))
    told = detail(service, SourceUnreachable, certificate=str(tmp_path / "service2.pem"))
    assert "a certificate that does not fit" in told


def test_a_file_that_is_no_certificate_is_told(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "bukan.pem").write_text("bukan")
    for name in ("bukan.pem", "tidak-ada.pem"):
        with pytest.raises(SourceMisconfigured, match=rf"The certificate .*{name} cannot be used"):
            read(serve(ROWS), tmp_path, certificate=name)


def test_plain_http_where_tls_is_expected_is_told(serve: Serve, tmp_path: Path) -> None:
    service = serve(ROWS)
    service.scheme = "https"
    assert "speaks no TLS that is understood" in detail(service, SourceUnreachable, timeout=2)


def test_the_address_that_was_looked_at_is_asked_in_the_hosts_name(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No public address can be served from here: this one counts as one.
    monkeypatch.setattr(addresses, "_raise_unless_allowed", lambda *_: None)
    service = serve(ROWS, make_certificate(tmp_path, 2))
    _, rows = read(service, tmp_path, certificate="service2.pem", private=False)
    assert len(rows) == 7
    assert service.asked[0].headers["host"] == f"127.0.0.1:{service.port}"
