from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.parameters import _read, read_parameters


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b"attachment; filename=a.pdf", "a.pdf"),
        (b'attachment; filename="a b.pdf"', "a b.pdf"),
        (b"attachment; filename=a b.pdf; size=3", "a b.pdf"),
        (b'attachment; filename="a\\"b\\\\c"', 'a"b\\c'),
        (b'attachment; filename="C:\\temp\\a.doc"', "C:\\temp\\a.doc"),
        (b'attachment; filename="open', "open"),
        (b"attachment; filename*=utf-8'de'Gr%C3%BC%C3%9Fe", "Grüße"),
        (b"attachment; filename*0*=utf-8''Gr%C3; filename*1*=%BC; filename*2=\"%41\"", "Grü%41"),
        (b"attachment; filename*1=b; filename*0=a", "ab"),
        (b"attachment; filename*1=b", "b"),
        (b"attachment; filename=plain; filename*=utf-8''better", "better"),
        (b"attachment; filename=first; filename=second", "first"),
        (b'attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe?="', "Grüße"),
        ("attachment; filename=Grüße".encode(), "Grüße"),
        ("attachment; filename=Grüße".encode("latin-1"), "Grüße"),
        (b"attachment; filename*=%41", "A"),
        (b"attachment; filename*=x-none''%e9", "é"),
        (b"attachment;\r\n\tFILENAME = a", "a"),
        (b"attachment; *=a; filename=b", "b"),
    ],
)
def test_file_names_in_all_their_notations(field: bytes, name: str) -> None:
    """RFC 2231, RFC 2047, raw octets and damage."""
    value, parameters = read_parameters(field)
    assert value == "attachment"
    assert parameters["filename"] == name


def test_the_number_of_parameters_is_bounded() -> None:
    """A thousand parameters are not all read."""
    field = b"text/plain" + b"".join(b"; a%d=b" % number for number in range(1000))
    assert len(read_parameters(field)[1]) == 200


@given(
    st.lists(
        st.sampled_from(
            (b"text/plain; charset=", b"A", b"; ", b";", b"=", b'"', b"utf-8", b" ", b"\t", b"*0*")
        )
        | st.sampled_from(
            (b"=?", b"?=", b"\\", b"\r\n ", b"\r\n", b"\n", b"\r", b"'", b"\xe9", b"\x0b", b"\x00")
        ),
        max_size=10,
    ).map(b"".join)
    | st.from_regex(rb' ?[a-z/*]{1,3};\s?[a-z*]{1,2}=("[ -~]{0,3}"|[!-~]{1,3})\s?\Z')
)
def test_usual_fields_read_as_odd_ones_do(field: bytes) -> None:
    """A field of one parameter, taken by one expression, reads as by the search for several."""
    assert not field or read_parameters(field) == _read(field)
