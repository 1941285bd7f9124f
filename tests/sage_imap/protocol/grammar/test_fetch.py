from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.envelope import Envelope
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import FetchReceived, ParseFailure
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.state import ConnectionState
from tests.sage_imap.protocol.grammar.reading import read, read_item, read_one


def row(data: bytes) -> FetchReceived:
    event = read_one(data)
    assert isinstance(event, FetchReceived), event
    return event


def failure(data: bytes, *, off: tuple[str, ...] = ()) -> ParseFailure:
    event = read_one(data, off=off)
    assert isinstance(event, ParseFailure), event
    return event


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (b"* 7 FETCH (UID 9 FLAGS (\\Seen $Work))", {"UID": 9, "FLAGS": ("\\Seen", "$Work")}),
        (b"* 7 FETCH (FLAGS () UID 9)", {"FLAGS": (), "UID": 9}),
        (b"* 7 FETCH (FLAGS (a) MODSEQ (5))", {"FLAGS": ("a",), "MODSEQ": 5}),
        (b"* 7 FETCH (UID 9 FLAGS () UID 9)", {"UID": 9, "FLAGS": ()}),
        (b"* 7 fetch (uid 9 flags (\\sEEN))", {"UID": 9, "FLAGS": ("\\sEEN",)}),
        (b"* 7 FETCH (MODSEQ (5) UID 9)", {"MODSEQ": 5, "UID": 9}),
        (
            b"* 7 FETCH (RFC822.SIZE 1 MODSEQ (5) UID 9 MODSEQ (5))",
            {"RFC822.SIZE": 1, "MODSEQ": 5, "UID": 9},
        ),
        (
            b"* 7 FETCH (X-A 1 RFC822.SIZE 1 MODSEQ (5))",
            {"X-A": "1", "RFC822.SIZE": 1, "MODSEQ": 5},
        ),
        (b"* 7 FETCH (RFC822.SIZE 8796093022209)", {"RFC822.SIZE": 8796093022209}),
        (
            b"* 7 FETCH (RFC822.SIZE 1 UID 9 FLAGS (a))",
            {"RFC822.SIZE": 1, "UID": 9, "FLAGS": ("a",)},
        ),
        (b'* 7 FETCH (X-RANK (1 "b" NIL) UID 9)', {"X-RANK": ("1", "b", None), "UID": 9}),
        (b"* 7 FETCH ()", {}),
    ],
)
def test_rows(data: bytes, items: dict[str, object]) -> None:
    """Items come in any order and case, known or not."""
    event = row(data)
    assert (event.seq, event.items) == (7, items)


def test_many_flags() -> None:
    """A list of flags too long to be remembered is read like any other."""
    flags = [f"keyword-{number}" for number in range(100)]
    listed = " ".join(flags).encode()
    assert row(b"* 1 FETCH (FLAGS (%s))" % listed).items == {"FLAGS": tuple(flags)}
    assert row(b"* 1 FETCH (UID 1 FLAGS (%s) RFC822.SIZE 1)" % listed).items["FLAGS"] == tuple(
        flags
    )
    assert row(b"* 1 FETCH (RFC822.SIZE 1 FLAGS (%s))" % listed).items["FLAGS"] == tuple(flags)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "INTERNALDATE",
            b'"17-Jul-1996 02:44:25 +0000"',
            datetime(1996, 7, 17, 2, 44, 25, tzinfo=UTC),
        ),
        ("INTERNALDATE", b"NIL", None),
        ("SAVEDATE", b'"17-Jul-1996 02:44:25 +0000"', datetime(1996, 7, 17, 2, 44, 25, tzinfo=UTC)),
        ("SAVEDATE", b"NIL", None),
        ("EMAILID", b"(M1)", "M1"),
        ("THREADID", b"NIL", None),
        ("PREVIEW", b'"See you"', "See you"),
        ("PREVIEW", b"NIL", None),
        ("X-GM-MSGID", b"1278455344230334865", 1278455344230334865),
        ("X-GM-LABELS", b'("\\\\Inbox" Ferry NIL)'.replace(b" NIL", b""), ("\\Inbox", "Ferry")),
        ("X-GM-LABELS", b"NIL", ()),
        ("BODY", b"NIL", None),
        ("RFC822.TEXT", b'"c"', b"c"),
        ("RFC822", b"NIL", None),
        ("BODY[]", b'"See"', b"See"),
        ("BODY[2.TEXT]<0>", b"NIL", None),
        ("BINARY.SIZE[1]", b"812", 812),
    ],
)
def test_values(name: str, value: bytes, expected: object) -> None:
    """Each item has the type that its name promises."""
    assert read_item(name, value) == expected


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"body[header.fields (Subject date)]", "BODY[HEADER.FIELDS (SUBJECT DATE)]"),
        (b'BODY[HEADER.FIELDS ("Subject" "X-]")]', "BODY[HEADER.FIELDS (SUBJECT X-])]"),
        (b"BODY[HEADER.FIELDS.NOT ( TO  FROM )]", "BODY[HEADER.FIELDS.NOT (TO FROM)]"),
        (b"BODY[HEADER.FIELDS (TO)]<512>", "BODY[HEADER.FIELDS (TO)]<512>"),
        (b"BINARY[1.2]", "BINARY[1.2]"),
    ],
)
def test_sections(sent: bytes, name: str) -> None:
    """A section is named in one way, whatever way the server echoes it, and keeps its literal."""
    literal = b"{4}\r\n) \x00x"
    assert row(b"* 1 FETCH (%s %s UID 3)" % (sent, literal)).items == {name: b") \x00x", "UID": 3}


def test_many_literals() -> None:
    """Each of many literals belongs to its own section."""
    sections = b" ".join(b"BODY[%d] {1}\r\n%d" % (n, n % 10) for n in range(1, 2001))
    items = row(b"* 1 FETCH (%s)" % sections).items
    assert items["BODY[1999]"] == b"9"
    assert len(items) == 2000


@pytest.mark.parametrize(
    ("data", "quirk"),
    [
        (b"* 7 FETCH (UID 9 FLAGS (\\Draft) )", "quirk_extra_space"),
        (b"* 7 FETCH ( UID 9 FLAGS (\\Draft))", "quirk_extra_space"),
        (b"* 7 FETCH (UID 9  FLAGS (\\Draft))", "quirk_extra_space"),
        (b"* 7 FETCH (UID 9 FLAGS (\\Draft)) ", "quirk_extra_space"),
        (b"* 7 FETCH  (UID 9 FLAGS (\\Draft))", "quirk_extra_space"),
        (b"*  7 FETCH (UID 9 FLAGS (\\Draft))", "quirk_extra_space"),
        (b"* 7 FETCH (UID 9 FLAGS ( \\Draft))", "quirk_extra_space"),
        (b"* 7 FETCH(UID 9 FLAGS (\\Draft))", "quirk_missing_space"),
        (b"* 7 FETCH (FLAGS (\\Draft)UID 9)", "quirk_missing_space"),
    ],
)
def test_spaces(data: bytes, quirk: str) -> None:
    """Spaces too many or too few change nothing, are counted, and may be refused."""
    quirks = Quirks()
    (event,) = read(data, quirks=quirks)
    assert event == FetchReceived(7, {"UID": 9, "FLAGS": ("\\Draft",)})
    assert dict(quirks.seen) == {quirk: 1}
    assert failure(data, off=(quirk,)).reason == f"{quirk} was met and is switched off"


@pytest.mark.parametrize(
    "data",
    [
        b'* 7 FETCH (UID 9 INTERNALDATE "00-Jan-0000 00:00:00 -0000")',
        b'* 7 FETCH (INTERNALDATE "soon" UID 9)',
        b'* 7 FETCH (SAVEDATE "soon" UID 9)',
    ],
)
def test_dates_that_are_none(data: bytes) -> None:
    """A date that is none is None, and may be refused."""
    quirks = Quirks()
    (event,) = read(data, quirks=quirks)
    assert isinstance(event, FetchReceived)
    assert event.items["UID"] == 9
    assert {event.items.get("INTERNALDATE"), event.items.get("SAVEDATE")} == {None}
    assert quirks.seen["quirk_no_date"] == 1
    assert failure(data, off=("quirk_no_date",)).seq == 7


def test_a_bare_modseq() -> None:
    """A mod-sequence without its parentheses is one, and may be refused."""
    assert read_item("MODSEQ", b"5") == 5
    assert failure(b"* 1 FETCH (MODSEQ 5)", off=("quirk_bare_modseq",))


@pytest.mark.parametrize(
    "data",
    [
        b"* 7 FETCH (UID 0 FLAGS ())",
        b"* 7 FETCH (UID -1 FLAGS ())",
        b"* 7 FETCH (UID 5 FLAGS () UID 6)",
        b"* 7 FETCH (UID 5 RFC822.SIZE 1 UID 6)",
        b"* 7 FETCH ((UID 5))",
        b"* 7 FETCH ((UID 5)",
        b"* 7 FETCH UID 5",
        b"* 7 FETCH",
        b'* 7 FETCH ("UID" 5)',
        b"* 7 FETCH (EMAILID (a b))",
        b"* 7 FETCH (EMAILID a)",
        b"* 7 FETCH (MODSEQ (a))",
        b"* 7 FETCH (RFC822.SIZE NIL)",
        b"* 7 FETCH (BODY[] (a))",
    ],
)
def test_rows_that_name_no_message_for_certain(data: bytes) -> None:
    """A row that cannot be read whole is one failure, and no UID is guessed for it."""
    found = failure(data)
    assert (found.seq, found.uid, found.response) == (7, None, "FETCH")
    assert found.raw == data


@pytest.mark.parametrize(
    "data",
    [
        b"* 7 FETCH (UID 9 FLAGS (\\Seen",
        b"* 7 FETCH (UID 9 FLAGS ()",
        b"* 7 FETCH (UID 9 FLAGS ()) x",
        b"* 7 FETCH (UID 9 BODY[] {abc}",
        b"* 7 FETCH (UID 9 BODY[] {}",
        b"* 7 FETCH (UID 9 BODY[ NIL)",
        b"* 7 FETCH (UID 9 \x00ENVELOPE NIL)",
        b"* 7 FETCH (UID 9 RFC822.SIZE %s)" % (b"9" * 5000),
    ],
)
def test_broken_rows_name_their_message(data: bytes) -> None:
    """A row that breaks behind its UID is one failure that names the message."""
    found = failure(data)
    assert (found.seq, found.uid) == (7, 9)
    assert found.raw == data[: Limits().parse_failure_raw]


def test_rows_by_uid() -> None:
    """UIDFETCH names the message by its UID and has no sequence number."""
    assert row(b"* 9 UIDFETCH (FLAGS ())") == FetchReceived(None, {"UID": 9, "FLAGS": ()})
    assert row(b"* 9 UIDFETCH (UID 9)") == FetchReceived(None, {"UID": 9})
    found = failure(b"* 9 UIDFETCH (UID 8)")
    assert (found.seq, found.uid) == (None, None)


def test_the_common_row_goes_on() -> None:
    """Items behind those of the common row are read too, and so are odd ones among them."""
    fields = b"NIL %s NIL NIL NIL NIL NIL NIL NIL NIL"
    head = b"* 7 FETCH (UID 9 FLAGS (a) RFC822.SIZE 5 ENVELOPE (" + fields + b")"
    for subject in (b'"s"', b"{1}\r\ns"):
        event = row(head % subject + b" BODY[] {1}\r\nx X-Y NIL)")
        assert event.items == {
            "UID": 9,
            "FLAGS": ("a",),
            "RFC822.SIZE": 5,
            "ENVELOPE": Envelope(subject="s", subject_raw="s"),
            "BODY[]": b"x",
            "X-Y": None,
        }


ITEM = st.sampled_from(
    [
        b"UID 5",
        b"FLAGS (\\Seen a)",
        b"FLAGS ()",
        b'INTERNALDATE "17-Jul-1996 02:44:25 +0000"',
        b"RFC822.SIZE 12",
        b"MODSEQ (5)",
        b'ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)',
        b"BODY[TEXT] {3}\r\n)\r\n",
        b'BODY ("text" "plain" NIL NIL NIL "7bit" 1 1)',
        b"X-A (1 2)",
    ]
)


@given(st.lists(ITEM, max_size=6, unique_by=lambda item: item.split()[0]))
def test_every_order_reads_the_same(items: list[bytes]) -> None:
    """The order of items and the way they are read make no difference to their values."""
    event = row(b"* 1 FETCH (%s)" % b" ".join(items))
    single = [row(b"* 1 FETCH (%s )" % item).items for item in items]
    assert event.items == {name: value for found in single for name, value in found.items()}


@given(
    st.lists(ITEM, max_size=3),
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b'()" {}\\\0\r5A[]')), max_size=4),
)
def test_broken_rows_are_rows_or_failures(
    items: list[bytes], damage: list[tuple[int, int]]
) -> None:
    """A damaged row is a row or a failure, and its lazy parts can be read if it is a row."""
    data = bytearray(b"* 1 FETCH (%s)" % b" ".join(items))
    for place, octet in damage:
        data[12 + place % (len(data) - 12) if len(data) > 12 else -1] = octet
    context = DecodeContext(Limits(), Quirks())
    for event in decode(Frame(bytes(data)), context):
        repr(event)


@pytest.mark.parametrize("flags", [b"", b"FLAGS (\\Seen a) "])
@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 300_000])
def test_a_row_of_one_body(size: int, flags: bytes) -> None:
    """A UID and one body, with flags or without, are read whatever the body's length."""
    body = b"\x80)\r\n" * (size // 4) + b"x" * (size % 4)
    connection = Connection(state=ConnectionState.SELECTED)
    connection.receive_data(b"* 7 FETCH (UID 9 %sBODY[] {%d}\r\n%s)\r\n" % (flags, size, body))
    expected = {"UID": 9, "BODY[]": body}
    assert connection.next_event() == (7, expected | ({"FLAGS": ("\\Seen", "a")} if flags else {}))


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (b"(UID 9 BODY[] {1}\r\na FLAGS (b))", {"UID": 9, "BODY[]": b"a", "FLAGS": ("b",)}),
        (b"(UID 9 BODY[] {1}\r\na )", {"UID": 9, "BODY[]": b"a"}),
        (b"(UID 9 FLAGS (  a) BODY[] {1}\r\na)", {"UID": 9, "FLAGS": ("a",), "BODY[]": b"a"}),
        (
            b"(UID 9 BODY[1] {1}\r\na BODY[2] {1}\r\nb)",
            {"UID": 9, "BODY[1]": b"a", "BODY[2]": b"b"},
        ),
    ],
)
def test_rows_of_a_body_and_more(data: bytes, items: dict[str, object]) -> None:
    """What stands beside the body is neither lost nor taken for it."""
    assert row(b"* 7 FETCH " + data).items == items
