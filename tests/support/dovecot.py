"""A throw-away Dovecot of one's own: its own folder, ports, certificate and process.

It listens on 127.0.0.1 only, lets any user in with `PASSWORD`, and keeps mail as Maildir below
its folder. It is ended by its own process id.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

__all__ = ["PASSWORD", "Dovecot", "dovecot_server", "needs_dovecot"]

PASSWORD = "correct-horse-battery-staple"
_BINARY = shutil.which("dovecot") or "/usr/sbin/dovecot"
_START_SECONDS = 10.0

needs_dovecot = pytest.mark.skipif(
    not Path(_BINARY).exists(), reason="Dovecot is not installed (make test installs it)"
)

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
info_log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
mail_location = maildir:{folder}/mail/%u{layout}
mail_uid = {mail_uid}
mail_gid = {mail_gid}
first_valid_uid = 1
mail_fsync = never
mail_max_userip_connections = 200
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = 1 s
# Two first sessions of a user at once may wait for each other's lock of it, and Dovecot 2.3 panics.
mailbox_list_index = no
imap_idle_notify_interval = 30 s
{extra}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(slots=True)
class Dovecot:
    """One instance. ``layout`` is ``":LAYOUT=fs"`` or empty (Maildir++)."""

    folder: Path
    separator: str = "/"
    prefix: str = ""
    layout: str = ":LAYOUT=fs:INBOX={folder}/mail/%u/.INBOX"
    extra: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    tls_port: int = 0
    _authority: trustme.CA = field(default_factory=trustme.CA)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def ca_file(self) -> Path:
        """The certificate of the instance's own authority."""
        return self.folder / "ca.pem"

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts the instance's authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def maildir(self, user: str) -> Path:
        """The folder in which the user's mail lies."""
        return self.folder / "mail" / user

    def start(self) -> None:
        """Start, and return once connections are accepted."""
        self._prepare()
        self._process = subprocess.Popen(
            [_BINARY, "-F", "-c", str(self.folder / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_open()

    def stop(self, *, kill: bool = False) -> None:
        """End the instance; *kill* by SIGKILL, its connections with it."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def _prepare(self) -> None:
        first = not self.port
        if first:
            self.port, self.tls_port = _free_ports(2)
            self.folder.chmod(0o755)  # its processes run under other users
            for name in ("run", "state", "mail"):
                (self.folder / name).mkdir(exist_ok=True)
            certificate = self._authority.issue_cert("127.0.0.1", "localhost")
            self._authority.cert_pem.write_to_path(str(self.ca_file))
            certificate.private_key_pem.write_to_path(str(self.folder / "server.key"))
            (self.folder / "server.pem").write_bytes(
                b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
            )
        self._write_config()

    def _write_config(self) -> None:
        import grp
        import pwd

        root = os.getuid() == 0
        me = pwd.getpwuid(os.getuid()).pw_name
        group = grp.getgrgid(os.getgid()).gr_name
        mail = pwd.getpwnam("mail") if root else pwd.getpwuid(os.getuid())
        if root:
            os.chown(self.folder / "mail", mail.pw_uid, mail.pw_gid)
        (self.folder / "dovecot.conf").write_text(
            _CONFIG.format(
                folder=self.folder,
                internal="dovecot" if root else me,
                internal_group="dovecot" if root else group,
                login="dovenull" if root else me,
                mail_uid=mail.pw_uid,
                mail_gid=mail.pw_gid,
                layout=self.layout.format(folder=self.folder),
                separator=self.separator,
                prefix=self.prefix,
                password=PASSWORD,
                port=self.port,
                tls_port=self.tls_port,
                extra=self.extra,
            )
        )

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            # A greeting, since the port alone is open before anybody answers there.
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self.host, self.port), 2.0) as sock,
            ):
                if sock.recv(64).startswith(b"* OK"):
                    return
            assert self._process is not None
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        log = self.folder / "log"
        raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else ''}")


@contextlib.contextmanager
def dovecot_server(folder: Path, **options: str) -> Iterator[Dovecot]:
    """A running instance below *folder*; *options* are fields of `Dovecot`."""
    server = Dovecot(folder, **options)  # type: ignore[arg-type]  # the options are the texts among the fields
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
