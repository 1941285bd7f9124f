"""SEARCH, played against scripts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sage_imap.errors import CommandRejected, LocalProtocolError, MessageUnreadable
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.operations import searching
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from sage_imap.providers import PROVIDERS, UNKNOWN
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
        found = stage.run(searching.search(stage.session, "UNSEEN"))
    assert (str(found), found.mailbox, found.uidvalidity) == (expected, "INBOX", 7)


@pytest.mark.parametrize(
    ("told", "readable"),
    [
        ('* ESEARCH (TAG "A1") ALL 2:4', False),
        ('* ESEARCH (TAG "A1") COUNT 0', True),
        ('* ESEARCH (TAG "A9") UID ALL 2:4', True),
    ],
)
def test_search_answers_that_are_none(told: str, *, readable: bool) -> None:
    """Numbers that are no UIDs are not taken for any, nor is the answer to another command."""
    script = f"<< A1 UID SEARCH RETURN (ALL) UNSEEN\n>> {told}\n>> A1 OK done"
    with staged(script, offers="IMAP4rev1 ESEARCH") as stage:
        if readable:
            assert not stage.run(searching.search(stage.session, "UNSEEN"))
            return
        with pytest.raises(MessageUnreadable):
            stage.run(searching.search(stage.session, "UNSEEN"))


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
        assert str(stage.run(searching.search(stage.session, 'SUBJECT "résumé"'))) == "4"


def test_search_needs_a_mailbox() -> None:
    """Nothing is searched where nothing is selected."""
    with (
        staged("", state=ConnectionState.AUTHENTICATED) as stage,
        pytest.raises(LocalProtocolError),
    ):
        stage.run(searching.search(stage.session))


DOVECOT = next(provider for provider in PROVIDERS if provider.name == "Dovecot")
SHORT = replace(UNKNOWN, command_length=80)
UNSEEN = IMAPSearchCriteria.UNSEEN
ODD = UIDSet.of(range(101, 160, 2))


@pytest.mark.parametrize(
    ("criteria", "before", "after"),
    [
        (IMAPSearchCriteria.uid(ODD), "UID ", ""),
        (f"UID {ODD}", "UID ", ""),
        (UNSEEN & IMAPSearchCriteria.uid(ODD), "(UNSEEN UID ", ")"),
        (IMAPSearchCriteria.uid(ODD) & UNSEEN, "(UNSEEN UID ", ")"),
        (["UNSEEN", f"uid {ODD}"], "(UNSEEN UID ", ")"),
        (["UNSEEN", UNSEEN & IMAPSearchCriteria.uid(ODD)], "(UNSEEN UNSEEN UID ", ")"),
        (IMAPSearchCriteria.uid(ODD) & IMAPSearchCriteria.uid("1:200"), "UID ", ""),
    ],
)
def test_search_for_many_uids(criteria: str, before: str, after: str) -> None:
    """UIDs that must fit are asked for in lines that are short enough; the results are one."""
    room = 80 - len(f"UID SEARCH {before}1{after}") - 14
    portions = list(ODD.split(most_ids=30, most_bytes=room))
    assert len(portions) > 1
    script = "".join(
        f"<< A{tag} UID SEARCH {before}{part}{after}\n>> * SEARCH {part.max}\n>> A{tag} OK done\n"
        for tag, part in enumerate(portions, 1)
    )
    with staged(script, offers="IMAP4rev1") as stage:
        stage.session.provider = SHORT
        found = stage.run(searching.search(stage.session, criteria))
    assert found.uids == UIDSet.of(part.max for part in portions)


def test_search_for_no_uids() -> None:
    """UIDs that exclude each other fit nothing, which needs no command."""
    two = IMAPSearchCriteria.uid(ODD) & IMAPSearchCriteria.uid(UIDSet.of(range(200, 260, 2)))
    with staged("", offers="IMAP4rev1") as stage:
        stage.session.provider = SHORT
        assert not stage.run(searching.search(stage.session, two))


def test_search_for_far_more_uids_than_there_are() -> None:
    """One look at what lies between the first and the last is enough."""
    scattered = UIDSet.of(range(1, 400_000, 2))
    with staged(
        """
        << A1 UID SEARCH (UNSEEN UID 1:399999)
        >> * SEARCH 3 4 7
        >> A1 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        criteria = UNSEEN & IMAPSearchCriteria.uid(scattered)
        found = stage.run(searching.search(stage.session, criteria))
    assert str(found) == "3,7"


@pytest.mark.parametrize("criteria", [~IMAPSearchCriteria.uid(ODD), f"SEEN UID {ODD}"])
def test_search_that_is_too_long(criteria: str) -> None:
    """What cannot be portioned is refused where the bound is known; else the server decides."""
    with staged("", offers="IMAP4rev1") as stage:
        stage.session.provider = replace(DOVECOT, command_length=7001)
        long = f"OR {criteria} {IMAPSearchCriteria.subject('x' * 7000)}"
        with pytest.raises(
            LocalProtocolError, match=r"7\d\d\d octets, of which Dovecot takes 7001"
        ):
            stage.run(searching.search(stage.session, long))
    with staged(f"<< A1 UID SEARCH {criteria}\n>> A1 BAD no", offers="IMAP4rev1") as stage:
        stage.session.provider = SHORT
        with pytest.raises(CommandRejected):
            stage.run(searching.search(stage.session, criteria))
