"""Who is asking: tokens, console sessions, and the one-time link that makes the administrator. No HTTP, no SQL.

A secret is 256 random bits and is shown once; the hub keeps its SHA-256 digest. A slow password hash would add
nothing to such a secret and would cost every request milliseconds (see docs/adr).
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from simpul import limits
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import ADMINISTRATOR, ROLES, Action, Caller
from simpul.domain.errors import BadRequestData, Forbidden, NotFound, Unauthenticated
from simpul.ports.store import Token

API = "token"
AGENT = "agent"
SESSION = "session"
WELCOME = "welcome"

_PREFIX = "simpul_"
# A session's id begins with that of the token that it was signed in with.
_SESSION_OF = "."
_US_PER_HOUR = 3_600_000_000
_NAME_CHARACTERS_MAX = 100
_DAYS_MAX = 3_650


def anonymous(hub: Hub, tenant: str) -> Caller:
    """Return the caller that nobody vouches for: reads what the city declares public, and nothing else."""
    if hub.settings.open_access:
        return Caller(tenant, "open", frozenset(ROLES), None)
    return _anonymous(tenant, hub.city(tenant).public_types)


@lru_cache(maxsize=limits.CALLERS_REMEMBERED_MAX)
def _anonymous(tenant: str, public_types: frozenset[str]) -> Caller:
    return Caller(tenant, "anonymous", frozenset(), public_types)


def operator(tenant: str) -> Caller:
    """Return the machine's own administrator: whoever may run the command line on the city's files."""
    return Caller(tenant, "operator", frozenset(ROLES), None)


def identify(hub: Hub, tenant: str, authorization: str | None, session: str | None = None) -> Caller:
    """Return who asks. Raises Unauthenticated for a credential that is wrong, expired or revoked."""
    if authorization:
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("The Authorization header is not understood. Send 'Authorization: Bearer <token>'.")
        return _caller(tenant, _get_token(hub, tenant, secret.strip(), API))
    if session:
        return _caller(tenant, _get_token(hub, tenant, session, SESSION))
    return anonymous(hub, tenant)


def _caller(tenant: str, token: Token) -> Caller:
    return _caller_of(tenant, token.id, token.roles)


@lru_cache(maxsize=limits.CALLERS_REMEMBERED_MAX)
def _caller_of(tenant: str, token_id: str, roles: tuple[str, ...]) -> Caller:
    return Caller(tenant, f"token/{token_id}", frozenset(roles), None)


# The headers that secrets come in are remembered as well (`http/header_block.py`); each costs 2 µs a request.
@lru_cache(maxsize=limits.CALLERS_REMEMBERED_MAX)
def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _get_token(hub: Hub, tenant: str, secret: str, kind: str) -> Token:
    token = hub.identities.find_token(tenant, _digest(secret))
    if token is None or token.kind != kind:
        raise Unauthenticated("This token is not known here. Ask the city's administrator for one.")
    if token.revoked_us is not None:
        raise Unauthenticated("This token was revoked. Ask the city's administrator for a new one.")
    if token.expires_us is not None and token.expires_us <= hub.clock.now_us():
        raise Unauthenticated("This token has expired. Ask the city's administrator for a new one.")
    return token


async def create_token(
    caller: Caller, hub: Hub, name: str, roles: tuple[str, ...], days: int | None
) -> tuple[Token, str]:
    """Make a token; return it and its secret, which is not kept. Raises BadRequestData, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    if not name.strip() or len(name) > _NAME_CHARACTERS_MAX:
        raise BadRequestData(f"A token's name says what it is for, in 1 to {_NAME_CHARACTERS_MAX} characters.")
    if not roles or not set(roles) <= set(ROLES):
        raise BadRequestData(f"A token's roles are some of: {', '.join(ROLES)}.")
    if days is not None and not 1 <= days <= _DAYS_MAX:
        raise BadRequestData(f"A token is valid for 1 to {_DAYS_MAX} days, or without an end.")
    hours = days * 24 if days is not None else None
    return await _add(hub, caller.tenant, _Grant(API, name.strip(), roles, hours))


async def create_agent_token(caller: Caller, hub: Hub, name: str, source_id: str) -> tuple[Token, str]:
    """Make a token with which an agent may deliver one source, and nothing else; return it and its secret.

    Raises NotFound, BadRequestData, Forbidden.
    """
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    if not name.strip() or len(name) > _NAME_CHARACTERS_MAX:
        raise BadRequestData(f"A token's name says what it is for, in 1 to {_NAME_CHARACTERS_MAX} characters.")
    source = hub.city(caller.tenant).source(source_id)
    if source is None:
        known = ", ".join(one.id for one in hub.city(caller.tenant).sources) or "none; apply the city's folder first"
        raise NotFound(f"The city has no source {source_id[:100]!r}. Its sources: {known}.")
    if not source.is_delivered:
        raise BadRequestData(f"The hub reads {source_id} itself. Write read_by: agent into its file, and apply.")
    return await _add(hub, caller.tenant, _Grant(AGENT, name.strip(), (source_id,), None))


def raise_unless_agent(hub: Hub, tenant: str, authorization: str | None, source_id: str) -> None:
    """Raise Unauthenticated or Forbidden where the token is not that of the source's agent."""
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("An agent sends 'Authorization: Bearer <token>'.")
    known = hub.identities.find_token(tenant, _digest(secret.strip()))
    if known is not None and known.kind != AGENT:
        raise Forbidden(f"This is no agent's token. Make one with: simpul token create NAME --agent {source_id[:64]}")
    token = _get_token(hub, tenant, secret.strip(), AGENT)
    if token.roles != (source_id,):
        raise Forbidden(f"This token is that of the agent of {', '.join(token.roles)}; it may deliver nothing else.")


class _Grant(NamedTuple):
    """What a new credential is good for. `parent` begins its id where it hangs on another credential."""

    kind: str
    name: str
    roles: tuple[str, ...]
    hours: int | None
    parent: str = ""


async def _add(hub: Hub, tenant: str, grant: _Grant) -> tuple[Token, str]:
    now_us = hub.clock.now_us()
    secret = _PREFIX + secrets.token_urlsafe(limits.TOKEN_BYTES)
    token = Token(
        id=grant.parent + secrets.token_hex(4),
        kind=grant.kind,
        name=grant.name,
        digest=_digest(secret),
        roles=grant.roles,
        created_us=now_us,
        expires_us=now_us + grant.hours * _US_PER_HOUR if grant.hours is not None else None,
        revoked_us=None,
    )
    await hub.identities.add_token(tenant, token)
    return token, secret


def list_tokens(caller: Caller, hub: Hub) -> list[Token]:
    """Return the city's tokens for the API and for agents, newest first; never a secret. Raises Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    return [token for token in hub.identities.list_tokens(caller.tenant) if token.kind in (API, AGENT)]


async def revoke_token(caller: Caller, hub: Hub, token_id: str) -> None:
    """End a token, and the sessions signed in with it, at once. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_ACCESS)
    now_us = hub.clock.now_us()
    if not await hub.identities.revoke_token(caller.tenant, token_id, now_us):
        raise NotFound(f"There is no token {token_id[:64]} that could be revoked. List them with: simpul token list")
    for token in hub.identities.list_tokens(caller.tenant):
        if token.id.startswith(token_id + _SESSION_OF) and token.revoked_us is None:
            await hub.identities.revoke_token(caller.tenant, token.id, now_us)


def has_administrator(hub: Hub, tenant: str) -> bool:
    """Return whether someone has made themselves the city's administrator."""
    tokens = hub.identities.list_tokens(tenant)
    return any(token.kind == API and ADMINISTRATOR in token.roles and token.revoked_us is None for token in tokens)


async def create_welcome(hub: Hub, tenant: str) -> str:
    """Return the code of a new one-time link; the links made before end with it."""
    now_us = hub.clock.now_us()
    for token in hub.identities.list_tokens(tenant):
        if token.kind == WELCOME and token.revoked_us is None:
            await hub.identities.revoke_token(tenant, token.id, now_us)
    _, secret = await _add(hub, tenant, _Grant(WELCOME, "one-time link", (ADMINISTRATOR,), limits.WELCOME_LINK_HOURS))
    return secret


def raise_unless_welcome(hub: Hub, tenant: str, code: str) -> Token:
    """Return the one-time link's own token, unused. Raises Unauthenticated."""
    return _get_token(hub, tenant, code, WELCOME)


async def redeem_welcome(hub: Hub, tenant: str, code: str, name: str) -> tuple[str, str]:
    """Make the administrator's token and session; return (token's secret, session's secret). The link ends.

    Raises Unauthenticated for a code that is unknown, used or too old.
    """
    welcome = raise_unless_welcome(hub, tenant, code)
    if not await hub.identities.revoke_token(tenant, welcome.id, hub.clock.now_us()):
        raise Unauthenticated("This link was used already. Restart the hub for a new one.")
    caller = Caller(tenant, f"token/{welcome.id}", frozenset({ADMINISTRATOR}), None)
    _, token_secret = await create_token(caller, hub, name, (ADMINISTRATOR,), None)
    return token_secret, await sign_in(hub, tenant, token_secret)


async def sign_in(hub: Hub, tenant: str, token_secret: str) -> str:
    """Return the secret of a console session with the token's roles. Raises Unauthenticated."""
    token = _get_token(hub, tenant, token_secret, API)
    grant = _Grant(SESSION, token.name, token.roles, limits.SESSION_HOURS, parent=token.id + _SESSION_OF)
    _, secret = await _add(hub, tenant, grant)
    return secret


async def sign_out(hub: Hub, tenant: str, session: str) -> None:
    """End a console session; nothing happens where there is none."""
    token = hub.identities.find_token(tenant, _digest(session))
    if token is not None and token.kind == SESSION:
        await hub.identities.revoke_token(tenant, token.id, hub.clock.now_us())
