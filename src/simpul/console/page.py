"""What a handler gives back: a template with its view. Rendering is in `render.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from simpul.domain.access import Caller


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the trail that says where a page is; the last one leads nowhere."""

    label: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A word that leads somewhere, where there is something to see. `note` is a sentence below it."""

    label: str
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state as a shape (`good`, `late`, `broken`, `never`, `running`) and a word."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown beside a page, where something on it is selected."""

    template: str
    view: object


@dataclass(frozen=True, slots=True)
class Page:
    """One page to render. `finish` puts cookies on the answer; `caller` is who has just signed in by it."""

    template: str
    title: str
    view: object
    section: str = ""
    trail: tuple[Step, ...] = ()
    panel: Panel | None = None
    status: int = 200
    searched: str = ""
    finish: Callable[[Response], None] | None = None
    caller: Caller | None = None


def panel_alone(panel: Panel, title: str) -> Page:
    """Return the page that is nothing but a panel, for a script that puts it beside the page already there."""
    return Page("panel.html", title, None, panel=panel)
