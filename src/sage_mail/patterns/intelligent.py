"""The guide's `IntelligentEmailProcessor`: classify, extract, record, mark, route.

The order of what is done to a message, and why a crash at any point loses and doubles nothing:

1. It is classified and its facts are extracted. A stage that fails is recorded as such, and the
   others go on. Nothing outside has changed.
2. Its processing record is kept, and it counts as *planned*. From here on it is not decided about
   again.
3. `store_processing_results`, for overrides; by default the record is the one of step 2.
4. It gets the keyword, where the server keeps keywords. Before the move, which takes it along.
5. It is moved, if its category has a folder and the confidence suffices.
6. It counts as *done*.

The next run takes what is *planned* and still in the inbox through the steps from 3 on; what is
planned and not there any more was moved in step 5. Identity is mailbox, UIDVALIDITY and UID; after
a new UIDVALIDITY a message that was done is known by its octets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sage_imap.config import IMAPConfig
from sage_imap.errors import MessageGone
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail import faults
from sage_mail.keywords import PROCESSED, is_permitted
from sage_mail.patterns._connection import connection_of
from sage_mail.patterns._records import Ledger, Place
from sage_mail.patterns.classifier import AIEmailClassifier
from sage_mail.pipeline.extraction import hooks
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["IntelligentEmailProcessor"]

_log = get_logger(__name__)

_MAILBOX: Final = "INBOX"
_BATCH_SIZE: Final = 25
_RECORD: Final = "processing"
_UNKNOWN: Final = "general"
Extract = Callable[["EmailMessage"], dict[str, Any]]


class IntelligentEmailProcessor:
    """Classifies unread mail of the inbox, takes out its facts and files it.

    ``config`` is an `IMAPConfig` or its mapping, which may also have ``model`` (see
    `AIEmailClassifier`) and ``data_dir``, the folder of ``patterns.db`` with the records and the
    list of what is processed. A message that has been processed gets the keyword
    ``$SageProcessed`` where the mailbox takes keywords; it is not marked as read. Every method may
    be overridden.
    """

    threshold: ClassVar[float] = 0.7
    folder_mapping: ClassVar[Mapping[str, str]] = {
        "support": "INBOX/Support",
        "sales": "INBOX/Sales",
        "marketing": "INBOX/Marketing",
        "spam": "INBOX/Spam",
        "newsletter": "INBOX/Newsletter",
        "urgent": "INBOX/Urgent",
    }

    def __init__(self, config: IMAPConfig | Mapping[str, Any]) -> None:
        self.config = config
        self.ai_classifier = AIEmailClassifier(config)
        self.content_extractors: dict[str, Extract] = {
            "support": self.extract_support_info,
            "sales": self.extract_sales_info,
            "urgent": self.extract_urgent_info,
            "spam": self.extract_spam_info,
        }
        self._service: IMAPMailboxUIDService | None = None

    def process_emails_intelligently(self) -> OperationResult[None]:
        """Process what is unread and was not processed, and finish what a crash has interrupted.

        What failed is in ``failures``; it stays where it is and is tried again by a later call,
        after pauses that grow to an hour. Raises what the connection raises.
        """
        with IMAPClient(config=connection_of(self.config)) as client:
            service = IMAPMailboxUIDService(client)
            service.select(_MAILBOX)
            self._service = service
            try:
                return self._process(service)
            finally:
                self._service = None

    def records(self) -> list[dict[str, Any]]:
        """The processing records of the account."""
        return self._ledger.records(_RECORD)

    def process_single_email_with_ai(self, message: EmailMessage) -> None:
        """Take one message through all steps, see the module."""
        record = self._decided(message)
        self._ledger.record(_RECORD, Place.of(message), record)
        self._ledger.planned(message)
        faults.reach("after-record")
        self._finish(message, record)

    def extract_support_info(self, message: EmailMessage) -> dict[str, Any]:
        """``ticket_id`` where there is one, ``urgency``, ``customer_email``, ``issue_summary``."""
        return hooks.extract_support_info(message)

    def extract_sales_info(self, message: EmailMessage) -> dict[str, Any]:
        """``order_number``, ``amounts`` and ``product_related``, where told."""
        return hooks.extract_sales_info(message)

    def extract_urgent_info(self, message: EmailMessage) -> dict[str, Any]:
        """``deadline``, where there is one, and ``requires_action``."""
        return hooks.extract_urgent_info(message)

    def extract_spam_info(self, message: EmailMessage) -> dict[str, Any]:
        """``spam_indicator_count`` and ``url_count``."""
        return hooks.extract_spam_info(message)

    def route_email_by_category(
        self, message: EmailMessage, category: str, confidence: float
    ) -> None:
        """Move the message to the folder of its category from ``threshold`` upwards.

        A folder that is missing is made. Raises where the server refuses or the connection ends.
        """
        target = self.folder_mapping.get(category)
        if confidence < self.threshold or target is None or message.uid is None:
            return
        with self._selected() as service:
            moved = service.uid_move(_only(message), target)
            moved.raise_for_error()
            _log.info("message_moved", uid=message.uid, to_mailbox=target)

    def store_processing_results(self, record: Mapping[str, Any]) -> None:
        """Do what else is to be done with the record, which is kept already: nothing.

        To be overridden; after a crash it may be called again with the same record.
        """
        _log.info("record_kept", uid=record["uid"])

    def mark_as_processed(self, message: EmailMessage) -> None:
        """Give the message the keyword, where the mailbox takes it; it is recorded in any case."""
        if message.uid is None:
            return
        with self._selected() as service:
            mailbox = service.client.mailbox
            if mailbox is None or mailbox.read_only:
                return
            if is_permitted(PROCESSED, mailbox.permanent_flags):
                service.uid_store(_only(message), PROCESSED).raise_for_error()

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger("intelligent", self.config)

    def _process(self, service: IMAPMailboxUIDService) -> OperationResult[None]:
        found = service.create_message_set_from_search(self._criteria(service))
        fresh, begun, _ = self._ledger.left(found)
        self._settle(service, found)
        wanted = MessageSet.from_uids([*fresh, *begun], found.mailbox, found.uidvalidity)
        result = service.process_messages_in_batches(
            wanted, self._handle, _BATCH_SIZE, mark_seen=False
        )
        for failure in result.failures:
            if failure.uid is not None and not isinstance(failure.error, MessageGone):
                place = Place(found.mailbox or _MAILBOX, found.uidvalidity or 0, failure.uid)
                self._ledger.failed(place, type(failure.error).__name__)
        _log.info(
            "batch_processed", processed=result.successful_messages, failed=result.failed_messages
        )
        return result

    def _criteria(self, service: IMAPMailboxUIDService) -> str:
        """What is unread and without the keyword, and what is planned, whatever it looks like."""
        assert service.client.mailbox is not None
        mailbox = service.client.mailbox
        wanted = IMAPSearchCriteria.UNSEEN
        if is_permitted(PROCESSED, mailbox.permanent_flags):
            unmarked = IMAPSearchCriteria.unkeyword(PROCESSED)
            wanted = IMAPSearchCriteria.and_criteria(wanted, unmarked)
        known = self._ledger.progress(_MAILBOX, mailbox.uidvalidity)
        planned = [uid for uid, progress in known.items() if progress.state == "planned"]
        if not planned:
            return wanted
        return IMAPSearchCriteria.or_criteria(wanted, IMAPSearchCriteria.uid(planned))

    def _settle(self, service: IMAPMailboxUIDService, found: MessageSet) -> None:
        """What is planned and not there any more was moved before the crash."""
        known = self._ledger.progress(_MAILBOX, found.uidvalidity)
        for uid, progress in known.items():
            if progress.state == "planned" and uid not in found.uids:
                self._ledger.settled(Place(_MAILBOX, found.uidvalidity or 0, uid))

    def _handle(self, message: EmailMessage) -> None:
        place = Place.of(message)
        known = self._ledger.record_of(_RECORD, place) if place else None
        if known is not None:
            self._finish(message, known)
        elif self._ledger.was_done_before(message):
            self._ledger.done(message)
        else:
            self.process_single_email_with_ai(message)

    def _decided(self, message: EmailMessage) -> dict[str, Any]:
        """The processing record, with ``errors`` by stage only where there are any."""
        errors: dict[str, str] = {}
        classification: dict[str, Any] = {
            "category": _UNKNOWN,
            "confidence": 0.0,
            "categories": self.ai_classifier.categories,
        }
        with _noting(errors, "classification"):
            classification = self.ai_classifier.classify_email(message)
        extracted: dict[str, Any] = {}
        extract = self.content_extractors.get(classification["category"])
        if extract is not None:
            with _noting(errors, "extraction"):
                extracted = extract(message)
        record = {
            "uid": message.uid,
            "timestamp": datetime.now().astimezone().isoformat(),
            "classification": classification,
            "extracted_info": extracted,
            "sender": str(message.from_address),
            "subject": message.subject,
            "size": message.size,
            "has_attachments": message.has_attachments(),
        }
        return {**record, "errors": errors} if errors else record

    def _finish(self, message: EmailMessage, record: Mapping[str, Any]) -> None:
        """The steps that follow from the record."""
        self.store_processing_results(record)
        self.mark_as_processed(message)
        faults.reach("after-mark")
        decided = record["classification"]
        self.route_email_by_category(message, decided["category"], decided["confidence"])
        faults.reach("after-move")
        self._ledger.done(message)

    @contextmanager
    def _selected(self) -> Iterator[IMAPMailboxUIDService]:
        """The service of the run, or one of its own where a method is called by itself."""
        if self._service is not None:
            yield self._service
            return
        with IMAPClient(config=connection_of(self.config)) as client:
            service = IMAPMailboxUIDService(client)
            service.select(_MAILBOX)
            yield service


def _only(message: EmailMessage) -> MessageSet:
    assert message.uid is not None
    return MessageSet.from_uids([message.uid], message.mailbox or _MAILBOX, message.uidvalidity)


@contextmanager
def _noting(errors: dict[str, str], stage: str) -> Iterator[None]:
    """Let a stage fail alone; its error's kind is noted, its text may quote the message."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the bulkhead: a stage never costs the message
        errors[stage] = type(error).__name__
        _log.error("stage_failed", stage=stage, error=type(error).__name__)
