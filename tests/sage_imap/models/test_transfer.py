from __future__ import annotations

import base64
import binascii
import os
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_imap.models.transfer import _PIECE, _compiled, _in_pieces, decode_transfer


def _decode(body: bytes, encoding: bytes) -> tuple[bytes, bool]:
    warnings: list[str] = []
    return decode_transfer(b"~" + body + b"~", 1, len(body) + 1, encoding, warnings), bool(warnings)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000, 5000])
def test_base64_of_every_size(size: int) -> None:
    """The compiled and the lenient reader agree."""
    data = os.urandom(size)
    body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert _decode(body, b" BASE64 \r\n") == (data, False)


@given(st.binary(max_size=4000))
def test_quoted_printable_and_base64_read_back(data: bytes) -> None:
    """Encoding and decoding are inverses."""
    assert _decode(base64.encodebytes(data), b"base64")[0] == data
    assert _decode(binascii.b2a_qp(data, istext=False), b"quoted-printable")[0] == data


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"SGVsbG8", b"Hello"),
        (b"SGVsbG8gA", b"Hello "),
        (b"SGVs!bG8=", b"Hello"),
        (b"SGVsbG8=SGVsbG8=", b"HelloHello"),
        (b"SGVsbG8=\n-- \na list's footer", b"Hello"),
        (b"", b""),
        (b"====", b""),
    ],
)
def test_damaged_base64_is_read_as_far_as_it_goes(body: bytes, expected: bytes) -> None:
    """Lost padding, odd octets, several runs, footers below."""
    assert _decode(body, b"base64")[0] == expected


def test_large_damaged_base64_is_not_lost() -> None:
    """What the compiled reader refuses is read by the lenient one."""
    data = os.urandom(6000)
    body = base64.encodebytes(data)
    assert _decode(body[:4000] + b"*" + body[4000:], b"base64")[0] == data


def test_uuencode() -> None:
    """With junk before, and with lines that are too long or no lines at all."""
    body = b"hello\nbegin 644 a\n" + binascii.b2a_uu(b"hello") + b"\n`\nend\nbye"
    assert _decode(body, b"x-uuencode") == (b"hello", False)
    assert _decode(b"begin 644 a\n%:&5L;&\\EXTRA", b"uue")[0] == b"hello"
    assert _decode(b"begin 644 a\nM\x7f\x7f", b"uue")[0] == b""
    assert _decode(b"nothing", b"uuencode") == (b"nothing", True)


def test_an_unknown_encoding_counts_as_none() -> None:
    """The octets are kept."""
    assert _decode(b"=41", b"x-unheard-of") == (b"=41", False)
    assert _decode(b"=41", b"") == (b"=41", False)


_DAMAGE = st.sampled_from(
    (
        b"",
        b"=",
        b"==",
        b"A",
        b"AA",
        b"AAA=",
        b"AA==",
        b"====",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b"*",
        b"\0",
    )
)


@given(
    st.integers(2, 120),
    st.integers(_PIECE - 200, 3 * _PIECE),
    st.lists(st.tuples(st.integers(-300, 300), st.integers(0, 3), _DAMAGE), max_size=3),
    st.sampled_from((b"\n", b"\r\n")),
)
@settings(max_examples=60)
def test_base64_in_pieces_is_what_it_is_whole(
    width: int, size: int, damages: list[tuple[int, int, bytes]], end: bytes
) -> None:
    """Wherever the cuts fall, and whatever stands beside them, both ways agree."""
    digits = bytes(islice(cycle(b"SGVsbG8gd29ybGQh+/"), size // 4 * 4))
    body = end.join(digits[at : at + width] for at in range(0, len(digits), width))
    for offset, gone, put in damages:
        at = max(_PIECE + offset, 0)
        body = body[:at] + put + body[at + gone :]
    assert _in_pieces(body, 0, len(body)) == _compiled(body, 0, len(body))
