from __future__ import annotations

import pytest

from sage_imap.models.address_list import parse_addresses
from sage_imap.models.limits import MAX_ADDRESSES


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("a@b", [("", "a", "b")]),
        ("A B <a@b>", [("A B", "a", "b")]),
        ('"Doe, J" <j@d>, x@y', [("Doe, J", "j", "d"), ("", "x", "y")]),
        ("g: a@b, c@d; e@f", [("", "a", "b"), ("", "c", "d"), ("", "e", "f")]),
        ("undisclosed-recipients:;", []),
        ("<>", []),
        ("a@b; c@d", [("", "a", "b"), ("", "c", "d")]),
        ("<@x,@y:u@h>", [("", "u", "h")]),
        ("a@b (John Doe)", [("John Doe", "a", "b")]),
        ("Pete(A \\) chap) <pete(his)@silly.test(his)>", [("Pete", "pete", "silly.test")]),
        ("jdoe@test   . example", [("", "jdoe", "test.example")]),
        ('"x y"@h', [("", "x y", "h")]),
        ('"a\\"b" <c@d>', [('a"b', "c", "d")]),
        ("Big Bug bb@bug.com", [("Big Bug", "bb", "bug.com")]),
        ("a@b c@d", [("", "a", "b"), ("", "c", "d")]),
        ("Bob <bob@x> Bobby <bobby@y>", [("Bob", "bob", "x"), ("Bobby", "bobby", "y")]),
        ("Me@Home <a@b>", [("Me@Home", "a", "b")]),
        ("root", [("", "root", "")]),
        ("Mail Delivery System", []),
        ("a@b@c", [("", "a@b", "c")]),
        ("user@[IPv6:::1]", [("", "user", "[IPv6:::1]")]),
        ("<a@b", [("", "a", "b")]),
        ("(((( a@b", [("((((", "a", "b")]),
        ("=?utf-8?q?J=C3=B6rg?= <j@d>", [("Jörg", "j", "d")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@d>', [("Jörg", "j", "d")]),
        ("=?utf-8?q?a=40b=3E=2C?= <c@d>", [("a@b>,", "c", "d")]),
        ("Jörg <jörg@bücher.example>", [("Jörg", "jörg", "bücher.example")]),
        ("A\r\n B <a@b>,\r\n\tc@d", [("A B", "a", "b"), ("", "c", "d")]),
    ],
)
def test_addresses_of_a_field(field: str, expected: list[tuple[str, str, str]]) -> None:
    """What RFC 5322 allows, and what is sent in its place."""
    found = [(a.name, a.mailbox, a.host) for a in parse_addresses([field.encode()])]
    assert found == expected


@pytest.mark.parametrize("field", ["a@b,", "(", '("', "a<b>", "a @ b ", ":", "a@b c"])
def test_the_number_of_addresses_is_bounded(field: str) -> None:
    """A field of a megabyte is read in bounded time."""
    assert len(parse_addresses([field.encode() * (1_000_000 // len(field))])) <= MAX_ADDRESSES
