"""What is personal is masked wherever it stands; what is odd stays odd."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA
from sage_imap.protocol.state import ConnectionState
from sage_imap.testing import Case, load_cases
from sage_imap.testing.player import play
from sage_imap.testing.redaction import Redactor

SHARED = Path(os.environ.get("SAGE_SHARED", "../shared"))
CASES = SHARED / "quirks" / "cases.json"
# Of what a session of ours never asks for, nothing at all is kept.
UNASKED = {"sort", "thread", "metadata", "acl", "quota", "quotaroot", "tagged-two"}


def redacted(data: bytes, *secrets: str) -> bytes:
    """*data* in answer to the command B1."""
    return Redactor(secrets).redact(data, tag=b"B1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Greetings, completions, continuations
        (
            b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready on mail.example.org.\r\n",
            b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready on xxxx.xxxxxxx.xxx.\r\n",
        ),
        (
            b"* OK The Microsoft Exchange IMAP4 service is ready. [QgBZADUAUAA=]\r\n",
            b"* OK The Microsoft Exchange IMAP4 service is ready. [XxXXXXXXXXX=]\r\n",
        ),
        (b"B1 OK [COPYUID 7 1:2 3,4] Zoe done\r\n", b"A1 OK [COPYUID 7 1:2 3,4] Xxx done\r\n"),
        (b"B1 NO [REFERRAL imap://a/b] no\r\n", b"A1 NO [REFERRAL xxxx://x/x] no\r\n"),
        (b"B1 NO [MAILBOXID (f00)] no\r\n", b"A1 NO [MAILBOXID (x11)] no\r\n"),
        (b"B1 OK\r\n", b"A1 OK\r\n"),
        (b"B1 no [BADCHARSET (UTF-8 HUSH)]\r\n", b"A1 no [BADCHARSET (UTF-8 XXXX)]\r\n"),
        (b"C7 OK completed, Zoe\r\n", b"X1 OK completed, Xxx\r\n"),
        (b"+ idling for Zoe\r\n", b"+ idling for Xxx\r\n"),
        (b"* BYE Zoe logged out at 10.1.2.3\r\n", b"* BYE Xxx logged out at 11.1.1.1\r\n"),
        (
            b"* OK [PERMANENTFLAGS (\\Seen Hush \\*)]\r\n",
            b"* OK [PERMANENTFLAGS (\\Seen Xxxx \\*)]\r\n",
        ),
        # Session
        (b"* CAPABILITY IDLE X-ZOE a@b\r\n", b"* CAPABILITY IDLE X-XXX x@x\r\n"),
        (b"* FLAGS (\\Seen $Forwarded hush)\r\n", b"* FLAGS (\\Seen $Forwarded xxxx)\r\n"),
        (
            b'* ID ("name" "Dovecot" "version" "2.3" "host" "zoe" "os" NIL)\r\n',
            b'* ID ("name" "Dovecot" "version" "1.1" "xxxx" "xxx" "os" NIL)\r\n',
        ),
        (
            b'* NAMESPACE (("INBOX." ".")) NIL (("Crew/" "/"))\r\n',
            b'* NAMESPACE (("INBOX." ".")) NIL (("Xxxa/" "/"))\r\n',
        ),
        # Mailboxes
        (b'* LIST (\\Sent \\Hush) "/" Hush/2023\r\n', b'* LIST (\\Sent \\Xxxx) "/" Xxxa/1111\r\n'),
        (
            b'* LIST () "." "INBOX.Entw&APw-rfe"\r\n* LSUB () NIL {4}\r\nHush\r\n',
            b'* LIST () "." "INBOX.Xxxa&AOA-xxa"\r\n* LSUB () NIL {4}\r\nXxxb\r\n',
        ),
        (
            b'* LIST () "/" New ("OLDNAME" ("Old") "CHILDINFO" ("SUBSCRIBED"))\r\n',
            b'* LIST () "/" Xxa ("OLDNAME" ("Xxb") "CHILDINFO" ("SUBSCRIBED"))\r\n',
        ),
        (b"* LIST Hush\r\n", b"* LIST Xxxa\r\n"),
        (
            b'* STATUS "Zoe (7)" (MESSAGES 231 X-HUSH 7)\r\n',
            b'* STATUS "Xxa (1)" (MESSAGES 231 X-XXXX 7)\r\n',
        ),
        (b"* STATUS Hush\r\n", b"* STATUS Xxxa\r\n"),
        # Results
        (b"* SEARCH 1 22 (MODSEQ 9)\r\n", b"* SEARCH 1 22 (MODSEQ 9)\r\n"),
        (
            b'* ESEARCH (TAG "B1") UID ALL 1:5,9 COUNT 6\r\n',
            b'* ESEARCH (TAG "A1") UID ALL 1:5,9 COUNT 6\r\n',
        ),
        (
            b"* VANISHED (EARLIER) 1:5\r\n* 7 EXISTS\r\n",
            b"* VANISHED (EARLIER) 1:5\r\n* 7 EXISTS\r\n",
        ),
        # What nobody knows
        (b"* HUSH Zoe 5551234\r\n", b"* XXXX Xxx 1111111\r\n"),
        (b"Zoe 555\r\n", b"Xxx 111\r\n"),
        (b"\0\0\r\n* 7 EXISTS\n\r\nB1 OK Zoe", b"\0\0\r\n* 7 EXISTS\n\r\nA1 OK Xxx"),
        (b"", b""),
    ],
)
def test_responses(before: bytes, after: bytes) -> None:
    """Of each kind of response, what is the protocol's stays and all else is masked."""
    assert redacted(before, "zoe") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b'UID 7 FLAGS (\\Seen Hush) INTERNALDATE " 7-Feb-1994 21:52:25 -0800" RFC822.SIZE 42',
            b'UID 7 FLAGS (\\Seen Xxxx) INTERNALDATE " 7-Feb-1994 21:52:25 -0800" RFC822.SIZE 42',
        ),
        # In a row that the grammar objects to, numbers are kept in fewer places.
        (b'INTERNALDATE "Zoe 7" MODSEQ (9)', b'INTERNALDATE "Xxx 1" MODSEQ (1)'),
        (b"X-HUSH 5551234 X-GM-MSGID 127", b"X-XXXX 1111111 X-GM-MSGID 111"),
        (b'X-GM-LABELS ("\\\\Sent" Hush)', b'X-GM-LABELS ("\\\\Xxxx" Xxxx)'),
        (b"BODY[HEADER] {4}\r\nZoe\n", b"BODY[XXXXXX] {4}\r\nXxx\n"),
        (
            b'ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "text/plain" (("Zoe" NIL "z" "b.c"))'
            b' NIL NIL NIL NIL NIL "<1@b>" {3}\r\n7@b)',
            b'ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "xxxx/xxxxx" (("Xxx" NIL "x" "x.x"))'
            b' NIL NIL NIL NIL NIL "<1@x>" {3}\r\n1@x)',
        ),
        (
            b'ENVELOPE ("7 Feb 1994 21:52:25 +0100 (ZOE)" "7 Feb 1994 21:52:25 GMT")',
            b'ENVELOPE ("1 Xxx 1111 11:11:11 +1111 (XXX)" "7 Feb 1994 21:52:25 GMT")',
        ),
        (b'ENVELOPE ("Zoe, 7 Feb 94" NIL)', b'ENVELOPE ("Xxx, 1 Xxx 11" NIL)'),
        (
            b'BODYSTRUCTURE ("TEXT" "HTML" ("CHARSET" "utf-8" "NAME*0*" "a.b") "<1@b>" "Zoe" "7BIT"'
            b' 152 23 "bad1" ("attachment" ("FILENAME" "call 5.txt")) ("en") NIL)',
            b'BODYSTRUCTURE ("TEXT" "HTML" ("CHARSET" "utf-8" "NAME*0*" "x.x") "<1@x>" "Xxx" "7BIT"'
            b' 152 23 "xxx1" ("attachment" ("FILENAME" "xxxx 1.xxx")) ("xx") NIL)',
        ),
        (
            b'BODY (("APPLICATION" "X-HUSH" ("HUSH" "a") NIL NIL "BASE64" 9) "MIXED")',
            b'BODY (("APPLICATION" "X-XXXX" ("XXXX" "x") NIL NIL "BASE64" 9) "MIXED")',
        ),
        # Quotes in quotes: a number may be a part of a name.
        (
            b'BODYSTRUCTURE ("TEXT" "PLAIN" ("NAME" "a "5551234" b") NIL NIL "7BIT" 9 1)',
            b'BODYSTRUCTURE ("TEXT" "PLAIN" ("NAME" "x "1111111" x") NIL NIL "7BIT" 1 1)',
        ),
        (b'UID 7 ENVELOPE ("a" "zoe (', b'UID 7 ENVELOPE ("x" "xxx ('),
    ],
)
def test_rows(before: bytes, after: bytes) -> None:
    """Of a row, numbers, dates, flags and the words of MIME stay where each is due."""
    assert redacted(b"* 1 FETCH (" + before + b")\r\n") == b"* 1 FETCH (" + after + b")\r\n"


def test_stray_line_ends_stay_where_they_are() -> None:
    """Octets that a framer leaves out are in the transcript all the same."""
    before = b"* 1 FETCH (UID 7 BODY[] {3}\r\nZoe\r\n)\r\nB1 OK done\r\n"
    assert redacted(before) == b"* 1 FETCH (UID 7 BODY[] {3}\r\nXxx\r\n)\r\nA1 OK done\r\n"


def test_secrets_are_found_among_capabilities() -> None:
    """Words of the user's own are masked even where any word of the protocol may stand."""
    assert redacted(b"* CAPABILITY XZOE=1 IDLE\r\n", "Zoe") == b"* CAPABILITY XXXX=1 IDLE\r\n"
    assert redacted(b"* CAPABILITY XZOE=1 IDLE\r\n", "x") == b"* CAPABILITY XZOE=1 IDLE\r\n"


def test_what_cannot_be_followed_is_masked() -> None:
    """Behind a length that nobody accepts, nothing but the protocol is kept."""
    before = b"* 1 FETCH (UID 7 BODY[] {109951162777600}\r\nSubject: Zoe\r\n"
    after = redacted(before)
    assert b"Zoe" not in after
    assert b"{109951162777600}\r\n" in after


MARK = b"Zqkvjw"
PIECES = [
    b"* 1 FETCH (UID 7 ",
    b"ENVELOPE (",
    b"BODYSTRUCTURE (",
    b'"TEXT" "PLAIN" ',
    b"* LIST () ",
    b'"/" ',
    b"* STATUS ",
    b"* OK [",
    b"CAPABILITY ",
    b"B1 OK ",
    b'"',
    b'"' + MARK + b'"',
    MARK,
    b"{6}\r\n" + MARK,
    b"=?utf-8?q?" + MARK + b"?=",
    b"&APw-" + MARK,
    b"\\",
    b"(",
    b")",
    b"]",
    b" ",
    b"\r\n",
    b"\n",
    b"\0",
    b"\xc3\xa9",
    b"NIL",
    b"{9999999999999}\r\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@example([b"* OK [", b"CAPABILITY ", MARK])
def test_no_mark_is_left(pieces: list[bytes]) -> None:
    """However responses are broken, a word of the user's own is in none, and no octet moves."""
    before = b"".join(pieces)
    after = redacted(before, MARK.decode())
    assert MARK not in after
    assert len(after) == len(before)
    for sign in b'"\\()[]{}\r\n\0 ':
        assert [i for i, c in enumerate(after) if c == sign] == [
            i for i, c in enumerate(before) if c == sign
        ]


@given(st.binary(max_size=300))
@example(b"\r\0\n")
def test_any_octets(octets: bytes) -> None:
    """Whatever comes, nothing is raised and the length stays."""
    assert len(redacted(octets)) == len(octets)


@pytest.mark.skipif(not CASES.exists(), reason="the shared transcript cases are not there")
def test_shared_cases_stay_odd() -> None:
    """The client makes the same kind of thing of a redacted transcript, with the same quirks."""
    for case in load_cases(CASES):
        if any(case.id.startswith(name) for name in UNASKED):
            continue
        masked = replace(case, data=Redactor().redact(case.data, tag=b"A1"))
        assert _shape(masked) == _shape(case), case.id


def _shape(case: Case) -> Any:
    outcome = play(case, ())
    events = [type(event).__name__ for event in outcome.events]
    completions = {tag: done.status for tag, done in outcome.completions.items()}
    quirks = _quirks(case) if case.state in ("authenticated", "selected") else {}
    return events, completions, type(outcome.failure), outcome.in_step, quirks


def _quirks(case: Case) -> dict[str, int]:
    connection = Connection(state=ConnectionState.SELECTED, enabled=case.enabled)
    connection.receive_data(case.data)
    with suppress(RemoteProtocolError):  # how it ends is compared already
        while connection.next_event() is not NEED_DATA:
            pass
    return dict(connection.quirks.seen)
