"""FETCH, played against scripts: batches, order, slices, and what is not a row."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from sage_imap.errors import (
    CommandRejected,
    ConnectionLost,
    LocalProtocolError,
    MailboxMismatch,
    ServerClosing,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow, SelectedMailbox
from sage_imap.operations import fetching, mailboxes
from sage_imap.operations.plans import Bounds
from sage_imap.operations.session import noop
from sage_imap.operations.streams import Row
from sage_imap.protocol.events import ExpungeReceived, FetchReceived, ParseFailure
from tests.support.scripts import Stage, staged


def _uids(rows: Sequence[Row] | None) -> list[int]:
    assert rows is not None
    return [row.uid for row in rows if isinstance(row, FetchRow)]


def _fetch(
    stage: Stage, uids: str, items: Sequence[str], bounds: Bounds | None = None
) -> list[Row]:
    return stage.run(
        fetching.fetch(stage.session, MessageSet(uids), items, bounds=bounds or Bounds())
    )


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_metadata(chunk: int | None) -> None:
    """One batch, one row a message; UID is asked for without saying."""
    with staged(
        """
        << A1 UID FETCH 3,5 (UID FLAGS RFC822.SIZE MODSEQ)
        >> * 1 FETCH (UID 3 FLAGS (\\\\Seen) RFC822.SIZE 12 MODSEQ (99))
        >> * 2 FETCH (UID 5 FLAGS () RFC822.SIZE 13 MODSEQ (100))
        >> A1 OK done
        """,
        chunk=chunk,
    ) as stage:
        rows = _fetch(stage, "3,5", ["FLAGS", "RFC822.SIZE", "MODSEQ"])
    first = rows[0]
    assert isinstance(first, FetchRow)
    assert (first.uid, first.seq, first.flags, first.size, first.modseq) == (
        3,
        1,
        ("\\Seen",),
        12,
        99,
    )
    assert (first.mailbox, first.uidvalidity) == ("INBOX", 7)
    assert _uids(rows) == [3, 5]
    assert not stage.session.news


def test_empty_set() -> None:
    """Nothing is asked for where nothing is wanted."""
    with staged("") as stage:
        assert _fetch(stage, "", ["FLAGS"]) == []


def test_item_that_is_none() -> None:
    """A slip in an item is found before anything is sent."""
    with staged("") as stage, pytest.raises(LocalProtocolError, match="BODY"):
        _fetch(stage, "1", ["BODY[", "FLAGS"])


@pytest.mark.parametrize("item", ["RFC822", "BODY[]", "BODY.PEEK[]", "body[]"])
def test_bodies(item: str) -> None:
    """Sizes come first; the old and the short names never set \\Seen."""
    peek = "body.PEEK[]" if item == "body[]" else "BODY.PEEK[]"
    with staged(
        f"""
        << A1 UID FETCH 3 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 3 RFC822.SIZE 5)
        >> A1 OK done
        << A2 UID FETCH 3 (UID {peek})
        >> * 1 FETCH (UID 3 BODY[] {{5}}
        >> hello)
        >> A2 OK done
        """
    ) as stage:
        (row,) = _fetch(stage, "3", [item])
    assert isinstance(row, FetchRow)
    assert row.sections == {"": b"hello"}


def test_batches_are_pipelined() -> None:
    """Nothing is sent before a row is wanted; then batches go ahead, up to the bound."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID FLAGS)
        << A2 UID FETCH 3:4 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A1 OK done
        .. cut
        << A3 UID FETCH 5:6 (UID FLAGS)
        """
    ) as stage:
        session, bounds = stage.session, Bounds(messages=2, batches=2)
        stream = stage.run(
            fetching.open_stream(session, MessageSet("1:9"), ["FLAGS"], bounds=bounds)
        )
        assert stage.transport.sent == b""
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [1, 2]
        assert stream.in_flight == 2


def test_completion_out_of_order() -> None:
    """Dovecot may complete pipelined commands in another order; no row is lost by it."""
    with staged(
        """
        << A1 UID FETCH 1 (UID FLAGS)
        << A2 UID FETCH 2 (UID FLAGS)
        << A3 UID FETCH 3 (UID FLAGS)
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A2 OK done
        >> * 1 FETCH (UID 1 FLAGS ())
        >> * 3 FETCH (UID 3 FLAGS ())
        >> A3 OK done
        >> A1 OK done
        << A4 UID FETCH 4 (UID FLAGS)
        >> * 4 FETCH (UID 4 FLAGS ())
        >> A4 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:4", ["FLAGS"], Bounds(messages=1))
    assert _uids(rows) == [2, 1, 3, 4]


def test_refused_batch() -> None:
    """A NO to one batch is raised behind the rows of all others."""
    with staged(
        """
        << A1 UID FETCH 1 (UID FLAGS)
        << A2 UID FETCH 2 (UID FLAGS)
        << A3 UID FETCH 3 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> A1 OK done
        >> A2 NO [SERVERBUG] sorry
        >> * 3 FETCH (UID 3 FLAGS ())
        >> A3 OK done
        """
    ) as stage:
        stream = stage.run(
            fetching.open_stream(
                stage.session, MessageSet("1:3"), ["FLAGS"], bounds=Bounds(messages=1)
            )
        )
        assert _uids(stage.run(fetching.next_rows(stage.session, stream))) == [1, 3]
        with pytest.raises(CommandRejected) as caught:
            stage.run(fetching.next_rows(stage.session, stream))
        assert caught.value.code == "SERVERBUG"
        assert caught.value.connection_usable


def test_failures_are_rows() -> None:
    """What cannot be understood is told; a size like that costs no body."""
    with staged(
        """
        << A1 UID FETCH 1:3 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> * 2 FETCH (UID 2 RFC822.SIZE x)
        >> * 3 FETCH (UID 3 RFC822.SIZE 5)
        >> A1 OK done
        << A2 UID FETCH 1 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] {5}
        >> hello)
        >> A2 OK done
        << A3 UID FETCH 2 (UID)
        >> * 2 FETCH (UID 2)
        >> A3 OK done
        << A4 UID FETCH 2 (UID BODY.PEEK[]<0.4194304>)
        >> * 2 FETCH (UID 2 BODY[]<0> "hello")
        >> A4 OK done
        << A5 UID FETCH 3 (UID BODY.PEEK[])
        >> * 3 FETCH (UID 3 BODY[] )
        >> A5 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:3", ["BODY.PEEK[]"])
    assert {row.uid: type(row) for row in rows} == {
        1: FetchRow,
        2: FetchRow,
        3: ParseFailure,
    }


def test_vanishing_message() -> None:
    """A message that goes between its size and its body has no row, and its going is news."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> * 2 FETCH (UID 2 RFC822.SIZE 5)
        >> A1 OK done
        << A2 UID FETCH 1:2 (UID BODY.PEEK[])
        >> * 2 FETCH (UID 2 BODY[] "hello")
        >> * 1 EXPUNGE
        >> A2 OK done
        """
    ) as stage:
        assert _uids(_fetch(stage, "1:2", ["BODY.PEEK[]"])) == [2]
        assert stage.session.take_news() == [ExpungeReceived(1)]
        assert stage.session.mailbox is not None
        assert stage.session.mailbox.exists == 9


def test_flags_told_unasked() -> None:
    """Flags of another message, or of a row that is due with more, are news and no row."""
    with staged(
        """
        << A1 UID FETCH 1 (UID RFC822.SIZE)
        >> * 9 FETCH (UID 9 FLAGS (\\\\Seen))
        >> * 1 FETCH (UID 1 FLAGS (\\\\Seen))
        >> * 1 FETCH (FLAGS (\\\\Seen))
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> A1 OK done
        """
    ) as stage:
        assert _uids(_fetch(stage, "1", ["RFC822.SIZE"])) == [1]
        news = stage.session.take_news()
    assert [event.items.get("UID") for event in news if isinstance(event, FetchReceived)] == [
        9,
        1,
        None,
    ]


def test_a_message_that_is_but_named() -> None:
    """Of what was asked for only a part that may come unasked, or nothing: a row all the same.

    What is told of a message whose row came already makes no second one.
    """
    with staged(
        """
        << A1 UID FETCH 1:5 (UID FLAGS RFC822.SIZE)
        >> * 1 FETCH (UID 1 FLAGS (a))
        >> * 2 FETCH (UID 2)
        >> * 3 FETCH (UID 3 MODSEQ (7))
        >> * 4 FETCH (UID 4 FLAGS ())
        >> * 4 FETCH (UID 4 FLAGS (b) RFC822.SIZE 5)
        >> * 4 FETCH (UID 4 FLAGS (c))
        >> * 5 FETCH (UID 5 RFC822.SIZE 6)
        >> * 5 FETCH (UID 5 FLAGS (d))
        >> A1 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:5", ["FLAGS", "RFC822.SIZE"])
        news = stage.session.take_news()
    found = {row.uid: (row.flags, row.size) for row in rows if isinstance(row, FetchRow)}
    assert found == {1: (("a",), None), 2: (None, None), 4: (("b",), 5), 5: (("d",), 6)}
    assert len(rows) == len(found)
    assert [event.items["UID"] for event in news if isinstance(event, FetchReceived)] == [
        *(1, 3, 4, 4, 5)
    ]


@pytest.mark.parametrize("told", ["", " RFC822.SIZE NIL"])
def test_a_message_of_unknown_size(told: str) -> None:
    """It is read in slices, so that no literal is larger than one."""
    with staged(
        f"""
        << A1 UID FETCH 1:3 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> * 2 FETCH (UID 2{told})
        >> * 3 FETCH (UID 3 FLAGS ())
        >> A1 OK done
        << A2 UID FETCH 1 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] "hello")
        >> A2 OK done
        << A3 UID FETCH 2 (UID)
        >> * 2 FETCH (UID 2)
        >> A3 OK done
        << A4 UID FETCH 2 (UID BODY.PEEK[]<0.4194304>)
        >> * 2 FETCH (UID 2 BODY[]<0> "world")
        >> A4 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:3", ["BODY.PEEK[]"])
    assert [isinstance(row, FetchRow) and row.sections[""] for row in rows] == [b"hello", b"world"]


def test_sizes_are_asked_for_ahead() -> None:
    """The second portion of sizes is on its way with the bodies of the first."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> * 2 FETCH (UID 2 RFC822.SIZE 5)
        >> A1 OK done
        << A2 UID FETCH 3 (UID RFC822.SIZE)
        << A3 UID FETCH 1:2 (UID BODY.PEEK[])
        >> * 3 FETCH (UID 3 RFC822.SIZE 5)
        >> A2 OK done
        << A4 UID FETCH 3 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] "hello")
        >> * 2 FETCH (UID 2 BODY[] "hello")
        >> A3 OK done
        >> * 3 FETCH (UID 3 BODY[] "hello")
        >> A4 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:3", ["BODY.PEEK[]"], bounds=Bounds(messages=2))
    assert _uids(rows) == [1, 2, 3]


def test_row_in_several_responses() -> None:
    """A row may come in pieces; what is missing at the end is None, and no UID is lost."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID FLAGS RFC822.SIZE ENVELOPE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 5)
        >> * 2 FETCH (UID 2 RFC822.SIZE 6 FLAGS ())
        >> * 1 FETCH (UID 1 FLAGS () ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL))
        >> A1 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:2", ["FLAGS", "RFC822.SIZE", "ENVELOPE"])
    assert _uids(rows) == [1, 2]
    assert [row.size for row in rows if isinstance(row, FetchRow)] == [5, 6]
    assert [row.envelope is None for row in rows if isinstance(row, FetchRow)] == [False, True]


def test_items_without_a_field() -> None:
    """What has no field of its own is kept under its name."""
    with staged(
        """
        << A1 UID FETCH 1 (UID X-GM-MSGID BINARY.SIZE[1] BODY.PEEK[TEXT]<0.3> BODY.PEEK[1.MIME])
        >> * 1 FETCH (UID 1 X-GM-MSGID 77 BINARY.SIZE[1] 4 BODY[TEXT]<0> "abc" BODY[1.MIME] NIL)
        >> A1 OK done
        """,
        offers="IMAP4rev1 X-GM-EXT-1 BINARY",
    ) as stage:
        (row,) = _fetch(
            stage, "1", ["X-GM-MSGID", "BINARY.SIZE[1]", "BODY[TEXT]<0.3>", "BODY[1.MIME]"]
        )
    assert isinstance(row, FetchRow)
    assert row.sections == {"TEXT<0>": b"abc", "1.MIME": None}
    assert row.extras == {"X-GM-MSGID": 77, "BINARY.SIZE[1]": 4}


def test_parts_are_weighed_like_bodies() -> None:
    """A part may be as large as its message, so that batches of parts are made by size."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 3000)
        >> * 2 FETCH (UID 2 RFC822.SIZE 3000)
        >> A1 OK done
        << A2 UID FETCH 1 (UID BODY.PEEK[1])
        >> * 1 FETCH (UID 1 BODY[1] "one")
        >> A2 OK done
        << A3 UID FETCH 2 (UID BODY.PEEK[1])
        >> * 2 FETCH (UID 2 BODY[1] "two")
        >> A3 OK done
        """
    ) as stage:
        assert _uids(_fetch(stage, "1:2", ["BODY[1]"], Bounds(batch=5000, batches=1))) == [1, 2]


def test_large_message_in_slices() -> None:
    """A large message never comes as one literal; small ones around it come as usual."""
    with staged(
        """
        << A1 UID FETCH 1:3 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 2)
        >> * 2 FETCH (UID 2 RFC822.SIZE 11)
        >> * 3 FETCH (UID 3 RFC822.SIZE 2)
        >> A1 OK done
        << A2 UID FETCH 1 (UID FLAGS BODY.PEEK[])
        >> * 1 FETCH (UID 1 FLAGS () BODY[] "aa")
        >> A2 OK done
        << A3 UID FETCH 2 (UID FLAGS)
        >> * 2 FETCH (UID 2 FLAGS (\\\\Seen))
        >> A3 OK done
        << A4 UID FETCH 2 (UID BODY.PEEK[]<0.4>)
        >> * 2 FETCH (UID 2 BODY[]<0> "hell")
        >> A4 OK done
        << A5 UID FETCH 2 (UID BODY.PEEK[]<4.4>)
        >> * 2 FETCH (UID 2 BODY[]<4> "o wo")
        >> A5 OK done
        << A6 UID FETCH 2 (UID BODY.PEEK[]<8.4>)
        >> * 2 FETCH (UID 2 BODY[]<8> "rld")
        >> A6 OK done
        << A7 UID FETCH 3 (UID FLAGS BODY.PEEK[])
        >> * 3 FETCH (UID 3 FLAGS () BODY[] "cc")
        >> A7 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:3", ["FLAGS", "BODY[]"], Bounds(large=10, slice=4))
    assert _uids(rows) == [1, 2, 3]
    assert [row.sections[""] for row in rows if isinstance(row, FetchRow)] == [
        b"aa",
        b"hello world",
        b"cc",
    ]
    assert isinstance(rows[1], FetchRow)
    assert rows[1].flags == ("\\Seen",)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (">> A3 OK done", "vanished"),
        (">> * 1 FETCH (UID 1 BODY[]<0> )\n>> A3 OK done", ""),
        (">> * 1 FETCH (UID 1)\n>> A3 OK done", "no text"),
        (">> * 1 FETCH (UID 1 BODY[]<0> NIL)\n>> A3 OK done", "no text"),
        (
            '>> * 1 FETCH (UID 1 BODY[]<0> "hell")\n>> A3 OK done\n'
            "<< A4 UID FETCH 1 (UID BODY.PEEK[]<4.4>)\n>> * 1 FETCH (UID 1)\n>> A4 OK done",
            "no text",
        ),
    ],
)
def test_large_message_that_goes(answers: str, reason: str) -> None:
    """A large message that vanishes, or is not to be understood, is a failure with its UID."""
    with staged(
        f"""
        << A1 UID FETCH 1 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 11)
        >> A1 OK done
        << A2 UID FETCH 1 (UID)
        >> * 1 FETCH (UID 1)
        >> A2 OK done
        << A3 UID FETCH 1 (UID BODY.PEEK[]<0.4>)
        {answers}
        """
    ) as stage:
        (row,) = _fetch(stage, "1", ["BODY[]"], Bounds(large=10, slice=4))
    assert isinstance(row, ParseFailure)
    assert row.uid == 1
    assert reason in row.reason


@pytest.mark.parametrize("end", ['""', "NIL"])
def test_a_slice_that_is_short(end: str) -> None:
    """It is the last one only where the size says so, or where nothing follows it."""
    with staged(
        f"""
        << A1 UID FETCH 1 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 99)
        >> A1 OK done
        << A2 UID FETCH 1 (UID)
        >> * 1 FETCH (UID 1)
        >> A2 OK done
        << A3 UID FETCH 1 (UID BODY.PEEK[]<0.4>)
        >> * 1 FETCH (UID 1 BODY[]<0> "he")
        >> A3 OK done
        << A4 UID FETCH 1 (UID BODY.PEEK[]<2.4>)
        >> * 1 FETCH (UID 1 BODY[]<2> "llo")
        >> A4 OK done
        << A5 UID FETCH 1 (UID BODY.PEEK[]<5.4>)
        >> * 1 FETCH (UID 1 BODY[]<5> {end})
        >> A5 OK done
        """
    ) as stage:
        (row,) = _fetch(stage, "1", ["BODY[]"], Bounds(large=10, slice=4))
    assert isinstance(row, FetchRow)
    assert row.sections[""] == b"hello"


def test_one_result_a_message() -> None:
    """A failure beside news of the same message, and a row beside a part of it, are one each."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID FLAGS RFC822.SIZE)
        >> * 1 FETCH (UID 1 FLAGS (a))
        >> * 1 FETCH (UID 1 FLAGS (a) RFC822.SIZE x)
        >> * 2 FETCH (UID 2 FLAGS (b) RFC822.SIZE 5)
        >> * 2 FETCH (UID 2 RFC822.SIZE 5)
        >> A1 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:2", ["FLAGS", "RFC822.SIZE"])
    assert [(row.uid, type(row)) for row in rows] == [(1, ParseFailure), (2, FetchRow)]


@pytest.mark.parametrize(("item", "commands"), [("FLAGS", ["FLAGS"]), ("BODY[]", ["RFC822.SIZE"])])
def test_a_range_without_end_costs_nothing(item: str, commands: Sequence[str]) -> None:
    """Of four thousand million messages those are asked for that are there."""
    asked = "".join(
        f"<< A{tag} UID FETCH 3,70000 (UID {name})\n>> A{tag} OK done\n"
        for tag, name in enumerate(commands, 2)
    )
    with staged(
        """
        << A1 UID SEARCH RETURN (ALL) UID 1:4294967295
        >> * ESEARCH (TAG "A1") UID ALL 3,70000
        >> A1 OK done
        """
        + asked
    ) as stage:
        began = time.process_time()
        assert _fetch(stage, "1:4294967295", [item]) == []
        assert time.process_time() - began < 1


def test_a_set_of_the_order_of_the_mailbox_is_fetched_at_once() -> None:
    """No look is taken at what may well be there."""
    mailbox = SelectedMailbox("INBOX", uidvalidity=7, uidnext=9999, exists=300)
    for uids in ("1:1000", "1:1200"):
        with staged(f"<< A1 UID FETCH {uids} (UID FLAGS)\n>> A1 OK done", mailbox=mailbox) as stage:
            assert _fetch(stage, uids, ["FLAGS"], Bounds(messages=2000)) == []


def test_large_message_that_is_gone_at_once() -> None:
    """A large message that is gone before its first slice is a failure with its UID."""
    with staged(
        """
        << A1 UID FETCH 1 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 11)
        >> A1 OK done
        << A2 UID FETCH 1 (UID)
        >> A2 OK done
        """
    ) as stage:
        (row,) = _fetch(stage, "1", ["BODY[]"], Bounds(large=10, slice=4))
    assert isinstance(row, ParseFailure)
    assert row.uid == 1


def test_message_that_is_too_large() -> None:
    """What would not fit is told by its size, before it is asked for and while it is read."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 999)
        >> * 2 FETCH (UID 2 RFC822.SIZE 11)
        >> A1 OK done
        << A2 UID FETCH 2 (UID)
        >> * 2 FETCH (UID 2)
        >> A2 OK done
        << A3 UID FETCH 2 (UID BODY.PEEK[]<0.9>)
        >> * 2 FETCH (UID 2 BODY[]<0> "123456789")
        >> A3 OK done
        << A4 UID FETCH 2 (UID BODY.PEEK[]<9.9>)
        >> * 2 FETCH (UID 2 BODY[]<9> "123456789")
        >> A4 OK done
        """
    ) as stage:
        rows = _fetch(stage, "1:2", ["BODY[]"], Bounds(large=10, slice=9, largest=17))
    assert [(type(row), row.uid) for row in rows] == [(ParseFailure, 1), (ParseFailure, 2)]


def test_large_message_of_another_mailbox() -> None:
    """A large message is not looked for in a mailbox that was selected meanwhile."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 11)
        >> * 2 FETCH (UID 2 RFC822.SIZE 11)
        >> A1 OK done
        << A2 UID FETCH 1 (UID)
        >> * 1 FETCH (UID 1)
        >> A2 OK done
        << A3 UID FETCH 1 (UID BODY.PEEK[]<0.20>)
        >> * 1 FETCH (UID 1 BODY[]<0> "hello world")
        >> A3 OK done
        << A4 SELECT "Other" (CONDSTORE)
        >> * OK [UIDVALIDITY 8] valid
        >> A4 OK done
        """
    ) as stage:
        session, bounds = stage.session, Bounds(large=10, slice=20)
        opening = fetching.open_stream(session, MessageSet("1:2"), ["BODY[]"], bounds=bounds)
        stream = stage.run(opening)
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [1]
        stage.run(mailboxes.select(session, "Other"))
        with pytest.raises(MailboxMismatch):
            stage.run(fetching.next_rows(session, stream))


def test_command_between_rows() -> None:
    """Another command reads what is in flight to its end first; the rows are kept."""
    with staged(
        """
        << A1 UID FETCH 1 (UID FLAGS)
        << A2 UID FETCH 2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        >> A1 OK done
        .. cut
        << A3 UID FETCH 3 (UID FLAGS)
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A2 OK done
        >> * 3 FETCH (UID 3 FLAGS ())
        >> A3 OK done
        << A4 NOOP
        >> A4 OK done
        << A5 UID FETCH 4 (UID FLAGS)
        >> * 4 FETCH (UID 4 FLAGS ())
        >> A5 OK done
        """
    ) as stage:
        session = stage.session
        bounds = Bounds(messages=1, batches=2)
        stream = stage.run(
            fetching.open_stream(session, MessageSet("1:4"), ["FLAGS"], bounds=bounds)
        )
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [1]
        stage.run(noop(session))
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [2, 3]
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [4]
        assert stage.run(fetching.next_rows(session, stream)) is None


def test_two_streams() -> None:
    """Two iterations may be interleaved; each gets its own rows."""
    with staged(
        """
        << A1 UID FETCH 1 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        .. cut
        >> A1 OK done
        << A2 UID FETCH 1 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 7)
        >> A2 OK done
        << A3 UID FETCH 2 (UID FLAGS)
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A3 OK done
        """
    ) as stage:
        session, bounds = stage.session, Bounds(messages=1, batches=1)
        one = stage.run(fetching.open_stream(session, MessageSet("1:2"), ["FLAGS"], bounds=bounds))
        two = stage.run(fetching.open_stream(session, MessageSet("1"), ["RFC822.SIZE"]))
        assert _uids(stage.run(fetching.next_rows(session, one))) == [1]
        assert _uids(stage.run(fetching.next_rows(session, two))) == [1]
        assert _uids(stage.run(fetching.next_rows(session, one))) == [2]


def test_other_mailbox_between_rows() -> None:
    """After SELECT of another mailbox the rest is not asked for there; rows that came are given."""
    with staged(
        """
        << A1 UID FETCH 1 (UID FLAGS)
        << A2 UID FETCH 2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        .. cut
        >> A1 OK done
        >> * 2 FETCH (UID 2 FLAGS ())
        >> A2 OK done
        << A3 SELECT "Other"
        >> * OK [UIDVALIDITY 8] valid
        >> A3 OK [READ-WRITE] done
        """
    ) as stage:
        session = stage.session
        bounds = Bounds(messages=1, batches=2)
        stream = stage.run(
            fetching.open_stream(session, MessageSet("1:9"), ["FLAGS"], bounds=bounds)
        )
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [1]
        stage.run(mailboxes.select(session, "Other", condstore=False))
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [2]
        with pytest.raises(MailboxMismatch):
            stage.run(fetching.next_rows(session, stream))


@pytest.mark.parametrize(
    ("ending", "kind"), [(".. eof", ConnectionLost), (">> * BYE [UNAVAILABLE] bye", ServerClosing)]
)
def test_end_of_the_stream_behind_rows(ending: str, kind: type[ConnectionLost]) -> None:
    """Rows that came are given before the loss of the connection is raised."""
    with staged(
        f"""
        << A1 UID FETCH 1:2 (UID FLAGS)
        >> * 1 FETCH (UID 1 FLAGS ())
        {ending}
        """
    ) as stage:
        session = stage.session
        stream = stage.run(fetching.open_stream(session, MessageSet("1:2"), ["FLAGS"]))
        assert _uids(stage.run(fetching.next_rows(session, stream))) == [1]
        with pytest.raises(kind) as caught:
            stage.run(fetching.next_rows(session, stream))
        assert not caught.value.connection_usable


def test_wrong_mailbox() -> None:
    """A set of another mailbox, or of another UIDVALIDITY, is refused before a byte is sent."""
    with staged("") as stage:
        for wrong in (MessageSet("1", "Other"), MessageSet("1", "INBOX", 8)):
            with pytest.raises(MailboxMismatch):
                stage.run(fetching.fetch(stage.session, wrong, ["FLAGS"]))
        assert stage.transport.sent == b""


def test_open_set_with_changed_since() -> None:
    """An open set is one batch, whose UIDs the server alone knows."""
    with staged(
        """
        << A1 UID FETCH 7:* (UID FLAGS) (CHANGEDSINCE 5)
        >> * 3 FETCH (UID 8 FLAGS () MODSEQ (6))
        >> A1 OK done
        """
    ) as stage:
        rows = stage.run(
            fetching.fetch(stage.session, MessageSet("7:*"), ["FLAGS"], changed_since=5)
        )
    assert _uids(rows) == [8]


def test_sizes_that_are_known_are_not_asked_for() -> None:
    """Bodies are asked for at once, in batches by the sizes that the caller was told."""
    with staged(
        """
        << A1 UID FETCH 1:2 (UID BODY.PEEK[])
        << A2 UID FETCH 3 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] "a")\\r\\n* 2 FETCH (UID 2 BODY[] "b")\\r\\nA1 OK done
        >> * 3 FETCH (UID 3 BODY[] "c")\\r\\nA2 OK done
        """
    ) as stage:
        rows = _with_sizes(stage, {1: 2000, 2: 2000, 3: 2000})
    assert _uids(rows) == [1, 2, 3]


def test_sizes_of_which_one_is_lacking() -> None:
    """Where one size is not known, all are asked for."""
    with staged(
        """
        << A1 UID FETCH 1:3 (UID RFC822.SIZE)
        >> * 1 FETCH (UID 1 RFC822.SIZE 1)\\r\\n* 2 FETCH (UID 2 RFC822.SIZE 1)
        >> * 3 FETCH (UID 3 RFC822.SIZE 1)\\r\\nA1 OK done
        << A2 UID FETCH 1:3 (UID BODY.PEEK[])
        >> * 1 FETCH (UID 1 BODY[] "a")\\r\\n* 2 FETCH (UID 2 BODY[] "b")
        >> * 3 FETCH (UID 3 BODY[] "c")\\r\\nA2 OK done
        """
    ) as stage:
        rows = _with_sizes(stage, {1: 1, 3: 1})
    assert _uids(rows) == [1, 2, 3]


def _with_sizes(stage: Stage, sizes: dict[int, int]) -> list[Row]:
    bounds = Bounds(batch=6500)
    opening = fetching.open_stream(
        stage.session, MessageSet("1:3"), ["BODY.PEEK[]"], sizes=sizes, bounds=bounds
    )
    stream = stage.run(opening)
    rows: list[Row] = []
    while (more := stage.run(fetching.next_rows(stage.session, stream))) is not None:
        rows += more
    return rows
