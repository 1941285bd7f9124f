"""A throw-away PostgreSQL for a session of tests, and a database of its own for each test.

The server listens on a free port of 127.0.0.1 and is stopped by its own process id. With
`SAGE_TEST_POSTGRES` (the URL of a database whose user may create databases) that server is used
instead, and nothing is started or stopped.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

__all__ = ["INSTALLED", "PostgresUnavailable", "fresh_database", "running_postgres"]

# Where Debian and Ubuntu keep each major version's programs, which are not on the PATH.
INSTALLED = Path("/usr/lib/postgresql")

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
# Only the tests' speed: what these give up is durability after a power cut.
_OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=100", "timezone=Asia/Kolkata")


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be started here; the message says what to install or to set."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server's maintenance database; the server ends with the block."""
    given = os.environ.get("SAGE_TEST_POSTGRES")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="sage-postgres-"))
    try:
        with _server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of an empty database on the server, which is dropped at the end."""
    name = f"sage_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        # template0 is never connected to, so that several tests can copy it at once.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    binaries, data, log = _binaries(), folder / "data", folder / "log"
    as_user = _unprivileged(folder)
    who = ["-A", "trust", "-U", "postgres"]
    what = ["-E", "UTF8", "--locale=C", "--no-sync"]
    _run([*as_user, str(binaries / "initdb"), "-D", str(data), *who, *what], folder)
    port = _free_port()
    options = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    arguments = [item for option in (*options, *_OPTIONS) for item in ("-c", option)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*as_user, str(binaries / "postgres"), "-D", str(data), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C ends the tests first, then they end the server
        )
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _await_answer(url, server, log)
        yield url
    finally:
        _stop(server)


def _binaries() -> Path:
    """The newest installed server's programs."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(
        INSTALLED.glob("*/bin/initdb"),
        key=lambda program: float(program.parts[-3]),
    )
    if not found:
        raise PostgresUnavailable(
            "PostgreSQL's initdb was not found; run `apt-get install postgresql`, or set "
            "SAGE_TEST_POSTGRES to the URL of a server"
        )
    return found[-1].parent


def _unprivileged(folder: Path) -> list[str]:
    """The beginning of a command that does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    return [*user, "--pdeathsig", "INT"]  # nor does it outlive tests that were killed


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(errors="replace")[-2000:]
                raise PostgresUnavailable(f"PostgreSQL does not start: {text}") from error
            time.sleep(0.05)  # nothing tells when the server is ready
        else:
            return


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
