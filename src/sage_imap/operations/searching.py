"""SEARCH, in as many commands as the UIDs that it is about need.

UIDs that must fit beside whatever else must can be asked for portion by portion where a line would
be longer than the provider takes; nothing else that is searched for can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial, reduce
from operator import and_
from typing import Final

from sage_imap.errors import LocalProtocolError, MessageUnreadable
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import ESearchReceived, ParseFailure, SearchReceived
from sage_imap.protocol.sets import Range, UIDSet
from sage_imap.providers import UNKNOWN

__all__ = ["FEW", "names_far_more", "search"]

FEW: Final = 1000
"""UIDs; so many are asked for as they are, which takes three commands at most."""

# A look is one command; with so many messages of a set in vain it saves more than it costs.
_FAR_MORE: Final = 4
_SEARCHES: Final = frozenset({"ESEARCH", "SEARCH"})
_RANGE: Final = "[1-9][0-9]*(?::[1-9][0-9]*)?"
_UIDS: Final = re.compile(rf"\(?UID ({_RANGE}(?:,{_RANGE})*)\)?", re.IGNORECASE)


def search(
    session: Session,
    criteria: str | Iterable[str] = "ALL",
    *,
    changed_since: int | None = None,
) -> Operation[MessageSet]:
    """The messages of the selected mailbox that fit; by ESEARCH, as a set, where offered.

    *criteria* are search keys as text or as `IMAPSearchCriteria`, or several that must all fit.
    Where they are longer than a command may be, `IMAPSearchCriteria.uid` among those that must all
    fit is asked for in portions, one command each. Raises `LocalProtocolError` where there is no
    such key and the provider is known to refuse the command, and `MessageUnreadable` where the
    answer cannot be understood: that is not "none".
    """
    mailbox = session.mailbox
    if mailbox is None:
        raise LocalProtocolError("SEARCH needs a selected mailbox; nothing was sent")
    keys = IMAPSearchCriteria.of(criteria)
    command_for = partial(_command, session, changed_since)
    command = command_for(keys)
    if session.length_of(command) <= session.provider.command_length:
        found = yield from _ask(session, command)
    else:
        found = yield from _ask_in_portions(session, keys, command_for)
    return MessageSet.found(found, mailbox.name, mailbox.uidvalidity)


def names_far_more(session: Session, uids: UIDSet) -> bool:
    """Whether *uids* are far more than the selected mailbox has messages, as last told."""
    assert session.mailbox is not None
    return len(uids) > max(FEW, _FAR_MORE * session.mailbox.exists)


def _command(session: Session, changed_since: int | None, keys: IMAPSearchCriteria) -> Command:
    returning = ("ALL",) if session.offers("ESEARCH") else None
    return commands.search(keys.parts, returning=returning, changed_since=changed_since)


def _ask(session: Session, command: Command) -> Operation[UIDSet]:
    answer = yield from session.exchange(command)
    garbled = any(failure.response in _SEARCHES for failure in answer.of(ParseFailure))
    if garbled or any(not event.uid for event in _extended(answer) if event.all is not None):
        raise MessageUnreadable("the answer to SEARCH cannot be understood; nothing was found out")
    return _found(answer)


def _ask_in_portions(
    session: Session, keys: IMAPSearchCriteria, command_for: Callable[[IMAPSearchCriteria], Command]
) -> Operation[UIDSet]:
    uids, others = _uids_apart(keys)
    if uids is None:
        command = command_for(keys)
        _check_length(session, command)
        return (yield from _ask(session, command))

    def beside_others(part: UIDSet) -> Command:
        return command_for(IMAPSearchCriteria.and_criteria(*others, IMAPSearchCriteria.uid(part)))

    if names_far_more(session, uids):  # what lies between them is little
        around = UIDSet([(uids.ranges[0][0], uids.max)])
        return (yield from _ask(session, beside_others(around))) & uids
    found: list[Range] = []
    room = session.room_for_uids(beside_others(UIDSet.of([1])))
    for part in uids.split(most_ids=len(uids), most_bytes=room):
        found += (yield from _ask(session, beside_others(part))).ranges
    return UIDSet(found)


def _uids_apart(keys: IMAPSearchCriteria) -> tuple[UIDSet | None, list[IMAPSearchCriteria]]:
    """The UIDs that *keys* allow, None where they name none, and the keys beside them."""
    named: list[UIDSet] = []
    others: list[IMAPSearchCriteria] = []
    for key in keys.conjuncts:
        match = _UIDS.fullmatch(key)
        if match is None:
            others.append(key)
        else:
            named.append(UIDSet.parse(match[1]))
    return reduce(and_, named) if named else None, others


def _check_length(session: Session, command: Command) -> None:
    """Refuse what is too long for a provider whose bound is known; the default is only a guess."""
    provider, length = session.provider, session.length_of(command)
    if provider.command_length > UNKNOWN.command_length:
        raise LocalProtocolError(
            f"the search has {length} octets, of which {provider.name} takes "
            f"{provider.command_length} in a command; nothing was sent: only UIDs that are and-ed "
            "with the rest, as by IMAPSearchCriteria.uid, are asked for in portions"
        )


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
