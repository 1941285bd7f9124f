from __future__ import annotations

import base64
import binascii
import os
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_imap.models.transfer import decode_transfer


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
    """What the compiled reader leaves out is found missing, and the lenient one reads it."""
    data = os.urandom(6000)
    body = base64.encodebytes(data)
    assert _decode(body[:4000] + b"*" + body[4000:], b"base64")[0] == data


@pytest.mark.parametrize("end", [b"\n", b"\r\n ", b" \r\n"])
def test_runs_of_base64_that_are_indented(end: bytes) -> None:
    """White space at the ends of lines is no text below the last run."""
    runs = [os.urandom(5000), os.urandom(10_000)]
    body = b"".join(map(base64.encodebytes, runs)).replace(b"\n", end)
    assert _decode(body, b"base64")[0] == b"".join(runs)


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
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3), _DAMAGE), max_size=3),
    st.sampled_from((b"\n", b"\r\n")),
)
@settings(max_examples=3000)
def test_base64_is_what_the_standard_library_makes_of_it(
    width: int, size: int, damages: list[tuple[int, int, bytes]], end: bytes
) -> None:
    """Whatever is damaged, unless that takes only a part of it."""
    digits = bytes(islice(cycle(b"SGVsbG8gd29ybGQh+/"), size // 4 * 4))
    body = end.join(digits[at : at + width] for at in range(0, len(digits), width))
    for at, gone, put in damages:
        body = body[:at] + put + body[at + gone :]
    found, warned = _decode(body, b"base64")
    try:
        whole = binascii.a2b_base64(body)
    except binascii.Error:
        assert warned
    else:
        assert warned == (b"=" in body.rstrip(b"= \t\r\n"))
        assert warned or found == whole
