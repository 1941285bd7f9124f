"""What an endpoint may ask for: order, a rate, content, redaction, two secrets."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sage_imap.models.address import EmailAddress
from sage_mail.delivery.announce import announce
from sage_mail.delivery.payloads import message_data
from sage_mail.delivery.rotation import finish, rotate
from sage_mail.records import DeliveryStatus, MessageRecord, NewAttachment, NewContent
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import (
    SECRET,
    Clock,
    announced,
    attempts_of,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
    tried,
)
from tests.sage_mail.delivery.samples import new_event
from tests.sage_mail.storage.samples import message, place
from tests.support.receiver import Answer, Receiver

_BODY = "My card is 4111 1111 1111 1111, write to ann@example.org."
_HEADERS = (
    ("Received", "from a.example for <bob@example.org>"),
    ("Received", "second"),
    ("From", "Ann <ann@example.org>"),
    ("Message-ID", "<1@example.org>"),
)
_FILE = NewAttachment(filename="o.pdf", content_type="application/pdf", size=3, sha256="0" * 64)


async def _new_mail(storage: Storage, endpoints: list[WebhookSettings]) -> MessageRecord:
    """Store and announce a message, as the intake does."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        stored = await uow.messages.add(
            message(
                where,
                subject="To ann@example.org",
                from_address=EmailAddress("Ann", "ann", "example.org"),
                content=NewContent(plain=_BODY, html=f"<p>{_BODY}</p>", headers=_HEADERS),
                attachments=(_FILE,),
            )
        )
        record = await uow.messages.get(stored)
        assert record is not None
        event = new_event(row=stored, **message_data(record, [_FILE]))
        await announce(uow, event, endpoints)
        await uow.commit()
    return record


async def test_the_guides_envelope_with_content(storage: Storage, receiver: Receiver) -> None:
    """The guide's names, bodies, headers and attachments' facts, redacted, and its signature."""
    endpoint = endpoint_for(receiver, format="guide", secret="secret of the guide")
    await _new_mail(storage, [endpoint])
    async with draining(storage, endpoint):
        (request,) = await receiver.received(1)
    event = request.json()["event"]
    content = event["email_content"]
    assert event["sender"] == "ann@example.org"
    assert event["subject"] == "To [REDACTED]"
    assert content["plain_body"] == "My card is [REDACTED], write to [REDACTED]."
    assert content["html_body"] == "<p>My card is [REDACTED], write to [REDACTED].</p>"
    assert content["headers"] == {
        "Received": "from a.example for <[REDACTED]>",
        "From": "Ann <ann@example.org>",
        "Message-ID": "<1@example.org>",
    }
    assert content["attachments"] == [
        {"filename": "o.pdf", "content_type": "application/pdf", "size": 3}
    ]
    assert event["webhook_metadata"]["event_id"].startswith("evt_")
    signature = hmac.new(b"secret of the guide", request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == f"sha256={signature}"
    assert json.dumps(request.json()).encode() == request.body


async def test_content_on_request(storage: Storage, receiver: Receiver) -> None:
    """Our own format carries the content where the endpoint asks, unredacted where it asks."""
    endpoint = endpoint_for(receiver, content=True, filter_sensitive=False)
    await _new_mail(storage, [endpoint])
    async with draining(storage, endpoint):
        (request,) = await receiver.received(1)
    data = request.json()["data"]
    assert data["subject"] == "To ann@example.org"
    assert data["content"] == {
        "plain": _BODY,
        "html": f"<p>{_BODY}</p>",
        "headers": [list(field) for field in _HEADERS],
        "truncated": [],
    }


async def test_no_content_unasked(storage: Storage, receiver: Receiver) -> None:
    """By default our own format carries facts, redacted, with sender and recipients as they are."""
    endpoint = endpoint_for(receiver)
    await _new_mail(storage, [endpoint])
    async with draining(storage, endpoint):
        (request,) = await receiver.received(1)
    data = request.json()["data"]
    assert "content" not in data
    assert data["from"] == {"name": "Ann", "address": "ann@example.org"}
    assert data["subject"] == "To [REDACTED]"


async def test_every_attempt_sends_the_same_content(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """The second attempt has the first one's bytes, content included."""
    endpoint = endpoint_for(receiver, format="guide")
    receiver.script(Answer(status=500))
    record = await _new_mail(storage, [endpoint])
    async with storage.read() as uow:
        (event,) = await uow.events.for_message(record.id)
    async with draining(storage, endpoint, clock=clock):
        await delivery_when(storage, event.seq, tried(1))
        clock.ahead += timedelta(seconds=5)
        storage.commits.notify()
        first, second = await receiver.received(2)
    assert first.body == second.body


async def test_order_within_an_account(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """While one fails its account waits behind it, and other accounts do not."""
    endpoint = endpoint_for(receiver, ordered=True)
    receiver.script(Answer(status=500))
    async with draining(storage, endpoint, clock=clock):
        (first,) = await announced(storage, [endpoint], account="work")
        await delivery_when(storage, first, tried(1))
        work = await announced(storage, [endpoint], 5, account="work")
        home = await announced(storage, [endpoint], 5, account="home")
        await delivery_when(storage, home[-1], has_status(DeliveryStatus.DELIVERED))
        assert [await _stands(storage, seq) for seq in work] == [DeliveryStatus.PENDING] * 5
        clock.ahead += timedelta(seconds=5)
        storage.commits.notify()
        await delivery_when(storage, work[-1], has_status(DeliveryStatus.DELIVERED))
    sequences = [request.json()["sequence"] for request in receiver.requests]
    assert [seq for seq in sequences if seq in home] == home
    assert [seq for seq in sequences if seq not in home] == [first, first, *work]


async def test_in_order_a_given_up_delivery_lets_the_next_go(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """What has failed for good blocks nobody any more."""
    endpoint = endpoint_for(receiver, ordered=True, max_attempts=1)
    receiver.script(Answer(status=500))
    async with draining(storage, endpoint, clock=clock):
        first, second = await announced(storage, [endpoint], 2)
        await delivery_when(storage, second, has_status(DeliveryStatus.DELIVERED))
        assert await _stands(storage, first) == DeliveryStatus.FAILED


async def test_a_rate_limit(storage: Storage, receiver: Receiver) -> None:
    """After its burst an endpoint is posted to at its rate, and everything arrives."""
    endpoint = endpoint_for(receiver, rate_limit=5.0, concurrency=10)
    sequences = await announced(storage, [endpoint], 10)
    async with draining(storage, endpoint):
        requests = await receiver.received(10)
    assert sorted(request.json()["sequence"] for request in requests) == sequences
    # Five at once, and five more in a second; the first may have been late.
    assert requests[-1].at - requests[0].at >= 0.5


@pytest.mark.parametrize("status", [429, 503])
async def test_a_rest_that_the_endpoint_asks_for(
    storage: Storage, receiver: Receiver, status: int
) -> None:
    """After 429 or 503 with Retry-After nothing at all is posted until then, and then the rest."""
    endpoint = endpoint_for(receiver, concurrency=1)
    receiver.script(Answer(status=status, headers={"Retry-After": "1"}))
    await announced(storage, [endpoint], 4)
    async with draining(storage, endpoint):
        requests = await receiver.received(4)
    assert requests[1].at - requests[0].at > 0.9


async def test_retry_after_about_one_request(storage: Storage, receiver: Receiver) -> None:
    """With another status Retry-After holds back the one delivery, and no other."""
    endpoint = endpoint_for(receiver, concurrency=1)
    receiver.script(Answer(status=500, headers={"Retry-After": "3600"}))
    first, *others = await announced(storage, [endpoint], 4)
    async with draining(storage, endpoint):
        for seq in others:
            await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    assert await _stands(storage, first) is DeliveryStatus.PENDING


async def test_rotation_of_a_secret(storage: Storage, receiver: Receiver, tmp_path: Path) -> None:
    """During a rotation both secrets verify, before and after it one, without a restart."""
    place_ = tmp_path / "secret"
    place_.write_text(f"{SECRET}\n")
    place_.chmod(0o600)
    endpoint = endpoint_for(receiver, secret=None, secret_file=str(place_))
    async with draining(storage, endpoint):
        await announced(storage, [endpoint])
        await receiver.received(1)
        new = rotate(endpoint.secret_source())
        await announced(storage, [endpoint])
        await receiver.received(2)
        assert finish(endpoint.secret_source())
        await announced(storage, [endpoint])
        before, during, after = await receiver.received(3)
    assert new.startswith("whsec_")
    for request, valid, invalid in (
        (before, [SECRET], [new]),
        (during, [SECRET, new], []),
        (after, [new], [SECRET]),
    ):
        for secret in valid:
            Webhook(secret).verify(request.body, dict(request.headers))
        for secret in invalid:
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(request.body, dict(request.headers))
    assert len(during.headers["webhook-signature"].split()) == 2


async def test_an_endpoint_inside_that_is_not_allowed(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """A private address is an attempt that failed, with the remedy; nothing was connected."""
    endpoint = endpoint_for(receiver, allow_private=False)
    async with draining(storage, endpoint, clock=clock):
        (seq,) = await announced(storage, [endpoint])
        delivery = await delivery_when(storage, seq, tried(1))
    (attempt,) = await attempts_of(storage, delivery)
    assert attempt.error is not None
    assert "set allow_private = true" in attempt.error
    assert receiver.connections == 0


async def _stands(storage: Storage, seq: int) -> DeliveryStatus:
    async with storage.read() as uow:
        (delivery,) = await uow.outbox.for_event(seq)
    return delivery.status
