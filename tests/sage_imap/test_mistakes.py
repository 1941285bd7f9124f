"""What callers get wrong first is told at once, before anything is sent, with the way out."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    AuthenticationFailed,
    BatchFailed,
    CommandRejected,
    ConfigurationError,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    MailboxMismatch,
    MailboxNotFound,
    MessageUnreadable,
    OperationTimeout,
)
from sage_imap.helpers.enums import Flag
from sage_imap.helpers.search import IMAPSearchCriteria as C
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
from sage_imap.operations.session import Session, kind_of_news
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from sage_imap.services import IMAPClient
from tests.support.scripts import RICH, staged
from tests.support.shells import SHELLS, connected

EXAMINED = SelectedMailbox("INBOX", uidvalidity=7, exists=10, read_only=True)
ONE = MessageSet("1")
NONE: Any = None
TEXT: Any = "text"
OCTETS: Any = b"INBOX"
NUMBER: Any = 20260101
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
        (lambda session: messages.store(session, ONE, "\\Seen \\Draft"), r"\[Flag.SEEN, Flag"),
        (lambda session: mailboxes.select(session, NONE), "as list.* gives it, not NoneType"),
        (lambda session: mailboxes.select(session, OCTETS), "as list.* gives it, not bytes"),
        (lambda session: messages.append(session, OCTETS, b"x"), "as list.* gives it, not bytes"),
        (lambda session: moving.move(session, ONE, OCTETS), "as list.* gives it, not bytes"),
        (lambda session: mailboxes.delete(session, NONE), "as list.* gives it, not NoneType"),
        (lambda session: mailboxes.rename(session, NONE, "x"), "as list.* gives it, not NoneType"),
        (lambda session: mailboxes.list_mailboxes(session, "", OCTETS), "not bytes"),
        (lambda session: mailboxes.status(session, "INBOX", NUMBER), "such as MESSAGES, not int"),
        (lambda session: mailboxes.status(session, "INBOX", [NONE]), "a STATUS item is a text"),
        (lambda session: messages.append(session, "INBOX", b"x", date=TEXT), "is a datetime"),
        (lambda session: messages.append(session, "INBOX", b"x", flags=NONE), "flags are texts"),
        (lambda session: searching.search(session, NONE), "not NoneType"),
        (lambda session: messages.store(session, ONE, NONE), r"\[Flag.SEEN\], not NoneType"),
        (lambda session: messages.store(session, ONE, OCTETS), r"\[Flag.SEEN\], not bytes"),
        (lambda session: outcomes.stored(session, ONE, NONE, "add"), "not NoneType"),
        (lambda session: outcomes.stored(session, ONE, [NONE], "add"), "a flag is a text"),
        (lambda session: messages.store(session, ONE, [NONE]), "a flag is a text"),
        (lambda session: fetching.fetch(session, ONE, NONE), "names such as FLAGS"),
        (lambda session: fetching.fetch(session, ONE, [NONE]), "such as FLAGS, not NoneType"),
        (lambda session: fetching.fetch(session, ONE, [OCTETS]), "such as FLAGS, not bytes"),
        (lambda session: outcomes.fetched(session, ONE, NONE), "names such as FLAGS"),
        (lambda session: connecting.identify(session, TEXT), "takes a mapping"),
        (lambda session: connecting.identify(session, {"name": NUMBER}), "fields of ID are texts"),
        (lambda session: connecting.enable(session, NONE), "an extension is a text"),
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


@pytest.mark.parametrize(
    ("operation", "sent", "answer"),
    [
        (
            lambda session: fetching.fetch(session, ONE, "FLAGS"),
            "UID FETCH 1 (UID FLAGS)",
            "* 1 FETCH (UID 1 FLAGS ())",
        ),
        (
            lambda session: outcomes.fetched(session, ONE, "FLAGS"),
            "UID FETCH 1 (UID FLAGS)",
            "* 1 FETCH (UID 1 FLAGS ())",
        ),
        (
            lambda session: mailboxes.status(session, "INBOX", "messages"),
            'STATUS "INBOX" (MESSAGES)',
            "* STATUS INBOX (MESSAGES 3)",
        ),
        (
            lambda session: messages.store(session, ONE, Flag.SEEN),
            "UID STORE 1 +FLAGS (\\\\Seen)",
            "* 1 FETCH (UID 1 FLAGS (\\\\Seen))",
        ),
        (
            lambda session: outcomes.stored(session, ONE, "Work", "remove"),
            "UID STORE 1 -FLAGS (Work)",
            "* 1 FETCH (UID 1 FLAGS ())",
        ),
        (
            lambda session: messages.append(session, "INBOX", b"x", flags="Work"),
            'APPEND "INBOX" (Work) {1+}\\r\\nx',
            "* 11 EXISTS",
        ),
    ],
)
def test_one_of_several_as_a_text(
    operation: Callable[[Session], Operation[Any]], sent: str, answer: str
) -> None:
    """One item or flag is that one, wherever several may be given, and not its letters."""
    with staged(f"<< A1 {sent}\n>> {answer}\n>> A1 OK done") as stage:
        stage.run(operation(stage.session))


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
        ({"host": " 127.0.0.1 "}, "host has a blank"),
        ({"host": "mail.example.org\n"}, "host has a blank"),
        (HOST | {"use_ssl": False, "security": "tls"}, 'contradicts security = "tls"'),
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


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "username"),
        ({"username": "ann"}, "password"),
        ({"username": "ann", "password": ""}, "password"),
        ({"username": "ann", "auth": "plain"}, "password"),
    ],
)
def test_no_credentials(given: dict[str, Any], missing: str) -> None:
    """Nobody is signed in as the empty name or by the empty password: servers count failures."""
    script = ">> * OK hello"
    with (
        staged(script, offers=None, state=ConnectionState.GREETING) as stage,
        pytest.raises(ConfigurationError, match=f"{missing} is missing; nothing was sent"),
    ):
        stage.run(connecting.sign_in(stage.session, IMAPConfig(host="h", **given)))


def test_who_is_known_already_needs_no_credentials() -> None:
    """Behind PREAUTH there is nothing to sign in with."""
    script = ">> * PREAUTH [CAPABILITY IMAP4rev1] hello"
    with staged(script, offers=None, state=ConnectionState.GREETING) as stage:
        stage.run(connecting.sign_in(stage.session, IMAPConfig(host="h", security="plain")))


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
    both = C("SEEN FLAGGED")

    assert str(~both) == "NOT (SEEN FLAGGED)"
    assert str(both | "UID 5") == "OR (SEEN FLAGGED) (UID 5)"
    assert str(C.subject("a b") | both) == 'OR SUBJECT "a b" (SEEN FLAGGED)'


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


@pytest.mark.parametrize(
    "build",
    [
        lambda: C.since(NUMBER),
        lambda: C.on(NONE),
        lambda: C.header("a", NONE),
        lambda: C.header(NONE, "a"),
        lambda: C.subject(NUMBER),
        lambda: C.keyword(NONE),
        lambda: C.email_id(NONE),
        lambda: C.filter(NONE),
        lambda: C.modseq(7, NUMBER),
        lambda: C.uid(OCTETS),
        lambda: C.uid(NONE),
        lambda: C.uid("3 4"),
        lambda: C.uid("4294967296"),
        lambda: C.sequence(NUMBER),
        lambda: ~C.or_criteria(C.SEEN, NONE),
        lambda: C.of(OCTETS),
    ],
)
def test_search_criteria_of_another_type(build: Callable[[], object]) -> None:
    """They raise what the module says that they raise."""
    with pytest.raises(LocalProtocolError):
        build()


@pytest.mark.parametrize("build", [C.keyword, C.unkeyword])
def test_a_flag_that_is_no_keyword(build: Callable[[str], C]) -> None:
    """What has a backslash has a key of its own."""
    with pytest.raises(LocalProtocolError, match=r"IMAPSearchCriteria\.SEEN"):
        build("\\Seen")


@pytest.mark.parametrize("wrong", [NONE, 5, "NEWS"])
def test_news_of_no_kind(wrong: Any) -> None:
    """The error names the kinds."""
    with pytest.raises(LocalProtocolError, match="IDLE, EXISTS"):
        kind_of_news(wrong)


@pytest.mark.parametrize("renew", ["x", 0, float("nan")])
def test_idle_renewed_at_no_time(renew: Any) -> None:
    """The error says what *renew* is."""
    with pytest.raises(LocalProtocolError, match="positive number of seconds"):
        idling.Idle(renew)


@pytest.mark.parametrize("take", [bytearray, memoryview])
def test_a_message_in_another_kind_of_octets(take: Callable[[bytes], Any]) -> None:
    """It is copied, so that NUL in it is noticed and its length is that in octets."""
    script = '<< A1 APPEND "INBOX" ~{3+}\\r\\na\\x00b\n>> A1 OK done'
    with staged(script, offers=f"{RICH} BINARY") as stage:
        stage.run(messages.append(stage.session, "INBOX", take(b"a\0b")))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (MessageSet("1", "Other"), "another mailbox .* select theirs"),
        (MessageSet("1", "INBOX", 5), "UIDVALIDITY 5 .* has 7 now.* search again"),
    ],
)
@pytest.mark.parametrize(
    "operation",
    [
        lambda session, asked: outcomes.deleted(session, asked),
        lambda session, asked: outcomes.fetched(session, asked, "FLAGS"),
        lambda session, asked: outcomes.moved(session, asked, "Box", create=True),
        lambda session, asked: messages.store(session, asked, "Work"),
    ],
)
def test_messages_of_another_mailbox(
    operation: Callable[[Session, MessageSet], Operation[Any]], asked: MessageSet, words: str
) -> None:
    """The error says which of the two is another, and what to do; no command is named."""
    with staged("") as stage:
        with pytest.raises(MailboxMismatch, match=f"{words}.*; nothing was sent"):
            stage.run(operation(stage.session, asked))
        assert stage.session.mailbox is not None


@pytest.mark.parametrize(
    "operation",
    [
        lambda session, asked: outcomes.deleted(session, asked),
        lambda session, asked: outcomes.fetched(session, asked, "FLAGS"),
        lambda session, asked: outcomes.stored(session, asked, "Work", "add"),
        lambda session, asked: outcomes.copied(session, asked, "Box", create=True),
    ],
)
def test_uids_that_are_no_message_set_to_a_service(
    operation: Callable[[Session, Any], Operation[Any]],
) -> None:
    """A service says the same as the plain method."""
    with (
        staged("") as stage,
        pytest.raises(LocalProtocolError, match=r"MessageSet\.from_uids"),
    ):
        stage.run(operation(stage.session, [1, 2]))


def test_a_mailbox_that_list_does_not_know_either() -> None:
    """The error names the command, and says that the mailbox before is not selected any more."""
    script = """
        << A1 SELECT "INBX"
        >> A1 NO what
        << A2 LIST "" "INBX"
        >> A2 OK done
        """
    with (
        staged(script, offers="IMAP4rev1") as stage,
        pytest.raises(MailboxNotFound, match=r"SELECT: .*no mailbox is selected now") as caught,
    ):
        stage.run(mailboxes.select(stage.session, "INBX"))
    assert caught.value.command == "SELECT"


@pytest.mark.parametrize("name", ["username", "password"])
@pytest.mark.parametrize("sign", ["\r", "\n", "\0"])
def test_credentials_with_a_line_end(name: str, sign: str) -> None:
    """A password from a file often has one, which no server would take for part of it."""
    with pytest.raises(ConfigurationError, match="strip it"):
        IMAPConfig.of({"host": "h", name: f"secret{sign}"})
