"""Where a message's content is read from, and how much of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import pytest

from sage_mail.delivery.content import LONGEST_BODY, LONGEST_FIELD, bounded
from sage_mail.delivery.contents import ContentReader
from sage_mail.delivery.wire import encode
from sage_mail.records import EventRecord, MessageRecord, NewAttachment, NewContent
from sage_mail.storage import Storage
from tests.sage_mail.delivery.samples import event as stored_event
from tests.sage_mail.delivery.samples import new_event
from tests.sage_mail.storage.samples import message, place

_RAW = b"From: ann@example.org\r\nSubject: Hi\r\n\r\nFrom the octets.\r\n"


async def _event(storage: Storage, *, content: bool = True, **changes: Any) -> EventRecord:
    """The event of a stored message, whose content may have been taken out of the store."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        stored = await uow.messages.add(message(where, **changes))
        record = await uow.events.append(new_event(row=stored))
        await uow.commit()
    if not content:
        await _forget_content(storage, stored)
    return record


async def _forget_content(storage: Storage, message_id: int) -> None:
    """As a retention would, or an older version that did not keep it."""
    from sqlalchemy import delete

    from sage_mail.storage import tables

    async with storage.unit_of_work() as uow:
        await uow._transaction.execute(
            delete(tables.contents).where(tables.contents.c.message_id == message_id)
        )
        await uow.commit()


async def test_from_the_store(storage: Storage) -> None:
    """What is stored is told, with the attachments' facts, and nobody is asked."""
    file = NewAttachment(filename="a.txt", content_type="text/plain", size=2, sha256="0" * 64)
    event = await _event(
        storage,
        content_hash="",
        attachments=(file,),
    )
    content = await ContentReader(storage).read(event)
    assert content is not None
    assert [each.filename for each in content.attachments] == ["a.txt"]


async def test_from_the_octets(storage: Storage) -> None:
    """If the readable part is gone the message's own octets are read again."""
    await storage.blobs.put(_RAW)
    digest = hashlib.sha256(_RAW).hexdigest()
    event = await _event(storage, content=False, content_hash=digest)
    content = await ContentReader(storage).read(event)
    assert content is not None
    assert content.plain.strip() == "From the octets."
    assert ("Subject", "Hi") in content.headers


async def test_from_the_server(storage: Storage) -> None:
    """Only where the store has nothing the server is asked, and what it gives is told."""
    asked: list[MessageRecord] = []

    async def fetch(wanted: MessageRecord) -> bytes | None:
        asked.append(wanted)
        return _RAW

    event = await _event(storage, content=False)
    content = await ContentReader(storage, fetch=fetch).read(event)
    assert content is not None
    assert content.plain.strip() == "From the octets."
    assert [each.uid for each in asked] == [1]


async def test_nobody_has_it(storage: Storage) -> None:
    """Neither store nor server: there is no content; nor is there for an event of no message."""
    event = await _event(storage, content=False)

    async def fetch(_: MessageRecord) -> bytes | None:
        return None

    assert await ContentReader(storage, fetch=fetch).read(event) is None
    assert await ContentReader(storage).read(event) is None
    async with storage.unit_of_work() as uow:
        bare = await uow.events.append(new_event())
        await uow.commit()
    assert await ContentReader(storage).read(bare) is None


async def test_it_is_bounded_and_says_so(storage: Storage) -> None:
    """Endless bodies and headers are cut, after the redaction, and named."""
    card = "4111 1111 1111 1111"
    body = "x" * (LONGEST_BODY - 10) + f" {card} " + "y" * 10_000
    headers = tuple((f"X-{n}", "z" * 10_000) for n in range(1000))
    event = await _event(storage, content=True)
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        stored = await uow.messages.add(
            message(where, uid=2, content=NewContent(plain=body, headers=headers))
        )
        event = await uow.events.append(new_event(row=stored))
        await uow.commit()
    content = await ContentReader(storage).read(event)
    assert content is not None
    assert content.truncated == ("plain", "headers")
    sent = encode(event, format="sage", endpoint="crm", content=content, filter_sensitive=True)
    assert b"4111" not in sent
    assert len(sent) < LONGEST_BODY + 200 * 4200


@pytest.mark.parametrize("shape", ["sage", "guide"])
@pytest.mark.parametrize("end", range(0, 20, 3))
def test_nothing_is_cut_in_two_and_sent(shape: Literal["sage", "guide"], end: int) -> None:
    """Where redaction has shortened the text, no half of a number comes from the end of what was
    read.
    """
    texts = []
    for longest in (LONGEST_BODY, LONGEST_FIELD):
        read = len(bounded("x" * longest * 2, "", (), ()).plain) - LONGEST_BODY + longest
        shrinking = "someone.with.a.long.name@department.example.com " * 60
        filling = "x " * ((read - len(shrinking) - end) // 2)
        texts.append((shrinking + filling).ljust(read - end) + "4111 1111 1111 1111 tail " * 99)
    content = bounded(texts[0], texts[0], (("X-Note", texts[1]),), ())
    sent = encode(
        stored_event(), format=shape, endpoint="crm", content=content, filter_sensitive=True
    )

    assert b"4111" not in sent
    assert json.dumps(json.loads(sent)).count("x x x x") > 3_000
