"""A delivery that is no event: does the endpoint answer, and understand our signature?"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Final

from sage_mail.delivery.composer import compose, sender_for
from sage_mail.delivery.sender import Outcome
from sage_mail.records import EventRecord
from sage_mail.settings import WebhookSettings

__all__ = ["TRIAL", "try_endpoint"]

# It is never stored and has no number; receivers that know it answer 2xx and do nothing.
TRIAL: Final = "endpoint.test"


async def try_endpoint(endpoint: WebhookSettings) -> Outcome:
    """Post an ``endpoint.test`` once, in the endpoint's format and signed as always.

    Raises:
        ConfigError: the secret cannot be had or is not well formed; nothing was sent.
    """
    now = datetime.now(UTC)
    event = EventRecord(
        seq=0,
        event_id=f"evt_{uuid.uuid4().hex}",
        type=TRIAL,
        account="",
        mailbox=None,
        message_id=None,
        occurred_at=now,
        data={"endpoint": endpoint.name},
    )
    composed = await asyncio.to_thread(compose, endpoint, event, f"msg_{uuid.uuid4().hex}", now)
    async with sender_for(endpoint) as sender:
        return await sender.post(composed.body, composed.headers)
