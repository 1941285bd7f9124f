"""The ENVELOPE of a message: what the server read from its header."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sage_imap.models.address import EmailAddress

__all__ = ["Envelope"]


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """The addressing of a message, decoded (RFC 9051 section 7.5.2).

    ``date`` is aware, and None where the header is missing or no date; ``date_raw`` is the header
    as it stood. ``subject`` is empty where there is none, ``subject_raw`` is then None and else the
    text before its encoded-words were decoded. Groups are dissolved into their members.
    """

    date: datetime | None = None
    date_raw: str | None = None
    subject: str = ""
    from_: tuple[EmailAddress, ...] = ()
    sender: tuple[EmailAddress, ...] = ()
    reply_to: tuple[EmailAddress, ...] = ()
    to: tuple[EmailAddress, ...] = ()
    cc: tuple[EmailAddress, ...] = ()
    bcc: tuple[EmailAddress, ...] = ()
    in_reply_to: str | None = None
    message_id: str | None = None
    subject_raw: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Envelope):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        when = None if self.date is None else self.date.isoformat()
        return f"Envelope(date={when})"  # subject and addresses are in no log

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field.name) for field in fields(Envelope))
