"""A message, read from its octets.

Reading never fails and never hides a part: what is damaged is read as far as it can be, and
`EmailMessage.warnings` says what was. Everything is read when it is first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sage_imap.models.address import EmailAddress
from sage_imap.models.address_list import parse_addresses
from sage_imap.models.attachment import Attachment
from sage_imap.models.bodies import Bodies, choose_bodies, text_of
from sage_imap.models.headers import Headers, split_header
from sage_imap.models.lazy import lazy
from sage_imap.models.limits import MAX_IDS
from sage_imap.models.mime import Part, read_parts
from sage_imap.models.text import preview
from sage_imap.protocol.grammar.dates import decode_header_date
from sage_imap.protocol.grammar.text import decode_text

__all__ = ["Attachment", "EmailAddress", "EmailMessage", "Headers"]

_ID: Final = re.compile(rb"<[^<>]{1,2000}>")
_SPACE: Final = re.compile(r"\s+")
# English, German, Swedish/Danish/Norwegian, Dutch, Polish/Italian, Finnish, Spanish/French/
# Portuguese, Turkish, Chinese; with a count in brackets as some mailers add it.
_REPLY: Final = re.compile(
    r"\s*(?:re|aw|antw|sv|vs|odp|r|rép|ré|res|rif|ynt|回复|回覆|答复)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)


class EmailMessage:
    """A message and, where it came from a mailbox, its place there; use `from_bytes`.

    ``uid``, ``mailbox``, ``uidvalidity``, ``flags`` and ``internal_date`` are what the server
    said, None or empty where it was not asked; ``raw`` is the message as it came.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        uid: int | None = None,
        mailbox: str | None = None,
        uidvalidity: int | None = None,
        flags: Iterable[str] = (),
        internal_date: datetime | None = None,
    ) -> None:
        self.raw = raw
        self.uid = uid
        self.mailbox = mailbox
        self.uidvalidity = uidvalidity
        self.flags = tuple(flags)
        self.internal_date = internal_date
        self._warnings: list[str] = []
        # Old Macs ended lines with CR alone; mixed with others it is no line end.
        if b"\n" not in raw and b"\r" in raw:
            raw = raw.replace(b"\r", b"\n")
        self._source = raw
        self.headers, self._body_start = split_header(raw, 0, len(raw), self._warnings)

    @classmethod
    def from_bytes(
        cls,
        raw: bytes,
        *,
        uid: int | None = None,
        mailbox: str | None = None,
        uidvalidity: int | None = None,
        flags: Iterable[str] = (),
        internal_date: datetime | None = None,
    ) -> EmailMessage:
        """The message that *raw* is, whatever it is; never raises for what mail contains."""
        return cls(
            bytes(raw),
            uid=uid,
            mailbox=mailbox,
            uidvalidity=uidvalidity,
            flags=flags,
            internal_date=internal_date,
        )

    @property
    def size(self) -> int:
        """The length of the message in octets."""
        return len(self.raw)

    @lazy
    def subject(self) -> str:
        """The decoded subject on one line, empty where there is none."""
        return self.headers.text(b"subject")

    @lazy
    def from_address(self) -> EmailAddress | None:
        """Who wrote it: the first complete address of From, None where there is no address."""
        found = self.from_addresses
        return next((address for address in found if address.host), found[0] if found else None)

    @lazy
    def from_addresses(self) -> list[EmailAddress]:
        """Every address of From."""
        return self._addresses(b"from")

    @lazy
    def to_addresses(self) -> list[EmailAddress]:
        """The addresses of every To field."""
        return self._addresses(b"to")

    @lazy
    def cc_addresses(self) -> list[EmailAddress]:
        """The addresses of every Cc field."""
        return self._addresses(b"cc")

    @lazy
    def bcc_addresses(self) -> list[EmailAddress]:
        """The addresses of every Bcc field."""
        return self._addresses(b"bcc")

    @lazy
    def reply_to_addresses(self) -> list[EmailAddress]:
        """The addresses of every Reply-To field."""
        return self._addresses(b"reply-to")

    @property
    def all_recipients(self) -> list[EmailAddress]:
        """To, Cc and Bcc, in this order."""
        return self.to_addresses + self.cc_addresses + self.bcc_addresses

    @lazy
    def date(self) -> datetime | None:
        """The aware moment of the Date field, None where there is none or it is no date."""
        return decode_header_date(decode_text(self.headers.first(b"date")).strip())

    @lazy
    def message_id(self) -> str | None:
        """The Message-ID with its angle brackets, None where there is none."""
        return self._first_id(b"message-id")

    @lazy
    def in_reply_to(self) -> str | None:
        """The first Message-ID of In-Reply-To, None where there is none."""
        return self._first_id(b"in-reply-to")

    @lazy
    def references(self) -> list[str]:
        """The Message-IDs of References, oldest first."""
        found = [
            decode_text(match)
            for raw in self.headers.octets(b"references")
            for match in _ID.findall(raw)
        ]
        return [_SPACE.sub("", text) for text in found[-MAX_IDS:]]

    @lazy
    def plain_body(self) -> str:
        """The plain text with line ends as ``\\n``, empty where there is none."""
        return text_of(self._bodies.plain)

    @lazy
    def html_body(self) -> str:
        """The HTML with line ends as ``\\n``, empty where there is none."""
        return text_of(self._bodies.html)

    @lazy
    def attachments(self) -> list[Attachment]:
        """Every part that is not text of the message, in its order."""
        bodies = self._bodies
        text = {*bodies.plain, *bodies.html}
        return [Attachment(leaf) for leaf in self._root.leaves() if leaf not in text]

    @property
    def warnings(self) -> list[str]:
        """What was damaged or too much and how it was read; never a word of the message itself.

        The parts of the text are decoded for it, attachments only if they were asked for before.
        """
        _ = self.plain_body, self.html_body
        found = list(self._warnings)
        pending = [self._root]
        while pending:
            part = pending.pop()
            found += part.warnings
            pending += part.children
        return list(dict.fromkeys(found))

    def has_attachments(self) -> bool:
        """Whether there is any attachment, inline images included."""
        return bool(self.attachments)

    def get_attachment_filenames(self) -> list[str]:
        """The names of the attachments that have one."""
        return [attachment.filename for attachment in self.attachments if attachment.filename]

    def get_body_preview(self, max_length: int = 200) -> str:
        """At most *max_length* characters of the text on one line; from the HTML if need be."""
        return preview(self.plain_body, self.html_body, max_length)

    def is_reply(self) -> bool:
        """Whether the message answers another: it names it, or its subject begins with ``Re:``."""
        return bool(self.in_reply_to or self.references or _REPLY.match(self.subject))

    def __repr__(self) -> str:
        return f"EmailMessage(uid={self.uid}, mailbox={self.mailbox!r}, size={self.size})"

    @lazy
    def _root(self) -> Part:
        return read_parts(self._source, self.headers, self._body_start)

    @lazy
    def _bodies(self) -> Bodies:
        return choose_bodies(self._root)

    def _addresses(self, name: bytes) -> list[EmailAddress]:
        return parse_addresses(self.headers.octets(name))

    def _first_id(self, name: bytes) -> str | None:
        for raw in self.headers.octets(name):
            match = _ID.search(raw)
            text = decode_text(match[0] if match else raw).strip()
            if text:
                return _SPACE.sub("" if match else " ", text)
        return None
