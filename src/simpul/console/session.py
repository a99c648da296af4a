"""The console's cookies, and the check that a form was sent from one of its own pages. No identities here."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from simpul import limits
from simpul.console.visit import SESSION_COOKIE
from simpul.domain.errors import Forbidden


def raise_if_foreign(request: Request) -> None:
    """Refuse a form that another site's page sent. Raises Forbidden.

    Browsers say where a POST comes from by `Sec-Fetch-Site` and `Origin`, which pages cannot forge; a request with
    neither is no browser's, and carries no cookie that the visitor did not put there.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden("The form was sent from another site. Please open the page here and send it again.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("The form was sent from another address. Please open the page here and send it again.")


def set_session(request: Request, response: Response, secret: str) -> None:
    """Let the browser remember the session, out of reach of scripts and of other sites."""
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=limits.SESSION_HOURS * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def drop_session(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict", path="/")
