"""The system on a Dovecot: attachments are analysed after the commit, whatever they do."""

from __future__ import annotations

import asyncio
import signal
import time
from email.message import EmailMessage as Letter
from pathlib import Path

import pytest

from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import System, account, append, mail, running, settings_for
from tests.support import hostile_files as hostile
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.processes import children_of, until_gone

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(300)]

# That each is told, and once, is shown; not how fast a service starts on a machine that is busy.
_PATIENCE = 90.0
_INVOICE = hostile.pdf("Invoice Number: INV-2024-0042", "Total: EUR 119.00")


def _with_file(number: int, data: bytes, filename: str = "invoice.pdf") -> bytes:
    letter = Letter()
    letter["From"], letter["To"] = "Ann <ann@example.org>", "me@example.net"
    letter["Subject"], letter["Message-ID"] = "See below", f"<file-{number}@example.org>"
    letter["Date"] = "Mon, 05 Jan 2026 10:00:00 +0000"
    letter.set_content("Hello")
    letter.add_attachment(data, maintype="application", subtype="pdf", filename=filename)
    return letter.as_bytes().replace(b"\n", b"\r\n")


async def test_an_attachment_is_told_after_its_message(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """The message is announced first; what its attachment says comes as an event of its own."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _with_file(1, _INVOICE), mail(2))
        (told,) = await system.until_count("message.attachments", 1)
        new = await system.until_count("message.new", 2)
    assert new[0].seq < told.seq
    assert (told.message_id, told.mailbox) == (new[0].message_id, "INBOX")
    (invoice,) = told.data["attachments"]
    assert [fact["value"] for fact in invoice["order"]["invoice_numbers"]] == ["INV-2024-0042"]


async def test_nothing_is_analysed_where_it_is_off(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """With `enabled = false` nothing is noted, and nothing is made up for later."""
    off = settings_for(tmp_path, [account(dovecot, dovecot_user)], attachments={"enabled": False})
    async with running(off) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _with_file(1, _INVOICE))
        await system.until_count("message.new", 1)
        async with system.storage.read() as uow:
            assert await uow.analyses.pending(limit=10) == []


async def test_mail_does_not_wait_for_a_hostile_attachment(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """While files break one reader after the other, other mail is committed and announced."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        bombs = [_with_file(number, hostile.form_bomb_pdf()) for number in range(4)]
        await append(dovecot, dovecot_user, *bombs)
        await system.until_count("message.new", 4)
        await append(dovecot, dovecot_user, mail(7))
        new = await system.until_count("message.new", 5)
        told = await system.until_count("message.attachments", 4, seconds=60)
    assert new[-1].seq < told[-1].seq
    assert {one.data["attachments"][0]["status"] for one in told} <= {
        "crashed",
        "out_of_memory",
        "timed_out",
    }


def _config(folder: Path, dovecot: Dovecot, user: str, url: str) -> Path:
    return written(
        folder,
        {
            "data_dir": str(folder / "data"),
            "database": {"url": url},
            "accounts": [account(dovecot, user)],
            "attachments": {"timeout": 8},
        },
    )


async def test_a_crash_before_the_commit_of_an_analysis(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str
) -> None:
    """Killed between finding and storing, the service finds the facts again, and tells once."""
    config = _config(tmp_path, dovecot, dovecot_user, database_url)
    storage = await Storage.open(database_url, blob_dir=tmp_path / "data" / "blobs")
    system = System(storage)
    async with Service(config, crash_at="after-analysis:2").running() as service:
        await system.until_seen("INBOX", seconds=_PATIENCE)
        await append(dovecot, dovecot_user, *(_with_file(n, _INVOICE) for n in range(4)))
        assert await service.ended(seconds=_PATIENCE) == -signal.SIGKILL
    async with Service(config).running() as service:
        told = await system.until_count("message.attachments", 4, seconds=_PATIENCE)
        await system.until_count("message.new", 4)
        assert await service.stop() == 0
    counts = await system.counts()
    await storage.close()
    assert (counts["message.attachments"], counts["message.new"]) == (4, 4)
    assert len({one.message_id for one in told}) == 4


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
async def test_no_child_outlives_the_service(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, way: signal.Signals
) -> None:
    """Five seconds after kill -9, and at once after a stop, no child is left, even in a loop."""
    url = f"sqlite:///{tmp_path / 'sage.db'}"
    config = _config(tmp_path, dovecot, dovecot_user, url)
    storage = await Storage.open(url, blob_dir=tmp_path / "data" / "blobs")
    system = System(storage)
    async with Service(config).running() as service:
        await system.until_seen("INBOX", seconds=_PATIENCE)
        await append(dovecot, dovecot_user, _with_file(1, hostile.form_bomb_pdf(14, 14)))
        async with asyncio.timeout(_PATIENCE):
            while not (children := children_of(service.process.pid)):
                await asyncio.sleep(0.02)
        began = time.monotonic()
        code = await service.stop(way)
        assert time.monotonic() - began < 10
        await asyncio.to_thread(until_gone, children, 5)
    await storage.close()
    assert code == (0 if way is signal.SIGTERM else -way)
