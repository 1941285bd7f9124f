"""SEARCH, STORE, COPY, MOVE, EXPUNGE and APPEND, played against scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    IMAPError,
    LocalProtocolError,
    MailboxMismatch,
    MailboxNotFound,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, StoreResult
from sage_imap.operations import messages
from sage_imap.operations.effects import Operation
from sage_imap.protocol.events import ExpungeReceived, FetchReceived
from sage_imap.protocol.sets import UIDSet
from tests.support.scripts import staged


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions have two messages."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 2)


def test_store() -> None:
    """The rows that answer a STORE are its result and no news; those of others are news."""
    with staged(
        r"""
        << A1 UID STORE 1:3 +FLAGS (\\Seen)
        >> * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (5))
        >> * 3 FETCH (UID 3 MODSEQ (6))
        >> * 9 FETCH (UID 9 FLAGS (\\Seen))
        >> * 4 EXPUNGE
        >> A1 OK done
        """
    ) as stage:
        result = stage.run(messages.store(stage.session, MessageSet("1:3"), ["\\Seen"]))
        assert result.flags[1] == ("\\Seen",)
        assert result.modseqs == {1: 5, 3: 6}
        assert result.flags.keys() == {1}
        assert result.accepted == UIDSet.parse("1:3")
        assert stage.session.take_news() == [
            FetchReceived(9, {"UID": 9, "FLAGS": ("\\Seen",)}),
            ExpungeReceived(4),
        ]


@pytest.mark.parametrize("status", ["OK", "NO"])
def test_store_unchanged_since(status: str) -> None:
    """Messages that had changed are told, whether the server calls that OK or NO."""
    with staged(
        rf"""
        << A1 UID STORE 1:3 (UNCHANGEDSINCE 5) -FLAGS (\\Seen)
        >> * 1 FETCH (UID 1 MODSEQ (9))
        >> A1 {status} [MODIFIED 2:3] some had changed
        """
    ) as stage:
        result = stage.run(
            messages.store(
                stage.session, MessageSet("1:3"), ["\\Seen"], mode="remove", unchanged_since=5
            )
        )
    assert (str(result.modified), str(result.accepted)) == ("2:3", "1")
    assert result.modseqs == {1: 9}


def test_store_refused() -> None:
    """A refusal is raised."""
    with (
        staged("<< A1 UID STORE 1:* FLAGS ()\n>> A1 NO [READ-ONLY] no") as stage,
        pytest.raises(CommandRejected),
    ):
        stage.run(messages.store(stage.session, MessageSet("1:*"), [], mode="replace"))


ENDS = [".. eof", ".. lost", ".. silence", ">> A{0} NO busy"]


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("end", ENDS)
def test_store_that_ends_early(end: str) -> None:
    """The portions before are told, with the UIDs that the server was silent about."""
    with (
        staged(
            f"""
            << A1 UID STORE 1:2 +FLAGS (X)
            >> * 1 FETCH (UID 1 FLAGS (X))
            >> A1 OK done
            << A2 UID STORE 3:4 +FLAGS (X)
            {end.format(2)}
            """
        ) as stage,
        pytest.raises(IMAPError) as caught,
    ):
        stage.run(messages.store(stage.session, MessageSet("1:6"), ["X"]))
    assert caught.value.partial == StoreResult({1: ("X",)}, accepted=UIDSet.parse("1:2"))


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("end", ENDS)
def test_expunge_that_ends_early(end: str) -> None:
    """The portions before are told."""
    script = "<< A1 UID EXPUNGE 1:2\n>> A1 OK done\n<< A2 UID EXPUNGE 3:4\n" + end.format(2)
    with staged(script) as stage, pytest.raises(IMAPError) as caught:
        stage.run(messages.expunge(stage.session, MessageSet("1:6")))
    assert caught.value.partial == UIDSet.parse("1:2")


REMOVED = r"""
    << A1 UID STORE 1:2 +FLAGS (\\Deleted)
    >> A1 OK done
    << A2 UID SEARCH UID 1:2 DELETED
    >> * SEARCH 1 2
    >> A2 OK done
    << A3 UID EXPUNGE 1:2
    >> A3 OK done
    << A4 UID SEARCH UID 1:2
    >> * SEARCH 2
    >> A4 OK done
"""


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("end", ENDS)
def test_delete_that_ends_early(end: str) -> None:
    """A portion is finished before the next is marked; what was removed is told."""
    script = rf"{REMOVED}<< A5 UID STORE 3:4 +FLAGS (\\Deleted)" + "\n" + end.format(5)
    with (
        staged(script, offers="IMAP4rev1 UIDPLUS") as stage,
        pytest.raises(IMAPError) as caught,
    ):
        stage.run(messages.delete(stage.session, MessageSet("1:6")))
    assert caught.value.partial == UIDSet.parse("1")


def test_expunge_of_what_is_flagged() -> None:
    """What others flag after the look is left to them, so that the count is right."""
    with staged(
        """
        << A1 UID SEARCH UID 1:5 DELETED
        >> * SEARCH 2
        >> A1 OK done
        << A2 UID EXPUNGE 2
        >> * 2 EXPUNGE
        >> A2 OK done
        << A3 UID SEARCH UID 2
        >> * SEARCH
        >> A3 OK done
        """,
        offers="IMAP4rev1 UIDPLUS",
    ) as stage:
        removed = stage.run(messages.expunge_flagged(stage.session, MessageSet("1:5")))
    assert removed == UIDSet.parse("2")


def test_expunge() -> None:
    """UID EXPUNGE or nothing."""
    with staged("<< A1 UID EXPUNGE 1:2\n>> * 1 EXPUNGE\n>> A1 OK done") as stage:
        stage.run(messages.expunge(stage.session, MessageSet("1:2")))
    with staged("", offers="IMAP4rev1") as stage, pytest.raises(CapabilityMissing):
        stage.run(messages.expunge(stage.session, MessageSet("1")))


Acting = Callable[..., Operation[Any]]


@pytest.mark.parametrize(
    ("operation", "args"),
    [
        (messages.store, (["\\Seen"],)),
        (messages.expunge, ()),
    ],
)
def test_sets_of_elsewhere(operation: Acting, args: tuple[Any, ...]) -> None:
    """A set of another mailbox or UIDVALIDITY, or none selected: nothing is sent."""
    with staged("") as stage:
        for wrong in (MessageSet("1", "Other"), MessageSet("1", "INBOX", 8)):
            with pytest.raises(MailboxMismatch):
                stage.run(operation(stage.session, wrong, *args))
        stage.session.mailbox = None
        with pytest.raises(LocalProtocolError):
            stage.run(operation(stage.session, MessageSet("1"), *args))
        assert stage.transport.sent == b""


@pytest.mark.parametrize(
    ("operation", "args"),
    [(messages.store, (["\\Seen"],)), (messages.expunge, ())],
)
def test_empty_sets(operation: Acting, args: tuple[Any, ...]) -> None:
    """Nothing is sent where nothing is to be done."""
    with staged("") as stage:
        stage.run(operation(stage.session, MessageSet(), *args))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("[APPENDUID 8 77] ", AppendResult(8, 77)),
        ("", AppendResult()),
        ("[APPENDUID 8] ", AppendResult()),
        ("[APPENDUID 8 1:4294967295] ", AppendResult(8)),
    ],
)
def test_append(code: str, expected: AppendResult) -> None:
    """Where the message lies, if the server says so."""
    with staged(
        rf"""
        << A1 APPEND "Box" (\\Seen) {{5+}}
        << hello
        >> A1 OK {code}done
        """
    ) as stage:
        result = stage.run(messages.append(stage.session, "Box", b"hello", flags=["\\Seen"]))
    assert result == expected


@pytest.mark.parametrize(("offers", "size"), [("IMAP4rev1", 5), ("IMAP4rev1 LITERAL-", 4097)])
def test_append_that_waits(offers: str, size: int) -> None:
    """A literal waits for the server's word; what it tells meanwhile is news."""
    with staged(
        f"""
        << A1 APPEND "Box" {{{size}}}
        >> * 3 EXISTS
        >> + go on
        << {"x" * size}
        >> A1 OK done
        """,
        offers=offers,
    ) as stage:
        stage.run(messages.append(stage.session, "Box", b"x" * size))
        assert len(stage.session.take_news()) == 1


def test_append_refused() -> None:
    """A NO in place of the continuation: the message is not sent, and the next command is."""
    with staged(
        """
        << A1 APPEND "Box" {5}
        >> A1 NO [TRYCREATE] no
        << A2 APPEND "Box" {5}
        >> + go on
        << hello
        >> A2 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        with pytest.raises(MailboxNotFound):
            stage.run(messages.append(stage.session, "Box", b"hello"))
        stage.run(messages.append(stage.session, "Box", b"hello"))


def test_a_wide_range() -> None:
    """STORE and EXPUNGE go to those that are there, and to none where there are none."""
    with staged(
        """
        << A1 UID SEARCH RETURN (ALL) UID 1:4294967295
        >> * ESEARCH (TAG "A1") UID ALL 5,9
        >> A1 OK done
        << A2 UID STORE 5,9 +FLAGS (X)
        >> A2 OK done
        << A3 UID SEARCH RETURN (ALL) UID 1:4294967295
        >> * ESEARCH (TAG "A3") UID
        >> A3 OK done
        """
    ) as stage:
        everything = MessageSet.from_range(1, 4294967295)
        result = stage.run(messages.store(stage.session, everything, ["X"]))
        stage.run(messages.expunge(stage.session, everything))
    assert result.accepted == UIDSet.parse("5,9")


def test_far_more_uids_than_a_line_takes() -> None:
    """One look at what lies between the first and the last tells which are there."""
    with staged(
        """
        << A1 UID SEARCH UID 1:39999
        >> * SEARCH 4 5
        >> A1 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        odd = UIDSet.of(range(1, 40_000, 2))
        assert stage.run(messages.present(stage.session, odd)) == UIDSet.parse("5")
