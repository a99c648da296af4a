"""`simpul token`: access tokens of a city. What may be done is decided by the use-cases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from simpul.app.identity import AGENT
from simpul.cli.reaching import ask_once
from simpul.domain.access import ROLES
from simpul.ports.store import Token
from simpul.settings import load_settings

_US_PER_SECOND = 1_000_000


@click.group()
def token() -> None:
    """List, make and revoke access tokens."""


_folder = click.option("--folder", type=click.Path(path_type=Path), help="The city's folder. Default: SIMPUL_FOLDER.")
_tenant = click.option("--tenant", "tenant_name", help="The city, where a data folder has several.")


@token.command("list")
@_folder
@_tenant
def list_tokens(folder: Path | None, tenant_name: str | None) -> None:
    """List the tokens: id, roles, when made, state, name. Never a secret."""
    settings = load_settings(folder=folder, tenant=tenant_name)
    for one in ask_once(settings, "list_tokens", list[Token]):
        made = datetime.fromtimestamp(one.created_us / _US_PER_SECOND, UTC)
        state = "revoked" if one.revoked_us is not None else "valid"
        may = f"agent of {one.roles[0]}" if one.kind == AGENT else ",".join(one.roles)
        click.echo(f"{one.id}  {may:24}  {made:%Y-%m-%d %H:%M}  {state:8} {one.name}")


@token.command("create")
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="What it may do.")
@click.option(
    "--agent", "source_id", metavar="SOURCE", help="For an agent that delivers this source, and nothing else."
)
@click.option("--days", type=int, help="How long it is valid. Default: until it is revoked.")
@_folder
@_tenant
def create_token(
    name: str,
    roles: tuple[str, ...],
    source_id: str | None,
    days: int | None,
    folder: Path | None,
    tenant_name: str | None,
) -> None:
    """Make a token and show its secret, once."""
    if bool(roles) == bool(source_id) or (source_id and days is not None):
        raise click.UsageError(
            "A token has roles (--role), or is for the agent of one source (--agent) without an end."
        )
    settings = load_settings(folder=folder, tenant=tenant_name)
    if source_id is not None:
        made, secret = ask_once(settings, "create_agent_token", tuple[Token, str], name=name, source=source_id)
    else:
        made, secret = ask_once(settings, "create_token", tuple[Token, str], name=name, roles=roles, days=days)
    click.echo(f"Token {made.id} for {made.name}. Keep it now; it is not shown again:\n{secret}")


@token.command("revoke")
@click.argument("token_id")
@_folder
@_tenant
def revoke_token(token_id: str, folder: Path | None, tenant_name: str | None) -> None:
    """End a token, and the console sessions signed in with it."""
    settings = load_settings(folder=folder, tenant=tenant_name)
    ask_once(settings, "revoke_token", type(None), token_id=token_id)
    click.echo(f"Revoked {token_id}.")
