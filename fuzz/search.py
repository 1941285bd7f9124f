"""Search criteria, and the command that they go in.

Invariant: what can be said is built and sent, what cannot raises `LocalProtocolError` and sends
nothing; a server that reads the octets by the RFC's grammar finds exactly one command, and in it
exactly the keys and strings that went in; criteria printed and read again are the same; and text
that somebody typed, whatever it is, never makes a second command or a literal that never comes.

The reader below shares no code with the library.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from sage_imap.errors import LocalProtocolError
from sage_imap.helpers.search import IMAPSearchCriteria as Criteria
from sage_imap.protocol import commands
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA
from sage_imap.protocol.state import ConnectionState

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

_TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(alphabet='"\\()ü{5}+~ ', max_size=8),
    st.text(alphabet='"\\(ü{\r\n\0\ud800', max_size=3),
    st.sampled_from(["x" * 999, "é" * 501, "x" * 5000, '"' * 600]),
)
_WORDED = {
    "from_address": "FROM",
    "to_address": "TO",
    "cc_address": "CC",
    "bcc_address": "BCC",
    "subject": "SUBJECT",
    "body": "BODY",
    "text": "TEXT",
    "gmail_raw": "X-GM-RAW",
    "gmail_label": "X-GM-LABELS",
}
_ATOMS = {"keyword": "KEYWORD", "unkeyword": "UNKEYWORD", "email_id": "EMAILID"}
_NUMBERS = {"larger": "LARGER", "smaller": "SMALLER", "older": "OLDER", "modseq": "MODSEQ"}
_DATES = {"before": "BEFORE", "on": "ON", "sent_since": "SENTSINCE", "saved_on": "SAVEDON"}
_FLAGS = ("ALL", "SEEN", "UNSEEN", "NEW", "FLAGGED", "UNDELETED")
_JOINS = ("and", "or")
_LEAVES = st.one_of(
    st.tuples(st.sampled_from(sorted(_WORDED)), _TEXTS),
    st.tuples(st.just("header"), st.tuples(_TEXTS | st.sampled_from(["X-Spam", "To"]), _TEXTS)),
    st.tuples(st.sampled_from(sorted(_ATOMS)), _TEXTS | st.sampled_from(["$Junk", "a"])),
    st.tuples(st.sampled_from(sorted(_NUMBERS)), st.integers(-1, 1 << 64)),
    st.tuples(st.sampled_from(sorted(_DATES)), st.dates().map(str)),
    st.tuples(st.just("uid"), st.lists(st.integers(0, 9), max_size=4)),
    st.tuples(st.just("flag"), st.sampled_from(_FLAGS)),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(_JOINS), st.lists(inner, min_size=1, max_size=5)),
        st.tuples(st.sampled_from(["not", "fuzzy"]), inner),
    ),
    max_leaves=8,
)
_TYPED = st.one_of(
    _TEXTS,
    st.lists(
        st.sampled_from(
            ["SUBJECT", "OR", "NOT", "(", ")", '"a"', '"', "\\", "{3}", "{3+}", "ü", "*"]
        ),
        max_size=6,
    ).map(" ".join),
)
EXAMPLES = st.tuples(st.integers(0, 4), st.one_of(_TREES, _TREES, _TYPED))
SEEDS = [b"\0SUBJECT {5}", b'\1OR (SEEN "a\\"b") NOT TEXT x', b"\2FROM \xc3\xbc", b"\3UID 1:*"]

_SETTINGS: list[tuple[list[str], list[str]]] = [
    (["IMAP4REV1", "ESEARCH"], []),
    (["IMAP4REV1", "ESEARCH", "LITERAL+"], []),
    (["IMAP4REV1", "ESEARCH", "LITERAL-"], []),
    (["IMAP4REV1", "ESEARCH", "UTF8=ACCEPT"], ["UTF8=ACCEPT"]),
    (["IMAP4REV2"], ["IMAP4REV2"]),
]
_ATOM = re.compile(r"[^\x00-\x20\x7f-\U0010ffff(){%*\"\\\]]+")
_MARKER = re.compile(rb"\{([0-9]+)(\+?)\}\Z")
_TOKEN = re.compile(rb' |([()])|"((?:[^"\\\r\n\0]|\\["\\])*)"|([^ ()"{\\%\r\n\0]+)')
_UNSENDABLE = re.compile("[\0\r\n\ud800-\udfff]")
_MOST = (1 << 63) - 1


def from_octets(octets: bytes) -> tuple[int, str]:
    setting = octets[0] % len(_SETTINGS) if octets else 0
    return setting, octets[1:].decode("utf-8", "surrogateescape")


def check(example: tuple[int, Any]) -> None:
    setting, wanted = example
    if isinstance(wanted, str):
        _check_typed(setting, wanted)
        return
    try:
        criteria = _built(wanted)
    except LocalProtocolError:
        assert not _can_be_said(wanted), "what can be said was refused"
        return
    assert _can_be_said(wanted), "what cannot be said was not refused"
    tokens = _received(setting, criteria)
    assert _meaning(tokens) == _expected(wanted), "other keys came out"
    assert _received(setting, Criteria(str(criteria))) == tokens, "printed criteria are other ones"


def _check_typed(setting: int, text: str) -> None:
    try:
        criteria = Criteria(text)
    except LocalProtocolError:
        return
    for one in (criteria, Criteria.and_criteria(Criteria.SEEN, text), Criteria.not_criteria(text)):
        _received(setting, one, typed=True)


def _built(tree: Any) -> Criteria:
    kind, inner = tree
    match kind:
        case "and":
            return Criteria.and_criteria(*map(_built, inner))
        case "or":
            return Criteria.or_criteria(*map(_built, inner))
        case "not":
            return Criteria.not_criteria(_built(inner))
        case "fuzzy":
            return Criteria.fuzzy(_built(inner))
        case "flag":
            return Criteria(inner)
        case "header":
            return Criteria.header(*inner)
    made: Criteria = getattr(Criteria, kind)(inner)
    return made


def _can_be_said(tree: Any) -> bool:
    kind, inner = tree
    match kind:
        case "and" | "or":
            return all(map(_can_be_said, inner))
        case "not" | "fuzzy":
            return _can_be_said(inner)
        case "header":
            return bool(_ATOM.fullmatch(inner[0])) and not _UNSENDABLE.search(inner[1])
        case "uid":
            return bool(inner) and 0 not in inner
    if kind in _ATOMS:
        return bool(_ATOM.fullmatch(inner))
    if kind in _NUMBERS:
        return bool((kind == "older") <= inner <= _MOST)
    return kind not in _WORDED or not _UNSENDABLE.search(inner)


def _expected(tree: Any) -> Any:
    """The keys of *tree* as `_meaning` gives them."""
    kind, inner = tree
    match kind:
        case "and" | "or":
            keys = list(map(_expected, inner))
            return keys[0] if len(keys) == 1 else _joined(kind.upper(), keys)
        case "not" | "fuzzy":
            return (kind.upper(), _expected(inner))
        case "flag":
            return (inner,)
        case "header":
            return ("HEADER", inner[0], inner[1])
        case "uid":
            return ("UID", set(inner))
    if kind in _DATES:
        year, month, day = inner.split("-")
        return (_DATES[kind], f"{day}-{_MONTHS[int(month) - 1]}-{year}")
    key = {**_WORDED, **_ATOMS, **_NUMBERS}[kind]
    return (key, str(inner))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _joined(kind: str, keys: list[Any]) -> Any:
    """OR of any number, however it is nested."""
    if kind == "AND":
        return (kind, *keys)
    flat: list[Any] = []
    for key in keys:
        flat += key[1:] if key[0] == "OR" else [key]
    return (kind, *flat)


def _received(setting: int, criteria: Criteria, *, typed: bool = False) -> list[Any]:
    """The tokens of the one command that a server receives; `str` for strings, octets else."""
    offered, enabled = _SETTINGS[setting]
    connection = Connection(state=ConnectionState.SELECTED, capabilities=offered, enabled=enabled)
    try:
        connection.send(commands.search(criteria.parts, returning=("ALL",)))
    except LocalProtocolError:
        assert typed, "what was built cannot be sent"
        assert not connection.data_to_send()
        return []
    tokens: list[Any] = []
    came = connection.data_to_send()
    while True:
        line, end, came = came.partition(b"\r\n")
        assert end, "the command does not end"
        marker = _MARKER.search(line)
        tokens += _tokens(line[: marker.start()] if marker else line, typed=typed)
        if marker is None:
            assert not came, "a second command"
            assert not connection.data_to_send()
            return tokens
        if not marker[2]:
            assert not came, "a literal that was not waited for"
            connection.receive_data(b"+ go on\r\n")
            while connection.next_event() is not NEED_DATA:
                pass
            came = connection.data_to_send()
        size = int(marker[1])
        assert len(came) > size, "a literal is too short"
        tokens.append(came[:size].decode())
        came = came[size:]


def _tokens(line: bytes, *, typed: bool) -> list[Any]:
    found: list[Any] = []
    position = 0
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            assert typed, "a server cannot read that"
            assert b"\r" not in line
            assert b"\n" not in line
            return found
        position = match.end()
        if match[2] is not None:
            found.append(re.sub(rb"\\(.)", rb"\1", match[2]).decode())
        elif match.lastindex:
            found.append(match[match.lastindex])
    return found


def _meaning(tokens: list[Any]) -> Any:
    """The search key behind tag, UID SEARCH, RETURN (ALL) and the charset."""
    rest = tokens[tokens.index(b"ALL") + 2 :]
    beyond = not all(token.isascii() for token in rest if isinstance(token, str))
    if rest[0] == b"CHARSET":
        assert (rest[1], beyond) == (b"UTF-8", True)
        rest = rest[2:]
    key = _key(rest)
    assert not rest, "there is something behind the key"
    return key


def _key(tokens: list[Any]) -> Any:
    """Take one search key off *tokens*."""
    token = tokens.pop(0)
    assert isinstance(token, bytes)
    if token == b"(":
        keys = []
        while tokens[0] != b")":
            keys.append(_key(tokens))
        tokens.pop(0)
        return ("AND", *keys)
    name = token.decode()
    if name == "OR":
        return _joined("OR", [_key(tokens), _key(tokens)])
    if name in ("NOT", "FUZZY"):
        return (name, _key(tokens))
    if name in _FLAGS:
        return (name,)
    if name == "UID":
        return (name, _numbers(tokens.pop(0)))
    if name == "HEADER":
        return (name, tokens.pop(0).decode(), tokens.pop(0))
    value = tokens.pop(0)
    assert isinstance(value, str) == (name in _WORDED.values())
    return (name, value if isinstance(value, str) else value.decode())


def _numbers(text: bytes) -> set[int]:
    found: set[int] = set()
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found.update(range(int(low), int(high or low) + 1))
    return found
