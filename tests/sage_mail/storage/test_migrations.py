"""Each migration with data in place: nothing that was stored is lost or changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

import sage_mail.storage
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage
from sage_mail.storage.database import open_database
from tests.sage_mail.storage.samples import NOW

_INSTANT: Final = "2024-05-17 09:30:15.123456"
_ROWS: Final = (
    "INSERT INTO events (seq, event_id, type, account, mailbox, occurred_at, data) VALUES "
    f"(1, 'evt_1', 'message.new', 'office', 'INBOX', '{_INSTANT}', '{{}}'), "
    f"(2, 'evt_2', 'message.new', 'home', 'INBOX', '{_INSTANT}', '{{}}')",
    "UPDATE counters SET value = 2",
    "INSERT INTO deliveries "
    "(id, event_seq, endpoint, webhook_id, status, attempts, next_attempt_at, last_error) VALUES "
    f"(1, 1, 'crm', 'msg_1', 'pending', 1, '{_INSTANT}', 'HTTP 500'), "
    "(2, 2, 'crm', 'msg_2', 'delivered', 1, NULL, NULL)",
    "INSERT INTO attempts (delivery_id, number, started_at, latency_ms, status_code) VALUES "
    f"(1, 1, '{_INSTANT}', 5, 500), (2, 1, '{_INSTANT}', 7, 200)",
)


def _config(connection: Connection) -> Config:
    config = Config()
    folder = Path(sage_mail.storage.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _fill_first_schema(connection: Connection) -> None:
    command.upgrade(_config(connection), "0001")
    for statement in _ROWS:
        connection.execute(text(statement))


def _down_and_count(connection: Connection) -> tuple[int, int]:
    command.downgrade(_config(connection), "0001")
    deliveries = connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one()
    attempts = connection.execute(text("SELECT count(*) FROM attempts")).scalar_one()
    return deliveries, attempts


async def test_0002_gives_deliveries_their_accounts(database_url: str, tmp_path: Path) -> None:
    """Deliveries keep their attempts, learn their event's account, and go on being delivered."""
    database = open_database(database_url)
    async with database.write() as connection:
        await connection.run(_fill_first_schema)
        await connection.commit()
    await database.close()

    storage = await Storage.open(database_url, blob_dir=tmp_path / "blobs")
    async with storage.read() as uow:
        (pending,) = await uow.outbox.due("crm", NOW, ordered=True)
        assert (pending.webhook_id, pending.attempts) == ("msg_1", 1)
        assert (pending.earlier_attempts, pending.status) == (0, DeliveryStatus.PENDING)
        assert [each.status_code for each in await uow.outbox.attempts(1)] == [500]
        assert [each.status_code for each in await uow.outbox.attempts(2)] == [200]
        assert (await uow.endpoints.get("crm")).enabled
    await storage.close()

    database = open_database(database_url)
    async with database.write() as connection:
        rows = await connection.fetch(text("SELECT id, account FROM deliveries ORDER BY id"), None)
        assert [tuple(row) for row in rows] == [(1, "office"), (2, "home")]
        assert await connection.run(_down_and_count) == (2, 2)
    await database.close()
