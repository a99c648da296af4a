"""Dumps of a database: one as mysqldump writes it, one packed as phpMyAdmin sends it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place

HEAD = """-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `pegawai` (`id` int(11) NOT NULL, `nama` text);
INSERT INTO `pegawai` VALUES (1,'INSERT INTO `halte` VALUES (99,\\'bukan halte\\');');
DROP TABLE IF EXISTS `halte`;
CREATE TABLE `halte` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `nama` varchar(250) DEFAULT NULL COMMENT 'nama; tempat',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `halte` WRITE;
"""
TAIL = "UNLOCK TABLES;\n-- Dump completed on 2015-05-31  7:00:00\n"


class DumpPart(FilePart):
    """A dump with the table `halte` between others, so many rows to a statement."""

    kind = "sqldump"
    rows_beyond_buffers = 15_000

    def __init__(self, path: Path, rows_together: int) -> None:
        super().__init__(path)
        self._rows_together = rows_together

    @property
    def read(self) -> dict[str, Any]:
        return {"path": self.path.name, "table": "halte"}

    def fill(self, names: Mapping[int, str]) -> None:
        numbers = list(names)
        with gzip.open(self.path, "wt", 1) if self.path.suffix == ".gz" else self.path.open("w") as file:
            file.write(HEAD)
            for start in range(0, len(numbers), self._rows_together):
                some = numbers[start : start + self._rows_together]
                rows = ",\n".join("({},'{}')".format(number, names[number].replace("'", "\\'")) for number in some)
                file.write(f"INSERT INTO `halte` VALUES\n{rows};\n")
            file.write(TAIL)


@contextmanager
def dump_part(place: Place) -> Iterator[Part]:
    yield DumpPart(place.folder / "dishub.sql", 1_000)


@contextmanager
def packed_part(place: Place) -> Iterator[Part]:
    yield DumpPart(place.folder / "dishub.sql.gz", 100_000)


PARTS = {"sqldump": dump_part, "sqldump-gz": packed_part}
