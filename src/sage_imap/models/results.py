"""What the operations return: plain values, UIDs together with what gives them meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sage_imap.errors import IMAPError, LocalProtocolError, MarkFailed
from sage_imap.models.message import MessageSet
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_imap.models.envelope import Envelope
    from sage_imap.models.structure import BodyPart

__all__ = [
    "AppendResult",
    "FetchRow",
    "ListedMailbox",
    "MailboxStatus",
    "MessageFailure",
    "MoveResult",
    "OperationResult",
    "ParseFailure",
    "SelectedMailbox",
    "StoreResult",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SelectedMailbox:
    """The selected mailbox as SELECT or EXAMINE described it.

    ``exists`` follows what the server tells later. ``highestmodseq`` is None where the mailbox
    keeps no mod-sequences, ``uid_not_sticky`` says that UIDs last only for this session (RFC 4315).
    """

    name: str
    uidvalidity: int | None = None
    uidnext: int | None = None
    exists: int = 0
    highestmodseq: int | None = None
    flags: tuple[str, ...] = ()
    permanent_flags: tuple[str, ...] = ()
    read_only: bool = False
    uid_not_sticky: bool = False


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """Counters of a mailbox, as far as they were asked for and told."""

    name: str
    messages: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    unseen: int | None = None
    highestmodseq: int | None = None
    size: int | None = None
    mailbox_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedMailbox:
    """A mailbox as LIST described it; ``special_use`` is ``archive``, ``junk`` ... or None."""

    name: str
    raw_name: bytes
    delimiter: str | None
    attributes: tuple[str, ...] = ()
    selectable: bool = True
    special_use: str | None = None


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where an appended message lies; both None where the server did not say (no UIDPLUS)."""

    uidvalidity: int | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What a MOVE or COPY did.

    ``source`` are the UIDs that were really moved or copied: servers answer OK for UIDs that are
    gone. ``mapping`` gives the new UID of each where the server told it, under ``uidvalidity``.
    ``duplicated`` were to be moved and were copied, but not removed here as far as is known: to
    finish, remove them here, and do not move them again. Of ``in_doubt`` it is not known whether
    they are in the target, because the connection ended first or the server did not say.
    """

    source: UIDSet = field(default_factory=UIDSet)
    mapping: Mapping[int, int] = field(default_factory=dict)
    uidvalidity: int | None = None
    duplicated: UIDSet = field(default_factory=UIDSet)
    in_doubt: UIDSet = field(default_factory=UIDSet)


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What a STORE did: the flags that the server told, and what it left alone.

    ``modified`` are the messages that had changed since (RFC 7162 section 3.1.3), ``modseqs`` the
    new mod-sequences where the server told them. ``accepted`` are those that the server answered OK
    for, which it also does for UIDs that are gone, and for which it need not tell flags; those of
    an open set are not known.
    """

    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    modified: UIDSet = field(default_factory=UIDSet)
    modseqs: Mapping[int, int] = field(default_factory=dict)
    accepted: UIDSet = field(default_factory=UIDSet)


@dataclass(slots=True)
class FetchRow:
    """What was fetched of one message; what was not asked for is None.

    ``sections`` holds the octets of BODY[...] items by what stands in the brackets: ``""`` is the
    whole message, ``"HEADER"`` its header, ``"TEXT<0>"`` a partial that begins at octet 0. None is
    a section that the message does not have. ``extras`` holds the items that have no field of their
    own by their names in upper case, None where there are none. The repr tells sizes and names, and
    no content.
    """

    uid: int
    seq: int | None = None
    flags: tuple[str, ...] | None = None
    internaldate: datetime | None = None
    size: int | None = None
    modseq: int | None = None
    envelope: Envelope | None = None
    structure: BodyPart | None = None
    sections: dict[str, bytes | None] = field(default_factory=dict)
    mailbox: str | None = None
    uidvalidity: int | None = None
    extras: dict[str, object] | None = None

    def __repr__(self) -> str:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        told["sections"] = {
            name: None if octets is None else len(octets) for name, octets in self.sections.items()
        }
        told["extras"] = sorted(self.extras or ())
        words = [f"{name}={value!r}" for name, value in told.items() if value not in (None, {}, [])]
        return f"FetchRow({', '.join(words)})"

    def message(self) -> EmailMessage:
        """The message; `LocalProtocolError` where the row does not have the whole of it."""
        from sage_imap.models.email import EmailMessage

        raw = self.sections.get("")
        if raw is None:
            raise LocalProtocolError("the row has no BODY[]: ask for MessagePart.RFC822")
        return EmailMessage(
            raw,
            uid=self.uid,
            mailbox=self.mailbox,
            uidvalidity=self.uidvalidity,
            flags=self.flags or (),
            internal_date=self.internaldate,
        )


@dataclass(frozen=True, slots=True)
class MessageFailure:
    """A message that was not processed, and why; ``uid`` is None where not even that was told."""

    uid: int | None
    error: Exception

    def __repr__(self) -> str:
        # What a handler raises may quote the message.
        return f"MessageFailure(uid={self.uid}, error={type(self.error).__name__})"


@dataclass(slots=True)
class OperationResult(Generic[T]):
    """The outcome of a service's method, where a NO or BAD is a result and no exception.

    ``messages`` are the UIDs that were really touched, ``asked`` the set that the caller named,
    None where only the server knows what is in it (``1:*``), ``failures`` the messages that have an
    error of their own. ``unsettled`` are those that may have been copied although they do not
    count as done (`MoveResult`). ``value`` is the plain method's result, after an error what was
    done before it, and ``metadata`` holds what the guide's patterns look up (``fetched_messages``);
    neither is in the repr. ``unnamed`` counts what was touched beside ``messages`` where the server
    does not tell UIDs: a message that was appended without UIDPLUS.

    ``absent`` are UIDs of a wide range that were not there, which is no failure: where ``asked``
    names over a thousand UIDs and over four times as many as the mailbox has messages, those of
    its ranges of over a thousand. A UID that is gone from any other set was missed, and so is one
    that was found by a search or given as a number (`MessageSet.names_each`).
    """

    success: bool
    value: T | None = field(default=None, repr=False)
    error: IMAPError | None = None
    messages: UIDSet = field(default_factory=UIDSet)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    asked: MessageSet | None = None
    failures: list[MessageFailure] = field(default_factory=list)
    unsettled: UIDSet = field(default_factory=UIDSet)
    unnamed: int = 0
    absent: UIDSet = field(default_factory=UIDSet)

    @property
    def untouched(self) -> MessageSet:
        """The messages that were asked for and not touched: gone, refused, unreadable or failed.

        It is a set of the same mailbox, for another try. What is ``unsettled`` is not in it, lest
        that try makes a second copy, nor what is `unmarked`.
        """
        if self.asked is None:
            return MessageSet()
        left = self._missed - self.unsettled - self.unmarked.uids
        return MessageSet(left, self.asked.mailbox, self.asked.uidvalidity)

    @property
    def unmarked(self) -> MessageSet:
        """The messages that a handler is done with and that could not be marked as seen.

        It is a set of the same mailbox, to be marked and not to be handed out again.
        """
        if self.asked is None:
            return MessageSet()
        marking = [f for f in self.failures if isinstance(f.error, MarkFailed)]
        uids = UIDSet.of(failure.uid for failure in marking if failure.uid is not None)
        return MessageSet(uids, self.asked.mailbox, self.asked.uidvalidity)

    @property
    def _missed(self) -> UIDSet:
        asked = UIDSet() if self.asked is None else self.asked.uids
        return asked - self.messages - self.absent

    @property
    def successful_messages(self) -> int:
        """How many messages were touched."""
        return len(self.messages) + self.unnamed

    @property
    def failed_messages(self) -> int:
        """How many messages were asked for and are not done, or not marked as they should be."""
        if self.asked is None:
            return len(self.failures)
        return len(self._missed)

    @property
    def error_message(self) -> str | None:
        """The error in words, None where there is none."""
        if self.error is None:
            return None
        text = self.error.text
        return f"{self.error}: {text}" if text else str(self.error)

    def raise_for_error(self) -> T:
        """The value, None for what has none; raises the error where there is one."""
        if self.error is not None:
            raise self.error
        return cast(T, self.value)

    def __bool__(self) -> bool:
        return self.success
