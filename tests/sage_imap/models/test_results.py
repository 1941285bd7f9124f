"""Results can be logged: what they print of themselves holds no mail."""

from __future__ import annotations

import pytest

from sage_imap.models.results import FetchRow, MessageFailure, OperationResult, SelectedMailbox
from sage_imap.operations.streams import row_of
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState

ROW = (
    b'* 1 FETCH (UID 1 FLAGS () X-GM-LABELS ("geheim") ENVELOPE ("Fri, 17 Jul 2026 02:44:25 +0000"'
    b' "geheim" (("geheim" NIL "geheim" "x.org")) NIL NIL NIL NIL NIL NIL "<geheim@x.org>")'
    b' BODYSTRUCTURE (("TEXT" "PLAIN" ("NAME" "geheim.txt") NIL "geheim" "7BIT" 5 1'
    b' NIL NIL NIL NIL) "MIXED" ("BOUNDARY" "geheim") NIL NIL NIL)'
    b' BODY[] "a: geheim" BODY[1] NIL)\r\n'
)


@pytest.fixture
def row() -> FetchRow:
    """A row as the server sent it, with all that may not be logged."""
    connection = Connection(state=ConnectionState.SELECTED, capabilities=["IMAP4rev1"])
    connection.receive_data(ROW)
    event = connection.next_event()
    assert isinstance(event, FetchReceived)
    return row_of(event, 1, SelectedMailbox("INBOX", uidvalidity=7))


def test_a_row_prints_sizes_and_names(row: FetchRow) -> None:
    """What was fetched can be seen, and what it says cannot."""
    assert row.envelope is not None
    assert row.envelope.subject == "geheim"
    assert repr(row) == (
        "FetchRow(uid=1, seq=1, flags=(), envelope=Envelope(date=2026-07-17T02:44:25+00:00), "
        "structure=BodyPart(multipart/mixed, size=None, parts=1), sections={'': 9, '1': None}, "
        "mailbox='INBOX', uidvalidity=7, extras=['X-GM-LABELS'])"
    )
    assert row.structure is not None
    assert repr(row.structure.parts) == "(BodyPart(text/plain, size=5, parts=0),)"
    assert repr(FetchRow(2)) == "FetchRow(uid=2)"


def test_an_outcome_prints_no_message(row: FetchRow) -> None:
    """Neither rows nor messages nor what a handler said of one."""
    result = OperationResult(
        success=False,
        value=[row],
        messages=UIDSet.of([1]),
        metadata={"fetched_messages": [row.message()], "note": "geheim"},
        failures=[MessageFailure(2, ValueError("geheim"))],
    )
    assert "geheim" not in repr(result)
    assert "MessageFailure(uid=2, error=ValueError)" in repr(result)


def test_what_was_touched_without_a_name_counts() -> None:
    """A server without UIDPLUS tells no UID of what it took."""
    result: OperationResult[None] = OperationResult(True, messages=UIDSet.of([4]), unnamed=1)
    assert (result.successful_messages, result.failed_messages) == (2, 0)
