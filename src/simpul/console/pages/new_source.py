"""A new source: looks at a system, shows the YAML that is proposed, tries it on real rows, keeps it. Administrators."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response

from simpul import limits
from simpul.app.entities import raise_unless_allowed
from simpul.connect.proposal import asking
from simpul.connect.proposal.asking import Asked
from simpul.connect.proposal.brought import Brought, put_file
from simpul.console import words
from simpul.console.form import read_form
from simpul.console.page import Page, Step
from simpul.console.proposal_comments import comments_in_language
from simpul.console.said import in_language
from simpul.console.visit import Visit
from simpul.domain.access import Action
from simpul.domain.errors import (
    AlreadyExists,
    BadRequestData,
    BodyTooLarge,
    Forbidden,
    HubError,
    SourceError,
    StorageUnavailable,
)
from simpul.ports.engine import Preview


@dataclass(frozen=True, slots=True)
class NewSourceView:
    """What was asked, what there is, the text, and how it went with it."""

    where: str = ""
    name: str = ""
    agency: str = ""
    agencies: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    text: str = ""
    is_about_people: bool = False
    secrets: tuple[str, ...] = ()
    wrong: str = ""
    tried: str = ""
    kept_aside: tuple[tuple[str, str], ...] = ()
    tried_rows: str = ""
    listened_seconds: str = ""


async def show(visit: Visit) -> Page:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    return _page(visit, NewSourceView())


async def look(visit: Visit) -> Page:
    """Look at a system; show what there is, or what is proposed for the one thing that is meant."""
    form = await read_form(visit.request)
    asked = Asked(form.get("where", "").strip(), form.get("name", ""), form.get("agency", ""))
    view = NewSourceView(where=_without_secret(asked.where), name=asked.name, agency=asked.agency)
    try:
        found = await asking.look(visit.caller, visit.hub, asked)
    except (SourceError, BadRequestData) as error:
        return _page(visit, replace(view, wrong=in_language(visit, error.detail)))
    except Forbidden as error:
        if not visit.is_administrator:
            raise
        return _page(visit, replace(view, wrong=in_language(visit, error.detail)))
    if found.proposed is None:
        empty = "" if found.names else visit.text("The system answers and has nothing to read.")
        # One of them is chosen next, so what was typed goes back to who typed it.
        return _page(visit, replace(view, names=found.names, where=asked.where, wrong=empty))
    about = found.proposed.is_about_people
    text = comments_in_language(visit, found.proposed.text)
    return _page(visit, replace(view, text=text, is_about_people=about, secrets=found.secrets))


async def take_file(visit: Visit) -> Response:
    """Put a file that comes as the body into the city's folder; a script then has it looked at there."""
    brought = Brought(visit.parameter("name"), visit.parameter("agency"), _parts(visit))
    try:
        where = await put_file(visit.caller, visit.hub, brought)
    except (BadRequestData, BodyTooLarge, StorageUnavailable) as error:
        return JSONResponse({"wrong": in_language(visit, error.detail)}, status_code=400)
    return JSONResponse({"where": where}, status_code=201)


async def _parts(visit: Visit) -> AsyncIterator[bytes]:
    """Yield the body's parts; a browser that goes away leaves half a file, which is none."""
    try:
        async for part in visit.request.stream():
            yield part
    except ClientDisconnect as error:
        raise BadRequestData("The file did not come whole.") from error


def _without_secret(where: str) -> str:
    """Return what was asked, as it may be shown again: without a password or a query."""
    head, _, rest = where.partition("://")
    return f"{head}://{rest.partition('?')[0].rpartition('@')[2]}" if rest else where


async def finish(visit: Visit) -> Page | Response:
    """Try the text on real rows, or keep it and apply the folder."""
    form = await read_form(visit.request, limits.DECLARATION_BYTES_MAX)
    view = NewSourceView(
        where=_without_secret(form.get("where", "")), agency=form.get("agency", ""), text=form.get("text", "")
    )
    try:
        if form.get("do") != "keep":
            preview = await asking.try_out(visit.caller, visit.hub, view.text)
            return _page(visit, replace(view, tried=_told(visit, preview), kept_aside=_kept_aside(visit, preview)))
        source_id = await asking.keep(visit.caller, visit.hub, view.text)
    except (SourceError, BadRequestData, AlreadyExists, StorageUnavailable) as error:
        return _page(visit, replace(view, wrong=_wrong(visit, error)))
    return RedirectResponse(f"/sources/{source_id}", status_code=303)


def _wrong(visit: Visit, error: HubError) -> str:
    return in_language(visit, error.detail)


def _told(visit: Visit, preview: Preview) -> str:
    number = visit.formats.number
    return visit.text(
        "Of %(rows)s rows, %(good)s would go in and %(bad)s be kept aside.",
        rows=number(preview.rows_read),
        good=number(len(preview.entities)),
        bad=number(len(preview.rejects)),
    )


def _kept_aside(visit: Visit, preview: Preview) -> tuple[tuple[str, str], ...]:
    """Return how many rows broke which rule. Their values are not shown: they may be personal."""
    counts = Counter(reject.rule for reject in preview.rejects)
    return tuple(
        (visit.text(words.RULES[rule]) if rule in words.RULES else rule, visit.formats.number(count))
        for rule, count in counts.most_common()
    )


def _page(visit: Visit, view: NewSourceView) -> Page:
    title = visit.text("New source")
    agencies = tuple((one.id, visit.pick(one.name)) for one in visit.city.agencies)
    number = visit.formats.number
    tried, listened = number(asking.TRIED_ROWS), number(round(limits.MQTT_LOOK_SECONDS))
    whole = replace(view, agencies=agencies, tried_rows=tried, listened_seconds=listened)
    status = 400 if view.wrong else 200
    steps = (Step(visit.text("Sources"), "/sources"), Step(title))
    return Page("new_source.html", title, whole, "sources", steps, status=status)
