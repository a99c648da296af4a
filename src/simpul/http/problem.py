"""How each error looks over HTTP: the only place with the status codes of errors, and their ETSI type URIs."""

from __future__ import annotations

from simpul.domain import errors
from simpul.domain.errors import HubError
from simpul.http.exchange import Answer, answer_json

ETSI = "https://uri.etsi.org/ngsi-ld/errors/"
# RFC 9457 §4.2.1: the status says it all. For errors that CIM 009 §6.3.2 has no URI for.
BLANK = "about:blank"

STATUS: dict[type[HubError], tuple[int, str]] = {
    errors.InvalidRequest: (400, ETSI + "InvalidRequest"),
    errors.BadRequestData: (400, ETSI + "BadRequestData"),
    errors.AlreadyExists: (409, ETSI + "AlreadyExists"),
    errors.Conflict: (409, ETSI + "Conflict"),
    errors.NotFound: (404, ETSI + "ResourceNotFound"),
    errors.NonexistentTenant: (404, ETSI + "NonexistentTenant"),
    errors.TooComplexQuery: (403, ETSI + "TooComplexQuery"),
    errors.TooManyResults: (403, ETSI + "TooManyResults"),
    errors.ContextNotAvailable: (504, ETSI + "LdContextNotAvailable"),
    errors.OperationNotSupported: (422, ETSI + "OperationNotSupported"),
    errors.NotImplementedYet: (501, BLANK),
    errors.Unauthenticated: (401, BLANK),
    errors.Forbidden: (403, BLANK),
    errors.NotAcceptable: (406, BLANK),
    errors.UnsupportedMediaType: (415, BLANK),
    errors.MethodNotAllowed: (405, BLANK),
    errors.PreconditionFailed: (412, BLANK),
    errors.BodyTooLarge: (413, BLANK),
    errors.HubBusy: (503, BLANK),
    errors.StorageFull: (507, BLANK),
    errors.StorageUnavailable: (503, BLANK),
    errors.PeerUnreachable: (502, BLANK),
    errors.PeerTimeout: (504, BLANK),
    errors.PeerRefused: (502, BLANK),
    errors.PeerInvalid: (502, BLANK),
    errors.LoopDetected: (508, BLANK),
    errors.SourceMisconfigured: (422, BLANK),
    errors.SourceUnreachable: (502, BLANK),
    errors.SourceMismatch: (502, BLANK),
    errors.SourceChanged: (502, BLANK),
    errors.SourceCollapsed: (502, BLANK),
    errors.InternalError: (500, ETSI + "InternalError"),
}

_HEADERS: dict[type[HubError], tuple[tuple[bytes, bytes], ...]] = {
    errors.Unauthenticated: ((b"www-authenticate", b'Bearer realm="simpul"'),),
    errors.HubBusy: ((b"retry-after", b"1"),),
    errors.StorageUnavailable: ((b"retry-after", b"5"),),
}


def status_of(error: HubError) -> tuple[int, str]:
    """Return the status and the type URI of the error, or of the nearest class above it."""
    if isinstance(error, errors.PeerRefused):
        return error.status, error.type_uri
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return STATUS[errors.InternalError]


def render_problem(error: HubError) -> dict[str, object]:
    """Return the error's ProblemDetails (CIM 009 §5.5.3, RFC 9457)."""
    status, type_uri = status_of(error)
    return {"type": type_uri, "title": error.title, "status": status, "detail": error.detail}


def answer_problem(error: HubError) -> Answer:
    """Return the answer that tells the caller of the error."""
    # CIM 009 §5.5.3 gives errors the media type application/json.
    return answer_json(render_problem(error), _HEADERS.get(type(error), ()), status=status_of(error)[0])
