"""The text of an SQL script, statement by statement, in bounded memory. What values mean is `sql_values.py`'s.

Nothing is executed: a statement is either looked at or stepped over. Strings, names in quotes and comments are stepped
over whole, so that what looks like a statement inside one is none. `DELIMITER` and what stands between two of them
(triggers, routines) is left out as the clients that know it would hand it to a server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_LOOK_AHEAD: Final = 64 * 1024
_NAME: Final = r'(?:`(?:[^`]|``)*`|"(?:[^"]|"")*"|\[[^\]]*\]|[^\s(),.;`"\'\[]+)'
_TABLE: Final = rf"(?:(?P<database>{_NAME})\s*\.\s*)?(?P<table>{_NAME})"
_INSERT: Final = re.compile(
    r"(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|OR\s+\w+)\s+)*(?:INTO\s+)?"
    rf"{_TABLE}\s*(?P<columns>\((?:[^()`\"]++|`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")*+\))?\s*(?P<values>VALUES?\b)?\s*",
    re.IGNORECASE,
)
_CREATE: Final = re.compile(
    rf"CREATE\s+(?:(?:TEMPORARY|UNLOGGED)\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}\s*\(", re.IGNORECASE
)
_USE: Final = re.compile(rf"USE\s+(?P<database>{_NAME})", re.IGNORECASE)
_COPY: Final = re.compile(rf"COPY\s+{_TABLE}[^;]*?\bFROM\s+stdin\s*;[^\n]*\n", re.IGNORECASE)
_COMMAND: Final = re.compile(r"\\|(?:SYSTEM|SOURCE)\s", re.IGNORECASE)
_DELIMITER: Final = re.compile(r"DELIMITER[ \t]+(?P<mark>[^\s]+)[^\n]*", re.IGNORECASE)
_DELIMITER_BACK: Final = re.compile(r"^[ \t]*DELIMITER[ \t]+;[^\n]*", re.IGNORECASE | re.MULTILINE)
_COPY_END: Final = re.compile(r"^\\\.\r?$", re.MULTILINE)
_WHITE: Final = re.compile(r"[\s;]*+")
_COMMENT: Final = re.compile(r"--|#|/\*")
_LINE_END: Final = re.compile(r"\n")
_COMMENT_END: Final = re.compile(r"\*/")
_LONGEST_MARK: Final = 200

STRING_WITH_ESCAPES: Final = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
STRING_WITHOUT_ESCAPES: Final = r"'[^']*+(?:''[^']*+)*+'"


class ScriptBroken(Exception):
    """A script that cannot be read on: it ends in the middle, or a part of it is too long. The text says why."""


class Insert(NamedTuple):
    """An `INSERT`, up to its values; `has_values` is False where it has none to read (`SELECT`, `SET`)."""

    database: str | None
    table: str
    columns: tuple[str, ...] | None
    has_values: bool


class Create(NamedTuple):
    """A `CREATE TABLE`; `body` is what stands between its parentheses."""

    database: str | None
    table: str
    body: str


class Copy(NamedTuple):
    """Rows in PostgreSQL's own form, which is stepped over."""

    database: str | None
    table: str


Statement = Insert | Create | Copy


class Script:
    """A script in hand: `text` is what is read of it and not done with, `at` where reading stands in it."""

    def __init__(self, read: Callable[[], str], *, has_escapes: bool, held_characters_max: int) -> None:
        self._read = read
        self._held_characters_max = held_characters_max
        self._step = _step_pattern(has_escapes=has_escapes)
        self._inside = _inside_patterns(has_escapes=has_escapes)
        self._database: str | None = None
        self.has_escapes = has_escapes
        self.text = ""
        self.at = 0
        self.is_whole = False
        self.tail = ""

    def more(self) -> bool:
        """Read another block behind what is in hand, and drop what is done with. False at the end."""
        if self.is_whole:
            return False
        held = len(self.text) - self.at
        if held > self._held_characters_max:
            most = self._held_characters_max
            raise ScriptBroken(f"a row or a statement is longer than {most:,} characters")
        block = self._read()
        self.is_whole = not block
        self.text = self.text[self.at :] + block
        self.at = 0
        self.tail = (self.tail + block)[-_LONGEST_MARK:]
        return not self.is_whole

    def next_statement(self) -> Statement | None:
        """Return the next statement that says something about rows, standing behind its head; None at the end."""
        while self.skip_gap():
            self._look_ahead()
            statement = self._head()
            if statement is not None:
                return statement
        return None

    def _head(self) -> Statement | None:
        """Return the statement that begins here, or step over it."""
        first = self.text[self.at : self.at + 1].upper()
        if first in "IR" and (found := _INSERT.match(self.text, self.at)):
            self.at = found.end()
            columns = _names(found["columns"]) if found["columns"] else None
            return Insert(self._database_of(found), _bare(found["table"]), columns, found["values"] is not None)
        if first == "C" and (found := _CREATE.match(self.text, self.at)):
            return Create(self._database_of(found), _bare(found["table"]), self._take_body(found.end()))
        if first == "C" and (found := _COPY.match(self.text, self.at)):
            copy = Copy(self._database_of(found), _bare(found["table"]))
            # The line end before the first row may be the mark's own, where there is no row.
            self.at = found.end() - 1
            self._skip_to(_COPY_END)
            return copy
        if first == "D" and (found := _DELIMITER.match(self.text, self.at)):
            self.at = found.end()
            if found["mark"] != ";":
                self._skip_to(_DELIMITER_BACK)
            return None
        if first == "U" and (found := _USE.match(self.text, self.at)):
            self._database = _bare(found["database"])
            self.at = found.end()
            return None
        if first in "S\\" and _COMMAND.match(self.text, self.at):
            # What a client would do itself ends with its line.
            self._skip_to(_LINE_END)
            return None
        self.skip_statement()
        return None

    def _database_of(self, found: re.Match[str]) -> str | None:
        return self._database if found["database"] is None else _bare(found["database"])

    def _take_body(self, start: int) -> str:
        """Return what stands in a statement from `start` to its end; stand behind it."""
        begin = start - self.at
        length = 0
        while True:
            found = self._step.match(self.text, self.at + begin + length)
            assert found is not None
            end = found.end()
            if self.text[end : end + 1] == ";":
                break
            length = end - self.at - begin
            if self.text[end : end + 2] in ("--", "/*") or self.text[end : end + 1] == "#":
                self._cut_comment(end)
            elif not self.more():
                raise ScriptBroken("it ends in the middle of a CREATE TABLE")
        body = self.text[self.at + begin : end]
        self.at = end + 1
        return body

    def _cut_comment(self, start: int) -> None:
        """Take the comment that begins at `start` out of the text in hand."""
        before, self.at = self.text[self.at : start], start
        self._skip_comment()
        self.text = before + " " + self.text[self.at :]
        self.at = 0

    def skip_gap(self) -> bool:
        """Step over white space, comments and empty statements; return whether anything follows."""
        while True:
            white = _WHITE.match(self.text, self.at)
            assert white is not None
            self.at = white.end()
            if len(self.text) - self.at < 3 and self.more():
                continue
            if self.at >= len(self.text):
                return False
            if not self._skip_comment():
                return True

    def skip_statement(self) -> None:
        """Step over the rest of the statement."""
        while True:
            found = self._step.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            following = self.text[self.at : self.at + 2]
            if following[:1] == ";":
                self.at += 1
                return
            if len(following) < 2 and self.more():
                continue
            if following[:1] in ("'", '"', "`"):
                self._skip_string(following[0])
            elif following[:1] == "#" or following in ("--", "/*"):
                self._skip_comment()
            elif not following:
                raise ScriptBroken("it ends in the middle of a statement")
            else:
                self.at += 1

    def _skip_comment(self) -> bool:
        """Step over the comment that begins here, if one does."""
        comment = _COMMENT.match(self.text, self.at)
        if comment is None:
            return False
        self.at = comment.end()
        self._skip_to(_COMMENT_END if comment[0] == "/*" else _LINE_END)
        return True

    def _skip_string(self, quote: str) -> None:
        """Step over a string that is longer than what is in hand."""
        self.at += 1
        inside = self._inside[quote]
        while True:
            found = inside.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            # A quote at the very end may be the first half of two.
            if len(self.text) - self.at < 2 and self.more():
                continue
            if self.at >= len(self.text):
                raise ScriptBroken("it ends in the middle of a text")
            self.at += 1
            return

    def _skip_to(self, mark: re.Pattern[str]) -> None:
        while True:
            found = mark.search(self.text, self.at)
            if found is not None:
                self.at = found.end()
                return
            # The mark may stand across the border of two blocks.
            self.at = max(self.at, len(self.text) - _LONGEST_MARK)
            if not self.more():
                self.at = len(self.text)
                return

    def _look_ahead(self) -> None:
        while len(self.text) - self.at < _LOOK_AHEAD and self.more():
            pass


def _step_pattern(*, has_escapes: bool) -> re.Pattern[str]:
    """Return what a statement consists of, up to its end, a comment, or a string that is not whole in hand."""
    # A quote that ends a text must be seen with what follows it: the next block may begin with its second half.
    single = STRING_WITH_ESCAPES if has_escapes else STRING_WITHOUT_ESCAPES
    double = single.replace("'", '"')
    single, double = f"{single}(?=[^'])", f'{double}(?=[^"])'
    return re.compile(rf"(?:[^'\"`;#\-/]++|{single}|{double}|`[^`]*+`|-(?=[^-])|/(?=[^*]))*+", re.DOTALL)


def _inside_patterns(*, has_escapes: bool) -> dict[str, re.Pattern[str]]:
    """Return what stands inside a string, by its quote, as far as it is surely inside."""
    patterns = {}
    for quote in "'\"":
        escape = r"\\." if has_escapes else r"(?!)"
        plain = rf"[^{quote}\\]" if has_escapes else rf"[^{quote}]"
        patterns[quote] = re.compile(rf"(?:{plain}++|{escape}|{quote}{quote})*+", re.DOTALL)
    patterns["`"] = re.compile(r"(?:[^`]++|``)*+")
    return patterns


def _bare(name: str) -> str:
    """Return a name without its quotes."""
    if name[0] in '`"':
        return name[1:-1].replace(name[0] * 2, name[0])
    return name[1:-1] if name[0] == "[" else name


def _names(listed: str) -> tuple[str, ...]:
    return tuple(_bare(found) for found in re.findall(_NAME, listed[1:-1]))
