"""What a server said, with everything personal replaced by neutral octets in the same places.

Laws of this module:

- What is not known to be harmless is masked. Whether a word is harmless depends on where it stands
  and on the lists in `sage_imap.testing.known`, never on how it looks.
- No octet comes or goes and none moves: quotes, escapes, parentheses, lengths of literals and line
  ends are those of the server, so that what is odd about them stays odd.
- Responses that cannot be understood are masked all the more, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.testing import known
from sage_imap.testing.masking import Masker

__all__ = ["Redactor"]

_TOKEN: Final = re.compile(
    rb"(?P<marker>~?\{[0-9]+\+?\}(?=\r?\n))"
    rb'|"(?P<quoted>(?:[^"\\\r\n]|\\[^\r\n])*)"'
    rb'|(?P<sign>[()\[\]"{}])'
    rb'|(?P<atom>[^\s()\[\]"{}]+)'
)
_TAGGED: Final = re.compile(rb"([A-Za-z0-9]+) +(?:OK|NO|BAD)(?![A-Za-z0-9])", re.IGNORECASE)
_STATUS: Final = re.compile(rb"\* *(?:OK|NO|BAD|BYE|PREAUTH)(?![A-Za-z0-9])", re.IGNORECASE)
_CODE: Final = re.compile(rb"\s*\[([A-Za-z0-9-]+)((?: [^\]]*)?)\]")
_NAMED: Final = re.compile(rb"\* *(?:[0-9]+ +)?([A-Za-z]+)(?![A-Za-z0-9])")
_LISTED: Final = re.compile(rb'(\* *[A-Za-z]+ +)(\([^()]*\))( +(?:"(?:\\?[^"\\\r\n])?"|NIL) +)')
_ITEMS_AT_END: Final = re.compile(rb"\([^()]*\) *\Z")
_CAPABILITY: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.+_-]{0,40}(?:=[A-Za-z0-9.+_:-]{0,40})?")
_SET: Final = re.compile(rb"[0-9]+(?:[:,][0-9*]+)*|\*")
_NUMBER: Final = re.compile(rb"-?[0-9]+")
_WORD: Final = re.compile(rb"\S+")
_EDGES: Final = b".,:;!?()'\"<>"
_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK: Final = rb"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_ZONE: Final = rb"(?:[+-][0-9]{4}|GMT|UTC|UT)(?: +\([A-Z]{1,5}\))?"
_DATE: Final = re.compile(
    rb"(?:%b, +)?[0-9]{1,2} +%b +[0-9]{4} +%b +%b" % (_DAY, _MONTH, _CLOCK, _ZONE)
)
_INTERNAL_DATE: Final = re.compile(
    rb"[ 0-9][0-9]-%b-[0-9]{4} %b [+-][0-9]{4}" % (_MONTH, _CLOCK)
)
# Items of FETCH behind which a number is what the protocol has there.
_NUMBERED: Final = frozenset({b"UID", b"RFC822.SIZE", b"MODSEQ", b"BINARY.SIZE"})
_PADDING: Final = b"\r\n\0"
_SHORTEST_SECRET: Final = 3  # octets; shorter words stand in everything


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a string or a sign of a response; a string without its quotes."""

    kind: str
    octets: bytes
    start: int
    beside_quotes: bool = False

    @property
    def upper(self) -> bytes:
        return self.octets.upper()


_Keeps = Callable[[_Token], bool]


class Redactor:
    """Redacts what a server said in answer to one command after the other.

    *secrets* are words of the user's own (his name, his domain, the host), which are masked even
    where words of the protocol are expected. ``masker`` counts, and masks names alike in all of it.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.masker = Masker()
        self._secrets = [
            secret.lower().encode() for secret in secrets if len(secret) >= _SHORTEST_SECRET
        ]

    def redact(self, data: bytes, *, tag: bytes) -> bytes:
        """*data*, masked; completions under *tag* become those of ``A1``, which is as long."""
        pieces: list[bytes] = []
        at = 0
        for frame in _frames(data):
            start = at
            while data[start : start + 1] and data[start] in _PADDING:
                start += 1
            pieces.append(data[at:start])
            masked = self._frame(frame, tag)
            found = _aligned(data, start, frame.data, masked)
            pieces.append(found)
            at = start + len(found)
        return b"".join((*pieces, data[at:]))

    def _frame(self, frame: Frame, tag: bytes) -> bytes:
        data = frame.data
        tagged = _TAGGED.match(data)
        if tagged is not None and tagged[1] == tag:
            return b"A1" + data[len(tag) : tagged.end()] + self._said(data[tagged.end() :])
        if data[:1] == b"+":
            return b"+" + self._text(data[1:])
        if status := _STATUS.match(data):
            return status[0] + self._said(data[status.end() :])
        named = _NAMED.match(data)
        rule = _RULES.get(named[1].upper()) if named else None
        if named is None or rule is None:
            return self._rest(frame, 0, _nothing)
        return rule(self, frame, named.end(), tag)

    # Status responses

    def _said(self, octets: bytes) -> bytes:
        """A response code, if there is one, and text for people."""
        code = _CODE.match(octets)
        if code is None or code[1].upper() not in known.CODES:
            return self._text(octets)
        head = octets[: code.start(2)]
        arguments = self._rest(Frame(code[2]), 0, self._code_rule(code[1].upper()))
        return head + arguments + b"]" + self._text(octets[code.end() :])

    def _code_rule(self, code: bytes) -> _Keeps:
        if code == b"CAPABILITY":
            return self._is_capability
        if code in (b"BADCHARSET", b"PERMANENTFLAGS"):
            return _is_charset if code == b"BADCHARSET" else _is_flag
        return _is_set

    def _text(self, octets: bytes) -> bytes:
        """Text for people: words that servers say to everybody stay."""
        return _WORD.sub(self._text_word, octets)

    def _text_word(self, found: re.Match[bytes]) -> bytes:
        word = found[0]
        if word.strip(_EDGES).lower() in known.TEXT_WORDS or not word.strip(_EDGES):
            return word
        return self.masker.text(word)

    # Other responses, each a rule

    def _capabilities(self, frame: Frame, start: int, tag: bytes) -> bytes:
        return self._rest(frame, start, self._is_capability)

    def _is_capability(self, token: _Token) -> bool:
        lower = token.octets.lower()
        return (
            token.kind == "atom"
            and _CAPABILITY.fullmatch(token.octets) is not None
            and not any(secret in lower for secret in self._secrets)
        )

    def _flags(self, frame: Frame, start: int, tag: bytes) -> bytes:
        return self._rest(frame, start, _is_flag)

    def _results(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """SEARCH, ESEARCH, EXISTS and their kind: numbers, and words that say what they are."""
        quoted = b'"%b"' % tag
        masked = self._rest(frame, start, lambda token: _is_result(token) or token.octets == tag)
        return masked.replace(quoted, b'"A1"')

    def _id(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """The names of the fields stay, and of their values what servers say to everybody."""

        def keeps(token: _Token) -> bool:
            word = token.octets.lower()
            return word in known.ID_FIELDS or word in known.TEXT_WORDS or _is_nil(token)

        return self._rest(frame, start, keeps)

    def _namespace(self, frame: Frame, start: int, tag: bytes) -> bytes:
        return self._rest(frame, start, _is_nil, mask=self.masker.name)

    def _listed(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """LIST: attributes and delimiter stay, names are masked."""
        found = _LISTED.match(frame.data)
        if found is None:
            return self._rest(frame, start, _nothing, mask=self.masker.name)
        attributes = self._rest(Frame(found[2]), 0, _one_of(known.ATTRIBUTES))
        behind = self._rest(frame, found.end(), _is_list_extension, mask=self.masker.name)
        return found[1] + attributes + behind[found.end(2) :]

    def _status(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """STATUS: the counters stay, the name is masked."""
        items = _ITEMS_AT_END.search(frame.data)
        end = items.start() if items else len(frame.data)
        name = Frame(frame.data[:end], tuple(span for span in frame.literals if span[1] <= end))
        head = self._rest(name, start, _nothing, mask=self.masker.name)
        return head + self._rest(Frame(frame.data[end:]), 0, _is_counter)

    def _fetch(self, frame: Frame, start: int, tag: bytes) -> bytes:
        row = _Row()
        return self._rest(frame, start, row.keeps, walks=row.walk)

    # All of them

    def _rest(
        self,
        frame: Frame,
        start: int,
        keeps: _Keeps,
        *,
        mask: Callable[[bytes], bytes] | None = None,
        walks: Callable[[_Token], None] | None = None,
    ) -> bytes:
        """*frame*, with each word and string behind *start* masked unless *keeps* allows it."""
        mask = mask or self.masker.text
        out = bytearray(frame.data)
        for token in _tokens(frame, start):
            if walks is not None:
                walks(token)
            if token.kind in ("sign", "marker") or keeps(token):
                continue
            end = token.start + len(token.octets)
            out[token.start : end] = mask(token.octets)
        return bytes(out)


class _Row:
    """Where in the items of a FETCH a token stands."""

    def __init__(self) -> None:
        self._item = b""
        self._within = b""
        self._depth = 0
        self._broken = False

    def walk(self, token: _Token) -> None:
        """Take note of a token before it is judged."""
        self._broken |= token.beside_quotes
        if token.octets == b"(" and token.kind == "sign":
            self._depth += 1
            if self._depth == 2:
                self._within = self._item
        elif token.octets == b")" and token.kind == "sign":
            self._depth = max(1, self._depth - 1)
        if self._depth < 2:
            self._within = b""

    def keeps(self, token: _Token) -> bool:
        """Whether *token* is harmless where it stands."""
        if self._within:
            return _is_nil(token) or _WITHIN.get(self._within, _nothing)(token, self._broken)
        behind, self._item = self._item, token.upper
        if token.kind == "atom":
            numeric = behind in _NUMBERED and _NUMBER.fullmatch(token.octets) is not None
            return token.upper in known.FETCH_ITEMS or numeric or _is_nil(token)
        return behind == b"INTERNALDATE" and _INTERNAL_DATE.fullmatch(token.octets) is not None
