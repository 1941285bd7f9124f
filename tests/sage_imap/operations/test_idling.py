"""IDLE, played against scripts: nothing is missed, and no clock is needed."""

from __future__ import annotations

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    LocalProtocolError,
    OperationTimeout,
    ServerClosing,
)
from sage_imap.operations import idling
from sage_imap.operations.idling import Idle
from sage_imap.operations.session import noop
from sage_imap.protocol.events import ExistsReceived, ExpungeReceived
from tests.support.scripts import Stage, staged


def _begun(stage: Stage, renew: float = 540.0) -> Idle:
    idle = Idle(renew)
    stage.run(idling.begin(stage.session, idle))
    return idle


def test_continuation_and_news_in_one_segment() -> None:
    """What comes along with the continuation is told by the first wait, without reading."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        >> * 1 EXISTS
        """
    ) as stage:
        idle = _begun(stage)
        assert stage.run(idling.wait(stage.session, idle, 60)) == [ExistsReceived(1)]


def test_news_before_the_continuation() -> None:
    """News may also come between the command and its continuation."""
    with staged("<< A1 IDLE\n>> * 1 EXISTS\n>> + idling") as stage:
        idle = Idle(540.0)
        assert stage.run(idling.wait(stage.session, idle, 60)) == [ExistsReceived(1)]


def test_wait_and_end() -> None:
    """A wait brings all that came together; an empty one lasts as long as was asked for."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. silence
        >> * OK Still here
        >> * 2 EXISTS
        >> * 1 EXPUNGE
        << DONE
        >> * 3 EXISTS
        >> A1 OK done
        """
    ) as stage:
        idle = _begun(stage)
        assert stage.run(idling.wait(stage.session, idle, 60)) == []
        assert stage.transport.now == 60
        assert stage.run(idling.wait(stage.session, idle, 60)) == [
            ExistsReceived(2),
            ExpungeReceived(1),
        ]
        stage.run(idling.end(stage.session, idle))
        stage.run(idling.end(stage.session, idle))  # a second end does nothing
        assert stage.session.take_news() == [ExistsReceived(3)]


def test_half_a_response_does_not_prolong_the_wait() -> None:
    """The timeout is of the wait, not of each read."""
    with staged(
        r"""
        << A1 IDLE
        >> + idling
        .. cut
        >> * 2 EX\c
        .. pass 61
        """
    ) as stage:
        idle = _begun(stage)
        with pytest.raises(AssertionError):  # it would read on, within the time that is left
            stage.run(idling.wait(stage.session, idle, 60))


def test_poll() -> None:
    """A wait of no time looks at what has come by now."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. cut
        >> * 2 EXISTS
        .. silence
        """
    ) as stage:
        idle = _begun(stage)
        assert stage.run(idling.wait(stage.session, idle, 0)) == [ExistsReceived(2)]
        assert stage.run(idling.wait(stage.session, idle, 0)) == []


def test_renewal() -> None:
    """IDLE is ended and begun anew in time, and a wait goes on across it."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. silence
        << DONE
        >> A1 OK done
        << A2 IDLE
        >> + idling
        .. silence
        << DONE
        >> A2 OK done
        << A3 IDLE
        >> + idling
        .. pass 7
        >> * 5 EXISTS
        """
    ) as stage:
        idle = _begun(stage, renew=100.0)
        assert stage.run(idling.wait(stage.session, idle, 250)) == [ExistsReceived(5)]
        assert stage.transport.now == 207


def test_renewal_ends_the_wait_in_time() -> None:
    """A wait that is longer than a cycle still ends when it should."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. silence
        << DONE
        >> A1 OK done
        << A2 IDLE
        >> + idling
        .. silence
        """
    ) as stage:
        idle = _begun(stage, renew=100.0)
        assert stage.run(idling.wait(stage.session, idle, 150)) == []
        assert stage.transport.now == 150


def test_news_between_done_and_the_next_idle() -> None:
    """What comes while IDLE is being renewed ends the wait; the next one begins IDLE anew."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. silence
        << DONE
        >> * 5 EXISTS
        >> A1 OK done
        << A2 IDLE
        >> + idling
        >> * 6 EXISTS
        """
    ) as stage:
        idle = _begun(stage, renew=100.0)
        assert stage.run(idling.wait(stage.session, idle, 250)) == [ExistsReceived(5)]
        assert stage.run(idling.wait(stage.session, idle, 250)) == [ExistsReceived(6)]


def test_done_unanswered() -> None:
    """A link that is dead is found out by DONE, within the timeout."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        .. silence
        << DONE
        .. silence
        """
    ) as stage:
        idle = _begun(stage, renew=100.0)
        with pytest.raises(OperationTimeout, match="DONE"):
            stage.run(idling.wait(stage.session, idle, 250))
        assert stage.transport.now == 100 + stage.session.timeout


def test_server_ends_idle() -> None:
    """A server that ends IDLE by itself is taken at its word, and asked anew a little later."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        >> * 5 EXISTS
        >> A1 OK that is all
        .. silence
        << A2 IDLE
        >> + idling
        .. cut
        >> A2 OK that is all
        .. silence
        << A3 IDLE
        >> + idling
        .. silence
        """
    ) as stage:
        idle = _begun(stage)
        assert stage.run(idling.wait(stage.session, idle, 60)) == [ExistsReceived(5)]
        assert idle.handle is None
        assert stage.run(idling.wait(stage.session, idle, 60)) == []


def test_server_ends_idle_before_done() -> None:
    """No DONE is sent where the server was known to be first; another command goes through."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        >> A1 OK that is all
        << A2 NOOP
        >> A2 OK done
        """
    ) as stage:
        idle = _begun(stage)
        stage.run(idling.end(stage.session, idle))
        stage.run(noop(stage.session))


@pytest.mark.parametrize("answer", ["A1 NO not here", "A1 BAD what"])
def test_refused(answer: str) -> None:
    """A refusal is raised, and the connection stays usable."""
    with staged(f"<< A1 IDLE\n>> {answer}\n<< A2 NOOP\n>> A2 OK done") as stage:
        with pytest.raises(CommandRejected):
            _begun(stage)
        stage.run(noop(stage.session))


def test_not_offered() -> None:
    """Nothing is sent to a server without IDLE."""
    with staged("", offers="IMAP4rev1") as stage, pytest.raises(CapabilityMissing):
        _begun(stage)


@pytest.mark.parametrize("ending", [".. eof", ".. silence"])
def test_bye(ending: str) -> None:
    """BYE is raised as such, also where the server forgets to close the connection."""
    with staged(f"<< A1 IDLE\n>> + idling\n.. cut\n>> * BYE going down\n{ending}") as stage:
        idle = _begun(stage)
        with pytest.raises(ServerClosing) as caught:
            stage.run(idling.wait(stage.session, idle, 600))
        assert caught.value.text == "going down"
        assert stage.transport.now < 10


def test_stopped() -> None:
    """A wait ends IDLE where it is stopped; what came is told, and IDLE is not begun anew."""
    with staged("<< A1 IDLE\n>> + idling\n<< DONE\n>> * 3 EXISTS\n>> A1 OK done") as stage:
        idle = _begun(stage)
        idle.stopped = True
        assert stage.run(idling.wait(stage.session, idle, 60)) == [ExistsReceived(3)]
        assert stage.run(idling.wait(stage.session, idle, 60)) == []
        assert idle.handle is None


def test_of_another_connection() -> None:
    """An IDLE of a connection that has ended tells nothing about the one that there is now."""
    with staged("<< A1 IDLE\n>> + idling") as before:
        idle = _begun(before)
    with staged("<< A1 IDLE\n>> + idling") as after:
        with pytest.raises(LocalProtocolError, match="begin anew"):
            after.run(idling.wait(after.session, idle, 60))
        idle.stopped = True
        assert after.run(idling.wait(after.session, idle, 60)) == []
        idle.stopped = False
        after.run(idling.begin(after.session, idle))
        assert idle.held_on(after.session)


@pytest.mark.parametrize("renew", [0, -1, float("inf"), float("nan")])
def test_renewal_that_cannot_be(renew: float) -> None:
    """A cycle without a length would do nothing but end and begin IDLE."""
    with pytest.raises(LocalProtocolError, match="positive"):
        Idle(renew)


def test_stopped_with_news_at_hand() -> None:
    """The server does not go on holding it, whatever there was to tell."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        >> * 2 EXISTS
        << DONE
        >> A1 OK done
        << A2 NOOP
        >> A2 OK done
        """
    ) as stage:
        idle = _begun(stage)
        stage.session.absorb()
        idle.stopped = True
        assert stage.run(idling.wait(stage.session, idle, 60)) == [ExistsReceived(2)]
        assert idle.handle is None
        stage.run(noop(stage.session))


def test_a_server_that_ends_it_at_once() -> None:
    """It is not asked again and again without a pause."""
    with staged(
        """
        << A1 IDLE
        >> + idling
        >> A1 OK done
        .. silence
        << A2 IDLE
        >> + idling
        .. silence
        """
    ) as stage:
        assert stage.run(idling.wait(stage.session, Idle(540.0), 3.0)) == []
        assert stage.transport.now == 3.0
