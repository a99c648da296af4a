"""The one-time link that makes the administrator: says what will happen, does it, shows the token once."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from simpul import limits
from simpul.app import identity
from simpul.console import problem, session
from simpul.console.page import Page, Step
from simpul.console.visit import Visit
from simpul.domain.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class WelcomeView:
    """Before: the offer. After: the token's secret, and the session's for the cookie."""

    token: str
    session: str
    hours: str


async def show(visit: Visit) -> Page:
    # Opening the link changes nothing: mail programs and chat previews open links too.
    try:
        identity.raise_unless_welcome(visit.hub, visit.caller.tenant, visit.request.path_params["code"])
    except Unauthenticated:
        return _ended(visit)
    return _page(visit, "", "")


async def redeem(visit: Visit) -> Page:
    code = visit.request.path_params["code"]
    try:
        token, secret = await identity.redeem_welcome(visit.hub, visit.caller.tenant, code, visit.text("Administrator"))
    except Unauthenticated:
        return _ended(visit)
    return _page(visit, token, secret)


def _ended(visit: Visit) -> Page:
    view = problem.view_of_kind(visit, problem.LINK_ENDED)
    return Page("problem.html", view.heading, view, status=view.status)


def _page(visit: Visit, token: str, secret: str) -> Page:
    title = visit.text("Welcome")
    view = WelcomeView(token, secret, visit.formats.number(limits.SESSION_HOURS))
    finish, caller = None, None
    if secret:
        caller = identity.identify(visit.hub, visit.caller.tenant, None, secret)

        def finish(response: Response) -> None:
            session.set_session(visit.request, response, secret)

    return Page("welcome.html", title, view, "", (Step(title),), finish=finish, caller=caller)
