from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar.context import DecodeContext
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_number,
    as_text,
    atom_text,
    string,
)
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks


def scan(data: bytes, *literals: tuple[int, int], quirks: Quirks | None = None) -> list[Value]:
    context = DecodeContext(Limits(nesting=5, values=40), quirks or Quirks())
    return Scanner(Frame(data, literals), context).rest()


def seen(data: bytes) -> dict[str, int]:
    quirks = Quirks()
    scan(data, quirks=quirks)
    return dict(quirks.seen)


def test_values() -> None:
    """Atoms, strings, NIL and lists are told apart."""
    assert scan(b'a "b c" NIL nil (1 ("d") ()) \\Seen "" [x]') == [
        "a",
        b"b c",
        None,
        None,
        ["1", [b"d"], []],
        "\\Seen",
        b"",
        "[x]",
    ]


def test_siblings_need_no_space() -> None:
    """Lists stand side by side with or without a space."""
    assert scan(b'((a)(b) (c)"d"(e))') == [[["a"], ["b"], ["c"], b"d", ["e"]]]


def test_literals() -> None:
    """A literal is what was framed as one, and a marker that was not framed is no value."""
    data = b"(a {3}\r\n)x( ~{0}\r\n b)"
    assert scan(data, (8, 11), (18, 18)) == [["a", b")x(", b"", "b"]]
    with pytest.raises(Unreadable):
        scan(b"{3}\r\nabc")


@pytest.mark.parametrize(
    ("data", "content", "quirk"),
    [
        (b'"a \\"b\\" \\\\ c"', b'a "b" \\ c', None),
        (b'"5"x7"-print"', b'5"x7"-print', "quirk_bare_quote"),
        (b'"C:\\dir"', b"C:\\dir", "quirk_bare_backslash"),
        (b'"a\rb\x00"', b"a\rb\x00", "quirk_control_in_quoted"),
    ],
)
def test_quoted_strings(data: bytes, content: bytes, quirk: str | None) -> None:
    """What servers put into quoted strings is content, and an oddity is counted."""
    assert scan(data) == [content]
    assert seen(data) == ({quirk: 1} if quirk else {})
    if quirk:
        with pytest.raises(Unreadable, match=quirk):
            scan(data, quirks=Quirks(off=[quirk]))


@pytest.mark.parametrize(
    ("data", "count"),
    [(b"a  b", 1), (b"( a)", 1), (b"(a )", 1), (b"(a  b)", 1), (b"a ", 1), (b'  "\\""', 1)],
)
def test_spaces_too_many(data: bytes, count: int) -> None:
    """A space too many changes nothing and is counted."""
    assert scan(data)
    assert seen(data) == {"quirk_extra_space": count}
    with pytest.raises(Unreadable):
        scan(data, quirks=Quirks(off=["quirk_extra_space"]))


@pytest.mark.parametrize(
    "data",
    [
        b'"open',
        b'"open\\"',
        b"(a",
        b")",
        b"(a))",
        b"{5}",
        b"a\x00b",
        b'"a"b',
        b"((((((a))))))",
        b'a"',
    ],
)
def test_what_is_no_value(data: bytes) -> None:
    """What does not close, is nested too deeply or is no token at all is unreadable."""
    with pytest.raises(Unreadable):
        scan(data)


def test_nesting_up_to_the_bound() -> None:
    """The bound on nesting is the deepest that is read."""
    assert scan(b"((((a)) b)(c))") == [[[[["a"]], "b"], ["c"]]]
    assert scan(b"(((((a)))))") == [[[[[["a"]]]]]]


@pytest.mark.parametrize(
    ("piece", "most"), [(b"a ", 40), (b'"a" ', 40), (b"() ", 20), (b"(a) ", 13)]
)
def test_values_up_to_the_bound(piece: bytes, most: int) -> None:
    """However they are nested, as many values are read as the bound says, and not one more."""
    assert len(scan(piece * most)) == most
    with pytest.raises(Unreadable):
        scan(piece * (most + 1))
    with pytest.raises(Unreadable):
        scan(b"(" + piece * most + b")")


def test_conversions() -> None:
    """Values become what the grammar has in their place, or are refused."""
    assert string(b"x") == b"x"
    assert string("x") == b"x"
    assert string(None) == b"NIL"
    assert atom_text(b"\xc3\xa9") == "é"
    assert as_text(None) is None
    assert as_text("x") == "x"
    assert as_number("12345678901234567890") == 12345678901234567890
    assert as_list(None) == []
    assert as_list(["a"]) == ["a"]
    for refused in (
        lambda: string([]),
        lambda: atom_text(None),
        lambda: as_number("-1"),
        lambda: as_number("1" * 21),
        lambda: as_number(b"1"),
        lambda: as_list("a"),
    ):
        with pytest.raises(Unreadable):
            refused()


@given(st.lists(st.sampled_from([b"(", b")", b" ", b'"', b"\\", b"a", b"NIL", b"{1}", b"\r\n"])))
def test_scanning_ends(pieces: list[bytes]) -> None:
    """Any bytes are values or unreadable, and nothing else happens."""
    with contextlib.suppress(Unreadable):
        scan(b"".join(pieces))
