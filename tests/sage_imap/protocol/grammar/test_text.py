from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.grammar import text as module
from sage_imap.protocol.grammar.text import decode_charset, decode_text, decode_words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?utf-8?Q?Caf=C3=A9_on_Friday?=", "Café on Friday"),
        (b"Re: =?iso-8859-1?Q?Stra=DFe?= =?utf-8?B?IE5yLiA1?= (2)", "Re: Straße Nr. 5 (2)"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        (b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8*de?q?a?=", "a"),
        (b'=?UTF-8?Q?"Quai=20Nord"?=', '"Quai Nord"'),
        (b"=?utf-8?B?SsO8cmdlbg?=", "Jürgen"),
        (b"=?utf-8?B?SsO8cmdlx?=", "Jürge"),
        (b"=?utf-8?B?w5xi=?=", "Üb"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
        (b"=?shift_jis?B?k/qWe4zq?=", "日本語"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?nobody-knows?Q?=C3=A9?=", "é"),
        (b"=?us-ascii?Q?=E9?=", "é"),
        (b"=?utf-8?Q?open", "=?utf-8?Q?open"),
        (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
        (b"two\r\n lines\n", "two lines "),
        ("Blåbær".encode(), "Blåbær"),
        ("Blåbær".encode("latin-1"), "Blåbær"),
    ],
)
def test_words(raw: bytes, text: str) -> None:
    """Encoded-words are decoded leniently and everything else stands as it is."""
    assert decode_words(raw) == text


def test_text_is_utf8_or_latin1() -> None:
    """What is not UTF-8 is latin-1."""
    assert decode_text(b"\xc3\xa9") == "é"
    assert decode_text(b"\xe9") == "é"


def test_broken_octets_do_not_hide_the_rest() -> None:
    """Octets that do not fit the character set are replaced, or read as the UTF-8 that they are."""
    assert decode_charset(b"\x93\xfa\xff\xff", "shift_jis").startswith("日")
    assert decode_charset("日本".encode(), "euc-jp") == "日本"
    assert decode_charset(b"\x1b$B\xff", "iso-2022-jp") != ""
    assert decode_charset(b"\x1b$", "iso-2022-jp") == "\ufffd"


def test_codecs_that_are_no_charsets_are_not_used() -> None:
    """Compression, escapes and the like are never undone in the name of a character set."""
    for charset in ("zlib", "hex", "unicode_escape", "idna", "rot13", "undefined"):
        assert decode_charset(rb"\x41", charset) == rb"\x41".decode()


def test_a_codec_that_is_missing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that Python lists and has no codec for is read like an unknown one."""
    monkeypatch.setitem(module._BY_NAME, "missing", "no_such_codec")
    assert decode_charset(b"\xe9", "missing") == "é"


@given(st.binary(max_size=40), st.sampled_from(sorted(module._BY_NAME)))
def test_no_charset_raises(raw: bytes, charset: str) -> None:
    """Whatever the octets, every character set gives text."""
    assert isinstance(decode_charset(raw, charset), str)


@pytest.mark.parametrize("charset", sorted(set(module._BY_NAME.values())))
def test_no_lone_surrogate_gets_through(charset: str) -> None:
    """What is decoded can be encoded and stored."""
    halves = ["a\ud800b".encode(name, "surrogatepass") for name in ("utf-8", "utf-16", "utf-32")]
    for raw in (*halves, b"a+2AA-b", b"+2AA", b"+3ADYAA-\xff", b"+2ADcAA-"):
        decode_charset(raw, charset).encode()


@given(st.text(st.sampled_from("=?utf-8QqBb_ aé\r\n"), max_size=80))
def test_no_words_raise(text: str) -> None:
    """Half and broken encoded-words are text."""
    assert isinstance(decode_words(text.encode()), str)


@pytest.mark.parametrize("piece", [b"=?a?q?x", b"=?a?q?x?= ", b"=?", b"=?a?b?=?", b"?=="])
def test_time_is_linear(piece: bytes) -> None:
    """A hundred thousand openings, closed or not, take well under the time of one quadratic."""
    begun = time.process_time()
    decode_words(piece * 100_000)
    assert time.process_time() - begun < 10
