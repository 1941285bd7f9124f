"""The whole pipeline, from a mailbox to committed messages: ``pipeline.py [--mails 2000]``.

A Dovecot of its own on loopback gets mails of the shared corpora (``SAGE_SHARED``), of every folder
its share. Then the system runs on an empty SQLite database, as a user would run it, with every
stage: classification, priorities, routing, extraction; once with the rules alone and once with the
spam model that ships beside them. The clock runs from the start of the system until the last
message is committed with its blobs and events. What attachments hold is found out after the commit,
at a rate of its own, which ``attachments.py`` measures; here it is off.

Everything, Dovecot and disk included, shares the first two cores that the process may use. Printed
are the medians of the rounds; the exit status says whether what is wanted is reached.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from tests.support.corpora import corpora, real_mails  # noqa: E402
from tests.support.dovecot import PASSWORD, Dovecot, dovecot_server  # noqa: E402

from sage_imap.errors import CommandRejected  # noqa: E402 - found by the line above
from sage_imap.services import IMAPClient  # noqa: E402
from sage_mail.classification.opening import SHIPPED_SPAM  # noqa: E402
from sage_mail.configured import configured_pipeline, usable_model  # noqa: E402
from sage_mail.pipeline import Pipeline  # noqa: E402
from sage_mail.runtime import Runtime  # noqa: E402
from sage_mail.settings import Settings  # noqa: E402
from sage_mail.telemetry import configure  # noqa: E402

WANTED: Final = 300.0
_CORES: Final = 2
_USER: Final = "bench"
_VARIANTS: Final = {"rules": "none", "rules and spam model": SHIPPED_SPAM}


@dataclass(frozen=True)
class Round:
    """One run: messages a second, milliseconds of CPU for each, and messages not stored.

    The CPU is that of both of our processes, their start included, without Dovecot's.
    """

    rate: float
    cpu: float
    failed: int


def fill(server: Dovecot, count: int) -> int:
    """Put so many mails into the inbox; how many the server took."""
    taken = 0
    with IMAPClient(_config(server)) as client:
        for _, raw in real_mails(count):
            try:
                client.append("INBOX", raw)
            except CommandRejected:
                continue  # a mail that no server would have accepted either
            taken += 1
    return taken


async def run(server: Dovecot, pipeline: Pipeline, count: int, folder: Path) -> Round:
    """Take in the whole inbox once."""
    account = {**_config(server), "name": _USER, "initial": "all"}
    # What the attachments hold is found out afterwards, at a rate of its own (attachments.py).
    apart = {"enabled": False}
    settings = Settings(data_dir=folder, accounts=[account], attachments=apart)
    began, cpu = time.perf_counter(), _cpu()
    async with Runtime(settings, pipeline=pipeline) as runtime:
        while await _cursor(runtime) < count:
            await asyncio.sleep(0.1)
        wall = time.perf_counter() - began
        async with runtime.storage.read() as uow:
            stored = sum((await uow.messages.counts()).values())
    return Round(count / wall, 1000 * (_cpu() - cpu) / count, count - stored)


def _cpu() -> float:
    """Seconds of CPU that we and our processes that have ended have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def _cursor(runtime: Runtime) -> int:
    async with runtime.storage.read() as uow:
        for account in await uow.accounts.list():
            mailbox = await uow.mailboxes.find(account.id, "INBOX")
            if mailbox is not None and mailbox.uidvalidity is not None:
                return mailbox.last_uid
    return 0


def _config(server: Dovecot) -> dict[str, object]:
    return {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": _USER,
        "password": PASSWORD,
    }


def measure(server: Dovecot, count: int, rounds: int) -> bool:
    """Measure each variant; whether all reach what is wanted."""
    enough = True
    for name, model in _VARIANTS.items():
        settings = Settings(classification={"model": model})
        pipeline = configured_pipeline(settings, usable_model(settings))
        done = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
                done.append(asyncio.run(run(server, pipeline, count, Path(folder))))
        rate = statistics.median(one.rate for one in done)
        cpu = statistics.median(one.cpu for one in done)
        verdict = "reached" if rate >= WANTED else "MISSED"
        print(
            f"{name:<22} {rate:>6.0f} mails/s >= {WANTED:g}  {verdict}"
            f"   {cpu:.2f} ms of CPU a mail, {done[-1].failed} not stored"
        )
        enough = enough and rate >= WANTED
    return enough


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the whole pipeline.")
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if corpora() is None:
        print("There are no corpora; set SAGE_SHARED.")
        return 1
    configure(level="WARNING")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    with (
        tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as folder,
        dovecot_server(Path(folder)) as server,
    ):
        count = fill(server, chosen.mails)
        enough = measure(server, count, chosen.rounds)
    return 0 if enough else 1


if __name__ == "__main__":
    raise SystemExit(main())
