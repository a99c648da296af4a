"""What a page says when the answer is no. The only place of the console with status codes of errors."""

from __future__ import annotations

from dataclasses import dataclass

from simpul.console.said import in_language
from simpul.console.visit import Visit
from simpul.domain.errors import (
    AlreadyExists,
    BadRequestData,
    Forbidden,
    HubBusy,
    HubError,
    InvalidRequest,
    MethodNotAllowed,
    NonexistentTenant,
    NotFound,
    SourceError,
    StorageFull,
    StorageUnavailable,
    TooComplexQuery,
    Unauthenticated,
)


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of saying no: status, picture, title and what to do next."""

    status: int
    icon: str
    title: str
    text: str


NOT_FOUND = Kind(
    404, "search", _("There is nothing here"),
    _("The address may be mistyped, or what was here is gone or not for everyone to see."),
)  # fmt: skip
SIGN_IN = Kind(
    401, "lock", _("Please sign in"),
    _("This page is for people whom the city has given a token."),
)  # fmt: skip
FORBIDDEN = Kind(
    403, "lock", _("This is not yours to open"),
    _("You are signed in, but your token does not include this. Ask the city's administrator."),
)  # fmt: skip
LINK_ENDED = Kind(
    401, "lock", _("This link no longer works"),
    _("It was used already, or it is too old. Sign in with your token, or restart the hub for a new link."),
)  # fmt: skip
WRONG = Kind(
    400, "warn", _("That request cannot be answered"),
    _("Something in the address or the form is not right. Go back and check it."),
)  # fmt: skip
BUSY = Kind(
    503, "warn", _("The hub cannot answer just now"),
    _("Nothing was lost. Please try again in a moment."),
)  # fmt: skip
BROKEN = Kind(
    500, "warn", _("This page could not be made"),
    _("The fault is ours and has been noted. The rest of the console goes on working."),
)  # fmt: skip

KINDS: dict[type[HubError], Kind] = {
    NotFound: NOT_FOUND,
    NonexistentTenant: NOT_FOUND,
    MethodNotAllowed: NOT_FOUND,
    Unauthenticated: SIGN_IN,
    Forbidden: FORBIDDEN,
    InvalidRequest: WRONG,
    BadRequestData: WRONG,
    AlreadyExists: WRONG,
    TooComplexQuery: WRONG,
    HubBusy: BUSY,
    StorageFull: BUSY,
    StorageUnavailable: BUSY,
    SourceError: BUSY,
}


@dataclass(frozen=True, slots=True)
class ProblemView:
    """The page that says no."""

    status: int
    icon: str
    heading: str
    text: str
    detail: str
    offers_sign_in: bool


def kind_of(error: HubError) -> Kind:
    """Return how an error is told: by its class, else by the nearest class above it."""
    return next((KINDS[parent] for parent in type(error).__mro__ if parent in KINDS), BROKEN)


def view_of(visit: Visit, error: HubError) -> ProblemView:
    """Return the page that tells an error."""
    kind = kind_of(error)
    # A refusal is told without its detail: it would say that there is something to refuse.
    detail = in_language(visit, error.detail) if kind in {WRONG, BUSY} else ""
    return view_of_kind(visit, kind, detail)


def view_of_kind(visit: Visit, kind: Kind, detail: str = "") -> ProblemView:
    return ProblemView(
        status=kind.status,
        icon=kind.icon,
        heading=visit.text(kind.title),
        text=visit.text(kind.text),
        detail=detail,
        offers_sign_in=visit.caller.is_anonymous and kind in {SIGN_IN, NOT_FOUND, LINK_ENDED},
    )
