"""A small city in files: four kelurahan, eight stops, two shelters, thirty residents, a month of rain."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

PEOPLE = ("Ahmad Fauzi", "Siti Aminah", "Budi Santoso", "Dewi Lestari", "Yusuf Hidayat")

CITY = """
city: kota
name: {id: Kota Contoh, en: Sample City}
code: "13.71"
time_zone: Asia/Jakarta
accent: "#0f766e"
bounds: [100.30, -1.00, 100.40, -0.90]
public_types: [Agency, DataSource, BusStop, Shelter, InundationDepth, RainGauge, Kecamatan, Kelurahan]
"""

AGENCIES = """
agencies:
  - {id: dishub, name: {id: Dinas Perhubungan, en: Transport Agency}, short_name: Dishub}
  - {id: bpbd, name: {id: Badan Penanggulangan Bencana, en: Disaster Agency}, short_name: BPBD}
  - {id: dukcapil, name: {id: Dinas Kependudukan, en: Civil Registry}, short_name: Dukcapil}
  - {id: kominfo, name: {id: Dinas Komunikasi, en: Communication Agency}, short_name: Kominfo}
"""

AREA = """
source: {name}
agency: kominfo
title: {{id: {type}, en: {type}}}
kind: geo
read: {{path: systems/{name}.geojson}}
key: kode
entity:
  type: {type}
  id: "urn:ngsi-ld:{type}:kota:{{kode}}"
  attributes:
    name: nama
    code: {{column: kode, text: true}}
    location: {{geometry: "@geometry"}}
schedule: {{every: 1d}}
"""

STOPS = """
source: halte
agency: dishub
title: {id: Halte bus, en: Bus stops}
description: {id: Delapan halte., en: Eight stops.}
kind: table
read: {path: systems/halte.csv}
key: id
entity:
  type: BusStop
  id: "urn:ngsi-ld:BusStop:kota:{id}"
  attributes:
    name: nama
    passengers: {column: penumpang, number: plain}
    location: {point: {longitude: bujur, latitude: lintang}}
rules:
  - {rule: required, column: nama}
schedule: {every: 15m}
"""

DEPTHS = """
source: genangan
agency: bpbd
title: {id: Kedalaman genangan, en: Inundation depth}
kind: table
read: {path: systems/genangan.csv}
key: id
entity:
  type: InundationDepth
  id: "urn:ngsi-ld:InundationDepth:kota:{id}"
  attributes:
    depth: {column: kedalaman, number: plain, unit: MTR}
    refPlace: {relationship: "urn:ngsi-ld:BusStop:kota:{id}"}
schedule: {every: 1h}
"""

SHELTERS = """
source: shelter
agency: bpbd
title: {id: Tempat evakuasi, en: Shelters}
kind: table
read: {path: systems/shelter.csv}
key: id
entity:
  type: Shelter
  id: "urn:ngsi-ld:Shelter:kota:{id}"
  attributes:
    name: nama
    capacity: {column: daya_tampung, number: plain}
    location: {point: {longitude: bujur, latitude: lintang}}
schedule: {every: 1h}
"""

RESIDENTS = """
source: penduduk
agency: dukcapil
title: {id: Penduduk, en: Residents}
kind: table
read: {path: systems/penduduk.csv}
key: id
entity:
  type: Person
  id: "urn:ngsi-ld:Person:kota:{id}"
  attributes:
    name: nama
    refKelurahan: {relationship: "urn:ngsi-ld:Kelurahan:kota:{kelurahan}"}
"""

RAIN = """
source: hujan
agency: bpbd
title: {id: Curah hujan, en: Rainfall}
kind: table
read: {path: systems/hujan.csv}
key: [pos, hari]
entity:
  type: RainGauge
  id: "urn:ngsi-ld:RainGauge:kota:{pos}"
  observed_at: {column: hari, date: "%Y-%m-%d"}
  attributes:
    name: nama
    rainfall: {column: hujan, number: plain, unit: MMT}
    location: {point: {longitude: bujur, latitude: lintang}}
schedule: {every: 6h}
"""

ANSWER = """
answer: tergenang
title: {id: Halte yang tergenang, en: Stops under water}
rows: {type: BusStop}
columns:
  - {column: stop, title: {id: Halte, en: Stop}, attribute: name}
  - column: depth
    title: {id: Kedalaman, en: Depth}
    unit: m
    linked: {type: InundationDepth, by: refPlace, attribute: depth}
  - {column: kelurahan, title: {id: Kelurahan, en: Kelurahan}, within: {type: Kelurahan, attribute: name}}
  - column: residents
    title: {id: Penduduk, en: Residents}
    count: {type: Person, by: refKelurahan, of: kelurahan, smallest: 5}
  - {column: shelter, title: {id: Shelter, en: Shelter}, nearest: {type: Shelter, attribute: name, where: capacity>0}}
  - {column: distance, title: {id: Jarak, en: Distance}, unit: m, distance: {to: shelter}}
keep:
  - {column: depth, above: 0.1}
order: {column: depth, direction: descending}
shade: depth
headline:
  numbers:
    stops: {count: rows, title: {id: halte tergenang, en: stops under water}}
    deep: {count: rows, where: {column: depth, above: 1}, title: {id: lebih dari 1 m, en: in more than 1 m}}
    kelurahan: {distinct: kelurahan, title: {id: kelurahan, en: kelurahan}}
    residents: {sum: residents, once_per: kelurahan, title: {id: penduduk, en: residents}}
  text:
    id: "{stops} halte tergenang, {deep} lebih dari 1 m."
    en: "{stops} stops under water, {deep} in more than 1 m."
"""


def build_city(folder: Path) -> None:
    """Write the city's folder: declarations and the agencies' systems."""
    declarations = {
        "city.yaml": CITY,
        "agencies.yaml": AGENCIES,
        "sources/kecamatan.yaml": AREA.format(name="kecamatan", type="Kecamatan"),
        "sources/kelurahan.yaml": AREA.format(name="kelurahan", type="Kelurahan"),
        "sources/halte.yaml": STOPS,
        "sources/genangan.yaml": DEPTHS,
        "sources/shelter.yaml": SHELTERS,
        "sources/penduduk.yaml": RESIDENTS,
        "sources/hujan.yaml": RAIN,
        "answers/tergenang.yaml": ANSWER,
    }
    systems = {
        "kecamatan.geojson": _areas([("13.71.01", "Padang Selatan", 100.34, -0.96, 0.04)]),
        "kelurahan.geojson": _areas(
            [
                (f"13.71.01.100{number}", name, 100.34 + 0.02 * (number % 2), -0.96 + 0.02 * (number // 2), 0.02)
                for number, name in enumerate(("Alang Laweh", "Pasa Gadang", "Mata Air", "Rawang"))
            ]
        ),
        "halte.csv": _stops(),
        "genangan.csv": _lines("id,kedalaman", [f"{number},{0.4 * number:.1f}" for number in range(8)]),
        "shelter.csv": _lines(
            "id,nama,daya_tampung,bujur,lintang", ["S1,Masjid Raya,800,100.352,-0.945", "S2,SMA 1,1200,100.362,-0.932"]
        ),
        "penduduk.csv": _lines(
            "id,nama,kelurahan",
            [f"{number},{PEOPLE[number % 5]},13.71.01.100{number % 4}" for number in range(30)],
        ),
        "hujan.csv": _lines(
            "pos,nama,hari,hujan,bujur,lintang",
            [f"P1,Pos Simpang,2026-01-{day:02},{day * 7 % 40},100.355,-0.95" for day in range(1, 31)],
        ),
    }
    for name, text in declarations.items():
        _write(folder / name, dedent(text).lstrip())
    for name, text in systems.items():
        _write(folder / "systems" / name, text)


def _stops() -> str:
    rows = [
        f"{number},Halte {number},{100 * number},{100.345 + 0.004 * number:.3f},{-0.955 + 0.004 * number:.3f}"
        for number in range(8)
    ]
    # The last row breaks the source's rule: it has no name.
    return _lines("id,nama,penumpang,bujur,lintang", [*rows, "99,,5,100.350,-0.950"])


def _areas(areas: list[tuple[str, str, float, float, float]]) -> str:
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"kode": code, "nama": name},
                    "geometry": {
                        "type": "Polygon",
                        "coordinates": [_ring(west, south, size)],
                    },
                }
                for code, name, west, south, size in areas
            ],
        }
    )


def _ring(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _lines(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
