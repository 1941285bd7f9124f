"""Conversations about mailboxes: SELECT, STATUS, LIST, CREATE, DELETE, RENAME, NAMESPACE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sage_imap.errors import CommandRejected, LocalProtocolError, MailboxNotFound
from sage_imap.models.results import ListedMailbox, MailboxStatus, SelectedMailbox
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.commands.status import STATUS_NEEDS
from sage_imap.protocol.events import (
    ExistsReceived,
    FlagsReceived,
    ListReceived,
    NamespaceReceived,
    ResponseCode,
    Status,
    StatusReceived,
    UntaggedStatus,
)

__all__ = [
    "create",
    "delete",
    "list_mailboxes",
    "namespace",
    "rename",
    "select",
    "status",
    "subscribe",
    "unselect",
]

_STATUS_ITEMS: Final = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ")


def select(
    session: Session, name: str, *, readonly: bool = False, condstore: bool | None = None
) -> Operation[SelectedMailbox]:
    """Select *name*; mod-sequences are switched on where the server keeps them.

    A SELECT that fails leaves no mailbox selected (RFC 9051 section 6.3.2).
    """
    wants = session.offers("CONDSTORE") if condstore is None else condstore
    handle = yield from session.begin(commands.select(name, readonly=readonly, condstore=wants))
    session.enter(None)
    answer = yield from session.answer(handle)
    yield from _check(session, answer, name)
    mailbox = _selected(name, answer, readonly=readonly)
    session.enter(mailbox)
    return mailbox


def unselect(session: Session) -> Operation[None]:
    """Leave the selected mailbox; nothing is expunged. Does nothing where none is selected.

    Without UNSELECT (RFC 3691) the mailbox is closed read-only, which expunges nothing either
    (RFC 9051 section 6.4.1).
    """
    mailbox = session.mailbox
    if mailbox is None:
        return
    if session.offers("UNSELECT"):
        yield from session.exchange(extensions.unselect())
        session.enter(None)
        return
    handle = yield from session.begin(commands.select(mailbox.name, readonly=True))
    session.enter(None)
    answer = yield from session.answer(handle)
    if answer.completed.status is Status.OK:  # a NO leaves no mailbox selected either
        yield from session.exchange(Command("CLOSE"))
    session.enter(None)


def _check(session: Session, answer: Answer, name: str) -> Operation[None]:
    """Raise what a NO or BAD stands for; `MailboxNotFound` where *name* is not there.

    Dovecot 2.3 answers SELECT of such a mailbox by a NO without NONEXISTENT, so LIST is asked. A
    name that is left over for those below it (Noselect, RFC 9051 section 6.3.5) is not there.
    """
    try:
        answer.raise_for_status()
    except CommandRejected as error:
        if type(error) is CommandRejected and error.status == "NO" and error.code is None:
            listed = yield from list_mailboxes(session, "", name)
            if not any(_same(mailbox.name, name) and mailbox.selectable for mailbox in listed):
                raise MailboxNotFound(
                    error.status, error.code, error.text, command=error.command
                ) from error
        raise


def status(
    session: Session, name: str, items: str | Iterable[str] | None = None
) -> Operation[MailboxStatus]:
    """Counters of *name*: one, several, or by default all of the usual ones that the server has.

    Of the mailbox that is selected, servers may tell old ones (RFC 9051 section 6.3.11).
    """
    answer = yield from session.attempt(commands.status(name, _status_items(session, items)))
    yield from _check(session, answer, name)
    told: dict[str, int | str | None] = {}
    for event in _about(name, answer.of(StatusReceived)):
        told.update(event.items)

    def number(key: str) -> int | None:
        value = told.get(key)
        return value if isinstance(value, int) else None

    identity = told.get("MAILBOXID")
    return MailboxStatus(
        name,
        messages=number("MESSAGES"),
        uidnext=number("UIDNEXT"),
        uidvalidity=number("UIDVALIDITY"),
        unseen=number("UNSEEN"),
        highestmodseq=number("HIGHESTMODSEQ"),
        size=number("SIZE"),
        mailbox_id=identity if isinstance(identity, str) else None,
    )


def _status_items(session: Session, items: str | Iterable[str] | None) -> Iterable[str]:
    if items is None:
        return [
            item
            for item in _STATUS_ITEMS
            if item not in STATUS_NEEDS or session.offers(STATUS_NEEDS[item])
        ]
    if isinstance(items, str):
        return [items]
    if not isinstance(items, Iterable):
        raise LocalProtocolError(
            f"STATUS items are names such as MESSAGES, not {type(items).__name__}; nothing was sent"
        )
    return items


def _about(name: str, events: list[StatusReceived]) -> list[StatusReceived]:
    """Those of *events* that tell of *name*.

    Servers spell the name in their own way, and may tell of other mailboxes unasked (NOTIFY):
    where none has the name as it was asked for and they speak of several, nobody knows which it is.
    """
    named = [event for event in events if _same(event.mailbox, name)]
    if named or len({event.mailbox for event in events}) != 1:
        return named
    return events


def list_mailboxes(
    session: Session, reference: str = "", pattern: str = "*"
) -> Operation[list[ListedMailbox]]:
    """The mailboxes whose names fit, with what they are for where the server tells."""
    ask = session.offers("SPECIAL-USE") and session.offers("LIST-EXTENDED")
    command = commands.list_mailboxes(reference, pattern, special_use=ask)
    answer = yield from session.exchange(command)
    return [
        ListedMailbox(
            name=event.name,
            raw_name=event.raw_name,
            delimiter=event.delimiter,
            attributes=event.attributes,
            selectable=event.selectable,
            special_use=event.special_use,
        )
        for event in answer.of(ListReceived)
    ]


def create(session: Session, name: str) -> Operation[None]:
    """Create *name*, which is in the server's own spelling."""
    yield from session.exchange(commands.create(name))


def delete(session: Session, name: str) -> Operation[None]:
    """Delete a mailbox and what is in it.

    Raises `MailboxNotFound`, and `LocalProtocolError` for the one that is selected, since servers
    differ in what they do then.
    """
    command = commands.delete(name)
    if session.mailbox is not None and _same(session.mailbox.name, name):
        raise LocalProtocolError("the mailbox is selected; DELETE was not sent: unselect it first")
    yield from session.exchange(command)


def rename(session: Session, name: str, to: str) -> Operation[None]:
    """Rename a mailbox with what is below it; raises `MailboxNotFound` and `MailboxExists`."""
    command = commands.rename(name, to)
    if session.mailbox is not None and _same(session.mailbox.name, name):
        raise LocalProtocolError("the mailbox is selected; RENAME was not sent: unselect it first")
    yield from session.exchange(command)


def subscribe(session: Session, name: str, *, subscribed: bool) -> Operation[None]:
    """Say whether a mailbox is among those that clients show."""
    command = commands.subscribe(name) if subscribed else commands.unsubscribe(name)
    yield from session.exchange(command)


def namespace(session: Session) -> Operation[NamespaceReceived]:
    """The namespaces, asked for once; without the extension, what LIST says of the delimiter."""
    if session.namespace is None:
        session.namespace = yield from _ask_namespace(session)
    return session.namespace


def _ask_namespace(session: Session) -> Operation[NamespaceReceived]:
    if session.offers("NAMESPACE"):
        try:
            answer = yield from session.exchange(extensions.namespace())
        except CommandRejected:
            pass  # told below, as by a server without the extension
        else:
            told = answer.of(NamespaceReceived)
            if told and told[-1].personal:
                return told[-1]
    # RFC 9051 section 6.3.9: LIST "" "" tells the delimiter and nothing else.
    listed = yield from session.exchange(commands.list_mailboxes("", ""))
    delimiters = [event.delimiter for event in listed.of(ListReceived)]
    return NamespaceReceived(personal=(("", delimiters[0] if delimiters else "/"),))


def _same(left: str, right: str) -> bool:
    """Whether two names are of one mailbox: the case of INBOX is free (RFC 9051 section 5.1)."""
    return left == right or left.upper() == right.upper() == "INBOX"


def _behind_closed(answer: Answer) -> Answer:
    """The answer without what is about the mailbox before: that comes before an OK [CLOSED].

    See RFC 9051 section 7.1, CLOSED.
    """
    for index, event in enumerate(answer.events):
        if isinstance(event, UntaggedStatus) and event.code and event.code.name == "CLOSED":
            return Answer(answer.completed, answer.events[index + 1 :])
    return answer


def _selected(name: str, answer: Answer, *, readonly: bool) -> SelectedMailbox:
    answer = _behind_closed(answer)
    codes = {code.name: code for code in _codes(answer)}
    exists = answer.of(ExistsReceived)
    flags = answer.of(FlagsReceived)
    permanent = codes.get("PERMANENTFLAGS")
    highest = _number(codes.get("HIGHESTMODSEQ"))
    return SelectedMailbox(
        name,
        uidvalidity=_number(codes.get("UIDVALIDITY")),
        uidnext=_number(codes.get("UIDNEXT")),
        exists=exists[-1].count if exists else 0,
        highestmodseq=None if "NOMODSEQ" in codes else highest,
        flags=flags[-1].flags if flags else (),
        permanent_flags=_words(permanent),
        read_only="READ-ONLY" in codes or (readonly and "READ-WRITE" not in codes),
        uid_not_sticky="UIDNOTSTICKY" in codes,
    )


def _codes(answer: Answer) -> Iterable[ResponseCode]:
    for event in answer.of(UntaggedStatus):
        if event.code is not None:
            yield event.code
    if answer.completed.code is not None:
        yield answer.completed.code


def _number(code: ResponseCode | None) -> int | None:
    if code is None or not code.args or not isinstance(code.args[0], int):
        return None
    return code.args[0]


def _words(code: ResponseCode | None) -> tuple[str, ...]:
    if code is None or not code.args or not isinstance(code.args[0], tuple):
        return ()
    return tuple(str(word) for word in code.args[0])
