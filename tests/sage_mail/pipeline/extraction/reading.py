"""What tests of extraction share: the words of the package, passages and hints."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline.extraction import Extractor, Part, Source, load_vocabulary
from sage_mail.pipeline.extraction.passage import Passage
from tests.sage_mail.pipeline.drafts import mail

__all__ = ["EXTRACTOR", "MONDAY", "VOCABULARY", "passage", "sent", "source"]

VOCABULARY = load_vocabulary()
EXTRACTOR = Extractor(VOCABULARY)
#: A Monday morning in Berlin, from which "tomorrow" counts.
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))


def passage(text: str, part: Part = Part.PLAIN) -> Passage:
    """The text as a passage."""
    return Passage(part, text)


def sent(subject: str, text: str, *, html: str = "", sender: str = "") -> EmailMessage:
    """A mail of that Monday."""
    headers = {"Date": "Mon, 23 Nov 2026 10:00:00 +0100"}
    return mail(
        subject, text, html=html, sender=sender or "Kim <kim@mail.example>", headers=headers
    )


def source(subject: str, text: str, *, html: str = "", sender: str = "") -> Source:
    """The texts of a mail of that Monday."""
    return Source.of_message(sent(subject, text, html=html, sender=sender))
