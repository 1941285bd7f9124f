"""What a reader sees of a text, and where it is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_mail.security.rendering import INVISIBLE, Rendering


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a&nbsp;b&#160;c&#xA0;d&#160e", "a b c d e"),
        ("a%20b%C2%A0c%E2%80%89d%2De", "a b c d-e"),
        ("a\u2013b\u2011c\u2212d&ndash;e", "a-b-c-d-e"),
        ("\u0664\u06f1\uff12", "412"),
        ("a\u2028b\u0085c", "a\nb\nc"),
        ("\u202da\u00adb\u202c", f"{INVISIBLE}a{INVISIBLE}b{INVISIBLE}"),
        ("<b class=x>a</b><br/>b<!-- c --><td>", f"{INVISIBLE}a{INVISIBLE}\nb{INVISIBLE}<td>"),
        ("&nosuch;&#99999999;%C3%28&amp", "&nosuch;&#99999999;%C3(&amp"),
        ("&#x110000;", "&#x110000;"),
    ],
)
def test_what_is_seen(text: str, seen: str) -> None:
    """References, escapes, tags and rare characters are one character of a few; the rest stays."""
    assert Rendering(text, tags=True).text == seen


def test_tags_are_text_unless_told() -> None:
    """What is in a tag can be looked at."""
    assert Rendering("<b>&lt;", tags=False).text == "<b><"


_PIECES = st.lists(st.sampled_from(["&nbsp;", "%20", "<b>", "x", "\u00a0", "<td>", "&", "7"]))


@settings(deadline=None)
@given(_PIECES, _PIECES)
def test_the_way_back(before: list[str], after: list[str]) -> None:
    """A place in what is seen is the place of the same character in what is written."""
    written = "".join([*before, "é", *after])
    seen = Rendering(written, tags=True)
    place = seen.text.index("é")
    assert written[seen.written(place) : seen.written(place + 1)] == "é"
    assert seen.written(len(seen.text)) == len(written)
