"""The words of names of tables and columns: taken apart, spelled out, units told from the rest. Knows no models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[a-z0-9]+")
_MICRO: Final = str.maketrans("µμ", "uu")
# What tables and columns are called before and after what they are about.
_FILLERS: Final = frozenset({
    "tbl", "tb", "t", "tabel", "table", "m", "mst", "master", "ref", "data", "daftar", "list", "tr", "trx", "v", "view",
    "vw", "rekap", "rekapitulasi", "public", "export", "csv", "xlsx", "final", "di", "dan", "per", "the", "of", "dalam",
    "kota", "kab", "kabupaten", "tahun", "sheet1", "sheet", "sql", "json", "api", "v1", "v2", "katalog", "catalog",
    "catalogue", "all", "semua", "lengkap", "daily", "harian", "bulanan", "monthly", "wide", "copy", "backup", "types",
})  # fmt: skip
# Numbers that are names: of the telephone lines on which cities hear their citizens.
_NAMED_NUMBERS: Final = frozenset({"311", "112"})
# Said of a value, not what it is.
_QUALIFIERS: Final = frozenset({"day", "daily", "harian", "hourly", "current", "latest", "terkini", "saat", "ini"})
_SPELLED_OUT: Final = MappingProxyType({
    "dt": "date", "tgl": "tanggal", "thn": "tahun", "bln": "bulan", "jml": "jumlah", "jmlh": "jumlah", "kd": "kode",
    "nm": "nama", "ket": "keterangan", "kec": "kecamatan", "kel": "kelurahan", "kab": "kabupaten", "prov": "provinsi",
    "jns": "jenis", "sts": "status", "almt": "alamat", "telp": "telepon", "tlp": "telepon", "desc": "description",
    "addr": "address", "qty": "quantity", "num": "number", "nbr": "number", "amt": "amount", "avg": "average",
    "cd": "code", "ts": "timestamp", "lat": "latitude", "lng": "longitude", "dept": "department", "cnt": "count",
})  # fmt: skip
# Units with their codes (UN/CEFACT). These are units wherever they stand in a name.
_UNITS: Final = MappingProxyType({
    ("mm",): "MMT", ("cm",): "CMT", ("km",): "KMT", ("m2",): "MTK", ("m3",): "MTQ", ("kg",): "KGM", ("ton",): "TNE",
    ("ha",): "HAR", ("celsius",): "CEL", ("derajat", "celsius"): "CEL", ("persen",): "P1", ("percent",): "P1",
    ("pct",): "P1", ("kmh",): "KMH", ("kmph",): "KMH", ("km", "h"): "KMH", ("km", "jam"): "KMH", ("kwh",): "KWH",
    ("ug", "m3"): "GQ", ("mg", "l"): "M1", ("hpa",): "A97", ("mbar",): "MBR", ("ppm",): "59", ("dba",): "2N",
})  # fmt: skip
# These are units only where they end a name.
_LAST_UNITS: Final = MappingProxyType({
    ("m",): "MTR", ("meter",): "MTR", ("metre",): "MTR", ("metres",): "MTR", ("meters",): "MTR", ("m", "s"): "MTS",
    ("m", "detik"): "MTS", ("l", "s"): "G51", ("liter",): "LTR", ("watt",): "WTT", ("kw",): "KWT", ("volt",): "VLT",
    ("menit",): "MIN", ("minutes",): "MIN", ("detik",): "SEC", ("seconds",): "SEC", ("deg", "c"): "CEL", ("db",): "2N",
})  # fmt: skip
_UNIT_WORDS_MAX: Final = 2


class Measured(NamedTuple):
    """A name's words without those of its unit, and the unit's code (UN/CEFACT), or nothing."""

    words: tuple[str, ...]
    unit: str


def words_of(name: str) -> tuple[str, ...]:
    """Return a name's words: `NAMA_Lengkap` and `namaLengkap` are the same two."""
    return tuple(_WORD.findall(_CAMEL.sub(" ", name.translate(_MICRO)).lower()))


def title_words(name: str) -> tuple[str, ...]:
    """Return the words of a table's or file's name that say what it is about; all of them where none would be left."""
    every = words_of(name)
    bare = (word if word in _NAMED_NUMBERS else word.lstrip("0123456789") for word in every)
    kept = tuple(word for word in bare if word and word not in _FILLERS)
    return kept or every


def measured(name: str) -> Measured:
    """Return a column's words and the unit that its name says: `Curah Hujan (mm)` is measured in millimetres."""
    words = words_of(name)
    for size in range(_UNIT_WORDS_MAX, 0, -1):
        unit = _LAST_UNITS.get(words[-size:], "") if len(words) > size else ""
        if unit:
            return Measured(words[:-size], unit)
        for at in range(len(words) - size, -1, -1):
            found = _UNITS.get(words[at : at + size])
            if found is not None:
                return Measured(words[:at] + words[at + size :] or words, found)
    return Measured(words, "P1" if "%" in name and words else "")


def spelled_out(words: Sequence[str]) -> tuple[str, ...]:
    """Return whole words for those that are cut short."""
    found = [_SPELLED_OUT.get(word, word) for word in words]
    # `no_urut` is a number; what is alone, or English, is not.
    if len(found) > 1 and found[0] == "no":
        found[0] = "nomor"
    return tuple(found)


def bare_words(words: Sequence[str], title: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a column that neither its table's title nor every column says."""
    told = {*title, *_QUALIFIERS, "id"}
    return tuple(word for word in words if word not in told) or tuple(words)


def _named(words: Sequence[str]) -> str:
    return words[0] + "".join(word.capitalize() for word in words[1:])


def own_name(text: str, *, with_unit: bool = True) -> str:
    """Return the name of an attribute made of a column's own: `JML_PENDUDUK` is `jumlahPenduduk`.

    Without its unit `TINGGI (m)` is `tinggi`.
    """
    words = words_of(text) if with_unit else measured(text).words
    name = _named(spelled_out(words) or ("column",))
    return name if name[0].isalpha() else f"column{name[0].upper()}{name[1:]}"


def own_type(title: str) -> str:
    """Return the name of a type made of a table's own: `tbl_jenis_izin` is `JenisIzin`."""
    name = "".join(word.capitalize() for word in spelled_out(title_words(title))) or "Record"
    return name if name[0].isalpha() else f"Table{name}"
