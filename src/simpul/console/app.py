"""The console's routes, and what is common to their handlers: the visit, the answer, the refusal. No pages here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from simpul.app.hub import Hub
from simpul.console import problem, session, theme
from simpul.console.assets import Assets
from simpul.console.page import Page
from simpul.console.pages import (
    access,
    answers,
    codes,
    entities,
    entity,
    home,
    hubs,
    layers,
    live,
    new_source,
    now,
    put_right,
    quality,
    search,
    sign_in,
    sources,
    subscriptions,
    watchers,
    welcome,
)
from simpul.console.render import Renderer
from simpul.console.visit import Visit, begin_visit
from simpul.domain.errors import HubError, InternalError, NotFound
from simpul.operator_log import log

Handler = Callable[[Visit], Awaitable[Page | Response]]

# Compression is left to these pages' own routes, so that the API and the event stream stay as they are.
COMPRESSED = [Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)]

PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", home.show),
    ("GET", "/answers/{id}", answers.show),
    ("GET", "/sources", sources.show_all),
    ("GET", "/sources/new", new_source.show),
    ("POST", "/sources/new", new_source.look),
    ("POST", "/sources/new/file", new_source.take_file),
    ("POST", "/sources/new/finish", new_source.finish),
    ("GET", "/sources/{id}", sources.show),
    ("POST", "/sources/{id}/sync", sources.sync),
    ("GET", "/sources/{id}/quality", quality.show),
    ("GET", "/sources/{id}/quality/file", quality.download),
    ("POST", "/sources/{id}/fix", put_right.fix),
    ("POST", "/sources/{id}/replay", put_right.replay),
    ("POST", "/sources/{id}/fixes/{number:int}/undo", put_right.undo),
    ("GET", "/codes", codes.show),
    ("POST", "/codes/decide", codes.decide),
    ("GET", "/entities", entities.show),
    ("GET", "/entities.csv", entities.export),
    ("GET", "/entities/{id:path}", entity.show),
    ("GET", "/layers/boundaries.geojson", layers.boundaries),
    ("GET", now.ADDRESS, now.show),
    ("GET", "/layers/answers/{id}.geojson", layers.answer),
    ("GET", "/layers/history", entity.history),
    ("GET", "/layers/entities.geojson", layers.entities_of_type),
    ("GET", "/layers/entities/{id:path}", layers.entity),
    ("GET", "/search", search.show),
    ("GET", "/sign-in", sign_in.show),
    ("POST", "/sign-in", sign_in.sign_in),
    ("POST", "/sign-out", sign_in.sign_out),
    ("GET", "/welcome/{code}", welcome.show),
    ("POST", "/welcome/{code}", welcome.redeem),
    ("GET", "/access", access.show),
    ("POST", "/access/tokens", access.create),
    ("POST", "/access/tokens/{id}/revoke", access.revoke),
    ("GET", "/subscriptions", subscriptions.show_all),
    ("GET", "/subscriptions/{id:path}", subscriptions.show),
    ("POST", "/subscriptions/{id:path}/parked/{parked:int}/replay", subscriptions.replay),
    ("POST", "/subscriptions/{id:path}/parked/{parked:int}/drop", subscriptions.drop),
    ("POST", "/subscriptions/{id:path}/replay", subscriptions.replay_all),
    ("GET", "/hubs", hubs.show_all),
    ("POST", "/hubs/{id:path}/check", hubs.check),
    ("GET", "/watchers", watchers.show_all),
    ("POST", "/watchers/parked/{parked:int}/replay", watchers.replay),
    ("POST", "/watchers/parked/{parked:int}/drop", watchers.drop),
    ("POST", "/watchers/{id:path}/replay", watchers.replay_all),
)


def build_console(hub: Hub) -> ASGIApp:
    """Return the console over this hub as an ASGI app; it answers every address, if only that there is no such page."""
    assets = Assets()
    renderer = Renderer(assets)
    return Router(_routes(hub, assets, renderer), default=_missing(_endpoint(hub, renderer, _nothing)))


def _routes(hub: Hub, assets: Assets, renderer: Renderer) -> list[Route]:
    pages = [
        Route(path, _endpoint(hub, renderer, handler), methods=[method], middleware=COMPRESSED)
        for method, path, handler in PAGES
    ]
    return [
        *pages,
        Route("/live", live.feed(hub), methods=["GET"]),
        Route("/theme.css", _theme(hub), methods=["GET"]),
        Route("/static/{version}/{name:path}", assets.answer, methods=["GET"]),
    ]


def _missing(page: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await page(Request(scope, receive))
            await response(scope, receive, send)

    return answer


async def _nothing(visit: Visit) -> Page:
    raise NotFound(f"There is no page {visit.request.url.path}.")


def _endpoint(hub: Hub, renderer: Renderer, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        visit = begin_visit(hub, request)
        try:
            if request.method == "POST":
                session.raise_if_foreign(request)
            made = await handler(visit)
        except HubError as error:
            if isinstance(error, InternalError):
                log.error("page failed", path=request.url.path, because=error.detail)
            made = _problem_page(visit, error)
        response = renderer.render(visit, made) if isinstance(made, Page) else made
        if visit.session_ended:
            session.drop_session(response)
        return response

    return answer


def _problem_page(visit: Visit, error: HubError) -> Page:
    view = problem.view_of(visit, error)
    return Page("problem.html", view.heading, view, status=view.status)


def _theme(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        sheet = theme.theme_css(begin_visit(hub, request).city.accent)
        return Response(sheet, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    return answer
