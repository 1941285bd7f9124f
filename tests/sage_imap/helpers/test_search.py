from __future__ import annotations

import pickle
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.errors import LocalProtocolError
from sage_imap.helpers.search import IMAPSearchCriteria as C
from sage_imap.models.message import MessageSet
from sage_imap.protocol.command import Literal, Text
from sage_imap.protocol.commands.search import search


def test_criteria_are_the_text_of_the_wire() -> None:
    """Criteria print, compare and hash as plain text."""
    assert C.UNSEEN == "UNSEEN"
    assert hash(C.ALL) == hash("ALL")
    assert C.SAVED_RESULT == "$"


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        (C.before("05-Jan-2026"), "BEFORE 05-Jan-2026"),
        (C.on(date(2026, 1, 5)), "ON 05-Jan-2026"),
        (C.since(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)), "SINCE 31-Dec-2026"),
        (C.sent_before("2026-01-05"), "SENTBEFORE 05-Jan-2026"),
        (C.sent_on("5-jan-2026"), "SENTON 05-Jan-2026"),
        (C.sent_since('"05-JAN-2026"'), "SENTSINCE 05-Jan-2026"),
        (C.saved_before("2026-01-05"), "SAVEDBEFORE 05-Jan-2026"),
        (C.saved_on("2026-01-05"), "SAVEDON 05-Jan-2026"),
        (C.saved_since("2026-01-05"), "SAVEDSINCE 05-Jan-2026"),
        (C.older(60), "OLDER 60"),
        (C.younger(60), "YOUNGER 60"),
        (C.larger(10 * 1024 * 1024), "LARGER 10485760"),
        (C.smaller(0), "SMALLER 0"),
        (C.modseq(620162338), "MODSEQ 620162338"),
        (C.modseq(7, "\\Draft"), 'MODSEQ "/flags/\\\\Draft" all 7'),
        (C.modseq(7, "$Junk", "priv"), 'MODSEQ "/flags/$Junk" priv 7'),
        (C.filter("on-the-road"), "FILTER on-the-road"),
        (C.from_address("a@b.c"), 'FROM "a@b.c"'),
        (C.to_address("a"), 'TO "a"'),
        (C.cc_address("a"), 'CC "a"'),
        (C.bcc_address("a"), 'BCC "a"'),
        (C.subject('say "hi" \\o/'), 'SUBJECT "say \\"hi\\" \\\\o/"'),
        (C.body("click here"), 'BODY "click here"'),
        (C.text(""), 'TEXT ""'),
        (C.header("X-Processed", "true"), 'HEADER X-Processed "true"'),
        (C.header("X-Processed"), 'HEADER X-Processed ""'),
        (C.message_id("<a@b>"), 'HEADER Message-ID "<a@b>"'),
        (C.keyword("$Junk"), "KEYWORD $Junk"),
        (C.unkeyword("$Junk"), "UNKEYWORD $Junk"),
        (C.uid([3, 1, 2]), "UID 1:3"),
        (C.uid(MessageSet("7:*")), "UID 7:*"),
        (C.sequence("1:*"), "1:*"),
        (C.email_id("M1"), "EMAILID M1"),
        (C.thread_id("T1"), "THREADID T1"),
        (C.fuzzy(C.subject("a")), 'FUZZY SUBJECT "a"'),
        (C.gmail_raw("has:attachment"), 'X-GM-RAW "has:attachment"'),
        (C.gmail_label("Work"), 'X-GM-LABELS "Work"'),
        (C.gmail_message_id(5), "X-GM-MSGID 5"),
        (C.gmail_thread_id(5), "X-GM-THRID 5"),
    ],
)
def test_every_key_prints_as_the_rfc_writes_it(criteria: C, text: str) -> None:
    """Each key with its argument, quoted where it is a string."""
    assert criteria == text


def test_criteria_are_put_together() -> None:
    """AND is a list in parentheses, OR takes two at a time, evenly nested, and NOT takes one."""
    assert C.and_criteria(C.UNSEEN, C.not_criteria(C.FLAGGED)) == "(UNSEEN NOT FLAGGED)"
    assert C.or_criteria(C.SEEN, C.DRAFT) == "OR SEEN DRAFT"
    assert C.or_criteria("A", "B", "C", "D", "E") == "OR OR OR A B OR C D E"
    assert C.or_criteria(C.SEEN) == C.and_criteria(C.SEEN) == "SEEN"
    assert (C.SEEN & C.DRAFT | ~C.NEW) == "OR (SEEN DRAFT) NOT NEW"


def test_text_of_several_keys_stays_together() -> None:
    """Criteria that were written by hand count as one."""
    assert C.not_criteria("SEEN FLAGGED") == "NOT (SEEN FLAGGED)"
    assert C.or_criteria('FROM "a b"', C.NEW) == 'OR (FROM "a b") NEW'


def test_nothing_cannot_be_put_together() -> None:
    """An empty list of criteria is refused."""
    for combine in (C.and_criteria, C.or_criteria):
        with pytest.raises(LocalProtocolError):
            combine()


def test_strings_are_apart_in_the_parts() -> None:
    """The connection chooses between quoted string and literal."""
    assert C.and_criteria(C.SEEN, C.subject("grün")).parts == (
        b"(SEEN SUBJECT ",
        Text("grün"),
        b")",
    )
    assert C('SUBJECT "a\\"b" FROM grün').parts == (
        b"SUBJECT ",
        Text('a"b'),
        b" FROM ",
        Text("grün"),
    )


def test_the_charset_is_chosen_by_the_text() -> None:
    """ASCII needs none, UTF8=ACCEPT forbids it, and else it is UTF-8 in a literal."""
    plain, umlaut = (
        search(C.subject("a").parts),
        search(C.and_criteria(C.UNSEEN, C.subject("ü")).parts),
    )
    assert plain.render(utf8=False) == [b'UID SEARCH SUBJECT "a"']
    assert umlaut.render(utf8=False) == [
        b"UID SEARCH CHARSET UTF-8 (UNSEEN SUBJECT ",
        Literal("ü".encode()),
        b")",
    ]
    assert umlaut.render(utf8=True) == ['UID SEARCH (UNSEEN SUBJECT "ü")'.encode()]


def test_several_keys_must_all_fit() -> None:
    """One criterion, or any number of them, are one."""
    assert C.of("UNSEEN") == "UNSEEN"
    assert C.of([C.UNSEEN, "LARGER 10"]) == "(UNSEEN (LARGER 10))"


@pytest.mark.parametrize("evil", ["a\r\nA1 LOGOUT", "a\nb", "a\0b", "\ud800"])
def test_what_cannot_be_sent_is_refused(evil: str) -> None:
    """A line end never slips into a command, whichever way the text takes."""
    for make in (C, C.subject, C.keyword, C.before, C.uid, C.gmail_raw, C.email_id, C.filter):
        with pytest.raises(LocalProtocolError):
            make(evil)
    with pytest.raises(LocalProtocolError):
        C.header(evil, "a")
    with pytest.raises(LocalProtocolError):
        C.header("a", evil)
    with pytest.raises(LocalProtocolError):
        C.modseq(7, evil)
    with pytest.raises(LocalProtocolError):
        C.modseq(7, "$Junk", evil)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("wrong", ["32-Jan-2026", "05-Foo-2026", "yesterday", "2026-13-01", ""])
def test_what_is_no_date_is_refused(wrong: str) -> None:
    """A date that cannot be is the caller's mistake."""
    with pytest.raises(LocalProtocolError):
        C.before(wrong)


def test_what_is_no_number_is_refused() -> None:
    """Sizes and intervals are whole and not negative."""
    for wrong in (-1, 1 << 63, True, 1.5, "5"):
        with pytest.raises(LocalProtocolError):
            C.larger(wrong)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(LocalProtocolError):
        C.younger(0)


@pytest.mark.parametrize("uids", [[], [0], [-1, 5], ["5"], [True]])
def test_what_are_no_uids_is_refused(uids: list[int]) -> None:
    """Numbers that name no message are the caller's mistake, told as every other one."""
    with pytest.raises(LocalProtocolError):
        C.uid(uids)
    with pytest.raises(LocalProtocolError):
        C.sequence(uids)


def test_unbalanced_quotes_are_refused() -> None:
    """A string that never ends would swallow the rest of the command."""
    with pytest.raises(LocalProtocolError):
        C('SUBJECT "open')
    with pytest.raises(LocalProtocolError):
        C("  ")


def test_criteria_travel_between_processes() -> None:
    """Pickling keeps the parts."""
    criteria = C.subject('a "ü"')
    again = pickle.loads(pickle.dumps(criteria))
    assert again == criteria
    assert again.parts == criteria.parts


@given(st.text().filter(lambda text: not set(text) & set("\0\r\n")))
def test_printed_criteria_read_back(text: str) -> None:
    """Text and criteria are inverses for every string that can be sent."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    criteria = C.or_criteria(C.subject(text), C.SEEN)
    assert C(str(criteria)).parts == criteria.parts


def test_many_alternatives_nest_evenly() -> None:
    """A thousand alternatives are ten levels deep."""
    criteria = C.or_criteria(*(f"UID {number}" for number in range(1, 1001)))
    assert criteria.count("OR ") == 999
    assert max(len(run) for run in criteria.split("(")) < 60
