"""A message as extraction reads it: a few bounded texts, prepared once for all stages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from sage_mail.pipeline.extraction.document import Document
from sage_mail.pipeline.extraction.facts import Part
from sage_mail.pipeline.extraction.passage import Passage, Remembering, T
from sage_mail.pipeline.text import masked_text, subject_text

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Source"]

U = TypeVar("U")

# An ordinary mail has 2 KB of text, a long receipt 5 KB; an attached invoice may have pages.
_TEXT_LIMIT: Final = 8_192
_ATTACHED_LIMIT: Final = 32_768
# A shorter plain part is often only the advice to use a reader that shows HTML.
_SHORT_PLAIN: Final = 200
# The first mail was sent in 1971; what lies outside is a clock that was never set.
_YEARS: Final = range(1971, 2200)
_NUMBERS: Final = re.compile(r"\d[\d.,]{1,30}\d")
_LONG_WORDS: Final = re.compile(r"[^\W\d_]{5,40}")
# The beginning tells as much as the whole, which costs more.
_COMPARED: Final = 2_000
_LACKING: Final = 0.3
_QUOTE_MARKS: Final = re.compile(r"^[ \t]{0,8}>[>\t ]{0,40}", re.MULTILINE)


class Source(Remembering):
    """The texts of a message, or of one of its attachments; use `of_message` or `of_text`.

    ``subject`` and ``bodies`` hold all that is said, quoted and forwarded text included;
    ``written`` only what the writer of the message wrote, for what is wanted of the reader now.
    ``sent`` is the moment from which "tomorrow" counts. ``problems`` holds the text of the error of
    each kind of fact that could not be read.
    """

    def __init__(
        self, message: EmailMessage | None, text: str = "", *, sent: datetime | None = None
    ) -> None:
        super().__init__()
        self.message = message
        self._attached = text
        self._sent = sent
        self.problems: dict[str, str] = {}

    @classmethod
    def of_message(cls, message: EmailMessage) -> Source:
        """The texts of a message."""
        return cls(message)

    @classmethod
    def of_text(cls, text: str, *, sent: datetime | None = None) -> Source:
        """The text of an attachment, whose open dates count from *sent*."""
        return cls(None, text, sent=sent)

    def shielded(self, name: str, read: Callable[[], T], otherwise: U) -> T | U:
        """What *read* gives; if it fails, *otherwise*, with the error in `problems`."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - the bulkhead: one kind of fact never costs another
            self.problems[name] = f"{type(error).__name__}: {error}"
            return otherwise

    @cached_property
    def subject(self) -> Passage:
        """The subject."""
        return Passage(Part.SUBJECT, subject_text(self.message) if self.message else "")

    @cached_property
    def document(self) -> Document | None:
        """The HTML body, None where there is none."""
        markup = self.message.html_body if self.message else ""
        if not markup.strip():
            return None
        return self.shielded("markup", lambda: Document(markup), None)

    @cached_property
    def bodies(self) -> tuple[Passage, ...]:
        """The plain body, and the visible text of the HTML one where that says more."""
        return tuple(
            Passage(part, _QUOTE_MARKS.sub(lambda mark: " " * len(mark[0]), text))
            if ">" in text
            else Passage(part, text)
            for part, text in self._texts
        )

    @cached_property
    def written(self) -> tuple[Passage, ...]:
        """The bodies with spaces in place of what is quoted, forwarded or signed."""
        masked = (masked_text(text) for _, text in self._texts)
        # Words are counted once where nothing had to be hidden, as in most mails.
        passages = (
            body if hidden == body.text else Passage(body.part, hidden, body)
            for body, hidden in zip(self.bodies, masked, strict=True)
        )
        return tuple(passage for passage in passages if passage.text.strip())

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The subject and the bodies."""
        return (self.subject, *self.bodies)

    @cached_property
    def sender_host(self) -> str:
        """The domain of the sender in lower case, empty where there is none."""
        sender = self.message.from_address if self.message else None
        return sender.host.lower() if sender else ""

    @cached_property
    def sent(self) -> datetime | None:
        """When the message was sent, aware: by its Date, else by its arrival; None if unknown.

        A date that no mail can have is none; nothing can be reckoned from the end of year 9999.
        """
        message = self.message
        told = (self._sent, message and message.date, message and message.internal_date)
        moment = next((each for each in told if each and each.year in _YEARS), None)
        if moment is None or moment.tzinfo is not None:
            return moment
        return moment.replace(tzinfo=UTC)

    @cached_property
    def _texts(self) -> tuple[tuple[Part, str], ...]:
        if self.message is None:
            return ((Part.ATTACHMENT, self._attached[:_ATTACHED_LIMIT]),)
        plain = self.message.plain_body[:_TEXT_LIMIT]
        length = len(plain.strip())
        alone = ((Part.PLAIN, plain),) if length else ()
        document = self.document
        if document is None or (
            length >= _SHORT_PLAIN and not _says_more(document.glance[:_TEXT_LIMIT], plain)
        ):
            return alone
        text = self.shielded("markup", lambda: document.text[:_TEXT_LIMIT], "")
        return (*alone, (Part.HTML, text))


def _says_more(shown: str, plain: str) -> bool:
    """Whether a text holds a number that the plain one lacks, or too many such words.

    The plain part is what the sender chose it to be; RFC 2046 section 5.1.4 only asks that both
    parts say the same.
    """
    if any(number not in plain for number in set(_NUMBERS.findall(shown))):
        return True
    words = set(_LONG_WORDS.findall(shown[:_COMPARED]))
    return sum(word not in plain for word in words) > _LACKING * len(words)
