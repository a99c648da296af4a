"""A folder of an SFTP server as a place where files arrive. Only a server whose key is known is talked to.

A file is fetched whole, into a file without a name of this machine, before it is read. Links are not followed. The
server's clock may be wrong, so a file counts as quiet when two looks at it, so far apart, see the same.
"""

from __future__ import annotations

import heapq
import io
import logging
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import paramiko

from simpul import limits
from simpul.addresses import AddressRefused, find_public_address
from simpul.domain.errors import SourceMisconfigured, SourceMismatch, SourceUnreachable
from simpul.inboxes.inbox import BAD, DONE, Arrived, FileRefused, LocalFile, Numbering, free_name, make_arrived
from simpul.inboxes.sftp_settings import SftpSettings
from simpul.unreachable import why_unreachable

# What a request may ask for at once, by the protocol.
_BLOCK_BYTES: Final = 32 * 1024
_NS_PER_SECOND: Final = 1_000_000_000
_SSH_PORT: Final = 22

# What goes wrong is told in our words; the library would print it as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class SftpFolder:
    """A folder of an SFTP server (`inbox.Inbox`)."""

    def __init__(self, settings: SftpSettings) -> None:
        self._settings = settings
        self._folder = settings.folder.rstrip("/") or "/"
        self._listed_at = 0.0
        self._transport = _connect(settings)
        try:
            with _talking(settings.where, settings.timeout_seconds):
                channel = self._transport.open_session(timeout=settings.timeout_seconds)
                channel.settimeout(settings.timeout_seconds)
                channel.invoke_subsystem("sftp")
                self._client = paramiko.SFTPClient(channel)
        except BaseException:
            self.close()
            raise

    def _path(self, *names: str) -> str:
        return "/".join([self._folder.removesuffix("/"), *names])

    def list_arrived(self) -> list[Arrived]:
        most, where = limits.FILES_WAITING_MAX, self._settings.where
        with _talking(where, self._settings.timeout_seconds):
            try:
                wanted = (self._look(entry) for entry in self._client.listdir_iter(self._folder))
                found = heapq.nsmallest(most + 1, (one for one in wanted if one is not None))
            except UnicodeDecodeError as error:
                raise SourceMismatch(
                    f"{where}: a file's name in {self._folder} is no text in UTF-8. Let it be renamed there."
                ) from error
            except FileNotFoundError as error:
                raise SourceUnreachable(
                    f"{where} has no folder {self._folder} for this user. Check 'folder'."
                ) from error
            except PermissionError as error:
                raise SourceUnreachable(
                    f"{where} does not let this user read the folder {self._folder}. Ask for that right."
                ) from error
        if len(found) > most and self._settings.is_kept:
            raise SourceMismatch(
                f"The folder {self._folder} of {where} has more than {most:,} files that match. Let what was read be "
                "taken away, or write a narrower pattern."
            )
        self._listed_at = time.monotonic()
        return found[:most]

    def _look(self, entry: paramiko.SFTPAttributes) -> Arrived | None:
        name = entry.filename
        if "/" in name or not self._settings.is_wanted(name) or stat.S_ISDIR(entry.st_mode or 0):
            return None
        return _arrived(name, entry)

    @property
    def has_unfinished(self) -> bool:
        # Whether a file is quiet is looked at when it is fetched.
        return False

    @property
    def numbering(self) -> Numbering | None:
        return None

    def fetch(self, arrived: Arrived) -> list[LocalFile] | None:
        left = self._listed_at + self._settings.quiet_seconds - time.monotonic()
        if left > 0:
            time.sleep(left)
        with _talking(self._settings.where, self._settings.timeout_seconds):
            if self._mark_of(arrived.key) != arrived.mark:
                # It is still being written, or gone: the next run sees it as it is then.
                return None
            found = self._client.lstat(self._path(arrived.key))
            if stat.S_ISLNK(found.st_mode or 0):
                raise FileRefused("it is a link, and links are not followed")
            if found.st_mode is not None and not stat.S_ISREG(found.st_mode):
                raise FileRefused("it is no file that can be read to an end")
            if arrived.size_bytes > limits.SOURCE_FILE_BYTES_MAX:
                raise FileRefused(
                    f"it has {arrived.size_bytes:,} bytes; at most {limits.SOURCE_FILE_BYTES_MAX:,} are read"
                )
            local = LocalFile(arrived.name)
            try:
                self._copy(arrived, local)
            except PermissionError as error:
                local.close()
                raise FileRefused("it cannot be read (permission denied)") from error
            except BaseException:
                local.close()
                raise
        return [local]

    def _copy(self, arrived: Arrived, local: LocalFile) -> None:
        size = 0
        with self._client.open(self._path(arrived.key), "rb") as remote:
            while size <= arrived.size_bytes and (block := remote.read(_BLOCK_BYTES)):
                size += len(block)
                local.write(block)
        local.flush()
        # A connection that breaks off looks like the end of the file.
        if size != arrived.size_bytes or self._mark_of(arrived.key) != arrived.mark:
            raise SourceUnreachable(
                f"{arrived.name} was written to while it was fetched from {self._settings.where}, or did not come "
                "whole. It is read again in the next run."
            )

    def put_away(self, arrived: Arrived, refusal: str | None) -> None:
        if self._settings.is_kept:
            return
        name = DONE if refusal is None else BAD
        with _talking(self._settings.where, self._settings.timeout_seconds):
            try:
                if self._mark_of(arrived.key) != arrived.mark:
                    # Another one took its place meanwhile, or somebody took it away.
                    return
                self._make_folder(name)
                moved = free_name(arrived.key, lambda one: self._is_there(name, one))
                self._client.rename(self._path(arrived.key), self._path(name, moved))
                if refusal is not None:
                    beside = free_name(f"{moved}.txt", lambda one: self._is_there(name, one))
                    with self._client.open(self._path(name, beside), "wx") as file:
                        file.write(f"{refusal}\n".encode())
            except OSError as error:
                if not self._transport.is_active():
                    raise
                raise SourceUnreachable(
                    f"The file {arrived.name} is taken over, and {self._settings.where} does not let it be moved to "
                    f"{self._path(name)} ({_why(error)}). Ask for that right, or write after: keep."
                ) from error

    def _make_folder(self, name: str) -> None:
        try:
            found = self._client.lstat(self._path(name))
        except FileNotFoundError:
            self._client.mkdir(self._path(name))
            return
        if found.st_mode is not None and not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError("it is a link or a file")

    def _is_there(self, *names: str) -> bool:
        try:
            self._client.lstat(self._path(*names))
        except FileNotFoundError:
            return False
        return True

    def _mark_of(self, name: str) -> bytes | None:
        try:
            return _arrived(name, self._client.lstat(self._path(name))).mark
        except FileNotFoundError:
            return None

    def close(self) -> None:
        _close(self._transport)


def _arrived(name: str, found: paramiko.SFTPAttributes) -> Arrived:
    seconds, size = int(found.st_mtime or 0), int(found.st_size or 0)
    return make_arrived(seconds * _NS_PER_SECOND, seconds, name, size, (size, seconds))


def _connect(settings: SftpSettings) -> paramiko.Transport:
    """Return a connection to the server that is known, as the user. Raises SourceUnreachable, SourceMisconfigured."""
    where, seconds = settings.where, settings.timeout_seconds
    known = _known_keys(settings)
    private_key = None if settings.private_key is None else _private_key(settings.private_key)
    try:
        host = settings.host if settings.is_private else find_public_address(settings.host, settings.port)
        line = socket.create_connection((host, settings.port), timeout=seconds)
    except AddressRefused as error:
        raise SourceUnreachable(f"{where} is not asked: {error}. Where it is meant, add private: true.") from error
    except (OSError, UnicodeError) as error:
        raise SourceUnreachable(
            f"{where} cannot be reached ({why_unreachable(error)}). Check host and port, and that the server runs."
        ) from error
    try:
        transport = paramiko.Transport(line)
    except BaseException:
        line.close()
        raise
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = seconds
    try:
        with _talking(where, seconds):
            _prefer(transport, known)
            transport.start_client(timeout=seconds)
            _raise_unless_known(settings, known, _key_of(transport, where, seconds))
            _log_in(transport, settings, private_key)
    except BaseException:
        _close(transport)
        raise
    return transport


def _close(transport: paramiko.Transport) -> None:
    """Close a connection, and wait for the thread that read from it: the library lets it end by itself."""
    transport.close()
    if transport.is_alive():
        transport.join(limits.SFTP_CLOSING_SECONDS)


def _key_of(transport: paramiko.Transport, where: str, seconds: float) -> paramiko.PKey:
    if not transport.initial_kex_done:
        raise SourceUnreachable(f"{where} did not answer within {seconds:g} s. Is it an SFTP server, and does it run?")
    return transport.get_remote_server_key()


def _known_keys(settings: SftpSettings) -> dict[str, paramiko.PKey]:
    """Return the keys of the host in the declared file, by their kinds."""
    if settings.known_hosts is None:
        return {}
    try:
        found = paramiko.HostKeys(str(settings.known_hosts))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMisconfigured(f"The known_hosts {settings.known_hosts} cannot be read: {_why(error)}.") from error
    name = settings.host if settings.port == _SSH_PORT else f"[{settings.host}]:{settings.port}"
    return dict(found.lookup(name) or {})


def _prefer(transport: paramiko.Transport, known: dict[str, paramiko.PKey]) -> None:
    """Ask the server for a key of a kind that is known, where it has several."""
    options = transport.get_security_options()
    is_rsa = "ssh-rsa" in known
    kinds = tuple(kind for kind in options.key_types if kind in known or (is_rsa and kind.startswith("rsa-sha2-")))
    if kinds:
        options.key_types = kinds


def _raise_unless_known(settings: SftpSettings, known: dict[str, paramiko.PKey], shown: paramiko.PKey) -> None:
    kind, fingerprint = shown.get_name(), shown.fingerprint
    if fingerprint in settings.fingerprints or (kind in known and known[kind].asbytes() == shown.asbytes()):
        return
    raise SourceUnreachable(
        f"{settings.where} shows the key {kind} {fingerprint}, which is not the one that was declared. Ask the agency "
        "which key is right before you write it under host_key: somebody may be in between. Nothing was sent."
    )


def _private_key(text: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError, IndexError):
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text.rstrip() + "\n"))
            return key
    raise SourceMisconfigured(
        "The 'key' of the source is no private key that can be read; write ${file:path} of one without a passphrase "
        "(Ed25519, ECDSA or RSA)."
    )


def _log_in(transport: paramiko.Transport, settings: SftpSettings, private_key: paramiko.PKey | None) -> None:
    try:
        if private_key is not None:
            left = transport.auth_publickey(settings.user, private_key)
        else:
            left = transport.auth_password(settings.user, settings.password or "")
    except paramiko.BadAuthenticationType as error:
        allowed = ", ".join(str(one) for one in error.allowed_types) or "nothing"
        raise SourceUnreachable(
            f"{settings.where} lets users in by other means only: {allowed}. Check 'sftp'."
        ) from error
    except paramiko.AuthenticationException as error:
        raise SourceUnreachable(
            f"{settings.where} refuses the user. Check 'user', and the secret behind 'password' or 'key'."
        ) from error
    if left:
        raise SourceUnreachable(
            f"{settings.where} wants more of the user ({', '.join(left)}), which cannot be given. Ask for a user "
            "who needs a key or a password alone."
        )


@contextmanager
def _talking(where: str, seconds: float) -> Iterator[None]:
    """Put into our words what breaks while the server is talked to."""
    try:
        yield
    except TimeoutError as error:
        raise SourceUnreachable(
            f"{where} did not answer within {seconds:g} s. Is it an SFTP server, and does it run?"
        ) from error
    except paramiko.SSHException as error:
        why = str(error).rstrip(".")
        if "banner" in why.casefold():
            raise SourceUnreachable(
                f"{where} does not answer as an SFTP server does. Check host and port, and that it runs."
            ) from error
        raise SourceUnreachable(
            f"The connection to {where} broke off ({why}). What was not taken over comes in the next run."
        ) from error
    except (EOFError, OSError) as error:
        why = _why(error) if isinstance(error, OSError) else "the server ended it"
        raise SourceUnreachable(
            f"The connection to {where} broke off ({why}). What was not taken over comes in the next run."
        ) from error


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower().rstrip(".")
