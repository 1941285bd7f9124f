"""Messages are kept whole, found by location and by fingerprint, and followed where they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sage_imap.models.address import EmailAddress
from sage_mail.errors import StorageError
from sage_mail.records import (
    MessageState,
    NewAttachment,
    NewContent,
    StoredDecision,
)
from sage_mail.storage import RecordRejected, Storage
from tests.sage_mail.storage.samples import (
    NOW,
    Place,
    action,
    later,
    message,
    place,
    stored,
)

_HASH = "ab" * 32


async def test_a_message_comes_back_as_it_was_stored(storage: Storage) -> None:
    """Every field of the message, its content and its attachments is kept."""
    where = await place(storage)
    attachments = (
        NewAttachment(filename="a.pdf", content_type="application/pdf", size=10, sha256=_HASH),
        NewAttachment(
            filename="",
            content_type="image/png",
            size=2**40,
            sha256=_HASH,
            inline=True,
            content_id="x@y",
        ),
    )
    new = message(
        where,
        uid=2**32 - 1,
        uidvalidity=2**32 - 1,
        modseq=2**63 - 1,
        subject="Grüße 📬 " * 1000,
        message_id_header="<" + "x" * 20_000 + "@example.org>",
        from_address=EmailAddress("Zoë", "zoe", "example.org"),
        to_addresses=(EmailAddress("", "a", "b"), EmailAddress("", "undisclosed", "")),
        cc_addresses=(EmailAddress("c", "d", "e"),),
        reply_to_addresses=(EmailAddress("f", "g", "h"),),
        date=datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        internal_date=NOW,
        flags=("\\Seen", "$Label1"),
        decision=StoredDecision(
            category="support",
            confidence=0.75,
            priority="high",
            kind="order",
            topic="sales",
            details={"scores": {"support": 0.75}},
        ),
        announced=False,
        content=NewContent(
            plain="p" * 100_000,
            html="<p>",
            headers=(("Subject", "x"), ("To", "a"), ("To", "b")),
            preview="p",
        ),
        attachments=attachments,
    )
    message_id = await stored(storage, new)
    async with storage.read() as uow:
        record = await uow.messages.get(message_id)
        content = await uow.messages.content(message_id)
        files = await uow.messages.attachments(message_id)
    assert record is not None
    for name in [
        "mailbox_id",
        "uidvalidity",
        "uid",
        "fingerprint",
        "content_hash",
        "size",
        "subject",
        "message_id_header",
        "from_address",
        "to_addresses",
        "cc_addresses",
        "reply_to_addresses",
        "date",
        "internal_date",
        "flags",
        "modseq",
        "decision",
        "announced",
        "first_seen_at",
    ]:
        assert getattr(record, name) == getattr(new, name), name
    assert (record.account, record.mailbox, record.state) == ("office", "INBOX", "present")
    assert record.date is not None
    assert record.date.tzinfo is UTC
    assert content is not None
    assert (content.plain, content.html) == (new.content.plain, new.content.html)
    assert content.headers == new.content.headers
    for position, (file, attachment) in enumerate(zip(files, attachments, strict=True)):
        assert file.position == position
        for name in ("filename", "content_type", "size", "sha256", "inline", "content_id"):
            assert getattr(file, name) == getattr(attachment, name)


async def test_nul_and_lone_surrogates_are_replaced_everywhere(storage: Storage) -> None:
    """A message full of what PostgreSQL refuses is stored, with U+FFFD in its place."""
    where = await place(storage)
    bad, good = "a\0b\udc80c", "a\ufffdb\ufffdc"
    new = message(
        where,
        subject=bad,
        message_id_header=bad,
        from_address=EmailAddress(bad, bad, bad),
        flags=(bad,),
        decision=StoredDecision(category=bad, details={bad: [bad, {"x": bad}]}),
        content=NewContent(plain=bad, html=bad, headers=((bad, bad),), preview=bad),
        attachments=(NewAttachment(filename=bad, content_type=bad, size=1, sha256=_HASH),),
    )
    message_id = await stored(storage, new)
    async with storage.read() as uow:
        record = await uow.messages.get(message_id)
        content = await uow.messages.content(message_id)
        (file,) = await uow.messages.attachments(message_id)
    assert record is not None
    assert content is not None
    assert (record.subject, record.message_id_header) == (good, good)
    assert record.from_address == EmailAddress(good, good, good)
    assert (record.flags, record.decision.category) == ((good,), good)
    assert record.decision.details == {good: [good, {"x": good}]}
    assert (content.plain, content.html, content.preview) == (good, good, good)
    assert content.headers == ((good, good),)
    assert (file.filename, file.content_type) == (good, good)


async def test_what_is_added_is_what_is_read_back(storage: Storage) -> None:
    """The record of a message just stored is the one that the database gives, oddities and all."""
    where = await place(storage, account="a\x00", mailbox="In\ud800")
    odd = EmailAddress("\x00", "a", "b\udfff")
    east = timezone(timedelta(hours=14))
    async with storage.unit_of_work() as uow:
        added = await uow.messages.add_all(
            [
                message(where, 1),
                message(
                    where,
                    2,
                    subject="a\x00\ud800",
                    message_id_header="<\x00>",
                    from_address=odd,
                    to_addresses=(odd, odd),
                    date=datetime(1, 1, 1, tzinfo=east),
                    internal_date=datetime(2026, 1, 5, 3, tzinfo=east),
                    flags=("\\Seen", "a\x00"),
                    decision=StoredDecision(
                        category="a\x00", details={"a\x00": ("b\ud800", 1.5, None)}
                    ),
                ),
            ]
        )
        assert await uow.messages.add_all([]) == []
        await uow.commit()
    async with storage.read() as uow:
        assert [await uow.messages.get(each.id) for each in added] == added


async def test_content_is_there_before_the_commit(storage: Storage) -> None:
    """Within the unit of work that stores a message, its content can be read already."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        message_id = await uow.messages.add(message(where, content=NewContent(plain="x")))
        content = await uow.messages.content(message_id)
    assert content is not None
    assert content.plain == "x"


async def test_what_is_not_there_is_none_or_empty(storage: Storage) -> None:
    """Questions about unknown messages have empty answers."""
    async with storage.read() as uow:
        assert await uow.messages.get(1) is None
        assert await uow.messages.content(1) is None
        assert await uow.messages.attachments(1) == []
        assert await uow.messages.find_at(1, 1, 1) is None
        assert await uow.messages.flags_by_uid(1, 1) == {}
        assert await uow.messages.counts() == {}


async def test_a_message_needs_a_known_mailbox(storage: Storage) -> None:
    """A message cannot be stored in a mailbox that is not known."""
    async with storage.unit_of_work() as uow:
        with pytest.raises(StorageError, match="not known"):
            await uow.messages.add(message(Place(1, 99)))


async def test_messages_are_found_by_location(storage: Storage) -> None:
    """UID and UIDVALIDITY and mailbox together find a message, and nothing less does."""
    where = await place(storage)
    other = await place(storage, mailbox="Other")
    async with storage.unit_of_work() as uow:
        first = await uow.messages.add(message(where, 1, flags=("\\Seen",)))
        for there, changes in ((where, {"uidvalidity": 8}), (other, {})):
            await uow.messages.add(message(there, 1, **changes))
        second = await uow.messages.add(message(where, 5))
        await uow.commit()
    async with storage.read() as uow:
        found = await uow.messages.find_many(where.mailbox_id, 7, [1, 2, 5])
        flags = await uow.messages.flags_by_uid(where.mailbox_id, 7)
        some = await uow.messages.flags_by_uid(where.mailbox_id, 7, [5, 6])
        assert await uow.messages.present_uids(where.mailbox_id, 7) == [1, 5]
        assert await uow.messages.known_uids(where.mailbox_id, 7, [1, 2, 5]) == {1, 5}
        assert await uow.messages.known_uids(where.mailbox_id, 8, [1, 2, 5]) == {1}
    assert {uid: record.id for uid, record in found.items()} == {1: first, 5: second}
    assert flags == {1: ("\\Seen",), 5: ()}
    assert some == {5: ()}


async def test_two_present_messages_cannot_share_a_location(storage: Storage) -> None:
    """A location belongs to one present message, whether the other is added or relocated."""
    where = await place(storage)
    await stored(storage, message(where, 1))
    second = await stored(storage, message(where, 2))
    async with storage.unit_of_work() as uow:
        with pytest.raises(RecordRejected):
            async with uow.savepoint():
                await uow.messages.add(message(where, 1))
        with pytest.raises(RecordRejected):
            async with uow.savepoint():
                await uow.messages.relocate(
                    second, mailbox_id=where.mailbox_id, uidvalidity=7, uid=1
                )


async def test_of_many_none_is_added_if_one_cannot_be(storage: Storage) -> None:
    """A value that no database takes, or that is no JSON, refuses all that came with it."""
    where = await place(storage)
    no_json = StoredDecision(details={"x": object()})
    async with storage.unit_of_work() as uow:
        for bad in (message(where, 2, size=2**70), message(where, 2, decision=no_json)):
            with pytest.raises(RecordRejected):
                async with uow.savepoint():
                    await uow.messages.add_all([message(where, 1), bad])
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.messages.present_uids(where.mailbox_id, 7) == []


async def test_a_missing_message_gives_its_location_away(storage: Storage) -> None:
    """A server that breaks the rules and uses a UID again gets its new message stored."""
    where = await place(storage)
    await stored(storage, message(where, 1))
    async with storage.unit_of_work() as uow:
        await uow.messages.mark_missing(where.mailbox_id, 7, [1], at=NOW)
        again = await uow.messages.add(message(where, 1, subject="Another"))
        found = await uow.messages.find_at(where.mailbox_id, 7, 1)
    assert found is not None
    assert found.id == again


async def test_a_message_goes_missing_and_returns_or_is_deleted(storage: Storage) -> None:
    """Missing messages keep the instant, can return, and are deleted only while missing."""
    where = await place(storage)
    ids = [await stored(storage, message(where, uid)) for uid in (1, 2, 3)]
    async with storage.unit_of_work() as uow:
        assert await uow.messages.mark_missing(where.mailbox_id, 7, [1, 2, 9], at=NOW) == 2
        assert await uow.messages.mark_missing(where.mailbox_id, 7, [1], at=later(60)) == 0
        assert await uow.messages.missing_uids(where.mailbox_id, 7) == [1, 2]
        assert await uow.messages.present_uids(where.mailbox_id, 7) == [3]
        assert await uow.messages.missing_before(where.account_id, NOW) == []
        overdue = await uow.messages.missing_before(where.account_id, later(1))
        assert [record.id for record in overdue] == ids[:2]
        assert await uow.messages.mark_present(where.mailbox_id, 7, [2, 3]) == 1
        assert await uow.messages.mark_deleted(ids[0])
        assert not await uow.messages.mark_deleted(ids[1])
        assert await uow.messages.mark_message_missing(ids[2], at=NOW)
        assert not await uow.messages.mark_message_missing(ids[2], at=NOW)
        counts = await uow.messages.counts_by_state()
        deleted = await uow.messages.get(ids[0])
    assert counts == dict.fromkeys(MessageState, 1)
    assert deleted is not None
    assert (deleted.state, deleted.missing_since) == (MessageState.DELETED, NOW)


async def test_a_relocated_message_is_the_same_message(storage: Storage) -> None:
    """Relocating changes the location and nothing else, and makes a missing message present."""
    where = await place(storage)
    there = await place(storage, mailbox="Support")
    message_id = await stored(storage, message(where, 1, modseq=5))
    async with storage.unit_of_work() as uow:
        await uow.messages.mark_missing(where.mailbox_id, 7, [1], at=NOW)
        await uow.messages.relocate(message_id, mailbox_id=there.mailbox_id, uidvalidity=9, uid=4)
        await uow.commit()
    async with storage.read() as uow:
        found = await uow.messages.find_at(there.mailbox_id, 9, 4)
        assert await uow.messages.find_at(where.mailbox_id, 7, 1) is None
    assert found is not None
    assert (found.id, found.mailbox, found.state) == (message_id, "Support", "present")
    assert (found.missing_since, found.modseq) == (None, None)


async def test_a_message_may_lie_where_nobody_knows(storage: Storage) -> None:
    """After a move whose result was not told, several messages have a mailbox but no UID."""
    where = await place(storage)
    there = await place(storage, mailbox="Support")
    ids = [await stored(storage, message(where, uid)) for uid in (1, 2)]
    async with storage.unit_of_work() as uow:
        for message_id in ids:
            await uow.messages.relocate(
                message_id, mailbox_id=there.mailbox_id, uidvalidity=None, uid=None
            )
        assert await uow.messages.present_uids(there.mailbox_id, 9) == []
        with pytest.raises(ValueError, match="UIDVALIDITY"):
            await uow.messages.relocate(
                ids[0], mailbox_id=there.mailbox_id, uidvalidity=None, uid=3
            )
        await uow.commit()


async def test_candidates_for_a_newcomer(storage: Storage) -> None:
    """A newcomer may be any message of the account with its fingerprint that is not known here."""
    inbox = await place(storage)
    support = await place(storage, mailbox="Support")
    stranger = await place(storage, account="home")
    same = {"fingerprint": "f" * 64}
    here = await stored(storage, message(support, 1, **same))
    planned = await stored(storage, message(inbox, 1, **same))
    missing = await stored(storage, message(inbox, 2, **same))
    outdated = await stored(storage, message(support, 3, uidvalidity=6, **same))
    unknown = await stored(storage, message(inbox, 4, **same))
    await stored(storage, message(stranger, 1, **same))
    await stored(storage, message(inbox, 5))
    async with storage.unit_of_work() as uow:
        await uow.messages.mark_missing(inbox.mailbox_id, 7, [2], at=NOW)
        await uow.messages.relocate(
            unknown, mailbox_id=support.mailbox_id, uidvalidity=None, uid=None
        )
        await uow.actions.plan(action(inbox, planned, uid=1))
        await uow.actions.plan(action(inbox, missing, uid=2, target="Elsewhere"))
        candidates = await uow.messages.find_move_candidates(
            inbox.account_id, ["f" * 64, "e" * 64], mailbox="Support", uidvalidity=7
        )
        nothing = await uow.messages.find_move_candidates(
            inbox.account_id, [], mailbox="Support", uidvalidity=7
        )
        await uow.messages.mark_message_missing(here, at=NOW)
        later_on = await uow.messages.find_move_candidates(
            inbox.account_id, ["f" * 64], mailbox="Support", uidvalidity=7
        )
    assert [(c.message.id, c.planned_here) for c in candidates] == [
        (planned, True),
        (missing, False),
        (outdated, False),
        (unknown, False),
    ]
    assert nothing == []
    assert here in [candidate.message.id for candidate in later_on]


async def test_messages_of_another_uidvalidity_are_listed(storage: Storage) -> None:
    """After a reset the messages that still have the old UIDVALIDITY are known."""
    where = await place(storage)
    old = [await stored(storage, message(where, uid)) for uid in (1, 2, 3)]
    await stored(storage, message(where, 1, uidvalidity=8))
    async with storage.unit_of_work() as uow:
        await uow.messages.mark_missing(where.mailbox_id, 7, [2, 3], at=NOW)
        await uow.messages.mark_deleted(old[2])
        outdated = await uow.messages.outdated(where.mailbox_id, 8)
    assert [record.id for record in outdated] == old[:2]


async def test_all_of_a_mailbox_are_missing(storage: Storage) -> None:
    """A mailbox that has gone takes what is present in it with it, under whichever UIDVALIDITY."""
    where, other = await place(storage), await place(storage, mailbox="Work")
    for uidvalidity in (7, 8):
        await stored(storage, message(where, 1, uidvalidity=uidvalidity))
    await stored(storage, message(other, 1))
    async with storage.unit_of_work() as uow:
        assert await uow.messages.mark_all_missing(where.mailbox_id, at=NOW) == 2
        assert await uow.messages.mark_all_missing(where.mailbox_id, at=NOW) == 0
        assert await uow.messages.missing_uids(where.mailbox_id, 8) == [1]
        assert await uow.messages.present_uids(other.mailbox_id, 7) == [1]


async def test_flags_and_decision_are_replaced(storage: Storage) -> None:
    """New flags keep the mod-sequence if none is told; a new decision replaces the old one."""
    where = await place(storage)
    message_id = await stored(storage, message(where, modseq=3))
    decision = StoredDecision(category="spam", confidence=0.9, details={"a": 1})
    async with storage.unit_of_work() as uow:
        await uow.messages.set_flags(message_id, ["\\Seen"])
        await uow.messages.set_decision(message_id, decision)
        first = await uow.messages.get(message_id)
        await uow.messages.set_flags(message_id, [], modseq=4)
        second = await uow.messages.get(message_id)
    assert first is not None
    assert second is not None
    assert (first.flags, first.modseq, first.decision) == (("\\Seen",), 3, decision)
    assert (second.flags, second.modseq) == ((), 4)


async def test_the_latest_messages_and_the_counts(storage: Storage) -> None:
    """The latest come first; the counts are by category, with None for the undecided."""
    where = await place(storage)
    ids = [
        await stored(storage, message(where, uid, decision=StoredDecision(category=category)))
        for uid, category in enumerate(("spam", "spam", "sales", None), 1)
    ]
    async with storage.read() as uow:
        assert [record.id for record in await uow.messages.latest(2)] == ids[:1:-1]
        assert await uow.messages.counts() == {"spam": 2, "sales": 1, None: 1}


async def test_large_mailboxes_pass_in_portions(storage: Storage) -> None:
    """More UIDs than a statement may have parameters are looked up and marked."""
    where = await place(storage)
    await stored(storage, message(where, 70_000))
    async with storage.unit_of_work() as uow:
        many = range(1, 70_001)
        assert list(await uow.messages.find_many(where.mailbox_id, 7, many)) == [70_000]
        assert list(await uow.messages.flags_by_uid(where.mailbox_id, 7, many)) == [70_000]
        assert await uow.messages.mark_missing(where.mailbox_id, 7, many, at=NOW) == 1
        assert await uow.messages.known_uids(where.mailbox_id, 7, many) == {70_000}
