"""A real mail server for a test session: Debian's dovecot, for IMAP over TLS, on loopback, ended by its own pid."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connect.servers import PASSWORD, Server, find_program, free_port, wait_until_open
from tests.connect.service import make_certificate


@contextmanager
def run_dovecot(days: int = 2) -> Iterator[Server]:
    """Run dovecot for IMAP over TLS alone; any user has a mailbox, with `PASSWORD`.

    Its folder is the `url`, with `server.pem`: a certificate of its own that ends so many days from now.
    """
    program = find_program("dovecot", ["/usr/sbin"])
    folder = Path(tempfile.mkdtemp(prefix="simpul-dovecot-"))
    folder.chmod(0o755)
    port = free_port()
    certificate = make_certificate(folder, days).rename(folder / "server.pem")
    user = pwd.getpwuid(os.getuid()).pw_name
    # Where root runs it, it wants other users for what strangers reach and for mail.
    door, inside, mail = ("dovenull", "dovecot", "nobody") if os.getuid() == 0 else (user, user, user)
    owner = pwd.getpwnam(mail)
    for name in ("mail", "run", "state"):
        (folder / name).mkdir()
    if os.getuid() == 0:
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    settings = folder / "dovecot.conf"
    settings.write_text(
        f"base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\nprotocols = imap\n"
        f"listen = 127.0.0.1\nssl = required\nssl_cert = <{certificate}\nssl_key = <{certificate}\n"
        f"default_login_user = {door}\ndefault_internal_user = {inside}\n"
        f"default_internal_group = {grp.getgrgid(pwd.getpwnam(inside).pw_gid).gr_name}\n"
        f"mail_location = maildir:{folder}/mail/%u\nfirst_valid_uid = 0\nfirst_valid_gid = 0\nmail_fsync = never\n"
        "auth_failure_delay = 0\n"
        "service imap-login {\n  chroot =\n  inet_listener imap {\n    port = 0\n  }\n"
        f"  inet_listener imaps {{\n    port = {port}\n    ssl = yes\n  }}\n}}\n"
        "service anvil {\n  chroot =\n}\n"
        f"passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n"
        f"userdb {{\n  driver = static\n  args = uid={owner.pw_uid} gid={owner.pw_gid} home={folder}/mail/%u\n}}\n",
        encoding="utf-8",
    )
    log = folder / "output"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen([program, "-F", "-c", str(settings)], stdout=output, stderr=output)
        wait_until_open(process, port, log)
        server = Server("dovecot", port, str(folder), process)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
