"""What all conversations share: deadlines, ends, news."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest

from sage_imap.errors import (
    CommandRejected,
    ConnectionLost,
    LimitExceeded,
    LocalProtocolError,
    MailboxMismatch,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
    UIDValidityChanged,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import MoveResult, SelectedMailbox
from sage_imap.operations import fetching, idling, mailboxes, messages, moving, searching
from sage_imap.operations import session as sessions
from sage_imap.operations.effects import Operation
from sage_imap.operations.idling import Idle
from sage_imap.operations.session import Session, kind_of_news, noop
from sage_imap.operations.streams import FetchStream
from sage_imap.protocol.events import (
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    ParseFailure,
    UntaggedStatus,
    VanishedReceived,
)
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from sage_imap.transports.scripted import ScriptedTransport, Step
from tests.support.scripts import TIMEOUT, Stage, staged

ONE: Final = MessageSet("1")
MANY: Final = MessageSet("1:200", "INBOX", 7)
ROW: Final = "* {0} FETCH (UID {0} FLAGS (X))"


def test_news_are_kept() -> None:
    """What the server tells unasked is kept in order, and followed by the mailbox."""
    with staged(
        """
        << A1 NOOP
        >> * 23 EXISTS
        >> * 1 EXPUNGE
        >> * VANISHED 5:6
        >> * VANISHED (EARLIER) 7
        >> * 2 FETCH (FLAGS (
        >> A1 OK done
        """
    ) as stage:
        stage.run(noop(stage.session))
        news = stage.session.take_news()
        assert [type(event) for event in news] == [
            ExistsReceived,
            ExpungeReceived,
            VanishedReceived,
            VanishedReceived,
            ParseFailure,
        ]
        assert stage.session.mailbox is not None
        assert stage.session.mailbox.exists == 20
        assert stage.session.take_news() == []


def test_news_are_bounded() -> None:
    """A flood keeps its latest part."""
    flood = "\n".join(f">> * {number} EXISTS" for number in range(1, 2002))
    with staged(f"<< A1 NOOP\n{flood}\n>> A1 OK done") as stage:
        stage.run(noop(stage.session))
        news = stage.session.take_news()
        assert len(news) == 1000
        assert news[-1] == ExistsReceived(2001)


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is answered without end is given up."""
    monkeypatch.setattr(sessions, "_MOST_EVENTS", 50)
    flood = ">> * 1 EXISTS\n" * 51
    with staged(f"<< A1 NOOP\n{flood}") as stage, pytest.raises(LimitExceeded):
        stage.run(noop(stage.session))


def test_silence() -> None:
    """A server that owes an answer and is silent has a deadline."""
    with staged("<< A1 NOOP\n.. silence") as stage:
        with pytest.raises(OperationTimeout) as caught:
            stage.run(noop(stage.session))
        assert stage.transport.now == TIMEOUT
        assert not caught.value.connection_usable
        assert not caught.value.outcome_known


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (".. eof", ConnectionLost),
        (">> * 1 EXI\\c\n.. eof", ConnectionLost),
        (">> * BYE [UNAVAILABLE] bye\n.. eof", ServerClosing),
        (">> * BYE bye\n.. silence", ServerClosing),
        (">> + what\n>> + is\n>> + this?\n.. eof", ConnectionLost),
    ],
)
def test_ends(script: str, kind: type[Exception]) -> None:
    """Each end of a connection is one typed error, of which nothing is asked twice."""
    with staged(f"<< A1 NOOP\n{script}") as stage:
        with pytest.raises(kind) as caught:
            stage.run(noop(stage.session))
        assert isinstance(caught.value, ConnectionLost)
        assert caught.value.retryable


def test_nonsense() -> None:
    """What cannot be followed any further ends the connection; it is told again to who goes on."""
    with staged("<< A1 NOOP\n>> * 1 FETCH (BODY[] {99999999999}") as stage:
        for _ in range(2):
            with pytest.raises(RemoteProtocolError):
                stage.run(noop(stage.session))


@pytest.mark.parametrize("answer", ["NO [LIMIT] no", "BAD no"])
def test_refusals_leave_the_connection_usable(answer: str) -> None:
    """NO and BAD are answers like others."""
    with staged(f"<< A1 NOOP\n>> A1 {answer}\n<< A2 NOOP\n>> A2 OK done") as stage:
        with pytest.raises(CommandRejected) as caught:
            stage.run(noop(stage.session))
        assert caught.value.connection_usable
        assert caught.value.outcome_known
        stage.run(noop(stage.session))


def test_bye_behind_an_answer() -> None:
    """BYE that came behind an answer is found before the next command is sent."""
    with staged("<< A1 NOOP\n>> A1 OK done\n>> * BYE bye") as stage:
        stage.run(noop(stage.session))
        with pytest.raises(ServerClosing):
            stage.run(noop(stage.session))


def test_nothing_selected() -> None:
    """UIDs mean nothing without a mailbox."""
    with (
        staged("", state=ConnectionState.AUTHENTICATED) as stage,
        pytest.raises(LocalProtocolError, match="selected"),
    ):
        stage.session.uids_for(MessageSet("1"), "FETCH")


def test_news_are_taken_by_several_threads() -> None:
    """Each is told once, whoever takes them, and while more are coming in."""
    total = 30_000
    taken: list[list[Event]] = [[], []]
    ended = threading.Event()

    def take(told: list[Event]) -> None:
        while not ended.is_set() or session.news:
            told += session.take_news()

    interval = sys.getswitchinterval()
    with staged("") as stage:
        session = stage.session
        sys.setswitchinterval(1e-5)
        try:
            threads = [threading.Thread(target=take, args=[told]) for told in taken]
            for thread in threads:
                thread.start()
            for number in range(total):
                while len(session.news) > 900:  # it is bounded
                    pass
                session.news.append(ExistsReceived(number))
            ended.set()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
    counts = [e.count for e in taken[0] + taken[1] if isinstance(e, ExistsReceived)]
    assert sorted(counts) == list(range(total))


def test_at_rest() -> None:
    """Fetches in flight and an IDLE that is held are somebody's; a command that was left is not."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        .. cut
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A1 OK done
        << A2 IDLE
        >> + idling
        << DONE
        >> A2 OK done
        << A3 NOOP
        """
    ) as stage:
        session = stage.session
        stream = stage.run(fetching.open_stream(session, MessageSet("1:2"), ["FLAGS"]))
        stage.run(fetching.next_rows(session, stream))
        assert session.connection.pending == 1
        assert session.at_rest
        idle = Idle(60)
        stage.run(idling.begin(session, idle))
        assert session.connection.pending == 1
        assert session.at_rest
        stage.run(idling.end(session, idle))
        left = noop(session)
        stage.transport.perform(next(left))
        left.close()
        assert not session.at_rest


# A server that sends more than was asked for


def test_an_answer_without_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Octets are counted as well as responses, whatever they are of."""
    monkeypatch.setattr(sessions, "_MOST_OCTETS", 1000)
    flood = f">> * 1 FETCH (BODY[] {{200}}\n>> {'x' * 198}\n>> )\n" * 6
    with staged(f"<< A1 NOOP\n{flood}") as stage, pytest.raises(LimitExceeded, match="octets"):
        stage.run(noop(stage.session))


def test_rows_without_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come again and again while another command waits fill no memory."""
    monkeypatch.setattr(sessions, "_MOST_OCTETS", 1000)
    row = ">> * 1 FETCH (UID 1 FLAGS ())\n"
    script = f"<< A1 UID FETCH 1:2 (UID FLAGS)\n{row}.. cut\n{row * 50}"
    with staged(script) as stage:
        opening = fetching.open_stream(stage.session, MessageSet("1:2"), ["FLAGS"])
        stream = stage.run(opening)
        assert stage.run(fetching.next_rows(stage.session, stream))
        with pytest.raises(LimitExceeded):
            stage.run(noop(stage.session))


def _read_all(stage: Stage, stream: FetchStream) -> None:
    while stage.run(fetching.next_rows(stage.session, stream)):
        pass


@pytest.mark.parametrize("row", ["* 1 FETCH (UID 1 FLAGS ())", "* 1 FETCH ("])
def test_rows_again_and_again(row: str) -> None:
    """Whoever reads on is not sent the same row, or garbage, for ever."""
    with staged(f"<< A1 UID FETCH 1 (UID FLAGS)\n{f'>> {row}{chr(10)}' * 2000}") as stage:
        opening = fetching.open_stream(stage.session, MessageSet("1"), ["FLAGS"])
        stream = stage.run(opening)
        with pytest.raises(LimitExceeded):
            _read_all(stage, stream)


def test_large_rows_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their octets are counted, too, from one completion to the next."""
    monkeypatch.setattr(sessions, "_MOST_OCTETS", 10_000)
    row = f'>> * 1 FETCH (UID 1 RFC822.SIZE 200 X-NOTE "{"x" * 200}")\n.. cut\n' * 100
    with staged("") as stage:
        stage.transport = ScriptedTransport(f"<< A1 UID FETCH 1 (UID RFC822.SIZE)\n{row}")
        opening = fetching.open_stream(stage.session, MessageSet("1"), ["RFC822.SIZE"])
        stream = stage.run(opening)
        with pytest.raises(LimitExceeded, match="octets"):
            _read_all(stage, stream)


def test_texts_that_nobody_asked_for() -> None:
    """Of a row that is news, flags and numbers are kept, and not a body."""
    row = (
        '* 1 FETCH (UID 5 FLAGS (X) ENVELOPE (NIL "Hi" NIL NIL NIL NIL NIL NIL NIL NIL) BODY[] "x")'
    )
    with staged(f"<< A1 NOOP\n>> {row}\n>> A1 OK done") as stage:
        stage.run(noop(stage.session))
        (news,) = stage.session.take_news()
        assert news == FetchReceived(1, {"UID": 5, "FLAGS": ("X",)})


# A server that talks

STILL_HERE = ".. pass 15\n>> * OK Still here\n"


def test_still_here() -> None:
    """A server that says every 15 seconds that it works on it may work for half an hour."""
    with staged(f"<< A1 NOOP\n{STILL_HERE * 119}.. pass 14\n>> A1 OK done") as stage:
        stage.run(noop(stage.session))
        assert stage.transport.now == 119 * 15 + 14


@pytest.mark.parametrize(
    "line",
    ["* OK Still here", "* 7 EXISTS", "* 1 EXPUNGE", "* 1 FETCH (UID 9 FLAGS ())", "* 1 FETCH ("],
)
@pytest.mark.parametrize(
    ("operation", "command"),
    [
        (noop, "NOOP"),
        (lambda session: searching.search(session), "UID SEARCH ALL"),
        (lambda session: messages.store(session, ONE, ["X"]), "UID STORE 1 +FLAGS (X)"),
        (lambda session: fetching.fetch(session, ONE, ["FLAGS"]), "UID FETCH 1 (UID FLAGS)"),
        (lambda session: idling.begin(session, idling.Idle(60.0)), "IDLE"),
    ],
)
def test_talk_without_an_answer(
    operation: Callable[[Session], Operation[Any]], command: str, line: str
) -> None:
    """Lines that say nothing of what was asked for do not put the end off for ever."""
    talk = f".. pass 25\n>> {line}\n" * 72
    with staged(f"<< A1 {command}\n{talk}", offers="IMAP4rev1 IDLE") as stage:
        with pytest.raises(OperationTimeout, match="nothing of the answer") as caught:
            stage.run(operation(stage.session))
        assert stage.transport.now == 60 * TIMEOUT
        assert not caught.value.connection_usable


@pytest.mark.parametrize(
    ("operation", "command", "line"),
    [
        (lambda session: fetching.fetch(session, MANY, ["FLAGS"]), "FETCH 1:200 (UID FLAGS)", ROW),
        (lambda session: messages.store(session, MANY, ["X"]), "STORE 1:200 +FLAGS (X)", ROW),
        (lambda session: messages.expunge(session, MANY), "EXPUNGE 1:200", "* 1 EXPUNGE"),
    ],
)
def test_an_answer_that_takes_long(
    operation: Callable[[Session], Operation[Any]], command: str, line: str
) -> None:
    """What was asked for may come as slowly as it likes, as long as it comes."""
    lines = "".join(f".. pass 29\n>> {line.format(n)}\n" for n in range(1, 201))
    with staged(f"<< A1 UID {command}\n{lines}>> A1 OK done") as stage:
        stage.run(operation(stage.session))
        assert stage.transport.now == 200 * 29


def _dripping(size: int, pieces: int) -> list[Step]:
    """A message of *pieces* pieces of *size* octets, one every 29 seconds."""
    begin = b"* 1 FETCH (UID 1 BODY[TEXT]<0> {%d}\r\n" % (size * pieces)
    drip = [
        step for _ in range(pieces) for step in (Step("pass", seconds=29), Step(">>", b"x" * size))
    ]
    return [
        Step("<<", b"A1 UID FETCH 1 (UID BODY.PEEK[TEXT]<0.9999999>)\r\n"),
        Step(">>", begin),
        *drip,
        Step(">>", b")\r\nA1 OK done\r\n"),
    ]


def test_one_long_response() -> None:
    """A slow line is given the time that a literal needs; a drip of octets is not."""
    items = ["BODY[TEXT]<0.9999999>"]
    with staged("") as stage:
        stage.transport = ScriptedTransport(_dripping(30_000, 100))
        rows = stage.run(fetching.fetch(stage.session, ONE, items))
        assert len(rows) == 1
        assert stage.transport.now == 2900
    with staged("") as stage:
        stage.transport = ScriptedTransport(_dripping(1, 100))
        with pytest.raises(OperationTimeout):
            stage.run(fetching.fetch(stage.session, ONE, items))
        assert stage.transport.now <= 60 * TIMEOUT + 29
        stage.transport = ScriptedTransport("")


def test_time_that_passes_while_nobody_reads() -> None:
    """Whoever takes long over a row does not make the server slow."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> * 3 FETCH (
        >> * OK Still here
        .. cut
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A1 OK done
        """
    ) as stage:
        opening = fetching.open_stream(stage.session, MessageSet("1:2"), ["FLAGS"])
        stream = stage.run(opening)
        assert stage.run(fetching.next_rows(stage.session, stream))
        stage.transport.now += 10_000
        assert stage.run(fetching.next_rows(stage.session, stream))
        assert stage.run(fetching.next_rows(stage.session, stream)) is None


# UIDVALIDITY that changes under our feet

CHANGED = """
    << A1 NOOP
    >> * OK [UIDVALIDITY 8] the mailbox was restored
    >> A1 OK done
"""


@pytest.mark.parametrize("held", [MessageSet("1", "INBOX", 7), ONE, MessageSet("1", "INBOX", 8)])
@pytest.mark.parametrize(
    "operation",
    [
        lambda session, held: messages.store(session, held, ["X"]),
        lambda session, held: messages.expunge(session, held),
        lambda session, held: messages.delete(session, held),
        lambda session, held: searching.search(session, f"UID {held}"),
        lambda session, held: moving.copy(session, held, "Box"),
        lambda session, held: moving.move(session, held, "Box"),
        lambda session, held: fetching.fetch(session, held, ["FLAGS"]),
        lambda session, held: fetching.fetch(session, held, ["BODY[]"]),
    ],
)
def test_void_uids(
    operation: Callable[[Session, MessageSet], Operation[Any]], held: MessageSet
) -> None:
    """No UID goes out, wherever it is from, until the mailbox was selected anew."""
    with staged(CHANGED) as stage:
        stage.run(noop(stage.session))
        sent = len(stage.transport.sent)
        with pytest.raises(UIDValidityChanged, match="nothing was sent") as caught:
            stage.run(operation(stage.session, held))
        error = caught.value
        assert (error.mailbox, error.expected, error.found) == ("INBOX", 7, 8)
        assert error.connection_usable
        assert error.outcome_known
        assert error.partial is None
        assert len(stage.transport.sent) == sent


def test_uids_after_another_select() -> None:
    """Those of the new UIDVALIDITY go out, those of the old one still do not."""
    with staged(
        f"""
        {CHANGED}
        << A2 SELECT "INBOX" (CONDSTORE)
        >> * 2 EXISTS
        >> * OK [UIDVALIDITY 8] valid
        >> A2 OK done
        << A3 UID EXPUNGE 1
        >> A3 OK done
        """
    ) as stage:
        stage.run(noop(stage.session))
        assert [type(event) for event in stage.session.take_news()] == [UntaggedStatus]
        stage.run(mailboxes.select(stage.session, "INBOX"))
        stage.run(messages.expunge(stage.session, MessageSet("1", "INBOX", 8)))
        with pytest.raises(MailboxMismatch):
            stage.run(messages.expunge(stage.session, MessageSet("1", "INBOX", 7)))


@pytest.mark.parametrize("status", ["OK", "NO"])
def test_uids_that_become_void_under_way(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of the command in flight is not known; what was done before it is told."""
    monkeypatch.setattr(messages, "MOST_MESSAGES", 1)
    with (
        staged(
            f"""
            << A1 UID COPY 1 "Box"
            >> A1 OK [COPYUID 5 1 9] done
            << A2 UID COPY 2 "Box"
            >> * OK [UIDVALIDITY 8] the mailbox was restored
            >> A2 {status} done
            """
        ) as stage,
        pytest.raises(UIDValidityChanged, match="not known") as caught,
    ):
        stage.run(moving.copy(stage.session, MessageSet("1:3"), "Box"))
    assert not caught.value.outcome_known
    assert caught.value.connection_usable
    assert caught.value.partial == MoveResult(
        UIDSet.parse("1"), {1: 9}, 5, in_doubt=UIDSet.parse("2")
    )


def test_rows_of_void_uids() -> None:
    """Rows from before the change are whole, later ones are not told under a UID that was."""
    with staged(
        """
        << A1 UID FETCH 1:3 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> * OK [UIDVALIDITY 8] the mailbox was restored
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A1 OK done
        """
    ) as stage:
        with pytest.raises(UIDValidityChanged, match="not known") as caught:
            stage.run(fetching.fetch(stage.session, MessageSet("1:3"), ["FLAGS"]))
        rows = caught.value.partial
        assert isinstance(rows, list)
        assert [(row.uid, row.uidvalidity) for row in rows] == [(1, 7)]


def test_an_iteration_over_void_uids() -> None:
    """It ends with the error, though the mailbox was selected anew between two rows."""
    with staged(
        """
        << A1 UID FETCH 1:3 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        .. cut
        >> * OK [UIDVALIDITY 8] the mailbox was restored
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A1 OK done
        << A2 SELECT "INBOX"
        >> * OK [UIDVALIDITY 8] valid
        >> A2 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        opening = fetching.open_stream(stage.session, MessageSet("1:3"), ["FLAGS"])
        stream = stage.run(opening)
        assert stage.run(fetching.next_rows(stage.session, stream))
        stage.run(mailboxes.select(stage.session, "INBOX"))
        with pytest.raises(UIDValidityChanged):
            stage.run(fetching.next_rows(stage.session, stream))


@pytest.mark.parametrize("before", [7, None])
def test_uidvalidity_that_is_told_again_or_late(before: int | None) -> None:
    """It is no change."""
    mailbox = SelectedMailbox("INBOX", uidvalidity=before, uidnext=100)
    script = "<< A1 NOOP\n>> * OK [UIDVALIDITY 7] valid\n>> A1 OK done\n<< A2 UID EXPUNGE 1\n"
    with staged(f"{script}>> A2 OK done", mailbox=mailbox) as stage:
        stage.run(noop(stage.session))
        assert stage.session.take_news() == []
        assert stage.session.mailbox is not None
        assert stage.session.mailbox.uidvalidity == 7
        stage.run(messages.expunge(stage.session, MessageSet("1", "INBOX", 7)))


def test_idle_wakes_where_uids_become_void() -> None:
    """Whoever waits for news is told."""
    with staged(
        "<< A1 IDLE\n>> + idling\n>> * OK [UIDVALIDITY 8] the mailbox was restored"
    ) as stage:
        events = stage.run(idling.wait(stage.session, idling.Idle(60.0), 30.0))
        assert [type(event) for event in events] == [UntaggedStatus]
        stage.session.news.extend(events)
        assert stage.session.keep_others(kind_of_news("IDLE"), stage.session.take_news()) == events
        assert not stage.session.news
