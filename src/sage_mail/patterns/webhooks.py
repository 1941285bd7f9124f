"""The guide's ``EmailWebhookBridge``: events of a mailbox, posted to webhooks.

It keeps no outbox: what is under way when the program ends is lost, as in the guide. The service,
with ``format = "guide"`` on an endpoint, sends the same envelope and loses nothing.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sage_imap.errors import IMAPError
from sage_imap.helpers.enums import MessagePart
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.delivery.content import content_of
from sage_mail.delivery.sender import Outcome, Sender
from sage_mail.delivery.signing import body_signature, signature_headers
from sage_mail.delivery.wire import cut_content, guide_content
from sage_mail.patterns._connection import connection_of
from sage_mail.patterns._portal import portal
from sage_mail.security.redaction import redact
from sage_mail.telemetry import get_logger

__all__ = ["EmailWebhookBridge"]

_log = get_logger(__name__)

_TIMEOUT: Final = 30.0
_USER_AGENT: Final = "python-sage-imap/1.0"
# Events that wait for one endpoint; it has been dead for long when there are more.
_MOST_WAITING: Final = 1000

Event = dict[str, Any]


class EmailWebhookBridge:
    """Posts events to the endpoints of ``webhook_config``, each with a few attempts.

    Args:
        config: how to reach the mailbox, as `IMAPClient` takes it.
        webhook_config: ``{"endpoints": [{"url", "name", "version", "secret", "filter_sensitive",
            "allow_private", "timeout"}]}``; all but the address may be missing. An endpoint on this
            machine or in its network needs ``allow_private``.

    ``retry_attempts`` and ``retry_delay`` (seconds before the second attempt, doubled each time)
    may be set, and every method may be overridden.
    """

    def __init__(self, config: Any, webhook_config: Mapping[str, Any]) -> None:
        self.config = config
        self.webhook_config = webhook_config
        self.retry_attempts = 3
        self.retry_delay = 1.0
        self.monitor: Any = None
        self._lanes: dict[int, _Lane] = {}

    def setup_email_to_webhook_forwarding(self) -> None:
        """Watch the mailbox and forward its events from now on; ``monitor`` is what watches.

        Each endpoint has a queue of its own then, so that a dead one delays no other.
        """
        from sage_mail.patterns import RealTimeEmailMonitor

        self.monitor = RealTimeEmailMonitor(self.config)
        self.monitor.add_callback(self.forward_to_webhook)
        self.monitor.start_idle_monitoring()
        _log.info("webhook_forwarding_started")

    def forward_to_webhook(self, event: Event) -> None:
        """Enhance the event and post it to every endpoint, to all of them at once.

        Returns when all have it or were given up; at once if a monitor calls, see
        `setup_email_to_webhook_forwarding`.
        """
        enhanced = self.enhance_event(event)
        endpoints = self.webhook_config.get("endpoints", [])
        ended = [
            self._lane(number).put(partial(self.send_webhook, webhook, enhanced))
            for number, webhook in enumerate(endpoints)
        ]
        if self.monitor is None:
            for each in ended:
                each.wait()

    def enhance_event(self, event: Event) -> Event:
        """A copy of the event with ``webhook_metadata``, for new mail with its content too."""
        now = time.time()
        enhanced = {
            **event,
            "webhook_metadata": {
                "version": "1.0",
                "timestamp": now,
                "source": "python-sage-imap",
                "event_id": f"evt_{int(now)}_{event.get('uid', 'unknown')}",
            },
        }
        if event.get("type") == "new_message" and event.get("uid"):
            return self.add_email_content(enhanced)
        return enhanced

    def add_email_content(self, event: Event) -> Event:
        """The event with ``email_content``; as it was where the message cannot be had."""
        if "email_content" in event:
            return event
        try:
            message = self._fetch(int(event["uid"]), event.get("mailbox") or "INBOX")
        except (IMAPError, OSError) as error:
            _log.error("email_content_unavailable", error=type(error).__name__)
            return event
        if message is None:
            return event
        return {**event, "email_content": guide_content(content_of(message))}

    def send_webhook(self, webhook_config: Mapping[str, Any], event: Event) -> None:
        """Post the event to one endpoint until it answers 2xx or the attempts are used up."""
        body = json.dumps(self.prepare_payload(webhook_config, event), default=str)
        name = webhook_config.get("name", "unnamed")
        for attempt in range(self.retry_attempts):
            headers = self._headers(webhook_config, event, body)
            outcome = _post(webhook_config, body.encode(), headers)
            if outcome.delivered:
                _log.info("webhook_sent", endpoint=name, attempt=attempt + 1)
                return
            _log.warning(
                "webhook_attempt_failed", endpoint=name, attempt=attempt + 1, error=outcome.error
            )
            if attempt < self.retry_attempts - 1:
                time.sleep(self.retry_delay * 2**attempt)
        _log.error("webhook_given_up", endpoint=name, attempts=self.retry_attempts)

    def prepare_payload(self, webhook_config: Mapping[str, Any], event: Event) -> Event:
        """The guide's envelope around the event, redacted unless ``filter_sensitive`` is false."""
        payload = {
            "event": event,
            "webhook_config": {
                "name": webhook_config.get("name", "unnamed"),
                "version": webhook_config.get("version", "1.0"),
            },
        }
        if webhook_config.get("filter_sensitive", True):
            payload = self.filter_sensitive_data(payload)
        content = payload["event"].get("email_content")
        if not isinstance(content, dict) or "headers" not in content:
            return payload
        content = cut_content(content, event["email_content"])
        return {**payload, "event": {**payload["event"], "email_content": content}}

    def filter_sensitive_data(self, payload: Event) -> Event:
        """A copy of the payload without card, social security and bank account numbers, and
        without e-mail addresses but those of sender and recipients.
        """
        clean: Event = redact(payload)
        return clean

    def generate_signature(self, secret: str, payload: str) -> str:
        """``sha256=`` and the hexadecimal HMAC-SHA256 of the payload, for ``X-Signature``."""
        return body_signature(secret, payload.encode())

    def _headers(
        self, webhook_config: Mapping[str, Any], event: Event, body: str
    ) -> dict[str, str]:
        secret = webhook_config.get("secret")
        event_id = str(event.get("webhook_metadata", {}).get("event_id", "evt_unknown"))
        headers = signature_headers(
            event_id, body.encode(), at=datetime.now(UTC), secrets=[secret] if secret else []
        )
        if secret:
            headers["X-Signature"] = self.generate_signature(secret, body)
        return headers

    def _fetch(self, uid: int, mailbox: str) -> EmailMessage | None:
        with IMAPClient(config=connection_of(self.config)) as client:
            service = IMAPMailboxUIDService(client)
            service.select(mailbox)
            wanted = MessageSet.from_uids([uid], mailbox=mailbox)
            found = service.uid_fetch(wanted, MessagePart.RFC822)
            messages = found.metadata.get("fetched_messages", []) if found.success else []
            return messages[0] if messages else None

    def _lane(self, number: int) -> _Lane:
        if number not in self._lanes:
            self._lanes[number] = _Lane()
        return self._lanes[number]


class _Lane:
    """One endpoint's posts, one after the other, in a thread that keeps no program from ending."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Callable[[], None], threading.Event]] = queue.Queue(
            _MOST_WAITING
        )
        threading.Thread(target=self._run, daemon=True, name="sage-webhook").start()

    def put(self, post: Callable[[], None]) -> threading.Event:
        """Do this post when those before it are through; what is returned is set at its end."""
        ended = threading.Event()
        try:
            self._waiting.put_nowait((post, ended))
        except queue.Full:
            _log.error("webhook_dropped", waiting=_MOST_WAITING)
            ended.set()
        return ended

    def _run(self) -> None:
        while True:
            post, ended = self._waiting.get()
            try:
                post()
            except Exception as error:  # noqa: BLE001 - the edge: an override of a user may raise
                _log.error("webhook_failed", error=type(error).__name__, exc_info=True)
            finally:
                ended.set()


def _post(webhook_config: Mapping[str, Any], body: bytes, headers: Mapping[str, str]) -> Outcome:
    async def post() -> Outcome:
        async with Sender(
            webhook_config["url"],
            timeout=float(webhook_config.get("timeout", _TIMEOUT)),
            connections=1,
            allow_private=bool(webhook_config.get("allow_private", False)),
            user_agent=_USER_AGENT,
        ) as sender:
            return await sender.post(body, headers)

    return portal().call(post)
