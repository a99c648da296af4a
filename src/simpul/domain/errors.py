"""Everything that can go wrong, as one tree. No status codes here: `http/problem.py` has them.

HubError
├── InvalidRequest            the request's form is wrong: not JSON, an unknown parameter, a bad header
├── BadRequestData            the form is right, the content is not: an id that is no URI, no `type`
├── AlreadyExists             something with that id is there
├── Conflict                  what is asked for contradicts who holds the data: a registration, an entity
├── NotFound                  the thing is not there, or the caller may not know that it is
├── NonexistentTenant         no city of that name is served here
├── TooComplexQuery           the question costs more than a named limit allows
├── TooManyResults            the answer would be larger than a named limit allows
├── ContextNotAvailable       an @context could not be had
├── OperationNotSupported     the standard has the operation, this entity or hub cannot do it
├── NotImplementedYet         the standard has it, this version of Simpul does not
├── Unauthenticated           nobody said who is asking
├── Forbidden                 the caller is known and the answer is no
├── NotAcceptable             none of the formats asked for can be given
├── UnsupportedMediaType      the body's format is none of those understood
├── MethodNotAllowed          the path exists, the method does not
├── PreconditionFailed        what the request wants to be true of the thing is not (If-Match, If-None-Match)
├── BodyTooLarge              the body is over `limits.BODY_BYTES_MAX`
├── HubBusy                   too much is waiting; try again
├── StorageFull               the disk took no more; nothing of the request was kept
├── StorageUnavailable        the city's file cannot be used: locked, unreadable, damaged
├── PeerError                 another hub or source that a request was forwarded to
│   ├── PeerUnreachable       it cannot be reached, or may not be
│   ├── PeerTimeout           it did not answer in time
│   ├── PeerRefused           it answered with an error of its own
│   ├── PeerInvalid           it answered with what is no NGSI-LD
│   └── LoopDetected          the request has been here already
├── SourceError               something about an agency's system
│   ├── SourceMisconfigured   its YAML is wrong; names file, line and what would be right
│   ├── SourceUnreachable     it cannot be reached, or refuses the credentials
│   └── SourceMismatch        it answers, but not in the shape that its YAML promises
│       └── SourceChanged     it has another form than in its last complete run
│           └── SourceCollapsed  it has far fewer rows than then
└── InternalError             a defect of ours
"""

from __future__ import annotations


class HubError(Exception):
    """The root. `detail` is one or two sentences for a person: what was wrong, and what would be right."""

    title = "The request could not be answered"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequest(HubError):
    """The request itself is malformed (CIM 009 §5.5.2)."""

    title = "The request is not well-formed"


class BadRequestData(HubError):
    """The request is well-formed and its content breaks the data model (CIM 009 §5.5.2)."""

    title = "The request's content is not valid"


class AlreadyExists(HubError):
    """The id is taken."""

    title = "It already exists"


class Conflict(HubError):
    """It contradicts who holds the data: a registration against another, or against an entity (CIM 009 §4.3.6.3)."""

    title = "It conflicts with what is there"


class NotFound(HubError):
    """Not there, or not for this caller to know."""

    title = "Not found"


class NonexistentTenant(HubError):
    """No city of that name is served here (CIM 009 §5.5.10)."""

    title = "No such tenant"


class TooComplexQuery(HubError):
    """Answering would cost more than a named limit allows (CIM 009 §5.5.2)."""

    title = "The query is too complex"


class TooManyResults(HubError):
    """The answer would be larger than a named limit allows (CIM 009 §5.5.2)."""

    title = "Too many results"


class ContextNotAvailable(HubError):
    """An @context that the request needs could not be had (CIM 009 §5.5.2)."""

    title = "A linked @context is not available"


class OperationNotSupported(HubError):
    """The standard has the operation; this target cannot do it (CIM 009 §5.5.2)."""

    title = "The operation is not supported"


class NotImplementedYet(HubError):
    """The standard has it; this version does not."""

    title = "Not implemented in this version"


class Unauthenticated(HubError):
    """Nobody said who is asking, and the answer depends on it."""

    title = "Please say who you are"


class Forbidden(HubError):
    """The caller is known and the answer is no."""

    title = "Not allowed"


class NotAcceptable(HubError):
    """None of the formats in `Accept` can be given."""

    title = "No acceptable format"


class UnsupportedMediaType(HubError):
    """The body's format is none of those understood."""

    title = "Unsupported media type"


class MethodNotAllowed(HubError):
    """The path exists; the method does not. `allowed` are the methods that it has."""

    title = "Method not allowed"

    def __init__(self, detail: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.allowed = allowed


class PreconditionFailed(HubError):
    """What the request wants to be true is not, so nothing was done (RFC 9110 §13.1)."""

    title = "It is not as the request wants it"


class BodyTooLarge(HubError):
    """The body is over `limits.BODY_BYTES_MAX`."""

    title = "The body is too large"


class HubBusy(HubError):
    """Too much is waiting. Nothing of the request was kept; it is safe to send it again."""

    title = "The hub is busy"


class StorageFull(HubError):
    """The disk took no more. Nothing of the request was kept."""

    title = "The disk is full"


class StorageUnavailable(HubError):
    """The city's file cannot be used just now: locked, unreadable or damaged."""

    title = "The city's data cannot be reached"


class PeerError(HubError):
    """Another hub or source that a request was forwarded to (CIM 009 §4.3.6)."""

    title = "Another hub failed"


class PeerUnreachable(PeerError):
    """It cannot be reached, or the operator does not allow its address."""

    title = "Another hub cannot be reached"

    def __init__(self, detail: str, brief: str | None = None) -> None:
        super().__init__(detail)
        # Why, for a reader who sees which one it is.
        self.brief = brief or detail


class PeerTimeout(PeerError):
    """It did not answer in time."""

    title = "Another hub did not answer in time"


class PeerRefused(PeerError):
    """It answered with an error of its own: `status`, and the URI of its type where it told one."""

    title = "Another hub refused"

    def __init__(self, detail: str, status: int, type_uri: str = "about:blank") -> None:
        super().__init__(detail)
        self.status = status
        self.type_uri = type_uri


class PeerInvalid(PeerError):
    """It answered with what is no valid NGSI-LD, or with more than is read (CIM 009 §6.3.17)."""

    title = "Another hub answered with what cannot be used"


class LoopDetected(PeerError):
    """The request came back to a hub that it has been to (CIM 009 §6.3.17)."""

    title = "The request goes round in a circle"


class SourceError(HubError):
    """Something about an agency's system."""

    title = "A source failed"


class SourceMisconfigured(SourceError):
    """A declaration is wrong. The detail names the file, the line and what would be right."""

    title = "A declaration is not valid"


class SourceUnreachable(SourceError):
    """The agency's system cannot be reached, or refuses the credentials."""

    title = "A source cannot be reached"


class SourceMismatch(SourceError):
    """The agency's system answers, but not in the shape that its declaration promises."""

    title = "A source does not have the promised shape"


class SourceChanged(SourceMismatch):
    """The agency's system has another form than in its last complete run: columns, kinds of values, number of rows."""

    title = "A source has changed its form"


class SourceCollapsed(SourceChanged):
    """The agency's system has far fewer rows than in its last complete run."""


class InternalError(HubError):
    """A defect of ours."""

    title = "Something went wrong inside the hub"
