"""Names of the protocol that callers use as constants; each is a `str` that goes on the wire."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Flag", "MessagePart"]


class Flag(StrEnum):
    """A flag of a message (RFC 9051 section 2.3.2 and the IANA registry of keywords).

    Any other keyword may be given as a plain string wherever a flag is expected.
    """

    ANSWERED = "\\Answered"
    DELETED = "\\Deleted"
    DRAFT = "\\Draft"
    FLAGGED = "\\Flagged"
    RECENT = "\\Recent"
    SEEN = "\\Seen"

    FORWARDED = "$Forwarded"
    IMPORTANT = "$Important"
    JUNK = "$Junk"
    MDN_SENT = "$MDNSent"
    NOT_JUNK = "$NotJunk"
    PHISHING = "$Phishing"
    SUBMITTED = "$Submitted"
    SUBMIT_PENDING = "$SubmitPending"


class MessagePart(StrEnum):
    """A data item of FETCH (RFC 9051 section 6.4.5).

    The text of a message is always asked for with PEEK, so that reading it never marks it seen;
    `RFC822` is the whole message, as ``BODY.PEEK[]``.
    """

    RFC822 = "BODY.PEEK[]"
    BODY_HEADER = "BODY.PEEK[HEADER]"
    BODY_TEXT = "BODY.PEEK[TEXT]"

    BODYSTRUCTURE = "BODYSTRUCTURE"
    ENVELOPE = "ENVELOPE"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    MODSEQ = "MODSEQ"
    SIZE = "RFC822.SIZE"
    UID = "UID"
