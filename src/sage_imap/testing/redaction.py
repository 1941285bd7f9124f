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
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import Quirks
from sage_imap.testing import known
from sage_imap.testing.harmless import (
    FetchRow,
    Keeps,
    Token,
    is_attribute,
    is_charset,
    is_counter,
    is_flag,
    is_list_extension,
    is_nil,
    is_of_id,
    is_result,
    is_set,
    nothing,
    tokens,
)
from sage_imap.testing.masking import Masker

__all__ = ["Redactor"]

_TAGGED: Final = re.compile(rb"([A-Za-z0-9]+)( +(?:OK|NO|BAD))(?![A-Za-z0-9])", re.IGNORECASE)
_STATUS: Final = re.compile(rb"\* *(?:OK|NO|BAD|BYE|PREAUTH)(?![A-Za-z0-9])", re.IGNORECASE)
_CODE: Final = re.compile(rb"\s*\[([A-Za-z0-9-]+)((?: [^\]]*)?)\]")
_NAMED: Final = re.compile(rb"\* *(?:[0-9]+ +)?([A-Za-z]+)(?![A-Za-z0-9])")
_LISTED: Final = re.compile(rb'(\* *[A-Za-z]+ +)(\([^()]*\))( +(?:"(?:\\?[^"\\\r\n])?"|NIL) +)')
_ITEMS_AT_END: Final = re.compile(rb"\([^()]*\)\s*\Z")
_CAPABILITY: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.+_-]{0,40}(?:=[A-Za-z0-9.+_:-]{0,40})?")
_WORD: Final = re.compile(rb"\S+")
_EDGES: Final = b".,:;!?()'\"<>"
_PADDING: Final = b"\r\n\0"
_SHORTEST_SECRET: Final = 3  # octets; shorter words stand in everything


_Rule = Callable[[Frame, int, bytes], bytes]


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
        self._rules: dict[bytes, _Rule] = {
            b"CAPABILITY": self._capabilities,
            b"ENABLED": self._capabilities,
            b"ESEARCH": self._results,
            b"EXISTS": self._results,
            b"EXPUNGE": self._results,
            b"FETCH": self._fetch,
            b"FLAGS": self._flags,
            b"ID": self._id,
            b"LIST": self._listed,
            b"LSUB": self._listed,
            b"NAMESPACE": self._namespace,
            b"RECENT": self._results,
            b"SEARCH": self._results,
            b"STATUS": self._status,
            b"UIDFETCH": self._fetch,
            b"VANISHED": self._results,
            b"XLIST": self._listed,
        }

    def redact(self, data: bytes, *, tag: bytes) -> bytes:
        """*data*, masked; completions under *tag* become those of ``A1``, which is as long."""
        pieces: list[bytes] = []
        at = 0
        for frame in _frames(data):
            start = at
            while not data.startswith(frame.data, start) and data[start] in _PADDING:
                start += 1
            pieces.append(data[at:start])
            masked = self._frame(frame, tag)
            found = _aligned(data, start, frame.data, masked)
            pieces.append(found)
            at = start + len(found)
        # What is no whole response, because the connection ended or nobody could follow it.
        rest = data[at:].splitlines(keepends=True)
        pieces.extend(self._frame(Frame(line), tag) for line in rest)
        return b"".join(pieces)

    def _frame(self, frame: Frame, tag: bytes) -> bytes:
        data = frame.data
        if tagged := _TAGGED.match(data):
            ours = b"A1" if tagged[1] == tag else self.masker.text(tagged[1])
            return ours + tagged[2] + self._said(data[tagged.end() :])
        if data[:1] == b"+":
            return b"+" + self._text(data[1:])
        if status := _STATUS.match(data):
            return status[0] + self._said(data[status.end() :])
        named = _NAMED.match(data)
        rule = self._rules.get(named[1].upper()) if named else None
        if named is None or rule is None:
            return self._rest(frame, 0, nothing)
        return rule(frame, named.end(), tag)

    # Status responses

    def _said(self, octets: bytes) -> bytes:
        """A response code, if there is one, and text for people."""
        code = _CODE.match(octets)
        if code is None or code[1].upper() not in known.CODES:
            return self._text(octets)
        head = octets[: code.start(2)]
        arguments = self._rest(Frame(code[2]), 0, self._code_rule(code[1].upper()))
        return head + arguments + b"]" + self._text(octets[code.end() :])

    def _code_rule(self, code: bytes) -> Keeps:
        if code == b"CAPABILITY":
            return self._is_capability
        if code in (b"BADCHARSET", b"PERMANENTFLAGS"):
            return is_charset if code == b"BADCHARSET" else is_flag
        return is_set

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

    def _is_capability(self, token: Token) -> bool:
        lower = token.octets.lower()
        return (
            token.kind == "atom"
            and _CAPABILITY.fullmatch(token.octets) is not None
            and not any(secret in lower for secret in self._secrets)
        )

    def _flags(self, frame: Frame, start: int, tag: bytes) -> bytes:
        return self._rest(frame, start, is_flag)

    def _results(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """SEARCH, ESEARCH, EXISTS and their kind: numbers, and words that say what they are."""
        quoted = b'"%b"' % tag
        masked = self._rest(frame, start, lambda token: is_result(token) or token.octets == tag)
        return masked.replace(quoted, b'"A1"')

    def _id(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """The names of the fields stay, and of their values what servers say to everybody."""
        return self._rest(frame, start, is_of_id)

    def _namespace(self, frame: Frame, start: int, tag: bytes) -> bytes:
        return self._rest(frame, start, is_nil, mask=self.masker.name)

    def _listed(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """LIST: attributes and delimiter stay, names are masked."""
        found = _LISTED.match(frame.data)
        if found is None:
            return self._rest(frame, start, nothing, mask=self.masker.name)
        attributes = self._rest(Frame(found[2]), 0, is_attribute)
        behind = self._rest(frame, found.end(), is_list_extension, mask=self.masker.name)
        return found[1] + attributes + behind[found.end(2) :]

    def _status(self, frame: Frame, start: int, tag: bytes) -> bytes:
        """STATUS: the counters stay, the name is masked."""
        items = _ITEMS_AT_END.search(frame.data)
        end = items.start() if items else len(frame.data)
        name = Frame(frame.data[:end], tuple(span for span in frame.literals if span[1] <= end))
        head = self._rest(name, start, nothing, mask=self.masker.name)
        return head + self._rest(Frame(frame.data[end:]), 0, is_counter)

    def _fetch(self, frame: Frame, start: int, tag: bytes) -> bytes:
        row = FetchRow(odd=_is_odd(frame))
        return self._rest(frame, start, row.keeps, walks=row.walk)

    # All of them

    def _rest(
        self,
        frame: Frame,
        start: int,
        keeps: Keeps,
        *,
        mask: Callable[[bytes], bytes] | None = None,
        walks: Callable[[Token], None] | None = None,
    ) -> bytes:
        """*frame*, with each word and string behind *start* masked unless *keeps* allows it."""
        mask = mask or self.masker.text
        out = bytearray(frame.data)
        for token in tokens(frame, start):
            if walks is not None:
                walks(token)
            if token.kind in ("sign", "marker") or keeps(token):
                continue
            end = token.start + len(token.octets)
            out[token.start : end] = mask(token.octets)
        return bytes(out)


def _is_odd(frame: Frame) -> bool:
    """Whether the grammar has anything to say against *frame*."""
    quirks = Quirks()
    events = decode(frame, DecodeContext(DEFAULT_LIMITS, quirks))
    return bool(quirks.seen) or any(isinstance(event, ParseFailure) for event in events)


def _frames(data: bytes) -> Iterator[Frame]:
    """The whole responses in *data*, as far as they can be followed."""
    framer = Framer()
    framer.feed(data)
    try:
        while (frame := framer.next_frame()) is not None:
            yield frame
    except RemoteProtocolError:
        return


def _aligned(data: bytes, start: int, framed: bytes, masked: bytes) -> bytes:
    """*masked* as *framed* stands in *data*, where a framer has left out stray line ends."""
    if data.startswith(framed, start):
        return masked
    out = bytearray()
    at = start
    for before, after in zip(framed, masked, strict=True):
        while data[at] != before:
            out.append(data[at])
            at += 1
        out.append(after)
        at += 1
    return bytes(out)
