"""The guide's `ModernEmailProcessor`: unread mail of an inbox, handled by what it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sage_imap.config import IMAPConfig
from sage_imap.errors import IMAPError, MarkFailed, MessageGone
from sage_imap.helpers.enums import Flag
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.errors import StorageError
from sage_mail.patterns._connection import connection_of
from sage_mail.patterns._records import Ledger, Place
from sage_mail.pipeline.extraction import hooks
from sage_mail.telemetry import get_logger
from sage_mail.watchers.backoff import Backoff

if TYPE_CHECKING:
    from sage_imap.models.email import Attachment, EmailMessage
    from sage_mail.pipeline.extraction.hooks import OrderItem

__all__ = ["ModernEmailProcessor"]

_log = get_logger(__name__)

_MAILBOX: Final = "INBOX"
_BATCH_SIZE: Final = 50
_PREVIEW: Final = 500
_PAUSE_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 30.0
# The guide looks at all of a body; one of many megabytes must not hold up the others.
_MOST_CHARACTERS: Final = 200_000


class ModernEmailProcessor:
    """Handles unread mail of the inbox; ``config`` is an `IMAPConfig` or its mapping.

    A message is support, an order, one with attachments, or general, by the words of the guide,
    and its handler keeps a record of it (`records`). Every method may be overridden: for a ticket
    system of one's own, `create_support_ticket`.

    A message is marked as read once it is handled, and that is noted before in ``patterns.db``
    below the ``data_dir`` of the mapping (by default the platform's data folder), so none is
    handled twice even where a crash or the server prevents the mark. One whose handler raises stays
    unread and is tried again after pauses that grow to an hour. After a crash in the middle of an
    override, it is called again for the message that it was just handling.

    ``processed_count`` counts messages, ``error_count`` attempts.
    """

    support_indicators: ClassVar[tuple[str, ...]] = (
        *("support", "help", "assistance", "issue", "problem"),
        *("bug", "error", "ticket", "complaint"),
    )
    order_indicators: ClassVar[tuple[str, ...]] = (
        *("order", "purchase", "invoice", "receipt", "payment"),
        *("transaction", "confirmation", "shipment", "delivery"),
    )

    def __init__(self, config: IMAPConfig | Mapping[str, Any]) -> None:
        self.config = config
        self.processed_count = 0
        self.error_count = 0
        self._stop = threading.Event()
        self._place: Place | None = None

    def process_incoming_emails(self) -> None:
        """Process unread mail, and wait for more, until `stop_processing` is called.

        A connection that is lost is made anew, with growing pauses. Raises what the first one
        raises if it cannot be made.
        """
        self._stop.clear()
        backoff, connected = Backoff(), False
        while not self._stop.is_set():
            try:
                with IMAPClient(config=connection_of(self.config)) as client:
                    connected = True
                    self._stay(client, backoff)
            except (IMAPError, OSError, StorageError) as error:
                if not connected:
                    raise
                pause = backoff.failed(at_least=getattr(error, "retry_after", None) or 0.0)
                _log.warning("processing_broke", error=type(error).__name__, retry_in=round(pause))
                self._stop.wait(pause)

    def process_new_emails(self) -> OperationResult[None]:
        """Process what is unread now, once; raises what the connection raises."""
        with IMAPClient(config=connection_of(self.config)) as client:
            return self._process(self._selected(client))

    def stop_processing(self) -> None:
        """Let `process_incoming_emails` return when it is through with the messages at hand."""
        self._stop.set()

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What was kept: of the kind ``ticket``, ``order``, ``analysis`` or ``attachments``."""
        return self._ledger.records(kind)

    def handle_message(self, message: EmailMessage) -> None:
        """Hand the message to the handler of its kind; raises what that raises."""
        self._place = Place.of(message)
        try:
            if self.is_support_email(message):
                self.handle_support_email(message)
            elif self.is_order_email(message):
                self.handle_order_email(message)
            elif message.has_attachments():
                self.handle_email_with_attachments(message)
            else:
                self.handle_general_email(message)
        except Exception as error:
            _log.error("message_failed", uid=message.uid, error=type(error).__name__)
            raise
        finally:
            self._place = None

    def is_support_email(self, message: EmailMessage) -> bool:
        """Whether a word of the guide's stands in sender, subject or body."""
        sender = str(message.from_address or "").lower()
        texts = (sender, message.subject.lower(), _body(message))
        return any(word in text for text in texts for word in self.support_indicators)

    def is_order_email(self, message: EmailMessage) -> bool:
        """Whether a word of the guide's stands in subject or body."""
        texts = (message.subject.lower(), _body(message))
        return any(word in text for text in texts for word in self.order_indicators)

    def handle_support_email(self, message: EmailMessage) -> None:
        """Look at the attachments and create a ticket."""
        ticket_data = {
            "uid": message.uid,
            "subject": message.subject,
            "sender": str(message.from_address),
            "date": message.date,
            "body": message.get_body_preview(_PREVIEW),
            "attachments": message.get_attachment_filenames(),
            "is_reply": message.is_reply(),
            "priority": self.determine_priority(message),
        }
        if message.has_attachments():
            self.process_support_attachments(message)
        self.create_support_ticket(ticket_data)

    def handle_order_email(self, message: EmailMessage) -> None:
        """Take the facts of the order out and process it."""
        order_data = {
            "uid": message.uid,
            "order_number": self.extract_order_number(message.subject),
            "customer_email": str(message.from_address),
            "total_amount": self.extract_amount_from_body(message.plain_body),
            "items": self.extract_order_items(message.html_body),
            "date": message.date,
        }
        self.process_order(order_data)

    def handle_email_with_attachments(self, message: EmailMessage) -> None:
        """Process each attachment by its type, and keep what its method returns."""
        found = []
        for attachment in message.attachments:
            if attachment.is_image:
                told = self.process_image_attachment(attachment, message)
            elif attachment.content_type == "application/pdf":
                told = self.process_pdf_attachment(attachment, message)
            else:
                told = self.process_generic_attachment(attachment, message)
            found.append(told)
        content = {"uid": message.uid, "attachments": found}
        self._ledger.record("attachments", Place.of(message), content)

    def handle_general_email(self, message: EmailMessage) -> None:
        """Analyse the text and keep the analysis."""
        analysis = {
            "sentiment": self.analyze_sentiment(message.plain_body),
            "language": self.detect_language(message.plain_body),
            "keywords": self.extract_keywords(message.plain_body),
            "entities": self.extract_entities(message.plain_body),
        }
        self.store_email_analysis(message, analysis)

    def process_support_attachments(self, message: EmailMessage) -> None:
        """Process the attachments of a request as those of any message."""
        self.handle_email_with_attachments(message)

    def create_support_ticket(self, ticket_data: Mapping[str, Any]) -> None:
        """Keep the ticket under the kind ``ticket``."""
        self._ledger.record("ticket", self._place_of(ticket_data), ticket_data)

    def process_order(self, order_data: Mapping[str, Any]) -> None:
        """Keep the order under the kind ``order``."""
        self._ledger.record("order", self._place_of(order_data), order_data)

    def store_email_analysis(self, message: EmailMessage, analysis: Mapping[str, Any]) -> None:
        """Keep the analysis, with the message's UID, under the kind ``analysis``."""
        content = {"uid": message.uid, **analysis}
        self._ledger.record("analysis", Place.of(message), content)

    def determine_priority(self, message: EmailMessage) -> str:
        """``high``, ``medium`` or ``low``."""
        return hooks.determine_priority(message)

    def analyze_sentiment(self, text: str) -> str:
        """``positive``, ``neutral`` or ``negative``."""
        return hooks.analyze_sentiment(text)

    def detect_language(self, text: str) -> str | None:
        """The ISO 639-1 code of the language, None where nothing tells."""
        return hooks.detect_language(text)

    def extract_keywords(self, text: str) -> list[str]:
        """At most ten words, the weightiest first."""
        return hooks.extract_keywords(text)

    def extract_entities(self, text: str) -> dict[str, list[str]]:
        """Who and what the text names, by kind."""
        return hooks.extract_entities(text)

    def extract_order_number(self, subject: str) -> str | None:
        """The number of an order or invoice in the subject."""
        return hooks.extract_order_number(subject)

    def extract_amount_from_body(self, text: str) -> str | None:
        """The total that the text tells, as "1234.56 EUR"."""
        return hooks.extract_amount_from_body(text)

    def extract_order_items(self, html: str) -> list[OrderItem]:
        """The lines of the order that the HTML shows."""
        return hooks.extract_order_items(html)

    def process_image_attachment(
        self, attachment: Attachment, message: EmailMessage
    ) -> dict[str, Any]:
        """The format, size and camera's notes of an image, and a small picture of it."""
        from sage_mail.attachments import hooks

        return hooks.process_image_attachment(attachment, message)

    def process_pdf_attachment(
        self, attachment: Attachment, message: EmailMessage
    ) -> dict[str, Any]:
        """The text, pages and invoice of a document, as far as it can be read."""
        from sage_mail.attachments import hooks

        return hooks.process_pdf_attachment(attachment, message)

    def process_generic_attachment(
        self, attachment: Attachment, message: EmailMessage
    ) -> dict[str, Any]:
        """What an attachment is by its octets, and what is odd about it."""
        from sage_mail.attachments import hooks

        return hooks.process_generic_attachment(attachment, message)

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger("incoming", self.config)

    def _place_of(self, data: Mapping[str, Any]) -> Place | None:
        """The message at hand, if the data are of it."""
        place = self._place
        return place if place is not None and place.uid == data.get("uid") else None

    def _selected(self, client: IMAPClient) -> IMAPMailboxUIDService:
        service = IMAPMailboxUIDService(client)
        service.select(_MAILBOX)
        return service

    def _stay(self, client: IMAPClient, backoff: Backoff) -> None:
        service = self._selected(client)
        while not self._stop.is_set():
            result = self._process(service)
            backoff.succeeded()
            self._stop.wait(_PAUSE_SECONDS if result.asked else _IDLE_SECONDS)

    def _process(self, service: IMAPMailboxUIDService) -> OperationResult[None]:
        service.client.noop()  # so that the search finds what has come since
        found = service.create_message_set_from_search(IMAPSearchCriteria.UNSEEN)
        fresh, begun, done = self._ledger.left(found)
        if done:
            service.uid_store(_of(found, done), Flag.SEEN)
        wanted = _of(found, [*fresh, *begun])
        try:
            result = service.process_messages_in_batches(wanted, self._handle, _BATCH_SIZE)
        except IMAPError as error:
            if isinstance(error.partial, OperationResult):
                self._count(error.partial, found)
            raise
        self._count(result, found)
        return result

    def _handle(self, message: EmailMessage) -> None:
        if not self._ledger.was_done_before(message):
            self.handle_message(message)
        self._ledger.done(message)

    def _count(self, result: OperationResult[None], found: MessageSet) -> None:
        self.processed_count += result.successful_messages + len(result.unmarked)
        for failure in result.failures:
            # What was handled stays done in the ledger, and is marked by the next run.
            if failure.uid is None or isinstance(failure.error, MessageGone | MarkFailed):
                continue
            self.error_count += 1
            place = Place(found.mailbox or _MAILBOX, found.uidvalidity or 0, failure.uid)
            self._ledger.failed(place, type(failure.error).__name__)
        if result.asked:
            _log.info(
                "batch_processed",
                processed=result.successful_messages,
                failed=result.failed_messages,
            )


def _of(found: MessageSet, uids: list[int]) -> MessageSet:
    return MessageSet.from_uids(uids, found.mailbox, found.uidvalidity)


def _body(message: EmailMessage) -> str:
    plain, html = message.plain_body, message.html_body
    return f"{plain[:_MOST_CHARACTERS]} {html[:_MOST_CHARACTERS]}".lower()
