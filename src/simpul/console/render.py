"""Pages to HTML: templates, the frame around each, and the headers that keep a page to itself. No use-cases here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from simpul import __version__
from simpul.console.assets import Assets
from simpul.console.language import COOKIE, LANGUAGES, translations
from simpul.console.page import Page
from simpul.console.visit import Visit

TEMPLATES = Path(__file__).parent / "templates"

LANGUAGE_NAMES = {"id": "Bahasa Indonesia", "en": "English"}

# maplibre-gl draws its symbols with images from data: addresses and fetches pictures as blobs of its own.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    # A page depends on who looks; a shared cache must not hand it to somebody else.
    "Cache-Control": "private, no-cache",
    # What compresses a page adds that it may be compressed.
    "Vary": "Cookie, Accept-Language",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the rail."""

    href: str
    label: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """The way to this page in one language."""

    code: str
    name: str
    href: str
    current: bool


@dataclass(frozen=True)
class Frame:
    """What surrounds each page."""

    visit: Visit
    section: str
    searched: str

    @property
    def language(self) -> str:
        return self.visit.language

    @property
    def time_zone(self) -> str:
        return self.visit.city.time_zone

    @property
    def version(self) -> str:
        return __version__

    @cached_property
    def city_name(self) -> str:
        return self.visit.pick(self.visit.city.name)

    @property
    def city_letter(self) -> str:
        # "Kota Padang" is known by its last word.
        return self.city_name.split()[-1][:1].upper() if self.city_name.split() else "S"

    @property
    def is_anonymous(self) -> bool:
        return self.visit.caller.is_anonymous

    @property
    def notice(self) -> str:
        if self.visit.session_ended:
            return self.visit.text("Your session has ended. Sign in again to see what is not public.")
        return ""

    @property
    def sections(self) -> tuple[Section, ...]:
        _ = self.visit.text
        entries = [
            ("home", "/", _("Home"), "home"),
            ("sources", "/sources", _("Sources"), "sources"),
            ("entities", "/entities", _("Data"), "entities"),
        ]
        if self.visit.is_administrator:
            entries.append(("sharing", "/subscriptions", _("Sharing"), "hubs"))
            entries.append(("access", "/access", _("Access"), "access"))
        return tuple(Section(href, label, icon, name == self.section) for name, href, label, icon in entries)

    @property
    def languages(self) -> tuple[LanguageLink, ...]:
        request = self.visit.request
        path = request.url.path if request.method == "GET" else "/"
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
        return tuple(
            LanguageLink(
                code, LANGUAGE_NAMES[code], f"{path}?{urlencode([*kept, ('lang', code)])}", code == self.language
            )
            for code in LANGUAGES
        )


class Renderer:
    """The templates of each language, compiled once."""

    def __init__(self, assets: Assets) -> None:
        self._environments = {language: _environment(language, assets) for language in LANGUAGES}

    def render(self, visit: Visit, page: Page) -> Response:
        """Return the page as an answer."""
        template = self._environments[visit.language].get_template(page.template)
        seen = visit if page.caller is None else replace(visit, caller=page.caller)
        html = template.render(
            frame=Frame(seen, page.section, page.searched),
            title=page.title,
            trail=page.trail,
            view=page.view,
            panel=page.panel,
        )
        response = HTMLResponse(html, status_code=page.status, headers={**HEADERS, "Content-Language": visit.language})
        if visit.request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, visit.language, max_age=365 * 24 * 3600, samesite="lax", httponly=True)
        if page.finish is not None:
            page.finish(response)
        return response


def _environment(language: str, assets: Assets) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # An extension adds it.
    environment.globals["asset"] = assets.address
    environment.globals["map_texts"] = lambda: _map_texts(language)
    return environment


def _map_texts(language: str) -> dict[str, str]:
    """Return what the map library itself says, in this language."""
    text = translations(language).ugettext
    hold_control = text("Hold Ctrl and scroll to zoom the map")
    return {
        "NavigationControl.ZoomIn": text("Zoom in"),
        "NavigationControl.ZoomOut": text("Zoom out"),
        "CooperativeGesturesHandler.WindowsHelpText": hold_control,
        "CooperativeGesturesHandler.MacHelpText": text("Hold ⌘ and scroll to zoom the map"),
        "CooperativeGesturesHandler.MobileHelpText": text("Use two fingers to move the map"),
        "Map.Title": text("Map"),
        "Marker.Title": text("Map marker"),
        "Popup.Close": text("Close"),
    }
