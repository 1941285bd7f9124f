"""What all conversations share: deadlines, ends, news."""

from __future__ import annotations

import sys
import threading

import pytest

from sage_imap.errors import (
    CommandRejected,
    ConnectionLost,
    LimitExceeded,
    LocalProtocolError,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
)
from sage_imap.models.message import MessageSet
from sage_imap.operations import fetching, idling
from sage_imap.operations import session as sessions
from sage_imap.operations.idling import Idle
from sage_imap.operations.session import noop
from sage_imap.protocol.events import (
    Event,
    ExistsReceived,
    ExpungeReceived,
    ParseFailure,
    VanishedReceived,
)
from sage_imap.protocol.state import ConnectionState
from tests.support.scripts import TIMEOUT, staged


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
