"""Who may do what: one pure decision with its reason. No IO here; the caller is made once per request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

ADMINISTRATOR = "administrator"
INTEGRATOR = "integrator"
READER = "reader"
ROLES = (ADMINISTRATOR, INTEGRATOR, READER)


class Action(Enum):
    """What a caller can want."""

    READ = "read"
    WRITE = "write"
    MANAGE_SOURCES = "manage sources"
    MANAGE_ACCESS = "manage access"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which city, and what that lets them do. Made once per request and never changed.

    `principal` is `anonymous`, `operator` (the machine's own administrator, at the command line) or
    `token/<id>`. `readable_types` are expanded type IRIs; None means every type.
    """

    tenant: str
    principal: str
    roles: frozenset[str]
    readable_types: frozenset[str] | None

    @property
    def is_anonymous(self) -> bool:
        return self.principal == "anonymous"

    def may_read(self, types: Iterable[str]) -> bool:
        """Return whether an entity of these types may be seen: all of them must be readable."""
        return self.readable_types is None or self.readable_types.issuperset(types)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and its reason."""

    allowed: bool
    because: str


_NEEDS = {
    Action.WRITE: (ADMINISTRATOR, INTEGRATOR),
    Action.MANAGE_SOURCES: (ADMINISTRATOR, INTEGRATOR),
    Action.MANAGE_ACCESS: (ADMINISTRATOR,),
}


def decide(caller: Caller, action: Action, types: Iterable[str] = ()) -> Decision:
    """Decide whether the caller may do this to entities of these types. Whatever is not allowed is denied."""
    if action is Action.READ:
        if caller.may_read(types):
            return Decision(True, f"{caller.principal} may read these types")
        return Decision(False, "the city has not declared this type public")
    return _decide_by_roles(caller.roles, action)


# There are as many answers as sets of roles and actions, so each is worked out once.
@lru_cache(maxsize=64)
def _decide_by_roles(roles: frozenset[str], action: Action) -> Decision:
    needed = _NEEDS[action]
    if roles.intersection(needed):
        return Decision(True, f"the caller is {' and '.join(sorted(roles))}")
    return Decision(False, f"to {action.value} a caller needs to be {' or '.join(needed)}")
