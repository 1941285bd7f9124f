"""Conversations about messages of the selected mailbox: STORE, EXPUNGE; APPEND.

``UID EXPUNGE`` or nothing: a plain EXPUNGE would also remove what other clients have marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from sage_imap.errors import CapabilityMissing, LocalProtocolError
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, StoreResult
from sage_imap.operations.books import telling
from sage_imap.operations.effects import Operation
from sage_imap.operations.searching import FEW, names_far_more, search
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.arguments import several_flags
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import Event, FetchReceived
from sage_imap.protocol.sets import Range, UIDSet

__all__ = [
    "absent",
    "append",
    "check_expungeable",
    "check_storable",
    "delete",
    "expunge",
    "expunge_flagged",
    "narrowed",
    "portions",
    "present",
    "store",
]

# Each message may be answered by a row or two, which are kept until the command is complete.
MOST_MESSAGES: Final = 10_000

_ECHOED: Final = frozenset({"UID", "FLAGS", "MODSEQ"})


def store(
    session: Session,
    message_set: MessageSet,
    flags: str | Iterable[str],
    *,
    mode: commands.StoreMode = "add",
    unchanged_since: int | None = None,
) -> Operation[StoreResult]:
    """Add, remove or replace flags; the flags that the server tells are returned.

    Raises `LocalProtocolError` where the mailbox was selected read-only; nothing is sent. The
    portions before an error are its ``partial``.
    """
    session.check_writable("STORE")
    wanted = several_flags(flags)
    books = _StoreBooks(message_set)
    command_for = partial(commands.store, flags=wanted, mode=mode, unchanged_since=unchanged_since)
    with telling(lambda: books.result):
        for uids in (yield from portions(session, message_set, command_for)):
            answer = yield from session.attempt(command_for(uids), claim=books.echoes)
            modified = _modified(answer)
            if not modified:  # with it, a NO says which were left alone and no more than that
                answer.raise_for_status()
            books.enter(uids, answer, modified)
    return books.result


def check_storable(
    session: Session,
    message_set: MessageSet,
    flags: Iterable[str],
    mode: commands.StoreMode,
) -> None:
    """Raise why *flags* of *message_set* cannot be changed, if they cannot."""
    session.uids_for(message_set, "STORE")
    session.check_writable("STORE")
    commands.store("1", flags, mode=mode)


def expunge(session: Session, message_set: MessageSet) -> Operation[None]:
    """Remove those of the messages that are flagged ``\\Deleted``, and no other.

    Raises `CapabilityMissing` without UIDPLUS, and `LocalProtocolError` where the mailbox was
    selected read-only; nothing is sent. The ``partial`` of a later error is the `UIDSet` of those
    among which none is left that was flagged.
    """
    check_expungeable(session, message_set)
    done: list[Range] = []
    with telling(lambda: UIDSet(done)):
        for uids in (yield from portions(session, message_set, extensions.expunge)):
            yield from session.exchange(extensions.expunge(uids))
            if isinstance(uids, UIDSet):
                done += uids.ranges


def expunge_flagged(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """The same; those that were removed, and so is the ``partial``."""
    check_expungeable(session, message_set)
    removed: list[Range] = []
    with telling(lambda: UIDSet(removed)):
        for uids in (yield from portions(session, message_set, _search_flagged)):
            removed += (yield from _expunge_portion(session, message_set, uids)).ranges
    return UIDSet(removed)


def delete(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """Flag the messages as deleted and remove them; those that were removed.

    Raises `CapabilityMissing` without UIDPLUS; nothing is flagged then. Each portion is finished
    before the next is flagged; those that were removed before an error are its ``partial``.
    """
    check_expungeable(session, message_set)
    removed: list[Range] = []
    with telling(lambda: UIDSet(removed)):
        for uids in (yield from portions(session, message_set, _search_flagged)):
            part = MessageSet(uids, message_set.mailbox, message_set.uidvalidity)
            yield from store(session, part, ["\\Deleted"])
            removed += (yield from _expunge_portion(session, message_set, uids)).ranges
    return UIDSet(removed)


def check_expungeable(session: Session, message_set: MessageSet) -> None:
    """Raise why *message_set* cannot be removed from here, if it cannot."""
    session.uids_for(message_set, "EXPUNGE")
    session.check_writable("EXPUNGE")
    if not session.offers("UIDPLUS"):
        raise CapabilityMissing("UIDPLUS", "an EXPUNGE that touches no other message")


def _expunge_portion(
    session: Session, message_set: MessageSet, uids: UIDSet | str
) -> Operation[UIDSet]:
    """Remove those of *uids* that are flagged now; those that are gone afterwards."""
    flagged = (yield from search(session, f"UID {uids} DELETED")).uids
    yield from expunge(session, MessageSet(flagged, message_set.mailbox, message_set.uidvalidity))
    return flagged - (yield from present(session, flagged))


def _search_flagged(uids: str) -> Command:
    return commands.search((f"UID {uids} DELETED".encode(),), returning=("ALL",))


def append(
    session: Session,
    mailbox: str,
    data: bytes | bytearray | memoryview,
    *,
    flags: str | Iterable[str] = (),
    date: datetime | None = None,
) -> Operation[AppendResult]:
    """Add a message to *mailbox*, which need not be selected."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise LocalProtocolError("a message is bytes, headers and all; nothing was sent")
    command = commands.append(mailbox, bytes(data), flags=flags, date=date)
    answer = yield from session.exchange(command)
    code = answer.completed.code
    if code is None or code.name != "APPENDUID" or len(code.args) < 2:
        return AppendResult()
    uidvalidity, uid = code.args[:2]
    if isinstance(uid, UIDSet):  # of one message it has one member, or it does not say which
        uid = uid.max if len(uid) == 1 else None
    return AppendResult(
        uidvalidity if isinstance(uidvalidity, int) else None, uid if isinstance(uid, int) else None
    )


def portions(
    session: Session, message_set: MessageSet, command_for: Callable[[str], Command]
) -> Operation[Iterable[UIDSet | str]]:
    """The wire forms of the set: none longer than a line may be, and none answered without end.

    An open set is a text, and one portion; another is `narrowed`. The set stands in what
    *command_for* gives; see `Session.uids_for` for what is raised.
    """
    sample = command_for("1")
    text = session.uids_for(message_set, sample.name.removeprefix("UID "))
    if not message_set:
        return ()
    if message_set.is_open:
        return (text,)
    there = yield from narrowed(session, message_set)
    room = session.room_for_uids(sample)
    return there.uids.split(most_ids=MOST_MESSAGES, most_bytes=room)


def narrowed(session: Session, message_set: MessageSet) -> Operation[MessageSet]:
    """*message_set*, without what is not there where it names far more than there is.

    One look tells then what is worth a command, so that a range of any width costs as much as the
    messages in it. An open set stays as it is.
    """
    if message_set.is_open or not names_far_more(session, message_set.uids):
        return message_set
    there = yield from present(session, message_set.uids)
    return MessageSet(there, message_set.mailbox, message_set.uidvalidity)


def absent(message_set: MessageSet, there: MessageSet) -> UIDSet:
    """The UIDs that are no message that is missing, but the empty part of a wide range.

    *there* is what *message_set* was `narrowed` to. A UID that was named by itself or told by the
    server, or in a range of no more than `FEW`, is missed where it is not there.
    """
    if there is message_set or message_set.names_each:
        return UIDSet()
    wide = (r for r in message_set.uids.ranges if r[1] - r[0] >= FEW)
    return UIDSet(wide) - there.uids


def present(session: Session, uids: UIDSet | str) -> Operation[UIDSet]:
    """Those of *uids* that are in the mailbox; one look where they are far more than there is."""
    if isinstance(uids, str):
        return (yield from search(session, f"UID {uids}")).uids
    if names_far_more(session, uids):
        return (yield from search(session, IMAPSearchCriteria.uid(uids))).uids
    found: list[Range] = []
    room = session.room_for_uids(commands.search((b"UID 1",), returning=("ALL",)))
    for part in uids.split(most_ids=MOST_MESSAGES, most_bytes=room):
        found += (yield from search(session, f"UID {part}")).uids.ranges
    return UIDSet(found)


class _StoreBooks:
    """What STORE did to *message_set*, by the rows with which the server answers.

    Rows of other messages are news of what others did.
    """

    def __init__(self, message_set: MessageSet) -> None:
        self._asked = message_set
        self._flags: dict[int, tuple[str, ...]] = {}
        self._modseqs: dict[int, int] = {}
        self._modified = UIDSet()
        self._accepted: list[Range] = []

    @property
    def result(self) -> StoreResult:
        """What was done by now."""
        accepted = UIDSet(self._accepted)
        return StoreResult(self._flags, self._modified, self._modseqs, accepted)

    def echoes(self, event: Event) -> bool:
        """Recognises the rows that answer; they are no news to who sent the command."""
        return (
            isinstance(event, FetchReceived)
            and event.items.get("UID") in self._asked
            and event.items.keys() <= _ECHOED
        )

    def enter(self, uids: UIDSet | str, answer: Answer, modified: UIDSet) -> None:
        """Take note of the answer to the portion *uids*, of which *modified* were left alone."""
        for event in answer.of(FetchReceived):
            uid, told = event.items.get("UID"), event.items.get("FLAGS")
            modseq = event.items.get("MODSEQ")
            if not isinstance(uid, int) or uid not in self._asked:
                continue
            if isinstance(told, tuple):
                self._flags[uid] = told
            if isinstance(modseq, int):
                self._modseqs[uid] = modseq
        self._modified |= modified
        if isinstance(uids, UIDSet):
            self._accepted += (uids - modified).ranges


def _modified(answer: Answer) -> UIDSet:
    """Those that a conditional STORE left alone (RFC 7162 section 3.1.3)."""
    code = answer.completed.code
    if code is None or code.name != "MODIFIED" or not code.args:
        return UIDSet()
    return code.args[0] if isinstance(code.args[0], UIDSet) else UIDSet()
