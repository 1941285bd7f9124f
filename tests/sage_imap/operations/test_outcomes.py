"""The guide's results: a refusal is a value, a lost connection is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    ConnectionLost,
    LocalProtocolError,
    MailboxMismatch,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult
from sage_imap.operations import mailboxes, messages, outcomes
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.commands import StoreMode
from sage_imap.protocol.sets import UIDSet
from tests.support.scripts import staged

FOUR: Final = MessageSet("1:4", "INBOX", 7)


def test_fetched() -> None:
    """Rows, whole messages and failures, each in its place."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 14)
        >> * 2 FETCH (UID 2 RFC822.SIZE 14)
        >> A1 OK done
        << A2 UID FETCH 1:2 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] {15}
        >> Subject: hi
        >> \\r\\n)
        >> * 2 FETCH (UID 2 BODY[] )
        >> A2 OK done
        """
    ) as stage:
        result = stage.run(outcomes.fetched(stage.session, MessageSet("1:2"), ["RFC822"]))
    assert result
    assert result.messages == UIDSet.parse("1")
    assert [message.subject for message in result.metadata["fetched_messages"]] == ["hi"]
    assert [failure.uid for failure in result.metadata["failures"]] == [2]
    assert result.raise_for_error() is result.value


def test_refusals() -> None:
    """A NO, and an extension that is missing, are results with their words."""
    with staged('<< A1 CREATE "Box"\n>> A1 NO [CANNOT] not here', offers="IMAP4rev1") as stage:
        result = stage.run(outcomes.outcome(stage.session, mailboxes.create, "Box"))
        assert not result
        assert result.error_message == "CREATE: the server answered NO [CANNOT]: not here"
        with pytest.raises(CommandRejected):
            result.raise_for_error()
        missing = stage.run(outcomes.deleted(stage.session, MessageSet("1")))
        assert isinstance(missing.error, CapabilityMissing)
        assert (
            stage.run(outcomes.moved(stage.session, MessageSet("1"), "Box", create=True)).messages
            == UIDSet()
        )


def test_exceptions() -> None:
    """What is no answer of the server's is raised."""
    with staged("<< A1 UID SEARCH RETURN (ALL) UID 1 DELETED\n.. eof") as stage:
        with pytest.raises(MailboxMismatch):
            stage.run(outcomes.expunged(stage.session, MessageSet("1", "Other")))
        with pytest.raises(ConnectionLost):
            stage.run(outcomes.expunged(stage.session, MessageSet("1")))


def test_deleted_and_stored() -> None:
    """The counts are those of messages that were really touched."""
    with staged(
        r"""
        << A1 UID STORE 1:2 +FLAGS (\\Deleted)
        >> A1 OK done
        << A2 UID SEARCH RETURN (ALL) UID 1:2 DELETED
        >> * ESEARCH (TAG "A2") UID ALL 1
        >> A2 OK done
        << A3 UID EXPUNGE 1
        >> * 1 EXPUNGE
        >> A3 OK done
        << A4 UID SEARCH RETURN (ALL) UID 1
        >> * ESEARCH (TAG "A4") UID
        >> A4 OK done
        << A5 UID STORE 2 FLAGS (\\Seen)
        >> * 2 FETCH (UID 2 FLAGS (\\Seen))
        >> A5 OK done
        """
    ) as stage:
        deleted = stage.run(outcomes.deleted(stage.session, MessageSet("1:2")))
        assert deleted.success
        assert deleted.error_message is None
        assert deleted.raise_for_error() is None
        assert (deleted.successful_messages, deleted.failed_messages) == (1, 1)
        assert deleted.untouched.uids == UIDSet.parse("2")
        stored = stage.run(outcomes.stored(stage.session, MessageSet("2"), ["\\Seen"], "replace"))
        assert stored.messages == UIDSet.parse("2")


@pytest.mark.parametrize(
    ("mode", "flags", "told", "holds"),
    [
        ("add", ["x"], "(X Y)", True),
        ("add", ["X"], "(Y)", False),
        ("remove", ["X"], "(Y)", True),
        ("remove", ["X"], "(x)", False),
        ("replace", ["X"], r"(X \\Recent)", True),
        ("replace", [], "(Y)", False),
    ],
)
def test_stored_in_vain(mode: StoreMode, flags: list[str], told: str, *, holds: bool) -> None:
    """A message that the server tells without the flag has not got it; others' rows count not."""
    item = {"add": "+FLAGS", "remove": "-FLAGS", "replace": "FLAGS"}[mode]
    with staged(
        f"""
        << A1 UID STORE 1 {item} ({" ".join(flags)})
        >> * 1 FETCH (UID 1 FLAGS {told})
        >> * 9 FETCH (UID 9 FLAGS ({" ".join(flags)}))
        >> A1 OK done
        """
    ) as stage:
        result = stage.run(outcomes.stored(stage.session, MessageSet("1"), flags, mode))
    assert str(result.messages) == ("1" if holds else "")


def test_stored_in_an_open_set() -> None:
    """What is in it is looked up first, so that those that had the flag already count."""
    with staged(
        """
        << A1 UID SEARCH RETURN (ALL) UID 2:*
        >> * ESEARCH (TAG "A1") UID ALL 2:3
        >> A1 OK done
        << A2 UID STORE 2:3 +FLAGS (X)
        >> * 2 FETCH (UID 2 FLAGS (X))
        >> A2 OK done
        << A3 UID SEARCH RETURN (ALL) UID 3
        >> * ESEARCH (TAG "A3") UID ALL 3
        >> A3 OK done
        """
    ) as stage:
        result = stage.run(outcomes.stored(stage.session, MessageSet("2:*"), ["X"], "add"))
    assert result.success
    assert result.messages == UIDSet.parse("2:3")


def test_stored_and_the_look_refused() -> None:
    """A NO to the look behind STORE is a result, too."""
    with staged(
        """
        << A1 UID STORE 1:2 +FLAGS (X)
        >> * 1 FETCH (UID 1 FLAGS (X))
        >> A1 OK done
        << A2 UID SEARCH UID 2
        >> A2 NO busy
        """,
        offers="IMAP4rev1",
    ) as stage:
        result = stage.run(outcomes.stored(stage.session, MessageSet("1:2"), ["X"], "add"))
    assert not result.success
    assert isinstance(result.error, CommandRejected)
    assert (str(result.messages), str(result.untouched)) == ("1", "2")


def test_stored_before_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the portions before it, those that nothing was told about are looked for."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 2)
    with staged(
        """
        << A1 UID STORE 1:2 +FLAGS (X)
        >> A1 OK done
        << A2 UID STORE 3:4 +FLAGS (X)
        >> A2 NO busy
        << A3 UID SEARCH UID 1:2
        >> * SEARCH 2
        >> A3 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        result = stage.run(outcomes.stored(stage.session, MessageSet("1:4"), ["X"], "add"))
    assert (result.success, str(result.messages), str(result.untouched)) == (False, "2", "1,3:4")


@pytest.mark.parametrize("end", [".. eof", ".. lost", ".. silence"])
@pytest.mark.parametrize(
    ("conduct", "script", "done"),
    [
        (
            lambda session: outcomes.stored(session, FOUR, ["X"], "add"),
            """
            << A1 UID STORE 1:2 +FLAGS (X)
            >> * 1 FETCH (UID 1 FLAGS (X))
            >> A1 OK done
            << A2 UID STORE 3:4 +FLAGS (X)
            """,
            "1",
        ),
        (
            lambda session: outcomes.stored(session, MessageSet("1:2", "INBOX", 7), ["X"], "add"),
            """
            << A1 UID STORE 1:2 +FLAGS (X)
            >> * 1 FETCH (UID 1 FLAGS (X))
            >> A1 OK done
            << A2 UID SEARCH UID 2
            """,
            "1",
        ),
        (
            lambda session: outcomes.expunged(session, FOUR),
            """
            << A1 UID SEARCH UID 1:2 DELETED
            >> * SEARCH 1
            >> A1 OK done
            << A2 UID EXPUNGE 1
            >> A2 OK done
            << A3 UID SEARCH UID 1
            >> * SEARCH
            >> A3 OK done
            << A4 UID SEARCH UID 3:4 DELETED
            """,
            "1",
        ),
        (
            lambda session: outcomes.fetched(session, FOUR, ["FLAGS"]),
            "<< A1 UID FETCH 1:4 (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS ())",
            "1",
        ),
        (
            lambda session: outcomes.fetched(session, FOUR, ["BODY[]"]),
            "<< A1 UID FETCH 1:4 (UID RFC822.SIZE)\n>> * 1 FETCH (UID 1 RFC822.SIZE 9)",
            "",
        ),
    ],
    ids=["stored", "looked for", "expunged", "fetched", "sizes"],
)
def test_a_lost_connection_has_the_result_so_far(
    conduct: Callable[[Session], Operation[Any]],
    script: str,
    done: str,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error's ``partial`` says what was done, and what is left for another try."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 2)
    with (
        staged(f"{script}\n{end}", offers="IMAP4rev1 UIDPLUS") as stage,
        pytest.raises(ConnectionLost) as caught,
    ):
        stage.run(conduct(stage.session))
    result = caught.value.partial
    assert isinstance(result, OperationResult)
    assert (result.success, result.error) == (False, caught.value)
    assert str(result.messages) == done
    assert result.asked is not None
    assert result.untouched.uids == result.asked.uids - result.messages


def test_copied_into_a_folder_that_is_made() -> None:
    """A folder is found as the server spells it, and made where it is missing."""
    with staged(
        """
        << A1 LIST "" "INBOX/Box"
        >> A1 OK done
        << A2 NAMESPACE
        >> * NAMESPACE (("INBOX." ".")) NIL NIL
        >> A2 OK done
        << A3 LIST "" "INBOX.Box"
        >> A3 OK done
        << A4 LIST "" "INBOX"
        >> * LIST () "." INBOX
        >> A4 OK done
        << A5 CREATE "INBOX.Box"
        >> A5 OK done
        << A6 UID COPY 2 "INBOX.Box"
        >> A6 OK [COPYUID 1 2 3] done
        """,
        offers="IMAP4rev1 NAMESPACE UIDPLUS",
    ) as stage:
        copied = stage.run(
            outcomes.copied(stage.session, MessageSet("2"), "INBOX/Box", create=True)
        )
    assert copied.messages == UIDSet.parse("2")


@pytest.mark.parametrize(
    ("answer", "uids", "counts", "uid"),
    [
        ("OK [APPENDUID 7 12] done", "12", (1, 0), 12),
        ("OK done", "", (1, 0), None),
        ("NO [OVERQUOTA] full", "", (0, 1), None),
    ],
)
def test_appended(answer: str, uids: str, counts: tuple[int, int], uid: int | None) -> None:
    """What was added counts, under its new UID where the server tells it."""
    with staged(f'<< A1 APPEND "Box" {{1+}}\\r\\nx\n>> A1 {answer}') as stage:
        result = stage.run(outcomes.appended(stage.session, "Box", b"x"))
    assert str(result.messages) == uids
    assert (result.successful_messages, result.failed_messages) == counts
    assert result.success is (counts[0] == 1)
    assert getattr(result.value, "uid", None) == uid
    if result.error is not None:
        assert result.error.text == "full"
        assert result.failures[0].error is result.error


LOOK: Final = """
    << A1 UID SEARCH RETURN (ALL) UID 1:1000000
    >> * ESEARCH (TAG "A1") UID ALL 2,5
    >> A1 OK done
"""
BOX: Final = """
    << A2 LIST "" "Box" RETURN (SPECIAL-USE)
    >> * LIST () "/" Box
    >> A2 OK done
"""


@pytest.mark.parametrize(
    ("conduct", "script"),
    [
        (
            lambda session, asked: outcomes.fetched(session, asked, ["FLAGS"]),
            "<< A2 UID FETCH 2,5 (UID FLAGS)\n>> * 1 FETCH (UID 2 FLAGS ())\n>> A2 OK done",
        ),
        (
            lambda session, asked: outcomes.stored(session, asked, ["X"], "add"),
            """
            << A2 UID STORE 2,5 +FLAGS (X)
            >> * 1 FETCH (UID 2 FLAGS (X))
            >> * 2 FETCH (UID 5 FLAGS ())
            >> A2 OK done
            """,
        ),
        (
            lambda session, asked: outcomes.copied(session, asked, "Box", create=True),
            f'{BOX}<< A3 UID COPY 2,5 "Box"\n>> A3 OK [COPYUID 8 2 1] done',
        ),
        (
            lambda session, asked: outcomes.moved(session, asked, "Box", create=True),
            f'{BOX}<< A3 UID MOVE 2,5 "Box"\n>> * OK [COPYUID 8 2 1] done\n>> A3 OK done',
        ),
        (
            lambda session, asked: outcomes.expunged(session, asked),
            """
            << A2 UID SEARCH RETURN (ALL) UID 2,5 DELETED
            >> * ESEARCH (TAG "A2") UID ALL 2
            >> A2 OK done
            << A3 UID EXPUNGE 2
            >> A3 OK done
            << A4 UID SEARCH RETURN (ALL) UID 2
            >> * ESEARCH (TAG "A4") UID
            >> A4 OK done
            """,
        ),
        (
            lambda session, asked: outcomes.deleted(session, asked),
            r"""
            << A2 UID STORE 2,5 +FLAGS (\\Deleted)
            >> A2 OK done
            << A3 UID SEARCH RETURN (ALL) UID 2,5 DELETED
            >> * ESEARCH (TAG "A3") UID ALL 2
            >> A3 OK done
            << A4 UID EXPUNGE 2
            >> A4 OK done
            << A5 UID SEARCH RETURN (ALL) UID 2
            >> * ESEARCH (TAG "A5") UID
            >> A5 OK done
            """,
        ),
    ],
    ids=["fetched", "stored", "copied", "moved", "expunged", "deleted"],
)
def test_a_wide_range(
    conduct: Callable[[Session, MessageSet], Operation[OperationResult[Any]]], script: str
) -> None:
    """One look tells what is there; counts are of that, and what never was there is no failure."""
    with staged(LOOK + script) as stage:
        result = stage.run(conduct(stage.session, MessageSet("1:1000000", "INBOX", 7)))
    assert result.success
    assert str(result.messages) == "2"
    assert (result.successful_messages, result.failed_messages) == (1, 1)
    assert str(result.untouched) == "5"
    assert result.asked is not None
    assert result.asked.uids == UIDSet.parse("1:1000000")
    assert result.absent == UIDSet.parse("1:1000000") - UIDSet.parse("2,5")


def test_a_wide_range_of_nothing() -> None:
    """Where nothing is there, nothing is done, and no folder is made."""
    script = LOOK.replace(" ALL 2,5", "")
    for conduct in (outcomes.moved, outcomes.copied):
        with staged(script) as stage:
            result = stage.run(conduct(stage.session, MessageSet("1:1000000"), "Box", create=True))
        assert (result.success, result.failed_messages) == (True, 0)


def test_messages_that_were_found() -> None:
    """Those of a search are missed where they are gone, and so are those given as numbers."""
    found = MessageSet.found(UIDSet([(1, 1500)]), "INBOX", 7)
    for asked in (found, found - MessageSet("1"), MessageSet(range(1, 1500)), found & found):
        with staged(
            f"""
            << A1 UID SEARCH RETURN (ALL) UID {asked}
            >> * ESEARCH (TAG "A1") UID ALL 3
            >> A1 OK done
            << A2 UID FETCH 3 (UID FLAGS)
            >> * 1 FETCH (UID 3 FLAGS ())
            >> A2 OK done
            """
        ) as stage:
            result = stage.run(outcomes.fetched(stage.session, asked, ["FLAGS"]))
        assert result.failed_messages == len(asked) - 1
        assert result.absent == UIDSet()


def test_uids_that_were_named() -> None:
    """Beside a wide range, a message that was named by itself is missed where it is gone."""
    with staged(
        """
        << A1 UID SEARCH RETURN (ALL) UID 1:5000,7001,9001
        >> * ESEARCH (TAG "A1") UID ALL 2,9001
        >> A1 OK done
        << A2 UID FETCH 2,9001 (UID FLAGS)
        >> * 1 FETCH (UID 2 FLAGS ())
        >> * 2 FETCH (UID 9001 FLAGS ())
        >> A2 OK done
        """
    ) as stage:
        asked = MessageSet("1:5000,7001,9001")
        result = stage.run(outcomes.fetched(stage.session, asked, ["FLAGS"]))
    assert str(result.messages) == "2,9001"
    assert str(result.untouched) == "7001"
    assert str(result.absent) == "1,3:5000"


@pytest.mark.parametrize(
    ("conduct", "error"),
    [
        (lambda session, asked: outcomes.fetched(session, asked, ["BODY["]), LocalProtocolError),
        (
            lambda session, asked: outcomes.stored(session, asked, ["a b"], "add"),
            LocalProtocolError,
        ),
        (lambda session, asked: outcomes.deleted(session, asked), MailboxMismatch),
    ],
)
def test_mistakes_are_found_before_a_look(
    conduct: Callable[[Session, MessageSet], Operation[Any]], error: type[Exception]
) -> None:
    """What cannot be done is refused before anything is sent, for a wide range as well."""
    where = "Other" if error is MailboxMismatch else "INBOX"
    with staged("") as stage, pytest.raises(error):
        stage.run(conduct(stage.session, MessageSet("1:1000000", where)))
