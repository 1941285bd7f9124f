"""What is masked has the length and the shape of what it was, and says nothing."""

from __future__ import annotations

import base64
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.grammar.text import decode_words
from sage_imap.protocol.mailbox_names import RawName, decode_utf7, encode_utf7
from sage_imap.testing.masking import Masker


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello, World 42!", b"Xxxxx, Xxxxx 11!"),
        (b"<a.b+c@Example.org>", b"<x.x+x@Xxxxxxx.xxx>"),
        (rb"a \"quoted\" \\ name", rb"x \"xxxxxx\" \\ xxxx"),
        ("café 中 😎".encode(), "xxxé € 😀".encode()),
        (b"\xff\xe4\xb8 x\xa0", b"\xe9\xe9\xe9 x\xe9"),
        (b"=?utf-8?B?c2VjcmV0IG1haWw=?=", b"=?utf-8?B?eHh4eHh4eHh4eHg=?="),
        (b"=?UTF-8?b?c2VjcmV?=", b"=?UTF-8?b?eHh4eHg?="),
        (b"=?iso-8859-1?Q?A=FC_b?= c", b"=?iso-8859-1?Q?X=78_x?= x"),
        (b"=?x-hush?q?a?=", b"=?x-xxxx?q?x?="),
        (b"=?utf-8?q?unfinished", b"=?xxx-1?x?xxxxxxxxxx"),
        (b"utf-8'en'na%C3%AFve%2", b"utf-8'xx'xx%78%78xx%1"),
        (b"hush'en'a%20b", b"xxxx'xx'x%78x"),
        (b"", b""),
    ],
)
def test_text(before: bytes, after: bytes) -> None:
    """Letters, digits, escapes, encodings and broken octets stay what they are, but for meaning."""
    assert Masker().text(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"INBOX", b"INBOX"),
        (b"inbox.Work", b"inbox.Xxxa"),
        (b"InboxX", b"XxxxxA"),
        (b"INBOX&APw-", b"XXXXA&AOA-"),
        (b"A&-B", b"B&-C"),
        (b"[Gmail]/Sent Mail", b"[Xxxxa]/Xxxa Xxxb"),
        (b"2023", b"1111"),
        ("Müll".encode(), "Aéxa".encode()),
        (b"&notbase64-", b"&xxxxxxx11-"),
    ],
)
def test_name(before: bytes, after: bytes) -> None:
    """INBOX, delimiters and encodings stay; words become others of the same shape."""
    assert Masker().name(before) == after


def test_names_stay_apart() -> None:
    """Equal words of names become equal, unequal ones unequal, over all names."""
    masker = Masker()
    names = [b"Work/2023", b"Work/2024", b"Home", b"home", b"Entw&APw-rfe", b"Entw&APY-rfe"]
    masked = [masker.name(name) for name in names]
    assert len(set(masked)) == len(names)
    assert masked[0].split(b"/")[0] == masked[1].split(b"/")[0]
    assert masker.name(b"Work/2023") == masked[0]


def test_more_names_than_shapes() -> None:
    """Where there are not enough words of a shape, some fall together, and none stands still."""
    masker = Masker()
    masked = {masker.name(letter.encode()) for letter in string.ascii_letters}
    assert masked <= {letter.encode() for letter in string.ascii_letters}


def test_count() -> None:
    """What was changed is counted, what stays is not."""
    masker = Masker()
    masker.text(b"a")
    masker.text(b"...")
    masker.name(b"INBOX")
    masker.name(b"Work")
    assert masker.count == 2


@given(st.binary())
def test_any_octets(octets: bytes) -> None:
    """Whatever comes, the length stays, and so does all that is neither letter nor digit."""
    for mask in (Masker().text, Masker().name):
        masked = mask(octets)
        assert len(masked) == len(octets)
        signs = [(i, c) for i, c in enumerate(octets) if c < 0x80 and not chr(c).isalnum()]
        assert all(masked[i] == c for i, c in signs)


@given(st.text())
def test_utf8_stays_utf8(text: str) -> None:
    """Text in UTF-8 stays so, and what is no UTF-8 does not become it."""
    octets = text.encode("utf-8", "surrogatepass")
    masked = Masker().text(octets)
    assert _is_utf8(masked) == _is_utf8(octets)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_modified_utf7_stays_valid(text: str) -> None:
    """A name in the one valid form stays in it, and has as many characters of UTF-16."""
    name = encode_utf7(text)
    masked = Masker().name(name)
    assert not isinstance(decode_utf7(masked), RawName)
    assert len(decode_utf7(masked).encode("utf-16-le")) == len(text.encode("utf-16-le"))


@given(st.text(alphabet=string.ascii_letters + "äöü€ ", min_size=1))
def test_encoded_words_are_read_as_such(text: str) -> None:
    """An encoded-word stays one, and says only x."""
    coded = base64.b64encode(text.encode())
    masked = Masker().text(b"=?utf-8?B?" + coded + b"?=")
    assert re.fullmatch(r"x+", decode_words(masked))


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
