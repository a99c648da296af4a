"""Builds the demo city's folder: its YAML and its agencies' own systems. All of it or nothing; nothing is overwritten.

A folder is built beside its place and moved there at the end, so what a killed build left is never taken for a city.
A start that finds a system missing builds it again and leaves alone what is there, edited declarations too.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from simpul.demo import bmkg, bpbd, dishub, dpka, dukcapil, kominfo
from simpul.demo.step import Step
from simpul.domain.errors import AlreadyExists, BadRequestData, StorageFull, StorageUnavailable
from simpul.limits import DEMO_RESIDENTS_DEFAULT, DEMO_RESIDENTS_MAX

Progress = Callable[[str, int, int], None]
"""Told what is being built: (title, done, of all)."""

MARK = Path("systems/.built.json")

_SYSTEMS = {
    Path("dishub"): (dishub.FILE,),
    kominfo.FOLDER: kominfo.FILES,
    Path("bpbd"): (bpbd.SHELTERS, bpbd.AT_STOPS, bpbd.AT_SHELTERS),
    Path("bmkg"): (bmkg.FILE,),
    Path("dpka"): (dpka.BUDGET, dpka.ASSETS),
    Path("dukcapil"): (dukcapil.FILE,),
}


def ensure_city(folder: Path, residents: int | None, progress: Progress) -> bool:
    """Make sure that the demo city is in the folder; return whether something had to be built.

    `residents` None keeps the number that is there. Raises BadRequestData for a number that cannot be, AlreadyExists
    where the folder has something else in it, StorageFull and StorageUnavailable from the disk.
    """
    if residents is not None and not 1 <= residents <= DEMO_RESIDENTS_MAX:
        raise BadRequestData(
            f"{residents} residents cannot be built; the demo city takes 1 to {DEMO_RESIDENTS_MAX}, as many as Padang."
        )
    try:
        with _only_builder(folder):
            return _ensure(folder, residents, progress)
    except OSError as error:
        if error.errno == _NO_SPACE:
            raise StorageFull(f"The disk was full before {folder} was built. Make room and start again.") from error
        reason = error.strerror or error
        raise StorageUnavailable(f"{folder} could not be built: {reason}. Choose another --folder.") from error


_NO_SPACE = 28


def _ensure(folder: Path, residents: int | None, progress: Progress) -> bool:
    wanted = _wanted(folder, residents)
    mark = _find_mark(folder)
    if mark is None and folder.exists() and any(folder.iterdir()):
        raise AlreadyExists(f"{folder} has other files in it. Name a new or empty folder with --folder.")
    missing = [] if mark is None else _missing_files(folder, mark, wanted)
    if mark is not None and not missing:
        return False
    draft = _draft(folder)
    _build(draft, wanted, missing, progress)
    if mark is None:
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    else:
        for path in [*missing, MARK]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).replace(folder / path)
        shutil.rmtree(draft)
    return True


def _wanted(folder: Path, residents: int | None) -> int:
    mark = _find_mark(folder)
    return residents or (mark["residents"] if mark else DEMO_RESIDENTS_DEFAULT)


def _find_mark(folder: Path) -> dict[str, Any] | None:
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return mark if isinstance(mark, dict) and isinstance(mark.get("residents"), int) else None


def _missing_files(folder: Path, mark: dict[str, Any], residents: int) -> list[Path]:
    paths = [Path("systems", file) for system in _SYSTEMS.values() for file in system]
    missing = [path for path in paths if not (folder / path).is_file()]
    registry = Path("systems", dukcapil.FILE)
    if mark["residents"] != residents and registry not in missing:
        missing.append(registry)
    return missing


def _draft(folder: Path) -> Path:
    """Return an empty folder beside the city's; whatever a killed build left there goes."""
    draft = folder.parent / f".{folder.name}.building"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(parents=True)
    return draft


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    """Let one process at a time build here; the lock goes with the process, however that ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _build(draft: Path, residents: int, only: list[Path], progress: Progress) -> None:
    _copy(files(__package__).joinpath("city"), draft)
    steps = _steps(residents)
    for system, paths in _SYSTEMS.items():
        if only and not any(Path("systems", path) in only for path in paths):
            continue
        (draft / "systems" / system).mkdir(parents=True)
        step = steps[system]

        def advance(done: int, of_all: int, title: str = step.title) -> None:
            progress(title, done, of_all)

        advance(0, 1)
        step.build(draft / "systems", advance)
    (draft / MARK).write_text(json.dumps({"residents": residents}), encoding="utf-8")


def _steps(residents: int) -> dict[Path, Step]:
    return {
        Path("dishub"): Step("Dishub: Trans Padang", dishub.build),
        kominfo.FOLDER: Step("Kominfo: batas wilayah", kominfo.build),
        Path("bpbd"): Step("BPBD: shelter, genangan", bpbd.build),
        Path("bmkg"): Step("BMKG: curah hujan", bmkg.build),
        Path("dpka"): Step("DPKA: anggaran, aset", dpka.build),
        Path("dukcapil"): Step("Dukcapil: penduduk sintetis", dukcapil.builder(residents)),
    }


def _copy(source: Traversable, target: Path) -> None:
    for part in source.iterdir():
        if part.is_dir():
            (target / part.name).mkdir(exist_ok=True)
            _copy(part, target / part.name)
        elif part.name.endswith(".yaml"):
            (target / part.name).write_bytes(part.read_bytes())
