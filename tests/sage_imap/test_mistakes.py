"""What callers get wrong first is told at once, before anything is sent, with the way out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    AuthenticationFailed,
    BatchFailed,
    CommandRejected,
    ConfigurationError,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    MailboxNotFound,
    MessageUnreadable,
    OperationTimeout,
)
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult, SelectedMailbox
from sage_imap.operations import (
    connecting,
    fetching,
    idling,
    mailboxes,
    messages,
    moving,
    outcomes,
    searching,
)
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from sage_imap.services import IMAPClient
from tests.support.scripts import staged
from tests.support.shells import SHELLS, connected

EXAMINED = SelectedMailbox("INBOX", uidvalidity=7, exists=10, read_only=True)
ONE = MessageSet("1")
NONE: Any = None
TEXT: Any = "text"
DAY: Any = date(2026, 1, 1)
HOST = {"host": "imap.example.org"}
SECURE = 'does it want security = "tls"'


@pytest.mark.parametrize(
    "change",
    [
        lambda session: messages.store(session, ONE, ["\\Seen"]),
        lambda session: messages.expunge(session, ONE),
        lambda session: messages.expunge_flagged(session, ONE),
        lambda session: messages.delete(session, ONE),
        lambda session: moving.move(session, ONE, "Box"),
    ],
)
def test_a_mailbox_that_is_selected_read_only(change: Callable[[Session], Operation[Any]]) -> None:
    """No change is sent: servers answer OK to it and do nothing."""
    with (
        staged("", mailbox=EXAMINED) as stage,
        pytest.raises(LocalProtocolError, match=r"read-only; \w+ was not sent"),
    ):
        stage.run(change(stage.session))


@pytest.mark.parametrize("given", [[1, 2], 1, "1:3", None, UIDSet.of([1])])
def test_uids_that_are_no_message_set(given: Any) -> None:
    """The error names the type and how to make one."""
    with staged("") as stage:
        for operation in (
            fetching.fetch(stage.session, given, ["FLAGS"]),
            messages.store(stage.session, given, ["\\Seen"]),
            moving.move(stage.session, given, "Box"),
        ):
            with pytest.raises(LocalProtocolError, match=r"MessageSet\.from_uids"):
                stage.run(operation)


def test_what_was_not_touched_is_a_set_for_another_try() -> None:
    """It belongs to the mailbox of the first try."""
    asked = MessageSet("1:3", "INBOX", 7)
    result: OperationResult[None] = OperationResult(False, messages=UIDSet.of([2]), asked=asked)

    assert result.untouched == MessageSet("1,3", "INBOX", 7)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda session: messages.append(session, "INBOX", TEXT), "a message is bytes"),
        (lambda session: searching.search(session, ["SINCE", DAY]), "not date"),
        (lambda session: messages.store(session, ONE, "\\Seen"), "several strings"),
        (lambda session: mailboxes.select(session, NONE), "name is a text, not NoneType"),
        (lambda session: messages.append(session, "INBOX", b"x", date=TEXT), "is a datetime"),
        (lambda session: messages.append(session, "INBOX", b"x", flags=NONE), "several strings"),
        (lambda session: searching.search(session, NONE), "not NoneType"),
        (lambda session: messages.store(session, ONE, NONE), "several strings, not None"),
        (lambda session: messages.store(session, ONE, [NONE]), "a flag is a text"),
        (lambda session: fetching.fetch(session, ONE, NONE), "names such as FLAGS"),
        (
            lambda session: fetching.fetch(session, ONE, ["FLAGS"], changed_since=TEXT),
            "the mod-sequence is no number",
        ),
        (lambda session: idling.wait(session, idling.Idle(5.0), NONE), "number of seconds"),
    ],
)
def test_a_value_of_another_type(
    operation: Callable[[Session], Operation[Any]], words: str
) -> None:
    """Nothing is sent, and the mailbox stays selected."""
    with staged("") as stage:
        with pytest.raises(LocalProtocolError, match=words):
            stage.run(operation(stage.session))
        assert stage.session.mailbox is not None


@pytest.mark.parametrize("size", [0, NONE, TEXT, 1.5])
def test_batches_of_no_size(size: Any) -> None:
    """They are refused when they are asked for, and not at the first one."""
    with pytest.raises(ValueError, match="at least one message"):
        ONE.iter_batches(size)


@pytest.mark.parametrize("transfer", [outcomes.moved, outcomes.copied])
def test_no_folder_is_made_for_no_message(transfer: Callable[..., Operation[Any]]) -> None:
    """Nothing to move or to copy: nothing is sent, and that is no failure."""
    with staged("") as stage:
        result = stage.run(transfer(stage.session, MessageSet(""), "New", create=True))
    assert (result.success, len(result.messages)) == (True, 0)


def test_one_item_as_a_text() -> None:
    """It is not taken letter by letter."""
    script = "<< A1 UID FETCH 1 (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS ())\n>> A1 OK done"
    with staged(script) as stage:
        rows = stage.run(fetching.fetch(stage.session, ONE, "FLAGS"))
    assert len(rows) == 1


def test_idle_without_a_mailbox() -> None:
    """There would be nothing to tell, for ever."""
    with (
        staged("", state=ConnectionState.AUTHENTICATED) as stage,
        pytest.raises(LocalProtocolError, match="IDLE needs a selected mailbox"),
    ):
        stage.run(idling.begin(stage.session, idling.Idle(renew=60)))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("NO [NONEXISTENT] no INBX", MailboxNotFound, "SELECT: .* there is no such mailbox"),
        ("BAD what", CommandRejected, "SELECT: .*BAD, which says that it does not understand"),
    ],
)
def test_a_refusal_says_what_was_refused(answer: str, kind: type[IMAPError], words: str) -> None:
    """Command and meaning stand in the message, the server's own words in the error's text."""
    script = f'<< A1 SELECT "INBX"\n>> A1 {answer}'
    with (
        staged(script, state=ConnectionState.AUTHENTICATED, offers="IMAP4rev1") as stage,
        pytest.raises(kind, match=words) as caught,
    ):
        stage.run(mailboxes.select(stage.session, "INBX"))
    assert isinstance(caught.value, CommandRejected)
    assert caught.value.text in answer
    assert caught.value.text not in str(caught.value)


def test_a_refused_log_in_says_what_to_check() -> None:
    """Most often it is the password, or the lack of one made for programs."""
    assert "app password" in str(AuthenticationFailed("NO", "AUTHENTICATIONFAILED"))


def test_a_failed_batch_names_its_first_reason() -> None:
    """A handler that is wrong for every message is told from a mail that is odd."""
    error = BatchFailed(8, 8, TypeError("handler() takes 0 positional arguments"))

    assert str(error).endswith("because of TypeError")
    assert isinstance(error.__cause__, TypeError)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("imap.example.org", "a mapping or an IMAPConfig"),
        ({"host": "imaps://imap.example.org"}, "without imaps://"),
        ({"host": "127.0.0.1:143"}, "without imaps:// and port"),
        (HOST | {"port": "143"}, "not '143'"),
        (HOST | {"port": True}, "not True"),
        (HOST | {"timeout": "10"}, "positive numbers"),
        (HOST | {"connect_timeout": None}, "positive numbers"),
        (HOST | {"ca_file": "ca.pem"}, "ssl_context"),
        (HOST | {"starttls": True}, 'security = "starttls"'),
    ],
)
def test_a_configuration(config: Any, words: str) -> None:
    """A setting of another type, or of another library, is an error that says what to give."""
    with pytest.raises(ConfigurationError, match=words):
        IMAPClient(config)


def test_names_of_other_libraries() -> None:
    """Those that mean just the same are understood."""
    config = IMAPConfig.of({"hostname": "::1", "login": "ann", "use_tls": False})

    assert (config.host, config.username, config.effective_security) == ("::1", "ann", "plain")


def test_no_user_name() -> None:
    """Nobody is signed in as the empty name, and no credentials are sent."""
    script = ">> * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello"
    with (
        staged(script, offers=None, state=ConnectionState.GREETING) as stage,
        pytest.raises(ConfigurationError, match="username is missing"),
    ):
        stage.run(connecting.sign_in(stage.session, IMAPConfig(host="h")))


@pytest.mark.parametrize(("security", "hinted"), [("plain", True), ("tls", False)])
def test_no_greeting(security: Any, *, hinted: bool) -> None:
    """A port that waits for TLS is silent; who speaks plainly is asked whether it is one."""
    with (
        staged(".. silence", offers=None, state=ConnectionState.GREETING) as stage,
        pytest.raises(OperationTimeout, match="no greeting came from h:") as caught,
    ):
        stage.run(connecting.sign_in(stage.session, IMAPConfig(host="h", security=security)))
    assert (SECURE in str(caught.value)) is hinted


@pytest.mark.parametrize("shell", SHELLS)
async def test_nobody_listens(shell: str) -> None:
    """The error names host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = IMAPConfig(host="127.0.0.1", port=port, security="plain", username="ann")
    with pytest.raises(ConnectionLost, match=f"127.0.0.1:{port}"):
        async with connected(shell, config):
            pass


@pytest.mark.parametrize(
    "answer", ["* SEARCH 1 2 x 3", '* ESEARCH (TAG "A1") UID ALL 1:x', "* SEARCH 1 2 (oops"]
)
def test_an_answer_to_search_that_cannot_be_read(answer: str) -> None:
    """It is an error, since "none" would be taken for an empty mailbox."""
    with (
        staged(f"<< A1 UID SEARCH ALL\n>> {answer}\n>> A1 OK done", offers="IMAP4rev1") as stage,
        pytest.raises(MessageUnreadable, match="nothing was found out"),
    ):
        stage.run(searching.search(stage.session))


def test_criteria_of_several_words_stay_together() -> None:
    """What is made from a text of several keys is one key where it is put together with others."""
    both = IMAPSearchCriteria("SEEN FLAGGED")

    assert str(~both) == "NOT (SEEN FLAGGED)"
    assert str(both | "UID 5") == "OR (SEEN FLAGGED) (UID 5)"
    assert str(IMAPSearchCriteria.subject("a b") | both) == 'OR SUBJECT "a b" (SEEN FLAGGED)'


def test_a_name_of_other_libraries_beside_the_real_one() -> None:
    """The system's own keys of these names are none of the connection's."""
    config = {"server": {"threads": 4}, "host": "imap.example.org", "login": True, "user": "x"}

    found = IMAPConfig.of({**config, "username": "ann"})

    assert (found.host, found.username) == ("imap.example.org", "ann")
    assert IMAPConfig.of({"server": "h"}).host == "h"


def test_what_was_stored_and_not_told() -> None:
    """A message whose flags were set already is touched, one that is gone is not."""
    script = """
        << A1 UID STORE 1:3 +FLAGS (Done)
        >> * 2 FETCH (UID 2 FLAGS (Done))
        >> A1 OK done
        << A2 UID SEARCH UID 1,3
        >> * SEARCH 3
        >> A2 OK done
        """
    with staged(script, offers="IMAP4rev1") as stage:
        result = stage.run(outcomes.stored(stage.session, MessageSet("1:3"), ["Done"], "add"))
    assert str(result.messages) == "2:3"
    assert str(result.untouched) == "1"


def test_rows_that_came_before_a_refusal() -> None:
    """They are in the result, beside the error."""
    script = """
        << A1 UID FETCH 1:2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> A1 NO one of them is gone
        """
    with staged(script) as stage:
        result = stage.run(outcomes.fetched(stage.session, MessageSet("1:2"), ["FLAGS"]))
    assert not result.success
    assert (str(result.messages), str(result.untouched)) == ("1", "2")


@pytest.mark.parametrize("service", [services.IMAPFlagService, aio.IMAPFlagService])
async def test_one_flag_as_a_text(service: Any) -> None:
    """It is one flag, and not one for each letter."""
    asked: list[list[str]] = []

    class Client:
        def run(self, operation: object, wanted: object, flags: list[str], mode: str) -> Any:
            asked.append(flags)
            return asyncio.sleep(0) if service is aio.IMAPFlagService else None

    for change in ("add_flags", "remove_flags", "set_flags"):
        done = getattr(service(Client()), change)(ONE, "Work")
        if done is not None:
            await done
    assert asked == [["Work"]] * 3
