"""Framing: whole responses, whatever the cuts; limits before memory; quirks counted."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.errors import LimitExceeded, RemoteProtocolError
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks

STREAM = (
    b"* OK ready {5}\r\n"
    b"* 1 FETCH (UID 5 BODY[] {43}\r\nx\r\nA1 NO gotcha\r\n* 0 EXISTS\r\n)\r\n* BYE out\r\n)\r\n"
    b"\r\n"
    b"* 9 FETCH (BODY[HEADER] {4}\r\na\r\nb BODY[TEXT] ~{3+}\r\n\0\r\n)\r\n"
    b'* LIST () "/" {3}\r\na"b\r\n'
    b"\0\0* 3 EXISTS\n"
    b"* 3 FETCH (UID 33 BODY[] {2}\r\nhi\r\n)\r\n"
    b"+ go on {3}\r\n"
    b"A1 OK done {7}\r\n"
)


def frames(*reads: bytes, limits: Limits | None = None) -> list[Frame]:
    framer = Framer(limits or Limits())
    found = []
    for read in reads:
        framer.feed(read)
        while (frame := framer.next_frame()) is not None:
            found.append(frame)
    return found


def literals(frame: Frame) -> list[bytes]:
    return [frame.data[start:end] for start, end in frame.literals]


def test_stream_becomes_responses() -> None:
    """Lines, literals and what only looks like either are told apart."""
    found = frames(STREAM)
    assert [frame.data.split(b"\r\n")[0] for frame in found] == [
        b"* OK ready {5}",
        b"* 1 FETCH (UID 5 BODY[] {43}",
        b"* 9 FETCH (BODY[HEADER] {4}",
        b'* LIST () "/" {3}',
        b"* 3 EXISTS",
        b"* 3 FETCH (UID 33 BODY[] {2}",
        b"+ go on {3}",
        b"A1 OK done {7}",
    ]
    assert [literals(frame) for frame in found if frame.literals] == [
        [b"x\r\nA1 NO gotcha\r\n* 0 EXISTS\r\n)\r\n* BYE out\r\n"],
        [b"a\r\nb", b"\0\r\n"],
        [b'a"b'],
        [b"hi"],
    ]
    assert found[5].data.endswith(b"hi)")


@pytest.mark.parametrize("size", range(1, len(STREAM)))
def test_every_read_size_gives_the_same(size: int) -> None:
    """Reads of any size give the same responses."""
    reads = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert frames(*reads) == frames(STREAM)


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_every_cut_gives_the_same(cut: int) -> None:
    """Two reads with a cut anywhere give the same responses."""
    assert frames(STREAM[:cut], STREAM[cut:]) == frames(STREAM)


@given(st.lists(st.sampled_from([STREAM, b"* 1 EXISTS\r\n" * 40]), max_size=4), st.data())
def test_any_cuts_give_the_same(parts: list[bytes], data: st.DataObject) -> None:
    """Cuts of all kinds give the same, the short way through plain lines included."""
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    edges = [0, *cuts, len(stream)]
    reads = [stream[a:b] for a, b in pairwise(edges)]
    assert frames(*reads) == frames(stream)


_SCRAPS = [b"* 1 FETCH (", b"BODY[] ", b"{3}", b"{", b"}", b"\r\n", b"\n", b"\r", b"\0", b'"', b" "]
_SCRAPS += [b"* ", b"A1 OK ", b"abc", b")", b"\\", b"~", b"+", b"LIST", b"9" * 30, b"x" * 300]


@given(st.lists(st.sampled_from(_SCRAPS) | st.binary(max_size=4), max_size=60), st.integers(1, 9))
def test_noise_never_raises_but_limits(scraps: list[bytes], size: int) -> None:
    """Noise gives frames or `LimitExceeded`, the same in one read and in many."""
    stream = b"".join(scraps)
    limits = Limits(line=400, literal=40, body_literal=80, response=500, literals=5)

    def outcome(reads: list[bytes]) -> tuple[list[Frame], bool]:
        framer, found = Framer(limits), []
        try:
            for read in reads:
                framer.feed(read)
                while (frame := framer.next_frame()) is not None:
                    found.append(frame)
        except LimitExceeded:
            return found, True
        return found, False

    cut = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert outcome([stream]) == outcome(cut)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_literals_are_what_was_sent(bodies: list[bytes]) -> None:
    """Octets of all values come through literals unchanged."""
    row = b"* 1 FETCH (" + b" ".join(
        b"BODY[%d] {%d}\r\n%b" % (number, len(body), body) for number, body in enumerate(bodies, 1)
    )
    (frame,) = frames(row + b")\r\n")
    assert literals(frame) == bodies
    assert frame.data == row + b")"


@pytest.mark.parametrize(
    "line",
    [
        b"* OK human text {5}",
        b"* ok [ALERT] text {5}",
        b"* BYE {5}",
        b"* SEARCH 1 {5}",
        b"A1 NO text {5}",
        b"+ send {5}",
        b'* LIST () "/" folder{5}',
        b'* LIST () "/" "open {5}',
        b"* 1 FETCH (BODY[] {}",
        b"* 1 FETCH (BODY[] {abc}",
        b"* 1 FETCH (BODY[] {-1}",
        b"* 1 FETCH (BODY[] }",
        b"{5}",
    ],
)
def test_what_is_no_literal(line: bytes) -> None:
    """A brace at the end of a line announces nothing where no string may stand."""
    assert frames(line + b"\r\n* 1 EXISTS\r\n") == [Frame(line), Frame(b"* 1 EXISTS")]


@pytest.mark.parametrize(
    "row",
    [
        b'* 1 FETCH (ENVELOPE ("say "hi" NIL) BODY[] {3}\r\nabc)',
        b"* 1 UIDFETCH (BINARY[1]<0> ~{3}\r\nabc)",
        b"* 1 fetch (rfc822.text{3+}\r\nabc)".replace(b"{", b" {"),
        b"* 1 FETCH (BODY[]{003}\r\nabc)",
        b'* 1 FETCH (ENVELOPE ("a\\"b" {3}\r\nabc))',
        b"*  LIST () NIL {3}\r\nabc",
    ],
)
def test_what_is_a_literal(row: bytes) -> None:
    """Literals are found behind odd quotes, without their space and in any case."""
    (frame,) = frames(row + b"\r\n")
    assert literals(frame) == [b"abc"]


def test_line_limit() -> None:
    """A line of a megabyte is read, and one of ten refused before it is whole."""
    line = b"* SEARCH" + b" 4101" * 200_000
    assert frames(line + b"\r\n") == [Frame(line)]
    with pytest.raises(LimitExceeded):
        frames(*[b"* OK " + b"x" * 65_536] * 160)
    with pytest.raises(LimitExceeded):
        frames(b"* OK " + b"x" * 10 * 1024 * 1024 + b"\r\n")


@pytest.mark.parametrize(
    ("length", "end", "expected"),
    [
        (20, b"\r\n", ""),
        (21, b"\r\n", "LimitExceeded"),
        (20, b"\n", "RemoteProtocolError"),
        (21, b"\n", "LimitExceeded"),
    ],
)
def test_line_limit_is_the_same_at_every_cut(length: int, end: bytes, expected: str) -> None:
    """A line is as long as it is, even where its CR and its LF come apart, or an LF is refused."""
    line = b"* OK".ljust(length, b"x") + end
    for place in range(len(line)):
        framer, raised = Framer(Limits(line=20), Quirks(off=["quirk_bare_lf"])), ""
        found = []
        try:
            for read in (line[:place], line[place:]):
                framer.feed(read)
                found.append(framer.next_frame())
        except RemoteProtocolError as error:
            raised = type(error).__name__
        assert raised == expected
        assert raised or found[-1] == Frame(line.removesuffix(end))


@pytest.mark.parametrize(
    "announced",
    [
        b"* 1 FETCH (UID 1 BODY[] {109951162777600}\r\n",
        b"* 1 FETCH (UID 1 BODY[] {%b}\r\n" % (b"9" * 5000),
        b'* LIST () "/" {4294967296}\r\n',
        b"* STATUS {4294967296}\r\n",
        b"* 1 FETCH (ENVELOPE (NIL {4294967296}\r\n",
    ],
)
def test_literal_limit(announced: bytes) -> None:
    """A length that is out of bounds is refused when it is announced."""
    with pytest.raises(LimitExceeded):
        frames(announced)


def test_body_literal_may_be_larger() -> None:
    """A body has a larger bound than a name."""
    limits = Limits(literal=10, body_literal=20)
    assert frames(b"* 1 FETCH (BODY[] {20}\r\n" + b"x" * 20 + b")\r\n", limits=limits)
    with pytest.raises(LimitExceeded):
        frames(b"* 1 FETCH (BODY[] {21}\r\n", limits=limits)
    with pytest.raises(LimitExceeded):
        frames(b'* LIST () "/" {20}\r\n', limits=limits)


def test_response_limits() -> None:
    """Many literals, and many octets in them, are bounded for one response."""
    limits = Limits(response=200, literals=3)
    with pytest.raises(LimitExceeded, match="literals"):
        frames(b"* 1 FETCH (" + b" {1}\r\nx" * 4, limits=limits)
    with pytest.raises(LimitExceeded, match="octets"):
        frames(b"* 1 FETCH (BODY[] {190}\r\n", limits=limits)


@pytest.mark.parametrize(
    ("quirk", "stream"),
    [
        ("quirk_bare_lf", b"* 1 EXISTS\n"),
        ("quirk_empty_line", b"\r\n* 1 EXISTS\r\n"),
        ("quirk_nul_padding", b"\0* 1 EXISTS\r\n"),
        ("quirk_stray_line_end", b"* 1 FETCH (BODY[] {2}\r\nhi\r\n)\r\n"),
    ],
)
def test_quirks_are_counted_and_can_be_switched_off(quirk: str, stream: bytes) -> None:
    """Each quirk of framing is tolerated and counted, or refused."""
    quirks = Quirks()
    framer = Framer(quirks=quirks)
    framer.feed(stream)
    assert framer.next_frame() is not None
    assert quirks.seen == {quirk: 1}
    framer = Framer(quirks=Quirks(off=[quirk]))
    framer.feed(stream)
    with pytest.raises(RemoteProtocolError, match=quirk):
        framer.next_frame()


_BODIES = b"".join(
    b"%b {%d}\r\n%b%b" % (row, size, b"body" * (size // 4), rest)
    for row, size, rest in (
        (b"* 1 FETCH (UID 1 BODY[]", 4100, b")\r\n"),
        (b"* 2 FETCH (UID 2 FLAGS (\\Seen) BODY[]", 8000, b")\r\n"),
        (b'* 3 FETCH (INTERNALDATE "x" BODY[1.2]', 4096, b")\r\n"),
        (b"* 4 FETCH (BODY[TEXT]", 5000, b" BODY[HEADER] {4100}\r\n" + b"h" * 4100 + b")\r\n"),
        (b"* 5 FETCH (BODY[]", 4200, b"\r\n)\r\n"),
        (b"* 6 FETCH (BODY[]", 4200, b" UID 6)\r\n"),
        (b"* 7 UIDFETCH (BODY[]", 4200, b")\r\n"),
        (b"* 8 FETCH (BODY[]", 4200, b")\n"),
        (b"* 9 FETCH (BODY[]", 4200, b")\r\n* 10 FETCH (UID 10 RFC822.SIZE 4200)\r\n" * 20),
        (b"* 10 FETCH (BODY[]", 4200, b")\r\nA1 OK done\r\n"),
        (
            b"* 11 FETCH (BODY[]",
            4200,
            b")\r\n* 12 FETCH (FLAGS (\\Seen\r\nA1 OK\r\n) BODY[] {9000}\r\n",
        ),
        (b"* 13 FETCH (BODY[]", 4200, b")\r\n* 14 FETCH (FLAGS (\\Seen\n) BODY[] {9000}\r\n"),
        (
            b"* 15 FETCH (BODY[]",
            4200,
            b')\r\n* 16 FETCH (INTERNALDATE "\r\n* 1 EXPUNGE\r\n" BODY[] {9000}\r\n',
        ),
    )
)


def _told(frame: Frame) -> tuple[bytes, list[bytes]]:
    return frame.data, [frame.literal(start, end) for start, end in frame.literals]


def test_bodies_are_whole_at_every_cut() -> None:
    """Whether a body comes alone, in pieces or with its neighbours, the responses are the same."""
    expected = [_told(frame) for frame in frames(*(bytes([octet]) for octet in _BODIES))]
    assert [len(octets) for _, octets in expected if octets] == [*[1, 1, 1, 2], *[1] * 9]
    assert b"".join(octets for _, found in expected for octets in found).count(b"body") == 14749
    for size in (*range(90, 130), 4095, 4096, 4150, 5000, 8191, 16384, len(_BODIES)):
        reads = [_BODIES[at : at + size] for at in range(0, len(_BODIES), size)]
        assert [_told(frame) for frame in frames(*reads)] == expected


_ENVELOPES = b"".join(
    b"* 1 EXISTS\r\n" * 3 + b"* 2 FETCH (UID 2 RFC822.SIZE 9 ENVELOPE (" + rest + b"\r\n"
    for rest in (
        b'"date" {7}\r\na\r\nb\r\n NIL))',
        b"NIL {0}\r\n NIL))",
        b'NIL "text {5}',
        b'NIL "a\\"b" ((NIL NIL {1}\r\na {2}\r\n\r\n))))',
        b'((NIL NIL {3}\r\nabc "example.org"))))',
        b"NIL {4}\r\nabcd",
        b"NIL {2}\r\na\r\n NIL))",
        b"NIL {3}\r\na\r\n NIL))",
        b"NIL] {3}\r\nabc))",
        b"{03}\r\nabc))",
        b"NIL {3}\r\na\nb))",
        b"NIL {3}\r\na\0b))",
        b"NIL {5000}\r\n" + b"x" * 5000 + b"))",
        b"NIL {99999999999}",
    )
)


def test_strings_are_whole_at_every_cut() -> None:
    """Lines, literals and what only looks like either, in reads of every size that matters."""
    expected, raised = _until_raised(1)
    assert raised
    assert sum(bool(frame.literals) for frame in expected) == 12
    for size in (*range(250, 330), 400, 512, 1000, 4096, len(_ENVELOPES)):
        assert _until_raised(size) == (expected, raised)


def _until_raised(size: int) -> tuple[list[Frame], bool]:
    """The responses in reads of *size* octets, up to a literal that is too long."""
    framer = Framer()
    found: list[Frame] = []
    try:
        for at in range(0, len(_ENVELOPES), size):
            framer.feed(_ENVELOPES[at : at + size])
            found.extend(iter(framer.next_frame, None))
    except LimitExceeded:
        return found, True
    return found, False


@pytest.mark.parametrize(
    "limits", [Limits(body_literal=5000), Limits(response=5050), Limits(line=29)]
)
def test_a_body_behind_another_is_held_to_the_limits(limits: Limits) -> None:
    """The row before it is told first."""
    first = b"* 1 FETCH (BODY[] {4100}\r\n" + b"x" * 4100 + b")\r\n"
    second = b"* 2 FETCH (UID 2 BODY[] {5100}\r\n" + b"x" * 5100 + b")\r\n"
    framer = Framer(limits)
    framer.feed(first[:2000])
    assert framer.next_frame() is None
    framer.feed(first[2000:] + second)
    assert framer.next_frame() is not None
    with pytest.raises(LimitExceeded):
        framer.next_frame()


def test_a_long_line_costs_what_it_is_long() -> None:
    """However small the reads, no octet is looked at again and again."""
    line = b"* SEARCH" + b" 4101" * 200_000 + b"\r\n"
    began = time.process_time()
    assert frames(*(line[at : at + 256] for at in range(0, len(line), 256))) == [Frame(line[:-2])]
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "rows",
    [
        b"* 1 EXISTS\r\n* 1 FETCH (BODY[] {3}\r\nabc\r\n",
        b"* 1 EXISTS\r\n* 1 FETCH (BODY[] {3}\r\nabc\r\n)\r\n",
        b"* 1 EXISTS\r\n* 1 FETCH (BODY[] {4098}\r\n" + b"\r\n" * 2049 + b")\r\n",
    ],
)
def test_rows_that_stop_a_look_ahead(rows: bytes) -> None:
    """What was looked at in vain is not looked at again for each of them."""
    stream = rows * (1024 * 1024 // len(rows))
    began = time.process_time()
    assert len(frames(*(stream[at : at + 262_144] for at in range(0, len(stream), 262_144)))) > 400
    assert time.process_time() - began < 1.5


def test_row_cut_behind_its_literal() -> None:
    """A row that ends behind its literal does not swallow the next response."""
    rows = b"* 1 FETCH (BODY[] {2}\r\nhi\r\n* 2 FETCH (UID 2)\r\n"
    assert [frame.data[:9] for frame in frames(rows)] == [b"* 1 FETCH", b"* 2 FETCH"]


def test_stray_line_ends_are_bounded() -> None:
    """Line ends behind a literal are skipped a few times only."""
    stream = b"* 1 FETCH (BODY[] {2}\r\nhi" + b"\r\n" * 50 + b")\r\n* 2 EXISTS\r\n"
    assert [frame.data[:11] for frame in frames(stream)][-2:] == [b")", b"* 2 EXISTS"]


def test_buffered_counts_what_was_not_given_out() -> None:
    """The octets that came and were not given out are counted in every state."""
    framer = Framer()
    assert framer.buffered == 0
    framer.feed(b"* 1 EXISTS\r\n" * 40)
    assert framer.next_frame() == Frame(b"* 1 EXISTS")
    assert framer.buffered == 39 * 12
    while framer.next_frame() is not None:
        pass
    framer.feed(b"* 1 FETCH (BODY[] {2}\r\nhi)")
    assert framer.next_frame() is None
    assert framer.buffered == 26
    row = b"* 1 FETCH (BODY[] {5000}\r\n" + b"x" * 5000 + b")\r\n"
    framer.feed(b"\r\n" + row[:2000])
    assert framer.next_frame() is not None
    assert framer.next_frame() is None
    framer.feed(row[2000:] + row)
    assert framer.buffered == 2 * len(row)
