"""One visit of one page: who looks, in which language, at which city. No use-case is called here but `identify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from starlette.requests import Request

from simpul.app import identity, tenants
from simpul.app.hub import Hub
from simpul.console import words
from simpul.console.formats import Formats, iso_moment
from simpul.console.language import COOKIE, choose_language, pick, translations
from simpul.domain.access import Action, Caller, decide
from simpul.domain.city import City
from simpul.domain.errors import Unauthenticated

SESSION_COOKIE = "simpul_session"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a page shows it: how long ago, exactly, and for machines."""

    ago: str
    exact: str
    iso: str


@dataclass(frozen=True)
class Visit:
    """Made once per request; only `names` fills while the page is made."""

    request: Request
    hub: Hub
    caller: Caller
    language: str
    now_us: int
    session_ended: bool = False
    # Names of linked entities that this page has looked up already.
    names: dict[str, str | None] = field(default_factory=dict)

    @property
    def city(self) -> City:
        return self.hub.city(self.caller.tenant)

    @cached_property
    def formats(self) -> Formats:
        return Formats(self.language, self.city.time_zone)

    @property
    def is_manager(self) -> bool:
        """Whether the visitor may see rejected rows and start a source."""
        return decide(self.caller, Action.MANAGE_SOURCES).allowed

    @property
    def is_administrator(self) -> bool:
        return decide(self.caller, Action.MANAGE_ACCESS).allowed

    @property
    def wants_panel(self) -> bool:
        """Whether a script asks, to put the answer beside the page that is there."""
        return self.request.headers.get("hx-target") == "panel"

    def text(self, message: str, **values: object) -> str:
        """Return the message in the visitor's language, with its values put in."""
        translated = translations(self.language).ugettext(message)
        return translated % values if values else translated

    def texts(self, one: str, many: str, count: int) -> str:
        """Return the message for this count in the visitor's language; `%(count)s` is the number, formatted."""
        translated = translations(self.language).ungettext(one, many, count)
        return translated % {"count": self.formats.number(count)}

    def pick(self, texts: dict[str, str]) -> str:
        return pick(texts, self.language)

    def word(self, name: str) -> str:
        """Return what people call a type or an attribute: by the city's own words first."""
        own = self.city.words.get(words.short_name(name))
        if own is not None:
            return self.pick(own)
        message = words.message(name)
        return words.split_name(name) if message is None else self.text(message)

    def role(self, name: str) -> str:
        """Return what people call a role."""
        return self.text(words.ROLES.get(name, name))

    def moment(self, at_us: int | None) -> Moment | None:
        if at_us is None:
            return None
        return Moment(self.formats.ago(at_us, self.now_us), self.formats.moment(at_us), iso_moment(at_us))

    def parameter(self, name: str) -> str:
        return self.request.query_params.get(name, "")

    def address(self, **changes: str | None) -> str:
        """Return this page's address with some parameters changed; None takes one away."""
        parameters = dict(self.request.query_params)
        for name, value in changes.items():
            parameters.pop(name, None)
            if value is not None:
                parameters[name] = value
        query = urlencode(parameters)
        return self.request.url.path + ("?" + query if query else "")


def begin_visit(hub: Hub, request: Request) -> Visit:
    """Return the visit that a request is. A session that has ended makes an anonymous one, which says so."""
    tenant = tenants.resolve(hub, None)
    session = request.cookies.get(SESSION_COOKIE)
    ended = False
    try:
        caller = identity.identify(hub, tenant, None, session)
    except Unauthenticated:
        caller, ended = identity.identify(hub, tenant, None, None), True
    language = choose_language(
        request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language", "")
    )
    return Visit(request, hub, caller, language, hub.clock.now_us(), ended)
