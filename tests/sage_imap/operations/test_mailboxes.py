"""SELECT, STATUS, LIST and the like, played against scripts."""

from __future__ import annotations

from typing import Any

import pytest

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    LocalProtocolError,
    MailboxExists,
    MailboxNotFound,
)
from sage_imap.models.results import SelectedMailbox
from sage_imap.operations import mailboxes
from sage_imap.protocol.state import ConnectionState
from tests.support.scripts import staged


def test_select() -> None:
    """Everything that SELECT tells, and no news left over from before."""
    with staged(
        """
        << A1 SELECT "Box" (CONDSTORE)
        >> * OK [CLOSED] previous mailbox closed
        >> * FLAGS (\\\\Seen $Work)
        >> * OK [PERMANENTFLAGS (\\\\Seen \\\\*)] flags
        >> * 17 EXISTS
        >> * OK [UIDVALIDITY 42] valid
        >> * OK [UIDNEXT 99] next
        >> * OK [HIGHESTMODSEQ 1234567890123] modseq
        >> A1 OK [READ-WRITE] done
        """
    ) as stage:
        selected = stage.run(mailboxes.select(stage.session, "Box"))
        assert selected == stage.session.mailbox
        assert selected == SelectedMailbox(
            "Box",
            uidvalidity=42,
            uidnext=99,
            exists=17,
            highestmodseq=1234567890123,
            flags=("\\Seen", "$Work"),
            permanent_flags=("\\Seen", "\\*"),
        )
        assert not stage.session.news


def test_what_is_told_of_the_mailbox_before() -> None:
    """What stands before CLOSED is not taken for the mailbox that is selected."""
    with staged(
        """
        << A1 SELECT "Box"
        >> * OK [UIDVALIDITY 5] restored
        >> * 4 EXISTS
        >> * FLAGS (Old)
        >> * OK [CLOSED] previous mailbox closed
        >> A1 OK [READ-WRITE] done
        """,
        offers="IMAP4rev1",
    ) as stage:
        assert stage.run(mailboxes.select(stage.session, "Box")) == SelectedMailbox("Box")


@pytest.mark.parametrize(
    ("code", "readonly", "expected"),
    [
        ("[READ-ONLY] ", False, {"read_only": True}),
        ("", True, {"read_only": True}),
        ("[READ-WRITE] ", True, {}),
        ("", False, {}),
    ],
)
def test_read_only(code: str, readonly: bool, expected: dict[str, Any]) -> None:
    """What the server says of writing counts, else what was asked for."""
    verb = "EXAMINE" if readonly else "SELECT"
    with staged(f'<< A1 {verb} "Box"\n>> A1 OK {code}done', offers="IMAP4rev1") as stage:
        selected = stage.run(mailboxes.select(stage.session, "Box", readonly=readonly))
    assert selected == SelectedMailbox("Box", **expected)


def test_select_without_uids_that_last() -> None:
    """UIDNOTSTICKY and NOMODSEQ are told."""
    with staged(
        """
        << A1 SELECT "Box"
        >> * OK [NOMODSEQ] none
        >> * OK [HIGHESTMODSEQ 5] odd
        >> * OK [UIDVALIDITY 42] valid
        >> * NO [UIDNOTSTICKY] sorry
        >> A1 OK done
        """
    ) as stage:
        selected = stage.run(mailboxes.select(stage.session, "Box", condstore=False))
    assert selected.uid_not_sticky
    assert selected.highestmodseq is None


def test_select_that_fails() -> None:
    """A SELECT that fails leaves nothing selected; one that is not sent leaves all as it was."""
    with staged(
        '<< A1 SELECT "Box"\n>> A1 NO [NONEXISTENT] no', offers="IMAP4rev1", enabled=()
    ) as stage:
        with pytest.raises(CapabilityMissing):
            stage.run(mailboxes.select(stage.session, "Box", condstore=True))
        assert stage.session.mailbox is not None
        with pytest.raises(MailboxNotFound):
            stage.run(mailboxes.select(stage.session, "Box"))
        assert stage.session.mailbox is None
        assert stage.session.connection.state is ConnectionState.AUTHENTICATED


@pytest.mark.parametrize(
    ("offers", "script"),
    [
        ("IMAP4rev1 UNSELECT", "<< A1 UNSELECT\n>> A1 OK done"),
        (
            "IMAP4rev1",
            '<< A1 EXAMINE "INBOX"\n>> * 3 EXISTS\n>> A1 OK done\n<< A2 CLOSE\n>> A2 OK done',
        ),
        ("IMAP4rev1", '<< A1 EXAMINE "INBOX"\n>> A1 NO gone'),
    ],
)
def test_unselect(offers: str, script: str) -> None:
    """The mailbox is left without an expunge, with or without the extension."""
    with staged(script, offers=offers) as stage:
        stage.run(mailboxes.unselect(stage.session))
        assert stage.session.mailbox is None
        assert stage.session.connection.state is ConnectionState.AUTHENTICATED
        assert not stage.session.news
        stage.run(mailboxes.unselect(stage.session))  # does nothing


def test_status() -> None:
    """Counters that the server has; those of other mailboxes are left out."""
    with staged(
        """
        << A1 STATUS "Box" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
        >> * STATUS Other (MESSAGES 5)
        >> * STATUS Box (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 UNSEEN 4)
        >> A1 OK done
        << A2 STATUS "Inbox" (MESSAGES)
        >> * STATUS INBOX (MESSAGES 6)
        >> A2 OK done
        << A3 STATUS "Box" (SIZE MAILBOXID)
        >> * STATUS Box (SIZE 7 MAILBOXID (F8))
        >> A3 OK done
        """,
        offers="IMAP4rev1 STATUS=SIZE OBJECTID",
    ) as stage:
        told = stage.run(mailboxes.status(stage.session, "Box"))
        assert (told.messages, told.uidnext, told.uidvalidity, told.unseen) == (1, 2, 3, 4)
        assert told.highestmodseq is None
        assert stage.run(mailboxes.status(stage.session, "Inbox", ["MESSAGES"])).messages == 6
        more = stage.run(mailboxes.status(stage.session, "Box", ["SIZE", "MAILBOXID"]))
        assert (more.size, more.mailbox_id) == (7, "F8")


def test_list() -> None:
    """Names, delimiters, what mailboxes are for; modified UTF-7 is read and written."""
    with staged(
        """
        << A1 LIST "" "*" RETURN (SPECIAL-USE)
        >> * LIST (\\\\HasNoChildren \\\\Archive) "/" Archive
        >> * LIST (\\\\Noselect) "/" "R&AOk-sum&AOk-s"
        >> * LIST () NIL flat
        >> A1 OK done
        << A2 CREATE "R&AOk-sum&AOk-"
        >> A2 NO [ALREADYEXISTS] there
        """
    ) as stage:
        archive, resumes, flat = stage.run(mailboxes.list_mailboxes(stage.session))
        assert (archive.name, archive.special_use, archive.delimiter) == (
            "Archive",
            "archive",
            "/",
        )
        assert (resumes.name, resumes.selectable) == ("Résumés", False)
        assert flat.delimiter is None
        with pytest.raises(MailboxExists):
            stage.run(mailboxes.create(stage.session, "Résumé"))


@pytest.mark.parametrize(
    ("offers", "script", "expected"),
    [
        (
            "IMAP4rev1 NAMESPACE",
            '<< A1 NAMESPACE\n>> * NAMESPACE (("INBOX." ".")) NIL NIL\n>> A1 OK done',
            ("INBOX.", "."),
        ),
        (
            "IMAP4rev1",
            '<< A1 LIST "" ""\n>> * LIST (\\\\Noselect) "." ""\n>> A1 OK done',
            ("", "."),
        ),
        ("IMAP4rev1", '<< A1 LIST "" ""\n>> A1 OK done', ("", "/")),
        (
            "IMAP4rev1 NAMESPACE",
            '<< A1 NAMESPACE\n>> A1 NO no\n<< A2 LIST "" ""\n'
            '>> * LIST (\\\\Noselect) NIL ""\n>> A2 OK done',
            ("", None),
        ),
        (
            "IMAP4rev1 NAMESPACE",
            "<< A1 NAMESPACE\n>> * NAMESPACE NIL NIL NIL\n>> A1 OK done\n"
            '<< A2 LIST "" ""\n>> A2 OK done',
            ("", "/"),
        ),
    ],
)
def test_namespace(offers: str, script: str, expected: tuple[str, str | None]) -> None:
    """The personal namespace, asked for once."""
    with staged(script, offers=offers) as stage:
        for _ in range(2):
            space = stage.run(mailboxes.namespace(stage.session))
            assert space.personal[0] == expected


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        ('>> * LIST () "/" Box\n', CommandRejected),
        ("", MailboxNotFound),
        ('>> * LIST () "/" "Box of others"\n', MailboxNotFound),
        ('>> * LIST (\\\\Noselect) "/" Box\n', MailboxNotFound),
    ],
)
def test_select_refused_without_a_reason(listed: str, kind: type[CommandRejected]) -> None:
    """Where the server does not say why, LIST tells whether the mailbox is there."""
    with staged(
        f"""
        << A1 SELECT "Box"
        >> A1 NO no
        << A2 LIST "" "Box"
        {listed}
        >> A2 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        with pytest.raises(CommandRejected) as caught:
            stage.run(mailboxes.select(stage.session, "Box"))
        assert type(caught.value) is kind


def test_refused_status() -> None:
    """A refusal is raised."""
    with (
        staged('<< A1 STATUS "Box" (MESSAGES)\n>> A1 NO [LIMIT] no') as stage,
        pytest.raises(CommandRejected),
    ):
        stage.run(mailboxes.status(stage.session, "Box", ["MESSAGES"]))


def test_status_of_nobody_knows_which() -> None:
    """Where several mailboxes are told of, and none is the one in question, nothing is known."""
    with staged(
        """
        << A1 STATUS "Box" (MESSAGES)
        >> * STATUS One (MESSAGES 1)
        >> * STATUS Two (MESSAGES 2)
        >> A1 OK done
        """
    ) as stage:
        assert stage.run(mailboxes.status(stage.session, "Box", ["MESSAGES"])).messages is None


def test_the_case_of_inbox() -> None:
    """A refusal is none for want of the mailbox, and the selected one is not renamed."""
    with staged(
        """
        << A1 SELECT "inbox"
        >> A1 NO busy
        << A2 LIST "" "inbox"
        >> * LIST () "/" INBOX
        >> A2 OK done
        """,
        offers="IMAP4rev1",
    ) as stage:
        for change in (
            mailboxes.rename(stage.session, "inbox", "Old"),
            mailboxes.delete(stage.session, "Inbox"),
        ):
            with pytest.raises(LocalProtocolError, match="is selected"):
                stage.run(change)
        with pytest.raises(CommandRejected) as caught:
            stage.run(mailboxes.select(stage.session, "inbox"))
        assert type(caught.value) is CommandRejected
