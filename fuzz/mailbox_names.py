"""Mailbox names in modified UTF-7 (RFC 3501 section 5.1.3) and in UTF-8.

Invariant: any text that is Unicode comes back as it went, and so do the octets of the server, both
ways and after a copy; nothing but `ValueError` is raised, and only for half a surrogate pair; what
is sent is of the RFC's grammar; and no name can end a command or begin another one.
"""

from __future__ import annotations

import pickle
import re

from hypothesis import strategies as st

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.command import Literal, MailboxArgument
from sage_imap.protocol.mailbox_names import decode_name, decode_utf7, encode_name, encode_utf7

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

EXAMPLES = st.one_of(
    st.text(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.text(alphabet="&-,+/AZaz09é日😀").map(lambda text: text.encode("utf-8", "replace")),
    st.text(alphabet="&-,+/AZaz09=").map(lambda text: text.encode()),
    st.text().map(lambda text: text.encode("utf-16-be", "replace")),
    st.text(max_size=6).map(lambda text: encode_utf7(text) + b"&AGE-"),
)
SEEDS = [b"INBOX", b"&ZeVnLIqe-", b"Fish & Chips", "Entwürfe".encode(), b"&2D3eAA-&-&AOk-x"]
# Printable ASCII stands for itself, and base64 never holds what could.
_SENT = re.compile(rb"(?:[\x20-\x25\x27-\x7e]|&-|&[A-Za-z0-9+,]+-)*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def from_octets(octets: bytes) -> bytes | str:
    return octets[1:] if octets[:1] < b"\x80" else octets[1:].decode("utf-8", "surrogateescape")


def check(example: str | bytes) -> None:
    if isinstance(example, bytes):
        for utf8 in (False, True):
            name = decode_name(example, utf8=utf8)
            assert encode_name(name, utf8=utf8) == example, "the octets do not come back"
            copy = pickle.loads(pickle.dumps(name))
            assert encode_name(copy, utf8=utf8) == example, "a copy has other octets"
            _check_argument(name)
        return
    _check_argument(example)
    if _SURROGATE.search(example):
        return
    raw = encode_utf7(example)
    assert _SENT.fullmatch(raw), "not modified UTF-7"
    name = decode_utf7(raw)
    assert name == example, "the name does not come back"
    assert type(name) is str, "a name of the RFC's form counts as odd"
    assert decode_name(encode_name(example, utf8=True), utf8=True) == example


def _check_argument(name: str) -> None:
    try:
        argument = MailboxArgument(name)
    except LocalProtocolError:
        return
    for utf8 in (False, True):
        sent = argument.render(utf8=utf8)
        if isinstance(sent, Literal):
            sent = b'""'
        assert re.fullmatch(rb'"(?:[^"\\\r\n\0]|\\["\\])*"', sent), "it is no quoted string"
