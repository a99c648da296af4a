"""Fetches answers of an agency's service for a source: blocking, in the source's own thread. Reads no meaning in them.

The address stands in a declaration, so whoever declares a source decides where it leads; but a name may come to lead
elsewhere, and a service may redirect. So an address of this machine or its private network is used only where the
declaration says that the service is there (`addresses.py` has the rule), and no redirect leaves the declared host.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeVar

import httpx2

from simpul import limits
from simpul.addresses import AddressRefused, find_public_address
from simpul.declared_tls import believe, refused_tls
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from simpul.unreachable import why_unreachable

_REDIRECTS_MAX: Final = 3
_PORTS: Final = {"http": 80, "https": 443}
_BUSY: Final = frozenset({429, 503})
_SHOWN_CHARACTERS: Final = 200

Result = TypeVar("Result")
Refused = Callable[[int, bytes], SourceError | None]


@dataclass(frozen=True, slots=True)
class Service:
    """A service to fetch from: where it is, how to say who asks, and what is allowed."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    certificate: Path | None = None
    is_self_signed: bool = False
    is_private: bool = False
    requests_per_second: float | None = None
    timeout_seconds: float = limits.SOURCE_TIMEOUT_SECONDS


class Answer(NamedTuple):
    """What a service answered: from where in the end, its headers (names in lower case), its body."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class _Busy(Exception):
    """The service asks to be left alone for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Fetcher:
    """Fetches from one service. Used from one thread only.

    `refused` may make an error of its own from the status and the beginning of an answer that refuses (4xx).
    """

    def __init__(self, service: Service, refused: Refused | None = None) -> None:
        self._service = service
        self._refused = refused
        self._origin = httpx2.URL(service.url)
        self._address: str | None = None
        self._next_at = 0.0
        self._has_answered = False
        headers = {"accept": "application/json", "accept-encoding": "identity", **service.headers}
        self._client = httpx2.Client(
            auth=service.auth, headers=headers, verify=_tls(service), timeout=service.timeout_seconds,
            follow_redirects=False, trust_env=False,
        )  # fmt: skip

    def get(self, url: str) -> Answer:
        """Return the answer to GET. Raises SourceUnreachable, SourceMismatch."""
        return self._try(partial(self._get, url), url)

    def download(self, url: str, file: BinaryIO, bytes_max: int) -> str:
        """Write the answer to GET into a file; return from where it came in the end.

        A whole file may take longer than an answer, so only its pace is bounded. Raises SourceUnreachable,
        SourceMismatch.
        """
        return self._try(partial(self._download, url, file, bytes_max), url)

    def _try(self, get: Callable[[], Result], url: str) -> Result:
        pauses = list(limits.REST_RETRY_SECONDS)
        waits = limits.REST_WAITS_MAX
        while True:
            try:
                answer = get()
            except _Busy as busy:
                waits -= 1
                if waits < 0 or busy.seconds > limits.REST_WAIT_SECONDS_MAX:
                    raise SourceUnreachable(
                        f"{shown_url(url)} asks to be left alone for {busy.seconds:g} s. Set requests_per_second lower."
                    ) from busy
                time.sleep(busy.seconds)
            except SourceUnreachable:
                # Only what has answered before in this run is worth another try: it may be a line that broke.
                if not self._has_answered or not pauses:
                    raise
                time.sleep(pauses.pop(0))
            else:
                self._has_answered = True
                return answer

    def _get(self, url: str) -> Answer:
        with self._answered(url) as (came_from, response):
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(came_from, headers, self._read(came_from, response))

    def _download(self, url: str, file: BinaryIO, bytes_max: int) -> str:
        file.seek(0)
        file.truncate()
        with self._answered(url) as (came_from, response):
            _raise_if_packed(came_from, response)
            begun, count, where = time.monotonic(), 0, shown_url(came_from)
            for chunk in response.iter_raw():
                count += _write(file, chunk)
                if count > bytes_max:
                    raise SourceMismatch(
                        f"{where} answers with more than {bytes_max:,} bytes, the most that are fetched. Ask for "
                        "less of it with its parameters."
                    )
                seconds = time.monotonic() - begun - self._service.timeout_seconds
                if seconds * limits.DOWNLOAD_BYTES_PER_SECOND_MIN > count:
                    raise SourceUnreachable(
                        f"{where} sends so slowly that it was given up after {count:,} bytes. Run it again when "
                        "the line is better."
                    )
        file.seek(0)
        return came_from

    @contextmanager
    def _answered(self, url: str) -> Iterator[tuple[str, httpx2.Response]]:
        """Open the answer to GET behind its redirects, with the URL that it comes from."""
        for _ in range(_REDIRECTS_MAX + 1):
            self._keep_pace()
            with self._translated(url), self._open(url) as response:
                if not response.has_redirect_location:
                    self._raise_for_status(url, response)
                    yield url, response
                    return
                url = str(httpx2.URL(url).join(response.headers["location"]))
                self.raise_unless_same_host(url)
        raise SourceMismatch(
            f"{shown_url(url)} redirects more than {_REDIRECTS_MAX} times. Write the URL where the data is."
        )

    def _raise_for_status(self, url: str, response: httpx2.Response) -> None:
        if self._refused is not None and 400 <= response.status_code < 500 and response.status_code not in _BUSY:
            told = self._refused(response.status_code, self._beginning(response))
            if told is not None:
                raise told
        _raise_for_status(url, response)

    def _beginning(self, response: httpx2.Response) -> bytes:
        """Return what an answer begins with: what it says of why it refuses."""
        body = bytearray()
        deadline = time.monotonic() + self._service.timeout_seconds
        for chunk in response.iter_raw():
            body += chunk
            if len(body) >= limits.REFUSAL_BYTES_MAX or time.monotonic() > deadline:
                break
        return bytes(body[: limits.REFUSAL_BYTES_MAX])

    def raise_unless_same_host(self, url: str) -> None:
        """Raise SourceMismatch for a URL that the service names and that is not its own."""
        named, own = httpx2.URL(url), self._origin
        is_safer = (own.scheme, named.scheme) == ("http", "https") and named.port is None and own.port is None
        if named.host == own.host and (is_safer or (named.scheme, named.port) == (own.scheme, own.port)):
            return
        raise SourceMismatch(
            f"{shown_url(self._service.url)} leads to {shown_url(url)}, another host, which is not followed. "
            "Write that URL, if it is right."
        )

    @contextmanager
    def _open(self, url: str) -> Iterator[httpx2.Response]:
        """Open the answer to GET, from the very address that was looked at."""
        target = httpx2.URL(url)
        headers: dict[str, str] = {}
        extensions: dict[str, str] = {}
        if not self._service.is_private:
            # Every URL has the declared host: its address is looked at once, and asked under the host's name.
            if self._address is None:
                self._address = find_public_address(target.host, target.port or _PORTS[target.scheme])
            headers, extensions = {"Host": target.netloc.decode()}, {"sni_hostname": target.host}
            target = target.copy_with(host=self._address)
        with self._client.stream("GET", target, headers=headers, extensions=extensions) as response:
            yield response

    def _keep_pace(self) -> None:
        rate = self._service.requests_per_second
        if rate is None:
            return
        now = time.monotonic()
        if self._next_at > now:
            time.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / rate

    def _read(self, url: str, response: httpx2.Response) -> bytes:
        _raise_if_packed(url, response)
        deadline = time.monotonic() + self._service.timeout_seconds
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > limits.REST_ANSWER_BYTES_MAX:
                most = limits.REST_ANSWER_BYTES_MAX
                raise SourceMismatch(
                    f"{shown_url(url)} answers with more than {most:,} bytes. Ask for it in pages ('pages')."
                )
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("slow")
        return bytes(body)

    @contextmanager
    def _translated(self, url: str) -> Iterator[None]:
        try:
            yield
        except httpx2.TimeoutException as error:
            seconds = self._service.timeout_seconds
            raise SourceUnreachable(
                f"{shown_url(url)} did not answer within {seconds:g} s. Is the service running?"
            ) from error
        except AddressRefused as error:
            raise SourceUnreachable(
                f"{shown_url(url)} is not asked: {error}. Where it is meant, add private: true."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise _unreachable(url, error) from error

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()


def _tls(service: Service) -> ssl.SSLContext:
    context = ssl.create_default_context()
    believe(context, service.certificate, is_self_signed=service.is_self_signed)
    return context


def _write(file: BinaryIO, chunk: bytes) -> int:
    try:
        return file.write(chunk)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SourceUnreachable(
            f"What is fetched cannot be kept here for reading it: {why}. Make room for temporary files."
        ) from error


def _raise_if_packed(url: str, response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceMismatch(
            f"{shown_url(url)} answers compressed, which was not asked for. Ask whoever runs it to answer as it "
            "is asked."
        )


def _raise_for_status(url: str, response: httpx2.Response) -> None:
    status = response.status_code
    if status in _BUSY and "retry-after" in response.headers:
        raise _Busy(_seconds_of(response.headers["retry-after"]))
    if status == 429:
        raise _Busy(limits.REST_RETRY_SECONDS[-1])
    if status in (401, 403, 407):
        raise SourceUnreachable(
            f"{shown_url(url)} refuses us (status {status}). Check 'auth', and the secret behind it."
        )
    if status >= 500:
        raise SourceUnreachable(
            f"{shown_url(url)} fails with status {status}. That is the agency's to mend; it is tried again."
        )
    if status not in (200, 204):
        raise SourceMismatch(f"{shown_url(url)} answers with status {status}. Check the URL and its parameters.")


def _seconds_of(text: str) -> float:
    """Return the seconds of a `Retry-After`: a number, or a date."""
    if text.strip().isdigit():
        return float(text)
    try:
        moment = datetime.strptime(text.strip(), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return limits.REST_RETRY_SECONDS[-1]
    return max(0.0, moment.timestamp() - time.time())


def _unreachable(url: str, error: BaseException) -> SourceError:
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    where = shown_url(url)
    if isinstance(found, ssl.SSLError):
        return refused_tls(where, found)
    return SourceUnreachable(
        f"{where} cannot be reached ({why_unreachable(error)}). Check host and port, and that the service runs."
    )


def shown_url(url: str) -> str:
    """Return a URL for a message: without user, password and query, which may hold secrets."""
    parsed = httpx2.URL(url)
    port = "" if parsed.port is None else f":{parsed.port}"
    return f"{parsed.scheme}://{parsed.host}{port}{parsed.path}"[:_SHOWN_CHARACTERS]
