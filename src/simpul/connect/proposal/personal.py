"""Which columns hold personal data, by their names and by what their cells look like. Shows no cell to anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from simpul.connect.proposal.columns import DATE, TEXT, ColumnFacts
from simpul.connect.proposal.words import title_words, words_of

NIK: Final = "NIK"
FAMILY: Final = "family card number"
NAME: Final = "name of a person"
PHONE: Final = "telephone number"
EMAIL: Final = "e-mail address"
BIRTH: Final = "birth date or place"
ADDRESS: Final = "home address"
TRAIT: Final = "personal trait"
NUMBER: Final = "personal number"
CREDENTIAL: Final = "credential"

_DIGITS: Final = re.compile(r"\d+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}\Z")
# Mobile numbers alone: a landline looks like many a code, and is known by its column's name.
_PHONE: Final = re.compile(r"(?:62|0)8[1-9]\d{6,10}\Z")
_TITLES: Final = re.compile(
    r"^(?:h\.|hj\.|dr\.|drs\.|dra\.|ir\.|prof\.|bpk\.?|ibu|ny\.|tn\.)\s|,\s*(?:s\.|m\.|a\.md|sh\b|se\b|st\b|ph\.?d)",
    re.IGNORECASE,
)
_PEOPLE: Final = frozenset({
    "penduduk", "warga", "pegawai", "asn", "pns", "siswa", "guru", "pasien", "person", "people", "karyawan", "user",
    "users", "pengguna", "anggota", "masyarakat", "peserta", "penerima", "resident", "residents", "keluarga", "lansia",
    "disabilitas", "customer", "pelanggan", "mahasiswa", "dosen", "member", "members", "pelamar", "pemohon",
})  # fmt: skip

# Words of a column's name, any of which says what it holds; the first class that fits counts.
_WORDS: Final[tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = (
    (CREDENTIAL, (("password",), ("passwd",), ("sandi",), ("token",), ("secret",), ("api", "key"), ("apikey",),
              ("pin",), ("remember", "token"), ("salt",), ("hash",))),
    (FAMILY, (("kk",), ("nokk",), ("kartu", "keluarga"))),
    (NIK, (("nik",), ("ktp",), ("noktp",), ("nomor", "induk", "kependudukan"))),
    (BIRTH, (("lahir",), ("lhr",), ("birth",), ("birthdate",), ("birthday",), ("dob",), ("ttl",), ("umur",),
             ("usia",))),
    (EMAIL, (("email",), ("surel",))),
    (PHONE, (("telp",), ("telepon",), ("tlp",), ("phone",), ("hp",), ("nohp",), ("handphone",), ("whatsapp",), ("wa",),
             ("telpon",), ("telephone",), ("mobile",))),
    (TRAIT, (("agama",), ("religion",), ("jenis", "kelamin"), ("jk",), ("gender",), ("sex",), ("klmin",), ("kelamin",),
             ("status", "kawin"), ("perkawinan",), ("golongan", "darah"), ("gol", "darah"), ("disabilitas",),
             ("penyakit",), ("diagnosa",), ("suku",), ("ibu", "kandung"), ("pendidikan", "terakhir"), ("foto",))),
    (NUMBER, (("rekening",), ("norek",), ("paspor",), ("passport",), ("nip",), ("nisn",), ("bpjs",), ("npwp",))),
    (NAME, (("nama", "lengkap"), ("nama", "lgkp"), ("namalengkap",), ("pemilik",), ("ketua",), ("kepala",), ("pic",),
            ("penanggung", "jawab"), ("kontak",), ("contact", "person"), ("cp",), ("pelapor",), ("pemohon",),
            ("pasien",), ("wajib", "pajak"), ("pimpinan",), ("direktur",), ("pengelola",), ("petugas",), ("sopir",),
            ("pengemudi",), ("username",), ("fullname",), ("full", "name"), ("nama", "ibu"), ("nama", "ayah"),
            ("nama", "pegawai"), ("nama", "siswa"), ("nama", "guru"), ("nama", "kk"), ("juru", "parkir"))),
)  # fmt: skip
# What a budget calls `rekening` is an account of the city's own books.
_ACCOUNT: Final = ("rekening",)
_OF_BOOKS: Final = frozenset({"kode", "kd", "uraian", "code"})
_ADDRESS_WORDS: Final = frozenset({"alamat", "address", "rt", "rw", "jalan"})
_COUNTS: Final = frozenset({"jumlah", "jml", "total", "count", "persen", "persentase", "rata"})
_SHARE_IS: Final = 0.7


class Personal(NamedTuple):
    """What was found: the class of each column that holds personal data, why, and whether the rows are people."""

    classes: Mapping[str, str]
    because: Mapping[str, str]
    is_about_people: bool


def is_nik(text: str) -> bool:
    """Return whether a text has the form of a NIK: a region, a day (of women 40 more), a month, a serial number."""
    if len(text) != 16 or not text.isdigit():
        return False
    day, month = int(text[6:8]), int(text[8:10])
    return 11 <= int(text[:2]) <= 97 and (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12


def _is_phone(text: str) -> bool:
    return _PHONE.match("".join(_DIGITS.findall(text.split("/", maxsplit=1)[0]))) is not None and text[:1] in "0+6("


_LOOKS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    (NIK, is_nik),
    (EMAIL, lambda text: _EMAIL.match(text) is not None),
    (PHONE, _is_phone),
    (NAME, lambda text: _TITLES.search(text) is not None),
)


def find_personal(title: str, columns: Sequence[ColumnFacts]) -> Personal:
    """Return which columns hold personal data. Counts of people and shares are none."""
    classes: dict[str, str] = {}
    because: dict[str, str] = {}
    for facts in columns:
        found = _by_looks(facts) or _by_name(facts)
        if found is not None:
            classes[facts.name], because[facts.name] = found
    about = _is_about_people(title, set(classes.values()))
    for facts in columns:
        words = set(words_of(facts.name))
        if about and facts.name not in classes and facts.kind == TEXT:
            if words & {"nama", "name", "nm"} and not words & {"kota", "kec", "kecamatan", "kelurahan", "desa", "opd"}:
                classes[facts.name], because[facts.name] = NAME, "the rows are people"
            elif words & _ADDRESS_WORDS:
                classes[facts.name], because[facts.name] = ADDRESS, "the rows are people"
    return Personal(classes, because, about)


def _by_looks(facts: ColumnFacts) -> tuple[str, str] | None:
    if facts.known < 3:
        return None
    for kind, test in _LOOKS:
        count = sum(times for text, times in facts.values.items() if test(text))
        share = _SHARE_IS if kind != NAME else 0.3
        if count >= 3 and facts.share(count) >= share:
            return kind, f"{count:,} of {facts.known:,} cells look like one"
    return None


def _by_name(facts: ColumnFacts) -> tuple[str, str] | None:
    words = words_of(facts.name)
    if not facts.filled or set(words) & _COUNTS:
        return None
    for kind, phrases in _WORDS:
        phrase = next((phrase for phrase in phrases if set(phrase) <= set(words)), None)
        if (
            phrase is not None
            and not (kind == NAME and facts.kind != TEXT)
            and not (kind == BIRTH and _is_count(facts))
            and not (phrase == _ACCOUNT and set(words) & _OF_BOOKS)
        ):
            return kind, f"its name says {' '.join(phrase)!r}"
    return None


def _is_count(facts: ColumnFacts) -> bool:
    """Return whether a column about births counts them: numbers that are no ages."""
    return facts.kind not in (DATE, TEXT) and (facts.most or 0) > 130


def _is_about_people(title: str, classes: set[str]) -> bool:
    if classes & {NIK, FAMILY}:
        return True
    traits = classes & {BIRTH, TRAIT, NAME, EMAIL, PHONE, NUMBER}
    named = bool(set(title_words(title)) & _PEOPLE)
    return (named and len(traits) >= 1) or (BIRTH in classes and NAME in classes) or len(traits) >= 4


def may_be_shown(text: str) -> bool:
    """Return whether a cell of a column that is not personal may stand as an example: short, and no number in it."""
    return len(text) <= 40 and "@" not in text and not re.search(r"\d{7,}", text.replace(" ", "").replace("-", ""))
