"""COPY and MOVE, played against scripts: what became of each message is told, whatever happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    MailboxMismatch,
    MailboxNotFound,
    PermissionDenied,
    QuotaExceeded,
    ServerClosing,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import MoveResult, OperationResult, SelectedMailbox
from sage_imap.operations import messages, moving, outcomes
from sage_imap.operations.effects import Operation
from sage_imap.protocol.sets import UIDSet
from tests.support.scripts import staged

TWO = MessageSet("1:2")
FOUR = MessageSet("1:4", "INBOX", 7)
SIX = MessageSet("1:6", "INBOX", 7)


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions have two messages."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 2)


@pytest.mark.usefixtures("pairs")
def test_portions() -> None:
    """A long set goes in portions; what was done before a refusal is in the error."""
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
        stage.run(moving.move(stage.session, MessageSet("1:6"), "Box"))
    assert caught.value.partial == MoveResult(UIDSet.parse("1:3"), {1: 5, 2: 6, 3: 7}, 8)


def test_copy() -> None:
    """What was copied, and under which UIDs it lies there."""
    with staged('<< A1 UID COPY 1:5 "Box"\n>> A1 OK [COPYUID 8 1,3 9:10] done') as stage:
        result = stage.run(moving.copy(stage.session, MessageSet("1:5"), "Box"))
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
        result = stage.run(moving.copy(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1,3"))


def test_copy_refused() -> None:
    """A mailbox that is not there is told by TRYCREATE."""
    with (
        staged('<< A1 UID COPY 1 "Box"\n>> A1 NO [TRYCREATE] no') as stage,
        pytest.raises(MailboxNotFound) as caught,
    ):
        stage.run(moving.copy(stage.session, MessageSet("1"), "Box"))
    assert caught.value.partial is None


def test_move_of_what_is_gone() -> None:
    """OK without COPYUID and without an EXPUNGE moved nothing."""
    with staged('<< A1 UID MOVE 1:5 "Box"\n>> A1 OK done') as stage:
        result = stage.run(moving.move(stage.session, MessageSet("1:5"), "Box"))
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
        result = stage.run(moving.move(stage.session, MessageSet("1:3"), "Box"))
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
        result = stage.run(moving.move(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1,3"))


def test_move_by_copy() -> None:
    """Without MOVE: COPY, a mark, an expunge of these UIDs alone, and a look at what is left.

    What is left lies in both mailboxes now, and is told apart.
    """
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
        result = stage.run(moving.move(stage.session, MessageSet("1:5"), "Box"))
    assert result == MoveResult(UIDSet.parse("1"), {1: 9, 2: 10}, 8, duplicated=UIDSet.parse("2"))


# A portion that was moved by COPY, STORE and UID EXPUNGE.
FIRST = r"""
    << A1 UID COPY 1:2 "Box"
    >> A1 OK [COPYUID 8 1:2 9:10] done
    << A2 UID STORE 1:2 +FLAGS (\\Deleted)
    >> A2 OK done
    << A3 UID EXPUNGE 1:2
    >> * 2 EXPUNGE
    >> * 1 EXPUNGE
    >> A3 OK done
    << A4 UID SEARCH UID 1:2
    >> * SEARCH
    >> A4 OK done
    << A5 UID COPY 3:4 "Box"
"""
COPIED = r"""
    >> A5 OK [COPYUID 8 3:4 11:12] done
    << A6 UID STORE 3:4 +FLAGS (\\Deleted)
"""
MARKED = f"{COPIED}\n>> A6 OK done\n<< A7 UID EXPUNGE 3:4\n"
REMOVED = f"{MARKED}\n>> A7 OK done\n<< A8 UID SEARCH UID 3:4\n"


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize(
    ("script", "duplicated", "in_doubt"),
    [
        (">> A5 NO [OVERQUOTA] full", "", ""),
        (f"{COPIED}\n>> A6 NO [NOPERM] no", "3:4", ""),
        (f"{MARKED}\n>> A7 NO [NOPERM] no", "3:4", ""),
        (f"{REMOVED}\n>> A8 NO busy", "3:4", ""),
        (">> * OK [COPYUID 8 3:4 11:12] no answer yet\n.. eof", "", "3:4"),
        (".. lost", "", "3:4"),
        (f"{COPIED}\n.. eof", "3:4", ""),
        (f"{COPIED}\n.. silence", "3:4", ""),
        (f"{MARKED}\n.. eof", "3:4", ""),
        (f"{REMOVED}\n.. lost", "3:4", ""),
        (f"{REMOVED}\n>> * SEARCH )(\n>> A8 OK done", "3:4", ""),
    ],
)
def test_move_by_copy_that_ends_early(script: str, duplicated: str, in_doubt: str) -> None:
    """What was copied is never among what may be tried again, and the portion before is whole."""
    with (
        staged(FIRST + script, offers="IMAP4rev1 UIDPLUS") as stage,
        pytest.raises(IMAPError) as caught,
    ):
        stage.run(moving.move(stage.session, MessageSet("1:6"), "Box"))
    done = caught.value.partial
    assert isinstance(done, MoveResult)
    assert (str(done.source), str(done.duplicated), str(done.in_doubt)) == (
        "1:2",
        duplicated,
        in_doubt,
    )
    assert done.mapping.keys() == set(done.source | done.duplicated)


def _into_the_box(script: str) -> str:
    """The script behind the question for the folder, so that its tags are one later."""
    listed = '<< A1 LIST "" "Box"\n>> * LIST () "/" Box\n>> A1 OK done\n'
    return listed + re.sub(r"\bA(\d)", lambda tag: f"A{int(tag[1]) + 1}", script)


@pytest.mark.usefixtures("pairs")
def test_a_refused_removal_as_a_result() -> None:
    """A try with what is untouched does not make a second copy, and the counts add up."""
    script = _into_the_box(f"{FIRST}{COPIED}\n>> A6 NO [NOPERM] no")
    with staged(script, offers="IMAP4rev1 UIDPLUS") as stage:
        result = stage.run(outcomes.moved(stage.session, SIX, "Box", create=False))
    assert isinstance(result.error, PermissionDenied)
    assert (str(result.messages), str(result.unsettled)) == ("1:2", "3:4")
    assert result.untouched == MessageSet("5:6", "INBOX", 7)
    assert (result.success, result.successful_messages, result.failed_messages) == (False, 2, 4)
    assert result.value == result.error.partial


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("end", [".. eof", ".. lost", ".. silence", ">> * BYE bye\n.. eof"])
@pytest.mark.parametrize(("conduct", "verb"), [(outcomes.moved, "MOVE"), (outcomes.copied, "COPY")])
def test_a_lost_connection_has_the_result_so_far(
    conduct: Callable[..., Operation[Any]], verb: str, end: str
) -> None:
    """What is done, what is in doubt and what is untouched are told apart."""
    script = _into_the_box(
        f"""
        << A1 UID {verb} 1:2 "Box"
        >> A1 OK [COPYUID 8 1:2 9:10] done
        << A2 UID {verb} 3:4 "Box"
        {end}
        """
    )
    offers = "IMAP4rev1 MOVE UIDPLUS"
    with staged(script, offers=offers) as stage, pytest.raises(ConnectionLost) as caught:
        stage.run(conduct(stage.session, SIX, "Box", create=False))
    result = caught.value.partial
    assert isinstance(result, OperationResult)
    assert (result.success, result.error) == (False, caught.value)
    assert result.value == MoveResult(
        UIDSet.parse("1:2"), {1: 9, 2: 10}, 8, in_doubt=UIDSet.parse("3:4")
    )
    assert (str(result.messages), str(result.unsettled)) == ("1:2", "3:4")
    assert result.untouched == MessageSet("5:6", "INBOX", 7)


@pytest.mark.usefixtures("pairs")
def test_a_portion_that_was_not_sent_is_not_in_doubt() -> None:
    """The server took its leave between two portions: the second is untouched."""
    with (
        staged(
            """
            << A1 UID MOVE 1:2 "Box"
            >> * OK [COPYUID 8 1:2 9:10] copied
            >> A1 OK done
            >> * BYE bye
            """
        ) as stage,
        pytest.raises(ServerClosing) as caught,
    ):
        stage.run(moving.move(stage.session, FOUR, "Box"))
    assert caught.value.partial == MoveResult(UIDSet.parse("1:2"), {1: 9, 2: 10}, 8)


def test_what_was_not_asked_for_is_not_removed() -> None:
    """COPYUID that names other messages is not believed: they would be removed."""
    with staged(
        r"""
        << A1 UID COPY 1:2 "Box"
        >> A1 OK [COPYUID 8 1:4294967295 9:4294967303] done
        << A2 UID STORE 1:2 +FLAGS (\\Deleted)
        >> A2 OK done
        << A3 UID EXPUNGE 1:2
        >> A3 OK done
        << A4 UID SEARCH UID 1:2
        >> * SEARCH
        >> A4 OK done
        """,
        offers="IMAP4rev1 UIDPLUS",
    ) as stage:
        result = stage.run(moving.move(stage.session, TWO, "Box"))
    assert result == MoveResult(UIDSet.parse("1:2"), {1: 9, 2: 10}, 8)


@pytest.mark.parametrize(("asked", "text"), [("1:*", "1:*"), ("1:200", "1:200")])
def test_a_message_that_arrives_meanwhile(asked: str, text: str) -> None:
    """It was not copied, so that it is not removed, though the look behind the COPY finds it."""
    with staged(
        rf"""
        << A1 UID SEARCH UID {text}
        >> * SEARCH 1 2
        >> A1 OK done
        << A2 UID COPY 1:2 "Box"
        >> * 3 EXISTS
        >> A2 OK done
        << A3 UID SEARCH UID 1:2
        >> * SEARCH 1 2
        >> A3 OK done
        << A4 UID STORE 1:2 +FLAGS (\\Deleted)
        >> A4 OK done
        << A5 UID EXPUNGE 1:2
        >> A5 OK done
        << A6 UID SEARCH UID 1:2
        >> * SEARCH
        >> A6 OK done
        """,
        offers="IMAP4rev1 UIDPLUS",
    ) as stage:
        result = stage.run(moving.move(stage.session, MessageSet(asked), "Box"))
    assert result == MoveResult(UIDSet.parse("1:2"))


def test_an_open_set_that_is_moved_untold() -> None:
    """What is in it is looked up first, so that what has moved can be told."""
    with staged(
        """
        << A1 UID SEARCH RETURN (ALL) UID 1:*
        >> * ESEARCH (TAG "A1") UID ALL 1:2
        >> A1 OK done
        << A2 UID MOVE 1:2 "Box"
        >> * 1 EXPUNGE
        >> A2 OK done
        << A3 UID SEARCH RETURN (ALL) UID 1:2
        >> * ESEARCH (TAG "A3") UID ALL 2
        >> A3 OK done
        """
    ) as stage:
        result = stage.run(moving.move(stage.session, MessageSet("1:*"), "Box"))
    assert result == MoveResult(UIDSet.parse("1"))


@pytest.mark.parametrize(
    ("gone", "moved", "in_doubt"), [("* 1 EXPUNGE", "", "1:2"), ("* VANISHED 1", "1", "2")]
)
@pytest.mark.parametrize("status", ["OK", "NO"])
def test_move_untold_of_what_was_gone_before(
    status: str, gone: str, moved: str, in_doubt: str
) -> None:
    """One has left and two are gone: which of them was moved is known by VANISHED alone."""
    done = MoveResult(UIDSet.parse(moved), in_doubt=UIDSet.parse(in_doubt))
    with staged(
        f"""
        << A1 UID MOVE 1:3 "Box"
        >> {gone}
        >> A1 {status} done
        << A2 UID SEARCH RETURN (ALL) UID 1:3
        >> * ESEARCH (TAG "A2") UID ALL 3
        >> A2 OK done
        """
    ) as stage:
        operation = moving.move(stage.session, MessageSet("1:3"), "Box")
        if status == "OK":
            assert stage.run(operation) == done
            return
        with pytest.raises(CommandRejected) as caught:
            stage.run(operation)
    assert caught.value.partial == done


def test_a_copy_that_nobody_can_count() -> None:
    """The server has copied and then refuses the look: nothing is claimed, all is in doubt."""
    with (
        staged(
            """
            << A1 UID COPY 1:2 "Box"
            >> A1 OK done
            << A2 UID SEARCH UID 1:2
            >> A2 NO busy
            """,
            offers="IMAP4rev1",
        ) as stage,
        pytest.raises(CommandRejected) as caught,
    ):
        stage.run(moving.copy(stage.session, TWO, "Box"))
    assert caught.value.partial == MoveResult(in_doubt=UIDSet.parse("1:2"))


@pytest.mark.parametrize("transfer", [moving.copy, moving.move])
def test_sets_of_elsewhere(transfer: Callable[..., Operation[Any]]) -> None:
    """A set of another mailbox or UIDVALIDITY, or none selected: nothing is sent; nor of none."""
    with staged("") as stage:
        for wrong in (MessageSet("1", "Other"), MessageSet("1", "INBOX", 8)):
            with pytest.raises(MailboxMismatch):
                stage.run(transfer(stage.session, wrong, "Box"))
        assert stage.run(transfer(stage.session, MessageSet(), "Box")) == MoveResult()
        stage.session.mailbox = None
        with pytest.raises(LocalProtocolError):
            stage.run(transfer(stage.session, MessageSet("1"), "Box"))


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
        result = stage.run(moving.move(stage.session, MessageSet("1"), "Box"))
    assert result == MoveResult(UIDSet())


def test_move_that_cannot_be_safe() -> None:
    """Without MOVE and UIDPLUS nothing is sent; nor from a mailbox that is read-only."""
    with staged("", offers="IMAP4rev1") as stage, pytest.raises(CapabilityMissing):
        stage.run(moving.move(stage.session, MessageSet("1"), "Box"))
    examined = SelectedMailbox("INBOX", uidvalidity=7, read_only=True)
    with (
        staged("", mailbox=examined) as stage,
        pytest.raises(LocalProtocolError, match="read-only"),
    ):
        stage.run(moving.move(stage.session, MessageSet("1"), "Box"))


@pytest.mark.parametrize("offers", ["IMAP4rev1 MOVE UIDPLUS", "IMAP4rev1 UIDPLUS"])
def test_a_wide_range(offers: str) -> None:
    """One look tells what there is to copy or to move, and no more commands are sent."""
    name = "MOVE" if "MOVE" in offers else "COPY"
    act = moving.move if name == "MOVE" else moving.copy
    with staged(
        f"""
        << A1 UID SEARCH UID 1:4294967295
        >> * SEARCH 5
        >> A1 OK done
        << A2 UID {name} 5 "Box"
        >> A2 OK [COPYUID 8 5 1] done
        """,
        offers=offers,
    ) as stage:
        result = stage.run(act(stage.session, MessageSet.from_range(1, 4294967295), "Box"))
    assert result == MoveResult(UIDSet.parse("5"), {5: 1}, 8)
