"""The guide's results: a refusal is a value, a lost connection is not."""

from __future__ import annotations

import pytest

from sage_imap.errors import CapabilityMissing, CommandRejected, ConnectionLost, MailboxMismatch
from sage_imap.models.message import MessageSet
from sage_imap.operations import mailboxes, outcomes
from sage_imap.protocol.sets import UIDSet
from tests.support.scripts import staged


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
        << A3 UID EXPUNGE 1:2
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
