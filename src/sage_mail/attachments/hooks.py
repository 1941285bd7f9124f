"""The guide's hooks for attachments as functions, with real answers; no service is needed.

Each looks at what the octets are, whatever the type claims, in a child process that a hostile file
may kill: the answer is then what is known without reading it, and why.
"""

from __future__ import annotations

import atexit
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sage_mail.attachments.analyst import Analyst
from sage_mail.attachments.request import Answer, Request

if TYPE_CHECKING:
    from sage_imap.models.attachment import Attachment
    from sage_imap.models.email import EmailMessage
    from sage_mail.pipeline.extraction.facts import MoneyFact

__all__ = [
    "process_generic_attachment",
    "process_image_attachment",
    "process_pdf_attachment",
]

_starting = threading.Lock()
_running: list[Analyst] = []


def process_image_attachment(
    attachment: Attachment, message: EmailMessage | None = None
) -> dict[str, Any]:
    """The record of an image: all of `process_generic_attachment`, and a small picture of it.

    ``thumbnail`` holds the octets of the picture, None where none could be drawn.
    """
    answer = _answer(attachment, message)
    picture = answer.picture
    return {**_record(attachment, answer), "thumbnail": picture.data if picture else None}


def process_pdf_attachment(
    attachment: Attachment, message: EmailMessage | None = None
) -> dict[str, Any]:
    """The record of a document: all of `process_generic_attachment`, its text and its invoice.

    ``text`` is that of the first pages; ``invoice_number`` and ``total`` ("119.00 EUR") are None
    where none was found. Dates such as "due in 14 days" count from the date of the *message*.
    """
    answer = _answer(attachment, message, thumbnail=False)
    document, order = answer.facts.document, answer.facts.order
    numbers = order.invoice_numbers if order else ()
    return {
        **_record(attachment, answer),
        "text": document.text if document else "",
        "invoice_number": numbers[0].value if numbers else None,
        "total": _amount(order.total if order else None),
    }


def process_generic_attachment(
    attachment: Attachment, message: EmailMessage | None = None
) -> dict[str, Any]:
    """The record of an attachment as plain values.

    ``filename``, ``content_type``, ``size`` and ``sha256`` are the attachment's own; ``status``,
    ``detected_type``, ``findings`` and, by what it is, ``image``, ``document``, ``archive`` and
    ``order`` are those of `AttachmentFacts`.
    """
    return _record(attachment, _answer(attachment, message, thumbnail=False))


def _answer(
    attachment: Attachment, message: EmailMessage | None, *, thumbnail: bool = True
) -> Answer:
    sent = message.date or message.internal_date if message is not None else None
    request = Request(
        filename=attachment.filename,
        content_type=attachment.content_type,
        sent=_aware(sent),
        thumbnail=thumbnail,
    )
    return _analyst().analyse_blocking(request, attachment.content)


def _record(attachment: Attachment, answer: Answer) -> dict[str, Any]:
    facts = answer.facts.model_dump(mode="json", exclude_defaults=True)
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
        "detected_type": answer.facts.detected_type,
        **facts,
        "status": str(answer.facts.status),
        "findings": list(map(str, answer.facts.findings)),
    }


def _analyst() -> Analyst:
    with _starting:
        if not _running:
            _running.append(Analyst())
            atexit.register(_running[0].close)
        return _running[0]


def _amount(total: MoneyFact | None) -> str | None:
    if total is None:
        return None
    money = total.value
    return f"{money.amount} {money.currency}" if money.currency else str(money.amount)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
