"""What other parts of the hub said in English and the store kept, in the visitor's language. No page's own texts here.

Sources, notifiers and use-cases write one English sentence each. A page shows it through the templates below: the one
that fits the sentence best is translated, and its values are put in again. What a library or an agency's system said
stays as it is, and so does a sentence that no template fits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache, lru_cache

from simpul.console.formats import Formats
from simpul.console.language import translations
from simpul.console.said_of_rows import OF_ROWS
from simpul.console.said_of_systems import OF_SYSTEMS
from simpul.console.visit import Visit


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


# Beyond this a text is no sentence of ours, and fitting it would cost time.
CHARACTERS_MAX = 1_500
# A row's place, its column, what is wrong with it, and a part of that.
SENTENCES_WITHIN_MAX = 5
SOURCE_LANGUAGE = "en"
_BETWEEN = "; "

# A value whose name begins with `said` is a sentence itself.
SAID = (
    *OF_ROWS,
    *OF_SYSTEMS,
    # Why a notification did not arrive, or another hub did not answer.
    _("The receiver answered with status %(status)s."),
    _(
        "The receiver leads elsewhere (status %(status)s), where nothing is sent. Give the subscription the "
        "address that takes notifications."
    ),
    _("The receiver did not answer within %(seconds)s s."),
    _("The receiver could not be reached (%(said)s)."),
    _("The endpoint cannot be used: its URL is not valid."),
    _("The broker did not answer within %(seconds)s s."),
    _("The broker could not be reached (%(said)s)."),
    _("It was not sent: %(said)s."),
    _("It could not be sent because of a defect; the log has more."),
    _("It cannot be rendered: %(why)s"),
    _("%(host)s is an address of this machine or its private network, which the operator has not allowed"),
    _(
        "%(host)s is an address of this machine or its private network, which the operator has not allowed "
        "(SIMPUL_ALLOW_PRIVATE_ADDRESSES)."
    ),
    _("It answered with status %(status)s."),
    _(
        "It leads elsewhere (status %(status)s), where nothing is asked. Give the registration the address of "
        "the hub itself."
    ),
    _("It did not answer in time."),
    _(
        "The same request was under way to it several times at once, and none was answered: it may go round in a "
        "circle of hubs that does not pass Via on. Add localOnly to the management of a registration in it."
    ),
    _("It could not be reached (%(said)s)."),
    _("its certificate is not trusted: %(why)s"),
    _("it does not speak TLS as the hub does"),
    _("nobody knows a machine of that name"),
    _("nothing listens at that address and port"),
    _("the connection was closed"),
    _("nothing answers at that address"),
    _("the network has no way to that address"),
    _("the connection failed"),
    _("it refuses the user or the password"),
    _("its URL cannot be used"),
    _("what it answers is not HTTP/1.1"),
    _("its answer has no end of headers"),
    _("%(request)s was not answered within %(seconds)s s."),
    _("%(request)s failed: %(why)s."),
    _("%(request)s was answered with more than %(most)s bytes."),
    _("The source %(name)s answered with status %(status)s."),
    _("The source %(name)s answered with status %(status)s: %(said)s"),
    _("The source %(name)s has had this request already."),
    _("The source %(name)s failed a moment ago and is left alone for a while."),
    # Why a page could not be made.
    _(
        "The answer %(name)s would compare %(found)s distances, more than %(most)s. Drop rows before it with "
        "`keep:`, or narrow it with `where:`."
    ),
    _("The answer %(name)s reads more than %(most)s entities of the type %(type)s. Narrow it with `where:`."),
    _("This hub was put together without an engine for sources."),
    _("A form has at most %(most)s bytes."),
    # Why a file that was brought is not kept.
    _("Say which of the city's agencies the file belongs to."),
    _("The file cannot be kept: %(why)s."),
    _("The file is over %(most)s bytes. Put it into the city's folder, and name it there."),
    _("The file is empty."),
    _("The file has no name."),
    _("The file did not come whole."),
    _("There are very many files %(name)s already; give this one another name."),
    _("The form could not be read. Please open the page again and send it anew."),
)

Templates = tuple[str, ...]
_WITHIN_ONE = frozenset(
    {"name", "column", "count", "total", "subject", "words", "listed", "value", "near", "least", "most", "day", "form"}
)
_VALUE = re.compile(r"%\((\w+)\)s")
# What the hub counted or measured itself. A cell of a row is shown as it stands there: its names are not among these.
_MEASURED = frozenset(
    {
        "measured",
        "longitude",
        "latitude",
        "west",
        "south",
        "east",
        "north",
        "least",
        "most",
        "found",
        "wanted",
        "gap",
        "below",
        "filled",
    }
)
_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)\.(\d+)\Z")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+\Z")


def in_language(visit: Visit, text: str) -> str:
    """Return a sentence of the hub in the visitor's language."""
    return translate(text, visit.language, visit.city.time_zone)


@lru_cache(maxsize=1_024)
def translate(text: str, language: str, time_zone: str = "UTC") -> str:
    """Return a sentence of the hub in a language; where no template fits, as it is."""
    return translate_by(SAID, text, language, time_zone)


def translate_by(templates: Templates, text: str, language: str, time_zone: str) -> str:
    """Return what these templates fit in a language; where none fits, as it is."""
    if language == SOURCE_LANGUAGE or len(text) > CHARACTERS_MAX:
        return text
    return _translate(templates, text, Formats(language, time_zone), SENTENCES_WITHIN_MAX)


def _translate(templates: Templates, text: str, formats: Formats, depth: int) -> str:
    for template, pattern in _patterns(templates) if depth else ():
        found = pattern.fullmatch(text)
        if found is not None:
            said = {
                name: _translate(templates, value, formats, depth - 1)
                if name.startswith("said")
                else _value(name, value, formats)
                for name, value in found.groupdict().items()
            }
            return translations(formats.language).ugettext(template) % said
    if depth and _BETWEEN in text:
        # Several things that were found, each of which is said for itself.
        return _BETWEEN.join(_translate(templates, part, formats, depth - 1) for part in text.split(_BETWEEN))
    return text


def _value(name: str, value: str, formats: Formats) -> str:
    if _GROUPED.match(value):
        return formats.number(int(value.replace(",", "")))
    if name in _MEASURED and (number := _NUMBER.match(value)) is not None:
        return formats.number(Decimal(value.replace(",", "")), len(number[1]))
    return value


@cache
def _patterns(templates: Templates) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the templates with what they fit, those with the most words of their own first."""
    ordered = sorted(templates, key=lambda template: -len(_VALUE.sub("", template)))
    return tuple((template, _pattern(template)) for template in ordered)


def _pattern(template: str) -> re.Pattern[str]:
    parts = _VALUE.split(template)
    texts = [_group(part) if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.compile("".join(texts), re.DOTALL)


def _group(name: str) -> str:
    # What is called or counted ends before the next thing that is said.
    return f"(?P<{name}>(?:(?!{_BETWEEN}).)+?)" if name in _WITHIN_ONE else f"(?P<{name}>.+?)"
