"""From a delivery to what is posted: the body with the message's content, and its signatures."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from sage_mail.delivery.content import Content
from sage_mail.delivery.contents import ContentReader
from sage_mail.delivery.events import EventType
from sage_mail.delivery.sender import Sender
from sage_mail.delivery.signing import signature_headers
from sage_mail.delivery.wire import encode
from sage_mail.records import DeliveryRecord, EventRecord
from sage_mail.settings import WebhookSettings

__all__ = ["Composed", "Composer", "compose", "sender_for"]


@dataclass(frozen=True, slots=True)
class Composed:
    """The body and the headers of one attempt."""

    body: bytes
    headers: dict[str, str]


class Composer:
    """Composes the deliveries to one endpoint; *contents* is where messages are read."""

    def __init__(self, endpoint: WebhookSettings, contents: ContentReader) -> None:
        self._endpoint = endpoint
        self._contents = contents

    async def compose(
        self, delivery: DeliveryRecord, *, at: datetime, threads: Executor
    ) -> Composed:
        """What is posted for the delivery now; what may block or take long is done in *threads*.

        Raises:
            ConfigError: the secret cannot be had or is not well formed.
            StorageError: the message cannot be read.
        """
        event = delivery.event
        content = None
        if self._endpoint.sends_content and event.type == EventType.MESSAGE_NEW:
            content = await self._contents.read(event)
        return await asyncio.get_running_loop().run_in_executor(
            threads, compose, self._endpoint, event, delivery.webhook_id, at, content
        )


def compose(
    endpoint: WebhookSettings,
    event: EventRecord,
    webhook_id: str,
    at: datetime,
    content: Content | None = None,
) -> Composed:
    """The event as the endpoint wants it; it blocks where the secret has to be asked for.

    Raises:
        ConfigError: the secret cannot be had or is not well formed.
    """
    body = encode(
        event,
        format=endpoint.format,
        endpoint=endpoint.name,
        content=content,
        filter_sensitive=endpoint.filter_sensitive,
    )
    secrets = endpoint.resolve_secrets()
    return Composed(body, signature_headers(webhook_id, body, at=at, secrets=secrets))


def sender_for(endpoint: WebhookSettings) -> Sender:
    """A sender to the endpoint, to be closed by the caller."""
    return Sender(
        endpoint.url,
        timeout=endpoint.timeout,
        connections=endpoint.concurrency,
        allow_private=endpoint.allow_private,
    )
