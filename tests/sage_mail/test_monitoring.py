"""Alive, ready, and what is read when somebody asks for the metrics."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sage_mail.delivery.events import EventType
from sage_mail.metrics import Metrics
from sage_mail.monitoring import Monitor
from sage_mail.pulse import Pulse
from sage_mail.records import AccountState
from sage_mail.reporting import Reporter
from sage_mail.settings import ReportSettings
from sage_mail.storage import Storage
from sage_mail.storage.writability import Writability
from tests.sage_mail.storage.samples import announced, dead_letter, event, place
from tests.sage_mail.watching import Drained, Watched, monitor_of
from tests.support.tenure import Wavering


def _value(monitor: Monitor, name: str, **labels: str) -> float | None:
    return monitor.metrics.registry.get_sample_value(f"sage_mail_{name}", labels)


async def test_ready_when_all_is_connected(storage: Storage) -> None:
    """With the store and every account in order there is no reason against it."""
    assert await monitor_of(storage, Watched("work"), Watched("home")).unready() == []


async def test_reasons_are_told_without_addresses(storage: Storage) -> None:
    """Each account and drain that is not in order is a sentence; addresses stand in none."""
    reason = "AuthenticationFailed: ada@example.org may not, see https://help.example.org/a?b=c"
    monitor = monitor_of(
        storage,
        Watched("work", AccountState.UNKNOWN),
        Watched("ada@example.org", AccountState.AUTH_FAILED, reason),
        Watched("home"),
        drains=Drained(["crm"]),
    )
    assert await monitor.unready() == [
        "account work: not connected yet",
        "account account #1: auth failed (AuthenticationFailed: [address] may not, see "
        "https://help.example.org/...)",
        "webhook crm: its deliveries have failed and start anew",
    ]


async def test_a_folder_that_is_not_there(storage: Storage) -> None:
    """It is shown and told, and is no reason against being ready."""
    monitor = monitor_of(storage, Watched("work", absent={"INBOX": "it does not exist"}))
    assert await monitor.unready() == []
    assert monitor.warnings() == ["account work, folder INBOX: it does not exist"]
    assert _value(monitor, "folder_present", account="work", folder="INBOX") == 0
    monitor = monitor_of(storage, Watched("work"))
    await monitor.refresh()
    assert monitor.warnings() == []
    assert _value(monitor, "folder_present", account="work", folder="INBOX") == 1


async def test_a_store_that_is_gone(tmp_path: Path) -> None:
    """A database that cannot be read is a reason; the metrics are shown all the same."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path / "blobs")
    monitor = monitor_of(storage, Watched("work"))
    with closing(sqlite3.connect(tmp_path / "sage.db")) as other:
        other.execute("ALTER TABLE deliveries RENAME TO lost")
        assert await monitor.unready() == ["store: the database does not answer"]
        shown = await monitor.exposition()
        other.execute("ALTER TABLE lost RENAME TO deliveries")
    assert b"sage_mail_store_up 0.0" in shown
    assert b'sage_mail_folder_lag_seconds{account="work",folder="INBOX"} 3.0' in shown
    assert await monitor.unready() == []
    assert b"sage_mail_store_up 1.0" in await monitor.exposition()
    await storage.close()


async def test_a_lock_that_is_lost(storage: Storage) -> None:
    """While nothing may be begun the system is not ready."""
    storage.tenure = tenure = Wavering()
    tenure.lose()
    assert await monitor_of(storage).unready() == [
        "store: the lock on the database is lost; nothing is posted or moved"
    ]
    tenure.regain()
    assert await monitor_of(storage).unready() == []


async def test_a_store_that_takes_nothing(tmp_path: Path) -> None:
    """While somebody waits to write and nothing is written the system is not ready."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path / "blobs")
    moment = 100.0
    storage.writability = Writability(lambda: moment)
    monitor = monitor_of(storage)

    async def write() -> None:
        async with storage.unit_of_work() as uow:
            await uow.events.append(event())
            await uow.commit()

    with closing(sqlite3.connect(tmp_path / "sage.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        await asyncio.sleep(0)
        assert await monitor.unready() == []
        moment += 6
        assert await monitor.unready() == [
            "store: the database answers, but nothing can be written to it"
        ]
        other.execute("ROLLBACK")
        await writing
    assert await monitor.unready() == []
    await storage.close()


async def test_what_the_store_knows(storage: Storage) -> None:
    """Outbox, dead letters and events are read from it; events count from the beginning on."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        await uow.events.append(event())
        await uow.commit()
    monitor = monitor_of(storage)
    await monitor.begin()
    moment = datetime.now(UTC) - timedelta(seconds=90)
    async with storage.unit_of_work() as uow:
        for _ in range(3):
            await announced(uow, "crm", occurred_at=moment)
        await announced(uow, "another")
        await uow.events.append(event(type=EventType.MESSAGE_DELETED))
        await uow.dead_letters.add(dead_letter(where))
        await uow.endpoints.disable("crm", reason="gone", at=moment)
        await uow.commit()
    for _ in range(2):
        assert await monitor.refresh()
        assert _value(monitor, "outbox_waiting", endpoint="crm") == 3
        assert 90 <= (_value(monitor, "outbox_oldest_seconds", endpoint="crm") or 0) < 120
        assert _value(monitor, "endpoint_enabled", endpoint="crm") == 0
        assert _value(monitor, "dead_letters") == 1
        assert _value(monitor, "events_total", type="message.new") == 4
        assert _value(monitor, "events_total", type="message.deleted") == 1


async def test_an_endpoint_that_is_not_configured(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits for it is logged at the start, and shown for as long as something does."""
    async with storage.unit_of_work() as uow:
        for _ in range(2):
            await announced(uow, "gone", occurred_at=datetime.now(UTC) - timedelta(seconds=90))
        await uow.commit()
    monitor = monitor_of(storage)
    await monitor.begin()
    assert "endpoint_not_configured" in caplog.text
    assert await monitor.refresh()
    assert _value(monitor, "outbox_waiting", endpoint="gone") == 2
    assert (_value(monitor, "outbox_oldest_seconds", endpoint="gone") or 0) >= 90
    assert _value(monitor, "endpoint_enabled", endpoint="gone") == 0
    report = await Reporter(monitor, ReportSettings()).report()
    assert report["webhooks"]["gone"]["waiting"] == 2
    async with storage.unit_of_work() as uow:
        assert await uow.outbox.give_up("gone", reason="dropped") == 2
        await uow.commit()
    assert await monitor.refresh()
    for name in ("outbox_waiting", "outbox_oldest_seconds", "endpoint_enabled"):
        assert _value(monitor, name, endpoint="gone") is None


async def test_what_is_asked_for_often_is_read_seldom(storage: Storage) -> None:
    """Within a second the store is asked once, however many ask."""
    monitor = Monitor(storage, Metrics(), accounts=[], drains=Drained(), endpoints=[])
    assert await monitor.refresh()
    async with storage.unit_of_work() as uow:
        await uow.events.append(event())
        await uow.commit()
    assert all(await asyncio.gather(*(monitor.refresh() for _ in range(20))))
    assert _value(monitor, "events_total", type="message.new") is None


async def test_states_of_accounts(storage: Storage) -> None:
    """One state of an account is 1, and it is the present one."""
    account = Watched("work", AccountState.DISCONNECTED)
    monitor = monitor_of(storage, account)
    for state in (AccountState.DISCONNECTED, AccountState.CONNECTED):
        account.state = state
        await monitor.refresh()
        found = {s: _value(monitor, "account_state", account="work", state=s) for s in AccountState}
        assert [s for s, value in found.items() if value] == [state]


async def test_a_loop_that_is_held_up() -> None:
    """It shows while the beat is overdue and just after a late one, and no longer."""
    pulse = Pulse()
    assert pulse.is_steady
    pulse._last = time.monotonic() - 7
    assert not pulse.is_steady
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    assert pulse.is_steady
    pulse.lag = 6.0
    assert not pulse.is_steady
    beating.cancel()
    await asyncio.wait({beating})
