from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.text import _decode, decode_body, html_to_text, preview


@pytest.mark.parametrize(
    ("raw", "charset", "expected", "warned"),
    [
        (b"a\r\nb\rc\n", "", "a\nb\nc\n", False),
        ("ü".encode(), "utf-8", "ü", False),
        ("ü".encode(), "us-ascii", "ü", True),
        ("ü".encode(), "", "ü", False),
        (b"\xfc", "us-ascii", "ü", True),
        (b"\xfc", "utf-8", "ü", True),
        ("üü".encode()[:3], "utf-8", "ü\ufffd", True),
        (b"\x80", "iso-8859-1", "€", False),
        (b"\x81", "latin1", "\x81", False),
        ("汉".encode("gb18030"), "gb2312", "汉", False),
        (b"\xff", "x-no-such", "ÿ", False),
        (b"\x81", "shift_jis", "\ufffd", True),
        (b"+2AA-", "utf-7", "\ufffd", True),
    ],
)
def test_text_is_read_whatever_its_label(
    raw: bytes, charset: str, expected: str, warned: bool
) -> None:
    """A wrong label costs a warning at most."""
    warnings: list[str] = []
    assert decode_body(raw, charset, warnings) == expected
    assert bool(warnings) == warned


def test_html_becomes_the_words_that_one_reads() -> None:
    """Structure is a space, and what is not shown is left out."""
    assert html_to_text("<style>x</style>a<br>b<!-- c --><p>d &amp; e") == "a b d & e"
    assert html_to_text("</style>a</script>") == "a"


def test_a_preview_is_never_longer_than_asked() -> None:
    """An ellipsis is part of the length."""
    assert preview("one two", "", 7) == "one two"
    assert preview("one two", "", 5) == "one…"
    assert preview(" \n", "<p>html", 9) == "html"
    assert preview("one", "", 0) == ""


@given(
    st.lists(st.sampled_from((b"a", b"\r\n", b"\r", b"\n", b"\xc3", b"\xa4", b"\x1b$B"))).map(
        b"".join
    ),
    st.sampled_from(("", "ascii", "utf-8", "latin1", "iso-8859-15", "iso-8859-99", "koi8-r"))
    | st.sampled_from(("windows-1252", "iso-2022-jp", "utf-16", "utf-7", "shift_jis", "gb2312")),
)
def test_line_ends_are_the_same_before_and_after_decoding(raw: bytes, charset: str) -> None:
    """Where they are taken out of the octets, the text is what it is without that."""
    text = _decode(raw, charset, [])
    assert decode_body(raw, charset, []) == text.replace("\r\n", "\n").replace("\r", "\n")
