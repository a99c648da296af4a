"""The city's tokens: who may use the API and the console. For administrators only."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from simpul.app import identity
from simpul.console.form import read_pairs
from simpul.console.page import Page, Step
from simpul.console.visit import Moment, Visit
from simpul.domain.access import ROLES
from simpul.domain.errors import BadRequestData
from simpul.ports.store import Token

DAYS = (30, 90, 365)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token, never its secret."""

    id: str
    name: str
    roles: str
    created: Moment | None
    expires: Moment | None
    state: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """One role that a token may have, and what it lets do."""

    name: str
    label: str
    hint: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class AccessView:
    """The tokens, the form for a new one, and its secret once it is made."""

    tokens: tuple[TokenRow, ...]
    roles: tuple[RoleChoice, ...]
    days: tuple[tuple[str, str, bool], ...]
    name: str
    wrong: str
    secret: str


async def show(visit: Visit) -> Page:
    return _page(visit, AccessForm(), "", "")


@dataclass(frozen=True, slots=True)
class AccessForm:
    """What was typed, kept when something is wrong with it."""

    name: str = ""
    roles: tuple[str, ...] = ("reader",)
    days: str = "90"


async def create(visit: Visit) -> Page:
    pairs = await read_pairs(visit.request)
    fields = dict(pairs)
    form = AccessForm(
        fields.get("name", ""), tuple(value for key, value in pairs if key == "role"), fields.get("days", "")
    )
    days = int(form.days) if form.days.isdecimal() else None
    try:
        _, secret = await identity.create_token(visit.caller, visit.hub, form.name, form.roles, days)
    except BadRequestData:
        wrong = visit.text(
            "A token needs a name of 1 to 100 characters that says what it is for, and at least one role."
        )
        return _page(visit, form, wrong, "")
    return _page(visit, AccessForm(), "", secret)


async def revoke(visit: Visit) -> Response:
    await identity.revoke_token(visit.caller, visit.hub, visit.request.path_params["id"])
    return RedirectResponse("/access", status_code=303)


def _page(visit: Visit, form: AccessForm, wrong: str, secret: str) -> Page:
    tokens = tuple(_row(visit, token) for token in identity.list_tokens(visit.caller, visit.hub))
    hints = {
        "administrator": visit.text("Everything, and who may do what"),
        "integrator": visit.text("Read and write all data, run sources, see rejected rows"),
        "reader": visit.text("Read all data, also what is not public"),
    }
    roles = tuple(RoleChoice(role, visit.role(role), hints[role], role in form.roles) for role in ROLES)
    days = [(str(count), visit.text("%(count)s days", count=visit.formats.number(count))) for count in DAYS]
    choices = tuple((value, label, value == form.days) for value, label in [*days, ("", visit.text("No end"))])
    view = AccessView(tokens, roles, choices, form.name, wrong, secret)
    title = visit.text("Access")
    return Page("access.html", title, view, "access", (Step(title),), status=422 if wrong else 200)


def _roles(visit: Visit, token: Token) -> str:
    if token.kind == identity.AGENT:
        return visit.text("Agent of %(source)s", source=token.roles[0])
    return ", ".join(visit.role(role) for role in token.roles)


def _row(visit: Visit, token: Token) -> TokenRow:
    ended = token.expires_us is not None and token.expires_us <= visit.now_us
    if token.revoked_us is not None:
        state = visit.text("Revoked")
    else:
        state = visit.text("Ended") if ended else visit.text("Active")
    return TokenRow(
        token.id,
        token.name,
        _roles(visit, token),
        visit.moment(token.created_us),
        visit.moment(token.expires_us),
        state,
        token.revoked_us is None and not ended,
    )
