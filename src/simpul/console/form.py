"""A small form's fields out of a request. Files are not taken."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from simpul import limits
from simpul.domain.errors import BodyTooLarge, InvalidRequest


async def read_form(request: Request, bytes_max: int = limits.CONSOLE_FORM_BYTES_MAX) -> dict[str, str]:
    """Return the last value of each field. Raises BodyTooLarge, InvalidRequest."""
    return dict(await read_pairs(request, bytes_max))


async def read_pairs(request: Request, bytes_max: int = limits.CONSOLE_FORM_BYTES_MAX) -> list[tuple[str, str]]:
    """Return every field with its value, in order. Raises BodyTooLarge, InvalidRequest."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > bytes_max:
            raise BodyTooLarge(f"A form has at most {bytes_max:,} bytes.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise InvalidRequest("The form could not be read. Please open the page again and send it anew.") from error
