"""A note that is about no mail: does the channel reach somebody, and in which words?"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sage_mail.delivery.events import EventType
from sage_mail.delivery.notifications.channel import Channel
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.delivery.notifications.texts import note_of
from sage_mail.records import EventRecord

__all__ = ["try_channel"]


async def try_channel(settings: NotificationSettings) -> str | None:
    """Send a note now, in the channel's words, quiet hours or not; None, or why it did not go out.

    Nothing of it is stored.
    """
    event = EventRecord(
        seq=0,
        event_id=f"evt_{uuid.uuid4().hex}",
        type=EventType.MESSAGE_NEW,
        account="test",
        mailbox="INBOX",
        message_id=None,
        occurred_at=datetime.now(UTC),
        data={
            "subject": f"A test of {settings.name}",
            "from": {"name": "Sage", "address": "sage@localhost"},
            "category": "general",
            "topic": "general",
            "priority": "medium",
        },
    )
    try:
        note = note_of(settings, [event])
    except ValueError as error:
        return f"nothing was sent: {error}"
    channel = Channel(settings)
    try:
        return await channel.send(note)
    finally:
        channel.close()
