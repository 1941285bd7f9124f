"""The live board, over the events of a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sage_imap.models.address import EmailAddress
from sage_mail.console.board import Board, Endpoint
from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType
from sage_mail.records import AttemptRecord, DeliveryStatus, StoredDecision
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import Place, dead_letter, event, message, place

_HOOK = WebhookSettings(name="crm", url="http://127.0.0.1:1/hook")
_DECISION = StoredDecision(
    category="support",
    confidence=0.83,
    priority="high",
    details={
        "target_folder": "INBOX/Support",
        "reasons": [
            {"target": "support", "rule": "broken", "field": "subject", "weight": 1.2},
            {"target": "sales", "rule": "price", "field": "body", "weight": 9.0},
            {"target": "support", "rule": "help", "field": "body", "weight": 2.5},
        ],
    },
)


async def _arrive(storage: Storage, where: Place, uid: int) -> int:
    async with storage.unit_of_work() as uow:
        row = await uow.messages.add(
            message(
                where,
                uid,
                from_address=EmailAddress("Ada", "ada", "example.org"),
                decision=_DECISION,
            )
        )
        await announce(uow, event(row), [_HOOK])
        await uow.commit()
    return row


async def test_an_arrival_is_shown_with_its_decision(storage: Storage) -> None:
    """A mail is shown with sender, category, the reasons that count, and its deliveries."""
    await _arrive(storage, await place(storage), 1)
    board = Board(storage)

    await board.refresh()

    (mail,) = board.mails
    assert (mail.sender, mail.category, mail.confidence) == ("Ada", "support", 0.83)
    assert mail.reasons == ["“help” in the body (+2.5)", "“broken” in the subject (+1.2)"]
    assert [(d.endpoint, d.status) for d in mail.deliveries] == [("crm", "pending")]
    assert (board.counts.stored, board.counts.pending) == (1, 1)


async def test_who_is_told_is_shown(storage: Storage) -> None:
    """Each endpoint with what it has and why it is disabled, and the deliveries that were tried."""
    where = await place(storage)
    for uid in range(1, 11):
        await _arrive(storage, where, uid)
    async with storage.unit_of_work() as uow:
        first, second, third = await uow.outbox.due("crm", datetime.now(UTC), limit=3)
        attempt = AttemptRecord(
            number=1, started_at=datetime.now(UTC), latency_ms=12, status_code=500, error="HTTP 500"
        )
        await uow.outbox.record_attempt(first.id, attempt, DeliveryStatus.DELIVERED)
        await uow.outbox.record_attempt(second.id, attempt, DeliveryStatus.FAILED)
        later = datetime.now(UTC) + timedelta(minutes=5)
        await uow.outbox.record_attempt(
            third.id, attempt, DeliveryStatus.PENDING, next_attempt_at=later
        )
        await uow.endpoints.disable("crm", reason="410 Gone", at=datetime.now(UTC))
        await uow.commit()
    board = Board(storage)

    await board.refresh()

    assert board.endpoints == [Endpoint("crm", False, "410 Gone", delivered=1, pending=8, failed=1)]
    assert [each.status for each in board.sendings] == ["pending", "failed", "delivered"]
    assert all(sending.event == "message.new" for sending in board.sendings)
    assert board.as_json()["sendings"][0]["next_attempt_at"] is not None


async def test_a_move_of_ours_is_shown_as_filed(storage: Storage) -> None:
    """Once the system has moved a mail, the board shows where, and counts it."""
    where = await place(storage)
    row = await _arrive(storage, where, 1)
    board = Board(storage)
    await board.refresh()
    target = await place(storage, mailbox="INBOX/Support")
    async with storage.unit_of_work() as uow:
        await uow.messages.relocate(row, mailbox_id=target.mailbox_id, uidvalidity=9, uid=1)
        moved = event(row, type=EventType.MESSAGE_MOVED, data={"moved": {"by": "sage"}})
        await announce(uow, moved, [_HOOK])
        await uow.commit()

    await board.refresh()

    assert [(mail.mailbox, mail.filed) for mail in board.mails] == [("INBOX/Support", True)]
    assert board.counts.filed == 1


async def test_only_the_latest_are_kept_but_all_are_counted(storage: Storage) -> None:
    """The board is bounded; its counts are not."""
    where = await place(storage)
    for uid in range(1, 6):
        await _arrive(storage, where, uid)
    async with storage.unit_of_work() as uow:
        await uow.dead_letters.add(dead_letter(where, 9))
        await uow.commit()
    board = Board(storage, most=2)

    await board.refresh()

    assert [mail.subject for mail in board.mails] == ["Message 5", "Message 4"]
    assert (board.counts.stored, board.counts.dead) == (5, 1)


async def test_the_board_of_an_empty_store_is_empty(storage: Storage) -> None:
    """Nothing is shown and nothing counted before the first mail."""
    board = Board(storage)

    await board.refresh()

    assert board.as_json()["mails"] == []
    assert set(board.as_json()["counts"].values()) == {0}
