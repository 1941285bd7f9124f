"""Conversations about messages of the selected mailbox: SEARCH, STORE, EXPUNGE; APPEND.

``UID EXPUNGE`` or nothing: a plain EXPUNGE would also remove what other clients have marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from sage_imap.errors import CapabilityMissing, LocalProtocolError, MessageUnreadable
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, StoreResult
from sage_imap.operations.books import telling
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.arguments import several_flags
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import (
    ESearchReceived,
    Event,
    FetchReceived,
    ParseFailure,
    SearchReceived,
)
from sage_imap.protocol.sets import Range, UIDSet

__all__ = [
    "append",
    "delete",
    "expunge",
    "expunge_flagged",
    "portions",
    "present",
    "search",
    "store",
]

# Each message may be answered by a row or two, which are kept until the command is complete.
MOST_MESSAGES: Final = 10_000

_SEARCHES: Final = frozenset({"ESEARCH", "SEARCH"})
_ECHOED: Final = frozenset({"UID", "FLAGS", "MODSEQ"})


def search(
    session: Session,
    criteria: str | Iterable[str] = "ALL",
    *,
    changed_since: int | None = None,
) -> Operation[MessageSet]:
    """The messages of the selected mailbox that fit; by ESEARCH, as a set, where offered.

    *criteria* are search keys as text or as `IMAPSearchCriteria`, or several that must all fit.
    Raises `MessageUnreadable` where the answer cannot be understood: that is not "none".
    """
    mailbox = session.mailbox
    if mailbox is None:
        raise LocalProtocolError("SEARCH needs a selected mailbox; nothing was sent")
    returning = ("ALL",) if session.offers("ESEARCH") else None
    keys = IMAPSearchCriteria.of(criteria).parts
    command = commands.search(keys, returning=returning, changed_since=changed_since)
    answer = yield from session.exchange(command)
    garbled = any(failure.response in _SEARCHES for failure in answer.of(ParseFailure))
    if garbled or any(not event.uid for event in _extended(answer) if event.all is not None):
        raise MessageUnreadable("the answer to SEARCH cannot be understood; nothing was found out")
    return MessageSet(_found(answer), mailbox.name, mailbox.uidvalidity)


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
        for uids in portions(session, message_set, command_for):
            answer = yield from session.attempt(command_for(uids), claim=books.echoes)
            modified = _modified(answer)
            if not modified:  # with it, a NO says which were left alone and no more than that
                answer.raise_for_status()
            books.enter(uids, answer, modified)
    return books.result


def expunge(session: Session, message_set: MessageSet) -> Operation[None]:
    """Remove those of the messages that are flagged ``\\Deleted``, and no other.

    Raises `CapabilityMissing` without UIDPLUS, and `LocalProtocolError` where the mailbox was
    selected read-only; nothing is sent. The ``partial`` of a later error is the `UIDSet` of those
    among which none is left that was flagged.
    """
    _check_expungeable(session)
    done: list[Range] = []
    with telling(lambda: UIDSet(done)):
        for uids in portions(session, message_set, extensions.expunge):
            yield from session.exchange(extensions.expunge(uids))
            if isinstance(uids, UIDSet):
                done += uids.ranges


def expunge_flagged(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """The same; those that were removed, and so is the ``partial``."""
    _check_expungeable(session)
    removed: list[Range] = []
    with telling(lambda: UIDSet(removed)):
        for uids in portions(session, message_set, _search_flagged):
            removed += (yield from _expunge_portion(session, message_set, uids)).ranges
    return UIDSet(removed)


def delete(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """Flag the messages as deleted and remove them; those that were removed.

    Raises `CapabilityMissing` without UIDPLUS; nothing is flagged then. Each portion is finished
    before the next is flagged; those that were removed before an error are its ``partial``.
    """
    _check_expungeable(session)
    removed: list[Range] = []
    with telling(lambda: UIDSet(removed)):
        for uids in portions(session, message_set, _search_flagged):
            part = MessageSet(uids, message_set.mailbox, message_set.uidvalidity)
            yield from store(session, part, ["\\Deleted"])
            removed += (yield from _expunge_portion(session, message_set, uids)).ranges
    return UIDSet(removed)


def _check_expungeable(session: Session) -> None:
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
) -> Iterable[UIDSet | str]:
    """The wire forms of the set: none longer than a line may be, and none answered without end.

    An open set is a text, and one portion. The set stands in what *command_for* gives; see
    `Session.uids_for` for what is raised.
    """
    sample = command_for("1")
    text = session.uids_for(message_set, sample.name.removeprefix("UID "))
    if not message_set:
        return ()
    if message_set.is_open:
        return (text,)
    room = session.room_for_uids(sample)
    return message_set.uids.split(most_ids=MOST_MESSAGES, most_bytes=room)


def present(session: Session, uids: UIDSet | str) -> Operation[UIDSet]:
    """Those of *uids* that are in the mailbox."""
    if isinstance(uids, str):
        return (yield from search(session, f"UID {uids}")).uids
    found: list[Range] = []
    room = session.room_for_uids(commands.search((b"UID 1",), returning=("ALL",)))
    for part in uids.split(most_ids=MOST_MESSAGES, most_bytes=room):
        found += (yield from search(session, f"UID {part}")).uids.ranges
    return UIDSet(found)


def _extended(answer: Answer) -> list[ESearchReceived]:
    """The ESEARCH responses to this very command, as far as they name one (RFC 4731 section 3)."""
    tag = answer.completed.handle.tag
    return [event for event in answer.of(ESearchReceived) if event.tag in (None, tag)]


def _found(answer: Answer) -> UIDSet:
    found = UIDSet()
    for extended in _extended(answer):
        if extended.all is not None:
            found = found | extended.all
    plain = [uid for event in answer.of(SearchReceived) for uid in event.ids if uid > 0]
    return found | UIDSet.of(plain) if plain else found


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
