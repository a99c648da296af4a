"""Signing in with a token, and out again. The token itself is never kept in the browser."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from simpul.app import identity
from simpul.console import session
from simpul.console.form import read_form
from simpul.console.page import Page, Step
from simpul.console.visit import SESSION_COOKIE, Visit
from simpul.domain.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class SignInView:
    """The form, or who is signed in."""

    is_signed_in: bool
    roles: tuple[str, ...]
    wrong: str


async def show(visit: Visit) -> Page:
    return _page(visit, "", 200)


async def sign_in(visit: Visit) -> Page | Response:
    form = await read_form(visit.request)
    try:
        secret = await identity.sign_in(visit.hub, visit.caller.tenant, form.get("token", "").strip())
    except Unauthenticated:
        wrong = visit.text("This token is not known here, or it has ended. Check that all of it was copied.")
        return _page(visit, wrong, 401)
    response = RedirectResponse("/", status_code=303)
    session.set_session(visit.request, response, secret)
    return response


async def sign_out(visit: Visit) -> Response:
    await identity.sign_out(visit.hub, visit.caller.tenant, visit.request.cookies.get(SESSION_COOKIE, ""))
    response = RedirectResponse("/", status_code=303)
    session.drop_session(response)
    return response


def _page(visit: Visit, wrong: str, status: int) -> Page:
    title = visit.text("Sign in") if visit.caller.is_anonymous else visit.text("Account")
    roles = tuple(visit.role(role) for role in sorted(visit.caller.roles))
    view = SignInView(not visit.caller.is_anonymous, roles, wrong)
    return Page("sign_in.html", title, view, "sign-in", (Step(title),), status=status)
