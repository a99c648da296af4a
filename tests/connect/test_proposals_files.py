"""Sources proposed by looking at places where files arrive: a folder, OpenSSH's server, dovecot's mailbox."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from tests.connect.kota import Kota
from tests.connect.looking import new, proposed, take_over
from tests.connect.parts.files import mail, message
from tests.connect.servers import PASSWORD, Server


def stops(month: int) -> str:
    rows = "".join(f"{n},Halte {n},{-0.9 - n / 999:.4f},{100.3 + n / 999:.4f},{n + month}\n" for n in range(1, 31))
    return f"id,nama_halte,lat,lng,penumpang\n{rows}"


@pytest.fixture
def inbox(kota: Kota) -> Path:
    folder = kota.folder / "masuk"
    folder.mkdir()
    for month in (1, 2, 3):
        (folder / f"halte-2026-0{month}.csv").write_text(stops(month))
    return folder


def quiet(kota: Kota, source_id: str) -> None:
    """Let the files of a test be taken at once."""
    plain = proposed(kota, source_id)
    kota.write(f"sources/{source_id}.yaml", {**plain, "read": {**plain["read"], "quiet": 0}})


def test_a_folder_becomes_a_source_that_is_applied_unchanged(kota: Kota, inbox: Path) -> None:
    told = new(kota, "masuk")
    assert told.exit_code == 0, told.output
    assert "of 30 rows, 30 would go in and 0 be kept aside" in told.output
    plain = proposed(kota, "halte")
    assert plain["read"] == {"folder": "masuk", "columns": ["id", "nama_halte", "lat", "lng", "penumpang"]}
    assert (plain["kind"], plain["key"], plain["entity"]["type"]) == ("files", "id", "PublicTransportStop")
    quiet(kota, "halte")
    assert take_over(kota, "halte").rows_read == 90
    assert sorted(path.name for path in inbox.iterdir()) == ["done"]


def test_looking_moves_no_file(kota: Kota, inbox: Path) -> None:
    before = sorted(path.name for path in inbox.iterdir())
    assert new(kota, "masuk", "--show").exit_code == 0
    assert sorted(path.name for path in inbox.iterdir()) == before


def test_files_with_other_columns_are_another_source_with_a_pattern_of_its_own(kota: Kota, inbox: Path) -> None:
    (inbox / "tps-1.csv").write_text("kode,nama,kapasitas\n" + "".join(f"T{n},TPS {n},{n}\n" for n in range(1, 20)))
    (inbox / "catatan.docx").write_text("bukan tabel")
    told = new(kota, "masuk", "--all")
    assert told.exit_code == 0, told.output
    assert proposed(kota, "tps")["read"]["pattern"] == ["tps-*.csv"]
    assert proposed(kota, "halte")["read"]["pattern"] == ["halte-*.csv"]
    for source_id, rows in (("tps", 19), ("halte", 90)):
        quiet(kota, source_id)
        assert take_over(kota, source_id).rows_read == rows


def test_files_of_other_subjects_are_sources_of_their_own_though_their_columns_are_the_same(
    kota: Kota, inbox: Path
) -> None:
    for name in ("tps januari 2026", "tps Februari 2026", "hasil_taman_2026", "hasil_taman_2025"):
        (inbox / f"{name}.csv").write_text(stops(1))
    told = new(kota, "masuk", "--all")
    assert told.exit_code == 0, told.output
    patterns = {path.stem: proposed(kota, path.stem)["read"]["pattern"] for path in (kota.folder / "sources").iterdir()}
    assert patterns == {"halte": ["halte-*.csv"], "tps": ["tps * *.csv"], "hasil-taman": ["hasil_taman_*.csv"]}
    types = {proposed(kota, source_id)["entity"]["type"] for source_id in patterns}
    assert types == {"PublicTransportStop", "WasteContainerIsle", "HasilTaman"}
    written = (kota.folder / "sources/tps.yaml").read_text(encoding="utf-8")
    assert "called otherwise, so each is a source of its own: " in written
    for source_id, rows in (("tps", 60), ("halte", 90)):
        quiet(kota, source_id)
        assert take_over(kota, source_id).rows_read == rows


def test_files_that_begin_with_the_same_word_are_one_source(kota: Kota, inbox: Path) -> None:
    for path in inbox.iterdir():
        path.unlink()
    for name in ("puskesmas_andir", "puskesmas_coblong", "Data Puskesmas Cicendo"):
        (inbox / f"{name}.csv").write_text(stops(1))
    told = new(kota, "masuk", "--source", "puskesmas")
    assert told.exit_code == 0, told.output
    assert "pattern" not in proposed(kota, "puskesmas")["read"]


def test_the_header_of_a_workbook_is_found(kota: Kota, inbox: Path) -> None:
    for path in inbox.iterdir():
        path.unlink()
    cells = [[n, f"Taman {n}"] for n in range(1, 20)]
    kota.write_workbook("masuk/taman.xlsx", {"Data": [["Rekap Taman"], ["id", "nama"], *cells]})
    assert new(kota, "masuk").exit_code == 0
    plain = proposed(kota, "taman")
    assert plain["read"] == {"folder": "masuk", "skip_rows": 1, "columns": ["id", "nama"]}
    quiet(kota, "taman")
    assert take_over(kota, "taman").rows_written == 19


def test_an_empty_folder_is_told_plainly(kota: Kota) -> None:
    (kota.folder / "masuk").mkdir()
    told = new(kota, "masuk")
    assert told.exit_code == 1
    assert "waits in masuk" in told.output


@pytest.mark.servers
def test_a_folder_of_an_sftp_server_is_looked_at(kota: Kota, inbox: Path, sshd: Server) -> None:
    place = Path(sshd.url)
    kind, key, *_ = (place / "host_key.pub").read_text().split()
    (place / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    where = f"sftp://{getpass.getuser()}@127.0.0.1:{sshd.port}{inbox}?known_hosts={place}/known_hosts"
    refused = new(kota, where)
    assert "'sftp' needs one of 'password' and 'key'" in refused.output
    told = new(kota, where, "--read", f"{{sftp: {{key: '${{file:{place}/key}}'}}}}")
    assert told.exit_code == 0, told.output
    plain = proposed(kota, "halte")
    assert plain["read"]["folder"] == str(inbox)
    quiet(kota, "halte")
    assert take_over(kota, "halte").rows_read == 90


@pytest.mark.servers
def test_a_server_whose_key_nobody_tells_is_not_talked_to(kota: Kota) -> None:
    told = new(kota, "sftp://simpul:rahasia@127.0.0.1/keluar")
    assert told.exit_code == 1
    assert "A server is talked to only where its key is known" in told.output.replace("\n", " ")


@pytest.mark.servers
def test_a_mailbox_is_looked_at_and_its_messages_stay(kota: Kota, dovecot: Server) -> None:
    with mail(dovecot, "pengusul") as client:
        client.append("INBOX", "", "", message({"halte.csv": stops(1).encode()}))
    secret = PASSWORD.replace("%", "%25").replace("/", "%2F").replace("@", "%40").replace(":", "%3A")
    where = f"imaps://pengusul:{secret}@127.0.0.1:{dovecot.port}/INBOX?senders=@dishub.example"
    told = new(kota, f"{where}&certificate={dovecot.url}/server.pem")
    assert told.exit_code == 0, told.output
    plain = proposed(kota, "halte")
    assert plain["read"]["folder"] == "INBOX"
    assert plain["read"]["mailbox"]["password"] == "${env:INBOX_127_PASSWORD}"
    assert PASSWORD not in told.output + (kota.folder / "sources/halte.yaml").read_text()
    with mail(dovecot, "pengusul") as client:
        assert client.search(None, "UNSEEN")[1] == [b"1"], "it was not even marked as read"
