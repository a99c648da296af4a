"""What sources and notifiers say in one English sentence, in Indonesian: all of the product's own words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import simpul
from simpul.console.said import SAID, translate

SOURCE = Path(simpul.__file__).parent
# Where the sentences are made that a run, a reject, a parked notification or a connected hub is shown with.
MAKERS = {
    "RowRejected",
    "FileRefused",
    "MailBroken",
    "SourceMismatch",
    "SourceChanged",
    "SourceUnreachable",
    "Delivery",
    "BrokenRow",
    "BadRow",
    "BadValue",
    "ScriptBroken",
}
MODULES = (
    "agent/queue.py", "app/notification_sending.py", "connect/attributes.py", "connect/connector.py",
    "connect/delimited_rows.py", "connect/delivered.py", "connect/drift.py", "connect/mapping.py",
    "connect/raw_rows.py", "connect/reader.py", "connect/reader_hosts.py", "connect/replaying.py", "connect/rules.py",
    "connect/runner.py", "connect/template.py", "connect/values.py", "connect/vanished.py", "connectors/ckan/errors.py",
    "connectors/ckan/reader.py", "connectors/files/errors.py", "connectors/files/reader.py",
    "connectors/geo/errors.py", "connectors/geo/reader.py", "connectors/gtfs/errors.py",
    "connectors/gtfs/reader.py", "connectors/mqtt/errors.py", "connectors/mqtt/reader.py",
    "connectors/ngsild/errors.py", "connectors/ngsild/reader.py", "connectors/rest/errors.py",
    "connectors/rest/reader.py", "connectors/sql/errors.py", "connectors/sql/reader.py",
    "connectors/sqldump/errors.py", "connectors/sqldump/reader.py", "connectors/table/errors.py", "declared_tls.py",
    "fetching.py", "formats/mail_parts.py", "formats/sql_script.py", "formats/sql_values.py", "inboxes/folder.py",
    "inboxes/mailbox.py", "inboxes/sftp.py", "notifiers/http.py", "notifiers/mqtt.py",
)  # fmt: skip


# What stands in for a value: nothing for a hint that may be left away, a word for what is counted, else a number.
SAMPLES = {
    "suggest": "",
    "suggest_or_end": ".",
    "told_neighbours": "",
    "hint": "",
    "known": "There is no list of records in it.",
    "near": ".",
    "_HINTS": "",
    "what": "columns",
    "told": "",
    "proposal": " Take it out of the mapping, or ask the agency for it.",
}


def sentence(node: ast.expr) -> str:
    """Return what a string of the code looks like when its values are put in; empty where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence(part) or sample(part) for part in node.values)
    return ""


def sample(node: ast.expr) -> str:
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in SAMPLES]
    return SAMPLES[names[0]] if names else "7"


def sentences(module: str) -> set[str]:
    tree = ast.parse((SOURCE / module).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if getattr(call.func, "id", "") in MAKERS]
    found = {sentence(argument) for call in made for argument in call.args}
    return {text for text in found if " " in text and any(letter.isalpha() for letter in text)}


@pytest.mark.parametrize("module", MODULES)
def test_every_sentence_that_is_made_there_has_an_indonesian_form(module: str) -> None:
    assert {text for text in sentences(module) if translate(text, "id") == text} == set()


def test_the_sentences_are_found_where_they_are_made() -> None:
    assert len({text for module in MODULES for text in sentences(module)}) > 40


@pytest.mark.parametrize(("english", "indonesian"), [
    ("harga: '12,5' is not a number; it looks Indonesian: declare it as indonesian, not plain",
     "harga: '12,5' bukan angka biasa; tampaknya ditulis cara Indonesia: nyatakan sebagai indonesian, bukan plain"),
    ("lokasi: longitude 1.0, latitude 2.0 is outside the city's bounds (longitude 3 to 4, latitude -1 to 0)",
     "lokasi: bujur 1,0, lintang 2,0 berada di luar batas kota (bujur 3 sampai 4, lintang -1 sampai 0)"),
    ("the column p, ring 2 has 3 positions; a ring has four or more, the last equal to the first.",
     "kolom p, cincin 2 punya 3 titik; sebuah cincin punya empat atau lebih, yang terakhir sama dengan yang pertama."),
    ("line 7: it has 4 cells, and the header has 5", "baris 7: baris ini punya 4 sel, sedangkan kepala tabel punya 5"),
    ("The file /kota/a.csv has 1,234,567 bytes; at most 1,000 are read. Divide it.",
     "Berkas /kota/a.csv berukuran 1.234.567 bita; paling banyak 1.000 yang dibaca. Bagilah berkas itu."),
    ("There is no file /kota/a.csv; in its folder are b.csv, c.csv.",
     "Tidak ada berkas /kota/a.csv; isi foldernya: b.csv, c.csv."),
    ("s.yaml: the source has no column 'nma'; did you mean 'nama'? Its columns are: nama, kode.",
     "s.yaml: sumber ini tidak punya kolom 'nma'; maksudnya 'nama'? Kolomnya: nama, kode."),
    ("nama is empty", "nama kosong"),
    (("s.yaml: the source has changed: a had numbers and has text; b is 1,000 times as large as before, so its "
      "unit may be another. Nothing was taken over. Look at the mapping. If that is right, run `simpul sync s "
      "--accept-change`."),
     ("s.yaml: sumber ini berubah: a dulu berisi angka dan kini berisi teks; b kini 1.000 kali lebih besar, jadi "
     "satuannya mungkin lain. Tidak ada yang diambil. Periksa pemetaannya. Jika memang benar, jalankan "
     "`simpul sync s --accept-change`.")),
    ("The receiver could not be reached (nothing listens at that address and port).",
     "Penerima tidak terjangkau (tidak ada yang mendengarkan di alamat dan port itu)."),
    ("The broker could not be reached (its certificate is not trusted: self-signed certificate).",
     "Broker tidak terjangkau (sertifikatnya tidak dipercaya: self-signed certificate)."),
])  # fmt: skip
def test_a_sentence_is_told_in_indonesian_with_its_values(english: str, indonesian: str) -> None:
    assert translate(english, "id") == indonesian
    assert translate(english, "en") == english


@pytest.mark.parametrize("text", ["", "FATAL: role does not exist", "x" * 5_000, "a: b " * 290])
def test_what_others_said_stays_as_it_is(text: str) -> None:
    assert translate(text, "id") == text


def test_no_template_hides_another() -> None:
    assert len(set(SAID)) == len(SAID)
