from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.address import EmailAddress
from sage_imap.models.envelope import Envelope
from sage_imap.protocol.events import FetchReceived, ParseFailure
from sage_imap.protocol.quirks import Quirks
from tests.sage_imap.protocol.grammar.reading import read, read_item, read_one

PLAIN = (
    b'("Wed, 8 Feb 2023 19:40:11 +0530" "=?utf-8?Q?Caf=C3=A9?= \\"x\\"" '
    b'(("=?utf-8?B?SsO8cmdlbg==?=" NIL "jk" "fjord.example")) NIL NIL '
    b'((NIL NIL "crew" NIL)("Mia" NIL "mia" "quill.example")(NIL NIL NIL NIL)) NIL NIL '
    b'NIL "<this.2@fjord.example>")'
)


def envelope(value: bytes) -> Envelope:
    found = read_item("ENVELOPE", value)
    assert isinstance(found, Envelope)
    return found


def test_fields_are_decoded() -> None:
    """Each field is in its place and decoded."""
    found = envelope(PLAIN)
    assert found.date is not None
    assert found.date.isoformat() == "2023-02-08T19:40:11+05:30"
    assert found.date_raw == "Wed, 8 Feb 2023 19:40:11 +0530"
    assert found.subject == 'Café "x"'
    assert found.subject_raw == '=?utf-8?Q?Caf=C3=A9?= "x"'
    assert found.from_ == (EmailAddress("Jürgen", "jk", "fjord.example"),)
    assert found.to == (EmailAddress("Mia", "mia", "quill.example"),)
    assert (found.sender, found.reply_to, found.cc, found.bcc) == ((), (), (), ())
    assert found.in_reply_to is None
    assert found.message_id == "<this.2@fjord.example>"


def test_both_ways_of_reading_agree() -> None:
    """An envelope that has to be read value by value is equal to the plain one."""
    odd = PLAIN.replace(b") NIL", b")  NIL", 1)
    quirks = Quirks()
    (row,) = read(b"* 1 FETCH (ENVELOPE %s)" % odd, quirks=quirks)
    assert isinstance(row, FetchReceived)
    assert row.items["ENVELOPE"] == envelope(PLAIN)
    assert hash(row.items["ENVELOPE"]) == hash(envelope(PLAIN))
    assert quirks.seen["quirk_extra_space"] == 1


def test_an_envelope_can_be_copied_and_pickled() -> None:
    """What is decoded lazily survives copying and pickling, before and after it was read."""
    found = envelope(PLAIN)
    assert copy.copy(found) == found
    assert pickle.loads(pickle.dumps(envelope(PLAIN))) == found
    assert envelope(PLAIN) != "another"
    with pytest.raises(AttributeError):
        _ = found.no_such_field  # type: ignore[attr-defined]  # that is the point


def test_nothing_is_an_envelope_too() -> None:
    """Ten NILs are an envelope without anything, and NIL is none."""
    found = envelope(b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
    assert found == Envelope()
    assert read_item("ENVELOPE", b"NIL") is None


@pytest.mark.parametrize(
    ("value", "quirk"),
    [
        (b'("d" "s" NIL NIL NIL NIL NIL NIL NIL)', "quirk_short_envelope"),
        (b'("d" "s" (NIL) NIL NIL NIL NIL NIL NIL NIL)', "quirk_nil_address"),
        (b'("d" "s" () NIL NIL NIL NIL NIL NIL NIL)', "quirk_empty_address_list"),
    ],
)
def test_quirks(value: bytes, quirk: str) -> None:
    """Each oddity is put up with, counted, and costs the row where it is switched off."""
    quirks = Quirks()
    (row,) = read(b"* 1 FETCH (ENVELOPE %s)" % value, quirks=quirks)
    assert isinstance(row, FetchReceived)
    assert row.items["ENVELOPE"] == Envelope(date_raw="d", subject="s", subject_raw="s")
    assert quirks.seen[quirk] == 1
    assert isinstance(read_one(b"* 1 FETCH (ENVELOPE %s)" % value, off=[quirk]), ParseFailure)


@pytest.mark.parametrize(
    "value",
    [
        b"7",
        b"()",
        b'("d")',
        b'("d" "s" "x" NIL NIL NIL NIL NIL NIL NIL)',
        b'("d" "s" (7) NIL NIL NIL NIL NIL NIL NIL)',
        b'("d" "s" (("a" "b")) NIL NIL NIL NIL NIL NIL NIL)',
        b'(("d") "s" NIL NIL NIL NIL NIL NIL NIL NIL)',
    ],
)
def test_what_is_no_envelope(value: bytes) -> None:
    """What is no envelope costs its row and names it."""
    failure = read_one(b"* 3 FETCH (UID 9 ENVELOPE %s)" % value)
    assert isinstance(failure, ParseFailure)
    assert (failure.seq, failure.uid, failure.response) == (3, 9, "FETCH")


def test_a_group_that_never_ends_is_a_local_user() -> None:
    """A mailbox without a host is an address unless a group ends behind it."""
    found = envelope(b'(NIL NIL ((NIL NIL "root" NIL)) NIL NIL NIL NIL NIL NIL NIL)')
    assert found.from_ == (EmailAddress("", "root", ""),)
    found = envelope(b"(NIL NIL ((NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL)")
    assert found.from_ == ()


def test_long_lists_are_not_cached() -> None:
    """A list of many addresses is read like a short one."""
    many = b"".join(b'(NIL NIL "user%d" "quill.example")' % n for n in range(100))
    found = envelope(b"(NIL NIL NIL NIL NIL (%s) NIL NIL NIL NIL)" % many)
    assert [address.mailbox for address in found.to] == [f"user{n}" for n in range(100)]


QUOTED = st.binary(max_size=12).map(
    lambda raw: (
        b'"' + raw.translate(None, b"\r\n\0").replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    )
)
NSTRING = st.one_of(st.just(b"NIL"), QUOTED)
ADDRESS = st.tuples(NSTRING, NSTRING, NSTRING, NSTRING).map(lambda f: b"(" + b" ".join(f) + b")")
ADDRESSES = st.one_of(
    st.just(b"NIL"),
    st.lists(ADDRESS, min_size=1, max_size=3).map(lambda a: b"(" + b"".join(a) + b")"),
)


@given(st.tuples(NSTRING, NSTRING, *[ADDRESSES] * 6, NSTRING, NSTRING))
def test_plain_and_general_reading_agree(fields: tuple[bytes, ...]) -> None:
    """Whatever the fields hold, reading them at once and one by one gives the same."""
    plain = read_one(b"* 1 FETCH (ENVELOPE (%s))" % b" ".join(fields))
    general = read_one(b"* 1 FETCH (ENVELOPE (%s ))" % b" ".join(fields))
    assert isinstance(plain, FetchReceived)
    assert plain == general
