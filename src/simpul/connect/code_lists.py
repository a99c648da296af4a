"""The code lists of a city: those that come with Simpul, and those of its folder. Reads files; matches nothing."""

from __future__ import annotations

import csv
import lzma
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from simpul import limits
from simpul.connect.document import Node
from simpul.connect.fields import Choice, Field, Fields, Localized, MappingOf, Plain, Problems, Text, suggest_or_end
from simpul.domain.city import City
from simpul.domain.code_list import Code, CodeList, Decision
from simpul.domain.errors import SourceMisconfigured

KEMENDAGRI: Final = "kemendagri"
BPS: Final = "bps"
BUILT_IN: Final = (KEMENDAGRI, BPS)
_IDENTIFIER: Final = r"[a-z][a-z0-9_-]{0,63}"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")


def _check_file(text: str) -> str | None:
    if Path(text).is_absolute() or ".." in Path(text).parts:
        return f"{text!r} must be a file inside the city's folder"
    return None


def _check_id(text: str) -> str | None:
    return f"{text!r} comes with Simpul; call the list something else" if text in BUILT_IN else None


_COLUMN = Text("the name of a column")

CODE_LIST: Final = Fields("a code list", (
    Field("codelist", Text("an id (lower-case letters, digits, _ and -)", _check_id, _IDENTIFIER), "its id",
          required=True),
    Field("title", Localized(), "its name for people", required=True),
    Field("path", Text("a file", check=_check_file), "a CSV file with a header, in the city's folder", required=True),
    Field("code", _COLUMN, "the column with the code", required=True),
    Field("name", _COLUMN, "the column with the name", required=True),
    Field("parent", _COLUMN, "the column with the code above; without it the codes are alike, or `hierarchy` says"),
    Field("hierarchy", Choice(("dotted",)), "`dotted`: 5.1.02 lies below 5.1"),
    Field("valid_from", _COLUMN, "the column with the day from which a code holds (2025-04-25)"),
    Field("valid_to", _COLUMN, "the column with the day from which it does not hold any more"),
    Field("bridge", MappingOf(_COLUMN), "other lists' codes for the same thing: list: column"),
    Field("aliases", MappingOf(Text()), "other names that are used: name: code"),
    Field("filter", MappingOf(Text()), "only the rows whose column has this text: column: text"),
))  # fmt: skip


def read_code_list(node: Node, problems: Problems) -> Plain | None:
    """Return the list's declaration in its normal form, or None; adds what is wrong to `problems`."""
    return CODE_LIST.read(node, problems)


def list_ids(city: City) -> list[str]:
    """Return the ids of the lists that the city can use."""
    return [*BUILT_IN, *(plain["codelist"] for plain in city.code_lists)]


def open_code_list(city: City, list_id: str, within: str = "", decisions: Iterable[Decision] = ()) -> CodeList:
    """Return a list, or the part of it below `within`. Raises SourceMisconfigured."""
    mine = [one for one in decisions if one.list_id == list_id]
    if list_id in BUILT_IN:
        codes = _regions_within(within) if list_id == KEMENDAGRI else _statistics_within(within)
        return CodeList(list_id, codes, mine)
    plain = next((one for one in city.code_lists if one["codelist"] == list_id), None)
    if plain is None:
        known = list_ids(city)
        near = suggest_or_end(list_id, known)
        raise SourceMisconfigured(f"There is no code list {list_id!r}{near} The lists are: {', '.join(known)}.")
    aliases = [Decision(list_id, "", name, code, "city", 0) for name, code in plain.get("aliases", {}).items()]
    return CodeList(list_id, _read_codes(Path(city.folder), plain), [*aliases, *mine])


def _read_codes(folder: Path, plain: Plain) -> Iterator[Code]:
    path = folder / plain["path"]
    try:
        if path.stat().st_size > limits.CODE_LIST_BYTES_MAX:
            raise SourceMisconfigured(f"{path}: a code list has at most {limits.CODE_LIST_BYTES_MAX:,} bytes.")
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            _raise_unless_present(path, plain, reader.fieldnames or ())
            for row in reader:
                if all((row.get(column) or "") == text for column, text in plain.get("filter", {}).items()):
                    yield _code_of(row, plain)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceMisconfigured(
            f"The code list {path} cannot be read: {error}. Check its path, and that it is CSV in UTF-8."
        ) from error


def _raise_unless_present(path: Path, plain: Plain, columns: Iterable[str]) -> None:
    wanted = [plain[key] for key in ("code", "name", "parent", "valid_from", "valid_to") if key in plain]
    wanted += [*plain.get("bridge", {}).values(), *plain.get("filter", {})]
    columns = list(columns)
    for name in wanted:
        if name not in columns:
            near = suggest_or_end(name, columns)
            listed = ", ".join(columns[:40]) or "none"
            raise SourceMisconfigured(f"The code list {path} has no column {name!r}{near} Its columns are: {listed}.")


def _code_of(row: dict[str, Any], plain: Plain) -> Code:
    code = (row[plain["code"]] or "").strip()
    parent = (row[plain["parent"]] or "").strip() if "parent" in plain else ""
    if "hierarchy" in plain:
        parent = code.rpartition(".")[0]
    return Code(
        code=code,
        name=" ".join((row[plain["name"]] or "").split()),
        parent=parent,
        since=_day(row, plain.get("valid_from")),
        until=_day(row, plain.get("valid_to")),
        bridge={scheme: row[column] for scheme, column in plain.get("bridge", {}).items() if row[column]},
    )


def _day(row: dict[str, Any], column: str | None) -> str | None:
    text = (row[column] or "").strip()[:10] if column else ""
    return text if _DAY.match(text) else None


@cache
def _regions() -> tuple[Code, ...]:
    text = lzma.decompress((files("simpul.connect") / "facts" / "regions.txt.xz").read_bytes()).decode()
    lines = text.splitlines()
    days = lines[0][1:].split("\t")
    above = ["", "", "", "", ""]
    codes = []
    for line in lines[1:]:
        head, name, since, until, bps, old = (line.split("\t") + [""] * 5)[:6]
        last = head.lstrip()
        depth = len(head) - len(last)
        code = above[depth + 1] = f"{above[depth]}.{last}" if depth else last
        codes.append(Code(
            code, name, above[depth],
            days[int(since)] if since else None,
            days[int(until)] if until else None,
            tuple(old.split(";")) if old else (),
            {BPS: bps} if bps else {},
        ))  # fmt: skip
    return tuple(codes)


def _regions_within(within: str) -> Iterator[Code]:
    return (code for code in _regions() if code.code.startswith(within) or within.startswith(f"{code.code}."))


def _statistics_within(within: str) -> Iterator[Code]:
    for region in _regions():
        code = region.bridge.get(BPS, "")
        if code and (code.startswith(within) or within.startswith(code)):
            parent = code[:-3] if len(code) == 7 else code[:-2]
            yield Code(code, region.name, parent, None, None, region.old_names, {KEMENDAGRI: region.code})
