"""Mailbox names in modified UTF-7 (RFC 3501 section 5.1.3).

Invariant: any text that is Unicode comes back as it went; any octets are read without an exception,
as text that goes back to the very same octets; and what is sent is printable ASCII.
"""

from __future__ import annotations

from hypothesis import strategies as st

from sage_imap.protocol.mailbox_names import decode_utf7, encode_utf7

__all__ = ["EXAMPLES", "check"]

EXAMPLES = st.one_of(
    st.text(),
    st.binary(),
    st.text(alphabet="&-,+/AZaz09é日😀").map(lambda text: text.encode("utf-8", "replace")),
    st.text(alphabet="&-,+/AZaz09=").map(lambda text: text.encode()),
)


def check(example: str | bytes) -> None:
    if isinstance(example, bytes):
        text = decode_utf7(example)
        assert encode_utf7(text) == example, "the octets do not come back"
        return
    raw = encode_utf7(example)
    assert all(0x20 <= octet < 0x7F for octet in raw) or any(
        c < " " or c == "\x7f" for c in example
    )
    assert decode_utf7(raw) == example, "the name does not come back"
