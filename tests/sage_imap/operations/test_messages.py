"""SEARCH, STORE, COPY, MOVE, EXPUNGE and APPEND, played against scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    LocalProtocolError,
    MailboxMismatch,
    MailboxNotFound,
    QuotaExceeded,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, MoveResult, SelectedMailbox
from sage_imap.operations import messages
from sage_imap.operations.effects import Operation
from sage_imap.protocol.events import ExpungeReceived, FetchReceived
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from tests.support.scripts import staged


@pytest.mark.parametrize(
    ("offers", "script", "expected"),
    [
        (
            "IMAP4rev1 ESEARCH",
            '<< A1 UID SEARCH RETURN (ALL) UNSEEN\n>> * ESEARCH (TAG "A1") UID ALL 2:4,9',
            "2:4,9",
        ),
        (
            "IMAP4rev1 ESEARCH",
            '<< A1 UID SEARCH RETURN (ALL) UNSEEN\n>> * ESEARCH (TAG "A1") UID',
            "",
        ),
        ("IMAP4rev1", "<< A1 UID SEARCH UNSEEN\n>> * SEARCH 9 2\n>> * SEARCH 3 4", "2:4,9"),
        ("IMAP4rev1", "<< A1 UID SEARCH UNSEEN\n>> * SEARCH", ""),
        ("IMAP4rev1", "<< A1 UID SEARCH UNSEEN", ""),
    ],
)
def test_search(offers: str, script: str, expected: str) -> None:
    """The same set, with or without ESEARCH, and it knows where it belongs."""
    with staged(f"{script}\n>> A1 OK done", offers=offers) as stage:
        found = stage.run(messages.search(stage.session, "UNSEEN"))
    assert (str(found), found.mailbox, found.uidvalidity) == (expected, "INBOX", 7)


def test_search_beyond_ascii() -> None:
    """Text that is not ASCII waits for the server where it has to."""
    with staged(
        r"""
        << A1 UID SEARCH CHARSET UTF-8 SUBJECT {8}
        >> + go on
        << r\xc3\xa9sum\xc3\xa9
        >> * SEARCH 4
        >> A1 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        assert str(stage.run(messages.search(stage.session, 'SUBJECT "résumé"'))) == "4"


def test_search_needs_a_mailbox() -> None:
    """Nothing is searched where nothing is selected."""
    with (
        staged("", state=ConnectionState.AUTHENTICATED) as stage,
        pytest.raises(LocalProtocolError),
    ):
        stage.run(messages.search(stage.session))


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
    assert result.modified == UIDSet.parse("2:3")
    assert result.modseqs == {1: 9}


def test_store_refused() -> None:
    """A refusal is raised."""
    with (
        staged("<< A1 UID STORE 1:* FLAGS ()\n>> A1 NO [READ-ONLY] no") as stage,
        pytest.raises(CommandRejected),
    ):
        stage.run(messages.store(stage.session, MessageSet("1:*"), [], mode="replace"))


def test_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long set goes in portions; what was done before a refusal is in the error."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 2)
    with (
        staged(
            """
        << A1 UID MOVE 1:2 "Box"
        >> * OK [COPYUID 8 1:2 5:6] copied
        >> A1 OK done
        << A2 UID MOVE 3:4 "Box"
        >> * OK [COPYUID 8 3 7] copied
        >> A2 NO [OVERQUOTA] full
        """
        ) as stage,
        pytest.raises(QuotaExceeded) as caught,
    ):
        stage.run(messages.move(stage.session, MessageSet("1:6"), "Box"))
    assert caught.value.partial == MoveResult(UIDSet.parse("1:3"), {1: 5, 2: 6, 3: 7}, 8)


def test_copy() -> None:
    """What was copied, and under which UIDs it lies there."""
    with staged('<< A1 UID COPY 1:5 "Box"\n>> A1 OK [COPYUID 8 1,3 9:10] done') as stage:
        result = stage.run(messages.copy(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1,3"), {1: 9, 3: 10}, 8)


@pytest.mark.parametrize("offers", ["IMAP4rev1", "IMAP4rev1 UIDPLUS"])
def test_copy_untold(offers: str) -> None:
    """Where the server does not say, those that are there were copied."""
    with staged(
        """
        << A1 UID COPY 1:5 "Box"
        >> A1 OK done
        << A2 UID SEARCH UID 1:5
        >> * SEARCH 1 3
        >> A2 OK done
        """,
        offers=offers,
    ) as stage:
        result = stage.run(messages.copy(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1,3"))


def test_copy_refused() -> None:
    """A mailbox that is not there is told by TRYCREATE."""
    with (
        staged('<< A1 UID COPY 1 "Box"\n>> A1 NO [TRYCREATE] no') as stage,
        pytest.raises(MailboxNotFound) as caught,
    ):
        stage.run(messages.copy(stage.session, MessageSet("1"), "Box"))
    assert caught.value.partial is None


def test_move_of_what_is_gone() -> None:
    """OK without COPYUID and without an EXPUNGE moved nothing."""
    with staged('<< A1 UID MOVE 1:5 "Box"\n>> A1 OK done') as stage:
        result = stage.run(messages.move(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet())


@pytest.mark.parametrize("gone", ["* 1 EXPUNGE", "* VANISHED 1"])
def test_move_untold(gone: str) -> None:
    """OK without COPYUID, but with an EXPUNGE: those that are not there any more have moved."""
    with staged(
        f"""
        << A1 UID MOVE 1:3 "Box"
        >> {gone}
        >> A1 OK done
        << A2 UID SEARCH RETURN (ALL) UID 1:3
        >> * ESEARCH (TAG "A2") UID ALL 2:3
        >> A2 OK done
        """
    ) as stage:
        result = stage.run(messages.move(stage.session, MessageSet("1:3"), "Box"))
    assert result == MoveResult(UIDSet.parse("1"))


def test_move_without_uidplus() -> None:
    """MOVE alone: those that were there and are not there any more have moved."""
    with staged(
        """
        << A1 UID SEARCH UID 1:5
        >> * SEARCH 1 2 3
        >> A1 OK done
        << A2 UID MOVE 1:5 "Box"
        >> * 1 EXPUNGE
        >> A2 OK done
        << A3 UID SEARCH UID 1:3
        >> * SEARCH 2
        >> A3 OK done
        """,
        offers="IMAP4rev1 MOVE",
    ) as stage:
        result = stage.run(messages.move(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1,3"))


def test_move_by_copy() -> None:
    """Without MOVE: COPY, a mark, an expunge of these UIDs alone, and a look at what is left."""
    with staged(
        r"""
        << A1 UID COPY 1:5 "Box"
        >> A1 OK [COPYUID 8 1:2 9:10] done
        << A2 UID STORE 1:2 +FLAGS (\\Deleted)
        >> * 1 FETCH (UID 1 FLAGS (\\Deleted))
        >> A2 OK done
        << A3 UID EXPUNGE 1:2
        >> * 1 EXPUNGE
        >> A3 OK done
        << A4 UID SEARCH UID 1:2
        >> * SEARCH 2
        >> A4 OK done
        """,
        offers="IMAP4rev1 UIDPLUS",
    ) as stage:
        result = stage.run(messages.move(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1"), {1: 9}, 8)


def test_move_by_copy_of_what_is_gone() -> None:
    """What was not copied is not removed."""
    with staged(
        """
        << A1 UID COPY 1 "Box"
        >> A1 OK done
        << A2 UID SEARCH UID 1
        >> * SEARCH
        >> A2 OK done
        """,
        offers="IMAP4rev1 UIDPLUS",
    ) as stage:
        result = stage.run(messages.move(stage.session, MessageSet("1"), "Box"))
    assert result == MoveResult(UIDSet())


def test_move_that_cannot_be_safe() -> None:
    """Without MOVE and UIDPLUS nothing is sent; nor from a mailbox that is read-only."""
    with staged("", offers="IMAP4rev1") as stage, pytest.raises(CapabilityMissing):
        stage.run(messages.move(stage.session, MessageSet("1"), "Box"))
    examined = SelectedMailbox("INBOX", uidvalidity=7, read_only=True)
    with (
        staged("", mailbox=examined) as stage,
        pytest.raises(LocalProtocolError, match="read-only"),
    ):
        stage.run(messages.move(stage.session, MessageSet("1"), "Box"))


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
        (messages.copy, ("Box",)),
        (messages.move, ("Box",)),
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
    [(messages.store, (["\\Seen"],)), (messages.copy, ("Box",)), (messages.move, ("Box",))],
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
