"""The journal: planned once, due at its time, settled once, and it follows the message."""

from __future__ import annotations

from sage_mail.records import ActionKind, ActionStatus
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import (
    NOW,
    Place,
    action,
    later,
    message,
    place,
    stored,
)


async def _message(storage: Storage, uid: int = 1) -> tuple[Place, int]:
    where = await place(storage)
    return where, await stored(storage, message(where, uid))


async def test_planning_twice_is_planning_once(storage: Storage) -> None:
    """A message has one open move; after it is settled there can be another."""
    where, message_id = await _message(storage)
    async with storage.unit_of_work() as uow:
        first = await uow.actions.plan(action(where, message_id))
        second = await uow.actions.plan(action(where, message_id, target="Elsewhere"))
        flags = await uow.actions.plan(
            action(where, message_id, kind=ActionKind.ADD_FLAGS, target="\\Seen")
        )
        assert second == first
        assert (first.status, first.next_attempt_at, first.mailbox) == ("planned", NOW, "INBOX")
        await uow.actions.done(first.id, at=later(1), uidvalidity=9, uid=4)
        third = await uow.actions.plan(action(where, message_id))
        everything = await uow.actions.for_message(message_id)
    assert [entry.id for entry in everything] == [first.id, flags.id, third.id]
    assert (everything[0].result_uidvalidity, everything[0].result_uid) == (9, 4)
    assert (everything[0].done_at, everything[0].attempts) == (later(1), 1)


async def test_an_action_is_due_until_it_is_settled(storage: Storage) -> None:
    """A failed action is due again at its new time, a finally failed or void one never."""
    where, one = await _message(storage)
    _, two = await _message(storage, 2)
    async with storage.unit_of_work() as uow:
        move = await uow.actions.plan(action(where, one))
        other = await uow.actions.plan(action(where, two, uid=2, created_at=later(5)))
        assert await uow.actions.next_due(where.account_id) == NOW
        assert await uow.actions.due(where.account_id, later(4)) == [move]
        await uow.actions.failed(move.id, "NO", next_attempt_at=later(60))
        assert await uow.actions.next_due(where.account_id) == later(5)
        assert await uow.actions.due(where.account_id, later(59)) == [other]
        planned = await uow.actions.planned_for(where.account_id)
        assert [entry.id for entry in planned] == [move.id, other.id]
        await uow.actions.failed(move.id, "NO, never")
        await uow.actions.void(other.id, "moved by somebody", at=later(70))
        assert await uow.actions.planned_for(where.account_id) == []
        assert await uow.actions.next_due(where.account_id) is None
        failed, void = await uow.actions.get(move.id), await uow.actions.get(other.id)
        counts = await uow.actions.counts()
    assert failed is not None
    assert void is not None
    assert (failed.status, failed.attempts, failed.last_error) == ("failed", 2, "NO, never")
    assert (void.status, void.last_error) == ("void", "moved by somebody")
    assert counts == {
        (ActionKind.MOVE, ActionStatus.FAILED): 1,
        (ActionKind.MOVE, ActionStatus.VOID): 1,
    }


async def test_a_settled_action_is_settled(storage: Storage) -> None:
    """A late report, of a failure or of another end, leaves what is done as it is and says so."""
    where, message_id = await _message(storage)
    async with storage.unit_of_work() as uow:
        move = await uow.actions.plan(action(where, message_id))
        assert await uow.actions.done(move.id, at=NOW)
        await uow.actions.failed(move.id, "late")
        assert not await uow.actions.void(move.id, "late", at=NOW)
        assert not await uow.actions.done(move.id, at=NOW, uid=7)
        after = await uow.actions.get(move.id)
    assert after is not None
    assert (after.status, after.last_error, after.result_uid) == ("done", None, None)


async def test_actions_are_asked_for_by_mailbox_kind_and_flags(storage: Storage) -> None:
    """Planned actions can be narrowed, and the flags that are about to be set are known."""
    where, message_id = await _message(storage)
    async with storage.unit_of_work() as uow:
        move = await uow.actions.plan(action(where, message_id))
        flags = await uow.actions.plan(
            action(where, message_id, kind=ActionKind.ADD_FLAGS, target="\\Seen $Filed")
        )
        account_id = where.account_id
        assert await uow.actions.planned_for(account_id, kind=ActionKind.MOVE) == [move]
        assert await uow.actions.planned_for(account_id, mailbox_id=99) == []
        assert await uow.actions.own_flags(where.mailbox_id, 7) == {1: ("\\Seen", "$Filed")}
        assert await uow.actions.own_flags(where.mailbox_id, 8) == {}
        await uow.actions.done(flags.id, at=NOW)
        assert await uow.actions.own_flags(where.mailbox_id, 7) == {}


async def test_planned_actions_follow_their_message(storage: Storage) -> None:
    """After a UIDVALIDITY change the planned actions aim at the message's new location."""
    where, message_id = await _message(storage)
    async with storage.unit_of_work() as uow:
        done = await uow.actions.plan(action(where, message_id))
        await uow.actions.done(done.id, at=NOW)
        await uow.actions.plan(action(where, message_id))
        await uow.actions.follow(message_id, mailbox_id=where.mailbox_id, uidvalidity=8, uid=3)
        old, new = await uow.actions.for_message(message_id)
    assert (old.uidvalidity, old.uid) == (7, 1)
    assert (new.uidvalidity, new.uid) == (8, 3)
